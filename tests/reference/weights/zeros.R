# Weights of 0 by R's survey package: rows of weight 0 stay in the design, their persons are in no domain.
# Run:  Rscript zeros.R      (Debian: r-cran-survey, r-cran-jsonlite)
# Writes zeros.json, over ../simulated/frame.csv.
suppressMessages({library(survey); library(jsonlite)})
options(survey.lonely.psu = "fail", warn = 1)
people <- read.csv("../simulated/frame.csv", na.strings = "", stringsAsFactors = FALSE)
people <- transform(people, any = as.integer(any_cramps == "yes"), female = as.integer(sex == "female"))
first <- sort(unique(people$stratum))
# A whole PSU, a whole stratum and every seventh row have the weight 0.
people$w <- people$weight_interview
people$w[people$stratum == first[1] & people$psu == 1] <- 0
people$w[people$stratum == first[2]] <- 0
people$w[seq(7, nrow(people), by = 7)] <- 0
people$counts <- people$w > 0
tight <- list(epsilon = 1e-14, maxit = 100)
vec <- function(x) as.numeric(x)
stat <- function(x) list(estimate = vec(coef(x)), se = vec(SE(x)))
entries <- list()
ask <- function(id, design) {
  d <- subset(design, counts); s <- subset(design, counts & female == 1)
  g <- svyglm(any ~ female + age, d, family = quasibinomial(), control = tight)
  entries[[id]] <<- list(
    mean = stat(svymean(~age, d, na.rm = TRUE)), whole = stat(svymean(~age, design, na.rm = TRUE)),
    total = stat(svytotal(~any, s, na.rm = TRUE)),
    glm = stat(g), df = degf(d), df_women = degf(s), df_residual = g$df.residual, psus = length(unique(interaction(d$strata[, 1], d$cluster[, 1]))))
}
ask("clustered", svydesign(id = ~psu, strata = ~stratum, weights = ~w, nest = TRUE, data = people))
ask("persons", svydesign(id = ~1, weights = ~w, data = people))
ask("strata", svydesign(id = ~1, strata = ~stratum, weights = ~w, data = people))
# With the weight 0 R's calibrate() fails and postStratify() counts such rows as 1 in its residuals (survey 4.1.1):
# a weight that is nearly 0 gives the same estimates without either.
people$nearly <- ifelse(people$w == 0, 1e-9, people$w)
clustered <- svydesign(id = ~psu, strata = ~stratum, weights = ~nearly, nest = TRUE, data = people)
known <- postStratify(clustered, ~sex, data.frame(sex = c("male", "female"), Freq = c(4e7, 6e7)))
entries[["post-stratified"]] <- stat(svymean(~age, known, na.rm = TRUE))
info <- list(R = R.version.string, survey = as.character(packageVersion("survey")))
write(toJSON(list(info = info, entries = entries), digits = NA, auto_unbox = TRUE, pretty = TRUE), "zeros.json")
