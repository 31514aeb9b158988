# Generalized linear models by R's survey package, one entry per design, distribution and link.
# Run:  Rscript expected.R      (Debian: r-cran-survey, r-cran-jsonlite, r-recommended)
# Reads ../r-survey/data, writes simulated.csv (once) and expected.json:
#   {"versions": {...}, "entries": [{"id", "study", "formula", "distribution", "link", "domain", "offset", results}]}
# `distribution` and `link` have statsmodels' names. A covariance is written row by row.
suppressMessages({library(survey); library(jsonlite); library(MASS)})
source("../exact.R")
options(survey.lonely.psu = "fail", warn = 1)

if (!file.exists("simulated.csv")) {
  set.seed(20261129)
  n <- 900
  stratum <- rep(1:6, each = 150); psu <- rep(rep(1:5, each = 30), 6)
  u <- rnorm(30, sd = 0.2)[5 * (stratum - 1) + psu]
  age <- round(runif(n, 20, 80), 1); group <- sample(c("a", "b", "c"), n, TRUE); years <- round(runif(n, 0.5, 6), 2)
  eta <- -0.6 + 0.015 * (age - 50) + 0.3 * (group == "b") + u
  people <- data.frame(
    stratum, psu, weight = round(rexp(n, 1 / 400) + 50, 2), drawn = c(40, 55, 60, 45, 80, 50)[stratum], age, group, years,
    cramps = as.integer(runif(n) < plogis(eta)),
    nights = rnbinom(n, size = 1.2, mu = years * exp(eta)),
    cost = round(rgamma(n, shape = 1.6, scale = exp(4 + eta) / 1.6) + 0.5, 2))
  people$spent <- ifelse(runif(n) < 0.4, 0, people$cost)
  write.csv(people, "simulated.csv", row.names = FALSE)
}
read <- function(name) read.csv(file.path("../r-survey/data", paste0(name, ".csv")))
simulated <- read.csv("simulated.csv")
designs <- list(
  simulated = svydesign(~psu, strata = ~stratum, weights = ~weight, data = simulated, nest = TRUE),
  simulated_fpc = svydesign(~psu, strata = ~stratum, weights = ~weight, fpc = ~drawn, data = simulated, nest = TRUE),
  simulated_replicates = as.svrepdesign(
    svydesign(~psu, strata = ~stratum, weights = ~weight, data = simulated, nest = TRUE), type = "JKn"),
  apistrat = svydesign(~1, strata = ~stype, weights = ~pw, fpc = ~fpc, data = read("apistrat")),
  apiclus2 = svydesign(~dnum + snum, weights = ~pw, fpc = ~fpc1 + fpc2, data = read("apiclus2")),
  apiclus1_calibrated = calibrate(
    svydesign(~dnum, weights = ~pw, fpc = ~fpc, data = read("apiclus1")), ~stype,
    c(`(Intercept)` = 6194, stypeH = 755, stypeM = 1018)),
  nhanes = svydesign(~SDMVPSU, strata = ~SDMVSTRA, weights = ~WTMEC2YR, nest = TRUE, data = read("nhanes")))
tweedie <- quasi(link = "log", variance = "mu"); tweedie$variance <- function(mu) mu^1.5

entries <- list()
put <- function(study, formula, distribution, link, family, domain = "", offset = NULL, start = NULL, flip = FALSE) {
  d <- designs[[study]]
  if (nzchar(domain)) d <- subset(d, eval(parse(text = domain), d$variables))
  fitted <- if (is.null(offset)) formula else paste0(formula, " + offset(", offset, ")")
  if (flip) fitted <- sub("^(\\w+)", "I(1 - \\1)", fitted)
  g <- svyglm(as.formula(fitted), d, family = family, start = start, control = list(epsilon = 1e-16, maxit = 100))
  sign <- if (flip) -1 else 1
  bounds <- sign * confint(g)
  entries[[length(entries) + 1]] <<- list(
    id = paste(study, distribution, link, formula, domain, if (is.null(offset)) "" else offset),
    study = study, formula = formula, distribution = distribution, link = link, domain = domain, offset = offset,
    estimate = sign * as.numeric(coef(g)), se = as.numeric(SE(g)), vcov = as.numeric(t(vcov(g))),
    low = pmin(bounds[, 1], bounds[, 2]), high = pmax(bounds[, 1], bounds[, 2]), df = g$df.residual)
}

