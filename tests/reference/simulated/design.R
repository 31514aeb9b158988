# Designs, calibration, margins and imputation over frame.csv by R's survey and mitools packages.
# Run:  Rscript design.R      (Debian: r-cran-survey, r-cran-jsonlite, r-cran-mitools)
# Writes design.json, replicates.csv (half samples as factors by PSU) and imputed.csv (any_cramps, five times).
suppressMessages({library(survey); library(jsonlite); library(mitools)})
source("../exact.R")
options(survey.lonely.psu = "fail", warn = 1)
people <- read.csv("frame.csv", na.strings = "", stringsAsFactors = FALSE)
people <- transform(people, any = as.integer(any_cramps == "yes"), female = as.integer(sex == "female"),
                    diabetes = as.integer(diabetes_told == "yes"), old = factor(ifelse(age >= 60, "yes", "no")),
                    sex = factor(sex, levels = c("male", "female")), health = factor(general_health))
design <- svydesign(id = ~psu, strata = ~stratum, weights = ~weight_interview, nest = TRUE, data = people)
vec <- function(x) as.numeric(x)
stat <- function(x) list(estimate = vec(coef(x)), se = vec(SE(x)), vcov = vec(t(as.matrix(vcov(x)))))
entries <- list()
put <- function(id, call, ...) entries[[length(entries) + 1]] <<- list(id = id, call = call, result = list(...))
tight <- list(epsilon = 1e-14, maxit = 100)
# What is asked of every design: two means, a domain's, a total, a model and the degrees of freedom.
ask <- function(id, call, d) {
  s <- subset(d, female == 1)
  g <- svyglm(any ~ female + age, d, family = quasibinomial(), control = tight)
  put(id, paste(call, "; svymean(~age + bmi), svymean(~any) of women, svytotal(~nights), svyglm(any ~ female + age, quasibinomial)"),
      mean = stat(svymean(~age + bmi, d, na.rm = TRUE)), women = stat(svymean(~any, s, na.rm = TRUE)),
      total = stat(svytotal(~nights, d)), glm = stat(g), df = degf(d), df_women = degf(s), df_residual = g$df.residual)
}

# ---- designs --------------------------------------------------------------------------------------------
ask("strata", "svydesign(id = ~psu, strata = ~stratum, nest)", design)
ask("weights-alone", "svydesign(id = ~1, weights)", svydesign(id = ~1, weights = ~weight_interview, data = people))
ask("none", "svydesign(id = ~1), every weight 1", svydesign(id = ~1, weights = rep(1, nrow(people)), data = people))
examined <- people[people$weight_examination > 0, ]
ask("examination", "svydesign with the examination weight", svydesign(id = ~psu, strata = ~stratum, weights = ~weight_examination, nest = TRUE, data = examined))
people$size <- 40 + people$stratum %% 3
ask("fpc", "svydesign(fpc = ~size)", svydesign(id = ~psu, strata = ~stratum, weights = ~weight_interview, fpc = ~size, nest = TRUE, data = people))
lonely <- people[!(people$stratum == min(people$stratum) & people$psu == 2), ]
for (how in c("certainty", "adjust", "average", "remove")) {
  options(survey.lonely.psu = how)
  ask(paste0("lonely-", how), paste0("the first stratum without PSU 2, survey.lonely.psu='", how, "'"),
      svydesign(id = ~psu, strata = ~stratum, weights = ~weight_interview, nest = TRUE, data = lonely))
}
options(survey.lonely.psu = "fail")

# ---- replicate weights --------------------------------------------------------------------------------------
ask("jkn", "as.svrepdesign(type = 'JKn')", as.svrepdesign(design, type = "JKn"))
ask("jkn-mse", "as.svrepdesign(type = 'JKn', mse = TRUE)", as.svrepdesign(design, type = "JKn", mse = TRUE))
people$cluster <- interaction(people$stratum, people$psu, drop = TRUE)
ask("jk1", "as.svrepdesign(svydesign(id = ~cluster), type = 'JK1')", as.svrepdesign(svydesign(id = ~cluster, weights = ~weight_interview, data = people), type = "JK1"))
half <- as.svrepdesign(design, type = "BRR")
F <- as.matrix(weights(half, "replication"))[!duplicated(people$cluster), ]
write.csv(cbind(people[!duplicated(people$cluster), c("stratum", "psu")], as.data.frame(F)), "replicates.csv", row.names = FALSE)
W <- weights(half, "analysis")
for (type in c("BRR", "Fay", "ACS", "bootstrap", "other")) {
  own <- if (type == "Fay") 0.3 * people$weight_interview + 0.7 * W else W
  d <- svrepdesign(data = people, weights = ~weight_interview, repweights = own, type = type, combined.weights = TRUE,
                   rho = if (type == "Fay") 0.3, scale = if (type == "other") 0.02, rscales = if (type == "other") seq(0.5, 1.5, length.out = ncol(W)), mse = type == "ACS")
  ask(paste0("replicates-", type), paste0("svrepdesign(replicates.csv, type = '", type, "'); Fay 0.3 x weight + 0.7 x replicate; other: scale 0.02, rscales from 0.5 to 1.5; ACS: mse"), d)
}

