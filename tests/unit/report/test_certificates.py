"""What a certificate contains: shown rows, no hidden number, no data of others, and R for every domain."""

import re
from pathlib import Path

import polars as pl
import pytest

import toolkit as tk
from tests.support.invented import crowd, crowded
from tests.support.messages import mentioning
from toolkit.errors import EstimationError, VariableError
from toolkit.report.verification.r_expressions import RWriter, UntranslatableError
from toolkit.variables import parse

STUDY = crowded()


def few() -> tk.Study:
    """Forty people of the village of Ashby and three of Thornwick, whose results are withheld."""
    people = pl.DataFrame(
        {
            "village": ["Ashby"] * 60 + ["Thornwick"] * 3 + ["Lowfield"] * 60,
            "age": [float(20 + k % 50) for k in range(123)],
            "sore": [int(k % 3 == 0) for k in range(123)],
        }
    )
    return tk.study(people, design=tk.Design.none(), name="three villages")


def texts(folder: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(folder.iterdir()))


def test_suppressed_rows_leave_without_their_numbers_and_are_counted(tmp_path: Path) -> None:
    study = few()
    result = tk.mean(study, "age", by="village")
    made = tk.certificate(study, result, tmp_path)
    shown = pl.read_csv(tmp_path / "expected.csv")
    assert (3, made.rows + made.left_out) == (result.height, shown.height)
    assert made.left_out >= 1
    hidden = result.filter(pl.col("n") < 5)["estimate"].item()
    assert repr(hidden) not in texts(tmp_path)
    assert "left out" in (tmp_path / "certificate.R").read_text()


def test_names_of_rare_categories_are_in_no_file(tmp_path: Path) -> None:
    study = few()
    results = [
        tk.mean(study, "age", by="village"),
        tk.mean(study, "age", domain="village != 'Thornwick'"),
        tk.association(study, "sore", "village", adjust=("age",)),
    ]
    tk.certificate(study, results, tmp_path)
    assert "Thornwick" not in texts(tmp_path)
    assert "Ashby" in texts(tmp_path)
    assert "it names a category of few participants" in texts(tmp_path)


