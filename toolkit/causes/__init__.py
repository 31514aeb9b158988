"""The ten causes of nocturnal leg cramps, one card each, and what all of them use."""
