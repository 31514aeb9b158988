"""Name the ways to make replicate weights, and check that what is declared of them is whole.

Takes what a `Design` says of its replicate weights; gives the method's one name, or an error.
"""

from toolkit.errors import DesignError, unknown

METHODS = ("BRR", "Fay", "JK1", "JKn", "bootstrap", "SDR", "other")
_OTHER_NAMES = {"acs": "SDR", "successive-difference": "SDR"}


def read_method(given: str | None) -> str:
    """Read the name of a method, in any case.

    Examples
    --------
    >>> read_method("acs"), read_method("brr")
    ('SDR', 'BRR')
    """
    by_word = {**_OTHER_NAMES, **{name.lower(): name for name in METHODS}}
    known = f"All: {', '.join(METHODS)}"
    if given is None:
        raise DesignError(f"how were the replicate weights made? Say 'replicate_method'. {known}.")
    if given.lower() not in by_word:
        raise DesignError(unknown("'replicate_method' cannot be", given, METHODS, known))
    return by_word[given.lower()]


def require_whole(
    method: str, count: int, scale: float | None, rscales: tuple[float, ...] | None, fay_rho: float
) -> None:
    """Refuse replicates whose variance could not be told.

    Examples
    --------
    >>> require_whole("JK1", 30, None, None, 0.0)
    """
    if count < 2:
        raise DesignError(f"a variance needs at least 2 replicate weights, and the design names {count}.")
    if rscales is not None and len(rscales) != count:
        raise DesignError(
            f"'replicate_rscales' has {len(rscales)} numbers for {count} replicates. Give one for each."
        )
    if method == "JKn" and rscales is None:
        raise DesignError(
            "JKn needs 'replicate_rscales', one a replicate: (n - 1) / n with n the PSUs of the stratum that "
            "it is taken from."
        )
    if method == "Fay" and not 0 < fay_rho < 1:
        raise DesignError(f"Fay's method needs 'fay_rho' between 0 and 1, such as 0.3, not {fay_rho}.")
    if method == "other" and rscales is None and scale is None:
        raise DesignError(
            "the method 'other' needs 'replicate_scale' or 'replicate_rscales'. Methods that have their own: "
            f"{', '.join(METHODS[:-1])}."
        )