# ---- calibration ------------------------------------------------------------------------------------------
both <- c("male", "female")
sexes <- data.frame(sex = factor(both, both), Freq = c(1.90e7, 2.00e7)); olds <- data.frame(old = factor(c("no", "yes")), Freq = c(2.95e7, 0.95e7))
crossed <- data.frame(sex = factor(both[c(1, 1, 2, 2)], both), old = factor(c("no", "yes", "no", "yes")), Freq = c(1.44e7, 0.46e7, 1.51e7, 0.49e7))
named <- c(`(Intercept)` = 3.9e7, sexfemale = 2.0e7, age = 3.9e7 * 46.5)
for (way in c("linearised", "jkn")) {
  d <- if (way == "jkn") as.svrepdesign(design, type = "JKn") else design
  ask(paste0("post-stratified-", way), "postStratify(~sex + old)", postStratify(d, ~sex + old, crossed))
  ask(paste0("raked-", way), "calibrate(list(~sex, ~old), calfun = 'raking')", calibrate(d, list(~sex, ~old), list(sexes, olds), calfun = "raking", epsilon = 1e-13, maxit = 200))
  ask(paste0("linear-", way), "calibrate(~sex + age)", calibrate(d, ~sex + age, named))
  ask(paste0("bounded-", way), "calibrate(~sex + age, bounds = c(0.96, 1.1))", calibrate(d, ~sex + age, named, bounds = c(0.96, 1.1), epsilon = 1e-13, maxit = 200))
  ask(paste0("logit-", way), "calibrate(~sex + age, calfun = 'logit', bounds = c(0.5, 2))", calibrate(d, ~sex + age, named, bounds = c(0.5, 2), calfun = "logit", epsilon = 1e-13, maxit = 200))
}

# ---- margins: influence values of the whole estimator, and a jackknife of it ----------------------------------
margins <- function(id, family, inverse, slope) {
  formula <- any ~ health + female * age + diabetes
  there <- complete.cases(people[, c("any", "health", "female", "age", "diabetes")])
  g <- svyglm(formula, design, family = family, control = tight)
  each <- function(level) { p <- people[there, ]; p$health <- factor(level, levels = levels(people$health)); model.matrix(delete.response(terms(formula)), p) }
  w <- weights(design, "sampling")[there]; levels <- levels(people$health)
  X <- model.matrix(formula, people[there, ]); mu <- inverse(drop(X %*% coef(g)))
  U <- X * ((people$any[there] - mu) * w); A <- solve(t(X) %*% (X * (w * slope(mu))))
  at <- function(b, w) sapply(levels, function(l) weighted.mean(inverse(drop(each(l) %*% b)), w))
  m <- at(coef(g), w)
  infl <- sapply(levels, function(l) { Z <- each(l); p <- inverse(drop(Z %*% coef(g))); grad <- colSums(w * slope(p) * Z) / sum(w); drop(U %*% A %*% grad) + w * (p - sum(w * p) / sum(w)) / sum(w) })
  all <- matrix(0, nrow(people), length(levels)); all[there, ] <- infl
  V <- vcov(svytotal(all / weights(design, "sampling"), design))
  j <- as.svrepdesign(design, type = "JKn")
  refit <- withReplicates(j, function(w, data) { b <- coef(glm(formula, data = transform(data, .w = w / mean(w)), weights = .w, family = family, control = tight)); at(b, w[there]) })
  put(id, "standardised prevalence of any_cramps by general_health, any ~ health + female * age + diabetes", levels = levels, prevalence = vec(m), vcov = vec(t(V)), jackknife = vec(t(attr(refit, "var"))))
}
margins("margins-logit", quasibinomial(), plogis, function(m) m * (1 - m))
margins("margins-poisson", quasipoisson(), exp, function(m) m)

# ---- multiple imputation ----------------------------------------------------------------------------------
set.seed(11)
sets <- lapply(1:5, function(i) { x <- people; gone <- is.na(x$any); x$any[gone] <- rbinom(sum(gone), 1, 0.35); x })
write.csv(setNames(data.frame(sapply(sets, function(x) x$any)), paste0("any_", 1:5)), "imputed.csv", row.names = FALSE)
mi <- svydesign(id = ~psu, strata = ~stratum, weights = ~weight_interview, nest = TRUE, data = imputationList(sets))
for (complete in c(Inf, 30)) {
  pooled <- MIcombine(with(mi, svyglm(any ~ female + age, family = quasibinomial(), control = tight)), df.complete = complete)
  put(paste0("imputed-glm-", complete), paste0("MIcombine(svyglm(any ~ female + age, quasibinomial), df.complete = ", complete, ")"), stat = stat(pooled), df = vec(pooled$df), missing_information = vec(pooled$missinfo))
  pooled <- MIcombine(with(mi, svymean(~any + age)), df.complete = complete)
  put(paste0("imputed-mean-", complete), paste0("MIcombine(svymean(~any + age), df.complete = ", complete, ")"), stat = stat(pooled), df = vec(pooled$df), missing_information = vec(pooled$missinfo))
}

version <- function(p) as.character(packageVersion(p))
write_json(list(versions = list(R = R.version.string, survey = version("survey"), mitools = version("mitools")), entries = entries), "design.json", digits = 17, auto_unbox = TRUE, null = "null")
cat(length(entries), "entries\n")
