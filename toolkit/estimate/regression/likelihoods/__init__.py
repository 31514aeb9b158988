"""Likelihoods and estimating equations of the model families."""
