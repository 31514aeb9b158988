"""The ten cards: each derives the exposures of one cause from variables that `datasets/` declares."""
