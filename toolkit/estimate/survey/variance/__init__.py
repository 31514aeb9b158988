"""Design-based covariance by linearization or replicate weights, and calibration."""
