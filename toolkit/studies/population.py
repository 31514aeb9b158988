"""Hand people over from a loader to `studies`: with their design, their codebook and where they come from.

Takes what `nhanes`, `simulated` or a user's frame gives; gives the frozen record `Population`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import polars as pl

from toolkit.studies.design import Design
from toolkit.variables.codebook import Codebook


@dataclass(frozen=True)
class Inputs:
    """The files that a population was made from, and those that were looked for and are not there.

    Attributes
    ----------
    files
        Path -> the SHA-256 of what was read there.
    absent
        Paths.
    """

    files: Mapping[Path, str]
    absent: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Population:
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
        As declared. A variable that no cycle measured is in the codebook with its reasons, not in `people`.
    provenance
        Where the data come from: files with hashes, cycles, seeds; plain values only.
    simulated
        True if no person in it is real; every output then says so.
    visits, diary
        Of a cohort: one row a visit, or a night, with `person`, `date` and perhaps `place`; else None.
    inputs
        All that it rests on beside the toolkit itself, if the toolkit may keep a copy to open it quickly
        again: a public survey says so, people's own data never. None: nothing is kept.
    """

    name: str
    label: str
    people: pl.DataFrame = field(repr=False)
    design: Design = field(repr=False)
    codebook: Codebook = field(repr=False)
    provenance: Mapping[str, Any] = field(default_factory=dict, repr=False)
    simulated: bool = False
    visits: pl.DataFrame | None = field(default=None, repr=False)
    diary: pl.DataFrame | None = field(default=None, repr=False)
    inputs: Inputs | None = field(default=None, repr=False, compare=False)

    def with_design(self, design: Design) -> Self:
        """Give a copy of another design, such as `study.design.calibrated(totals)`; the study itself stays.

        Examples
        --------
        >>> import toolkit as tk
        >>> study = tk.open_study("simulated")
        >>> study.with_design(study.design.calibrated({"sex": {"male": 48.0, "female": 52.0}})).people.height
        12000
        """
        return replace(self, design=design)
