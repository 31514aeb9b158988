"""Guess which variable a column of a user's file is, and keep track of guesses that nobody has confirmed."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from toolkit.errors import DatasetError, short
from toolkit.files.checked_toml import Checked, read_toml, shipped
from toolkit.files.safe_files import write_bytes
from toolkit.files.table_files import refuse_special_file
from toolkit.sources.catalog import nhanes
from toolkit.sources.catalog_records import NO_VALUE, Measured
from toolkit.sources.harmonize.raw_values import ISO
from toolkit.sources.harmonize.units import other_units, plausible
from toolkit.sources.user.declaration import known_variables
from toolkit.sources.user.profiles import REPEATED, Profile, codes_among_words
from toolkit.variables import Variable

GUESS = "GUESS"
ACCEPTED = "accepted guess"
_BARE = re.compile(r"^[A-Za-z0-9_-]+$")
# Strings of TOML, which may contain a #, and comments.
_PIECES = re.compile(
    r"'''.*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'[^'\n]*'|\"(?:\\.|[^\"\\\n])*\"|(?P<comment>#[^\n]*)", re.DOTALL
)
_MARK = re.compile(rf"^#\s*{GUESS}\b")


class Names(Checked):
    """Usual column names of a variable, and words of its labels."""

    names: tuple[str, ...]
    labels: tuple[str, ...] = ()


class SamplingWords(Checked):
    """Usual column names of a design role: whole names, or words with others before and after them."""

    names: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    not_labels: tuple[str, ...] = ()  # words that rule it out
    also_mass: tuple[str, ...] = ()  # names that body weight has too
    never: tuple[str, ...] = ()  # names that mean something else


class Survey(Checked):
    """Design columns of a well-known survey, preferred first; # is a number, `others` are more weights."""

    name: str
    weight: tuple[str, ...]
    strata: tuple[str, ...] = ()
    psu: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    replicates: tuple[str, ...] = ()
    note: str = ""


class ReplicateWords(Checked):
    """How names of replicate weights begin, and the method by which such weights were made."""

    heads: tuple[str, ...]
    method: str
    reason: str
    options: Mapping[str, float | bool] = {}


class ColumnNames(Checked):
    """Schema of datasets/column-names.toml."""

    roles: Mapping[str, tuple[str, ...]]
    sampling: Mapping[str, SamplingWords]
    surveys: tuple[Survey, ...]
    replicate_words: tuple[str, ...]
    replicates: tuple[ReplicateWords, ...]
    identifiers: Mapping[str, tuple[str, ...]]
    variables: Mapping[str, Names]
    levels: Mapping[str, tuple[str, ...]]
    codes: Mapping[str, Mapping[str, str]]
    ordered: Mapping[str, tuple[str, ...]]
    reasons: Mapping[str, tuple[str, ...]]
    missing_codes: Mapping[str, Mapping[str, str]]


@cache
def words() -> ColumnNames:
    """Return the usual names from which guesses are made."""
    return read_toml(shipped("datasets") / "column-names.toml", ColumnNames)


@dataclass(frozen=True)
class Guess:
    """The variable that a column may be, its keys in study.toml, and why it was matched or excluded."""

    name: str  # "" if the column is better not read
    lines: tuple[str, ...] = ()
    reason: str = ""
    known: bool = False  # a variable of the codebook


def fold_name(word: str) -> str:
    """Write a name in small letters without signs, as names are compared."""
    return "".join(letter for letter in word.lower() if letter.isalnum())


def is_person_name(name: str, *, surely: bool | None = None) -> bool:
    """Check whether a column has a usual name of participant ids; `surely`, whether it means nothing else."""
    folded, either = fold_name(name), words().roles["case"]
    return folded in words().roles["person"] and surely in (None, folded not in either)


def has_role(profile: Profile, role: str) -> bool:
    """Check whether a column has one of the usual names of a role."""
    return fold_name(profile.name) in words().roles[role]


