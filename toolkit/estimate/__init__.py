"""Estimators: each turns a study into rows of one schema."""
