"""Open a user's study from its study.toml, or report everything that is wrong with it in one pass."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import polars as pl

from toolkit.errors import DatasetError, DesignError, VariableError
from toolkit.sources.catalog_records import OwnVariable
from toolkit.sources.engines.declared_files import examine_in_place, is_in_place
from toolkit.sources.harmonize.join import compute_variable, order_formulas
from toolkit.sources.harmonize.raw_values import UNREAD
from toolkit.sources.user.declaration import (
    UNDECLARED,
    Declaration,
    Problem,
    Repeated,
    every_problem,
    read_declaration,
)
from toolkit.sources.user.declared_columns import (
    PLACE,
    declared_design,
    follow_up_columns,
    lost_columns,
    reserved_names,
)
from toolkit.sources.user.file_columns import describe_expression
from toolkit.sources.user.follow_up import END, NIGHT_CRAMP, START, VISIT_CRAMP, follow, within
from toolkit.sources.user.row_checks import (
    DATE,
    PERSON,
    ROW,
    Rule,
    check_rows,
    design_rules,
    person_rules,
    range_rules,
)
from toolkit.sources.user.row_reader import FileRows, Request, absent_as, column_names, read_rows
from toolkit.sources.user.weather import read_weather
from toolkit.sources.weather.linkage import add_weather
from toolkit.studies import Study
from toolkit.variables import Codebook, Formula, Variable, formula, why

_SPAN = Rule(
    "Follow-up ends before it starts",
    pl.col(END) >= pl.col(START),
    "Correct one of the two dates in the file.",
)
_INPUT = "input of formulas: "  # starts the name of a column that only expressions read


@dataclass(frozen=True)
class Examined:
    """Errors and notes found in a study.toml and its files; the study, unless there are errors."""

    problems: tuple[Problem, ...]
    population: Study | None

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep the study from being opened."""
        return tuple(problem for problem in self.problems if not problem.note)

    @property
    def notes(self) -> tuple[Problem, ...]:
        """Observations that do not keep it from being opened."""
        return tuple(problem for problem in self.problems if problem.note)


def open_own(path: str | Path) -> Study:
    """Open a user's study, or raise every problem of it: a DesignError for an undeclared design alone."""
    examined = examine(path)
    if examined.population is None:
        _raise_problems(Path(path), examined.errors)
    return examined.population


def _raise_problems(path: Path, problems: tuple[Problem, ...]) -> NoReturn:
    for problem in problems:
        if problem.where == "design" and problem.finding.startswith(UNDECLARED):
            raise DesignError(f"'{path.name}': {problem} See all problems with: cramps check {path.name}")
    raise every_problem(path, problems)


def examine(path: str | Path) -> Examined:
    """Read a study.toml and its files as far as possible, and collect all problems."""
    declaration = read_declaration(path)
    if is_in_place(declaration):
        found, population = examine_in_place(declaration)
        every = (*declaration.problems, *found)
        return Examined(every, None if any(not problem.note for problem in every) else population)
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
    reading = _Reading(declaration, columns, lost)
    population = reading.population()
    problems += reading.problems
    failed = any(not problem.note for problem in problems)
    return Examined(tuple(problems), None if failed else population)


