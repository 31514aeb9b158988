"""Hold people, design and codebook together as a study, and open the studies there are.

Takes a study's name or a frame of one's own; gives a frozen `Study`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from toolkit.codebook import Codebook
from toolkit.design import Design


@dataclass(frozen=True)
class Study:
    """People, their design and their codebook.

    Attributes
    ----------
    name
        A short name, such as "nhanes" or "simulated".
    label
        The name for people to read, which stands in every result: "NHANES 2005-2008", or
        "SIMULATED study (no real people)".
    people
        One row a person: the codebook's variables, their reason columns (`bmi.why`), the design's columns.
    design, codebook
        As declared.
    provenance
        Where the data come from: files with hashes, cycles, seeds; plain values only.
    simulated
        True if no person in it is real; every output then says so.
    """

    name: str
    label: str
    people: pl.DataFrame = field(repr=False)
    design: Design = field(repr=False)
    codebook: Codebook = field(repr=False)
    provenance: Mapping[str, Any] = field(default_factory=dict, repr=False)
    simulated: bool = False
