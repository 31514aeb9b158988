"""Open a study.toml whose file is a folder or pattern of parquet, which stays where it is.

Rules for rows are counted by aggregate queries. Rows have no numbers, and whether an ID occurs twice is not
checked, because that needs all IDs at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl

from toolkit.errors import DatasetError, VariableError
from toolkit.sources.engines.opening import open_on_engine
from toolkit.sources.engines.parquet_files import LazyParquet, ParquetFiles
from toolkit.sources.harmonize.join import compute_variable, order_formulas
from toolkit.sources.harmonize.raw_values import read_dates, read_groups, read_numbers
from toolkit.sources.harmonize.spellings import unify_codes
from toolkit.sources.user.declaration import Declaration, Problem
from toolkit.sources.user.declared_columns import declared_design, lost_columns, reserved_names
from toolkit.sources.user.file_columns import FileColumn, describe_expression, file_column
from toolkit.sources.user.row_checks import Rule, column_rules, range_rules
from toolkit.sources.user.tabular_files import Table
from toolkit.studies import Design, Study
from toolkit.variables import Codebook, Formula, formula

_BESIDE = (
    "Only a study of one table is analyzed where its files are. Write them as one file to use this section."
)


def is_in_place(declaration: Declaration) -> bool:
    """Whether the participants of a study are in a folder or pattern of parquet files."""
    path = declaration.paths.get(declaration.home)
    return path is not None and (path.is_dir() or "*" in path.name)


def examine_in_place(declaration: Declaration) -> tuple[list[Problem], Study | None]:
    """Open a study where its files are, or collect its problems."""
    home, study = declaration.home, declaration.study
    problems = list(_unsupported(declaration))
    try:
        files = ParquetFiles.find(declaration.paths[home])
        scan = files.scan()
    except DatasetError as error:
        return [*problems, Problem(f"files.{home}", str(error), "")], None
    table = Table(scan, tuple(scan.collect_schema().names()))
    problems += [*reserved_names(declaration), *lost_columns(declaration, {home: table.columns})]
    if any(not problem.note for problem in problems):
        return problems, None
    design, names, wrong = declared_design(declaration, table.columns)
    groups = [names[name] for name in (design.strata, *design.stages) if name]
    alike, spellings = unify_codes(scan, groups, study.disclosure.smallest_cell)
    table = replace(table, frame=alike)
    problems += [Problem(f"files.{home}", str(each), "", each.n, note=True) for each in spellings]
    columns, unread = _read_columns(declaration, table)
    problems += [*wrong, *unread]
    if any(not problem.note for problem in problems):
        return problems, None
    parsed = {name: formula(v.expression) for name, v in study.variables.items() if v.expression}
    keep = study.files[home].keep
    frame = _select(declaration, table, columns, _design_columns(design, names, table, parsed, keep))
    codebook = Codebook.of(*(column.variable for column in columns))
    opened = open_on_engine(
        LazyParquet(files, frame), design, study.name, codebook, study.disclosure.smallest_cell
    )
    return _computed(declaration, opened, parsed, columns, problems)


def _unsupported(declaration: Declaration) -> Iterator[Problem]:
    study = declaration.study
    beside = {"visits": study.visits, "diary": study.diary, "follow_up": study.follow_up}
    for section, part in {**beside, "weather": study.weather}.items():
        if part is not None:
            yield Problem(section, "The participants are in a folder of parquet files", _BESIDE)
    for file in list(study.files)[1:]:
        yield Problem(f"files.{file}", "The participants are in a folder of parquet files", _BESIDE)


def _read_columns(declaration: Declaration, table: Table) -> tuple[list[FileColumn], list[Problem]]:
    entry, columns, problems = declaration.study.files[declaration.home], [], []
    for name, declared in declaration.study.variables.items():
        if not declared.column or declared.kind == "date":
            continue
        try:
            columns.append(file_column(name, declared, entry, table, declaration.place(declared.column)[1]))
        except VariableError as error:
            problems.append(Problem(f"variables.{name}", str(error), ""))
    return columns, problems


def _design_columns(
    design: Design,
    names: Mapping[str, str],
    table: Table,
    parsed: Mapping[str, Formula],
    keep: tuple[str, ...],
) -> list[pl.Expr]:
    """Read the columns of the design, and those that expressions read and no variable is."""
    schema, groups = table.frame.collect_schema(), {*filter(None, (design.strata,)), *design.stages}
    read = [
        (read_groups(column, schema, keep) if name in groups else read_numbers(column, schema)).alias(name)
        for name, column in names.items()
    ]
    inputs = {name for one in parsed.values() for name in one.names}
    return [*read, *(pl.col(name) for name in sorted(inputs & set(table.columns) - set(names)))]


def _select(
    declaration: Declaration, table: Table, columns: list[FileColumn], others: list[pl.Expr]
) -> pl.LazyFrame:
    schema = table.frame.collect_schema()
    wanted = [expression for column in columns for expression in column.expressions(schema)]
    entry = declaration.study.files[declaration.home]
    for name, declared in declaration.study.variables.items():
        if declared.kind == "date":
            place = declaration.place(declared.column)[1]
            wanted.append(read_dates(place, schema, declared.date_format or entry.date_format).alias(name))
    taken = set(declaration.study.variables)
    return table.frame.select(*wanted, *(own for own in others if own.meta.output_name() not in taken))


def _computed(
    declaration: Declaration,
    opened: Study,
    parsed: Mapping[str, Formula],
    columns: list[FileColumn],
    problems: list[Problem],
) -> tuple[list[Problem], Study | None]:
    """Add variables that expressions compute, and count the rows that break a rule."""
    study, people, codebook = declaration.study, opened.people, opened.codebook
    rules = [rule for c in columns for rule in column_rules(c, study.variables[c.variable.name].range)]
    for name in order_formulas(dict(parsed)):
        declared = study.variables[name]
        try:
            entry = describe_expression(name, declared, parsed[name])
            people, codebook = compute_variable(people, codebook, entry, parsed[name])
        except VariableError as error:
            problems.append(Problem(f"variables.{name}", str(error), ""))
            continue
        rules += range_rules(entry, declared.range) if entry.kind == "number" else ()
    problems += _count_broken(declaration.study.files[declaration.home].path, people, rules)
    label = study.label or study.name
    provenance = {
        "declaration": declaration.path.name,
        "files": [{"file": str(Path(study.files[declaration.home].path))}],
        "notes": [str(problem) for problem in problems if problem.note],
    }
    found = Study(
        study.name, label, people, opened.design, codebook, provenance, study.simulated,
        smallest_cell=study.disclosure.smallest_cell,
    )  # fmt: skip
    return problems, None if any(not problem.note for problem in problems) else found


def _count_broken(where: str, people: pl.DataFrame, rules: list[Rule]) -> list[Problem]:
    if not rules:
        return []
    broken = {
        str(n): (~rule.valid).fill_null(value=False).cast(pl.Int64).sum() for n, rule in enumerate(rules)
    }
    counts = people.select(**broken).row(0, named=True)
    return [
        Problem(where, rule.finding, rule.remedy, counts[str(n)], note=rule.note)
        for n, rule in enumerate(rules)
        if counts[str(n)]
    ]