class _Reading:
    """The steps from files to a population, which collect problems and continue with the rest."""

    def __init__(
        self, declaration: Declaration, columns: Mapping[str, tuple[str, ...]], lost: set[str]
    ) -> None:
        self.declaration, self.study, self.columns, self.lost = declaration, declaration.study, columns, lost
        self.problems: list[Problem] = []
        self.facts: list[Mapping[str, Any]] = []
        self.records: dict[str, dict[str, dict[str, str]]] = {}
        self.codebook = Codebook()
        self.formulas: dict[str, Formula] = {
            name: formula(variable.expression)
            for name, variable in self.study.variables.items()
            if variable.expression and f"variables.{name}" not in lost
        }
        self.inputs = dict(self._inputs())
        self.design, self.design_names, wrong = declared_design(declaration, columns[declaration.home])
        self.problems += wrong

    def _inputs(self) -> Iterator[tuple[str, tuple[str, str]]]:
        """Find the columns of files that expressions read and that are not variables."""
        names = {n for parsed in self.formulas.values() for n in parsed.names}
        for name in names - set(self.study.variables):
            file, column = self.declaration.place(name)
            if column in self.columns.get(file, ()):
                yield name, (file, column)

    def population(self) -> Study | None:
        """Read people, visits and diary; None if the first file cannot be read."""
        people = self._people()
        if people is None:
            return None
        people = self._with_formulas(people)
        parts: dict[str, Any] = {
            section: self._repeated(section, part, people) for section, part in self.study.records.items()
        }
        people, added = follow(people, parts.get("visits"), parts.get("diary"))
        provenance = {
            "declaration": self.declaration.path.name,
            "files": [dict(facts) for facts in self.facts],
            "notes": [str(problem) for problem in self.problems if problem.note],
            "records": self.records,
        }
        label = self.study.label or self.study.name
        if self.study.simulated and "simulated" not in label.lower():
            label = f"SIMULATED {label}"
        population = Study(
            self.study.name,
            label,
            people.drop(ROW),
            self.design,
            self.codebook.with_variables(*added),
            provenance,
            self.study.simulated,
            smallest_cell=self.study.disclosure.smallest_cell,
            **parts,
        )
        return self._with_weather(population)

    def _with_weather(self, population: Study) -> Study:
        declared = self.study.weather
        if declared is None or "weather" in self.lost:
            return population
        try:
            weather = read_weather(declared, self.declaration.path.parent)
            return add_weather(population, weather, days=declared.days)
        except DatasetError as error:
            self.problems.append(Problem("weather", str(error).rstrip("."), ""))
            return population

    def _people(self) -> pl.DataFrame | None:
        home = self.declaration.home
        rows = self._read(home)
        if PERSON not in rows.frame.columns:
            return None
        people = _first_rows(rows.frame)
        repeated = {part.file for part in self.study.records.values()}
        for file in self.columns:
            request = self._request(file)
            if (
                file != home
                and file not in repeated
                and (request.variables or request.inputs or request.dates)
            ):
                people = self._joined(people, file)
        return people

    def _read(self, file: str) -> FileRows:
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
        joined = people.join(_first_rows(rows.frame).drop(ROW), on=PERSON, how="left", maintain_order="left")
        read = [column.variable.name for column in rows.columns]
        inputs = [name for name in self._request(file).inputs if name in joined.columns]
        return absent_as(joined, [*read, *inputs], entry.absent)

    def _check_strangers(self, file: str, frame: pl.DataFrame, people: pl.DataFrame) -> None:
        entry, home = self.study.files[file], self.study.files[self.declaration.home]
        known = frame.select(ROW, strange=~pl.col(PERSON).is_in(people[PERSON].to_list()))
        finding = f"The participant is not in '{home.path}'"
        remedy = f"To exclude them, write strangers = 'leave out' under [files.{file}]."
        if known["strange"].all():
            remedy = (
                f"No ID is in both files. Check that they are written alike. {_id_lengths(frame, people)}"
            )
        note = bool(entry.strangers) and not known["strange"].all()
        rule = Rule(finding, ~pl.col("strange"), remedy, note=note)
        self.problems += check_rows(entry.path, known, [rule])

    def _readable(
        self, variables: Mapping[str, OwnVariable], section: str = "variables"
    ) -> dict[str, OwnVariable]:
        return {n: v for n, v in variables.items() if v.column and f"{section}.{n}" not in self.lost}

    def _request(self, file: str) -> Request:
        places = {
            n: (v, self.declaration.place(v.column)) for n, v in self._readable(self.study.variables).items()
        }
        in_days = {name for parsed in self.formulas.values() for name in parsed.dates}
        date_format = self.study.files[file].date_format
        mine = {name: (v, column) for name, (v, (place, column)) in places.items() if place == file}
        request = Request(
            {name: own for name, own in mine.items() if own[0].kind != "date"},
            {
                _INPUT + name: (column, date_format if name in in_days else "")
                for name, (place, column) in self.inputs.items()
                if place == file
            },
            dates=_date_variables(mine, date_format),
            rules=tuple(person_rules((PERSON,), "person")),
        )
        return self._with_design(request) if file == self.declaration.home else request

    def _with_design(self, request: Request) -> Request:
        design, names, follow_up = self.design, self.design_names, self.study.follow_up
        groups = {*filter(None, (design.strata,)), *design.stages}
        dates = {f"follow_up_{key}": column for key, column in follow_up_columns(self.declaration).items()}
        return replace(
            request,
            codes={name: names[name] for name in sorted(groups)},
            numbers={name: names[name] for name in sorted(set(names) - groups)},
            alike=tuple(names[name] for name in sorted(groups)),
            dates={**request.dates}
            | {name: (column, follow_up.date_format) for name, column in dates.items() if follow_up},
            rules=(
                *request.rules,
                *design_rules(design, names, nest=bool(self.study.design.nest)),
                *([_SPAN] if len(dates) == 2 else []),
            ),
        )

    def _with_formulas(self, people: pl.DataFrame) -> pl.DataFrame:
        """Compute expressions while their inputs have their own names, which the design may use too."""
        names = [name for name in self.inputs if _INPUT + name in people.columns]
        inputs = {new: old for n in names for old, new in ((_INPUT + n, n), (why(_INPUT + n), why(n)))}
        kept = people.select(name for name in inputs if name in people.columns)
        people = people.drop(kept.columns).rename({old: new for new, old in inputs.items()})
        try:
            order = order_formulas(self.formulas)
        except VariableError as error:
            self.problems.append(Problem("variables", str(error), ""))
            order = []
        for name in order:
            people = self._with_formula(people, name, self.study.variables[name])
        return people.drop(inputs).hstack(kept)

    def _with_formula(self, people: pl.DataFrame, name: str, declared: OwnVariable) -> pl.DataFrame:
        where, parsed = f"variables.{name}", self.formulas[name]
        try:
            entry = describe_expression(name, declared, parsed)
            people, self.codebook = compute_variable(people, self.codebook, entry, parsed)
        except VariableError as error:
            self.problems.append(Problem(where, str(error), ""))
            return people
        rules = range_rules(entry, declared.range) if entry.kind == "number" else ()
        self.problems += check_rows(where, people, rules)
        return people

    def _repeated(self, section: str, part: Repeated, people: pl.DataFrame) -> pl.DataFrame | None:
        if part.file not in self.columns or f"{section}.date" in self.lost:
            return None
        what = "person and night" if section == "diary" else "person and visit"
        dated = Rule(
            "The date is missing",
            pl.col(DATE).is_not_null() | pl.col(DATE + UNREAD),
            "Supply the date in the file.",
        )
        variables = self._readable(part.variables, f"{section}.variables")
        mine = {name: (variable, variable.column) for name, variable in variables.items()}
        request = Request(
            {name: own for name, own in mine.items() if own[0].kind != "date"},
            codes={PLACE: part.place} if part.place and f"{section}.place" not in self.lost else {},
            dates=_date_variables(mine, part.date_format) | {DATE: (part.date, part.date_format)},
            rules=(*person_rules((PERSON, DATE), what), dated),
        )
        rows = read_rows(self.declaration, part.file, request)
        self.problems += rows.problems
        self.facts.append(rows.facts)
        if rows.frame.is_empty():
            return None
        described = [column.variable for column in rows.columns]
        self.records[section] = {
            v.name: {"label": v.label, "unit": v.unit, "question": v.question} for v in described
        }
        self._check_cramps(section, described)
        self._check_strangers(part.file, rows.frame, people)
        self._check_follow_up(part.file, rows.frame, people)
        known = rows.frame.drop(ROW).filter(pl.col(PERSON).is_in(people[PERSON].to_list()))
        # Rows have no codebook of their own: ordered levels are an Enum, others are text.
        nominal = [v.name for v in described if v.levels and not v.ordered]
        return known.with_columns(pl.col(nominal).cast(pl.String)).sort(PERSON, DATE)

    def _check_cramps(self, section: str, described: list[Variable]) -> None:
        name = NIGHT_CRAMP if section == "diary" else VISIT_CRAMP
        kinds = {variable.name: variable.kind for variable in described}
        if name not in kinds:
            finding = f"No variable is called '{name}', so that first cramp and cramp nights are not computed"
            remedy = f"If the file reports cramps, declare [{section}.variables.{name}]."
            self.problems.append(Problem(section, finding, remedy, note=True))
        elif kinds[name] == "category":
            finding = "The variable must be yes/no or a number of cramps"
            self.problems.append(Problem(f"{section}.variables.{name}", finding, "Write kind = 'yes_no'."))

    def _check_follow_up(self, file: str, frame: pl.DataFrame, people: pl.DataFrame) -> None:
        ends = [name for name in (START, END) if name in people.columns]
        absent = [pl.lit(None, pl.Date).alias(name) for name in (START, END) if name not in ends]
        dated = frame.join(people.select(PERSON, *ends), on=PERSON, how="left", maintain_order="left")
        rule = Rule(
            "The date is outside the participant's follow-up",
            within(),
            "These records are kept, but excluded from person-time, first cramp and nights.",
            note=True,
        )
        self.problems += check_rows(self.study.files[file].path, dated.with_columns(absent), [rule])


def _date_variables(
    variables: Mapping[str, tuple[OwnVariable, str]], usual: str
) -> dict[str, tuple[str, str]]:
    """List the column and the format of each variable that is a date."""
    dates = {name: own for name, own in variables.items() if own[0].kind == "date"}
    return {name: (column, v.date_format or usual) for name, (v, column) in dates.items()}


def _first_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """Keep the first row of each person, so that the other rules can be checked."""
    return frame.filter(pl.col(PERSON).is_not_null()).unique(PERSON, keep="first", maintain_order=True)


def _id_lengths(*frames: pl.DataFrame) -> str:
    lengths = [frame[PERSON].str.len_chars().drop_nulls().to_list() for frame in frames]
    here, there = (f"{min(length)} to {max(length)} characters" for length in lengths)
    return f"Here they have {here}, there {there}."
