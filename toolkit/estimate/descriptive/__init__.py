"""Descriptive estimates: prevalence, means, totals, quantiles, rates, survival, Table 1."""