def quote(text: str) -> str:
    """Write a text as a TOML string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def guess(profile: Profile, taken: set[str]) -> Guess:
    """Guess the variable of a column; names that are taken are not used again."""
    if profile.unread:
        return Guess("", reason=f"has the type {short(profile.unread)}, which is not read")
    if not profile.filled:
        return Guess("", reason="is empty")
    if fold_name(profile.name) in words().identifiers["words"]:
        return Guess("", reason="may identify a person")
    for name, reason in _candidates(profile):
        if name not in taken:
            lines = _match(profile, known_variables()[name])
            if lines is not None:
                return Guess(name, tuple(lines), reason, known=True)
    return _guess_own(profile, taken)


def _candidates(profile: Profile) -> Iterator[tuple[str, str]]:
    folded, named = fold_name(profile.name), words().variables
    for name in known_variables():
        if folded == fold_name(name) or (name in named and folded in named[name].names):
            yield name, "by its name"
    for name, origin in nhanes().origins.items():
        if any(_is_single(piece, profile.name) for piece in origin.measured):
            yield name, f"by its name, which is that of {name} in NHANES"
    label = set(re.findall(r"[a-z0-9]+", profile.label.lower()))
    for name, usual in named.items():
        if any(set(entry.split()) <= label for entry in usual.labels):
            yield name, "by the words of its label"


def _is_single(piece: Measured, column: str) -> bool:
    """Check whether a block of NHANES reads this column alone."""
    return piece.columns == (column.upper(),) and not piece.values and not piece.only_if


def _match(profile: Profile, variable: Variable) -> list[str] | None:
    """Write the keys with which the column is the variable; None if it cannot be."""
    if profile.date_form:
        return None
    return _number_lines(profile, variable) if variable.kind == "number" else _level_lines(profile, variable)


def _number_lines(profile: Profile, variable: Variable) -> list[str] | None:
    if not profile.numeric or profile.low is None or profile.high is None:
        return None
    missing = [*_missing_line(missing_codes(profile)), *_doubts(profile)]
    ends = plausible(variable.name)
    if ends is None or (ends[0] <= profile.low and profile.high <= ends[1]):
        return missing
    units = other_units(variable.name, variable.unit, profile.low, profile.high)
    if not units:
        return None
    comment = f"{GUESS}: by the range of its values; converted to {variable.unit}, the unit of the codebook"
    return [f"unit = {quote(units[0])}  # {comment}", *missing]


def missing_codes(profile: Profile) -> dict[str, str]:
    """Find codes for missing values: by their labels, or repeated 7s, 8s and 9s far from all numbers."""
    labeled = {code: reason for code, label in profile.value_labels.items() if (reason := reason_of(label))}
    return _reasons_by_digit(profile.suspects) | labeled


def _doubts(profile: Profile) -> list[str]:
    """Mark numbers that may be codes: 7s, 8s and 9s apart from the others, and leading zeros."""
    found = []
    if profile.doubtful:
        listed, usual = ", ".join(profile.doubtful), _reasons_by_digit(profile.doubtful)
        found.append(
            f"# {GUESS}: {listed} read as numbers. If they mean missing: missing = {_inline_table(usual)}"
        )
    if profile.zeros:
        found.append(
            f"# {GUESS}: numbers with leading zeros. If they are codes, write levels = {{ 01 = 'first' }}"
        )
    return found


def _reasons_by_digit(codes: Iterable[str]) -> dict[str, str]:
    digits = {code: code[-1] for code in codes}
    known = [digit for digit in digits.values() if digit in words().missing_codes]
    usual = words().missing_codes[min(known, default="9")]
    return {code: usual.get(digit, NO_VALUE) for code, digit in digits.items()}


def reason_of(label: str) -> str:
    """Find the reason for a missing value that a label names, such as "Refused to answer"; "" if none."""
    low = label.lower()
    return next((reason for reason, parts in words().reasons.items() if any(p in low for p in parts)), "")


def _missing_line(missing: Mapping[str, str]) -> list[str]:
    return [f"missing = {_inline_table(missing)}  # {GUESS}"] if missing else []


def _level_lines(profile: Profile, variable: Variable) -> list[str] | None:
    if not profile.codes or not variable.levels:
        return None
    levels, missing, certain = _match_codes(profile, variable)
    if set(profile.codes) - {*levels, *missing} or not levels:
        return None
    mark = "" if certain else f"  # {GUESS}: codes as questionnaires usually have them"
    return [f"levels = {_inline_table(levels)}{mark}", *_missing_line(missing)]


def _match_codes(profile: Profile, variable: Variable) -> tuple[dict[str, str], dict[str, str], bool]:
    """Match codes to levels and reasons; the third value says whether the file's own words decide."""
    labels = _labels_by_code(profile)
    levels = {code: level for code, label in labels.items() if (level := _match_level(label, variable))}
    missing = {c: reason for c, label in labels.items() if c not in levels and (reason := reason_of(label))}
    if levels:
        return levels, missing, True
    left = [code for code in profile.codes if code not in missing]
    usual, usual_missing = _nhanes_codes(profile.name, variable.name) or (_usual_codes(left, variable), {})
    levels = {code: usual[code] for code in left if code in usual}
    rest = [code for code in left if code not in levels and REPEATED.match(code)]
    stated = {code: reason for code, reason in usual_missing.items() if code in rest}
    return levels, missing | _reasons_by_digit(rest) | stated, False


