"""Sources of studies: NHANES, simulated data, users' own surveys and cohorts, weather."""
