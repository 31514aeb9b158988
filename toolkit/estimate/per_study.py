"""Keep what was worked out for a study as long as the study lives.

Takes a study; gives a dictionary that is its alone. A study never changes, so nothing in it grows old.
"""

import weakref
from typing import Generic, TypeVar

from toolkit.studies.study import Study

Key = TypeVar("Key")
Value = TypeVar("Value")


class PerStudy(Generic[Key, Value]):
    """One dictionary a study.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> study = tk.study(pl.DataFrame({"cramps": [0, 1]}), design=tk.Design.none())
    >>> kept: PerStudy[str, int] = PerStudy()
    >>> kept.of(study)["people"] = 2
    >>> kept.of(study)
    {'people': 2}
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[weakref.ref[Study], dict[Key, Value]]] = {}

    def of(self, study: Study) -> dict[Key, Value]:
        """Give the dictionary of a study, empty at first."""
        place = id(study)
        known = self._kept.get(place)
        # A number of an object may be given again after its death.
        if known is None or known[0]() is not study:
            known = (weakref.ref(study, lambda _: self._kept.pop(place, None)), {})
            self._kept[place] = known
        return known[1]
