# Models over frame.csv, and over the visits and nights of the example cohort, by R.
# Run:  Rscript models.R      (Debian: r-cran-survey, -jsonlite, -survival, -mass, -vgam, -brglm2, -geepack, -rms)
# Writes models.json: {"versions", "entries": [{"id", "call", "result", perhaps "tolerance" and "note"}]}.
suppressMessages({library(survey); library(survival); library(jsonlite); library(MASS); library(VGAM); library(brglm2); library(geepack); library(rms)})
source("../exact.R")
options(survey.lonely.psu = "fail", warn = 1)
people <- read.csv("frame.csv", na.strings = "", stringsAsFactors = FALSE)
people <- transform(people, any = as.integer(any_cramps == "yes"), female = as.integer(sex == "female"), diabetes = as.integer(diabetes_told == "yes"),
                    frequency = factor(cramp_frequency, levels = c("never", "rarely", "sometimes", "often", "almost always")),
                    entry = floor(follow_up / 3), tied = ceiling(follow_up * 4) / 4)
design <- svydesign(id = ~psu, strata = ~stratum, weights = ~weight_interview, nest = TRUE, data = people)
adults <- subset(design, age >= 20)
complete <- function(...) adults[complete.cases(model.frame(adults)[, c(...)]), ]
vec <- function(x) as.numeric(x)
entries <- list()
put <- function(id, call, ..., tolerance = NULL, note = NULL) {
  entry <- list(id = id, call = call, result = list(...)); entry$tolerance <- tolerance; entry$note <- note
  entries[[length(entries) + 1]] <<- entry
}
tight <- list(epsilon = 1e-14, maxit = 100)
cox <- coxph.control(eps = 1e-15, iter.max = 60, toler.chol = 1e-16)

# ---- ordered, several and counted outcomes --------------------------------------------------------------------
o <- svyolr(frequency ~ diabetes + age + female, complete("frequency", "diabetes"), control = list(reltol = 1e-16, maxit = 2000, ndeps = rep(1e-5, 7)))
put("ordinal", "svyolr(frequency ~ diabetes + age + female)", estimate = vec(c(coef(o, intercepts = FALSE), o$zeta)), se = vec(sqrt(diag(vcov(o)))), tolerance = 1e-4,
    note = "R's optimiser takes its Hessian from differences of the gradient, and stops on the function: standard errors to 1e-4, estimates to 1e-3 of one")
w <- model.frame(complete("frequency", "diabetes")); w$weight <- w$weight_interview / mean(w$weight_interview)
v <- vglm(frequency ~ diabetes + age + female, multinomial(refLevel = 1), data = w, weights = weight, epsilon = 1e-15, maxit = 100)
put("multinomial", "vglm(frequency ~ diabetes + age + female, multinomial(refLevel = 1), weights), level by level", estimate = vec(coef(v, matrix = TRUE)))
n <- model.frame(complete("nights", "diabetes")); n$weight <- n$weight_interview / mean(n$weight_interview)
b <- glm.nb(nights ~ diabetes + age + female, data = n, weights = weight, control = glm.control(epsilon = 1e-15, maxit = 500))
for (i in 1:20) b <- glm.nb(nights ~ diabetes + age + female, data = n, weights = weight, init.theta = b$theta, start = coef(b), control = glm.control(epsilon = 1e-15, maxit = 500))
put("negative-binomial", "MASS::glm.nb(nights ~ diabetes + age + female, weights), dispersion 1 / theta", estimate = vec(coef(b)), dispersion = 1 / b$theta, tolerance = 1e-6,
    note = "glm.nb alternates between theta and the coefficients and stops when the deviance rests")
lik <- function(y, eta, lalpha) { size <- exp(-lalpha); dnbinom(y, size = size, mu = exp(eta), log = TRUE) }
score <- function(y, eta, lalpha) {
  size <- exp(-lalpha); mu <- exp(eta)
  cbind((y - mu) * size / (size + mu), -size * (digamma(y + size) - digamma(size) + log(size) + 1 - log(size + mu) - (size + y) / (size + mu)))
}
s <- svymle(loglike = lik, gradient = score, design = complete("nights", "diabetes"), formulas = list(eta = nights ~ diabetes + age + female, lalpha = ~1),
            start = list(vec(coef(b)), -log(b$theta)), method = "BFGS", control = list(reltol = 1e-15, maxit = 1000))
