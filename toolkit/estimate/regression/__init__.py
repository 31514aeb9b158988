"""Regression models for survey data, from specification to coefficient rows."""
