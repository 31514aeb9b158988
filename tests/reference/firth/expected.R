# Firth's logit for outcomes that are separated: brglm2 for coefficients and the inverse information, and the
# profile penalized likelihood by an optimizer of its own (no package of Debian has it).
#
# Run in this folder: Rscript expected.R     (R, brglm2, survey, jsonlite; r-cran-brglm2 in Debian)
# Writes expected.json and data/*.csv, invented people made with a seed.
suppressMessages({library(brglm2); library(survey); library(jsonlite)})

penalized <- function(beta, X, y, w) {
  eta <- drop(X %*% beta); p <- plogis(eta)
  information <- crossprod(X * sqrt(w * p * (1 - p)))
  sum(w * (y * plogis(eta, log.p = TRUE) + (1 - y) * plogis(-eta, log.p = TRUE))) +
    as.numeric(determinant(information)$modulus) / 2
}
# Firth's modified score is zero at the maximum; solved by Newton's steps on the penalized score with one
# coefficient held, each step halved until the likelihood rises.
held <- function(j, value, start, X, y, w) {
  beta <- start; beta[j] <- value; free <- setdiff(seq_along(beta), j)
  if (!length(free)) return(list(beta = beta, value = penalized(beta, X, y, w)))
  f <- function(b) { whole <- beta; whole[free] <- b; penalized(whole, X, y, w) }
  score <- function(b) {
    whole <- beta; whole[free] <- b
    p <- plogis(drop(X %*% whole)); W <- w * p * (1 - p)
    h <- rowSums((X %*% solve(crossprod(X * sqrt(W)))) * X) * W
    drop(crossprod(X, w * (y - p) + h * (0.5 - p)))[free]
  }
  at <- beta[free]
  for (step in 1:2000) {
    p <- plogis(drop(X %*% replace(beta, free, at)))
    information <- crossprod(X[, free, drop = FALSE] * sqrt(w * p * (1 - p)))
    move <- drop(solve(information, score(at)))
    move <- move * min(1, 2 / max(abs(move)))
    while (!isTRUE(f(at + move) >= f(at) - 1e-13 * abs(f(at)))) move <- move / 2
    at <- at + move
    if (max(abs(move)) < 1e-13 * (1 + max(abs(at)))) break
  }
  list(beta = replace(beta, free, at), value = f(at))
}
# The others start where they go by the curvature at the top: from the top itself the steps would stall.
profile_of <- function(X, y, w, estimate, error, covariance, level = 0.95) {
  top <- penalized(estimate, X, y, w); drop_allowed <- qchisq(level, 1)
  each <- lapply(seq_along(estimate), function(j) {
    ahead <- function(b) estimate + covariance[, j] / covariance[j, j] * (b - estimate[j])
    excess <- function(b) 2 * (top - held(j, b, ahead(b), X, y, w)$value) - drop_allowed
    end <- function(side) {
      outer <- estimate[j]
      repeat { inner <- outer; outer <- outer + side * error[j]; if (excess(outer) > 0) break }
      uniroot(excess, sort(c(inner, outer)), tol = 1e-13)$root
    }
    statistic <- 2 * (top - held(j, 0, ahead(0), X, y, w)$value)
    list(low = end(-1), high = end(1), statistic = statistic,
         p = pchisq(statistic, 1, lower.tail = FALSE))
  })
  as.list(do.call(rbind.data.frame, each))
}
firth <- function(formula, data, weights) {
  X <- model.matrix(formula, data); y <- as.numeric(data[[all.vars(formula)[1]]])
  data$.w <- weights
  fit <- suppressWarnings(glm(formula, binomial, data, weights = .w, method = "brglmFit", type = "AS_mean",
                              control = list(epsilon = 1e-12, maxit = 10000)))
  estimate <- coef(fit); error <- sqrt(diag(vcov(fit)))
  list(terms = names(estimate), estimate = unname(estimate), std_error = unname(error),
       covariance = unname(vcov(fit)), profile = profile_of(X, y, weights, unname(estimate), unname(error), vcov(fit)))
}

set.seed(20261129)
table_120 <- data.frame(y = c(rep(0, 120), rep(1, 15), rep(0, 105)), g = rep(c("a", "b"), each = 120))
n <- 90
several <- data.frame(x = round(rnorm(n), 3), z = sample(c("low", "mid", "high"), n, TRUE))
several$y <- as.numeric(several$x + rnorm(n) > 0.8 | several$z == "high")
n <- 400
clustered <- data.frame(stratum = rep(1:8, each = 50), psu = rep(rep(1:2, each = 25), 8),
                        w = round(exp(rnorm(n, 0, 0.6)) * 1000, 1), g = sample(c("a", "b", "c"), n, TRUE),
                        age = sample(20:79, n, TRUE))
effect <- rnorm(16, 0, 1.2)[rep(1:16, each = 25)]
clustered$y <- as.numeric(runif(n) < plogis(-2.2 + effect + 0.02 * (clustered$age - 50)) & clustered$g != "a")
n <- 100
numeric <- data.frame(x = round(rnorm(n), 3), z = round(rnorm(n, 50, 20), 2))
numeric$y <- as.numeric(numeric$x > 0.2)

# The design's deff of the outcome, at least 1: R's default, without replacement.
design <- svydesign(~psu, strata = ~stratum, weights = ~w, data = clustered, nest = TRUE)
deff <- max(1, as.numeric(deff(svymean(~y, design, deff = TRUE))))
scaled <- clustered$w * (nrow(clustered) / deff) / sum(clustered$w)

clustered$z <- factor(clustered$g); several$z <- factor(several$z, levels = c("high", "low", "mid"))
expected <- list(
  versions = list(R = as.character(getRversion()), brglm2 = as.character(packageVersion("brglm2")),
                  survey = as.character(packageVersion("survey"))),
  table_120 = firth(y ~ g, table_120, rep(1, nrow(table_120))),
  several = firth(y ~ x + z, several, rep(1, nrow(several))),
  numeric = firth(y ~ x + z, numeric, rep(1, nrow(numeric))),
  clustered = c(firth(y ~ g + age, clustered, scaled), list(deff = deff))
)
clustered$z <- NULL
dir.create("data", showWarnings = FALSE)
for (name in c("table_120", "several", "numeric", "clustered"))
  write.csv(get(name), file.path("data", paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
write_json(expected, "expected.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
