"""Recognize numbers whose squares overflow or vanish, so that no variance can be computed from them."""

import numpy as np
import polars as pl

from toolkit.results import Floats, Indices, Mask

_LARGEST = 1e100  # numbers reach 1.8e308, and a variance has sums of squares of products with weights


def is_extreme(values: Floats | Indices) -> Mask:
    """Mark numbers that are infinite, or whose squares overflow or vanish in sums."""
    size = np.abs(values)
    mask: Mask = (size > _LARGEST) | ((size < 1 / _LARGEST) & (size > 0))
    return mask


def extreme(value: pl.Expr) -> pl.Expr:
    """Write `is_extreme` as an expression."""
    size = value.abs()
    return (size > _LARGEST) | ((size < 1 / _LARGEST) & (size > 0))
