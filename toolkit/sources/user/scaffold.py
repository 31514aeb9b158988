"""Write a first study.toml for a user's files, with every guess marked for confirmation; never overwrite."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from toolkit.errors import DatasetError
from toolkit.files.safe_files import write_text
from toolkit.sources.user.declaration import FORMATS, Problem
from toolkit.sources.user.design_guess import guess_design, has_design_role
from toolkit.sources.user.guesses import (
    GUESS,
    Guess,
    fold_name,
    format_lines,
    guess,
    has_role,
    quote,
    words,
)
from toolkit.sources.user.loader import examine
from toolkit.sources.user.profiles import (
    NumberSigns,
    Profile,
    drop_missing_words,
    find_signs,
    profile_columns,
    read_first_rows,
)
from toolkit.sources.user.tabular_files import TEXT, open_table

NAME = "study.toml"
_ENCODINGS = ("utf-8", "windows-1252")
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_VARIABLE = re.compile(r"^\[(?:\w+\.)?variables\.(\w+)\]", re.MULTILINE)
_NIGHTLY = 2  # days from one record of a person to the next, in a diary of nights
HEAD = f"""\
# A first study.toml, drafted from names, labels, codes and ranges of the columns (first rows of each file).
# Lines marked {GUESS} were guessed. Confirm or correct each, and remove the mark. To validate the file:
#   cramps check {NAME}
# It lists each category of the data, those of few participants too. Remove these before you share it.
"""


@dataclass(frozen=True)
class _File:
    """A profiled file."""

    path: Path
    name: str
    encoding: str
    signs: NumberSigns
    columns: tuple[Profile, ...]
    frame: pl.DataFrame = field(repr=False)
    missing: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()

    def column(self, role: str) -> Profile | None:
        return next((column for column in self.columns if has_role(column, role)), None)


@dataclass(frozen=True)
class First:
    """The drafted text, and the numbers of columns that are of the codebook, of one's own, or excluded."""

    path: Path
    text: str
    known: int
    own: int
    left: int
    problems: tuple[Problem, ...] = ()

    def __str__(self) -> str:
        """Say what was written and what to do next."""
        return (
            f"Wrote '{self.path}': {self.known} columns matched to the codebook, {self.own} variables of "
            f"your own, {self.left} columns excluded, {self.text.count('# ' + GUESS)} guesses to confirm.\n"
            f"Next: cramps check {self.path}"
        )


def write_first_study(
    files: Sequence[str | Path], target: str | Path | None = None, keep: Sequence[str] = ()
) -> First:
    """Write a first study.toml beside the first file, or to `target`; words like NA in `keep` are values.

    The first file with one row per person decides who is in the study. Returns what was matched, with the
    problems that `cramps check` still reports.

    Raises
    ------
    DatasetError
        If the target exists, or a file is absent, not readable or outside the target's folder.
    """
    paths = [Path(file) for file in files]
    written = Path(target) if target else paths[0].parent / NAME
    if written.exists():
        raise DatasetError(
            f"'{written}' already exists and is never overwritten. Name another file: --out FILE."
        )
    profiled = [_profile_file(path, written.parent, tuple(keep)) for path in paths]
    first = _draft(profiled, written)
    write_text(written, first.text)
    return _comment_out_errors(first)


def _comment_out_errors(first: First) -> First:
    """Comment out the blocks in which a complete reading of the files still finds an error."""
    problems = examine(first.path).errors
    by_name = {problem.where.rpartition("variables.")[2]: problem for problem in problems}
    blocks = first.text.split("\n\n")
    for number, block in enumerate(blocks):
        name = _VARIABLE.search(block)
        of_block = name and (
            by_name.get(name[1]) or next((p for p in problems if f"'{name[1]}'" in p.finding), None)
        )
        if of_block:
            commented = "\n".join(f"# {line}" for line in block.splitlines())
            blocks[number] = f"# NOT READ: {' '.join(str(of_block).split())}\n{commented}"
    text = "\n\n".join(blocks)
    if text != first.text:
        write_text(first.path, text)
    return replace(first, text=text, problems=examine(first.path).errors)


def _profile_file(path: Path, folder: Path, keep: tuple[str, ...]) -> _File:
    if path.suffix.lower() not in FORMATS:
        raise DatasetError(f"'{path}' has an unsupported format. Use one of: {' '.join(FORMATS)}.")
    if not path.is_file():
        raise DatasetError(f"The file '{path}' does not exist. Check the path.")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DatasetError(f"'{path}' is outside '{folder}'. Put all files of the study into one folder.")
    encoding = _find_encoding(path)
    with ExitStack() as stack:
        table = stack.enter_context(open_table(path, encoding=encoding))
        frame = read_first_rows(table)
        if not frame.height:
            raise DatasetError(
                f"'{path}' has no row below its heading. Check how the file was written. Its lines must end "
                "in LF, CR, or CR and LF."
            )
        frame, missing = drop_missing_words(frame, keep)
        signs = find_signs(frame, table.text[1]) if table.text else NumberSigns()
        columns = tuple(profile_columns(table, frame, signs))
    name = fold_name(path.stem) or "people"
    return _File(
        path, f"f{name}" if name[0].isdigit() else name, encoding, signs, columns, frame, missing, keep
    )


