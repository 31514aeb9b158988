"""Multiple imputation: chained equations with the survey design, diagnostics, and Rubin's rules."""
