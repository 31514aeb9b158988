"""Write the analytic data set of a study for Stata, SAS, SPSS or as parquet, with labels and reasons.

The files contain rows of participants and are readable by the user alone. Export to R is in `r_export`.
"""

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from toolkit.errors import DatasetError, VariableError, as_path, join_list, unknown
from toolkit.files.safe_files import replacing
from toolkit.studies.r_export import Exported
from toolkit.variables import Codebook, Variable, parse, why

FORMATS = {".dta": "Stata", ".xpt": "SAS transport", ".sav": "SPSS", ".parquet": "parquet"}
_CYCLE, _INSIDE = "cycle", "in_domain"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LONGEST = {".dta": 32, ".xpt": 32, ".sav": 64}
_LABEL = {".dta": 80, ".xpt": 256, ".sav": 255}
_SHORT = 8  # The longest name and
_SHORT_LABEL = 40  # label of version 5 of transport files, which every program reads.


@dataclass
class _Table:
    """The columns of a file with their labels, in the form that pyreadstat takes."""

    columns: dict[str, pl.Series] = field(default_factory=dict)
    objects: dict[str, list[Any]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[Any, str]] = field(default_factory=dict)
    missing: dict[str, Any] = field(default_factory=dict)


def write_data(
    study: Exported, path: str | Path, *, variables: Sequence[str] | None, domain: str, overwrite: bool
) -> Path:
    """Write variables of all participants, whether they are in the domain, and the columns of the design."""
    target = as_path(path, "study.write")
    kind = target.suffix.lower()
    if kind not in FORMATS:
        known = join_list((f"{ending} ({name})" for ending, name in FORMATS.items()), "or")
        raise DatasetError(
            unknown(f"The format of '{target.name}' is not known:", kind, FORMATS, f"Use {known}")
        )
    if target.is_dir() or (target.exists() and not overwrite):
        raise DatasetError(
            f"'{target}' exists and was not replaced. Choose another name, or use overwrite=True for a file."
        )
    codebook = study.codebook
    names = _choose_variables(study.people, codebook, variables)
    rows, inside = _mark_domain(study.people, domain)
    extra = [name for name in dict.fromkeys([*study.design.columns, *inside]) if name not in names]
    if kind == ".parquet":
        with replacing(target, private=True) as draft:
            _write_parquet(rows, [*names, *extra], codebook, study.label, draft)
        return target
    table = _Table()
    for name in names:
        if name in codebook:
            _add_variable(table, rows, codebook[name], kind)
        else:
            _add_column(table, name, rows[name], name.replace("_", " "), kind)
    for name in extra:
        _add_column(table, name, rows[name], inside.get(name, f"survey design: {name}"), kind)
    _check_names(list(table.columns), kind)
    with replacing(target, private=True) as draft, _restate_errors(target, kind):
        _write(table, kind, draft, study.label)
        _expect_whole(draft, kind, rows.height)
    return target


def _choose_variables(people: pl.DataFrame, codebook: Codebook, variables: Sequence[str] | None) -> list[str]:
    """Return the measured variables, or those asked for; `cycle` is added where there are several.

    Dates of participants, such as the start of follow-up, count although they are not in the codebook.
    """
    dates = [name for name, dtype in people.schema.items() if dtype.is_temporal()]
    columns = frozenset(people.columns)
    present = list(dict.fromkeys([*(name for name in codebook if name in columns), *dates]))
    if variables is None:
        return present
    for name in variables:
        if name not in present:
            raise VariableError(
                unknown(
                    "This study has no measured variable", name, present,
                    "List all variables with study.variables()",
                )
            )  # fmt: skip
    own = [_CYCLE] if _CYCLE in present and people[_CYCLE].n_unique() > 1 else []
    return list(dict.fromkeys([*variables, *own]))


def _mark_domain(people: pl.DataFrame, domain: str) -> tuple[pl.DataFrame, dict[str, str]]:
    """Add a mark of the participants in a domain, and return its label; null is outside."""
    frame, condition = people.select(pl.all()), parse(domain)
    if not condition.text:
        return frame, {}
    if _INSIDE in frame.columns:
        raise VariableError(
            f"This study has a variable '{_INSIDE}', the name of the mark of the domain. Derive it under "
            "another name, or leave out domain=."
        )
    marked = frame.with_columns(
        condition.expression(frame.schema).fill_null(value=False).cast(pl.Float64).alias(_INSIDE)
    )
    if not marked[_INSIDE].sum():
        raise DatasetError(
            f"No participants meet the condition '{condition.text}' ({frame.height:,} in the study). Check "
            "the condition."
        )
    return marked, {_INSIDE: f"in the domain: {condition.text}"}


