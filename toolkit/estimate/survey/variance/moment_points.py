"""Stand for the participants of a cell by a few points with the same weighted moments of their values.

Means, totals and linear scores depend on the first two moments of continuous values alone, so that they and
their variances are those of the participants: sums of w, w y and w y y', and, where each participant is a
sampling unit, of w², w² y and w² y y'.
"""

from dataclasses import dataclass

import numpy as np

from toolkit.results import Floats, Indices, Mask

# Variances below this part of the squared size of the values are rounding.
_ROUNDING = 1e-14


@dataclass(frozen=True)
class Moments:
    """Sums over the participants of each cell: a measure, and values (k) and their products times it."""

    total: Floats  # cells
    first: Floats  # cells x k
    second: Floats  # cells x k x k

    def spread(self) -> tuple[Floats, Floats]:
        """Compute the mean and the covariance of each cell."""
        mean = self.first / self.total[:, None]
        covariance = self.second / self.total[:, None, None] - mean[:, :, None] * mean[:, None, :]
        return mean, covariance


@dataclass(frozen=True)
class Points:
    """Points of cells, those of one cell together; each with cell, values, weight and squared weight."""

    cell: Indices
    first: Mask  # marks the first point of each cell
    values: Floats  # points x k
    weight: Floats
    squares: Floats


def place_points(
    weight: Moments, squares: Moments | None, total_squares: Floats, scored: tuple[Floats, int] | None = None
) -> Points:
    """Place the points of cells; `squares` are moments under squared weights, if participants are units.

    `scored` are the participants of each cell, and the least number of points, where scores are placed on
    points (`place_scores`).
    """
    mean, covariance = weight.spread()
    count, k = mean.shape
    root = _square_root(covariance, weight)
    alike = ~root.any(axis=(1, 2))
    least = scored[1] if scored else 0
    directions, shares = _axes(k, max(least - 2 * k, 0)) if squares is None else _pattern(k)
    m = len(shares)
    values = mean[:, None, :] + np.einsum("cij,pj->cpi", root, directions)
    weights = weight.total[:, None] * shares
    own = total_squares[:, None] * shares
    if squares is not None:
        own = _match_squares(squares, mean, root, directions)
    elif scored:
        own = np.square(weights) * (m / scored[0])[:, None]
    cell = np.repeat(np.arange(count), m)
    first = np.tile(np.arange(m) == 0, count)
    single = np.asarray(alike, bool)[cell]
    kept = first | ~single
    flat_weights = np.where(single, weight.total[cell], weights.ravel())
    flat_squares = np.where(single, total_squares[cell], own.ravel())
    flat_values = np.where(single[:, None], mean[cell], values.reshape(-1, k))
    return Points(cell[kept], first[kept], flat_values[kept], flat_weights[kept], flat_squares[kept])


def _axes(k: int, middle: int = 0) -> tuple[Floats, Floats]:
    """List directions with their shares, of mean 0 and unit covariance: two along each axis, some at 0."""
    count = 2 * k + middle
    along = np.vstack([np.eye(k), -np.eye(k), np.zeros((middle, k))])
    return along * np.sqrt(count / 2), np.full(count, 1 / count)


def _pattern(k: int) -> tuple[Floats, Floats]:
    """List directions with their shares, of mean 0 and unit covariance, that determine all second moments."""
    unit = np.eye(k)
    pairs = [(i, j) for i in range(k) for j in range(i)]
    corners = [a * unit[i] + b * unit[j] for i, j in pairs for a in (1, -1) for b in (1, -1)]
    omega = 1 / (16 * k * k) if pairs else 0.0
    alpha = 1 / (4 * k)
    along = np.sqrt((1 - 4 * (k - 1) * omega) / (2 * alpha))
    axes = [sign * along * unit[i] for i in range(k) for sign in (1, -1)]
    shares = [1 - 2 * k * alpha - len(corners) * omega, *[alpha] * len(axes), *[omega] * len(corners)]
    return np.array([np.zeros(k), *axes, *corners]), np.array(shares)


