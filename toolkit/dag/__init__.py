"""Causal diagram, back-door criterion, and the adjustment sets that follow from them."""