def _check_names(names: Sequence[str], kind: str) -> None:
    bad = [
        name for name in names if len(name) > _LONGEST[kind] or not name.isidentifier() or not name.isascii()
    ]
    if bad:
        raise VariableError(
            f"{FORMATS[kind]} does not allow the name '{bad[0]}' ({len(bad)} of {len(names)} columns). Names "
            f"have letters, digits and _, at most {_LONGEST[kind]}. Choose others with variables=[...], or "
            "write .parquet."
        )
    lower: dict[str, str] = {}
    for name in names:
        if lower.setdefault(name.lower(), name) != name:
            raise VariableError(
                f"The names '{lower[name.lower()]}' and '{name}' differ only in capitals, which "
                f"{FORMATS[kind]} does not distinguish. Choose one of them with variables=[...]."
            )


def _add_variable(table: _Table, rows: pl.DataFrame, variable: Variable, kind: str) -> None:
    """Add a variable with value labels, and with the reasons of its missing values."""
    name, column = variable.name, rows[variable.name]
    reasons = _read_reasons(rows, name)
    known = sorted(reasons.drop_nulls().unique())
    if kind == ".xpt":
        _add_column(table, name, _write_levels(variable, column), variable.title, kind)
        coded = pl.Series([], dtype=pl.String)
    else:
        coded, labels = _code_levels(variable, column)
        _add_column(table, name, coded, variable.title, kind)
        if labels:
            table.values[name] = labels
    if known and coded.dtype.is_numeric() and (kind == ".sav" or len(known) <= len(_LETTERS)):
        _add_reasons(table, name, coded, (reasons, known), kind)
    elif known:
        _add_column(table, f"{name}_why", reasons, f"why missing: {variable.title}", kind)


def _read_reasons(rows: pl.DataFrame, name: str) -> pl.Series:
    """Return the reason of each missing value as text; null where there is a value."""
    if why(name) not in rows.columns:
        return pl.Series([None] * rows.height, dtype=pl.String)
    missing = pl.col(name).is_null()
    return rows.select(pl.when(missing).then(pl.col(why(name)).cast(pl.String)).alias(name)).to_series()


def _write_levels(variable: Variable, column: pl.Series) -> pl.Series:
    """Write levels as text."""
    if not variable.levels or column.dtype in (pl.String, pl.Enum, pl.Categorical):
        return column
    return column.cast(pl.Int64).replace_strict(dict(enumerate(variable.levels)), return_dtype=pl.String)


def _code_levels(variable: Variable, column: pl.Series) -> tuple[pl.Series, dict[Any, str]]:
    """Code levels as numbers: no/yes as 0 and 1, others from 1 in their order."""
    if not variable.levels:
        return column, {}
    start = 0 if variable.kind == "yes_no" else 1
    codes = {level: start + place for place, level in enumerate(variable.levels)}
    labels: dict[Any, str] = {code: level for level, code in codes.items()}
    if isinstance(column.dtype, pl.Boolean) or column.dtype.is_numeric():
        return column.cast(pl.Float64), labels
    return column.cast(pl.String).replace_strict(codes, return_dtype=pl.Float64), labels


def _add_reasons(
    table: _Table, name: str, coded: pl.Series, given: tuple[pl.Series, list[str]], kind: str
) -> None:
    """Put a code in the place of each missing value with a reason, and label the code."""
    reasons, known = given
    if kind == ".dta":
        codes: dict[str, Any] = dict(zip(known, _LETTERS, strict=False))
        table.missing[name] = list(codes.values())
    else:
        numbers = _choose_codes(coded, len(known))
        codes = dict(zip(known, numbers, strict=True))
        few = len(known) <= 3
        table.missing[name] = numbers if few else [{"lo": min(numbers), "hi": max(numbers)}]
    filled = [
        codes.get(reason) if value is None else value for value, reason in zip(coded, reasons, strict=True)
    ]
    if kind == ".dta":
        table.objects[name] = filled
    else:
        table.columns[name] = pl.Series(filled, dtype=pl.Float64)
    table.values[name] = {**table.values.get(name, {}), **{code: text for text, code in codes.items()}}


