"""Replicate methods: their names, and the constants that each of them requires."""

from toolkit.errors import DesignError, unknown

METHODS = ("BRR", "Fay", "JK1", "JKn", "bootstrap", "SDR", "other")
_OTHER_NAMES = {"acs": "SDR", "successive-difference": "SDR"}


def read_method(given: str | None) -> str:
    """Return the standard name of a replicate method, given in any case.

    Examples
    --------
    >>> read_method("acs"), read_method("brr")
    ('SDR', 'BRR')
    """
    by_word = {**_OTHER_NAMES, **{name.lower(): name for name in METHODS}}
    known = f"All: {', '.join(METHODS)}"
    if given is None:
        raise DesignError(f"The design has replicate weights but no method. Set replicate_method=. {known}.")
    if given.lower() not in by_word:
        raise DesignError(unknown("'replicate_method' cannot be", given, METHODS, known))
    return by_word[given.lower()]


def require_whole(
    method: str, count: int, scale: float | None, rscales: tuple[float, ...] | None, fay_rho: float
) -> None:
    """Refuse replicate weights whose variance is not determined."""
    if count < 2:
        raise DesignError(
            f"A variance requires at least 2 replicate weights, but the design has {count}. Add the others."
        )
    if rscales is not None and len(rscales) != count:
        raise DesignError(
            f"'replicate_rscales' has {len(rscales)} numbers for {count} replicates. Supply one for each."
        )
    if method == "JKn" and rscales is None:
        raise DesignError(
            "JKn requires 'replicate_rscales', one per replicate. Supply (n - 1) / n, where n is the number "
            "of "
            "PSUs in the stratum of the omitted PSU."
        )
    if method == "Fay" and not 0 < fay_rho < 1:
        raise DesignError(
            f"Fay's method requires 'fay_rho' between 0 and 1, not {fay_rho}. Use 0.3, for example."
        )
    if method == "other" and rscales is None and scale is None:
        raise DesignError(
            "The method 'other' requires 'replicate_scale' or 'replicate_rscales'. Supply one of them, or "
            "use "
            f"a method that determines them: {', '.join(METHODS[:-1])}."
        )
