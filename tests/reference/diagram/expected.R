# Prevalence ratios by modified Poisson regression (svyglm, quasipoisson, log link), one for each model of models.json.
# Rscript expected.R FOLDER OUTPUT: FOLDER holds what study.to_r wrote and models.json (make.py writes both).
suppressMessages({
  library(survey)
  library(jsonlite)
})
source("../exact.R")
given <- commandArgs(trailingOnly = TRUE)
Sys.setenv(STUDY_FOLDER = given[1])
source(file.path(given[1], "study.R"))

# Restricted cubic spline in Harrell's form with the knots given as numbers: the value and one bend less than knots - 1.
bends <- function(x, t) {
  k <- length(t)
  plus <- function(z) pmax(z, 0)^3
  sapply(seq_len(k - 2), function(j) {
    (plus(x - t[j]) - plus(x - t[k - 1]) * (t[k] - t[j]) / (t[k] - t[k - 1]) +
      plus(x - t[k]) * (t[k - 1] - t[j]) / (t[k] - t[k - 1])) / (t[k] - t[1])^2
  })
}

# What the complete participants share tells nothing: such a covariate leaves the model.
varies <- function(x) length(unique(x)) > 1

ratio <- function(m) {
  whole <- get(m$design)
  names <- c(m$outcome, m$exposure, m$covariates)
  complete <- complete.cases(whole$variables[, names]) & whole$variables$age >= 20
  d <- subset(whole, complete)
  kept <- Filter(function(v) varies(d$variables[[v]]), m$covariates)
  d$variables$case <- as.numeric(d$variables[[m$outcome]] == "yes")
  age <- bends(d$variables$age, m$knots)
  for (j in seq_len(ncol(age))) d$variables[[paste0("bend", j)]] <- age[, j]
  d$variables <- droplevels(d$variables)
  terms <- c(m$exposure, kept, if ("age" %in% kept) paste0("bend", seq_len(ncol(age))))
  fit <- svyglm(reformulate(terms, "case"), d, family = quasipoisson(log))
  b <- coef(fit)[[2]]
  se <- SE(fit)[[2]]
  df <- degf(d)
  list(
    outcome = m$outcome, exposure = m$exposure, term = names(coef(fit))[2], adjust = m$adjust, kept = kept,
    knots = m$knots, design = m$design, log_ratio = b, std_error = se, df = df,
    conf_low = exp(b - qt(0.975, df) * se), conf_high = exp(b + qt(0.975, df) * se),
    p_value = 2 * pt(-abs(b / se), df), n = nrow(d$variables), n_cases = sum(d$variables$case),
    coefficients = length(coef(fit))
  )
}

models <- fromJSON(file.path(given[1], "models.json"), simplifyDataFrame = FALSE)
results <- lapply(models, ratio)
made <- list(
  r = R.version.string, survey = as.character(packageVersion("survey")), cycles = c("2005-2006", "2007-2008"),
  domain = "age >= 20"
)
write(toJSON(list(made_by = made, models = results), digits = NA, auto_unbox = TRUE, pretty = TRUE), given[2])
