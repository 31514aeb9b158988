"""Plan how the columns of a frame are read, in memory or on an engine, as columns of a file are.

The different values of a column decide; the plan is an expression, evaluated where the participants are.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from toolkit.disclosure import SMALLEST_CELL, Policy
from toolkit.errors import DatasetError, DesignError, join_list, require_known
from toolkit.sources.harmonize.raw_values import (
    NA_WORDS,
    SERIAL_DAYS,
    is_text,
    na_reason,
    na_words,
    parse_iso_dates,
    parse_numbers,
    read_cell,
)
from toolkit.sources.harmonize.spellings import Spellings, find_look_alikes, find_spellings
from toolkit.sources.user.guesses import is_person_name
from toolkit.sources.user.profiles import codes_among_words, names_date, serial_days, suspected_codes
from toolkit.studies import Design
from toolkit.variables import MOST_LEVELS, YES_NO, sorted_levels, why

# "given" is a variable of the user's own codebook, which is read as it is typed.
Role = Literal["variable", "group", "number", "given"]
Kept = str | Sequence[str] | Mapping[str, str | Sequence[str]]
# Participants with remarks, those with texts of any length, and the words of a remark.
_FEW, _MANY, _SENTENCE = 5, 20, 3
_DAY = r"^\d{1,2}[./-]\d{1,2}[./-](\d{2}|\d{4})$"  # day and month in either order, and year
_MOST_ROWS = 20  # of one person, in a column that has the name of an id
_FEWEST_PERSONS, _FEWEST_CASES = 3, 21  # values that occur again; "case" may also be an outcome of levels


READ_AS_NUMBERS = "'{}' of the design is text that was read as numbers."


@dataclass(frozen=True)
class Plan:
    """How a column is read: its value (None: as it is), the reason of words for NA, and what to report."""

    value: pl.Expr | None = None
    reason: pl.Expr | None = None
    note: str = ""
    free: bool = False  # text that is not a category

    def columns(self, name: str, there: Collection[str]) -> list[pl.Expr]:
        """Write the columns that the plan adds or changes: reasons, read from the raw values, then values."""
        value = [] if self.value is None else [self.value.alias(name)]
        if self.reason is None:
            return value
        known = [pl.col(why(name))] if why(name) in there else []
        return [pl.coalesce(*known, self.reason).alias(why(name)), *value]


def column_role(name: str, design: Design, given: Collection[str]) -> Role:
    """Find what a column is read as: codes or numbers of the design, or a variable."""
    if name in (design.strata, *design.stages):
        return "group"
    if name in design.columns:
        return "number"
    return "given" if name in given else "variable"


def words_kept(keep: Kept, columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """List for each column the words for a missing value that are values there, such as NA for Namibia."""
    if isinstance(keep, Mapping):
        for name in keep:
            require_known("keep= names an absent column", name, columns, error=DatasetError)
        chosen = dict(keep)
    else:
        chosen = dict.fromkeys(columns, keep)
    kept = {name: (own,) if isinstance(own, str) else tuple(own) for name, own in chosen.items()}
    for word in {word for own in kept.values() for word in own}:
        if word.strip().lower() not in NA_WORDS:
            raise DatasetError(
                f"keep= names '{word}', which is not read as missing. The words that are: "
                f"{', '.join(NA_WORDS)}. For one column write keep={{'column': 'NA'}}."
            )
    return kept


def plan_cells(
    name: str, dtype: pl.DataType, kept: Sequence[str] = (), reason: pl.Expr | None = None
) -> Plan:
    """Plan how a column is read whatever its values are."""
    typed = dtype.is_float() or dtype.is_decimal() or isinstance(dtype, pl.Datetime) or is_text(dtype)
    return Plan(read_cell(name, dtype, kept) if typed else None, reason)


def plan_column(
    values: pl.Series,
    counts: pl.Series | None,
    role: Role,
    kept: Sequence[str] = (),
    filled: int = 0,
    *,
    smallest: int = SMALLEST_CELL,
) -> Plan:
    """Plan how a column is read, from its different values (and, for codes of the design, their counts).

    `filled` is the number of participants with text, which tells remarks from categories. Notes name no code
    of fewer participants than `smallest`.
    """
    name, dtype = values.name, values.dtype
    if isinstance(dtype, pl.Binary):
        values = text_of_bytes(values)
    if not is_text(dtype):
        value = read_cell(name, dtype)
        read = values.to_frame().select(value).to_series()
        same = read.dtype == dtype and read.equals(values, null_equal=True)
        return Plan() if same else Plan(value)
    if role == "given":
        return Plan(_as_levels(pl.col(name).cast(pl.String), values.cast(pl.String), dtype))
    clean, note = read_cell(name, dtype, kept), ""
    if spellings := _find_spellings(values, counts, role, smallest):
        clean, note = spellings.unify(clean), f"{spellings} ({count_people(spellings.n, smallest)})."
    tidy = values.to_frame().select(clean).to_series()
    if tidy.equals(values.cast(pl.String)):
        clean = pl.col(name).cast(pl.String)
    found = _stated(values, kept)
    reason = na_reason(name, kept) if found else None
    if role == "number":
        return Plan(
            _as_numbers(clean, tidy, values, counts),
            note=READ_AS_NUMBERS.format(name),
        )
    if role != "variable" or isinstance(dtype, pl.Enum):
        return Plan(_as_levels(clean, tidy, dtype), reason, note)
    typed = _as_typed_words(clean, tidy)
    if typed is None and _is_free_text(tidy.drop_nulls().unique(), filled):
        return Plan(clean, reason, free=True)
    if typed is None and counts is not None:
        note = " ".join(filter(None, (note, _note_odd_text(tidy, counts, smallest))))
    return Plan(_as_levels(clean, tidy, dtype) if typed is None else typed, reason, note)


def _note_odd_text(tidy: pl.Series, counts: pl.Series, smallest: int) -> str:
    """Report levels of text that may be codes for missing values, and text that may be dates."""
    sizes = pl.DataFrame({"text": tidy, "n": counts}).drop_nulls().group_by("text").agg(pl.col("n").sum())
    if not 0 < sizes.height <= MOST_LEVELS:
        return ""
    if sizes["text"].str.contains(_DAY).all():
        return (
            f"'{tidy.name}' is read as text. If these are dates, convert them before tk.study, such as "
            f"pl.col('{tidy.name}').str.to_date('%d/%m/%Y')."
        )
    if sizes["text"].str.contains(r"^-?\d+$").all():
        return code_note(sizes["text"].cast(pl.Float64).alias(tidy.name), sizes["n"], smallest, text=True)
    coded = sizes.filter(pl.col("text").is_in(codes_among_words(sizes["text"])))
    numbers = coded["text"].cast(pl.Float64).alias(tidy.name)
    return _write_code_note(numbers.to_list(), numbers, coded["n"], smallest, text=True)


def _find_spellings(
    values: pl.Series, counts: pl.Series | None, role: Role, smallest: int
) -> Spellings | None:
    """Find codes of the design that mean the same, or texts of a category that look alike."""
    if counts is not None and role == "group":
        return find_spellings(values, counts, smallest)
    listed = counts is not None and role == "variable" and len(values) <= MOST_LEVELS
    return find_look_alikes(values, counts) if listed and counts is not None else None


def text_of_bytes(values: pl.Series) -> pl.Series:
    """Read bytes, as pandas.read_sas returns them, as text."""
    try:
        return values.cast(pl.String)
    except pl.exceptions.ComputeError:
        raise DatasetError(
            f"The column '{values.name}' has bytes that are not text in UTF-8. Decode it before tk.study, "
            "such as with pandas.read_sas(..., encoding='latin-1')."
        ) from None


def _is_free_text(different: pl.Series, filled: int) -> bool:
    """Whether most texts differ, of many participants or of several words: remarks are not a category."""
    if 2 * len(different) <= filled or not len(different):
        return False
    words = different.str.count_matches(r"\S+").median()
    return filled >= _MANY or (filled >= _FEW and isinstance(words, float) and words >= _SENTENCE)


def _stated(values: pl.Series, kept: Sequence[str]) -> bool:
    """Whether a column of text contains words for a missing value."""
    words = values.cast(pl.String).str.strip_chars().str.to_lowercase()
    return bool(words.is_in(list(na_words(kept))).any())


def _as_typed_words(clean: pl.Expr, tidy: pl.Series) -> pl.Expr | None:
    """Read text of true and false, of yes and no in several spellings, or of ISO dates as what it states."""
    different = tidy.drop_nulls().unique()
    known = set(different) if len(different) <= MOST_LEVELS else set()
    folded = {text.lower() for text in known}
    if folded and folded <= {"true", "false"}:
        return clean.str.to_lowercase() == "true"
    if folded and folded <= set(YES_NO) and (known <= set(YES_NO) or len(known) > len(folded)):
        return clean.str.to_lowercase().cast(pl.Enum(YES_NO))
    if all(_are_dates(texts.alias("text")) for texts in (different.head(1), different)):
        return parse_iso_dates(clean)
    return None


def _are_dates(texts: pl.Series) -> bool:
    days = texts.to_frame().select(parse_iso_dates(pl.col("text"))).to_series()
    return texts.count() > 0 and days.count() == texts.count()


def _as_levels(clean: pl.Expr, tidy: pl.Series, dtype: pl.DataType) -> pl.Expr | None:
    """Give text its levels, declared or sorted, unless they are too many."""
    if isinstance(dtype, pl.Enum):
        listed = pl.Series(tidy.name, dtype.categories, dtype=pl.Enum(dtype.categories))
        read = listed.to_frame().select(clean).to_series().drop_nulls()
        levels = tuple(dict.fromkeys(read))
        return None if levels == tuple(dtype.categories) else clean.cast(pl.Enum(levels))
    different = tidy.drop_nulls().unique()
    return clean if len(different) > MOST_LEVELS else clean.cast(pl.Enum(sorted_levels(different)))


def _as_numbers(clean: pl.Expr, tidy: pl.Series, values: pl.Series, counts: pl.Series | None) -> pl.Expr:
    """Read a weight, a population or a replicate weight that came as text; refuse it if it is not numbers."""
    numbers = tidy.to_frame().select(parse_numbers(pl.col(tidy.name))).to_series()
    unread = tidy.is_not_null() & numbers.is_null()
    if unread.any():
        rows = int(unread.sum()) if counts is None else int(counts.filter(unread).sum())
        refuse_words_in_design(values.name, rows, len(values) if counts is None else int(counts.sum()))
    return clean.cast(pl.Float64)


def refuse_words_in_design(name: str, unread: int, entries: int) -> None:
    """Raise if text of a weight, a population or a replicate weight has entries that are not numbers."""
    if unread:
        raise DesignError(
            f"'{name}' of the design is text, and {unread:,} of its {entries:,} entries are not numbers. "
            f"Correct them, or convert the column before tk.study: "
            f"frame.with_columns(pl.col('{name}').cast(pl.Float64, strict=False))."
        )


def may_identify_persons(name: str, dtype: pl.DataType) -> bool:
    """Whether a column of codes has one of the usual names of participant ids."""
    return (is_text(dtype) or dtype.is_numeric()) and is_person_name(name)


def identifies_persons(name: str, values: pl.Series, rows: int) -> bool:
    """Whether different values, in so many rows, are those of ids and not of a measurement or an outcome."""
    numeric = values.dtype.is_numeric()
    if numeric and not values.dtype.is_integer() and (values != values.round()).any():
        return False
    fewest = _FEWEST_CASES if is_person_name(name, surely=False) else _FEWEST_PERSONS
    return len(values) == rows > 1 or (len(values) >= fewest and _MOST_ROWS * len(values) >= rows)


def serial_note(name: str, values: pl.Series | None) -> str:
    """Say that numbers of a column that is named as a date may be serial days; "" for others."""
    if values is None or not values.dtype.is_numeric() or not names_date(name):
        return ""
    program = serial_days(name, values.cast(pl.Float64).drop_nulls().drop_nans())
    if not program:
        return ""
    whose, zero = {"excel": "Excel", "sas": "SAS or Stata"}[program], SERIAL_DAYS[program]
    return (
        f"'{name}' is read as numbers. If these are days of {whose}, convert them before tk.study: "
        f"pl.date({zero.year}, {zero.month}, {zero.day}) + pl.duration(days='{name}')."
    )


def code_note(values: pl.Series, counts: pl.Series, smallest: int, *, text: bool = False) -> str:
    """Report the numbers of a variable that may be codes for missing values; "" if there are none."""
    return _write_code_note(suspected_codes(values, counts), values, counts, smallest, text=text)


def _write_code_note(
    found: Sequence[float], values: pl.Series, counts: pl.Series, smallest: int, *, text: bool
) -> str:
    if not found:
        return ""
    name = values.name
    sizes = dict(zip(values.cast(pl.Float64), counts, strict=True))
    named = {f"{code:.15g}": sizes[code] for code in found if sizes[code] >= smallest}
    few = len(found) - len(named)
    listed = [f"{code} ({n:,} participants)" for code, n in named.items()]
    listed += [f"{few} value{'s' * (few > 1)} of fewer than {smallest} participants"] * (few > 0)
    codes = ", ".join(f"'{code}'" if text else code for code in named)
    remedy = (
        f"If they are, set them to null before tk.study: pl.when(~pl.col('{name}').is_in("
        f"[{codes}])).then('{name}')."
        if named
        else f"Look at study.people['{name}'].unique(), and set them to null if they are."
    )
    return f"'{name}' has numbers that may be codes for missing values: {join_list(listed)}. {remedy}"


def count_people(n: int, smallest: int) -> str:
    """Count participants for a note, without a number below the threshold."""
    return f"fewer than {smallest} participants" if Policy(smallest).hides(n) else f"{n:,} participants"


def person_notes(names: Iterable[str], ids: Mapping[str, tuple[int, int]]) -> list[str]:
    """Report the columns that identify participants, and in how many rows one occurs again."""
    return [
        f"'{name}' identifies {ids[name][0]:,} participants in {ids[name][1]:,} rows. A study has one row "
        "per participant. Keep one, or open repeated visits as a cohort with a study.toml."
        if ids[name][0] < ids[name][1]
        else f"'{name}' identifies the participants and is not a variable. If it is one, rename it."
        for name in sorted(names)
    ]


def refuse_weight_of_ids(design: Design, ids: Iterable[str]) -> None:
    """Raise if a column that identifies participants is declared as weight."""
    weights = {column for weight in design.components.values() for column in weight.columns}
    for name in weights & set(ids):
        raise DesignError(
            f"'{name}' identifies the participants and cannot be their weight. Name the column of the "
            "sampling weight, or use tk.Design.none()."
        )