def _choose_codes(column: pl.Series, count: int) -> list[float]:
    """Choose codes below every value of a variable: -99, -98 ..., or -999, -998 ... and so on."""
    lowest = float(column.min() or 0)  # type: ignore[arg-type]
    first = 99
    while -first + count >= lowest:
        first = 10 * first + 9
    return [float(place - first) for place in range(count)]


def _add_column(table: _Table, name: str, column: pl.Series, label: str, kind: str) -> None:
    dtype = column.dtype
    if isinstance(dtype, pl.Boolean):
        column = column.cast(pl.Float64)
    elif isinstance(dtype, pl.Enum | pl.Categorical):
        column = column.cast(pl.String)
    elif dtype.is_numeric():
        column = column.cast(pl.Float64)
    table.columns[name] = column
    table.labels[name] = label[: _LABEL[kind]]


@contextmanager
def _restate_errors(target: Path, kind: str) -> Iterator[None]:
    """Raise a DatasetError in place of an error of pyreadstat, such as a reserved name."""
    import pyreadstat

    try:
        yield
    except (pyreadstat.PyreadstatError, pyreadstat.ReadstatError):
        # Its own message may contain a value.
        raise DatasetError(
            f"'{target.name}' could not be written, because {FORMATS[kind]} does not allow a name, label or "
            "text of this study; the name may be a reserved word. Choose variables with variables=[...], or "
            "write .parquet."
        ) from None


def _write(table: _Table, kind: str, path: Path, label: str) -> None:
    import pyreadstat

    # Letters among numbers need the type Object: pyreadstat takes other columns of letters for text.
    mixed = {name: pl.Series(values, dtype=pl.Object) for name, values in table.objects.items()}
    frame = pl.DataFrame({**table.columns, **mixed})
    labeled: dict[str, str | None] = dict(table.labels)
    if kind == ".dta":
        pyreadstat.write_dta(
            frame, str(path), file_label=label[:80], variable_value_labels=table.values,
            missing_user_values=table.missing, column_labels=labeled,
        )  # fmt: skip
    elif kind == ".sav":
        pyreadstat.write_sav(
            frame, str(path), file_label=label[:64], variable_value_labels=table.values,
            missing_ranges=table.missing, column_labels=labeled,
        )  # fmt: skip
    else:
        short = all(len(name) <= _SHORT for name in frame.columns)
        if short:
            labeled = {name: text[:_SHORT_LABEL] for name, text in table.labels.items()}
        pyreadstat.write_xport(
            frame, str(path), file_label=label[:40], table_name="PEOPLE", column_labels=labeled,
            file_format_version=5 if short else 8,
        )  # fmt: skip


def _expect_whole(path: Path, kind: str, height: int) -> None:
    """Raise an OSError if rows are missing at the file's end: the writer does not report a full disk."""
    import pyreadstat

    read: Any = {".dta": pyreadstat.read_dta, ".sav": pyreadstat.read_sav, ".xpt": pyreadstat.read_xport}[
        kind
    ]
    try:
        _, facts = read(str(path), metadataonly=True)
        found, _ = read(str(path), usecols=facts.column_names[-1:], output_format="polars")
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError):
        found = pl.DataFrame()
    if found.height != height:
        raise OSError(errno.ENOSPC, "the file is cut short")


def _write_parquet(
    rows: pl.DataFrame, names: Sequence[str], codebook: Codebook, label: str, path: Path
) -> None:
    """Write parquet with the reasons as columns `name.why`, and labels in the metadata of each column."""
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    reasons = [why(name) for name in names if why(name) in rows.columns]
    texts = pl.selectors.enum() | pl.selectors.categorical()
    table = rows.select([*names, *reasons]).with_columns(texts.cast(pl.String)).to_arrow()
    fields = [
        own.with_metadata(_describe(codebook[own.name])) if own.name in codebook else own
        for own in table.schema
    ]
    schema = table.schema.remove_metadata()
    for place, own in enumerate(fields):
        schema = schema.set(place, own)
    pq.write_table(table.cast(schema).replace_schema_metadata({"study": label}), path)


def _describe(variable: Variable) -> Mapping[str, str]:
    described = {
        "label": variable.label,
        "unit": variable.unit,
        "levels": " | ".join(variable.levels),
        "question": variable.question,
    }
    return {name: text for name, text in described.items() if text}
