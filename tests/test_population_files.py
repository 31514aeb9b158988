"""A population comes back from a folder as it went in, and only its owner may read it meanwhile."""

from pathlib import Path

import polars as pl
import pytest

from toolkit.codebook import Availability, Codebook, Reason, Variable
from toolkit.design import ComponentWeight, Design
from toolkit.errors import DatasetError
from toolkit.population import Population
from toolkit.population_files import holds_population, read_population, write_population

PEOPLE = pl.DataFrame(
    {
        "smoking": pl.Series(["never", None], dtype=pl.Enum(["never", "current"])),
        "smoking.why": pl.Series([None, "refused"], dtype=Reason),
        "bmi": [22.5, 31.0],
        "w": [1.0, 2.0],
    }
)
DESIGN = Design(
    weight={"interview": ComponentWeight("w", "WTINT2YR", "divided by 2"), "examination": "w"},
    strata="s",
    psu=("p", "q"),
    fpc=("f", "g"),
    lonely_psu="adjust",
)
CODEBOOK = Codebook.of(
    Variable("smoking", "smoking", "category", ("never", "current"), question="Do you smoke?"),
    Variable("bmi", "body mass index", "number", unit="kg/m²", component="examination"),
    Variable("pad", "PAD", "yes_no", availability=(Availability("2005-2006", "not measured", "no test"),)),
)


def population(**changes: object) -> Population:
    parts = {"name": "mine", "label": "my study", "people": PEOPLE, "design": DESIGN, "codebook": CODEBOOK}
    return Population(**{**parts, "provenance": {"seed": 1, "files": {"a.xpt": "0f"}}, **changes})  # type: ignore[arg-type]


def test_people_and_types_come_back_equal(tmp_path: Path) -> None:
    write_population(population(), tmp_path)
    back = read_population(tmp_path)
    assert back.people.equals(PEOPLE)
    assert back.people.schema == PEOPLE.schema


def test_design_codebook_and_facts_come_back_equal(tmp_path: Path) -> None:
    original = population(simulated=True)
    write_population(original, tmp_path)
    back = read_population(tmp_path)
    assert (back.name, back.label, back.simulated) == ("mine", "my study", True)
    assert back.provenance == {"seed": 1, "files": {"a.xpt": "0f"}}
    assert back.design.components == DESIGN.components
    assert (back.design.stages, back.design.fpcs, back.design.lonely_psu) == (
        ("p", "q"),
        ("f", "g"),
        "adjust",
    )
    assert dict(back.codebook) == dict(CODEBOOK)


@pytest.mark.parametrize(
    "design",
    [
        Design.none(),
        Design(weight="w"),
        Design(
            weight="w", replicate_weights=("r1", "r2"), replicate_method="BRR", replicate_rscales=(0.5, 0.5)
        ),
    ],
)
def test_every_kind_of_design_comes_back(design: Design, tmp_path: Path) -> None:
    write_population(population(design=design), tmp_path)
    assert read_population(tmp_path).design == design


def test_others_on_the_machine_cannot_read_the_people(tmp_path: Path) -> None:
    write_population(population(), tmp_path)
    assert {oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {oct(0o600)}


def test_a_folder_without_people_is_told_apart(tmp_path: Path) -> None:
    assert not holds_population(tmp_path)
    write_population(population(), tmp_path)
    assert holds_population(tmp_path)


def test_a_place_that_is_no_folder_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="Name another folder"):
        write_population(population(), tmp_path / "file")
