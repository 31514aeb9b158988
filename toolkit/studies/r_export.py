"""Export a study to R: files readable by the user alone, and a script that rebuilds the survey design."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from toolkit.errors import VariableError, as_path
from toolkit.files.safe_files import replacing, write_parquet, write_text
from toolkit.studies.calibration_targets import Calibration
from toolkit.studies.cycle_weights import ComponentWeight
from toolkit.studies.design import Design
from toolkit.variables import Codebook, Variable, weight_name, why

SCRIPT = "study.R"
_TYPES = {"SDR": "ACS"}


@dataclass(frozen=True)
class Exported:
    """What R needs of a study; the class `Study` itself imports this module."""

    people: pl.DataFrame
    design: Design
    codebook: Codebook
    label: str
    simulated: bool


def write_r(study: Exported, folder: str | Path) -> Path:
    """Write people.csv, people.parquet and study.R into a folder, and return the path of the script."""
    target = as_path(folder, "study.to_r")
    people = _without_ids(study)
    for name in people.columns:
        if "`" in name or "\\" in name:
            raise VariableError(
                f"The column '{name}' contains a character that R does not allow in names. Rename the "
                "column first."
            )
    write_parquet(target / "people.parquet", people, private=True)
    with replacing(target / "people.csv", private=True) as draft:
        people.write_csv(draft)
    write_text(target / SCRIPT, "\n".join(_script(study)) + "\n")
    return target / SCRIPT


def _without_ids(study: Exported) -> pl.DataFrame:
    """Keep the codebook's variables with their reasons and the design's columns; ids stay behind."""
    there = frozenset(study.people.columns)
    known = [name for name in study.codebook if name in there]
    reasons = [why(name) for name in known if why(name) in there]
    columns = dict.fromkeys([*known, *reasons, *study.design.columns])
    texts = pl.selectors.enum() | pl.selectors.categorical()
    return study.people.select(list(columns)).with_columns(texts.cast(pl.String))


def _script(study: Exported) -> Iterator[str]:
    yield f"# {_one_line(study.label)}: people and design for R, of {study.people.height} people."
    if study.simulated:
        yield "# SIMULATED: no person in it is real."
    yield "library(survey)"
    yield 'here <- Sys.getenv("STUDY_FOLDER", ".")  # the folder of this script, if R runs elsewhere'
    yield 'people <- read.csv(file.path(here, "people.csv"), check.names = FALSE, na.strings = "",'
    schema = _without_ids(study).schema
    # R before 4.3 reads the words true and false as text, and so does every version here.
    words = (pl.String, pl.Boolean)
    texts = [f'`{name}` = "character"' for name, dtype in schema.items() if isinstance(dtype, words)]
    classes = f"c({', '.join(texts)})" if texts else "NA"
    yield f"                   colClasses = {classes})"
    for name, variable in study.codebook.items():
        if name in study.people.columns and variable.levels:
            yield _factor(variable, study.people.schema[name])
    yield from build_designs(study.design)


def label_codes(name: str, levels: Sequence[str], dtype: pl.DataType) -> str:
    """Write the levels of a column of `people` that is true or false, or 0 or 1; "" for another column."""
    if not isinstance(dtype, pl.Boolean) and not dtype.is_numeric():
        return ""
    column, codes = f"people[[{quote(name)}]]", '"false", "true"' if isinstance(dtype, pl.Boolean) else "0, 1"
    labels = ", ".join(map(quote, levels))
    return f"{column} <- factor({column}, levels = c({codes}), labels = c({labels}))"


def _factor(variable: Variable, dtype: pl.DataType) -> str:
    if coded := label_codes(variable.name, variable.levels, dtype):
        return coded
    column = f"people[[{quote(variable.name)}]]"
    levels = ", ".join(quote(level) for level in variable.levels)
    reference = variable.reference or variable.levels[0]
    if variable.ordered and len(variable.levels) > 2:
        # R's polynomial contrasts would hide the levels: they are compared with the reference, as here.
        base = variable.levels.index(reference) + 1
        return (
            f"{column} <- factor({column}, levels = c({levels}), ordered = TRUE)\n"
            f"contrasts({column}) <- contr.treatment(c({levels}), base = {base})"
        )
    reference = quote(reference)
    return f"{column} <- relevel(factor({column}, levels = c({levels})), ref = {reference})"


def build_designs(design: Design) -> Iterator[str]:
    """Write the design of the data frame `people`: `design`, or one per component of the weights."""
    yield f"options(survey.lonely.psu = {quote(design.lonely_psu)})"
    weights = design.components
    if not weights:
        yield f"design <- {_design(design, None, 'people')}"
        yield from _calibrated("design", design.calibration)
    if design.cycles:
        yield from _pooling(weights)
    for component, weight in weights.items():
        own = weight_name(component).replace("weight", "design", 1)
        name = "design" if isinstance(design.weight, str) else own
        if weight.cycles:
            chosen = f"own <- pooled_people({quote(component)}, cycles)"
            made = _design(design, _POOLED, _weighted(design, _POOLED, "own"), component)
            yield f"{name}_of <- function(cycles = NULL) {{ {chosen}; {made} }}"
            yield f"{name} <- {name}_of()"
        else:
            inside = _weighted(design, weight.column, "people")
            yield f"{name} <- {_design(design, weight.column, inside, component)}"
        yield from _calibrated(name, design.calibration)


def _weighted(design: Design, column: str, people: str) -> str:
    """Keep who has a weight; one of 0 keeps its stratum and PSU in the design, and makes no replicates."""
    weight = f"{people}[[{quote(column)}]]"
    positive = f" & {weight} > 0" if design.replicate_weights else ""
    return f"{people}[!is.na({weight}){positive}, ]"


def _pooling(weights: Mapping[str, ComponentWeight]) -> Iterator[str]:
    """Write each cycle's weights and the function that pools those of the cycles of an analysis."""
    yield "# An analysis pools the cycles that measured all its variables, by years: name them, such as"
    yield '# design_interview_of("2007-2008"). design_interview pools all cycles that have the weight.'
    yield "cycle_weights <- rbind("
    rows = [
        f"  data.frame(component = {quote(component)}, cycle = {quote(w.cycle)}, column = {quote(w.column)}, "
        f"years = {w.years!r}, scale = {w.scale!r}, pooled_column = {quote(w.pooled_column)}, "
        f"pooled_years = {w.pooled_years!r}, alone = {str(w.alone).upper()})"
        for component, weight in weights.items()
        for w in weight.cycles
    ]
    yield ",\n".join(rows) + ")"
    yield _POOL


