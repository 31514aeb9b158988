"""Make a population of a user's `study.toml`, or tell everything that is wrong with it in one pass.

Takes a path; gives `Examined`: the problems, and the people with design, codebook, visits and diary if there
is no error among them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import polars as pl

from toolkit.errors import DatasetError, DesignError
from toolkit.sources.harmonize.person_formulas import compute
from toolkit.sources.harmonize.recode import UNREAD
from toolkit.sources.user.columns_named import PLACE, declared_design, file_name, replicate_columns
from toolkit.sources.user.declaration import (
    UNDECLARED,
    Declaration,
    Problem,
    Repeated,
    every_problem,
    read_declaration,
)
from toolkit.sources.user.follow_up import END, NIGHT_CRAMP, START, VISIT_CRAMP, follow, within
from toolkit.sources.user.row_checks import (
    DATE,
    PERSON,
    ROW,
    Rule,
    check_rows,
    design_rules,
    person_rules,
    size_rules,
    span_rule,
)
from toolkit.sources.user.row_reader import Request, Rows, absent_as, column_names, read_rows
from toolkit.sources.user.study_columns import follow_up_columns, lost_columns, reserved_names
from toolkit.sources.user.weather import read_weather
from toolkit.sources.weather.linkage import add_weather
from toolkit.studies.study import Study
from toolkit.variables.codebook import Codebook, Variable, why
from toolkit.variables.formulas import Formula, formula

_SECTIONS = ("visits", "diary")
_HELD = "input of formulas: "  # stands before the name of a column that only formulas read


@dataclass(frozen=True)
class Examined:
    """What came of reading a `study.toml`.

    Attributes
    ----------
    problems
        Errors and notes in the order in which they were found.
    population
        None if there is an error among the problems.
    """

    problems: tuple[Problem, ...]
    population: Study | None

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep the study from being opened."""
        return tuple(problem for problem in self.problems if not problem.note)

    @property
    def notes(self) -> tuple[Problem, ...]:
        """What is worth knowing and stops nothing."""
        return tuple(problem for problem in self.problems if problem.note)


def open_own(path: str | Path) -> Study:
    """Open a user's study.

    Raises
    ------
    DesignError
        If its design is not declared.
    DatasetError
        With every problem of the declaration and of its files.
    """
    examined = examine(path)
    if examined.population is None:
        _raise_problems(Path(path), examined.errors)
    return examined.population


def _raise_problems(path: Path, problems: tuple[Problem, ...]) -> NoReturn:
    """Raise what keeps a study from being opened: a design that is not declared by itself, else all in one.

    Raises
    ------
    DesignError
        If the design is not declared.
    DatasetError
        With every problem else.
    """
    for problem in problems:
        if problem.where == "design" and problem.finding.startswith(UNDECLARED):
            raise DesignError(f"'{path.name}': the {problem} All problems: cramps check {path.name}.")
    raise every_problem(path, problems)


def examine(path: str | Path) -> Examined:
    """Read a user's study as far as can be, and collect what is wrong.

    Parameters
    ----------
    path
        The `study.toml`.

    Returns
    -------
    Examined
        Problems, and the population if it can be had.

    Raises
    ------
    DatasetError
        If there is no such file, or it is not TOML.
    """
    declaration = read_declaration(path)
    columns, unreadable = column_names(declaration)
    problems = [
        *declaration.problems,
        *unreadable,
        *reserved_names(declaration),
        *lost_columns(declaration, columns),
    ]
    lost = {problem.where for problem in problems}
    columns = {file: there for file, there in columns.items() if f"files.{file}" not in lost}
    if declaration.home not in columns:
        return Examined(tuple(problems), None)
    read = _Reading(declaration, columns, lost)
    try:
        population = read.population()
    except _NobodyError:
        population = None
    problems += read.problems
    failed = any(not problem.note for problem in problems)
    return Examined(tuple(problems), None if failed else population)


class _NobodyError(Exception):
    """The first file cannot be read, so there is nobody to check anything on."""


