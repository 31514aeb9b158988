"""The cards of the causes: one module per cause, each with its `CARD`."""