binary <- "cramps ~ age + group"
for (link in c("logit", "probit", "cloglog", "cauchit"))
  for (study in c("simulated", "simulated_fpc", "simulated_replicates"))
    put(study, binary, "Binomial", c(logit = "Logit", probit = "Probit", cloglog = "CLogLog", cauchit = "Cauchy")[[link]],
        quasibinomial(link))
# The log-log link is the complementary log-log link of the other outcome, with the sign of the coefficients changed.
put("simulated", binary, "Binomial", "LogLog", quasibinomial("cloglog"), flip = TRUE)
put("simulated", binary, "Binomial", "Log", quasibinomial("log"), start = c(-1.2, 0, 0, 0))
put("simulated", binary, "Binomial", "Identity", quasibinomial("identity"), start = c(0.4, 0, 0, 0))
put("simulated", binary, "Poisson", "Log", quasipoisson())
put("simulated", binary, "Gaussian", "Identity", gaussian())
put("simulated", binary, "Binomial", "Probit", quasibinomial("probit"), domain = "age > 45")
for (study in c("simulated", "simulated_fpc", "simulated_replicates")) {
  put(study, "cost ~ age + group", "Gamma", "Log", Gamma("log"))
  put(study, "nights ~ age + group", "Poisson", "Log", quasipoisson(), offset = "log(years)")
}
put("simulated", "cost ~ age + group", "Gamma", "InversePower", Gamma("inverse"))
put("simulated", "cost ~ age + group", "InverseGaussian", "Log", inverse.gaussian("log"), start = c(3, 0.01, 0.2, 0))
put("simulated", "cost ~ age + group", "Gaussian", "Log", gaussian("log"), start = c(3, 0.01, 0.2, 0))
put("simulated", "cost ~ age + group", "Gaussian", "Identity", gaussian(), domain = "group != 'c'")
put("simulated", "nights ~ age + group", "Poisson", "Identity", quasipoisson("identity"), start = c(2, 0, 0, 0))
put("simulated", "nights ~ age + group", "Poisson", "Sqrt", quasipoisson("sqrt"))
put("simulated", "nights ~ age + group", "NegativeBinomial", "Log", negative.binomial(1 / 0.8, "log"), offset = "log(years)")
put("simulated", "spent ~ age + group", "Tweedie", "Log", tweedie, start = c(3, 0.01, 0.2, 0))
school <- "awards ~ meals + ell"
for (study in c("apistrat", "apiclus2", "apiclus1_calibrated")) {
  designs[[study]]$variables$awards <- as.integer(designs[[study]]$variables$awards == "Yes")
  put(study, school, "Binomial", "Probit", quasibinomial("probit"))
  put(study, "api.stu ~ meals + ell", "Gamma", "Log", Gamma("log"))
}
put("apistrat", school, "Binomial", "CLogLog", quasibinomial("cloglog"), domain = "stype != 'H'")
put("nhanes", "HI_CHOL ~ RIAGENDR + age_mid", "Binomial", "Cauchy", quasibinomial("cauchit"))
put("nhanes", "HI_CHOL ~ RIAGENDR + age_mid", "Binomial", "Logit", quasibinomial())
put("nhanes", "nights ~ age_mid", "NegativeBinomial", "Log", negative.binomial(1 / 0.8, "log"), domain = "age_mid > 20")

versions <- list(R = as.character(getRversion()), survey = as.character(packageVersion("survey")))
write(toJSON(list(versions = versions, entries = entries), digits = NA, auto_unbox = TRUE, null = "null", pretty = TRUE),
      "expected.json")
