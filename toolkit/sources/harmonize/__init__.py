"""Convert source codes to codebook values, with reasons for missing data."""
