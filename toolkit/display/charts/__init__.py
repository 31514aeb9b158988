"""Charts of results, of participant flow and of the causal diagram."""