_POOLED = "pooled_weight"
_POOL = f"""pooled_people <- function(component, cycles = NULL) {{
  own <- cycle_weights[cycle_weights$component == component, ]
  if (!is.null(cycles)) own <- own[own$cycle %in% cycles, ]
  several <- nrow(own) > 1
  pooled <- several & any(own$alone) & own$pooled_column != ""
  column <- ifelse(pooled, own$pooled_column, own$column)
  years <- ifelse(pooled, own$pooled_years, own$years)
  times <- own$scale * (if (several) years / sum(own$years) else 1)
  place <- match(people$cycle, own$cycle)
  chosen <- people[!is.na(place), ]
  place <- place[!is.na(place)]
  chosen${_POOLED} <- NA
  for (k in seq_len(nrow(own)))
    chosen${_POOLED}[place == k] <- chosen[[column[k]]][place == k] * times[k]
  chosen
}}"""


def _design(design: Design, weight: str | None, people: str, component: str = "") -> str:
    if design.replicate_weights:
        return _replicates(design, weight, people, design.replicates_of(component))
    terms = {
        "ids": _formula(design.stages),
        "strata": _formula((design.strata,)) if design.strata else "NULL",
        "fpc": _formula(design.fpcs) if design.fpcs else "NULL",
        "weights": _formula((weight,)) if weight else "NULL" if design.fpcs else "~1",
        "nest": "TRUE" if design.nest and design.strata else "FALSE",
    }
    return _call("svydesign", {**terms, "data": people})


def _replicates(design: Design, weight: str | None, people: str, columns: tuple[str, ...]) -> str:
    method = design.replicate_method or "other"
    terms = {
        "weights": _formula((weight,)) if weight else "NULL",
        "repweights": f"{people}[, c({', '.join(map(quote, columns))})]",
        "type": quote(_TYPES.get(method, method)),
        "combined.weights": str(not design.replicate_factors).upper(),
        "mse": str(design.mse).upper(),
    }
    if design.replicate_scale is not None:
        terms["scale"] = repr(design.replicate_scale)
    if design.replicate_rscales is not None:
        terms["rscales"] = f"c({', '.join(map(repr, design.replicate_rscales))})"
    if method == "Fay":
        terms["rho"] = repr(design.fay_rho)
    return _call("svrepdesign", {**terms, "data": people})


def _calibrated(name: str, calibration: Calibration | None) -> Iterator[str]:
    """Calibrate by marks of the levels: one way for post-strata, margins and numbers."""
    if calibration is None:
        return
    marks, totals = [], []
    for place, margin in enumerate(calibration.margins):
        # The last level of a further margin follows from the others.
        kept = margin.totals[: -1 if place and margin.crossed else None]
        for levels, total in kept:
            marks.append(_mark(margin.variables, levels))
            totals.append(f"total_{len(marks)} = {total!r}")
    columns = [f"total_{number + 1}" for number in range(len(marks))]
    pairs = ", ".join(f"{column} = {mark}" for column, mark in zip(columns, marks, strict=True))
    yield f"# {_one_line(calibration.sentence)}. R's rake() has the same weights and other standard errors."
    yield f"{name} <- update({name}, {pairs})"
    terms = {
        "formula": f"~0 + {' + '.join(columns)}",
        "population": f"c({', '.join(totals)})",
        "calfun": quote(calibration.method),
        "epsilon": "1e-12",
        "maxit": "500",
    }
    if calibration.bounds:
        terms["bounds"] = "c({!r}, {!r})".format(*calibration.bounds)
    yield f"{name} <- {_call('calibrate', {'design': name, **terms})}"


def _mark(variables: tuple[str, ...], levels: tuple[str, ...]) -> str:
    if not levels:
        return f"`{variables[0]}`" if variables else "1"
    same = (f"`{name}` == {quote(level)}" for name, level in zip(variables, levels, strict=True))
    return f"1 * ({' & '.join(same)})"


def _call(function: str, terms: Mapping[str, str]) -> str:
    return f"{function}({', '.join(f'{name} = {value}' for name, value in terms.items())})"


def _formula(columns: tuple[str, ...]) -> str:
    return "~" + (" + ".join(f"`{column}`" for column in columns) or "1")


def quote(text: str) -> str:
    """Write text in quotes for R."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _one_line(words: str) -> str:
    return " ".join(words.split())
