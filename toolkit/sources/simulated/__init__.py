"""Simulated study with a known causal model."""