def _labels_by_code(profile: Profile) -> dict[str, str]:
    return {code: profile.value_labels.get(code, code) for code in (*profile.value_labels, *profile.codes)}


def _usual_codes(codes: Sequence[str], variable: Variable) -> dict[str, str]:
    answers = [code for code in codes if not REPEATED.match(code)]
    if variable.kind == "yes_no" and set(answers) <= {"0", "1"}:
        return {"0": "no", "1": "yes"}
    if variable.name in words().ordered["variables"] and len(answers) == len(variable.levels):
        return dict(zip(answers, variable.levels, strict=True))
    return dict(words().codes.get(variable.name if variable.kind == "category" else variable.kind, {}))


def _match_level(label: str, variable: Variable) -> str:
    folded = label.strip().lower()
    fitting = (lv for lv in variable.levels if folded == lv or folded in words().levels.get(lv, ()))
    return next(fitting, "")


def _nhanes_codes(column: str, name: str) -> tuple[dict[str, str], dict[str, str]] | None:
    origin = nhanes().origins.get(name)
    for piece in reversed(origin.measured if origin else ()):
        if _is_single(piece, column) and piece.codes:
            levels = {str(code): level for code, level in piece.codes.items()}
            return levels, {str(code): reason for code, reason in piece.missing.items()}
    return None


def _guess_own(profile: Profile, taken: set[str]) -> Guess:
    """Describe a column that is not a variable of the codebook."""
    label = [f"label = {quote(profile.label)}"] if profile.label else []
    labeled = any(not reason_of(text) for text in profile.value_labels.values())
    coded = labeled and set(profile.codes) <= set(profile.value_labels)
    if profile.date_form:
        lines, reason = ['kind = "date"', *format_lines(profile)], "a date of the study"
    elif profile.numeric and not coded:
        lines, reason = _own_number(profile), "a continuous variable of the study"
    elif coded or profile.words:
        lines, reason = _own_levels(profile), "a categorical variable of the study"
    else:
        return Guess("", reason="contains free text, or too many different values for a category")
    return Guess(_free_name(profile.name, taken), (*label, *lines), reason)


def format_lines(profile: Profile) -> list[str]:
    """Declare the format of a column of dates, marked where day and month may be swapped."""
    form, other = profile.date_form, profile.other_form
    doubts = [f"or {quote(other)}; no day is above 12"] * bool(other)
    doubts += ["years of two digits are read from 1969 to 2068"] * ("%y" in form)
    mark = f"  # {GUESS}: {'; '.join(doubts)}" if doubts else ""
    return [] if form in ("date", ISO) else [f"date_format = {quote(form)}{mark}"]


def _own_number(profile: Profile) -> list[str]:
    if profile.codes and set(profile.codes) <= {"0", "1"}:
        return [f'kind = "yes_no"  # {GUESS}: 0 is no, 1 is yes']
    lines = [*_missing_line(missing_codes(profile)), *_doubts(profile)]
    if profile.serial_days:
        whose = {"excel": "Excel's day numbers", "sas": "day numbers of SAS or Stata"}[profile.serial_days]
        form = f"kind = 'date', date_format = '{profile.serial_days}'"
        return [f"# {GUESS}: a number. If these are {whose}: {form}", *lines]
    few = 2 <= profile.different <= 9 and all(code.lstrip("-").isdigit() for code in profile.codes)
    comment = f"# {GUESS}: a number. If the values are codes, write levels = {{ 1 = 'first', 2 = 'second' }}"
    return [comment, *lines] if few else lines


