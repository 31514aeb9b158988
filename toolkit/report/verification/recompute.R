# ---- What the rows below use: the domain, its groups, and one function per estimator ------------------
# Every estimate, standard error and test is by a function of the package survey. What is written out here
# is counting, Student's t interval, the delta method, and the comparison of the numbers.

choose <- function(condition, yes, no) {
  size <- max(length(condition), length(yes), length(no))
  condition <- rep_len(condition, size); chosen <- rep_len(no, size)
  take <- !is.na(condition) & condition
  chosen[take] <- rep_len(yes, size)[take]
  chosen
}
first_known <- function(...) Reduce(function(a, b) choose(is.na(a), rep_len(b, length(a)), a), list(...))
among <- function(x, values) choose(is.na(x), NA, x %in% values)
as_text <- function(x) if (is.logical(x)) tolower(as.character(x)) else as.character(x)
is_finite <- function(x) choose(is.na(x), NA, is.finite(x))
replace_values <- function(x, old, new, default) {
  place <- match(x, old)
  choose(is.na(place), default, new[place])
}

counted <- function(d) weights(d, "sampling") > 0
people_of <- function(d) d$variables[counted(d), , drop = FALSE]
in_domain <- function(d, condition) {
  inside <- rep_len(eval(condition, d$variables, globalenv()), nrow(d$variables))
  found <- d[which(!is.na(inside) & inside & counted(d)), ]
  found$.effect <- deff_kind(d)
  found
}
belongs <- function(data, group, open = FALSE) {
  inside <- rep(TRUE, nrow(data))
  for (name in names(group)) {
    own <- as.character(data[[name]]) == group[[name]]
    inside <- inside & choose(is.na(own), open, own)
  }
  inside
}
of_group <- function(d, group) if (length(group)) d[which(belongs(d$variables, group)), ] else d
complete <- function(d, names) d[which(complete.cases(d$variables[names])), ]
# Participants with a value in every variable, and those without, who may belong to the group.
counts <- function(whole, group, names) {
  data <- people_of(whole)
  known <- complete.cases(data[names])
  n <- sum(known & belongs(data, group))
  list(n = n, n_missing = sum(belongs(data, group, open = TRUE)) - n)
}
# A number, or 1 for the case of two levels. A calibrated design keeps everyone, those outside with weight 0.
numbers <- function(d, name, case = NULL) {
  own <- d$variables[[name]]
  own <- if (is.null(case)) as.numeric(own) else as.numeric(as.character(own) == case)
  own[is.na(own) & !counted(d)] <- 0
  own
}
replicated <- function(d) inherits(d, "svyrep.design")
reach <- function(level, df) qt((1 + level) / 2, df)
around <- function(point, error, df, level) {
  list(estimate = point, std_error = error, conf_low = point - reach(level, df) * error,
       conf_high = point + reach(level, df) * error, df = df)
}
one <- function(x) as.numeric(x)[1]
error_of <- function(x) as.numeric(SE(x))[1]
# R's design effect is against sampling without replacement, or with it if weights do not sum to a population.
deff_kind <- function(d) {
  if (is.null(d$fpc$popsize) && mean(weights(d, "sampling")[counted(d)]) < 2) "replace" else TRUE
}
effect_of <- function(x) as.numeric(deff(x))[1]
# A standard error of 0, as of what the weights are calibrated to, is a rounding error, and so is what it divides.
settle <- function(found, spread) {
  if (found$std_error > 1e-10 * spread) return(found)
  found$deff <- NULL; found$n_effective <- NULL
  c(found, list(zero = TRUE))
}
# The size of a simple random sample with the variance of a proportion, as in svyciprop's interval "beta".
size_of <- function(mean) one(coef(mean)) * (1 - one(coef(mean))) / error_of(mean)^2

# What a contrast needs of a row: how each participant moves it, or its value with each replicate weight. It is kept
# for the rows of a contrast alone.
keeping <- FALSE
attempt <- function(found) tryCatch(suppressWarnings(force(found)), error = function(e) {
  cat("A row that is combined could not be recomputed:", conditionMessage(e), "\n"); list()
})
with_pieces <- function(found, d, influence, replicates) {
  if (!keeping) return(found)
  found$pieces <- if (replicated(d)) list(replicates = replicates)
                  else list(rows = rownames(d$variables), influence = choose(counted(d), as.numeric(influence), 0))
  found
}