def _find_encoding(path: Path) -> str:
    if path.suffix.lower() not in TEXT:
        return "utf-8"
    with path.open("rb") as file:
        if mark := _MARKS.get(file.read(2)):
            return mark
    for encoding in _ENCODINGS:
        try:
            with path.open(encoding=encoding) as file:
                while file.read(1 << 20):
                    pass
        except UnicodeError:
            continue
        return encoding
    return "utf-8"


def _draft(files: Sequence[_File], written: Path) -> First:
    home = next((file for file in files if _find_person(file, unique=True)), files[0])
    others = [file for file in files if file is not home]
    ordered = [home, *(file for file in others if _find_person(file) or _find_person(file, unique=True))]
    person = _find_person(home, unique=True) or _find_person(home) or _find_first_id(home)
    sections = dict(_record_files(ordered, home))
    taken: set[str] = {"person", "follow_up_start", "follow_up_end"}
    design, design_columns = guess_design(home.columns, home.frame, person.name, _find_mass(home))
    spans = (home.column(role) for role in ("start", "end") if sections)
    used = {person.name, *design_columns, *(column.name for column in spans if column)}
    blocks, counts = [], {"known": 0, "own": 0, "left": 0}
    for file in ordered:
        if file is home or (file not in sections.values() and _find_person(file, unique=True)):
            skip = used if file is home else {(_find_person(file) or person).name}
            blocks += list(_variable_blocks(file, file is home, skip, taken, counts))
    parts = [
        HEAD.rstrip(),
        f"name = {quote(written.resolve().parent.name or 'my study')}\n{_person_line(person)}",
        *(_file_block(file, written.parent, person, file in sections.values()) for file in ordered),
        *(_skipped_file(file) for file in others if file not in ordered),
        design,
        *([_follow_up_block(home)] if sections and home.column("start") else []),
        *blocks,
        _bmi_block(home, taken),
        *(_record_blocks(name, file, counts) for name, file in sections.items()),
    ]
    text = "\n\n".join(part for part in parts if part) + "\n"
    return First(written, text, counts["known"], counts["own"], counts["left"])


def _find_person(file: _File, *, unique: bool = False) -> Profile | None:
    named = [c for c in file.columns if has_role(c, "person") and (c.unique or not unique)]
    if named or not unique:
        return next(iter(named), None)
    return next((c for c in file.columns if c.unique and _may_be_id(c)), None)


def _find_first_id(file: _File) -> Profile:
    return next((c for c in file.columns if c.different > 1 and _may_be_id(c)), file.columns[0])


def _may_be_id(column: Profile) -> bool:
    """Check whether a column may contain ids: not dates, measurements or weights."""
    measured = column.numeric and (column.fractions or guess(column, set()).known)
    return not (column.date_form or measured or has_design_role(column))


def _person_line(person: Profile) -> str:
    comment = "a column with a different value in every row"
    if not person.unique:
        comment = (
            "the first column, although rows share its values. If several columns identify a person, such as "
            "household and number, combine them into one in the file"
        )
    return f"person = {quote(person.name)}{'' if has_role(person, 'person') else f'  # {GUESS}: {comment}'}"


def _record_files(files: Sequence[_File], home: _File) -> Iterator[tuple[str, _File]]:
    """Find files with several dated rows per person: a diary if dates are consecutive, else visits."""
    for file in files:
        person, day = _find_person(file), _date_column(file)
        if file is home or person is None or person.unique or day is None:
            continue
        yield ("diary" if _days_between(file, person, day) <= _NIGHTLY else "visits"), file


def _date_column(file: _File) -> Profile | None:
    return next((column for column in file.columns if column.date_form), None)


def _days_between(file: _File, person: Profile, day: Profile) -> float:
    dates = pl.col(day.name)
    read = dates.cast(pl.Date) if day.date_form == "date" else dates.str.to_date(day.date_form, strict=False)
    days = file.frame.select(person.name, day=read).sort(person.name, "day")
    gaps = days.select(pl.col("day").diff().dt.total_days().over(person.name))["day"]
    return float(gaps.drop_nulls().median() or 0)  # type: ignore[arg-type]


def _file_block(file: _File, folder: Path, person: Profile, repeated: bool) -> str:
    mine = _find_person(file, unique=not repeated) or _find_person(file)
    relative = file.path.resolve().relative_to(folder.resolve()).as_posix()
    lines = [f"[files.{file.name}]", f"path = {quote(relative)}"]
    if mine and mine.name != person.name:
        lines.append(f"person = {quote(mine.name)}  # {GUESS}: by its name")
    if file.encoding != "utf-8":
        lines.append(f"encoding = {quote(file.encoding)}  # {GUESS}: it is not UTF-8")
    lines += _sign_lines(file.signs)
    if file.keep:
        lines.append(f"keep = [{', '.join(map(quote, file.keep))}]")
    if file.missing:
        listed = ", ".join(file.missing)
        lines.append(
            f"# {GUESS}: missing, recorded as NA: {listed}. If one is a value, such as NA for Namibia: "
            f"keep = [{quote(file.missing[0])}]"
        )
    return "\n".join(lines)


