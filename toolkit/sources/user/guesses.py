"""Guess which variable a column of a user's file may be, from its name, label, codes and range.

Takes a `Profile`; gives a `Guess`: the lines of study.toml for it, each guess with what it was made from.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from toolkit.files.checked_toml import read_toml, shipped
from toolkit.sources.catalog import nhanes
from toolkit.sources.catalog_records import Measured
from toolkit.sources.harmonize.units import fitting_units, plausible
from toolkit.sources.user.column_names import ColumnNames
from toolkit.sources.user.declaration import known_variables
from toolkit.sources.user.profiles import REPEATED, Profile
from toolkit.variables.codebook import Variable

GUESS = "GUESS"
_BARE = re.compile(r"^[A-Za-z0-9_-]+$")


@dataclass(frozen=True)
class Guess:
    """What a column may be.

    Attributes
    ----------
    name
        The variable's name; "" if the column is better not read.
    lines
        Keys of study.toml below `column`, with the comments that mark guesses.
    reason
        Why the column was matched, or why it is left out.
    known
        Whether the name is one of the codebook's.
    """

    name: str
    lines: tuple[str, ...] = ()
    reason: str = ""
    known: bool = False


def plain(word: str) -> str:
    """Write a word in small letters without signs.

    Examples
    --------
    >>> plain("HbA1c_%"), plain("Leg cramps?")
    ('hba1c', 'legcramps')
    """
    return "".join(letter for letter in word.lower() if letter.isalnum())


def has_role(profile: Profile, role: str) -> bool:
    """Tell whether a column's name is one of those that usually have a role."""
    return plain(profile.name) in words().roles[role]


def quoted(word: str) -> str:
    """Write a text as TOML does."""
    return json.dumps(word, ensure_ascii=False).replace("\x7f", "\\u007f")


def guess(profile: Profile, taken: set[str]) -> Guess:
    """Guess what a column is; a name that is taken is not given again."""
    if not profile.filled:
        return Guess("", reason="holds nothing")
    if plain(profile.name) in words().identifiers["words"]:
        return Guess("", reason="may tell who somebody is")
    return _known(profile, taken) or _own(profile, taken)


@cache
def words() -> ColumnNames:
    """Read the words that guesses are made of."""
    return read_toml(shipped("datasets") / "column-names.toml", ColumnNames)


def _known(profile: Profile, taken: set[str]) -> Guess | None:
    for name, reason in _candidates(profile):
        if name not in taken:
            lines = _lines(profile, known_variables()[name])
            if lines is not None:
                return Guess(name, tuple(lines), reason, known=True)
    return None


def _candidates(profile: Profile) -> Iterator[tuple[str, str]]:
    mine, named = plain(profile.name), words().variables
    for name in known_variables():
        if mine == plain(name) or (name in named and mine in named[name].names):
            yield name, "by its name"
    for name in _national(profile.name):
        yield name, f"by its name, which NHANES gives to {name}"
    label = set(re.findall(r"[a-z0-9]+", profile.label.lower()))
    for name, told in named.items():
        if any(set(entry.split()) <= label for entry in told.labels):
            yield name, "by the words of its label"


def _national(column: str) -> Iterator[str]:
    for name, origin in nhanes().origins.items():
        if any(_alone(piece) and piece.columns[0] == column.upper() for piece in origin.measured):
            yield name


def _alone(piece: Measured) -> bool:
    return len(piece.columns) == 1 and not piece.values and not piece.only_if


def _lines(profile: Profile, variable: Variable) -> list[str] | None:
    """Give the keys with which the column is the variable; None if it cannot be."""
    if profile.date_form:
        return None
    return _number_lines(profile, variable) if variable.kind == "number" else _level_lines(profile, variable)


