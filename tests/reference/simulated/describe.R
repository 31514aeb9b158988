# Descriptive results and tests over frame.csv by R's survey package.
# Run:  Rscript describe.R      (Debian: r-cran-survey, r-cran-jsonlite)
# Writes describe.json: {"versions", "entries": [{"id", "call", "result"}]}. Interview weight throughout.
suppressMessages({library(survey); library(jsonlite)})
source("../exact.R")
options(survey.lonely.psu = "fail", warn = 1)
people <- read.csv("frame.csv", na.strings = "", stringsAsFactors = FALSE)
people <- transform(people, any = as.integer(any_cramps == "yes"), frequent = as.integer(frequent_cramps == "yes"),
                    female = as.integer(sex == "female"), diabetes = as.integer(diabetes_told == "yes"),
                    band = cut(age, c(-Inf, 19, 39, 59, Inf), labels = c("0-19", "20-39", "40-59", "60+")),
                    year = ifelse(cycle == "2005-2006", 2006, 2008), angle = 2 * pi * (month - 0.5) / 12,
                    sitting = ifelse(sitting_hours < 4, 0, ifelse(sitting_hours < 8, 1, 2)))
design <- svydesign(id = ~psu, strata = ~stratum, weights = ~weight_interview, nest = TRUE, data = people)
adults <- subset(design, age >= 20)
vec <- function(x) as.numeric(x)
entries <- list()
put <- function(id, call, ...) entries[[length(entries) + 1]] <<- list(id = id, call = call, result = list(...))
tight <- list(epsilon = 1e-14, maxit = 100)

# ---- means, totals, ratios ------------------------------------------------------------------------------
m <- svymean(~age + bmi, adults, na.rm = TRUE, deff = TRUE)
put("mean", "svymean(~age + bmi, na.rm, deff)", estimate = vec(coef(m)), se = vec(SE(m)), vcov = vec(vcov(m)), deff = vec(deff(m)), df = degf(adults))
t <- svytotal(~any + nights, adults, na.rm = TRUE, deff = TRUE)
put("total", "svytotal(~any + nights, na.rm, deff)", estimate = vec(coef(t)), se = vec(SE(t)), vcov = vec(vcov(t)), deff = vec(deff(t)))
asked <- subset(adults, !is.na(any) & !is.na(diabetes))
asked <- update(asked, f0 = any * female * (1 - diabetes), f1 = any * female * diabetes, m0 = any * (1 - female) * (1 - diabetes), m1 = any * (1 - female) * diabetes)
t <- svytotal(~m0 + m1 + f0 + f1, asked)
put("total-by", "svytotal of any cramps by sex and diabetes_told (male no, male yes, female no, female yes)", estimate = vec(coef(t)), se = vec(SE(t)), vcov = vec(vcov(t)))
r <- svyratio(~nights, ~diary, adults, na.rm = TRUE)
put("ratio", "svyratio(~nights, ~diary, na.rm)", estimate = vec(coef(r)), se = vec(SE(r)))
for (s in c("male", "female")) {
  r <- svyratio(~nights, ~diary, subset(adults, sex == s))
  put(paste0("ratio-", s), "svyratio(~nights, ~diary) of one sex", estimate = vec(coef(r)), se = vec(SE(r)))
}
v <- svyvar(~bmi, adults, na.rm = TRUE)
put("variance", "svyvar(~bmi, na.rm)", estimate = vec(coef(v)), se = vec(SE(v)))

# ---- quantiles --------------------------------------------------------------------------------------------
probs <- c(0.05, 0.25, 0.5, 0.75, 0.95)
for (variable in c("bmi", "nights")) for (rule in c("math", "school", "hf7")) for (type in c("mean", "beta", "xlogit", "asin")) {
  q <- svyquantile(as.formula(paste0("~", variable)), adults, probs, qrule = rule, interval.type = type, na.rm = TRUE)[[1]]
  put(paste("quantile", variable, rule, type, sep = "/"), "svyquantile(c(.05, .25, .5, .75, .95), na.rm)", estimate = vec(q[, 1]), low = vec(q[, 2]), high = vec(q[, 3]), se = vec(q[, 4]))
}