put("negative-binomial-se", "svymle with that likelihood and its score", se = vec(SE(s)), tolerance = 1e-4, note = "svymle's Hessian is of differences")

# ---- Firth ------------------------------------------------------------------------------------------------------
some <- subset(people, age >= 70 & race_ethnicity == "other hispanic" & !is.na(any) & !is.na(diabetes))
f <- glm(any ~ diabetes + age, data = some, family = binomial(), method = "brglmFit", type = "MPL_Jeffreys", epsilon = 1e-13, maxit = 1000)
put("firth", "brglm2: glm(any ~ diabetes + age, method = brglmFit, type = MPL_Jeffreys), no weights, age >= 70 and other hispanic", n = nrow(some), estimate = vec(coef(f)), tolerance = 1e-7, note = "it stops on the size of its step")

# ---- times ------------------------------------------------------------------------------------------------------
for (ties in c("efron", "breslow")) {
  g <- do.call(svycoxph, list(Surv(tied, event) ~ diabetes + age, adults, control = cox, method = ties))
  put(paste0("cox-", ties), "svycoxph(Surv(tied, event) ~ diabetes + age), tied = ceiling(follow_up * 4) / 4", estimate = vec(coef(g)), se = vec(SE(g)), vcov = vec(vcov(g)))
}
late <- subset(adults, tied > entry)
g <- svycoxph(Surv(entry, tied, event) ~ diabetes + age + strata(sex), late, control = cox)
put("cox-entry-strata", "svycoxph(Surv(entry, tied, event) ~ diabetes + age + strata(sex)), entry = floor(follow_up / 3), tied > entry", estimate = vec(coef(g)), se = vec(SE(g)))
for (s in c("male", "female")) {
  k <- svykm(Surv(tied, event) ~ 1, subset(adults, sex == s)); e <- svykm(Surv(tied, event) ~ 1, subset(adults, sex == s), se = TRUE)
  at <- c(1, 2, 5, 9)
  put(paste0("km-", s), "svykm(Surv(tied, event) ~ 1) at 1, 2, 5, 9; its varlog", survival = vec(sapply(at, function(t) tail(k$surv[k$time <= t], 1))),
      se = vec(sapply(at, function(t) { i <- max(which(e$time <= t)); e$surv[i] * sqrt(e$varlog[i]) })), tolerance = 0.02,
      note = "the standard errors of svykm are those of exp(-summed hazard), and tied events one after another: a little apart from the product's")
}
r <- svyby(~event, ~sex, denominator = ~follow_up, adults, svyratio)
put("rate", "svyby(~event, ~sex, denominator = ~follow_up, svyratio), female first", estimate = vec(coef(r)), se = vec(SE(r)))
g <- svyglm(nights ~ diabetes + age + offset(log(diary)), adults, family = quasipoisson())
put("rate-ratio", "svyglm(nights ~ diabetes + age + offset(log(diary)), quasipoisson)", estimate = vec(coef(g)), se = vec(SE(g)))