def test_a_result_of_which_nothing_may_be_shown_is_refused(tmp_path: Path) -> None:
    people = pl.DataFrame({"age": [30.0, 40.0, 50.0]})
    study = tk.study(people, design=tk.Design.none(), name="three people")
    with pytest.raises(EstimationError, match=mentioning("suppressed", "certify")):
        tk.certificate(study, tk.mean(study, "age"), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_no_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(tk.EstimationError, match=mentioning("requires a result")):
        tk.certificate(tk.open_study("simulated"), [], tmp_path / "new")
    with pytest.raises(tk.EstimationError, match=mentioning("'NoneType'")):
        tk.certificate(tk.open_study("simulated"), None, tmp_path / "new")
    with pytest.raises(tk.VariableError, match=mentioning(("takes a study", "'NoneType'"))):
        tk.certificate(None, [], tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_changed_rows_are_refused(tmp_path: Path) -> None:
    result = tk.mean(STUDY, "age", by="sex")
    for changed in (result.filter(pl.col("sex") == "f"), pl.DataFrame(result), result.clear()):
        with pytest.raises(EstimationError, match=mentioning("tk.certificate(study, tk.prevalence")):
            tk.certificate(STUDY, changed, tmp_path)


def test_a_contrast_is_certified_unless_its_rows_were_changed(tmp_path: Path) -> None:
    rows = tk.mean(STUDY, "age", by="sex")
    assert 1 == tk.certificate(STUDY, tk.tests.contrast(rows), tmp_path / "whole").rows
    changed = tk.tests.contrast(pl.DataFrame(rows), rows.covariance())
    with pytest.raises(EstimationError, match=mentioning("changed or copied")):
        tk.certificate(STUDY, changed, tmp_path / "changed")
    assert not (tmp_path / "changed").exists()


def test_what_combines_rows_without_a_counterpart_is_said(tmp_path: Path) -> None:
    impact = tk.effects.impact(STUDY, "cramps", "band", adjust=(), by="sex")
    pooled = tk.pool([impact, impact])
    tk.certificate([STUDY, STUDY], pooled, tmp_path / "pooled")
    tk.certificate(STUDY, tk.tests.contrast(impact), tmp_path / "contrast")
    for folder in ("pooled", "contrast"):
        assert "no counterpart of tk.impact" in (tmp_path / folder / "certificate.R").read_text()


def test_pooled_results_require_their_imputations(tmp_path: Path) -> None:
    own = tk.mean(STUDY, "age", by="sex")
    pooled = tk.pool([own, tk.mean(STUDY, "age", by="sex")])
    with pytest.raises(
        EstimationError, match=mentioning("pooled over 2 imputations", "1 study was supplied")
    ):
        tk.certificate(STUDY, pooled, tmp_path / "one")
    with pytest.raises(EstimationError, match=mentioning("pooled over 2", "3 studies were supplied")):
        tk.certificate([STUDY] * 3, pooled, tmp_path / "three")
    with pytest.raises(EstimationError, match=mentioning("tk.mean", "of one study", "2 studies")):
        tk.certificate([STUDY] * 2, own, tmp_path / "not pooled")
    with pytest.raises(VariableError, match=mentioning(("takes a study", "'NoneType'"))):
        tk.certificate([STUDY, None], pooled, tmp_path / "none")
    assert [] == [*tmp_path.iterdir()]
    tk.certificate([STUDY] * 2, pooled, tmp_path / "two")
    assert {"README.txt", "certificate.R", "expected.csv"} == {p.name for p in (tmp_path / "two").iterdir()}
    assert "writes people_1.csv to people_2.csv" in (tmp_path / "two" / "README.txt").read_text()


def test_rows_pooled_from_different_calls_are_of_no_known_call(tmp_path: Path) -> None:
    ages, narrower = tk.mean(STUDY, "age"), tk.mean(STUDY, "age", confidence=0.9)
    assert tk.pool([ages, ages]).call() is not None
    with pytest.raises(EstimationError, match=mentioning("other rows")):
        tk.pool([ages, narrower])
    assert tk.pool([ages, pl.DataFrame(ages)]).call() is None


def test_a_result_of_another_study_is_refused(tmp_path: Path) -> None:
    other = tk.study(crowd(), design=tk.Design(weight="w"), name="another crowd")
    with pytest.raises(EstimationError, match=mentioning("another crowd", "crowd")):
        tk.certificate(STUDY, tk.mean(other, "age"), tmp_path)


def test_a_study_without_a_variable_of_the_result_is_refused(tmp_path: Path) -> None:
    dated = crowd().with_columns(day=pl.date(2001, 1, 1) + pl.duration(days=pl.int_range(pl.len()) % 365))
    dated = dated.with_columns(day2=pl.col("age") / 2)
    study = tk.study(dated, design=tk.Design(weight="w"), name="crowd")
    for result in (tk.effects.cosinor(study, "cramps", "day"), tk.describe(study, ("cramps", "day2"))):
        with pytest.raises(VariableError, match=mentioning("no variable 'day")):
            tk.certificate(STUDY, result, tmp_path)


def test_a_column_that_r_cannot_name_is_refused(tmp_path: Path) -> None:
    study = tk.study(crowd().rename({"age": "a`ge"}), design=tk.Design(weight="w"), name="crowd")
    with pytest.raises(VariableError, match=mentioning("a`ge")):
        tk.certificate(study, tk.mean(study, "a`ge"), tmp_path)


def test_another_study_has_no_data_and_no_totals_in_its_folder(tmp_path: Path) -> None:
    made = tk.certificate(STUDY, tk.mean(STUDY, "age", by="sex"), tmp_path)
    assert {"README.txt", "certificate.R", "expected.csv"} == {path.name for path in tmp_path.iterdir()}
    assert "" == made.data
    script = (tmp_path / "certificate.R").read_text()
    # No weight or age of a participant is in the script.
    values = {f"{value:g}" for value in crowd()["w"]}
    assert not values & set(re.findall(r"\d+\.\d{3}", script))
    assert "# sex, age, w, stratum, psu" in script or "# age, sex, w, stratum, psu" in script


def test_the_readme_has_three_sentences_and_the_result_prints_what_to_run(tmp_path: Path) -> None:
    made = tk.certificate(STUDY, tk.mean(STUDY, "age", by="sex"), tmp_path)
    assert 3 == (tmp_path / "README.txt").read_text().count(". ") + 1
    assert f"{tmp_path / 'certificate.R'}: 2 rows to be recomputed in R." == str(made)


def test_each_part_of_a_table_names_its_groups_and_a_rare_one_is_in_no_file(tmp_path: Path) -> None:
    study = few()
    made = tk.certificate(study, tk.describe(study, ("age", "sore"), by="village"), tmp_path)
    assert made.rows > 0
    assert "Thornwick" not in texts(tmp_path)
    script = (tmp_path / "certificate.R").read_text()
    assert 'note(1, "share of participants"' not in script
    assert 'check(1, "share of participants", people_in(domain_1, list()))' in script
    assert "deviation(domain_1, list(" in script


def test_an_estimator_without_a_counterpart_in_r_is_said_row_by_row(tmp_path: Path) -> None:
    result = tk.effects.impact(STUDY, "cramps", "band", adjust=(), by="sex")
    tk.certificate(STUDY, result, tmp_path)
    script = (tmp_path / "certificate.R").read_text()
    assert result.height == script.count("no counterpart of tk.impact")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("age >= 40", "(`age` >= 40.0)"),
        ("sex == 'f'", '(as.character(`sex`) == "f")'),
        ("age > 30 and not (sex == 'm')", '((`age` > 30.0) & (!(as.character(`sex`) == "m")))'),
        ("missing(age)", "(is.na(`age`))"),
    ],
)
def test_conditions_are_written_in_r(condition: str, expected: str) -> None:
    schema = STUDY.people.schema
    assert expected == RWriter(schema, STUDY.codebook).expression(parse(condition).expression(schema))


def test_an_expression_without_a_translation_is_refused() -> None:
    with pytest.raises(UntranslatableError, match=mentioning("translation to R")):
        RWriter({"a": pl.Float64()}).expression(pl.col("a").rolling_mean(3))
