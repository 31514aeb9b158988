# Columns of R's model.matrix for each formula of formulas.json over frame.csv.
# Writes expected.json: the distinct columns, and for each formula the places of its own among them, in order; and
# the knots of restricted cubic splines of the values in splines.json.
suppressMessages({library(rms); library(jsonlite)})
people <- read.csv("frame.csv", check.names = FALSE)
people$g <- factor(people$g, levels = c("low", "mid", "high"))
people$h <- factor(people$h, levels = c("no", "yes"))
people$k <- relevel(factor(people$k, levels = c("north", "east", "south", "west")), ref = "south")
people$`sex at birth` <- factor(people$`sex at birth`, levels = c("male", "female"))
columns <- list()
known <- new.env()
place <- function(values) {
  key <- paste(format(values, digits = 17), collapse = " ")
  if (is.null(known[[key]])) {
    columns[[length(columns) + 1]] <<- values
    assign(key, length(columns) - 1, envir = known)
  }
  known[[key]]
}
rows <- lapply(fromJSON("formulas.json"), function(text) {
  matrix <- model.matrix(as.formula(text), people)
  aliased <- is.na(coef(lm.fit(matrix, people$y)))
  list(formula = text, columns = I(vapply(seq_len(ncol(matrix)), function(j) place(unname(matrix[, j])), 0)),
       rank = sum(!aliased))
})
# Knots by Hmisc's rule; nothing where R gives fewer than were asked for, or warns of another rule.
interior <- function(...) withCallingHandlers(rcspline.eval(...), warning = function(w)
  if (grepl("interior values", conditionMessage(w))) invokeRestart("muffleWarning") else stop(w))
knots <- lapply(fromJSON("splines.json", simplifyDataFrame = FALSE), function(one) {
  list(case = one$case, knots = lapply(3:7, function(count) {
    capture.output(found <- tryCatch(interior(one$values, nk = count, knots.only = TRUE), error = function(e) numeric(0)))
    I(if (length(found) == count) as.numeric(found) else numeric(0))
  }))
})
# Coefficients of models by design: their residual variance counts the rank, and NA stands for no coefficient.
suppressMessages({library(survey); library(survival)})
design <- svydesign(ids = ~1, weights = ~1, data = people)
fits <- lapply(c("y ~ x:z", "y ~ g:h", "y ~ g:h + x", "y ~ x + x:g", "y ~ g:x + h:x", "y ~ g / h", "y ~ `sex at birth`:`bmi.kg`",
                 "y ~ g:h - 1", "y ~ g:h:x", "y ~ I(x^2) + h:age", "y ~ (g + h + x)^2", "y ~ rcs(x, 3):h", "y ~ rcs(x, 3) * h",
                 "y ~ k + g:h"), function(text) {
  fitted <- svyglm(as.formula(text), design)
  list(formula = text, estimate = I(unname(coef(fitted)[!is.na(coef(fitted))])), se = I(unname(sqrt(diag(vcov(fitted))))))
})
people$time <- exp(people$z / 3) + people$age / 20
people$died <- as.integer(people$x < 0.8)
timed <- svydesign(ids = ~1, weights = ~1, data = people)
hazards <- lapply(c("Surv(time, died) ~ `sex at birth`:`bmi.kg`", "Surv(time, died) ~ h + g:`bmi.kg` + strata(`sex at birth`)"),
                  function(text) {
  fitted <- svycoxph(as.formula(text), timed, control = coxph.control(eps = 1e-15, iter.max = 60, toler.chol = 1e-16))
  list(formula = text, estimate = I(unname(coef(fitted))), se = I(unname(sqrt(diag(vcov(fitted))))))
})
versions <- list(R = R.version.string, rms = as.character(packageVersion("rms")),
                 Hmisc = as.character(packageVersion("Hmisc")), survey = as.character(packageVersion("survey")),
                 survival = as.character(packageVersion("survival")))
write(toJSON(list(versions = versions, columns = lapply(columns, I), formulas = rows, knots = knots, fits = fits, hazards = hazards),
             digits = I(15), auto_unbox = TRUE),
      "expected.json")
