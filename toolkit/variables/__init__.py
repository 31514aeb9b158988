"""Codebook variables, derivations, and the language of conditions and formulas."""