# ---- Descriptive estimates -----------------------------------------------------------------------------
mean_influence <- function(d, point) {
  x <- d$variables$.x; known <- !is.na(x)
  choose(known, (x - point) / sum(weights(d, "sampling")[known]), 0)
}
mean_replicates <- function(of, formula, d) {
  if (keeping && replicated(d)) of(formula, d, na.rm = TRUE, return.replicates = TRUE)$replicates
}
# The exact interval of a proportion from a sample of that size.
beta_ends <- function(p, size, conf) {
  tail <- (1 - conf) / 2
  c(qbeta(tail, size * p, size * (1 - p) + 1), qbeta(1 - tail, size * p + 1, size * (1 - p)))
}
prevalence <- function(whole, group, name, level, method, conf) {
  d <- of_group(whole, group)
  d$variables$.x <- numbers(d, name, level)
  mean <- svymean(~.x, d, na.rm = TRUE, deff = d$.effect)
  found <- c(counts(whole, group, name), list(estimate = one(coef(mean)), df = degf(d)))
  found$n_cases <- sum(people_of(d)$.x, na.rm = TRUE)
  if (found$estimate %in% c(0, 1)) return(found)
  found <- c(found, list(std_error = error_of(mean), deff = effect_of(mean), n_effective = size_of(mean)))
  found <- settle(found, sqrt(found$estimate * (1 - found$estimate)))
  found <- with_pieces(found, d, mean_influence(d, found$estimate), mean_replicates(svymean, ~.x, d))
  if (method == "beta" && nrow(d$variables) != sum(counted(d)) && is.null(found$zero)) {
    # svyciprop takes the calibrated participants outside of the group for participants of it.
    ends <- beta_ends(found$estimate, found$n_effective * (reach(conf, sum(counted(d)) - 1) / reach(conf, found$df))^2, conf)
  } else if (method == "logit") {
    fit <- exact_glm(.x ~ 1, complete(d, ".x"), quasibinomial())
    ends <- plogis(coef(fit) + c(-1, 1) * reach(conf, found$df) * error_of(fit))
  } else if (method != "") {
    ends <- attr(svyciprop(~.x, d, method = method, level = conf, df = found$df, na.rm = TRUE), "ci")
  } else return(found)
  c(found, list(conf_low = ends[[1]], conf_high = ends[[2]]))
}
average <- function(whole, group, name, case, names, conf) {
  d <- complete(of_group(whole, group), names)
  df <- degf(of_group(whole, group))
  d$variables$.x <- numbers(d, name, case)
  mean <- svymean(~.x, d, deff = d$.effect)
  n <- sum(counted(d)); variance <- one(coef(svyvar(~.x, d))) * (n - 1) / n
  found <- c(counts(whole, group, names), around(one(coef(mean)), error_of(mean), df, conf),
             list(deff = effect_of(mean), n_effective = variance / error_of(mean)^2))
  found <- settle(found, sqrt(variance))
  with_pieces(found, d, mean_influence(d, found$estimate), mean_replicates(svymean, ~.x, d))
}
total <- function(whole, group, name, case, names, conf) {
  d <- complete(of_group(whole, group), names)
  df <- degf(of_group(whole, group))
  d$variables$.x <- numbers(d, name, case)
  sum <- svytotal(~.x, d, deff = d$.effect)
  found <- c(counts(whole, group, names), around(one(coef(sum)), error_of(sum), df, conf),
             list(deff = effect_of(sum)))
  found <- settle(found, abs(found$estimate))
  if (!is.null(case)) {
    found$n_cases <- base::sum(people_of(d)$.x)
    found$conf_low <- NULL; found$conf_high <- NULL  # The toolkit limits them to possible counts.
    ends <- around(one(coef(sum)), error_of(sum), df, conf)
    found <- c(found, list(conf_low = max(ends$conf_low, 0), conf_high = ends$conf_high))
  }
  with_pieces(found, d, d$variables$.x, mean_replicates(svytotal, ~.x, d))
}
ratio <- function(whole, group, above, below, cases, conf, per = 1, logarithmic = FALSE) {
  d <- complete(of_group(whole, group), c(above, below))
  df <- degf(of_group(whole, group))
  d$variables$.a <- numbers(d, above, cases[[1]])
  d$variables$.b <- numbers(d, below, cases[[2]])
  found <- svyratio(~.a, ~.b, d)
  point <- per * one(coef(found)); error <- per * one(SE(found))
  rows <- c(counts(whole, group, c(above, below)), around(point, error, df, conf))
  if (logarithmic) {
    rows$conf_low <- point * exp(-reach(conf, df) * error / point)
    rows$conf_high <- point * exp(reach(conf, df) * error / point)
    rows$n_cases <- round(sum(people_of(d)$.a))
  }
  moved <- (per * d$variables$.a - point * d$variables$.b) / sum((weights(d, "sampling") * d$variables$.b)[counted(d)])
  each <- if (keeping && replicated(d)) per * svyratio(~.a, ~.b, d, return.replicates = TRUE)$replicates
  with_pieces(rows, d, moved, each)
}
# The standard deviation by svyvar: by the delta method, or in each replicate.
deviation <- function(whole, group, name, conf) {
  d <- complete(of_group(whole, group), name)
  d$variables$.x <- numbers(d, name)
  variance <- svyvar(~.x, d, return.replicates = TRUE)
  if (replicated(d)) {
    point <- sqrt(as.numeric(variance$variance))
    each <- matrix(sqrt(variance$replicates))
    error <- sqrt(as.numeric(svrVar(each, d$scale, d$rscales, mse = d$mse, coef = point)))
  } else {
    point <- sqrt(one(coef(variance)))
    error <- error_of(variance) / (2 * point)
  }
  found <- c(counts(whole, group, name), around(point, error, degf(of_group(whole, group)), conf))
  found$conf_low <- max(found$conf_low, 0)
  found
}
# The participants of a column of a table, and their share of those whose column is known.
people_in <- function(whole, group) {
  n <- sum(belongs(people_of(whole), group))
  if (!length(group)) return(list(estimate = 1, n = n, n_cases = n))
  d <- complete(whole, names(group))
  d$variables$.x <- numbers(d, names(group), group[[1]])
  share <- svymean(~.x, d)
  found <- list(estimate = one(coef(share)), std_error = error_of(share), df = degf(whole), n = n, n_cases = n)
  settle(found, sqrt(found$estimate * (1 - found$estimate)))
}
missing_in <- function(whole, group, name) {
  own <- people_of(whole)
  own <- own[belongs(own, group), , drop = FALSE]
  lost <- sum(is.na(own[[name]]))
  list(estimate = lost / nrow(own), n = nrow(own), n_cases = lost, n_missing = lost)
}
# Of two groups: from means and variances, or the Mahalanobis distance of the prevalences of levels.
standardized_difference <- function(whole, groups, name, levels) {
  own <- lapply(groups, function(group) complete(of_group(whole, group), name))
  moment <- function(d, level, of) {
    d$variables$.x <- numbers(d, name, level)
    one(coef(of(~.x, d)))
  }
  if (is.null(levels)) {
    means <- sapply(own, moment, NULL, svymean)
    return(list(estimate = abs(diff(means)) / sqrt(mean(sapply(own, moment, NULL, svyvar)))))
  }
  shares <- sapply(own, function(d) sapply(levels, function(level) moment(d, level, svymean)))
  shares <- shares[rowSums(shares) > 0, , drop = FALSE]
  shares <- shares[-nrow(shares), , drop = FALSE]
  spread <- function(p) diag(p, length(p)) - outer(p, p)
  apart <- shares[, 2] - shares[, 1]
  list(estimate = sqrt(sum(apart * solve((spread(shares[, 1]) + spread(shares[, 2])) / 2, apart))))
}
quantile_of <- function(whole, group, name, prob, rule, interval, conf) {
  d <- complete(of_group(whole, group), name)
  d$variables$.x <- numbers(d, name)
  found <- svyquantile(~.x, d, prob, qrule = rule, interval.type = "mean", ci = TRUE, alpha = 1 - conf,
                       df = degf(d))
  d$variables$.below <- as.numeric(d$variables$.x <= one(coef(found)))
  rows <- c(counts(whole, group, name), list(estimate = one(coef(found)), df = degf(d),
                                             n_effective = size_of(svymean(~.below, d))))
  if (!interval) return(rows)
  ends <- as.numeric(found[[1]])[2:3]
  # R's svyquantile has the error at the 5% level only.
  c(rows, list(conf_low = ends[1], conf_high = ends[2], std_error = diff(ends) / (2 * reach(conf, degf(d)))))
}
standardized_prevalence <- function(whole, group, groups, name, level, bands, population, names, method, conf) {
  d <- whole
  d$variables$.x <- numbers(d, name, level)
  d$variables$.band <- bands(d$variables)
  d$variables$.group <- groups(d$variables)
  own <- d[which(!is.na(d$variables$.band) & !is.na(d$variables$.group)), ]
  shares <- population[sort(unique(as.character(own$variables$.band)))]
  found <- if (is.null(d$postStrata)) standardized_mean(own, group, shares) else standardized_total(of_group(d, group), shares)
  inside <- people_of(complete(of_group(whole, group), names))
  inside$.x <- as.numeric(as.character(inside[[name]]) == level)
  df <- degf(of_group(whole, group)); size <- found$estimate * (1 - found$estimate) / found$std_error^2
  found <- c(counts(whole, group, names), found, list(n_cases = sum(inside$.x), df = df, n_effective = size))
  if (method != "beta") return(found)
  size <- size * (reach(conf, found$n - 1) / reach(conf, df))^2
  c(found, as.list(setNames(beta_ends(found$estimate, size, conf), c("conf_low", "conf_high"))))
}
standardized_mean <- function(d, group, shares) {
  d <- svystandardize(d, by = ~.band, over = ~.group, population = shares, excluding.missing = ~.x)
  mean <- svymean(~.x, of_group(d, group), na.rm = TRUE)
  list(estimate = one(coef(mean)), std_error = error_of(mean))
}
# svystandardize takes the calibration of weights before the standard, and the variance has it last: linearized here.
standardized_total <- function(d, shares) {
  w <- weights(d, "sampling"); x <- d$variables$.x; z <- numeric(length(x)); point <- 0
  for (band in names(shares)) {
    inside <- which(w > 0 & !is.na(x) & as.character(d$variables$.band) == band)
    mean <- sum(w[inside] * x[inside]) / sum(w[inside])
    point <- point + shares[[band]] * mean
    z[inside] <- shares[[band]] * (x[inside] - mean) / sum(w[inside])
  }
  d$variables$.z <- z
  list(estimate = point, std_error = error_of(svytotal(~.z, d)))
}
survival <- function(whole, group, time, event, case, at) {
  d <- complete(of_group(whole, group), c(time, event))
  d$variables$.t <- numbers(d, time); d$variables$.e <- numbers(d, event, case)
  curve <- svykm(Surv(.t, .e) ~ 1, d, se = FALSE)
  own <- people_of(d)
  c(counts(whole, group, c(time, event)),
    list(estimate = c(1, curve$surv)[1 + sum(curve$time <= at)],
         df = degf(of_group(whole, group)), n_cases = sum(own$.e & own$.t <= at)))
}

