"""A matrix of predictors whose last columns are indicators of sampling units, which are never written out.

Products with the indicators are sums over the participants of each unit, who stand together in the rows.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from toolkit.results import Floats, Indices


@dataclass(frozen=True)
class ClusteredMatrix:
    """Columns `Z`, and an indicator of each unit but the first; `unit` is in ascending order."""

    Z: Floats
    unit: Indices

    @cached_property
    def _ends(self) -> Indices:
        return np.searchsorted(self.unit, np.arange(1, int(self.unit[-1]) + 2))

    @property
    def width(self) -> int:
        """Number of columns, with those of units."""
        return int(self.Z.shape[1]) + len(self._ends) - 1

    def copy(self) -> "ClusteredMatrix":
        """Copy the columns that may be changed."""
        return ClusteredMatrix(self.Z.copy(), self.unit)

    def _sums(self, values: Floats) -> Floats:
        """Sum over the participants of each unit but the first."""
        total = np.cumsum(values, axis=0)[self._ends - 1]
        return np.asarray(np.diff(total, axis=0), np.float64)

    def times(self, coefficients: Floats) -> Floats:
        """Multiply by a vector."""
        q = self.Z.shape[1]
        return np.asarray(self.Z @ coefficients[:q] + np.append(0.0, coefficients[q:])[self.unit], np.float64)

    def cross(self, values: Floats) -> Floats:
        """Multiply the transpose by a vector or by columns."""
        return np.concatenate([self.Z.T @ values, self._sums(values)])

    def gram(self, weights: Floats) -> Floats:
        """Compute the weighted cross-products of the columns."""
        q = self.Z.shape[1]
        weighted = self.Z * weights[:, None]
        whole = np.zeros((self.width, self.width))
        whole[:q, :q] = weighted.T @ self.Z
        whole[q:, :q] = self._sums(weighted)
        whole[:q, q:] = whole[q:, :q].T
        whole[range(q, self.width), range(q, self.width)] = self._sums(weights)
        return whole

    def rows(self, places: Indices) -> Floats:
        """Write out the rows of some participants."""
        indicators = np.equal(self.unit[places][:, None], np.arange(1, len(self._ends)))
        return np.column_stack([self.Z[places], indicators])