# ---- standardisation ----------------------------------------------------------------------------------------
population <- c(77670, 72816, 45364)
aged <- svydesign(id = ~psu, strata = ~stratum, weights = ~weight_interview, nest = TRUE, data = people)
std <- svystandardize(subset(update(aged, band = droplevels(factor(ifelse(age < 20, NA, as.character(band))))), age >= 20), by = ~band, over = ~sex, population = population, excluding.missing = ~any + band)
b <- svyby(~any, ~sex, std, svymean)
put("standardised", "svystandardize(by band, over sex); svyby(~any, ~sex, svymean)", sex = b$sex, estimate = vec(coef(b)), se = vec(SE(b)))
for (method in c("beta", "logit")) {
  p <- svyciprop(~any, subset(std, sex == "female"), method = method, df = degf(subset(adults, sex == "female")))
  put(paste0("standardised-women-", method), "svyciprop(~any, subset(std, women))", estimate = vec(coef(p)), low = attr(p, "ci")[[1]], high = attr(p, "ci")[[2]])
}

# ---- contrasts ------------------------------------------------------------------------------------------------
asked <- update(subset(adults, !is.na(any)), band = factor(band, levels = c("20-39", "40-59", "60+")))
b <- svyby(~any, ~band, asked, svymean, covmat = TRUE)
d <- svycontrast(b, list(old_young = c(-1, 0, 1), middle = c(-0.5, 1, -0.5)))
put("contrast", "svycontrast of svyby(~any, ~band): 60+ less 20-39; 40-59 less the mean of the others", estimate = vec(coef(d)), vcov = vec(vcov(d)))
l <- svycontrast(b, quote(log(`60+` / `20-39`)))
put("contrast-log", "svycontrast: log of the ratio 60+ to 20-39", estimate = vec(coef(l)), se = vec(SE(l)))
V <- vcov(b); C <- rbind(c(-1, 1, 0), c(-1, 0, 1)); x <- C %*% coef(b)
f <- drop(t(x) %*% solve(C %*% V %*% t(C), x)) / 2
put("heterogeneity", "Wald F that the three prevalences are equal, df of the design", statistic = f, df = degf(adults), p = pf(f, 2, degf(adults), lower.tail = FALSE))

# ---- trends -----------------------------------------------------------------------------------------------------
for (family in c("quasipoisson", "quasibinomial", "gaussian")) {
  g <- svyglm(any ~ sitting, adults, family = get(family)(), control = tight)
  q <- svyglm(any ~ sitting + I(sitting^2), adults, family = get(family)(), control = tight)
  a <- svyglm(any ~ sitting + age + female, adults, family = get(family)(), control = tight)
  one <- function(g, k) list(estimate = coef(g)[[k]], se = SE(g)[[k]], df = g$df.residual, p = summary(g)$coefficients[k, 4])
  put(paste0("trend/", family), "svyglm(any ~ score [+ score^2], [+ age + female])", linear = one(g, 2), quadratic = one(q, 3), adjusted = one(a, 2))
}
g <- svyglm(bmi ~ year, adults, family = gaussian(), control = tight)
put("trend-cycles", "svyglm(bmi ~ year)", estimate = coef(g)[[2]], se = SE(g)[[2]], df = g$df.residual, p = summary(g)$coefficients[2, 4])