# ---- Regression models ---------------------------------------------------------------------------------
# glm stops on the deviance: refitted from its own coefficients until they and their errors are exact.
exact_glm <- function(formula, design, family, start = NULL, offset = NULL) {
  environment(formula) <- environment()
  fit <- function(start) {
    do.call(survey::svyglm, list(formula, design, family = family, start = start, control = list(epsilon = 1e-14, maxit = 100),
                                 return.replicates = TRUE))
  }
  found <- suppressWarnings(fit(start))
  for (k in 1:12) {
    before <- coef(found)
    found <- suppressWarnings(fit(before))
    if (k > 1 && max(abs(coef(found) - before)) < 1e-13) break
  }
  if (!replicated(design)) return(found)
  # svyglm stops early in each replicate too.
  X <- model.matrix(found); all <- weights(design, "analysis"); shift <- found$offset
  found$replicates <- t(apply(all, 2, function(w) {
    own <- coef(found)
    for (k in 1:12) {
      before <- own
      own <- suppressWarnings(coef(glm.fit(X, found$y, w, start = own, family = family, offset = shift,
                                           control = list(epsilon = 1e-14, maxit = 100))))
      if (max(abs(own - before)) < 1e-13) break
    }
    own
  }))
  if (ncol(X) == 1) found$replicates <- t(found$replicates)
  found$cov.unscaled <- as.matrix(svrVar(found$replicates, design$scale, design$rscales, mse = design$mse,
                                         coef = coef(found)))
  found
}
# Factors with the reference first and without levels that nobody has, so that contrasts are of treatment.
plain_factors <- function(d, references) {
  there <- people_of(d)
  for (name in intersect(names(references), names(d$variables))) {
    levels <- unique(c(references[[name]], levels(factor(d$variables[[name]]))))
    present <- levels[levels %in% as.character(there[[name]])]
    d$variables[[name]] <- factor(as.character(d$variables[[name]]), levels = present)
  }
  d
}
# Restricted cubic splines as in rms, with Harrell's knots at weighted quantiles.
rcs <- function(x, ...) {
  t <- sort(c(...)); k <- length(t)
  bend <- function(j) {
    cube <- function(v) pmax(v, 0)^3
    (cube(x - t[j]) - cube(x - t[k - 1]) * (t[k] - t[j]) / (t[k] - t[k - 1]) +
       cube(x - t[k]) * (t[k - 1] - t[j]) / (t[k] - t[k - 1])) / (t[k] - t[1])^2
  }
  do.call(cbind, c(list(x), lapply(seq_len(k - 2), bend)))
}
weighted_quantile <- function(x, w, p) {
  order <- order(x); reached <- cumsum(w[order])
  approx(c(0, reached[-length(x)]) / reached[length(x) - 1], x[order], p, ties = "ordered")$y
}
harrell_knots <- function(x, w, count) {
  distinct <- sort(unique(x))
  if (length(distinct) - 2 == count) return(distinct[2:(count + 1)])
  share <- tapply(w, factor(x, distinct), sum) / sum(w)
  inner <- share[-c(1, length(share))]; first <- -Inf; last <- Inf
  if (max(inner) < 0.05) {
    if (share[1] >= 0.05) first <- distinct[2]
    if (share[length(share)] >= 0.05) last <- distinct[length(distinct) - 1]
  }
  keep <- x > first & x < last; x <- x[keep]; w <- w[keep]
  free <- count - is.finite(first) - is.finite(last)
  outer <- c(`3` = 0.1, `4` = 0.05, `5` = 0.05, `6` = 0.05, `7` = 0.025)[[as.character(count)]]
  ends <- if (free <= 2) 0.5 else outer
  knots <- weighted_quantile(x, w, seq(ends, if (free == 1) 0.5 else 1 - outer, length.out = free))
  if (length(x) < 100 && free > 1) {
    sorted <- sort(x)
    if (!is.finite(first)) knots[1] <- sorted[min(5, length(x))]
    if (!is.finite(last)) knots[free] <- sorted[max(length(x) - 4, 1)]
  }
  sort(c(c(first, last)[is.finite(c(first, last))], knots))
}
# Writes the knots of rcs(age, 4) into the formula.
with_knots <- function(expression, d) {
  if (!is.call(expression)) return(expression)
  if (identical(expression[[1]], quote(rcs)) && length(expression) == 3 && is.numeric(expression[[3]])) {
    own <- eval(expression[[2]], people_of(d))
    knots <- harrell_knots(as.numeric(own), weights(d, "sampling")[counted(d)], expression[[3]])
    return(as.call(c(list(quote(rcs), expression[[2]]), as.list(knots))))
  }
  as.call(lapply(as.list(expression), with_knots, d = d))
}
# A model of the participants of a group with a value in every variable; `right` is quoted.
fit_model <- function(whole, group, outcome, case, right, names, family, references, start = NULL) {
  d <- complete(of_group(whole, group), names)
  d$variables$.y <- numbers(d, outcome, case)
  d <- plain_factors(d, references)
  formula <- as.formula(call("~", quote(.y), with_knots(right, d)))
  if (!is.null(start)) {
    columns <- ncol(model.matrix(formula[-2], model.frame(formula[-2], d$variables)))
    start <- c(start(people_of(d)$.y), rep(0, columns - 1))
  }
  fit <- exact_glm(formula, d, family, start)
  members <- weights(of_group(whole, group), "sampling")
  list(fit = fit, design = d, counts = counts(whole, group, names), names = names, mean_weight = mean(members[members > 0]),
       cases = if (is.null(case)) NULL else sum(people_of(d)$.y))
}
df_of <- function(model, degrees) {
  if (degrees == "design") degf(model$design) else degf(model$design) + 1 - length(coef(model$fit))
}
# One number on the scale of the model, with its interval and test; a ratio is its exponential.
described <- function(model, point, error, df, conf, log = FALSE, test = TRUE, influence = NULL, replicates = NULL) {
  shown <- if (log) exp else identity
  found <- c(model$counts, list(
    estimate = shown(point), std_error = error, df = df,
    conf_low = shown(point - reach(conf, df) * error), conf_high = shown(point + reach(conf, df) * error)))
  if (!is.null(influence) || !is.null(replicates)) found <- with_pieces(found, model$design, influence, replicates)
  if (!is.null(model$cases)) found$n_cases <- model$cases
  if (!test) return(found)
  c(found, list(statistic = point / error, p_value = 2 * pt(-abs(point / error), df)))
}
coefficient <- function(model, place, degrees, conf, log = FALSE) {
  fit <- model$fit
  described(model, coef(fit)[[place]], sqrt(vcov(fit)[place, place]), df_of(model, degrees), conf, log,
            influence = if (keeping) coefficient_influence(model)[, place], replicates = fit$replicates[, place])
}
# How each participant moves the coefficients, as svyglm(influence = TRUE) computes it, divided by the weight.
coefficient_influence <- function(model) {
  fit <- model$fit; d <- model$design
  moved <- (model.matrix(fit) * (residuals(fit, "working") * fit$weights)) %*% fit$naive.cov
  all <- matrix(0, nrow(d$variables), ncol(moved))
  rows <- match(rownames(moved), rownames(d$variables)); w <- weights(d, "sampling")[rows]
  all[rows, ] <- moved * choose(w > 0, 1 / w, 0)
  all
}
# The coefficient of a level of the first term.
level_place <- function(model, name, level, references) {
  if (!name %in% names(references)) return(2)
  match(level, levels(model$design$variables[[name]]))
}
product_places <- function(model, names, levels) {
  known <- names(coef(model$fit))
  own <- sapply(names, function(name) paste0(deparse(as.name(name), backtick = TRUE), levels[[name]]))
  match(c(own, paste(own, collapse = ":")), known)
}
measure <- function(model, places, of, degrees, conf, log = TRUE, test = TRUE) {
  found <- delta(model, function(b) do.call(of, as.list(unname(b[places]))))
  described(model, found$point, found$error, df_of(model, degrees), conf, log, test, found$influence, found$replicates)
}
curve_point <- function(model, knots, name, at, reference, degrees, conf, log) {
  basis <- function(x) eval(knots, setNames(list(x), name))
  slope <- drop(basis(at) - basis(reference))
  places <- 1 + seq_along(slope)
  error <- sqrt(as.numeric(t(slope) %*% vcov(model$fit)[places, places] %*% slope))
  described(model, sum(slope * coef(model$fit)[places]), error, df_of(model, degrees), conf, log)
}
# The place of a date in its year, in months from the beginning of January.
months_of <- function(dates) {
  day <- as.POSIXlt(as.Date(substr(dates, 1, 10)))
  year <- day$year + 1900
  leap <- year %% 4 == 0 & (year %% 100 != 0 | year %% 400 == 0)
  12 * (day$yday + 0.5) / ifelse(leap, 366, 365)
}
# The swing and the peak of a seasonal curve, from the coefficients of its cosine and sine.
of_season <- function(model, point, slope, degrees, conf, log = FALSE) {
  error <- sqrt(as.numeric(t(slope) %*% vcov(model$fit)[2:3, 2:3] %*% slope))
  described(model, point, error, df_of(model, degrees), conf, log, test = FALSE)
}
swing_of <- function(model, times, degrees, conf, log = FALSE) {
  b <- unname(coef(model$fit)[2:3]); amplitude <- sqrt(sum(b^2))
  found <- of_season(model, times * amplitude, times * b / amplitude, degrees, conf, log)
  found$conf_low <- max(found$conf_low, if (log) 1 else 0)
  found
}
peak_of <- function(model, turn, degrees, conf) {
  b <- unname(coef(model$fit)[2:3]); angle <- turn / (2 * pi)
  of_season(model, (atan2(b[2], b[1]) * angle) %% turn, angle * c(-b[2], b[1]) / sum(b^2), degrees, conf)
}
wald_test <- function(model, places, degrees) {
  fit <- model$fit; b <- coef(fit)[places]; q <- length(places); df <- df_of(model, degrees)
  f <- as.numeric(t(b) %*% solve(vcov(fit)[places, places, drop = FALSE], b)) / q
  if (degrees == "design") { f <- f * (df - q + 1) / df; df <- df - q + 1 }
  c(model$counts, list(statistic = f, df_numerator = q, df = df, p_value = pf(f, q, df, lower.tail = FALSE),
                       n_cases = model$cases))
}
# regTermTest of terms, with the adjusted Wald test where the degrees of freedom are the design's.
term_test <- function(model, terms, degrees) {
  df <- df_of(model, degrees)
  found <- regTermTest(model$fit, terms, method = "Wald", df = df)
  f <- as.numeric(found$Ftest); q <- found$df
  if (degrees == "design") { f <- f * (df - q + 1) / df; df <- df - q + 1 }
  c(model$counts, list(statistic = f, df_numerator = q, df = df, p_value = pf(f, q, df, lower.tail = FALSE),
                       n_cases = model$cases))
}
# regTermTest refits the smaller model with the call of the larger, whose starting values do not fit it. svyglm
# scales weights to a mean of 1 over all rows, and R's users have in them the participants with missing values.
likelihood_ratio <- function(model, terms, degrees) {
  fit <- model$fit; fit$call$start <- NULL
  found <- regTermTest(fit, terms, method = "LRT", df = df_of(model, degrees))
  scale <- mean(weights(model$design, "sampling")) / model$mean_weight
  c(model$counts, list(statistic = scale * as.numeric(found$chisq), df_numerator = found$df, df = found$ddf,
                       p_value = as.numeric(found$p), deff = scale * mean(found$lambda), n_cases = model$cases))
}
# A function of the coefficients by the delta method, or of each replicate's coefficients.
delta <- function(model, of) {
  fit <- model$fit; b <- coef(fit); point <- of(b)
  if (!is.null(fit$replicates)) {
    d <- model$design
    each <- apply(as.matrix(fit$replicates), 1, of)
    error <- sqrt(as.numeric(svrVar(matrix(each), d$scale, d$rscales, mse = d$mse, coef = point)))
    return(list(point = point, error = error, replicates = each))
  }
  step <- sqrt(diag(vcov(fit))) * 1e-3
  slope <- sapply(seq_along(b), function(k) {
    move <- function(times) of(replace(b, k, b[k] + times * step[k]))
    (8 * (move(1) - move(-1)) - (move(2) - move(-2))) / (12 * step[k])
  })
  list(point = point, error = sqrt(as.numeric(t(slope) %*% vcov(fit) %*% slope)),
       influence = if (keeping) drop(coefficient_influence(model) %*% slope))
}
# Mean predictions with variables set to values, and a contrast of them: linearized with the sampling of the
# participants averaged over, or refitted with each replicate weight.
standardized <- function(model, settings, contrast, log = FALSE) {
  fit <- model$fit; d <- model$design; family <- fit$family
  right <- delete.response(terms(fit))
  data <- d$variables
  columns <- lapply(settings, function(setting) {
    for (name in names(setting)) {
      data[[name]] <- if (is.factor(data[[name]])) factor(setting[[name]], levels = levels(data[[name]]))
                      else if (is.function(setting[[name]])) setting[[name]](data[[name]]) else setting[[name]]
    }
    model.matrix(right, model.frame(right, data, na.action = na.pass, xlev = fit$xlevels), contrasts.arg = fit$contrasts)
  })
  w <- weights(d, "sampling")
  value <- function(b, w) {
    means <- sapply(columns, function(X) sum(w * family$linkinv(drop(X %*% b))) / sum(w))
    if (log) sum(contrast * base::log(means)) else sum(contrast * means)
  }
  point <- value(coef(fit), w)
  if (!is.null(fit$replicates)) {
    all <- weights(d, "analysis"); b <- as.matrix(fit$replicates)
    each <- sapply(seq_len(ncol(all)), function(k) value(b[k, ], all[, k]))
    error <- sqrt(as.numeric(svrVar(matrix(each), d$scale, d$rscales, mse = d$mse, coef = point)))
    return(list(point = point, error = error, replicates = each))
  }
  X <- model.matrix(right, model.frame(right, data, na.action = na.pass, xlev = fit$xlevels), contrasts.arg = fit$contrasts)
  eta <- drop(X %*% coef(fit)); mu <- family$linkinv(eta); slope <- family$mu.eta(eta)
  y <- data$.y; y[w == 0] <- mu[w == 0]
  scores <- X * ((y - mu) * slope / family$variance(mu))
  bread <- solve(t(X) %*% (X * (w * slope^2 / family$variance(mu))))
  influence <- 0
  for (k in seq_along(columns)) {
    eta_k <- drop(columns[[k]] %*% coef(fit)); mu_k <- family$linkinv(eta_k); mean_k <- sum(w * mu_k) / sum(w)
    gradient <- colSums(w * family$mu.eta(eta_k) * columns[[k]]) / sum(w)
    own <- drop(scores %*% bread %*% gradient) + (mu_k - mean_k) / sum(w)
    influence <- influence + contrast[k] * (if (log) own / mean_k else own)
  }
  d$variables$.influence <- influence
  list(point = point, error = sqrt(as.numeric(vcov(svytotal(~.influence, d)))), influence = influence)
}
# The step of a numerical derivative.
step <- function(d, name) 3e-3 * sd(as.numeric(people_of(d)[[name]]), na.rm = TRUE)
averaged <- function(model, settings, contrast, degrees, conf, log = FALSE, share = FALSE, test = TRUE) {
  found <- standardized(model, settings, contrast, log)
  df <- df_of(model, degrees)
  rows <- described(model, found$point, found$error, df, conf, log, test, found$influence, found$replicates)
  if (share) rows[c("conf_low", "conf_high")] <- as.list(logit_ends(found$point, found$error, df, conf))
  rows
}
logit_ends <- function(p, error, df, conf) plogis(qlogis(p) + c(-1, 1) * reach(conf, df) * error / (p * (1 - p)))
cox_model <- function(whole, group, formula, names, event, case, references) {
  d <- complete(of_group(whole, group), names)
  d$variables$.event <- numbers(d, event, case)
  d <- plain_factors(d, references)
  formula <- with_knots(formula, d)
  exact <- coxph.control(eps = 1e-15, iter.max = 60, toler.chol = 1e-16)
  fit <- eval(bquote(svycoxph(.(formula), design = d, control = .(exact))))
  list(fit = fit, design = d, counts = counts(whole, group, names), cases = sum(people_of(d)$.event))
}
cox_coefficient <- function(model, place, degrees, conf, log = FALSE) {
  fit <- model$fit
  df <- degf(model$design) + if (degrees == "design") 0 else 1 - length(coef(fit))
  described(model, coef(fit)[[place]], sqrt(as.matrix(vcov(fit))[place, place]), df, conf, log)
}
# The levels in their order, of those who are there. svyolr allows no missing values, and those outside of a
# calibrated domain, whose weights are 0, take the values of a participant.
ordinal_model <- function(whole, group, outcome, levels, right, names, references) {
  d <- complete(of_group(whole, group), names)
  for (name in names) d$variables[[name]][!counted(d)] <- d$variables[[name]][counted(d)][1]
  d$variables$.y <- factor(as.character(d$variables[[outcome]]), levels)
  d$variables$.y <- droplevels(d$variables$.y)
  d <- plain_factors(d, references)
  formula <- as.formula(call("~", quote(.y), with_knots(right, d)))
  size <- ncol(model.matrix(formula[-2], model.frame(formula[-2], d$variables))) + nlevels(d$variables$.y) - 2
  exact <- list(reltol = 1e-16, maxit = 2000, ndeps = rep(1e-5, size))
  own <- function(d) eval(bquote(svyolr(.(formula), d, control = .(exact))))
  list(fit = if (replicated(d)) replicated_olr(own, formula, d, exact) else own(d), design = d, counts = counts(whole, group, names))
}
# With replicate weights polr finds no starting values, and stops early in each of them.
replicated_olr <- function(own, formula, d, exact) {
  d$variables$.w <- weights(d, "sampling")
  fit <- own(svydesign(ids = ~1, weights = ~.w, data = d$variables))
  start <- c(coef(fit, intercepts = FALSE), fit$zeta)
  all <- apply(weights(d, "analysis"), 2, function(w) {
    data <- d$variables; data$.w <- w / mean(w)
    found <- suppressWarnings(MASS::polr(formula, data, weights = .w, start = start, control = exact))
    c(found$coefficients, found$zeta)
  })
  fit$var <- as.matrix(svrVar(t(all), d$scale, d$rscales, mse = d$mse, coef = start))
  fit$df.residual <- degf(d) - length(coef(fit, intercepts = FALSE))
  fit
}
ordinal_coefficient <- function(model, place, degrees, conf, log = FALSE) {
  fit <- model$fit
  df <- if (degrees == "design") degf(model$design) else fit$df.residual
  described(model, c(coef(fit, intercepts = FALSE), fit$zeta)[[place]], sqrt(vcov(fit)[place, place]), df, conf, log)
}

