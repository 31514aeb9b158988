"""Minutes become days and persons: equal to the reference results and to a slow reading."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.conftest import shared
from tests.support.messages import mentioning, mentions
from tests.support.nonwear_intervals import nonwear
from tests.support.slow_accelerometer import choi_slowly, day_slowly, troiano_slowly
from tests.unit.sources.test_nonwear import recording
from toolkit.errors import DatasetError
from toolkit.sources.nhanes import accelerometer_minutes
from toolkit.sources.nhanes.accelerometer_minutes import days, persons


@pytest.fixture(scope="session")
def minutes(minutes_file: Path) -> pl.LazyFrame:
    return pl.scan_parquet(minutes_file)


def expected(name: str) -> pl.DataFrame:
    folder = shared()
    assert folder is not None
    return pl.read_csv(Path(folder).parent / "reference" / "accelerometer" / f"{name}.csv")


def people(*recordings: list[int]) -> pl.LazyFrame:
    """Lay recordings out in NHANES's columns, the first day a Saturday."""
    return pl.concat(
        pl.LazyFrame({"counts": counts}).select(
            SEQN=pl.lit(number, pl.Int64),
            PAXSTAT=pl.lit(1),
            PAXCAL=pl.lit(1),
            PAXDAY=(pl.int_range(pl.len()) // 1440 + 6) % 7 + 1,
            PAXN=pl.int_range(1, pl.len() + 1),
            counts=pl.col("counts").cast(pl.Int64),
        )
        for number, counts in enumerate(recordings, 1)
    )


def test_days_equal_the_reference(minutes: pl.LazyFrame) -> None:
    assert_frame_equal(expected("accelerometer"), days(minutes))


def test_persons_equal_the_reference(minutes: pl.LazyFrame) -> None:
    # R printed the means with 15 digits.
    wanted = expected("accelerometer-persons")
    assert_frame_equal(wanted, persons(minutes).select(wanted.columns), rel_tol=1e-13, abs_tol=0)


def test_every_interval_of_nonwear_equals_the_reference(minutes: pl.LazyFrame) -> None:
    for rule in ("choi", "troiano"):
        wanted = expected("accelerometer-nonwear").filter(rule=rule).sort("SEQN", "first")
        assert_frame_equal(wanted, nonwear(minutes, rule=rule))


def test_the_variants_of_choi_equal_the_reference(minutes: pl.LazyFrame) -> None:
    wanted = expected("accelerometer-alternatives")
    strict, wider = days(minutes, edges="strict"), days(minutes, stream=45)
    assert wanted["wear_choi_strict_edges"].to_list() == strict["wear_choi"].to_list()
    assert wanted["wear_choi_stream45"].to_list() == wider["wear_choi"].to_list()


# Heights around the limits of intensity; a day is made of up to three recorded pieces, cut at midnight.
_active = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 99, 100, 2019, 2020, 5998, 5999, 32766, 32767]),
        st.sampled_from([1, 2, 29, 30, 31, 90, 700]),
    ),
    min_size=1,
    max_size=12,
).map(lambda parts: [count for count, length in parts for _ in range(length)])


@settings(max_examples=80, deadline=None)
@given(st.lists(_active | recording, min_size=1, max_size=3))
def test_days_equal_a_slow_reading(recordings: list[list[int]]) -> None:
    wanted = []
    for number, counts in enumerate(recordings, 1):
        worn = {
            "choi": [not idle for idle in choi_slowly(counts)],
            "troiano": [not idle for idle in troiano_slowly(counts)],
        }
        for day, start in enumerate(range(0, len(counts), 1440), 1):
            today = slice(start, start + 1440)
            summary = day_slowly(counts[today], {rule: marks[today] for rule, marks in worn.items()})
            wanted.append({"SEQN": number, "day": day, "paxday": (day + 5) % 7 + 1, **summary})
    assert wanted == days(people(*recordings)).to_dicts()