class _Reading:
    """The steps from files to a population; what goes wrong is collected and the rest goes on."""

    def __init__(
        self, declaration: Declaration, columns: Mapping[str, tuple[str, ...]], lost: set[str]
    ) -> None:
        self.declaration, self.study, self.columns, self.lost = declaration, declaration.study, columns, lost
        self.problems: list[Problem] = []
        self.facts: list[Mapping[str, Any]] = []
        self.records: dict[str, dict[str, dict[str, str]]] = {}
        self.codebook = Codebook()
        self.formulas = dict(self._formulas())
        self.design, wrong = declared_design(declaration, columns[declaration.home])
        self.problems += wrong

    def population(self) -> Study:
        people = self._with_formulas(self._people())
        parts: dict[str, Any] = {section: self._repeated(section, people) for section in _SECTIONS}
        people, added = follow(people, parts["visits"], parts["diary"])
        people = people.drop(ROW)
        provenance = {
            "declaration": self.declaration.path.name,
            "files": [dict(facts) for facts in self.facts],
            "notes": [str(problem) for problem in self.problems if problem.note],
            "records": self.records,
        }
        shown = self.codebook.with_variables(*added)
        label = self.study.label or self.study.name
        if self.study.simulated and "simulated" not in label.lower():
            label = f"SIMULATED {label}"
        return self._with_weather(
            Study(
                self.study.name, label, people, self.design, shown, provenance, self.study.simulated, **parts
            )
        )

    def _with_weather(self, population: Study) -> Study:
        told = self.study.weather
        if told is None or "weather" in self.lost:
            return population
        try:
            weather = read_weather(told, self.declaration.path.parent)
            return add_weather(population, weather, days=told.days)
        except DatasetError as error:
            self.problems.append(Problem("weather", str(error).rstrip("."), ""))
            return population

    def _formulas(self) -> Iterator[tuple[str, Formula]]:
        for name, variable in self.study.variables.items():
            if variable.expression and f"variables.{name}" not in self.lost:
                yield name, formula(variable.expression)

    def _inputs(self) -> dict[str, tuple[str, str]]:
        """Find the columns of files that formulas read and that are no variables themselves."""
        names = {
            n for parsed in self.formulas.values() for n in parsed.names if n not in self.study.variables
        }
        places = {name: self.declaration.place(name) for name in names}
        return {n: (f, c) for n, (f, c) in places.items() if c in self.columns.get(f, ())}

    def _people(self) -> pl.DataFrame:
        home = self.declaration.home
        rows = self._read(home)
        if PERSON not in rows.frame.columns:
            raise _NobodyError
        people = _once(rows.frame)
        repeated = {part.file for s in _SECTIONS if (part := getattr(self.study, s)) is not None}
        for file in self.columns:
            request = self._request(file)
            if file != home and file not in repeated and (request.variables or request.inputs):
                people = self._joined(people, file)
        return people

    def _read(self, file: str) -> Rows:
        rows = read_rows(self.declaration, file, self._request(file))
        self.problems += rows.problems
        self.facts.append(rows.facts)
        self.codebook = self.codebook.with_variables(*(column.variable for column in rows.columns))
        return rows

    def _joined(self, people: pl.DataFrame, file: str) -> pl.DataFrame:
        rows, entry = self._read(file), self.study.files[file]
        if rows.frame.is_empty():
            return people
        self._check_strangers(file, rows.frame, people)
        joined = people.join(_once(rows.frame).drop(ROW), on=PERSON, how="left", maintain_order="left")
        read = [column.variable.name for column in rows.columns]
        inputs = [name for name in self._request(file).inputs if name in joined.columns]
        return absent_as(joined, [*read, *inputs], entry.absent)

    def _check_strangers(self, file: str, frame: pl.DataFrame, people: pl.DataFrame) -> None:
        entry, home = self.study.files[file], self.study.files[self.declaration.home]
        known = frame.select(ROW, strange=~pl.col(PERSON).is_in(people[PERSON].to_list()))
        finding = f"participant is not in '{home.path}'"
        remedy = f"To exclude them, write strangers = 'leave out' under [files.{file}]."
        if known["strange"].all():
            remedy = f"No ID is in both files. Check that they are written alike. {_forms(frame, people)}"
        note = bool(entry.strangers) and not known["strange"].all()
        rule = Rule(finding, ~pl.col("strange"), remedy, note=note)
        self.problems += check_rows(entry.path, known, [rule])

    def _request(self, file: str) -> Request:
        variables = {
            name: (variable, self.declaration.place(variable.column)[1])
            for name, variable in self.study.variables.items()
            if variable.column
            and self.declaration.place(variable.column)[0] == file
            and f"variables.{name}" not in self.lost
        }
        in_days = {name for parsed in self.formulas.values() for name in parsed.dates}
        form = self.study.files[file].date_format
        inputs = {
            _HELD + name: (column, form if name in in_days else "")
            for name, (place, column) in self._inputs().items()
            if place == file
        }
        request = Request(variables, inputs, rules=tuple(person_rules((PERSON,), "person")))
        return self._with_design(request) if file == self.declaration.home else request

    def _with_design(self, request: Request) -> Request:
        design = self.design
        numbers = {
            *(w.column for w in design.components.values()),
            *design.fpcs,
            *replicate_columns(design),
        }
        groups = {*filter(None, (design.strata,)), *design.stages}
        weights = {w.column: self._file_name(w.column) for w in design.components.values()}
        first = design.stages[0] if design.stages else None
        dates = {f"follow_up_{k}": c for k, c in follow_up_columns(self.declaration).items()}
        fpcs = {name: self._file_name(name) for name in design.fpcs}
        replicates = {name: self._file_name(name) for name in replicate_columns(design)}
        rules = (
            *request.rules,
            *design_rules(weights, design.strata, first, nest=bool(self.study.design.nest)),
            *size_rules(fpcs, replicates),
            *([span_rule(START, END)] if len(dates) == 2 else []),
        )
        follow_up = self.study.follow_up
        form = follow_up.date_format if follow_up else ""
        return Request(
            request.variables,
            request.inputs,
            {name: self._file_name(name) for name in sorted(groups)},
            {name: self._file_name(name) for name in sorted(numbers - groups)},
            {name: (column, form) for name, column in dates.items()},
            rules,
        )

    def _file_name(self, name: str) -> str:
        return file_name(name, self.declaration, self.columns[self.declaration.home])

    def _with_formulas(self, people: pl.DataFrame) -> pl.DataFrame:
        """Compute formulas while their inputs have their own names, which the design may use too."""
        names = [name for name in self._inputs() if _HELD + name in people.columns]
        held = {
            new: old for name in names for old, new in ((_HELD + name, name), (why(_HELD + name), why(name)))
        }
        kept = people.select(name for name in held if name in people.columns)
        computed = compute(
            people.drop(kept.columns).rename({old: new for new, old in held.items()}),
            self.codebook,
            self.study,
            self.formulas,
        )
        self.problems += computed.problems
        self.codebook = computed.codebook
        return computed.people.drop(held).hstack(kept)

    def _repeated(self, section: str, people: pl.DataFrame) -> pl.DataFrame | None:
        part: Repeated | None = getattr(self.study, section)
        if part is None or part.file not in self.columns or f"{section}.date" in self.lost:
            return None
        variables = {
            name: (variable, variable.column)
            for name, variable in part.variables.items()
            if variable.column and f"{section}.variables.{name}" not in self.lost
        }
        what = "person and night" if section == "diary" else "person and visit"
        dated = Rule(
            "no date",
            pl.col(DATE).is_not_null() | pl.col(DATE + UNREAD),
            "Supply the date in the file.",
        )
        request = Request(
            variables,
            codes={PLACE: part.place} if part.place and f"{section}.place" not in self.lost else {},
            dates={DATE: (part.date, part.date_format)},
            rules=(*person_rules((PERSON, DATE), what), dated),
        )
        rows = read_rows(self.declaration, part.file, request)
        self.problems += rows.problems
        self.facts.append(rows.facts)
        if rows.frame.is_empty():
            return None
        self.records[section] = {c.variable.name: _words(c.variable) for c in rows.columns}
        self._check_cramps(section, rows)
        self._check_strangers(part.file, rows.frame, people)
        self._check_follow_up(part.file, rows.frame, people)
        known = rows.frame.drop(ROW).filter(pl.col(PERSON).is_in(people[PERSON].to_list()))
        # Rows have no codebook of their own: levels in order are an Enum, others are text.
        nominal = [c.variable.name for c in rows.columns if c.variable.levels and not c.variable.ordered]
        return known.with_columns(pl.col(nominal).cast(pl.String)).sort(PERSON, DATE)

    def _check_cramps(self, section: str, rows: Rows) -> None:
        name = NIGHT_CRAMP if section == "diary" else VISIT_CRAMP
        kinds = {column.variable.name: column.variable.kind for column in rows.columns}
        if name not in kinds:
            told = f"has no variable '{name}', so no first cramp and no nights with cramps are worked out"
            remedy = f"If the file says whether there was a cramp: [{section}.variables.{name}]."
            self.problems.append(Problem(section, told, remedy, note=True))
        elif kinds[name] == "category":
            told = "must be yes/no or a number of cramps"
            self.problems.append(Problem(f"{section}.variables.{name}", told, "Write kind = 'yes_no'."))

    def _check_follow_up(self, file: str, frame: pl.DataFrame, people: pl.DataFrame) -> None:
        ends = [name for name in (START, END) if name in people.columns]
        absent = [pl.lit(None, pl.Date).alias(name) for name in (START, END) if name not in ends]
        dated = frame.join(people.select(PERSON, *ends), on=PERSON, how="left", maintain_order="left")
        rule = Rule(
            "date is outside the participant's follow-up",
            within(),
            "These records are kept, but excluded from person-time, first cramp and nights.",
            note=True,
        )
        self.problems += check_rows(self.study.files[file].path, dated.with_columns(absent), [rule])


def _words(variable: Variable) -> dict[str, str]:
    return {"label": variable.label, "unit": variable.unit, "question": variable.question}


def _once(frame: pl.DataFrame) -> pl.DataFrame:
    """Keep one row a person, so that the other rules can be checked; more are told as a problem already."""
    return frame.filter(pl.col(PERSON).is_not_null()).unique(PERSON, keep="first", maintain_order=True)


def _forms(*frames: pl.DataFrame) -> str:
    lengths = [frame[PERSON].str.len_chars().drop_nulls().to_list() for frame in frames]
    told = [f"{min(length)} to {max(length)} characters" for length in lengths]
    return f"Here they have {told[0]}, there {told[1]}."