# ---- Tests ---------------------------------------------------------------------------------------------
t_test <- function(whole, group, name, case, by, references, conf) {
  d <- complete(of_group(whole, group), c(name, by))
  d$variables$.y <- numbers(d, name, case)
  d$variables$.g <- plain_factors(d, references)$variables[[by]]
  found <- svyttest(.y ~ .g, d)
  point <- one(found$estimate); error <- point / one(found$statistic); df <- one(found$parameter)
  c(counts(whole, group, c(name, by)), around(point, error, df, conf),
    list(statistic = one(found$statistic), p_value = one(found$p.value)))
}
chi_square <- function(whole, group, row, column, statistic) {
  d <- of_group(whole, group)
  d$variables$.r <- factor(as.character(d$variables[[row]]))
  d$variables$.c <- factor(as.character(d$variables[[column]]))
  # With replicate weights R linearizes the departures, and the toolkit computes them with each of them.
  if (replicated(d) && statistic %in% c("Wald", "adjWald")) return(counts(whole, group, c(row, column)))
  found <- svychisq(~.r + .c, d, statistic = statistic, na.rm = TRUE)
  # Pearson's statistic grows with the number of participants, and R counts calibrated ones outside of a domain.
  inside <- sum(counted(d)) / nrow(d$variables)
  rows <- c(counts(whole, group, c(row, column)),
            list(statistic = one(found$statistic) * if (statistic %in% c("Chisq", "saddlepoint")) inside else 1,
                 p_value = one(found$p.value)))
  # The mean generalized design effect, which svychisq divides Pearson's statistic by.
  if (!statistic %in% c("Wald", "adjWald")) {
    pearson <- svychisq(~.r + .c, d, statistic = "Chisq", na.rm = TRUE)
    scaled <- svychisq(~.r + .c, d, statistic = "F", na.rm = TRUE)
    rows$deff <- inside * one(pearson$statistic) / one(scaled$statistic) / pearson$parameter[[1]]
  }
  if (statistic == "saddlepoint") return(if (inside == 1) rows else rows[names(rows) != "p_value"])
  rows$df_numerator <- found$parameter[[1]]
  if (statistic != "Chisq") rows$df <- found$parameter[[2]]
  # So are their PSUs, in the degrees of freedom of every other test.
  if (inside == 1 || statistic == "Chisq") return(rows)
  if (statistic != "F") return(counts(whole, group, c(row, column)))
  rows$df <- rows$df_numerator * degf(d)
  rows$p_value <- pf(rows$statistic, rows$df_numerator, rows$df, lower.tail = FALSE)
  rows
}
rank_test <- function(whole, group, name, by, test, references, levels, conf) {
  d <- complete(of_group(whole, group), c(name, by))
  d$variables$.y <- if (length(levels)) match(as.character(d$variables[[name]]), levels) else as.numeric(d$variables[[name]])
  d$variables$.g <- plain_factors(d, references)$variables[[by]]
  # Among calibrated participants R ranks those outside of a domain too.
  if (any(!counted(d) & !is.na(d$variables$.y) & !is.na(d$variables$.g))) return(counts(whole, group, c(name, by)))
  if (replicated(d) && nlevels(d$variables$.g) > 2) return(counts(whole, group, c(name, by)))
  found <- svyranktest(.y ~ .g, d, test = test)
  rows <- counts(whole, group, c(name, by))
  # With replicate weights R linearizes the difference, and the toolkit computes it with each of them.
  if (replicated(d)) return(if (is.null(found$estimate)) rows else c(rows, list(estimate = one(found$estimate))))
  rows$p_value <- one(found$p.value)
  # Of more than two groups, survey has the chi-square under `parameter` and its degrees under `statistic`.
  if (!is.null(found$ddf))
    return(c(rows, list(statistic = one(found$parameter) / one(found$statistic), df_numerator = one(found$statistic),
                        df = one(found$ddf))))
  point <- one(found$estimate); df <- one(found$parameter)
  c(rows, around(point, point / one(found$statistic), df, conf), list(statistic = one(found$statistic)))
}

