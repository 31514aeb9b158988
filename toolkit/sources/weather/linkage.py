"""Link daily weather to the participants, visits and diary nights of a study."""

from dataclasses import replace

import polars as pl

from toolkit.causes import DERIVATIONS
from toolkit.errors import DatasetError
from toolkit.sources.weather.daily import (
    DATE,
    LAGS,
    MONTH,
    PLACE,
    join_lags,
    join_mean_before,
    mark_heat_waves,
)
from toolkit.studies import EnginePeople, Study
from toolkit.variables import Reason, Variable, derive, why

HEAT_INDEX = "heat_index"
# Joined to a night for its own day and each of the seven before.
OF_EACH_DAY = ("heat_index", "temperature_mean", "degree_days", "heat_wave")
_PERSON = "person"


def add_weather(population: Study, weather: pl.DataFrame, *, days: int = MONTH) -> Study:
    """Join daily weather to a study's visits, diary nights and participants.

    Parameters
    ----------
    population
        A study with visits or a diary that have `place` and `date`, or with participants who have both.
    weather
        Daily weather from `tk.daily_weather` or `tk.read_ghcn`.
    days
        Number of days before a participant's date over which the heat index is averaged.

    Returns
    -------
    Study
        Visits and diary gain heat index, mean temperature, degree-days and heat wave at lags of 0 to 7 days
        (`heat_index_lag0`, ...). Participants gain `heat_index`, the mean of the days before their last
        visit, their own date, or their last night, in this order, and `hot_nights`, derived from it.

    Raises
    ------
    DatasetError
        If the study has no places and dates, none of its places occurs in the weather, it already has a heat
        index, or the weather has none.

    Examples
    --------
    >>> from datetime import date
    >>> import toolkit as tk
    >>> june = pl.date_range(date(2024, 6, 1), date(2024, 6, 30), eager=True)
    >>> own = pl.DataFrame({"place": "A", "date": june, "t": 30.0, "rh": 50.0})
    >>> own = tk.daily_weather(own, mean="t", humidity="rh")
    >>> people = pl.DataFrame({"person": ["1"], "place": ["A"], "date": [date(2024, 7, 1)]})
    >>> found = tk.add_weather(tk.study(people, design=tk.Design.none()), own)
    >>> found.people["heat_index"].round(1).item()
    87.9
    """
    if isinstance(population.people, EnginePeople):
        population.people.refuse()
    if HEAT_INDEX in population.people.columns:
        raise DatasetError(
            f"The study already has a variable '{HEAT_INDEX}'. Rename it before joining weather."
        )
    if not weather[HEAT_INDEX].count():
        raise DatasetError(
            "The weather has no heat index, because it has no humidity. Supply humidity='...' or "
            "dew_point='...', or use a station with RHAV or ADPT."
        )
    with_waves = mark_heat_waves(weather)
    dated = _last_dates(population)
    means = join_mean_before(dated, weather, HEAT_INDEX, days=days).select(_PERSON, HEAT_INDEX)
    people = population.people.join(means, on=_PERSON, how="left", maintain_order="left")
    reason = pl.when(pl.col(HEAT_INDEX).is_null()).then(pl.lit("no value recorded", Reason))
    following = [step for step in DERIVATIONS if HEAT_INDEX in step.inputs]
    known = population.codebook.with_variables(_variable(days))
    derived, codebook = derive(people.with_columns(reason.alias(why(HEAT_INDEX))), known, following)
    return replace(
        population,
        people=derived,
        codebook=codebook,
        provenance={**population.provenance, "weather": _describe_weather(weather, people)},
        visits=_join_weather(population.visits, with_waves),
        diary=_join_weather(population.diary, with_waves),
    )


def _join_weather(part: pl.DataFrame | None, weather: pl.DataFrame) -> pl.DataFrame | None:
    if part is None or not {PLACE, DATE} <= set(part.columns):
        return part
    return join_lags(part, weather, OF_EACH_DAY, LAGS)


def _last_dates(population: Study) -> pl.DataFrame:
    """Place and date of each participant: of the last visit, the participant, or the last night."""
    for part in (population.visits, population.people, population.diary):
        if part is not None and {_PERSON, PLACE, DATE} <= set(part.columns):
            known = part.drop_nulls([PLACE, DATE]).sort(DATE)
            last = known.group_by(_PERSON, maintain_order=True).last().select(_PERSON, PLACE, DATE)
            return last.with_columns(pl.col(PLACE).cast(pl.String), pl.col(DATE).cast(pl.Date))
    raise DatasetError(
        "Neither visits, diary nor participants of this study have a place and a date. Declare them in "
        "study.toml ([visits] date = '...', place = '...'), or supply columns 'person', 'place', 'date'."
    )


def _variable(days: int) -> Variable:
    return Variable(
        HEAT_INDEX,
        f"mean heat index of the {days} days before",
        "number",
        unit="°F",
        component="",
        source="daily weather of the place: heat index of the National Weather Service, of the day's mean "
        "temperature and humidity",
        note="Weather of a station, not of the bedroom.",
    )


def _describe_weather(weather: pl.DataFrame, people: pl.DataFrame) -> dict[str, str | int]:
    return {
        "places": weather[PLACE].n_unique(),
        "first_day": str(weather[DATE].min()),
        "last_day": str(weather[DATE].max()),
        "people_with_heat_index": people[HEAT_INDEX].count(),
    }
