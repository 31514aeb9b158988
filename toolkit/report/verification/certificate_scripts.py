"""Write the files of a certificate: script, expected rows, README, and data that may be there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import polars as pl

from toolkit.disclosure import policy_of
from toolkit.errors import VariableError
from toolkit.files.safe_files import replacing
from toolkit.report.verification.r_combined import WRITERS, calls_of, keep_imputation
from toolkit.report.verification.r_expressions import UntranslatableError
from toolkit.report.verification.r_recipes import Written, write_recipe
from toolkit.report.verification.r_requests import Asked
from toolkit.report.verification.r_tables import split
from toolkit.results import INFORMATION, SCHEMA
from toolkit.sources.harmonize.join import PERSON
from toolkit.sources.nhanes.public_recipe import recipe_of
from toolkit.studies import Design, Study, build_designs, label_codes, quote
from toolkit.variables import parse

SCRIPT, EXPECTED, DATA, README = "certificate.R", "expected.csv", "people.csv", "README.txt"
DERIVED, PUBLIC = "derived.csv", "public-use files"
LIBRARY = Path(__file__).with_name("recompute.R")
_NUMBERS = [name for name, dtype in SCHEMA.items() if dtype.is_numeric() and name != "conf_level"]
_OWN_DATA = (
    "This study is neither simulated nor of public-use files, so no participant's data are in this folder. "
    "Who has the data runs the script on them: {files}, a row per participant, with these columns."
)


@dataclass(frozen=True)
class Plan:
    """What a certificate contains; with `imputations`, all results are pooled over these."""

    study: Study
    calls: list[tuple[Asked, pl.DataFrame]]
    folder: Path
    include_data: bool
    imputations: Sequence[Study] = ()

    @cached_property
    def parts(self) -> list[Asked]:
        """The calls that the script recomputes; those that a table consists of each have their own weight."""
        return [part for asked, _ in self.calls for part in calls_of(asked)]

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
        imputed = self.imputed
        found = recipe_of(self.study, [name for name in self.columns if name not in imputed])
        if not found:
            return None
        written = write_recipe(self.study, found)
        return replace(written, included=(*written.included, *imputed))

    @cached_property
    def source(self) -> str:
        """Where the data come from."""
        if self.study.simulated or (self.include_data and not self.recipe):
            return DATA
        return PUBLIC if self.recipe else ""

    @cached_property
    def imputed(self) -> list[str]:
        """The columns that may differ among imputations: all but the design's and the cycle."""
        kept = {*self.design.columns, "cycle"}
        return [name for name in self.columns if name not in kept] if self.imputations else []

    @cached_property
    def design(self) -> Design:
        """The design, with the weights that the results use."""
        design, used = self.study.design, {asked.weight.component for asked in self.parts}
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
        for asked in self.parts:
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
        for number, study in enumerate(self.imputations or (self.study,), start=1):
            people = pl.DataFrame(study.people.select(columns).with_columns(levels.cast(pl.String)))
            own = _number_file(name, str(number)) if self.imputations else name
            with replacing(self.folder / own, private=private) as draft:
                people.write_csv(draft)

    def _readme(self) -> str:
        files = self._files(DATA)
        imputed = f"takes the imputed variables from {self._files(DERIVED)}"
        where = {
            DATA: f"{files} {'have' if self.imputations else 'has'} the participants' data.",
            PUBLIC: "It reads the publisher's files, whose addresses and hashes it lists, and "
            f"{imputed if self.imputations else 'derives each variable from them'}.",
            "": f"The data are not here: whoever has them writes {files} with the columns that the script "
            "lists, and it then compares.",
        }
        rows = len(self.compared)
        return (
            f"This folder certifies {rows:,} result row{'s' * (rows != 1)} of {self.study.label}. Run "
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
        numbers = [*_NUMBERS, *([INFORMATION] if self.imputations else [])]
        yield f"numeric_columns <- c({', '.join(map(quote, numbers))})"
        yield ""
        yield LIBRARY.read_text(encoding="utf-8")
        if self.source == PUBLIC and self.recipe:
            yield "# ---- The publisher's files ----"
            yield from self.recipe.lines
        if not self.imputations:
            yield from self._participants()
        yield "# ---- The results ----"
        for asked, shown in self.calls:
            yield from self._call(asked, shown)
        yield "\nfinish()"

    def _participants(self) -> Iterator[str]:
        """Write how the participants are read, and their design; those of imputation `k` in a function."""
        yield "# ---- The participants ----"
        if not (self.source == PUBLIC and self.recipe):
            yield from self._read(DATA, "people")
        elif self.recipe.included:
            yield "# These columns were derived in the analysis, and are taken from it."
            yield from self._read(DERIVED, "derived", (PERSON, *self.recipe.included))
            yield "place <- match(people$person, derived$person)"
            for name in self.recipe.included:
                yield f"people[[{quote(name)}]] <- derived[[{quote(name)}]][place]"
        yield from self._labels()
        yield "\n# ---- The design ----"
        yield from build_designs(self.design)
        yield ""

    def _files(self, name: str) -> str:
        if not self.imputations:
            return name
        return f"{_number_file(name, '1')} to {_number_file(name, str(len(self.imputations)))}"

    def _read(self, file: str, name: str, columns: Sequence[str] = ()) -> Iterator[str]:
        """Write how a file of participants is read; levels stay text."""
        schema, own = self.study.people.schema, columns or self.columns
        if not self.source:
            yield f"# {_OWN_DATA.format(files=self._files(file))}"
            yield f"# {', '.join(own)}"
        classes = ", ".join(f'`{one}` = "character"' for one in own if not schema[one].is_numeric())
        where = f"sprintf({quote(_number_file(file, '%d'))}, k)" if self.imputations else quote(file)
        yield f'{name} <- read.csv(file.path(here, {where}), check.names = FALSE, na.strings = "",'
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
        for part in split(asked):
            if part.rows:
                yield from self._comparisons(part, rare)

    def _comparisons(self, asked: Asked, rare: Sequence[tuple[str, str]]) -> Iterator[str]:
        writer = WRITERS.get(asked.estimator)
        if writer is None:
            yield from asked.skip_unknown(asked.estimator)
            return
        try:
            before = self._impute(asked) if self.imputations else asked.prepare()
            lines = [*before, *writer(asked)]
        except UntranslatableError as error:
            yield from asked.skip_all(f"the domain cannot be written in R ({error})")
            return
        if any(quote(level) in line for _, level in rare for line in lines):
            yield from asked.skip_all("it names a category of few participants")
            return
        yield from lines

    def _impute(self, asked: Asked) -> Iterator[str]:
        """Write the rows of each imputation as lists of R."""
        yield f"imputations <- lapply(seq_len({len(self.imputations)}), function(k) {{"
        yield from self._participants()
        yield from keep_imputation(asked)
        yield "})"


def _number_file(name: str, number: str) -> str:
    """Name the file of one imputation, such as people_1.csv."""
    return f"{Path(name).stem}_{number}{Path(name).suffix}"