def _own_levels(profile: Profile) -> list[str]:
    texts = _labels_by_code(profile)
    labeled = {code: reason for code, text in texts.items() if (reason := reason_of(text))}
    missing = _reasons_by_digit(codes_among_words(texts.values())) | labeled
    levels = {code: text.strip().lower() for code, text in texts.items() if code not in missing}
    answers = {
        code: next((a for a in ("yes", "no") if texts[code].lower() in words().levels[a]), "")
        for code in levels
    }
    if levels and all(answers.values()):
        same = all(code.lower() == answer for code, answer in answers.items())
        table = [] if same else [f"levels = {_inline_table(answers)}"]
        return ['kind = "yes_no"', *table, *_missing_line(missing)]
    declared = bool(profile.value_labels or profile.ordered)
    comment = f"  # {GUESS}: {'the order; ' if declared else ''}the first level is the reference"
    same = all(code == level for code, level in levels.items())
    written = f"[{', '.join(map(quote, levels.values()))}]" if same else _inline_table(levels)
    order = (
        f"ordered = false  # {GUESS}: text has no order. List levels from lowest to highest, and write true"
    )
    return [f"levels = {written}{comment}", *([] if declared else [order]), *_missing_line(missing)]


def _inline_table(entries: Mapping[str, str]) -> str:
    pairs = (f"{key if _BARE.match(key) else quote(key)} = {quote(word)}" for key, word in entries.items())
    return f"{{ {', '.join(pairs)} }}"


def _free_name(column: str, taken: set[str]) -> str:
    name = re.sub(r"\W+", "_", column.lower(), flags=re.ASCII).strip("_") or "column"
    name = f"v_{name}" if name[0].isdigit() else name
    while name in taken or name in known_variables():
        name += "_reported"
    return name


@dataclass(frozen=True)
class Unconfirmed:
    """A guess that is still marked: its line, counted from 1, its key ("" for a remark), and the reason."""

    line: int
    key: str
    reason: str

    def __str__(self) -> str:
        """Say what was guessed, without the value, which may be a code of the file."""
        key = f"{self.key} was guessed" if self.key else "guess"
        return f"line {self.line}: {key}{f': {self.reason}' if self.reason else ''}"


def unconfirmed(path: str | Path) -> tuple[Unconfirmed, ...]:
    """List the guesses of a study.toml that are still marked; a mark inside a string is text."""
    text = _read_text(Path(path))
    found = []
    for mark in _marks(text):
        before = text[: mark.start()]
        key = before.rpartition("\n")[2].partition("=")[0].strip()
        reason = _MARK.sub("", mark[0]).lstrip(": ").strip()
        found.append(Unconfirmed(before.count("\n") + 1, key, reason))
    return tuple(found)


def accept_guesses(path: str | Path) -> int:
    """Record every marked guess of a study.toml as accepted, change nothing else, and return their number."""
    text = _read_text(Path(path))
    marks = list(_marks(text))
    for mark in reversed(marks):
        start, comment = mark.start(), mark[0]
        text = text[:start] + _MARK.sub(f"# {ACCEPTED}", comment) + text[start + len(comment) :]
    if marks:
        file = Path(path).resolve()
        encoding = "utf-8-sig" if file.read_bytes().startswith(b"\xef\xbb\xbf") else "utf-8"
        write_bytes(file, text.encode(encoding), private=not file.stat().st_mode & 0o077)
    return len(marks)


def _marks(text: str) -> Iterator[re.Match[str]]:
    for piece in _PIECES.finditer(text):
        if piece["comment"] and _MARK.match(piece["comment"]):
            yield piece


def _read_text(path: Path) -> str:
    refuse_special_file(path)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"'{path}' cannot be read ({type(error).__name__}). Check the path.") from error
