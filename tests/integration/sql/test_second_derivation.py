"""Every exposure of NHANES equals, person by person, what SQL written by hand derives from the same files."""

import re
import tomllib
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import duckdb
import polars as pl
import pyreadstat
import pytest

from tests.support.looping import in_one_test
from toolkit.causes import RULES
from toolkit.causes.card import Exposure, cards
from toolkit.causes.covariates import COMORBIDITY_RULES, FURTHER
from toolkit.causes.outcomes import BURDEN
from toolkit.sources import catalog
from toolkit.sources.registry import open_study
from toolkit.studies import Study

SCRIPTS = {path.stem: path.read_text() for path in sorted(Path(__file__).parent.glob("*.sql"))}
CYCLES = list(catalog.nhanes().cycles)
# The CDC's letters: none in 1999-2000, _B to _J, P_ before the name in 2017-March 2020, _L.
LETTERS = dict(zip(("", *"BCDEFGHIJ", "P", "L"), CYCLES, strict=True))
CLOSE = 1e-12


def words(script: str) -> set[str]:
    """Give the names that a script speaks of, in the capitals of the files."""
    return {word.upper() for word in re.findall(r"\w+", re.sub(r"--.*", "", script))}


def theme_of(theme: str) -> tuple[str, ...]:
    """Name the variables of one file of the codebook."""
    path = catalog.shipped("datasets") / "codebook" / f"{theme}.toml"
    return tuple(tomllib.loads(path.read_text()))


# The exposures of each card, the burden, and the exposures beside the ten causes.
EXPOSURES = {
    **{name: card.exposures for name, card in cards().items()},
    "burden": tuple(chain.from_iterable(BURDEN.values())),
    "further": tuple(chain.from_iterable(FURTHER.values())),
    # What exposures are adjusted for, as far as no card and no other script has it.
    "conditions": tuple(
        Exposure(RULES[name].derivation.variable if name in RULES else catalog.codebook()[name])
        for name in (
            *(rule.name for rule in COMORBIDITY_RULES),
            *("work_status", "births", "pregnancy", "opioid", "antidepressant", "energy_intake"),
            *(name for theme in ("sleep_disorders", "work", "laboratory") for name in theme_of(theme)),
            *(name for name in theme_of("conditions") if name.upper() not in words(SCRIPTS["further"])),
        )
    ),
}


def family_and_cycle(path: Path) -> tuple[str, str]:
    """Split a file's name into the table's name and its cycle, by the CDC's letters alone."""
    name = path.stem
    if name.startswith("P_"):
        return name.removeprefix("P_"), LETTERS["P"]
    family, _, letter = name.rpartition("_")
    if family and letter in LETTERS:
        return family, LETTERS[letter]
    return name, LETTERS[""]


def load(connection: duckdb.DuckDBPyConnection, mirror: Path, named: set[str]) -> None:
    """Make one table a family of all files whose family and columns the scripts name."""
    for path in sorted(mirror.rglob("*.xpt")):
        family, cycle = family_and_cycle(path)
        if family not in named:
            continue
        _, about = pyreadstat.read_xport(str(path), metadataonly=True, encoding="latin1")
        columns = [c for c in about.column_names if c.upper() in named or c == "SEQN"]
        frame, _ = pyreadstat.read_xport(str(path), usecols=columns, encoding="latin1")
        part = pl.from_pandas(frame).rename(str.upper).with_columns(cycle=pl.lit(cycle)).to_arrow()
        append(connection, family, part)


def append(connection: duckdb.DuckDBPyConnection, family: str, part: object) -> None:
    connection.register("part", part)
    before = {row[0] for row in connection.sql("SELECT table_name FROM duckdb_tables()").fetchall()}
    whole = connection.table("part")
    if family in before:
        whole = connection.sql(f'SELECT * FROM "{family}" UNION ALL BY NAME SELECT * FROM part')  # noqa: S608 - a file's name
    frame = whole.pl()
    connection.sql(f'DROP TABLE IF EXISTS "{family}"')
    connection.from_arrow(frame.to_arrow()).create(family)
    connection.unregister("part")


@pytest.fixture(scope="module")
def derived(nhanes_mirror: Path) -> Callable[[str], pl.DataFrame]:
    """Give a card's exposures by its script, each card in a database of its own."""
    found: dict[str, pl.DataFrame] = {}

    def by_script(card: str) -> pl.DataFrame:
        if card not in found:
            with duckdb.connect() as connection:
                load(connection, nhanes_mirror, words(SCRIPTS[card]))
                for statement in duckdb.extract_statements(SCRIPTS[card]):
                    connection.execute(statement).fetchall()
                found[card] = connection.sql("SELECT * FROM exposures").pl()
        return found[card]

    return by_script


@pytest.fixture(scope="module")
def opened(nhanes_mirror: Path) -> Callable[[str], Study]:
    """Open a cycle once; skip where its home table is not at hand."""
    studies: dict[str, Study] = {}

    def of(cycle: str) -> Study:
        home = nhanes_mirror / catalog.nhanes().path(cycle, "DEMO")
        if not home.is_file():
            pytest.skip(f"{home.name} is not in the mirror")
        if cycle not in studies:
            studies[cycle] = open_study("nhanes", cycles=cycle, mirror=nhanes_mirror)
        return studies[cycle]

    return of


@in_one_test("cycle", CYCLES)
@pytest.mark.parametrize("card", SCRIPTS)
def test_exposures_equal_the_sql_person_by_person(
    card: str, cycle: str, derived: Callable[[str], pl.DataFrame], opened: Callable[[str], Study]
) -> None:
    study = opened(cycle)
    people = study.people.with_columns(SEQN=pl.col("person").cast(pl.Float64))
    second = derived(card).filter(cycle=cycle).drop("cycle")
    assert second["SEQN"].is_unique().all()
    assert set(second["SEQN"]) == set(people["SEQN"])
    both = people.join(second, on="SEQN", suffix=" sql")
    for name in (column for column in second.columns if column != "SEQN"):
        if name in people.columns:
            assert (name, 0) == (name, count_unequal(both, name))
        else:
            assert (name, False) == (name, study.codebook[name].measured)


def count_unequal(both: pl.DataFrame, name: str) -> int:
    """Count the people for whom study and SQL differ; missing in both is equal."""
    ours, sql = both[name], both[f"{name} sql"]
    if ours.dtype == pl.Float64:
        same = (ours - sql).abs() <= CLOSE * ours.abs()
    else:
        same = ours.cast(pl.String) == sql
    return int((~same.fill_null(value=False) & ~(ours.is_null() & sql.is_null())).sum())


@in_one_test("card", SCRIPTS)
def test_every_exposure_that_nhanes_measures_has_its_sql(card: str) -> None:
    # An exposure that stands on a card and among the further ones has its SQL there.
    known = words(SCRIPTS[card]) | words(SCRIPTS["further"])
    measured = [e.name for e in EXPOSURES[card] if measurable(e.name)]
    assert measured
    assert [name for name in measured if name.upper() not in known] == []


def measurable(exposure: str) -> bool:
    """Tell whether the exposure and all that it is derived from stand in NHANES's catalog."""
    if exposure not in RULES:
        return exposure in catalog.nhanes().origins
    step = RULES[exposure].derivation
    found = [measurable(name) for name in step.inputs]
    return any(found) if step.any_input else all(found)
