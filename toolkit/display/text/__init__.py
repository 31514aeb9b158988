"""Numbers, labels and sentences of results."""
