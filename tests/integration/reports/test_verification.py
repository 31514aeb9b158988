"""A page is verified against its recomputation: equal, edited, of other data or versions, or refused."""

import json
import re
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

import toolkit as tk
from tests.support.messages import mentioning, mentions
from tests.support.own_survey import PEOPLE, survey
from toolkit.cli import main
from toolkit.report.page.manifest import NoManifestError, pack_manifest, read_manifest, unpack_manifest
from toolkit.report.verification.verified_pages import UnverifiableError, verify_page

REPORT = """# %% [markdown]
# # Ages

# %% tags=["parameters"]
study = "simulated"
outcome = "age"
confidence = 0.95

# %%
import toolkit as tk

people = tk.open_study(study)
rows = tk.mean(people, outcome, by="sex", confidence=confidence)
print(f"Mean of women: {rows['estimate'][1]:.3f}")
tk.keep(rows)
"""
# The number that the page shows, whatever it is.
SHOWN = re.compile(r"(Mean of women: )(\d+\.\d{3})")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verified")
    (folder / "ages.py").write_text(REPORT)
    page = tk.render(folder / "ages.py", study="simulated", output=folder / "out").html
    (page.parent / "ages.py").write_text(REPORT)
    return page


@pytest.fixture
def page(rendered: Path, tmp_path: Path) -> Path:
    (tmp_path / "ages.py").write_text(REPORT)
    (tmp_path / "ages.html").write_text(rendered.read_text())
    return tmp_path / "ages.html"


def edit(page: Path, old: str, new: str) -> None:
    text = page.read_text()
    assert old in text
    page.write_text(text.replace(old, new))


def edit_manifest(page: Path, old: str, new: str) -> None:
    text = page.read_text()
    packed = re.search(r"base64,([^<]*)</script>", text[text.index('id="manifest"') :])
    assert packed is not None
    kept = unpack_manifest(packed[1])
    assert old in kept
    page.write_text(text.replace(packed[1], pack_manifest(kept.replace(old, new))))


def verify(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, arguments)])


def test_an_untouched_page_is_equal_in_every_digit(page: Path) -> None:
    done = verify(page)
    assert 0 == done.exit_code, done.output
    assert "numbers of 2 result rows recomputed" in done.output
    assert "Changed since" not in done.output


def test_a_number_changed_in_the_text_is_found_beside_what_it_was(page: Path) -> None:
    shown = SHOWN.search(page.read_text())
    assert shown is not None
    edit(page, shown[0], shown[1] + "99.999")
    done = verify(page)
    assert 1 == done.exit_code
    assert "edited after it was rendered" in done.output
    assert "99.999" in done.output
    assert shown[2] in done.output


def test_a_number_changed_in_the_manifest_is_found_with_its_digit(page: Path) -> None:
    kept = read_manifest(page.read_text(), "ages.html")
    own = kept["rows"][0]["estimate"]
    edit_manifest(page, f'"estimate":{own}', f'"estimate":{own * 1.0001}')
    done = verify(page, "--json")
    assert 1 == done.exit_code
    found = json.loads(done.output)
    assert [("estimate", 5)] == [(d["column"], d["digit"]) for d in found["differences"]]
    assert found["edited"] is False


def test_other_data_versions_and_parameters_are_named(page: Path) -> None:
    kept = read_manifest(page.read_text(), "ages.html")
    edit_manifest(page, kept["hashes"]["data"], "0" * 64)
    edit_manifest(page, kept["versions"]["python"], "3.0.1")
    edit_manifest(page, '"outcome":"age"', '"outcome":"bmi"')
    found = verify_page(page)
    assert any("data differ" in change for change in found.changed)
    assert any("3.0.1" in change for change in found.changed)
    assert not found.equal


def test_a_page_is_not_compared_with_another_study(page: Path) -> None:
    done = verify(page, "--study", "example-cohort")
    assert 2 == done.exit_code
    told = ("'ages.html'", tk.open_study("simulated").label, tk.open_study("example-cohort").label)
    assert mentions(str(done.output), told)


def test_a_status_that_differs_is_told_of_its_row(page: Path) -> None:
    edit_manifest(page, '"estimand":"mean"', '"estimand":"mean","plan_status":"primary (age)"')
    found = verify_page(page)
    assert {"plan_status"} == {one.column for one in found.differences}
    assert () == found.unmatched


def test_a_parameter_that_the_report_no_longer_has_is_named(page: Path) -> None:
    edit_manifest(page, '"confidence":0.95', '"certainty":0.95')
    with pytest.raises(UnverifiableError, match=mentioning("certainty")):
        verify_page(page)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ("complete",)),
        ("<html><body>A letter</body></html>", ("provenance",)),
        ("<html><body><dl class='provenance'></dl>", ("complete",)),
        ('<html><body><dl class="provenance"></dl></body></html>', ("manifest", "anew")),
    ],
    ids=["empty", "another page", "truncated", "older"],
)
def test_a_file_that_cannot_be_verified_is_refused(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    (tmp_path / "page.html").write_text(text)
    done = verify(tmp_path / "page.html")
    assert 2 == done.exit_code
    assert all(word in done.output for word in words), done.output


def test_a_truncated_page_and_an_absent_one_are_refused(page: Path) -> None:
    text = page.read_text()
    page.write_text(text[: len(text) // 2])
    with pytest.raises(NoManifestError):
        verify_page(page)
    assert 2 == verify(page.with_name("other.html")).exit_code


def test_a_page_of_one_s_own_study_needs_its_declaration(page: Path, tmp_path: Path) -> None:
    many = pl.concat([PEOPLE.with_columns(pid=pl.col("pid") + f"{k:02d}") for k in range(10)])
    alone = {'strata = "s"\npsu = "c"\n': ""}
    declared = survey(tmp_path / "village", people=many, replace=alone)
    own = tk.render(page.with_name("ages.py"), study=str(declared), output=tmp_path / "out").html
    (own.parent / "ages.py").write_text(REPORT)
    assert 0 == verify(own).exit_code
    # The data of the study change by one person's age.
    people = many.with_columns(age=pl.when(pl.col("pid") == "00100").then(90).otherwise("age"))
    people.write_csv(tmp_path / "village" / "people.csv")
    done = verify(own, "--study", declared)
    assert 1 == done.exit_code
    assert "The data differ" in done.output
    declared.unlink()
    assert 2 == verify(own).exit_code


def test_a_page_whose_notebook_is_gone_is_refused(page: Path) -> None:
    page.with_name("ages.py").unlink()
    with pytest.raises(UnverifiableError, match=mentioning("notebook", "ages.py")):
        verify_page(page)


def test_a_report_of_the_toolkit_is_verified(tmp_path: Path) -> None:
    made = tk.render("stretching", study="simulated", output=tmp_path)
    found = verify_page(made.html)
    assert found.equal, str(found)
    assert found.rows > 10
    assert found.numbers > 100


def test_hidden_numbers_are_not_in_the_manifest(page: Path, tmp_path: Path) -> None:
    people = pl.DataFrame({"sex": ["a"] * 40 + ["b"] * 3, "age": [float(k) for k in range(43)]})
    own = tk.study(people, design=tk.Design.none(), name="few of a kind")
    made = tk.render(page.with_name("ages.py"), study=own, output=tmp_path / "out").html
    rows = read_manifest(made.read_text(), "ages.html")["rows"]
    (hidden,) = (row for row in rows if row["sex"] != "a")
    assert not {"estimate", "std_error", "conf_low", "n"} & set(hidden)
