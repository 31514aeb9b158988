"""What compares is told for every cycle, and a file that lacks a column costs its variable alone."""

import polars as pl
import pytest

from tests.support.messages import mentioning, mentions
from tests.support.nhanes_files import write_nhanes
from tests.support.transport_writer import write_transport
from toolkit.errors import DatasetError
from toolkit.files.table_files import read_transport
from toolkit.sources import catalog
from toolkit.sources.nhanes import open_nhanes
from toolkit.sources.registry import open_study
from toolkit.variables import Codebook, Comparability, Derivation, Variable, derive

CATALOG = catalog.nhanes()
D, E = "2005-2006", "2007-2008"


@pytest.fixture
def mirror(invented, tmp_path):
    write_nhanes(invented, tmp_path / "mirror")
    return tmp_path / "mirror"


@pytest.fixture(scope="module")
def opened(invented, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mirror")
    write_nhanes(invented, folder)
    return open_study("nhanes", mirror=folder)


def test_the_table_of_comparability_has_every_variable_and_every_cycle(opened):
    table = opened.codebook.comparability()
    assert ["variable", "cycle", "comparability", "how"] == table.columns
    assert set(CATALOG.cycles) == set(table["cycle"])
    counts = table.filter(pl.col("variable").is_in(list(CATALOG.origins))).group_by("variable").len()
    assert {len(CATALOG.cycles)} == set(counts["len"])
    assert {"same", "changed", "absent"} == set(table["comparability"])
    # What changed and what is absent say how; what is the same has nothing to say.
    assert table.filter(pl.col("comparability") == "same")["how"].unique().to_list() == [""]
    assert table.filter(pl.col("comparability") != "same").filter(how="").is_empty()


@pytest.mark.parametrize(
    ("variable", "cycle", "verdict", "how"),
    [
        ("cramp_frequency", D, "same", ""),
        ("cramp_frequency", "2009-2010", "absent", "2005-2006 and 2007-2008 only"),
        ("hba1c", "2003-2004", "changed", "Primus"),
        ("sitting_hours", "2005-2006", "absent", "another instrument"),
        ("water_intake", "2003-2004", "changed", "plain water"),
        ("magnesium_intake_two_day", "1999-2000", "absent", "no second recall"),
        ("serum_creatinine", D, "changed", "0.978"),
    ],
)
def test_what_changed_is_said(opened, variable, cycle, verdict, how):
    row = opened.codebook.comparability(variable).filter(cycle=cycle).row(0, named=True)
    assert (verdict, True) == (row["comparability"], how in row["how"])


def test_what_is_derived_compares_as_its_inputs_do(opened):
    found = {c.cycle: c for c in opened.codebook["diabetes"].comparability}
    assert "changed" == found[D].verdict
    assert mentions(found[D].how, "hba1c", "2005-2006")
    assert "absent" == opened.codebook["magnesium_intake_two_day"].compared("2001-2002").verdict


def test_availability_says_what_changed(opened):
    rows = opened.availability().filter(exposure="diabetes", cycle=D)
    assert "changed: hba1c: instrument of 2005-2006: Tosoh 2.2 Plus" == rows["reason"][0]
    same = opened.availability().filter(exposure="season", cycle=D)
    assert ["measured", ""] == [same["status"][0], same["reason"][0]]


def test_one_leg_of_two_compares_where_the_other_is_absent():
    both = [Comparability(D, "absent", "lost"), Comparability(D, "same")]
    legs = [
        Variable(side, side, "number", comparability=(found,)) for side, found in zip("ab", both, strict=True)
    ]
    step = Derivation(
        Variable("lower", "lower", "number"), ("a", "b"), pl.min_horizontal("a", "b"), any_input=True
    )
    people = pl.DataFrame({"a": [1.0], "b": [2.0]})
    _, book = derive(people, Codebook.of(*legs), [step])
    assert "same" == book["lower"].compared(D).verdict


def test_a_study_without_cycles_has_nothing_to_compare():
    variable = Variable("bmi", "body mass index", "number")
    assert Codebook.of(variable).comparability().is_empty()
    assert "same" == variable.compared("").verdict


class TestPages:
    def test_a_variable_shows_its_question_and_every_cycle(self, opened):
        html = opened.codebook["hba1c"]._repr_html_()
        assert all(word in html for word in ("Glycohemoglobin", "examination", *CATALOG.cycles, "Primus"))

    def test_a_codebook_shows_a_row_a_variable_and_a_mark_a_cycle(self, opened):
        html = opened.codebook._repr_html_()
        assert len(opened.codebook) + 1 == html.count("<tr>")
        assert all(word in html for word in ("99-00", "17-20", "≠", "–", "comparability()"))
        assert 'title="2003-2004 changed: instrument of 1999-2004: Primus"' in html

    def test_every_word_is_escaped_and_nothing_is_loaded(self):
        bad = "<script>'x'"
        one = Variable("x", bad, "category", (bad, "b"), question=bad, note=bad,
                       comparability=(Comparability(bad, "changed", bad),))  # fmt: skip
        html = one._repr_html_() + Codebook.of(one)._repr_html_()
        assert "<script" not in html
        assert "src=" not in html


# Files of cycles that are not at hand


def without(mirror, table, column, cycle=E):
    path = mirror / CATALOG.path(cycle, table)
    write_transport(path, read_transport(path).collect().drop(column), path.stem)


def test_a_file_without_a_column_costs_the_variable_and_not_the_study(mirror):
    without(mirror, "DIQ", "DID070")
    study = open_study("nhanes", mirror=mirror)
    assert "diabetes_told" in study.people.columns
    assert "takes_diabetes_tablets" not in study.people.columns
    gap = {a.cycle: a for a in study.codebook["takes_diabetes_tablets"].availability}[E]
    assert ("not measured", "column not found: 'DIQ_E' has no column 'DID070'") == (gap.status, gap.reason)
    with pytest.raises(DatasetError, match=mentioning("'takes_diabetes_tablets'", "2007-2008")):
        study.weight_for("takes_diabetes_tablets")


def test_a_file_without_any_of_its_columns_is_another_table(mirror):
    without(mirror, "GHB", "LBXGH")
    with pytest.raises(DatasetError, match=mentioning("'GHB_E.xpt'", "'LBXGH'")):
        open_nhanes(mirror=mirror)


@pytest.mark.parametrize("cycle", list(CATALOG.cycles))
def test_every_cycle_opens_when_its_files_are_there(invented, cycle, tmp_path):
    """Files as the catalog has them, of forty invented people, for cycles that no mirror holds too."""
    same = pl.lit(cycle).alias("cycle")
    people = invented.people.with_columns(same, pl.lit(None, pl.Float64).alias("sitting_hours"))
    people = people.drop("screen_hours", "screen_hours.why", "sitting_hours", "sitting_hours.why")
    people = people.drop("cramp_frequency", "cramp_frequency.why")
    write_nhanes(replaced(invented, people), tmp_path)
    study = open_study("nhanes", cycles=cycle, mirror=tmp_path)
    assert 40 == study.people.height
    measured = [name for name in CATALOG.origins if CATALOG.measured(name, cycle)]
    assert [] == [name for name in measured if name not in study.people.columns]
    assert [] == study.provenance["not_found"]
    components = {*CATALOG.cycles[cycle].weights, *(("phlebotomy",) if cycle == "2021-2023" else ())}
    assert components == set(study.design.components)
    for name in ("magnesium_intake", "fasting_glucose", "hba1c"):
        assert study.weight_for(name).component in components


def replaced(population, people):
    from dataclasses import replace

    return replace(population, people=people)
