"""Hold what is NHANES's alone: cycles, the weights of pooled cycles, its files and their checks."""

from toolkit.sources.nhanes.loader import open_nhanes as open_nhanes
