"""Write a first `study.toml` for files of the user's own, in which each guess is marked for confirmation.

Takes paths of files; gives the text, or writes it beside the files. It never overwrites.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from toolkit.errors import DatasetError
from toolkit.files.readers import write_text
from toolkit.sources.user.declaration import FORMATS, Problem
from toolkit.sources.user.design_guess import guess_design, has_design_role
from toolkit.sources.user.guesses import GUESS, Guess, guess, has_role, plain, quoted, words
from toolkit.sources.user.loader import examine
from toolkit.sources.user.profiles import (
    Profile,
    commas_of_thousands,
    decimal_of,
    first_rows,
    profiles,
    without_missing_words,
)
from toolkit.sources.user.tabular_files import TEXT, open_table

NAME = "study.toml"
_ENCODINGS = ("utf-8", "windows-1252")
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_VARIABLE = re.compile(r"^\[(?:\w+\.)?variables\.(\w+)\]", re.MULTILINE)
_NIGHTLY = 2  # days from one record of a person to the next, in a diary of nights
HEAD = f"""\
# A first study.toml, made from the files' columns, labels, codes and ranges (their first rows).
# Lines marked {GUESS} were guessed: confirm or correct each, then remove the mark. To validate the file:
#   cramps check {NAME}
"""


@dataclass(frozen=True)
class _File:
    """A file as it was looked at."""

    path: Path
    name: str
    encoding: str
    decimal: str
    columns: tuple[Profile, ...]
    frame: pl.DataFrame = field(repr=False)
    missing: tuple[str, ...] = ()

    def column(self, role: str) -> Profile | None:
        return next((column for column in self.columns if has_role(column, role)), None)


@dataclass(frozen=True)
class First:
    """What a first look found: the text, and how many columns were matched, kept as one's own, left out."""

    path: Path
    text: str
    known: int
    own: int
    left: int
    problems: tuple[Problem, ...] = ()

    def __str__(self) -> str:
        """Say what was written and what to do next."""
        return (
            f"'{self.path}' written: {self.known} columns matched to the codebook, {self.own} variables of "
            f"your own, {self.left} columns left out, {self.text.count('# ' + GUESS)} guesses to confirm.\n"
            f"Then: cramps check {self.path}"
        )


def write_first_study(files: Sequence[str | Path], target: str | Path | None = None) -> First:
    """Write a first study.toml from files.

    Parameters
    ----------
    files
        The study's files; the first with one row a person says who is in the study.
    target
        Where to write; `study.toml` beside the first file if not given.

    Returns
    -------
    First
        What was found; prints as what to do next. `problems` are those that `cramps check` still tells.

    Raises
    ------
    DatasetError
        If the target is there already, or a file is not there, not readable or outside the target's folder.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> people = {"id": [f"p{i}" for i in range(9)], "age": range(40, 49), "sex": [1, 2, 1] * 3}
    >>> pl.DataFrame(people).write_csv(folder / "a.csv")
    >>> write_first_study([folder / "a.csv"]).known
    2
    """
    paths = [Path(file) for file in files]
    written = Path(target) if target else paths[0].parent / NAME
    if written.exists():
        raise DatasetError(
            f"'{written}' is there already and is never overwritten. Name another: --out FILE."
        )
    looked = [_looked_at(path, written.parent) for path in paths]
    first = _first(looked, written)
    write_text(written, first.text)
    return _settled(first)


def _settled(first: First) -> First:
    """Comment out what a whole reading of the files still finds wrong, with what is wrong."""
    problems = examine(first.path).errors
    told = {problem.where.rpartition("variables.")[2]: problem for problem in problems}
    blocks = first.text.split("\n\n")
    for number, block in enumerate(blocks):
        name = _VARIABLE.search(block)
        of_block = name and (
            told.get(name[1]) or next((p for p in problems if f"'{name[1]}'" in p.finding), None)
        )
        if of_block:
            commented = "\n".join(f"# {line}" for line in block.splitlines())
            blocks[number] = f"# NOT READ: {' '.join(str(of_block).split())}\n{commented}"
    text = "\n\n".join(blocks)
    if text != first.text:
        write_text(first.path, text)
    return replace(first, text=text, problems=examine(first.path).errors)


def _looked_at(path: Path, folder: Path) -> _File:
    if path.suffix.lower() not in FORMATS:
        raise DatasetError(f"'{path}' is of no known format. Formats: {' '.join(FORMATS)}.")
    if not path.is_file():
        raise DatasetError(f"there is no file '{path}'. Check the path.")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DatasetError(f"'{path}' is outside of '{folder}'. Put the study's files into one folder.")
    encoding = _encoding(path)
    with ExitStack() as stack:
        table = stack.enter_context(open_table(path, encoding=encoding))
        frame = first_rows(table)
        if not frame.height:  # what stands in the heading may be people then: lines that end in CR alone
            raise DatasetError(
                f"'{path}' has no row below its heading. Check how the file was written: its lines must end "
                "in LF, or in CR and LF."
            )
        text = path.suffix.lower() in TEXT
        frame, missing = without_missing_words(frame) if text else (frame, ())
        decimal = decimal_of(frame) if text else "."
        columns = tuple(profiles(table, frame, decimal))
    name = plain(path.stem) or "people"
    return _File(path, f"f{name}" if name[0].isdigit() else name, encoding, decimal, columns, frame, missing)


