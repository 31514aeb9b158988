"""Write a certificate of a result: a script that recomputes each number by R's survey package and compares.

Whose data may be beside it is decided here: of simulated people and public-use files, but of no other study.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import cast

import polars as pl

from toolkit.disclosure import is_hidden, policy_of, show
from toolkit.errors import EstimationError, VariableError, require_study
from toolkit.estimate.survey import variables_of_call
from toolkit.files.safe_files import replacing
from toolkit.report.verification import r_descriptive, r_models
from toolkit.report.verification.r_expressions import UntranslatableError
from toolkit.report.verification.r_recipes import Written, write_recipe
from toolkit.report.verification.r_requests import Asked
from toolkit.results import SCHEMA, Estimates
from toolkit.sources.harmonize.join import PERSON
from toolkit.sources.nhanes.public_recipe import recipe_of
from toolkit.studies import Design, EnginePeople, Study, build_designs, label_codes, label_of, quote
from toolkit.variables import parse

SCRIPT, EXPECTED, DATA, README = "certificate.R", "expected.csv", "people.csv", "README.txt"
DERIVED, PUBLIC = "derived.csv", "public-use files"
LIBRARY = Path(__file__).with_name("recompute.R")
_WRITERS = {**r_descriptive.WRITERS, **r_models.WRITERS}
_NUMBERS = [name for name, dtype in SCHEMA.items() if dtype.is_numeric() and name != "conf_level"]
_OWN_DATA = (
    "This study is neither simulated nor of public-use files, so no participant's data are in this folder. "
    "Who has the data runs the script on them: people.csv, a row per participant, with these columns."
)


@dataclass(frozen=True)
class Certificate:
    """A certificate in a folder.

    Attributes
    ----------
    folder
        The folder with the script, the expected numbers, a README and, where they may be there, the data.
    rows
        The number of rows that the script compares.
    left_out
        The number of rows without numbers, because they are suppressed or could not be estimated.
    data
        Where the data come from: "people.csv", "public-use files", or "" if the reader has to supply them.

    Examples
    --------
    >>> import tempfile, toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> tk.certificate(study, tk.mean(study, "bmi"), tempfile.mkdtemp()).data
    'people.csv'
    """

    folder: Path
    rows: int
    left_out: int
    data: str

    @property
    def script(self) -> Path:
        """The script; run it with ``Rscript certificate.R`` in its folder."""
        return self.folder / SCRIPT

    def __str__(self) -> str:
        lost = f" Left out without numbers: {self.left_out:,}." if self.left_out else ""
        return f"{self.script}: {self.rows:,} row{'s' * (self.rows != 1)} to be recomputed in R.{lost}"


def certificate(
    study: Study,
    result: Estimates | Sequence[Estimates],
    folder: str | Path,
    *,
    include_data: bool = False,
) -> Certificate:
    """Write an R script that recomputes a result with the package survey and compares every number.

    Parameters
    ----------
    study
        The study that the result is of.
    result
        What an estimator returned, unchanged; or several of them.
    folder
        The folder to be written: `certificate.R`, `expected.csv` (the rows), `README.txt`, and the data if
        the study is simulated. For public-use files the script reads the publisher's files, whose addresses
        and hashes it lists.
    include_data
        Whether to write the data of any other study too, into files that you alone can read. Without it the
        folder has no data, and no totals by stratum, PSU or pattern, most of which are of single
        participants.

    Returns
    -------
    Certificate
        The folder, and how many rows are compared.

    Raises
    ------
    EstimationError
        If the rows were changed after estimation, or all of them are suppressed or failed.
    VariableError
        If a column has a name that R cannot read.
    DatasetError
        If the participants are on an engine, or the folder cannot be written.

    Notes
    -----
    ``Rscript certificate.R`` prints a line for each row and ends with status 1 if a number differs by more
    than 1e-8 (or by the tolerance that the line states, where R itself approximates). Rows that R's survey
    package has no function for are counted as not recomputed.

    Examples
    --------
    >>> import tempfile, toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> result = tk.prevalence(study, outcome="any_cramps", by="sex", domain="age >= 20")
    >>> tk.certificate(study, result, tempfile.mkdtemp()).rows
    2
    """
    require_study(study, "tk.certificate")
    if isinstance(study.people, EnginePeople):
        study.people.refuse()
    several = isinstance(result, Iterable) and not isinstance(result, pl.DataFrame)
    results = cast("list[pl.DataFrame]", [*result] if several else [result])
    if not results:
        raise EstimationError(
            "A certificate requires a result, and this is an empty list. Supply what an "
            "estimator returned, such as tk.certificate(study, tk.prevalence(study, ...), folder)."
        )
    plan = _Plan(study, _number_calls(study, results), Path(folder), include_data)
    if not plan.compared:
        raise EstimationError(
            f"All {plan.left_out} rows of this result are suppressed or could not be estimated, which leaves "
            "no number to certify. Certify a result with shown estimates, such as one of a wider domain."
        )
    plan.write()
    return Certificate(plan.folder, len(plan.compared), plan.left_out, plan.source)


def _number_calls(study: Study, results: Sequence[pl.DataFrame]) -> list[tuple[Asked, pl.DataFrame]]:
    """Assign numbers to the rows of all results, and give each result with its call and its rows as shown."""
    found, first = [], 1
    for number, one in enumerate(results, start=1):
        called = one.call() if isinstance(one, Estimates) else None
        if called is None:
            raise EstimationError(
                f"The analysis behind result {number:,}, a '{type(one).__name__}', is unknown, because it "
                "was changed or copied after estimation, or its estimator records none. Supply what the "
                "estimator returned, such as tk.certificate(study, tk.prevalence(study, ...), folder)."
            )
        names, by = variables_of_call(study, called[1])
        shown = show(one)
        rows = [(first + place, row) for place, row in enumerate(one.rows(named=True))]
        visible = dict(zip((k for k, _ in rows), shown.rows(named=True), strict=True))
        kept = [(k, row) for k, row in rows if not is_hidden(visible[k]) and row["reliability"] != "failed"]
        if called[0] == "predict":
            by = ()
        domain = called[1].get("domain") or ""
        own = tuple(name for name in names if name not in by)
        asked = Asked(study, called[0], called[1], own, by, kept, domain, number, visible)
        _require_own(asked, one)
        found.append((asked, shown.with_columns(pl.Series(".row", [k for k, _ in rows], pl.Int64))))
        first += one.height
    return found


def _require_own(asked: Asked, rows: pl.DataFrame) -> None:
    """Raise unless rows are of the study, with the cycles that contribute to their analysis."""
    own = label_of(asked.study.label, asked.study.design.cycles, asked.weight.cycles)
    other = next((name for name in rows["study"] if name != own), None)
    if other is not None:
        raise EstimationError(
            f"The rows of tk.{asked.estimator} are of '{other}', and the study supplied would give rows of "
            f"'{own}'. Supply the study that the result is of."
        )


@dataclass(frozen=True)
class _Plan:
    """What a certificate contains."""

    study: Study
    calls: list[tuple[Asked, pl.DataFrame]]
    folder: Path
    include_data: bool

    @cached_property
    def compared(self) -> list[int]:
        """The numbers of the rows that have a number."""
        return [number for asked, _ in self.calls for number, _ in asked.rows]

    @cached_property
    def left_out(self) -> int:
        """How many rows have none."""
        return sum(shown.height for _, shown in self.calls) - len(self.compared)

    @cached_property
    def recipe(self) -> Written | None:
        """How the participants follow from public-use files; None if the study is not of these."""
        found = recipe_of(self.study, self.columns)
        return write_recipe(self.study, found) if found else None

    @cached_property
    def source(self) -> str:
        """Where the data come from."""
        if self.study.simulated or (self.include_data and not self.recipe):
            return DATA
        return PUBLIC if self.recipe else ""

    @cached_property
    def design(self) -> Design:
        """The design, with the weights that the results use."""
        design, used = self.study.design, {asked.weight.component for asked, _ in self.calls}
        if not isinstance(design.weight, Mapping):
            return design
        weights = {name: weight for name, weight in design.weight.items() if name in used}
        replicates = design.replicate_weights
        if isinstance(replicates, Mapping):
            replicates = {name: columns for name, columns in replicates.items() if name in used}
        return replace(design, weight=weights, replicate_weights=replicates)

    @cached_property
    def columns(self) -> list[str]:
        """The columns of the participants that the script reads."""
        study, names = self.study, []
        for asked, _ in self.calls:
            condition = parse(asked.domain).expression(study.people.schema)
            names += [*asked.names, *asked.by, *condition.meta.root_names()]
        calibration = self.design.calibration
        margins = calibration.margins if calibration else ()
        names += [name for margin in margins for name in margin.variables]
        names += ["cycle"] if study.design.cycles else []
        found = [
            name for name in dict.fromkeys([*names, *self.design.columns]) if name in study.people.columns
        ]
        for name in found:
            if "`" in name or "\\" in name:
                raise VariableError(
                    f"The column '{name}' contains a character that R does not allow in names. Rename the "
                    "column first."
                )
        return found

    def write(self) -> None:
        """Write all files of the folder."""
        private = self.source == DATA and not self.study.simulated
        expected = pl.concat([shown for _, shown in self.calls], how="diagonal")
        texts = {SCRIPT: "\n".join(self._script()) + "\n", README: self._readme()}
        for name, text in texts.items():
            with replacing(self.folder / name, private=private) as draft:
                draft.write_text(text, encoding="utf-8")
        with replacing(self.folder / EXPECTED, private=private) as draft:
            expected.write_csv(draft)
        if self.source == DATA:
            self._write_people(DATA, self.columns, private=private)
        elif self.recipe and self.recipe.included:
            self._write_people(DERIVED, (PERSON, *self.recipe.included), private=False)

    def _write_people(self, name: str, columns: Sequence[str], *, private: bool) -> None:
        levels = pl.selectors.enum() | pl.selectors.categorical()
        people = pl.DataFrame(self.study.people.select(columns).with_columns(levels.cast(pl.String)))
        with replacing(self.folder / name, private=private) as draft:
            people.write_csv(draft)

    def _readme(self) -> str:
        where = {
            DATA: "people.csv has the participants' data.",
            PUBLIC: "It reads the publisher's files, whose addresses and hashes it lists, and derives each "
            "variable from them.",
            "": "The data are not here: whoever has them writes people.csv with the columns that the script "
            "lists, and it then compares.",
        }
        return (
            f"This folder certifies {len(self.compared)} results of {self.study.label}. Run "
            f"`Rscript {SCRIPT}` in it, with the package survey installed: it recomputes each row of "
            f"{EXPECTED} and says which digits differ. {where[self.source]}\n"
        )

    def _script(self) -> Iterator[str]:
        study = self.study
        label = " ".join(study.label.split())
        yield f"# Recomputes results of {label} by the package survey. Rows: {len(self.compared)}."
        if study.simulated:
            yield "# SIMULATED: no person in it is real."
        yield "suppressMessages({ library(survey); library(survival) })"
        yield 'here <- Sys.getenv("CERTIFICATE_FOLDER", ".")  # the folder of this script'
        how = 'check.names = FALSE, na.strings = ""'
        yield f"expected <- read.csv(file.path(here, {quote(EXPECTED)}), {how})"
        yield f"numeric_columns <- c({', '.join(map(quote, _NUMBERS))})"
        yield ""
        yield LIBRARY.read_text(encoding="utf-8")
        yield "# ---- The participants ----"
        yield from self.recipe.lines if self.source == PUBLIC and self.recipe else self._read(DATA, "people")
        if self.source == PUBLIC and self.recipe and self.recipe.included:
            yield "# These columns were derived in the analysis, and are taken from it."
            yield from self._read(DERIVED, "derived", (PERSON, *self.recipe.included))
            yield "place <- match(people$person, derived$person)"
            for name in self.recipe.included:
                yield f"people[[{quote(name)}]] <- derived[[{quote(name)}]][place]"
        yield from self._labels()
        yield "\n# ---- The design ----"
        yield from build_designs(self.design)
        yield ""
        yield "# ---- The results ----"
        for asked, shown in self.calls:
            yield from self._call(asked, shown)
        yield "\nfinish()"

    def _read(self, file: str, name: str, columns: Sequence[str] = ()) -> Iterator[str]:
        """Write how a file of participants is read; levels stay text."""
        schema, own = self.study.people.schema, columns or self.columns
        if not self.source:
            yield f"# {_OWN_DATA}"
            yield f"# {', '.join(own)}"
        classes = ", ".join(f'`{one}` = "character"' for one in own if not schema[one].is_numeric())
        yield f'{name} <- read.csv(file.path(here, {quote(file)}), check.names = FALSE, na.strings = "",'
        yield f"{' ' * len(name)}             colClasses = {f'c({classes})' if classes else 'NA'})"

    def _labels(self) -> Iterator[str]:
        """Write the labels of yes and no; other levels are text."""
        for name in self.columns:
            levels = self.study.codebook[name].levels if name in self.study.codebook else ()
            coded = label_codes(name, levels, self.study.people.schema[name]) if levels else ""
            if coded:
                yield coded

    def _call(self, asked: Asked, shown: pl.DataFrame) -> Iterator[str]:
        """Write the comparisons of one result; a line that would name a rare category is left out."""
        yield f"\n# tk.{asked.estimator}"
        rare = () if self.source else policy_of(self.study.label).pairs
        kept = {number for number, _ in asked.rows}
        for number in shown[".row"]:
            if number not in kept:
                reason = shown.filter(pl.col(".row") == number)["reliability"].item() or "failed"
                what = quote(f"left out, because it is {reason}")
                yield f'note({number}, {quote(asked.label(number))}, {what}, "left out")'
        if asked.rows:
            yield from self._comparisons(asked, rare)

    def _comparisons(self, asked: Asked, rare: Sequence[tuple[str, str]]) -> Iterator[str]:
        writer = _WRITERS.get(asked.estimator)
        if writer is None:
            yield from self._skip(asked, f"R's survey package has no counterpart of tk.{asked.estimator}")
            return
        try:
            lines = [*asked.prepare(), *writer(asked)]
        except UntranslatableError as error:
            yield from self._skip(asked, f"the domain cannot be written in R ({error})")
            return
        if any(quote(level) in line for _, level in rare for line in lines):
            yield from self._skip(asked, "it names a category of few participants")
            return
        yield from lines

    @staticmethod
    def _skip(asked: Asked, why_not: str) -> Iterator[str]:
        for number, _ in asked.rows:
            yield asked.skip(number, why_not)
