"""The text of each result column: meaning, unit, and where it comes from."""

GROUPS = {
    "What was estimated": (
        "study", "domain", "estimand", "outcome", "outcome_label", "exposure", "exposure_label",
        "level", "level_label", "reference", "adjust",
    ),
    "The estimate": (
        "estimate", "std_error", "scale", "conf_low", "conf_high", "conf_level", "statistic",
        "p_value", "df", "df_numerator",
    ),
    "Participants": ("n", "n_cases", "n_missing", "n_effective", "deff"),
    "Design and quality": ("weight", "variance", "reliability", "reason"),
}  # fmt: skip

COLUMNS = {
    "study": "Name of the study and of the survey cycles that contribute to the estimate. A cycle "
    "that did not measure every variable of the analysis does not contribute. Simulated "
    "studies say so in their name.",
    "domain": "The condition that defines the subpopulation, as it was given in `domain=`, such as "
    "`age >= 20`; empty for all participants. Participants outside the domain remain in "
    "the design, because the variance needs them.",
    "estimand": "What the row estimates, one of the names on the page [Estimands](estimands.md). "
    "Select rows by this column, not by their position.",
    "outcome": "Name of the outcome, or of the variable that is described. For a ratio of totals, "
    "the numerator.",
    "outcome_label": "Label of the outcome from the codebook, as tables, charts and sentences show it.",
    "exposure": "Name of the exposure, of the model term, or of the variable along which a curve or "
    "trend is estimated. Empty for descriptive results.",
    "exposure_label": "Label of the exposure from the codebook.",
    "level": "The level of the exposure, of a categorical outcome, or of a term that the row is "
    "about. For a continuous exposure it is `per unit`, or the value on a curve. Columns "
    "of `by=` are separate.",
    "level_label": "The level as tables and charts show it.",
    "reference": "The level or value with which `level` is compared. Comparisons have no row for the "
    "reference level itself; standardized prevalences have one.",
    "adjust": "The covariates as they entered the model, separated by commas, such as `rcs(age, 4),"
    " sex`; `none` or empty for an unadjusted estimate. Covariates that do not vary are "
    "dropped, and `reason` says so.",
    "estimate": "The point estimate, unrounded. Proportions lie between 0 and 1, differences of "
    "proportions between -1 and 1, ratios are not logarithms. Means and quantiles have "
    "the unit of the variable. Empty if the estimation failed.",
    "std_error": "Design-based standard error, on the scale that `scale` names. For ratios it belongs "
    "to the natural logarithm: a Wald interval is exp(log(estimate) ± t · std_error).",
    "scale": "`identity`, or `log` where `std_error` belongs to the logarithm of the estimate.",
    "conf_low": "Lower limit of the confidence interval, in the unit of `estimate`. Proportions have "
    "the Korn-Graubard interval unless another was chosen; model estimates have t "
    "intervals.",
    "conf_high": "Upper limit of the confidence interval, in the unit of `estimate`.",
    "conf_level": "Confidence level of the interval, 0.95 unless `confidence=` says otherwise.",
    "statistic": "Test statistic: t for a single coefficient or comparison, F or chi-square for a "
    "joint test. The null value is that of the estimand.",
    "p_value": "Two-sided p-value of `statistic`. Descriptive estimates have none.",
    "df": "Denominator degrees of freedom of interval and test. Which rule applies is described"
    " in [Degrees of freedom](../methods/variance.md#degrees-of-freedom).",
    "df_numerator": "Numerator degrees of freedom of a joint test, the number of coefficients tested. "
    "Empty for single estimates.",
    "n": "Number of participants on whom the estimate is based: those in the domain, with a "
    "positive weight and complete data. It is unweighted.",
    "n_cases": "Number of these participants with the outcome, unweighted. Empty if the outcome is "
    "not binary. Small numbers lower `reliability`.",
    "n_missing": "Number of participants of the domain who were excluded because a variable of the "
    "analysis is missing. With `by=`, a participant whose group is unknown is counted in "
    "every row that may be theirs, so that the column does not add up; `tk.flow` counts "
    "each participant once.",
    "n_effective": "Effective sample size: the size of the simple random sample that would give the same"
    " variance. NCHS standards are based on it.",
    "deff": "Design effect: the variance divided by that of a simple random sample of the same "
    "size. As in R, sampling without replacement is assumed if the weights sum to a "
    "population.",
    "weight": "The survey weight that was used, named by its component, such as `interview` or "
    "`examination`. `study.weight_for(...)` explains the choice.",
    "variance": "How the variance was computed: linearization, or the kind of replicate weights.",
    "reliability": "`ok`, `review`, `suppress` or `failed`. Proportions follow the presentation "
    "standards of the National Center for Health Statistics; see "
    "[Reliability](../methods/estimation.md#reliability).",
    "reason": "Why an estimate is not `ok`, which covariates were dropped, or why estimation "
    "failed, in words. Several reasons are separated by semicolons.",
}