def _encoding(path: Path) -> str:
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


def _first(files: Sequence[_File], written: Path) -> First:
    home = next((file for file in files if _person(file, unique=True)), files[0])
    others = [file for file in files if file is not home]
    ordered = [home, *(file for file in others if _person(file) or _person(file, unique=True))]
    person = _person(home, unique=True) or _person(home) or _first_id(home)
    sections = dict(_sections(ordered, home))
    taken: set[str] = {"person", "follow_up_start", "follow_up_end"}
    design = guess_design(home.columns, home.frame, person.name, _mass(home))
    spans = (home.column(role) for role in ("start", "end") if sections)
    used = {person.name, *design.used, *(column.name for column in spans if column)}
    blocks, counts = [], {"known": 0, "own": 0, "left": 0}
    for file in ordered:
        if file is home or (file not in sections.values() and _person(file, unique=True)):
            skip = used if file is home else {(_person(file) or person).name}
            blocks += list(_variables(file, file is home, skip, taken, counts))
    parts = [
        HEAD.rstrip(),
        f"name = {quoted(written.resolve().parent.name or 'my study')}\n{_person_line(person)}",
        *(_file_block(file, written.parent, person, file in sections.values()) for file in ordered),
        *(_without_people(file) for file in others if file not in ordered),
        design.text,
        *([_follow_up(home)] if sections and home.column("start") else []),
        *blocks,
        _bmi(home, taken),
        *(_repeated(name, file, counts) for name, file in sections.items()),
    ]
    return First(
        written,
        "\n\n".join(part for part in parts if part) + "\n",
        counts["known"],
        counts["own"],
        counts["left"],
    )


def _person(file: _File, *, unique: bool = False) -> Profile | None:
    named = [c for c in file.columns if has_role(c, "person") and (c.unique or not unique)]
    if named or not unique:
        return next(iter(named), None)
    return next((c for c in file.columns if c.unique and _may_name_persons(c)), None)


def _first_id(file: _File) -> Profile:
    return next((c for c in file.columns if c.different > 1 and _may_name_persons(c)), file.columns[0])


def _may_name_persons(column: Profile) -> bool:
    """Tell whether values of a column's own may be ids: not those of dates, measurements and weights."""
    measured = column.numeric and (column.fractions or guess(column, set()).known)
    return not (column.date_form or measured or has_design_role(column))


def _person_line(person: Profile) -> str:
    told = "a column with another value in every row"
    if not person.unique:
        told = (
            "the first column, although rows share its values. If it takes several columns to tell persons "
            "apart, such as household and number, join them into one in the file"
        )
    return f"person = {quoted(person.name)}{'' if has_role(person, 'person') else f'  # {GUESS}: {told}'}"


def _sections(files: Sequence[_File], home: _File) -> Iterator[tuple[str, _File]]:
    """Find the files of several rows a person, each with a date: nights if they follow one another."""
    for file in files:
        person, day = _person(file), _day(file)
        if file is home or person is None or person.unique or day is None:
            continue
        yield ("diary" if _gap(file, person, day) <= _NIGHTLY else "visits"), file


def _day(file: _File) -> Profile | None:
    return next((column for column in file.columns if column.date_form), None)


def _gap(file: _File, person: Profile, day: Profile) -> float:
    dates = pl.col(day.name)
    read = dates.cast(pl.Date) if day.date_form == "date" else dates.str.to_date(day.date_form, strict=False)
    days = file.frame.select(person.name, day=read).sort(person.name, "day")
    gaps = days.select(pl.col("day").diff().dt.total_days().over(person.name))["day"]
    return float(gaps.drop_nulls().median() or 0)  # type: ignore[arg-type]


def _file_block(file: _File, folder: Path, person: Profile, repeated: bool) -> str:
    mine = _person(file, unique=not repeated) or _person(file)
    relative = file.path.resolve().relative_to(folder.resolve()).as_posix()
    lines = [f"[files.{file.name}]", f"path = {quoted(relative)}"]
    if mine and mine.name != person.name:
        lines.append(f"person = {quoted(mine.name)}  # {GUESS}: by its name")
    if file.encoding != "utf-8":
        lines.append(f"encoding = {quoted(file.encoding)}  # {GUESS}: it is not UTF-8")
    if file.decimal != ".":
        mark = f"  # {GUESS}: or do commas part thousands? Then remove them in the file"
        lines.append(f"decimal = {quoted(file.decimal)}{mark if commas_of_thousands(file.frame) else ''}")
    if file.missing:
        table = ", ".join(f"{quoted(word)} = 'no value recorded'" for word in file.missing)
        lines.append(f"missing = {{ {table} }}  # {GUESS}: as programs write a missing value")
    return "\n".join(lines)


