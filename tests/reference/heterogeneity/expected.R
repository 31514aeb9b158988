# Cochran's Q of independent estimates by metafor. Run in this folder: Rscript expected.R > expected.json
suppressPackageStartupMessages({library(metafor); library(jsonlite)})
cases <- list(
  two = list(estimates = c(0.2753, 0.3007), errors = c(0.0472, 0.0430)),
  four = list(estimates = c(0.11, 0.42, 0.05, 0.27), errors = c(0.08, 0.11, 0.13, 0.06)),
  percent = list(estimates = c(0.309, 0.352, 0.281), errors = c(0.0083, 0.021, 0.034))
)
found <- lapply(cases, function(case) {
  fit <- rma(yi = case$estimates, sei = case$errors, method = "FE")
  c(case, list(q = fit$QE, p = fit$QEp))
})
versions <- list(R = R.version.string, metafor = as.character(packageVersion("metafor")))
cat(toJSON(list(versions = versions, cases = found), digits = 17, auto_unbox = TRUE, pretty = TRUE), "\n")
