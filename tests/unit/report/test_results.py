"""Results travel inside the notebook and come out exactly; nothing but result rows may leave."""

import polars as pl
import pytest

from tests.support.messages import mentioning
from toolkit.errors import EstimationError
from toolkit.report.captured_results import MIME, keep, read_results
from toolkit.results import SCHEMA, frame

ROW = {"study": "S", "estimand": "mean", "estimate": 0.1 + 0.2, "n": 7}


def outputs(*results: object) -> list[dict[str, object]]:
    return [{"data": one._repr_mimebundle_()} for one in results]  # type: ignore[attr-defined]


def test_rows_come_back_to_the_last_bit() -> None:
    kept = keep(frame([ROW]), finding="One finding.", title="A title")
    back = read_results(outputs(kept))
    assert back is not None
    assert back.rows.equals(frame([ROW]))
    assert ("One finding.", "A title") == (back.finding, back.title)


def test_frames_of_other_groups_are_stacked_with_the_groups_first() -> None:
    kept = keep(frame([{**ROW, "sex": "female"}], by=["sex"]), frame([ROW]))
    assert ["sex", *SCHEMA] == kept.rows.columns
    assert ["female", None] == kept.rows["sex"].to_list()


def test_the_last_kept_counts_and_none_is_told() -> None:
    found = read_results(
        [{"text": "a stream has no data"}, *outputs(keep(finding="first"), keep(finding="second"))]
    )
    assert found is not None
    assert found.finding == "second"
    assert read_results([{"data": {"text/plain": "1"}}]) is None


def test_rows_of_people_are_refused() -> None:
    with pytest.raises(EstimationError, match=mentioning("30", "tk.prevalence")):
        keep(pl.DataFrame({"age": [40.0], "bmi": [22.0]}))


def test_in_a_notebook_it_is_one_line() -> None:
    bundle = keep(frame([ROW]), finding="One finding.")._repr_mimebundle_()
    assert bundle["text/plain"] == "1 result rows kept. One finding."
    assert set(bundle) == {"text/plain", MIME}