# ---- Results of results --------------------------------------------------------------------------------
# The covariance of rows: of the totals of their influence, or of their values with each replicate weight.
joint <- function(whole, rows) {
  if (replicated(whole)) {
    each <- sapply(rows, function(row) as.numeric(row$pieces$replicates))
    return(as.matrix(svrVar(each, whole$scale, whole$rscales, mse = whole$mse, coef = colMeans(each))))
  }
  places <- paste0(".influence_", seq_along(rows))
  for (k in seq_along(rows)) {
    whole$variables[[places[k]]] <- 0
    own <- match(rows[[k]]$pieces$rows, rownames(whole$variables))
    whole$variables[[places[k]]][own] <- rows[[k]]$pieces$influence
  }
  as.matrix(vcov(svytotal(reformulate(paste0("`", places, "`")), whole)))
}
# Points and covariance on the scale on which rows are combined; NULL if survey gives none for one of them.
combined <- function(whole, rows, logarithms) {
  if (any(sapply(rows, function(row) is.null(row$pieces) || is.null(row$std_error)))) return(NULL)
  points <- sapply(rows, function(row) row$estimate); V <- joint(whole, rows)
  if (logarithms == "taken") { V <- V / outer(points, points); points <- log(points) }
  if (logarithms == "own") points <- log(points)
  list(points = points, V = V, df = min(sapply(rows, function(row) row$df)))
}
together <- function(rows, name, summed) {
  known <- unlist(lapply(rows, function(row) row[[name]]))
  if (is.null(known)) NULL else if (summed) sum(known) else max(known)
}
counts_of <- function(rows, summed) {
  c(n = together(rows, "n", summed), n_cases = together(rows, "n_cases", summed),
    n_missing = if (!summed) together(rows, "n_missing", FALSE))
}
contrasted <- function(whole, rows, weights, logarithms, summed, conf, df = NULL) {
  found <- combined(whole, rows, logarithms)
  if (is.null(found)) return(list())
  stat <- structure(setNames(found$points, seq_along(weights)), var = found$V, class = "svystat")
  own <- svycontrast(stat, weights)
  point <- one(coef(own)); error <- error_of(own); df <- if (is.null(df)) found$df else df
  shown <- if (logarithms == "no") identity else exp
  ends <- around(point, error, df, conf)
  c(as.list(counts_of(rows, summed)), list(
    estimate = shown(point), std_error = error, df = if (is.finite(df)) df, conf_low = shown(ends$conf_low),
    conf_high = shown(ends$conf_high), statistic = point / error, p_value = 2 * pt(-abs(point / error), df)))
}
heterogeneity <- function(whole, rows, logarithms, summed, df = NULL) {
  found <- combined(whole, rows, logarithms)
  if (is.null(found)) return(list())
  q <- length(rows) - 1; own <- cbind(-1, diag(q)); b <- own %*% found$points
  f <- as.numeric(t(b) %*% solve(own %*% found$V %*% t(own)) %*% b) / q
  df <- if (is.null(df)) found$df else df
  c(as.list(counts_of(rows, summed)), list(statistic = f, df_numerator = q, df = if (is.finite(df)) df,
                                           p_value = pf(f, q, df, lower.tail = FALSE)))
}
# One row of several imputations, by MIcombine. Sizes, counts and standardized differences have no interval.
pooled <- function(imputations, place, conf, log = FALSE, test = TRUE, share = FALSE, df_complete = NULL) {
  rows <- lapply(imputations, function(rows) if (place <= length(rows)) rows[[place]])
  each <- function(name) unlist(lapply(rows, function(row) row[[name]]))
  known <- function(name) length(each(name)) == length(rows)
  if (!known("estimate")) return(list())
  result <- list(n = rows[[1]]$n, n_missing = rows[[1]]$n_missing)
  if (known("n_cases")) result$n_cases <- round(mean(each("n_cases")))
  for (name in c("deff", "n_effective")) if (known(name)) result[[name]] <- mean(each(name))
  if (!known("std_error")) return(if (is.null(conf)) c(result, list(estimate = mean(each("estimate")))) else list())
  points <- if (log) base::log(each("estimate")) else each("estimate")
  complete <- if (is.null(df_complete)) rows[[1]]$df else df_complete
  found <- mitools::MIcombine(as.list(points), lapply(each("std_error"), function(error) matrix(error^2)),
                              df.complete = if (is.null(complete)) Inf else complete)
  point <- one(coef(found)); error <- sqrt(one(vcov(found))); df <- found$df
  shown <- if (log) exp else identity
  result <- c(result, list(estimate = shown(point), std_error = error, df = df, missing_information = found$missinfo))
  if (is.null(conf)) return(result)
  ends <- if (share) logit_ends(point, error, df, conf) else shown(unlist(around(point, error, df, conf)[c("conf_low", "conf_high")]))
  result <- c(result, list(conf_low = ends[[1]], conf_high = ends[[2]]))
  if (test) c(result, list(statistic = point / error, p_value = 2 * pt(-abs(point / error), df))) else result
}

