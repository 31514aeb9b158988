"""The ten cause cards, one module per cause."""
