"""NHANES: its files, the weights of pooled cycles, accelerometer data, and the verification of downloads."""

from toolkit.sources.nhanes.joined_cycles import open_nhanes as open_nhanes