# ---- The comparison ------------------------------------------------------------------------------------
tally <- c(equal = 0, differs = 0, `not recomputed` = 0, `left out` = 0)
unseen <- character()
note <- function(row, label, what, kind) {
  tally[[kind]] <<- tally[[kind]] + 1
  cat(sprintf("row %d  %s: %s\n", row, label, what))
}
# The first significant digit that differs, such as 4.
digit_of <- function(a, b) max(1, ceiling(-log10(abs(a - b) / max(abs(a), abs(b)))))
# Compares one row: what R computed, with what the toolkit gave, which expected.csv holds.
check <- function(row, label, found, tolerance = 1e-8, loose = character()) {
  found <- tryCatch(suppressWarnings(force(found)), error = function(e) conditionMessage(e))
  if (is.character(found)) return(note(row, label, paste("R stopped:", found), "differs"))
  own <- expected[expected$.row == row, ]
  differing <- character(); compared <- 0
  for (name in numeric_columns) {
    given <- own[[name]]
    if (is.na(given)) next
    if (is.null(found[[name]]) || is.na(found[[name]])) { unseen <<- c(unseen, name); next }
    compared <- compared + 1
    allowed <- if (name %in% names(loose)) loose[[name]] else tolerance
    floor <- if (name %in% c("estimate", "conf_low", "conf_high") && !is.na(own$std_error)) own$std_error
             else if (name == "std_error" && isTRUE(found$zero)) abs(own$estimate)
             else if (name == "p_value") 1e-4 else if (name == "statistic") 1e-3 else 0
    if (abs(found[[name]] - given) > allowed * max(abs(found[[name]]), abs(given), floor))
      differing <- c(differing, sprintf("%s is %.10g in R and %.10g here, digit %d", name, found[[name]], given,
                                        digit_of(found[[name]], given)))
  }
  if (length(differing)) note(row, label, paste("DIFFERS:", paste(differing, collapse = "; ")), "differs")
  else if (!compared) note(row, label, "not recomputed: it has no number that R gives", "not recomputed")
  else note(row, label, sprintf("equal (%d number%s)", compared, if (compared == 1) "" else "s"), "equal")
}
finish <- function() {
  cat(sprintf("\n%d %s: %s.\n", sum(tally), if (sum(tally) == 1) "row" else "rows", paste(tally, names(tally), collapse = ", ")))
  lost <- table(unseen)
  if (length(lost)) cat("Numbers of these rows that R did not recompute:", paste(names(lost), lost, collapse = ", "), "\n")
  if (tally[["differs"]] > 0) quit(status = 1)
  if (tally[["equal"]] == 0) { cat("Nothing was recomputed.\n"); quit(status = 2) }
}