# ---- bends and interactions -----------------------------------------------------------------------------------------
for (family in c("poisson", "binomial")) {
  g <- svyglm(any ~ rcs(age, c(30, 45, 60, 75)) + female, adults, family = if (family == "poisson") quasipoisson() else quasibinomial())
  at <- c(25, 40, 55, 70); base <- rcspline.eval(c(at, 50), knots = c(30, 45, 60, 75), inclx = TRUE)
  L <- cbind(0, sweep(base[1:4, ], 2, base[5, ]), 0)
  i <- 2:4; b <- coef(g)[i]; V <- vcov(g)[i, i]; j <- 2:3
  F <- c(drop(b %*% solve(V, b)) / 3, drop(b[j] %*% solve(V[j, j], b[j])) / 2)
  put(paste0("curve-", family), "svyglm(any ~ rcs(age, c(30, 45, 60, 75)) + female): log ratios of 25, 40, 55, 70 against 50; F of the curve and of its bends", terms = vec(coef(g)), terms_se = vec(SE(g)),
      estimate = vec(L %*% coef(g)), se = vec(sqrt(diag(L %*% vcov(g) %*% t(L)))), df = g$df.residual, F = F, p = vec(pf(F, c(3, 2), g$df.residual, lower.tail = FALSE)))
}
for (family in c("poisson", "binomial", "gaussian")) {
  g <- svyglm(any ~ diabetes * female + age, adults, family = list(poisson = quasipoisson(), binomial = quasibinomial(), gaussian = gaussian())[[family]])
  names(g$coefficients) <- c("i", "a", "b", "age", "ab"); V <- vcov(g); dimnames(V) <- list(names(coef(g)), names(coef(g)))
  s <- structure(coef(g), var = V, class = "svystat")
  measures <- list(first = quote(a), second = quote(b), both = quote(a + b + ab), product = quote(ab), reri = quote(exp(a + b + ab) - exp(a) - exp(b) + 1),
                   attributable_proportion = quote((exp(a + b + ab) - exp(a) - exp(b) + 1) / exp(a + b + ab)), synergy = quote(log((exp(a + b + ab) - 1) / (exp(a) + exp(b) - 2))))
  if (family == "gaussian") measures <- measures[1:4]
  found <- lapply(measures, function(m) suppressWarnings(svycontrast(s, m)))
  put(paste0("interaction-", family), "svyglm(any ~ diabetes * female + age); svycontrast", estimate = sapply(found, function(x) as.numeric(coef(x))), se = sapply(found, function(x) as.numeric(SE(x))), df = g$df.residual, names = names(measures))
}

# ---- the example cohort -----------------------------------------------------------------------------------------------
folder <- "../../../datasets/examples/cohort/"
nights <- read.csv(paste0(folder, "nights.csv")); members <- read.csv(paste0(folder, "members.csv")); visits <- read.csv(paste0(folder, "visits.csv"), na.strings = c("", "refused"))
visits <- merge(visits, members, by = "id"); visits$day <- as.Date(visits$seen, "%d/%m/%Y"); visits <- visits[order(visits$id, visits$day), ]
visits$y <- as.integer(visits$cramps == "yes"); visits <- visits[!is.na(visits$y) & !is.na(visits$mass_kg), ]; visits$id <- factor(visits$id)
exactly <- geese.control(epsilon = 1e-14, maxit = 500)
for (kind in c("independence", "exchangeable")) for (family in c("binomial", "gaussian")) {
  g <- geeglm(y ~ I(sex == "f") + age + mass_kg, id = id, data = visits, family = family, corstr = kind, control = exactly)
  put(paste("gee", kind, family, sep = "/"), "geepack::geeglm(cramps ~ female + age + mass_kg) of the visits", clusters = nlevels(visits$id), n = nrow(visits), estimate = vec(coef(g)), se = vec(summary(g)$coefficients[, 2]),
      correlation = vec(g$geese$alpha), tolerance = 1e-7, note = "geepack stops on the size of its step")
}
nights <- nights[nights$cramp %in% 0:1 & !is.na(nights$slept_min), ]; nights$date <- as.Date(nights$night)
matched <- list(month = "%Y-%m", weekday = "%Y-%m %u")
for (by in names(matched)) {
  nights$stratum <- interaction(nights$id, format(nights$date, matched[[by]]), drop = TRUE)
  g <- suppressWarnings(clogit(cramp ~ I(slept_min / 60) + strata(stratum), data = nights, method = "exact", control = cox))
  cases <- ave(nights$cramp, nights$stratum); telling <- cases > 0 & cases < 1
  put(paste0("case-crossover/", by), "survival::clogit(cramp ~ slept hours + strata(person and time), exact)", estimate = vec(coef(g)), model_se = vec(sqrt(vcov(g))), n = sum(telling), n_cases = sum(nights$cramp[telling]))
}
version <- function(p) as.character(packageVersion(p))
used <- c("survey", "survival", "MASS", "VGAM", "brglm2", "geepack", "rms")
write_json(list(versions = c(list(R = R.version.string), sapply(used, version, simplify = FALSE)), entries = entries), "models.json", digits = 17, auto_unbox = TRUE, null = "null", na = "null")
cat(length(entries), "entries\n")
