"""A study's visits, nights and people get the weather of their places and dates, also by its study.toml."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions
from tests.unit.sources.weather.test_weather import FIRST, series
from toolkit.errors import DatasetError
from toolkit.sources.weather.daily import LAGS, daily_weather, join_mean_before
from toolkit.sources.weather.linkage import OF_EACH_DAY, add_weather
from toolkit.studies import Design, Study
from toolkit.variables import Codebook, why

WARM = daily_weather(series(*[30] * 40), mean="t", humidity="rh")
PEOPLE = pl.DataFrame({"person": ["a", "b"]})


def part(*rows: tuple[str, int]) -> pl.DataFrame:
    told = [{"person": who, "place": "A", "date": FIRST + timedelta(days=day)} for who, day in rows]
    return pl.DataFrame(told)


def population(people: pl.DataFrame = PEOPLE, **parts: pl.DataFrame) -> Study:
    return Study("mine", "my cohort", people, Design.none(), Codebook(), **parts)


def test_people_have_the_month_before_their_last_visit() -> None:
    cold_then_warm = daily_weather(series(*[10] * 30, *[30] * 40), mean="t", humidity="rh")
    found = add_weather(population(visits=part(("a", 30), ("a", 60), ("b", 30))), cold_then_warm).people
    warm, cold = (cold_then_warm.filter(pl.col("temperature_mean") == t)["heat_index"][0] for t in (30, 10))
    assert [pytest.approx(warm), pytest.approx(cold)] == found["heat_index"].to_list()
    assert ["yes", "no"] == found["hot_nights"].to_list()


def test_who_has_no_date_has_a_reason() -> None:
    found = add_weather(population(visits=part(("a", 35))), WARM)
    assert [None, "no value recorded"] == found.people[why("heat_index")].to_list()
    assert "°F" == found.codebook["heat_index"].unit
    assert 1 == found.provenance["weather"]["people_with_heat_index"]


def test_nights_have_each_of_the_seven_days_before() -> None:
    found = add_weather(population(diary=part(("a", 3), ("a", 9))), WARM).diary
    assert found is not None
    assert {f"{name}_lag{lag}" for name in OF_EACH_DAY for lag in LAGS} <= set(found.columns)
    assert [True, False] == found["heat_index_lag4"].is_null().to_list()
    assert [False, False] == found["heat_wave_lag0"].to_list()


def test_people_with_a_place_and_a_date_need_no_visits() -> None:
    own = PEOPLE.with_columns(place=pl.lit("A"), date=FIRST + timedelta(days=32))
    assert 2 == add_weather(population(own), WARM).people["heat_index"].count()


def test_a_study_stays_a_study_and_can_be_estimated_with() -> None:
    own = pl.DataFrame(
        {"person": list("abcd"), "place": "A", "date": FIRST + timedelta(days=32), "cramp": [0, 1, 1, 0]}
    )
    study = tk.add_weather(tk.study(own, design=tk.Design.none(), name="mine"), WARM)
    assert isinstance(study, tk.Study)
    assert 4 == tk.mean(study, "heat_index")["n"].item()


def test_nothing_dated_is_told_with_what_to_write() -> None:
    with pytest.raises(DatasetError, match=mentioning("[visits]", "date = '...'", "place = '...'")):
        add_weather(population(), WARM)


def test_weather_is_not_joined_twice_nor_without_humidity() -> None:
    once = add_weather(population(visits=part(("a", 35))), WARM)
    with pytest.raises(DatasetError, match=mentioning("'heat_index'")):
        add_weather(once, WARM)
    dry = daily_weather(series(30).drop("rh"), mean="t")
    with pytest.raises(DatasetError, match=mentioning("humidity='...'", "dew_point")):
        add_weather(population(visits=part(("a", 35))), dry)


def test_the_example_cohort_has_the_weather_of_its_file() -> None:
    cohort = tk.open_study("example-cohort")
    assert cohort.diary is not None
    folder = Path(tk.__file__).parents[1] / "datasets" / "examples" / "cohort"
    raw = pl.read_csv(folder / "weather.csv")
    own = daily_weather(
        raw, place="town", date="day", maximum="warmest", minimum="coldest", humidity="humidity"
    )
    night = cohort.diary.row(0, named=True)
    day = own.filter(place=night["place"], date=night["date"] - timedelta(days=2)).row(0, named=True)
    assert day["heat_index"] == night["heat_index_lag2"]
    last = cohort.diary.sort("date").group_by("person").last().select("person", "place", "date")
    wanted = join_mean_before(last, own, "heat_index").sort("person")["heat_index"]
    found = cohort.people.filter(pl.col("heat_index").is_not_null()).sort("person")["heat_index"]
    assert wanted.to_list() == found.to_list()
    assert date(2024, 7, 1) <= cohort.diary["date"].max()  # type: ignore[operator]


TOML = """
name = "mine"
person = "id"
[files.people]
path = "people.csv"
[files.visits]
path = "visits.csv"
[design]
none = true
[visits]
file = "visits"
date = "seen"
place = "town"
[weather]
"""


def own_study(folder: Path, weather: str) -> Path:
    (folder / "people.csv").write_text("id,age\n1,50\n2,60\n")
    (folder / "visits.csv").write_text("id,seen,town\n1,2024-07-01,A\n2,2024-07-02,A\n")
    rows = [f"A,{FIRST + timedelta(days=n)},86,50" for n in range(40)]
    (folder / "weather.csv").write_text("\n".join(["town,day,warm,damp", *rows]))
    path = folder / "study.toml"
    path.write_text(TOML + weather)
    return path


def test_a_study_of_ones_own_names_its_weather(tmp_path: Path) -> None:
    told = 'path="weather.csv"\nplace="town"\ndate="day"\nmean="warm"\nhumidity="damp"\nunit="F"'
    study = tk.open_study(own_study(tmp_path, told))
    assert [pytest.approx(87.9, abs=0.05)] * 2 == study.people["heat_index"].to_list()


def test_stations_are_named_by_place(tmp_path: Path) -> None:
    path = own_study(tmp_path, 'stations = { A = "one.csv" }')
    days = [FIRST + timedelta(days=n) for n in range(40)]
    rows = [f"USW00000001,{d:%Y%m%d},{e},{v},,,S," for d in days for e, v in (("TAVG", 300), ("RHAV", 50))]
    (tmp_path / "one.csv").write_text("\n".join(rows))
    assert 2 == tk.open_study(path).people["heat_index"].count()


@pytest.mark.parametrize(
    ("weather", "told"),
    [
        ('path="wether.csv"', "'weather.csv'"),
        ('path="weather.csv"\nmean="warm"\nhumidty="damp"', "'humidity'"),
        ('path="weather.csv"\nplace="town"\ndate="day"\nmean="warm"\nhumidity="damp"', "unit='F'"),
        ("", "needs either a file or stations"),
    ],
)
def test_what_is_wrong_with_it_is_told_with_the_rest(tmp_path: Path, weather: str, told: str) -> None:
    with pytest.raises(DatasetError) as caught:
        tk.open_study(own_study(tmp_path, weather))
    assert mentions(caught.value, told)
