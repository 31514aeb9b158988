"""Hold what is NHANES's alone: cycles, the weights of pooled cycles, its files and their checks."""

from toolkit.nhanes.opening import open_nhanes as open_nhanes