def _without_people(file: _File) -> str:
    told = f"# Not read: {quoted(file.path.name)} has no column that names a person."
    daily = _day(file) and file.column("place")
    return f"{told} Daily weather by place belongs under [weather]." if daily else told


def _mass(home: _File) -> Profile | None:
    """Find the column of body mass: one named so, or "weight" in any language beside a height."""
    if (named := home.column("mass")) or not home.column("height"):
        return named
    either = words().sampling["weight"].also_mass
    return next((column for column in home.columns if plain(column.name) in either), None)


def _bmi(home: _File, taken: set[str]) -> str:
    height, mass = home.column("height"), _mass(home)
    if "bmi" in taken or not (height and mass and height.numeric and mass.numeric):
        return ""
    metres = "" if (height.high or 0) < 3 else " / 100"
    told = f"# {GUESS}: from height and weight, taken to be in {'cm' if metres else 'm'} and kg"
    names = (quoted(f"`{c.name}`")[1:-1] for c in (mass, height))
    return '[variables.bmi]\nexpression = "{} / ({}{}) ** 2"  {}'.format(*names, metres, told)


def _follow_up(home: _File) -> str:
    lines = ["[follow_up]"]
    for key in ("start", "end"):
        if (column := home.column(key)) and column.date_form:
            lines.append(f"{key} = {quoted(column.name)}  # {GUESS}: by its name")
            form = _form_line(column)
    if len(lines) == 1:
        return ""
    return "\n".join([*lines, *form])


def _form_line(column: Profile) -> list[str]:
    form, other = column.date_form, column.other_form
    mark = f"  # {GUESS}: or {quoted(other)}; no day is above 12" if other else ""
    return [] if form in ("date", "%Y-%m-%d") else [f"date_format = {quoted(form)}{mark}"]


def _variables(
    file: _File, home: bool, skip: set[str], taken: set[str], counts: dict[str, int]
) -> Iterator[str]:
    left = []
    for column in file.columns:
        if column.name in skip:
            continue
        found = guess(column, taken)
        _count(counts, found)
        if not found.name:
            mark = f"{GUESS}: not" if column.other_form else "Not"
            left.append(f"# {mark} read: {quoted(column.name)} {found.reason}.")
            continue
        taken.add(found.name)
        place = column.name if home else f"{file.name}.{column.name}"
        yield _block(f"variables.{found.name}", place, column, found)
    if left:
        yield "\n".join(left)


def _count(counts: dict[str, int], found: Guess) -> None:
    counts["known" if found.known else "own" if found.name else "left"] += 1


def _block(section: str, place: str, column: Profile, found: Guess) -> str:
    mark = f"  # {GUESS}: {found.reason}" if found.known else ""
    told = [f"# {' '.join(column.label.split())}"] if column.label else []
    return "\n".join([f"[{section}]", *told, f"column = {quoted(place)}{mark}", *found.lines])


def _repeated(section: str, file: _File, counts: dict[str, int]) -> str:
    person, day, place = _person(file), _day(file), file.column("place")
    lines = [f"[{section}]", f"file = {quoted(file.name)}  # {GUESS}: several rows a person, with a date"]
    if day:
        lines += [f"date = {quoted(day.name)}", *_form_line(day)]
    if place:
        lines.append(f"place = {quoted(place.name)}  # {GUESS}: by its name")
    skip = {c.name for c in (person, day, place) if c}
    taken: set[str] = {"person", "date", "place"}
    blocks = ["\n".join(lines)]
    for column in file.columns:
        if column.name not in skip:
            found = _of_record(section, column, taken)
            _count(counts, found)
            taken.add(found.name)
            blocks += [_block(f"{section}.variables.{found.name}", column.name, column, found)] * bool(
                found.name
            )
    return "\n\n".join(blocks)


def _of_record(section: str, column: Profile, taken: set[str]) -> Guess:
    """Guess a column of visits or nights; the one that tells cramps has its own name there."""
    if has_role(column, "cramp") and column.codes:
        name = "cramp" if section == "diary" else "any_cramps"
        usual = guess(replace(column, name="anycramps"), set())
        if usual.name == "any_cramps":
            return replace(usual, name=name, lines=_as_answer(name, usual.lines), reason="by its name")
    return guess(column, taken)


def _as_answer(name: str, lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(lines) if name == "any_cramps" else ('kind = "yes_no"', *lines)
