# Where replicate weights of 0 empty risk sets, intervals of proportions with replicate weights, and design effects
# with and without a population, over apiclus1. The jackknife and half samples are made of seven strata of two
# clusters, and of all fifteen clusters for JK1 and the bootstrap.
# Run: Rscript expected.R     Writes replicates.csv (full weights) and expected.json.
suppressMessages({library(survey); library(survival); library(jsonlite)})
set.seed(16)
school <- read.csv("../r-survey/data/apiclus1.csv")
school$award <- as.integer(school$awards == "Yes")
clusters <- unique(school$dnum)
pair <- setNames((seq_along(clusters) + 1) %/% 2, clusters)
school$pair <- pair[as.character(school$dnum)]
paired <- subset(school, pair < 8)
whole <- svydesign(~dnum, weights = ~pw, data = school)
halves <- svydesign(~dnum, strata = ~pair, weights = ~pw, data = paired)
designs <- list(JK1 = as.svrepdesign(whole, type = "JK1"), JKn = as.svrepdesign(halves, type = "JKn"),
                BRR = as.svrepdesign(halves, type = "BRR"), bootstrap = as.svrepdesign(whole, type = "subbootstrap", replicates = 40),
                Fay = as.svrepdesign(halves, type = "Fay", fay.rho = 0.3),
                JKn_mse = as.svrepdesign(halves, type = "JKn", mse = TRUE))
tight <- coxph.control(eps = 1e-15, iter.max = 60, toler.chol = 1e-16)

# As svycoxph, whose replicates stop at a change of 1e-9 of the likelihood: each is taken to its maximum.
hazards <- function(design) {
  data <- design$variables; data$w <- design$pweights / mean(design$pweights)
  full <- coxph(Surv(enroll, award) ~ meals + ell, data, weights = w, control = tight, x = TRUE)
  weights <- weights(design, "analysis")
  betas <- t(apply(weights, 2, function(one) {
    survival:::coxph.fit(full$x, full$y, NULL, rep(0, nrow(data)), coef(full), tight, one / mean(weights[, 1]) + 1e-10, "efron", names(full$resid))$coef
  }))
  sqrt(diag(survey:::svrVar(betas, design$scale, design$rscales, mse = design$mse, coef = coef(full))))
}
proportions <- function(design) {
  methods <- c(logit = "logit", xlogit = "xlogit", `korn-graubard` = "beta", wald = "mean", arcsine = "asin")
  ends <- lapply(methods, function(method) I(as.numeric(attr(svyciprop(~award, design, method = method), "ci"))))
  # svyglm stops before its maximum, so that the logit interval is made from the log odds themselves.
  share <- svymean(~award, design, return.replicates = TRUE)
  odds <- qlogis(as.numeric(share$replicates))
  se <- sqrt(survey:::svrVar(odds, design$scale, design$rscales, mse = design$mse, coef = qlogis(coef(share))))
  c(ends, list(exact_logit = I(as.numeric(plogis(qlogis(coef(share)) + c(-1, 1) * qt(.975, degf(design)) * c(se)))),
               likelihood = I(as.numeric(attr(svyciprop(~award, design, method = "likelihood"), "ci"))),
               estimate = as.numeric(coef(share)), log_odds_se = as.numeric(se)))
}
table <- school[, "cds", drop = FALSE]
entries <- lapply(names(designs), function(name) {
  design <- designs[[name]]
  full <- matrix(0, nrow(school), ncol(design$repweights))
  rows <- match(design$variables$cds, school$cds)
  full[rows, ] <- weights(design, "analysis")
  colnames(full) <- paste0(name, "_", seq_len(ncol(full)))
  table <<- cbind(table, full)
  cox <- svycoxph(Surv(enroll, award) ~ meals + ell, design, control = tight)
  list(design = name, replicates = ncol(full), scale = design$scale, rscales = I(as.numeric(rep_len(design$rscales, ncol(full)))), mse = design$mse,
       cox = list(estimate = I(as.numeric(coef(cox))), se = I(as.numeric(hazards(design))), se_of_svycoxph = I(as.numeric(sqrt(diag(vcov(cox)))))),
       proportion = proportions(design))
})
write.csv(table, "replicates.csv", row.names = FALSE)

# Design effects: weights that sum to the population, and the same at a mean of 1.
effects <- function(data, how) {
  design <- svydesign(~dnum, weights = ~w, data = data)
  middle <- subset(design, stype == "E")
  numbers <- function(x) I(as.numeric(x))
  list(mean = numbers(deff(svymean(~api00 + enroll, design, deff = how))), share = numbers(deff(svymean(~award, design, deff = how))),
       total = numbers(deff(svytotal(~api00, design, deff = how))), domain = numbers(deff(svymean(~api00, middle, deff = how))))
}
# Weights that differ between schools, so that a subpopulation's do not have a mean of 1.
school$w <- school$pw * ifelse(school$stype == "E", 1.2, 0.7)
population <- effects(school, TRUE)
school$w <- school$w / mean(school$w)
deffs <- list(population = population, normalized = effects(school, "replace"))
school$one <- replace(school$w, TRUE, 1)
school$w <- school$one; deffs$none <- effects(school, "replace")
versions <- list(R = R.version.string, survey = as.character(packageVersion("survey")), survival = as.character(packageVersion("survival")))
write(toJSON(list(versions = versions, replicates = entries, design_effects = deffs), digits = I(15), auto_unbox = TRUE), "expected.json")
