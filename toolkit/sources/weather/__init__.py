"""Daily weather, heat index, and their linkage to participants."""