def _square_root(covariance: Floats, weight: Moments) -> Floats:
    """Take the symmetric root of each covariance, without what is rounding alone."""
    size = np.einsum("cii->ci", weight.second) / weight.total[:, None]
    deviation = np.sqrt(np.maximum(np.einsum("cii->ci", covariance), 0))
    noise = np.square(deviation) <= _ROUNDING * size
    scale = np.where(noise, 1.0, deviation)
    clean = np.where(noise[:, :, None] | noise[:, None, :], 0.0, covariance)
    correlation = clean / scale[:, :, None] / scale[:, None, :]
    lengths, axes = np.linalg.eigh(correlation)
    lengths = np.where(lengths > 1e-13, lengths, 0.0)
    root = np.einsum("cij,cj,ckj->cik", axes, np.sqrt(lengths), axes)
    found: Floats = scale[:, :, None] * root
    return np.where(noise[:, :, None], 0.0, found)


def _match_squares(squares: Moments, mean: Floats, root: Floats, directions: Floats) -> Floats:
    """Solve for the squared weights of points that have the moments of the participants' squared weights."""
    k = mean.shape[1]
    back = np.linalg.pinv(root, rcond=1e-9)
    shift = squares.first - squares.total[:, None] * mean
    one = np.einsum("cij,cj->ci", back, shift)
    raw = (
        squares.second
        - squares.first[:, :, None] * mean[:, None, :]
        - mean[:, :, None] * squares.first[:, None, :]
        + squares.total[:, None, None] * mean[:, :, None] * mean[:, None, :]
    )
    two = np.einsum("cij,cjk,clk->cil", back, raw, back)
    rows = [np.ones(len(directions)), *directions.T]
    wanted = [squares.total, *one.T]
    for i in range(k):
        for j in range(i + 1):
            rows.append(directions[:, i] * directions[:, j])
            wanted.append(two[:, i, j])
    found: Floats = (np.linalg.pinv(np.array(rows)) @ np.array(wanted)).T
    return found


def place_scores(first: Mask, persons: Floats, totals: Floats, products: Floats) -> Floats:
    """Give each point a share of its cell's scores, so that points have their sums and their products.

    `first` marks the first point of each cell, `persons` are its participants, `totals` the sums of their
    scores and `products` of the products of scores. The square of a point of several counts m / persons.
    """
    start = np.flatnonzero(first)
    size = np.diff(np.append(start, len(first)))
    found = np.zeros((len(first), totals.shape[1]))
    found[start] = totals
    several = np.flatnonzero(size > 1)
    if not len(several):
        return found
    m = int(size[several[0]])
    mean = totals[several] / m
    within = products[several] * (persons[several] / m)[:, None, None]
    within = within - m * mean[:, :, None] * mean[:, None, :]
    scale = np.sqrt(np.maximum(np.einsum("cii->ci", within), 0))
    scale[scale == 0] = 1.0
    lengths, axes = np.linalg.eigh(within / scale[:, :, None] / scale[:, None, :])
    rank = min(m - 1, totals.shape[1])
    root = scale[:, :, None] * axes[:, :, -rank:] * np.sqrt(np.maximum(lengths[:, None, -rank:], 0))
    placed = mean[:, None, :] + np.einsum("cij,pj->cpi", root, _contrasts(m)[:, :rank])
    found[start[several][:, None] + np.arange(m)] = placed
    return found


def _contrasts(m: int) -> Floats:
    """List orthonormal contrasts of m points (Helmert), by column."""
    contrasts = np.tril(np.ones((m, m)), -1).T[:, 1:]
    contrasts[np.arange(1, m), np.arange(m - 1)] = -np.arange(1, m)
    unit: Floats = contrasts / np.linalg.norm(contrasts, axis=0)
    return unit