def _sign_lines(signs: NumberSigns) -> Iterator[str]:
    """Declare the signs in numbers, and mark those that may mean something else."""
    if signs.decimal != ".":
        mark = f"  # {GUESS}: or do commas separate thousands? Then write thousands = ','"
        yield f"decimal = {quote(signs.decimal)}{mark if signs.unsure else ''}"
    if signs.thousands:
        mark = f"  # {GUESS}: or is the comma a decimal sign? Then write decimal = ','"
        yield f"thousands = {quote(signs.thousands)}{mark if signs.unsure and signs.decimal == '.' else ''}"
    if signs.unsure and signs == NumberSigns(unsure=True):
        yield f"# {GUESS}: points are decimal signs. For thousands write thousands = '.' and decimal = ','"


def _skipped_file(file: _File) -> str:
    text = f"# Not read: {quote(file.path.name)} has no column that identifies persons."
    daily = _date_column(file) and file.column("place")
    return f"{text} Declare daily weather by place under [weather]." if daily else text


def _find_mass(home: _File) -> Profile | None:
    """Find the column of body weight: one with its name, or "weight" in any language next to a height."""
    if (named := home.column("mass")) or not home.column("height"):
        return named
    either = words().sampling["weight"].also_mass
    return next((column for column in home.columns if fold_name(column.name) in either), None)


def _bmi_block(home: _File, taken: set[str]) -> str:
    height, mass = home.column("height"), _find_mass(home)
    if "bmi" in taken or not (height and mass and height.numeric and mass.numeric):
        return ""
    meters = "" if (height.high or 0) < 3 else " / 100"
    comment = f"# {GUESS}: from height and weight, assumed to be in {'cm' if meters else 'm'} and kg"
    names = (quote(f"`{c.name}`")[1:-1] for c in (mass, height))
    return '[variables.bmi]\nexpression = "{} / ({}{}) ** 2"  {}'.format(*names, meters, comment)


def _follow_up_block(home: _File) -> str:
    lines = ["[follow_up]"]
    for key in ("start", "end"):
        if (column := home.column(key)) and column.date_form:
            lines.append(f"{key} = {quote(column.name)}  # {GUESS}: by its name")
            form = format_lines(column)
    if len(lines) == 1:
        return ""
    return "\n".join([*lines, *form])


def _variable_blocks(
    file: _File, home: bool, skip: set[str], taken: set[str], counts: dict[str, int]
) -> Iterator[str]:
    left = []
    for column in file.columns:
        if column.name in skip:
            continue
        found = guess(column, taken)
        _count_guess(counts, found)
        if not found.name:
            left.append(f"# Not read: {quote(column.name)} {found.reason}.")
            continue
        taken.add(found.name)
        place = column.name if home else f"{file.name}.{column.name}"
        yield _block(f"variables.{found.name}", place, column, found)
    if left:
        yield "\n".join(left)


def _count_guess(counts: dict[str, int], found: Guess) -> None:
    counts["known" if found.known else "own" if found.name else "left"] += 1


def _block(section: str, place: str, column: Profile, found: Guess) -> str:
    mark = f"  # {GUESS}: {found.reason}" if found.known else ""
    label = [f"# {' '.join(column.label.split())}"] if column.label else []
    return "\n".join([f"[{section}]", *label, f"column = {quote(place)}{mark}", *found.lines])


def _record_blocks(section: str, file: _File, counts: dict[str, int]) -> str:
    person, day, place = _find_person(file), _date_column(file), file.column("place")
    lines = [f"[{section}]", f"file = {quote(file.name)}  # {GUESS}: several dated rows per person"]
    if day:
        lines += [f"date = {quote(day.name)}", *format_lines(day)]
    if place:
        lines.append(f"place = {quote(place.name)}  # {GUESS}: by its name")
    skip = {c.name for c in (person, day, place) if c}
    taken: set[str] = {"person", "date", "place"}
    blocks = ["\n".join(lines)]
    for column in file.columns:
        if column.name not in skip:
            found = _guess_record_column(section, column, taken)
            _count_guess(counts, found)
            taken.add(found.name)
            blocks += [_block(f"{section}.variables.{found.name}", column.name, column, found)] * bool(
                found.name
            )
    return "\n\n".join(blocks)


def _guess_record_column(section: str, column: Profile, taken: set[str]) -> Guess:
    """Guess a column of visits or nights; the one that reports cramps has its own name there."""
    if has_role(column, "cramp") and column.codes:
        name = "cramp" if section == "diary" else "any_cramps"
        usual = guess(replace(column, name="anycramps"), set())
        if usual.name == "any_cramps":
            return replace(usual, name=name, lines=_as_yes_no(name, usual.lines), reason="by its name")
    return guess(column, taken)


def _as_yes_no(name: str, lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(lines) if name == "any_cramps" else ('kind = "yes_no"', *lines)
