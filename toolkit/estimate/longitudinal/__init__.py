"""Repeated measurements: GEE, case-crossover and distributed-lag models."""
