"""The study: participants, survey design, weights, derived variables and missing data."""
