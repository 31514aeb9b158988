# Impute people.csv with mice and pool design-based models by Rubin's rules (mitools).
# Run: cd tests/reference/imputation && Rscript mice.R   (takes a few minutes)
suppressMessages({library(mice); library(survey); library(mitools); library(jsonlite)})

people <- read.csv("people.csv", stringsAsFactors = FALSE, na.strings = "")
people$sex <- factor(people$sex)
people$psu_indicator <- factor(people$psu)
people$log_weight <- log(people$weight)
people$age2 <- people$age^2 / 100
people$education <- factor(people$education,
  levels = c("less than high school", "high school", "some college", "college"))
people$smoker <- factor(people$smoker, levels = c("never", "former", "current"))

m <- 40
model <- people[, c("cramps", "age", "age2", "sex", "education", "smoker", "income", "psu_indicator", "log_weight")]
started <- proc.time()[["elapsed"]]
imputed <- mice(model, m = m, maxit = 5, seed = 1987, printFlag = FALSE,
  method = c(income = "pmm", education = "polyreg", smoker = "polyreg", cramps = "", age = "", age2 = "",
    sex = "", psu_indicator = "", log_weight = "")[names(model)])

analyze <- function(data) {
  design <- svydesign(ids = ~psu, strata = ~stratum, weights = ~weight, data = data, nest = TRUE)
  fit <- svyglm(cramps ~ age + sex + education + smoker + income, design, family = quasipoisson(link = "log"))
  mean_income <- svymean(~income, design)
  list(coef = c(coef(fit), mean_income = coef(mean_income)[[1]]),
       vcov = c(diag(vcov(fit)), mean_income = vcov(mean_income)[1, 1]))
}
fits <- lapply(seq_len(m), function(k) analyze(cbind(people[, c("stratum", "psu", "weight")], complete(imputed, k))))
points <- t(sapply(fits, function(f) f$coef))
within <- colMeans(t(sapply(fits, function(f) f$vcov)))
between <- apply(points, 2, var)
complete_cases <- analyze(people[complete.cases(people), ])

rows <- data.frame(term = colnames(points), estimate = colMeans(points), within = within, between = between,
  std_error = sqrt(within + (1 + 1 / m) * between), complete_case = complete_cases$coef)
write_json(list(
  versions = list(R = R.version.string, mice = as.character(packageVersion("mice")),
    survey = as.character(packageVersion("survey"))),
  m = m, maxit = 5, rows = rows), "mice.json", digits = 10, auto_unbox = TRUE, pretty = TRUE)
message(sprintf("%.0f s", proc.time()[["elapsed"]] - started))