def _number_lines(profile: Profile, variable: Variable) -> list[str] | None:
    if not profile.numeric or profile.low is None or profile.high is None:
        return None
    missing, ends = missing_codes(profile), plausible(variable.name)
    if ends is None or (ends[0] <= profile.low and profile.high <= ends[1]):
        return _missing_line(missing)
    units = fitting_units(variable.name, variable.unit, profile.low, profile.high)
    units = [unit for unit in units if unit != variable.unit]
    if not units:
        return None
    told = (
        f"{GUESS}: by the range of its values; the codebook has {variable.unit}, into which it is converted"
    )
    return [f"unit = {quoted(units[0])}  # {told}", *_missing_line(missing)]


def missing_codes(profile: Profile) -> dict[str, str]:
    """Find codes that mean missing: by their labels, or as repeated 7s, 8s and 9s far from all numbers."""
    labelled = {code: why for code, label in profile.value_labels.items() if (why := reason_of(label))}
    return _by_digit(profile.suspects) | labelled


def _by_digit(codes: Iterable[str]) -> dict[str, str]:
    digits = {code: code.lstrip("-")[0] for code in codes}
    known = [digit for digit in digits.values() if digit in words().missing_codes]
    usual = words().missing_codes[min(known, default="9")]
    return {code: usual.get(digit, "no value recorded") for code, digit in digits.items()}


def reason_of(label: str) -> str:
    """Find the reason for a missing value that a label tells; "" if it is none.

    Examples
    --------
    >>> reason_of("Refused to answer"), reason_of("Often")
    ('refused', '')
    """
    low = label.lower()
    return next((why for why, parts in words().reasons.items() if any(part in low for part in parts)), "")


def _missing_line(missing: Mapping[str, str]) -> list[str]:
    return [f"missing = {_table(missing)}  # {GUESS}"] if missing else []


def _level_lines(profile: Profile, variable: Variable) -> list[str] | None:
    if not profile.codes or not variable.levels:
        return None
    levels, missing, sure = _coded(profile, variable)
    if set(profile.codes) - {*levels, *missing} or not levels:
        return None
    mark = "" if sure else f"  # {GUESS}: codes as questionnaires usually have them"
    return [f"levels = {_table(levels)}{mark}", *_missing_line(missing)]


def _coded(profile: Profile, variable: Variable) -> tuple[dict[str, str], dict[str, str], bool]:
    """Give level and reason by code, and whether the file's own words say so."""
    labels = {code: profile.value_labels.get(code, code) for code in (*profile.value_labels, *profile.codes)}
    levels = {code: level for code, label in labels.items() if (level := _level(label, variable))}
    missing = {
        code: why for code, label in labels.items() if code not in levels and (why := reason_of(label))
    }
    if levels:
        return levels, missing, True
    left = [code for code in profile.codes if code not in missing]
    told, told_missing = _national_codes(profile.name, variable.name) or (_usual_codes(left, variable), {})
    levels = {code: told[code] for code in left if code in told}
    rest = [code for code in left if code not in levels and REPEATED.match(code)]
    return levels, missing | _by_digit(rest) | {c: w for c, w in told_missing.items() if c in rest}, False


def _usual_codes(codes: Sequence[str], variable: Variable) -> dict[str, str]:
    """Give the levels that codes without labels usually have."""
    plain_codes = [code for code in codes if not REPEATED.match(code)]
    if variable.kind == "yes_no" and set(plain_codes) <= {"0", "1"}:
        return {"0": "no", "1": "yes"}
    if variable.name in words().ordered["variables"] and len(plain_codes) == len(variable.levels):
        return dict(zip(plain_codes, variable.levels, strict=True))
    return dict(words().codes.get(variable.name if variable.kind == "category" else variable.kind, {}))


def _level(label: str, variable: Variable) -> str:
    mine = label.strip().lower()
    for level in variable.levels:
        if mine == level or mine in words().levels.get(level, ()):
            return level
    return ""