@pytest.mark.parametrize("size", [1, 7, 999, 5000])
def test_the_size_of_the_pieces_changes_nothing(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    frame = people([0] * 100 + [300] * 900, [50] * 1500, [7], [0, 3000] * 800)
    at_once = days(frame), persons(frame), nonwear(frame)
    monkeypatch.setattr(accelerometer_minutes, "CHUNK", size)
    for whole, pieces in zip(at_once, (days(frame), persons(frame), nonwear(frame)), strict=True):
        assert_frame_equal(whole, pieces)


def test_persons_are_never_joined_over_their_border() -> None:
    still = [0] * 80
    together = people([500] * 5 + still, still + [500] * 5)
    assert [(1, 6, 85), (2, 1, 80)] == nonwear(together).select("SEQN", "first", "last").rows()
    assert 2 == nonwear(together, rule="troiano").height


def test_a_person_without_a_valid_day_has_no_mean() -> None:
    row = persons(people([50] * 599)).row(0, named=True)
    assert (0, None) == (row["valid_days_choi"], row["mean_sedentary_hours_choi"])


def test_wear_is_averaged_over_the_valid_days_alone() -> None:
    row = persons(people([50] * 1440 + [0] * 1440 + [50] * 720 + [0] * 720)).row(0, named=True)
    assert (2, (24 + 12) / 2) == (row["valid_days_choi"], row["mean_wear_hours_choi"])


def test_an_unreliable_monitor_is_told_and_left_in() -> None:
    worn = people([50] * 700).with_columns(PAXCAL=pl.lit(2))
    assert [(0, 1)] == persons(worn).select("reliable", "valid_days_choi").rows()


def test_minutes_worn_are_the_sum_of_their_intensities() -> None:
    one = days(people([0, 150, 2500, 7000, 32767] * 280)).row(0, named=True)
    assert one["wear_choi"] == sum(
        one[name] for name in ("sedentary_choi", "light", "moderate", "vigorous", "ceiling")
    )
    assert 280 == one["ceiling"]
    assert 280 * (150 + 2500 + 7000) == one["counts_choi"]


def test_gaps_are_an_error_or_break_the_recording() -> None:
    whole = people([500] * 10 + [0] * 80 + [500] * 700)
    holed = whole.filter(pl.col("PAXN") != 50)
    with pytest.raises(DatasetError, match=mentioning("1", "gaps='split'")):
        days(holed)
    split = days(holed, gaps="split").row(0, named=True)
    assert (789, 789, 789) == (split["minutes"], split["wear_troiano"], split["wear_choi"])
    assert 710 == days(whole)["wear_troiano"][0]


def test_a_minute_without_counts_is_a_gap_and_never_a_zero() -> None:
    holed = people([0] * 200).with_columns(
        counts=pl.when(pl.col("PAXN") != 100).then(pl.col("counts").cast(pl.Float64))
    )
    with pytest.raises(DatasetError, match=mentioning("1", "gaps='split'")):
        days(holed)
    assert [(1, 99), (101, 200)] == nonwear(holed, gaps="split").select("first", "last").rows()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.drop("counts").rename({"PAXN": "PAXM"}), ("'PAXN'", "'PAXM'")),
        (lambda f: f.with_columns(pl.col("counts").cast(pl.String)), ("pl.col('counts')", "Int64")),
        (lambda f: pl.concat([f, f]).sort("SEQN", "PAXN"), "20"),
        (lambda f: f.reverse(), "minutes.sort('SEQN', 'PAXN')"),
        (lambda f: pl.concat([f.filter(SEQN=2), f.filter(SEQN=1)]), ("1", "minutes.sort(")),
        (lambda f: f.with_columns(counts=pl.col("counts") - 10), "1"),
        (lambda f: f.with_columns(PAXN=pl.col("PAXN") - 1), ("2", "1")),
        (
            lambda f: f.with_columns(SEQN=pl.when(pl.col("PAXN") > 3).then("SEQN")),
            "6",
        ),
        (lambda f: f.filter(SEQN=9), ("minutes", "counts")),
    ],
)
def test_bad_minutes_are_one_clear_error(change: object, told: str) -> None:
    frame = people([5] * 10, [0] * 10)
    with pytest.raises(DatasetError) as caught:
        days(change(frame))  # type: ignore[operator]
    assert mentions(caught.value, told)


def test_every_problem_is_told_at_once() -> None:
    frame = people([5] * 10).with_columns(counts=pl.col("counts") - 10).filter(pl.col("PAXN") != 5)
    with pytest.raises(DatasetError) as caught:
        persons(frame)
    assert 3 == len(str(caught.value).splitlines())


def test_order_is_mended_before_gaps_are_counted() -> None:
    with pytest.raises(DatasetError) as caught:
        days(people([5] * 10).reverse())
    assert "missing within" not in str(caught.value)
