"""A population reaches another process as it was, through a file without a name."""

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.support.messages import mentioning, mentions
from toolkit.errors import DatasetError
from toolkit.files.safe_files import (
    inherited_by_children,
    is_path_of_descriptor,
    path_of,
    shares_descriptors,
)
from toolkit.studies import ComponentWeight, Design, Study, hand_over, take_over
from toolkit.variables import Availability, Codebook, Reason, Variable

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


def population(**changes: object) -> Study:
    parts = {"name": "mine", "label": "my study", "people": PEOPLE, "design": DESIGN, "codebook": CODEBOOK}
    return Study(**{**parts, "provenance": {"seed": 1, "files": {"a.xpt": "0f"}}, **changes})  # type: ignore[arg-type]


@pytest.fixture(params=["memfd", "unlinked file", "named file"], autouse=True)
def _both_kinds_of_file(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold both to every test: what Linux has, and what other systems use in its place."""
    if request.param == "unlinked file":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    elif request.param == "named file":  # Windows
        monkeypatch.setattr("toolkit.files.safe_files._DESCRIPTORS", Path("/no/descriptors"))
        monkeypatch.delattr(os, "pread", raising=False)
    elif not hasattr(os, "memfd_create"):
        pytest.skip("this system has no memfd_create")


def handed(original: Study) -> Study:
    with hand_over(original) as file:
        return take_over(path_of(file))


def test_people_and_types_come_back_equal() -> None:
    back = handed(population())
    assert back.people.equals(PEOPLE)
    assert back.people.schema == PEOPLE.schema


def test_visits_and_nights_come_back_equal() -> None:
    visits = pl.DataFrame({"person": ["a"], "cramps": [1.0]})
    back = handed(population(visits=visits))
    assert back.visits is not None
    assert back.visits.equals(visits)
    assert back.diary is None


def test_design_codebook_and_facts_come_back_equal() -> None:
    back = handed(population(simulated=True))
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
def test_every_kind_of_design_comes_back(design: Design) -> None:
    assert handed(population(design=design)).design == design


def test_the_file_has_no_name_or_is_for_its_owner_alone_until_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with hand_over(population()) as file:
        named = [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()]
        assert named == ([] if shares_descriptors() else [0o600])
        assert len(named) == os.fstat(file.fileno()).st_nlink
    assert [] == list(tmp_path.iterdir())


def test_a_child_that_inherits_the_file_reads_it_and_no_other_does() -> None:
    code = "import sys; from toolkit.sources.registry import open_study; print(open_study(sys.argv[1]).label)"
    with hand_over(population()) as file:
        command = [sys.executable, "-c", code, path_of(file)]
        child = subprocess.run(
            command, **inherited_by_children(file), capture_output=True, text=True, check=False
        )
        file.close() if not shares_descriptors() else None
        other = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "my study" == child.stdout.strip()
    assert mentions(other.stderr, "ended")


def test_a_path_of_a_descriptor_is_told_from_the_name_of_a_study() -> None:
    assert not any(map(is_path_of_descriptor, ("simulated", "study.toml", Path("/dev/fd/x"), "")))
    with hand_over(population()) as file:
        assert is_path_of_descriptor(path_of(file))


def test_a_descriptor_without_a_population_is_one_clear_error() -> None:
    with hand_over(population()) as file:
        path = path_of(file)
    with pytest.raises(DatasetError, match=mentioning("study")):
        take_over(path)


def test_want_of_space_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("toolkit.studies.handover.unnamed_file", full)
    with pytest.raises(DatasetError, match=mentioning("TMPDIR")) as caught:
        hand_over(population())
    assert "\n" not in str(caught.value)
