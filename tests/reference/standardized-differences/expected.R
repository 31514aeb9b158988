# Standardized mean differences between men and women, from R's weighted means and variances, over
# ../r-survey/data/nhanes.csv. Run:  Rscript expected.R > expected.json
# Means: |m2 - m1| / sqrt((v1 + v2) / 2) (Austin 2009). Levels: Mahalanobis distance (Yang and Dalton 2012).
suppressMessages({library(survey); library(jsonlite)})
people <- read.csv("../r-survey/data/nhanes.csv", na.strings = "")
people$agecat <- factor(people$agecat)
people$HI_CHOL <- factor(people$HI_CHOL)
design <- svydesign(~SDMVPSU, strata = ~SDMVSTRA, weights = ~WTMEC2YR, nest = TRUE, data = people)
groups <- lapply(1:2, function(g) subset(design, RIAGENDR == g))
number <- function(name) {
  own <- lapply(groups, function(d) subset(d, !is.na(d$variables[[name]])))
  m <- sapply(own, function(d) coef(svymean(as.formula(paste0("~", name)), d)))
  v <- sapply(own, function(d) coef(svyvar(as.formula(paste0("~", name)), d)))
  abs(m[2] - m[1]) / sqrt(mean(v))
}
levels_of <- function(name) {
  p <- lapply(groups, function(d) unname(coef(svymean(as.formula(paste0("~", name)), d, na.rm = TRUE)))[-1])
  spread <- (Reduce(`+`, lapply(p, function(q) diag(q, length(q)) - q %o% q))) / 2
  d <- p[[2]] - p[[1]]
  sqrt(drop(t(d) %*% solve(spread) %*% d))
}
result <- list(age_mid = unname(number("age_mid")), nights = unname(number("nights")),
               agecat = levels_of("agecat"), HI_CHOL = levels_of("HI_CHOL"))
cat(toJSON(list(versions = list(R = as.character(getRversion()), survey = as.character(packageVersion("survey"))),
                result = result), auto_unbox = TRUE, digits = I(17), pretty = TRUE), "\n")