def _national_codes(column: str, name: str) -> tuple[dict[str, str], dict[str, str]] | None:
    origin = nhanes().origins.get(name)
    for piece in reversed(origin.measured if origin else ()):
        if _alone(piece) and piece.columns[0] == column.upper() and piece.codes:
            return (
                {str(code): level for code, level in piece.codes.items()},
                {str(code): why for code, why in piece.missing.items()},
            )
    return None


def _own(profile: Profile, taken: set[str]) -> Guess:
    name = _free_name(profile.name, taken)
    label = [f"label = {quoted(profile.label)}"] if profile.label else []
    if profile.date_form:
        return Guess("", reason=_dates(profile))
    labelled = {code: text for code, text in profile.value_labels.items() if not reason_of(text)}
    coded = bool(labelled) and set(profile.codes) <= set(profile.value_labels)
    if profile.numeric and not coded:
        return Guess(name, (*label, *_own_number(profile)), "a number of one's own")
    if not (coded or profile.words):
        return Guess("", reason="holds free text, or too many different values for a category")
    return Guess(name, (*label, *_own_levels(profile)), "a category of one's own")


def _dates(profile: Profile) -> str:
    forms = profile.date_form
    if profile.other_form:
        forms += f", or {profile.other_form}: no day is above 12. Say which: date_format = '...' of the file"
    return f"holds dates ({forms}), for days(from, to) in an expression"


def _own_number(profile: Profile) -> list[str]:
    if profile.codes and set(profile.codes) <= {"0", "1"}:
        return [f'kind = "yes_no"  # {GUESS}: 0 is no, 1 is yes']
    lines = _missing_line(missing_codes(profile))
    if profile.excel_days:
        days = f"# {GUESS}: a number; these may be dates, as Excel counts them. Then write dates in the file"
        return [days, *lines]
    few = 2 <= profile.different <= 9 and all(code.lstrip("-").isdigit() for code in profile.codes)
    told = f"# {GUESS}: a number. If its few values are codes, write levels = {{ 1 = 'first', 2 = 'second' }}"
    return [told, *lines] if few else lines


def _own_levels(profile: Profile) -> list[str]:
    texts = {code: profile.value_labels.get(code, code) for code in (*profile.value_labels, *profile.codes)}
    missing = {code: why for code, text in texts.items() if (why := reason_of(text))}
    levels = {code: text for code, text in texts.items() if code not in missing}
    answers = {
        code: next((a for a in ("yes", "no") if t.lower() in words().levels[a]), "")
        for code, t in levels.items()
    }
    if levels and all(answers.values()):
        plainly = all(code.lower() == answer for code, answer in answers.items())
        table = [] if plainly else [f"levels = {_table(answers)}"]
        return ['kind = "yes_no"', *table, *_missing_line(missing)]
    lowered = {code: text.strip().lower() for code, text in levels.items()}
    order = _order_line(profile)
    told = f"  # {GUESS}: {'' if order else 'the order; '}the first is the reference"
    plainly = all(code == level for code, level in lowered.items())
    written = f"[{', '.join(map(quoted, lowered))}]" if plainly else _table(lowered)
    return [f"levels = {written}{told}", *order, *_missing_line(missing)]


def _order_line(profile: Profile) -> list[str]:
    if profile.value_labels or profile.ordered:
        return []
    told = f"{GUESS}: text has no order. List the levels from lowest to highest and write true"
    return [f"ordered = false  # {told}"]


def _table(entries: Mapping[str, str]) -> str:
    pairs = (f"{key if _BARE.match(key) else quoted(key)} = {quoted(word)}" for key, word in entries.items())
    return f"{{ {', '.join(pairs)} }}"


def _free_name(column: str, taken: set[str]) -> str:
    name = re.sub(r"\W+", "_", column.lower(), flags=re.ASCII).strip("_") or "column"
    name = f"v_{name}" if name[0].isdigit() else name
    while name in taken or name in known_variables():
        name += "_told"
    return name
