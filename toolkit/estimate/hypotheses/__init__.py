"""Contrasts and hypothesis tests."""