# ---- seasonal curve -------------------------------------------------------------------------------------------------
for (family in c("quasipoisson", "gaussian")) {
  g <- svyglm(any ~ cos(angle) + sin(angle), adults, family = get(family)(), control = tight)
  w <- regTermTest(g, ~cos(angle) + sin(angle))
  names(g$coefficients) <- c("m", "x", "y")
  a <- svycontrast(g, quote(2 * sqrt(x^2 + y^2))); p <- svycontrast(g, quote(atan(y / x) * 12 / (2 * pi)))
  put(paste0("cosinor/", family), "svyglm(any ~ cos + sin of the month); svycontrast", peak_to_trough = vec(coef(a)), peak_to_trough_se = vec(SE(a)), tangent = vec(coef(p)), peak_se = vec(SE(p)), df = g$df.residual, F = vec(w$Ftest), p = vec(w$p))
}

# ---- tests ---------------------------------------------------------------------------------------------------------------
for (s in c("F", "Chisq", "Wald", "adjWald", "saddlepoint")) {
  t <- svychisq(~any + race_ethnicity, adults, statistic = s)
  put(paste0("chisq-", s), paste0("svychisq(~any + race_ethnicity, '", s, "')"), statistic = vec(t$statistic), parameter = vec(t$parameter), p = vec(t$p.value))
}
t <- svyttest(bmi ~ female, adults)
put("ttest", "svyttest(bmi ~ female)", estimate = vec(t$estimate), statistic = vec(t$statistic), df = vec(t$parameter), p = vec(t$p.value))
for (test in c("wilcoxon", "vanderWaerden", "median", "KruskalWallis")) {
  t <- svyranktest(nights ~ female, adults, test = test)
  put(paste0("ranktest-", test), "svyranktest(nights ~ female)", statistic = vec(t$statistic), df = vec(t$parameter), p = vec(t$p.value))
}
t <- svyranktest(nights ~ race_ethnicity, adults, test = "KruskalWallis")  # R calls the chi-square `parameter` and its df `statistic`
put("ranktest-groups", "svyranktest(nights ~ race_ethnicity)", chisq = vec(t$parameter), df = vec(t$statistic), ddf = vec(t$ddf), p = vec(t$p.value))
families <- list(logit = quasibinomial(), poisson = quasipoisson(), gaussian = gaussian(), probit = quasibinomial("probit"))
for (name in names(families)) {
  fixed <- families[[name]]
  g <- survey::svyglm(frequent ~ diabetes + age + female + race_ethnicity, adults, family = fixed, control = tight)
  for (term in c("race_ethnicity", "diabetes")) {
    w <- regTermTest(g, term); l <- regTermTest(g, term, method = "LRT")
    put(paste("term", name, term, sep = "/"), "regTermTest(svyglm(frequent ~ diabetes + age + female + race_ethnicity))",
        wald = list(F = vec(w$Ftest), df = w$df, ddf = w$ddf, p = vec(w$p)), lrt = list(chisq = vec(l$chisq), lambda = vec(l$lambda), p = vec(l$p)))
  }
}
for (name in c("logit", "poisson", "gaussian")) {
  g <- svyglm(any ~ diabetes * race_ethnicity + age, adults, family = families[[name]], control = tight)
  w <- regTermTest(g, "diabetes:race_ethnicity"); q <- w$df; df <- degf(g$survey.design)
  scaled <- vec(w$Ftest) * (df - q + 1) / df
  put(paste0("interaction/", name), "regTermTest(svyglm(any ~ diabetes * race_ethnicity + age), 'diabetes:race_ethnicity'); adjusted Wald: F (df - q + 1) / df on q and df - q + 1, df = degf(design)",
      wald = list(F = vec(w$Ftest), df = q, ddf = vec(w$ddf), p = vec(w$p)), adjusted = list(F = scaled, df = q, ddf = df - q + 1, p = pf(scaled, q, df - q + 1, lower.tail = FALSE)))
}
version <- function(p) as.character(packageVersion(p))
write_json(list(versions = list(R = R.version.string, survey = version("survey")), entries = entries), "describe.json", digits = 17, auto_unbox = TRUE, null = "null", na = "null")
cat(length(entries), "entries\n")
