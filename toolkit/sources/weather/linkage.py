"""Give a study the weather at its people's places and dates.

Takes a population whose visits, nights or people have a place and a date, and daily weather; gives the
population with the weather of each night and the seven before, and with each person's mean heat index.
"""

from dataclasses import replace

import polars as pl

from toolkit.causes import DERIVATIONS
from toolkit.errors import DatasetError
from toolkit.sources.weather.daily import DATE, LAGS, MONTH, PLACE, heat_waves, lagged, mean_before
from toolkit.studies.study import Study
from toolkit.variables.codebook import Reason, Variable, why
from toolkit.variables.derivation import derive

HEAT_INDEX = "heat_index"
# What a night gets of its own day and of each of the seven before.
OF_EACH_DAY = ("heat_index", "temperature_mean", "degree_days", "heat_wave")
_PERSON = "person"


def add_weather(population: Study, weather: pl.DataFrame, *, days: int = MONTH) -> Study:
    """Join daily weather to a study's visits, nights and people.

    Parameters
    ----------
    population
        A study with visits or a diary that have `place` and `date`, or with people who have both.
    weather
        Daily weather: `toolkit.sources.weather.daily.daily(...)` or `tk.read_ghcn(...)`.
    days
        Over how many days before a person's date their heat index is averaged.

    Returns
    -------
    Study
        A copy. Visits and diary have heat index, mean temperature, degree-days and heat wave of
        lags 0 to 7 days (`heat_index_lag0`, ...). People have `heat_index`: the mean of the days before their
        last visit, their own date, or their last night, in this order; and `hot_nights`, which follows.

    Raises
    ------
    DatasetError
        If nothing of the study has a place and a date, none of its places is among the weather's, it has a
        heat index already, or the weather has no heat index.

    Examples
    --------
    >>> from datetime import date
    >>> from toolkit.variables.codebook import Codebook
    >>> from toolkit.studies.design import Design
    >>> from toolkit.sources.weather.daily import daily
    >>> june = pl.date_range(date(2024, 6, 1), date(2024, 6, 30), eager=True)
    >>> own = pl.DataFrame({"place": "A", "date": june, "t": 30.0, "rh": 50.0})
    >>> own = daily(own, mean="t", humidity="rh")
    >>> people = pl.DataFrame({"person": ["1"], "place": ["A"], "date": [date(2024, 7, 1)]})
    >>> found = add_weather(Study("mine", "mine", people, Design.none(), Codebook()), own)
    >>> found.people["heat_index"].round(1).item()
    87.9
    """
    if HEAT_INDEX in population.people.columns:
        raise DatasetError(
            f"the study has '{HEAT_INDEX}' already: weather is not joined over it. Rename one."
        )
    if not weather[HEAT_INDEX].count():
        raise DatasetError(
            "the weather has no heat index, because it has no humidity. Give humidity='...' or "
            "dew_point='...', or choose a station with RHAV or ADPT."
        )
    with_waves = heat_waves(weather)
    dated = _dates(population)
    means = mean_before(dated, weather, HEAT_INDEX, days=days).select(_PERSON, HEAT_INDEX)
    people = population.people.join(means, on=_PERSON, how="left", maintain_order="left")
    reason = pl.when(pl.col(HEAT_INDEX).is_null()).then(pl.lit("no value recorded", Reason))
    following = [step for step in DERIVATIONS if HEAT_INDEX in step.inputs]
    known = population.codebook.with_variables(_variable(days))
    derived, codebook = derive(people.with_columns(reason.alias(why(HEAT_INDEX))), known, following)
    return replace(
        population,
        people=derived,
        codebook=codebook,
        provenance={**population.provenance, "weather": _told(weather, people)},
        visits=_joined(population.visits, with_waves),
        diary=_joined(population.diary, with_waves),
    )


def _joined(part: pl.DataFrame | None, weather: pl.DataFrame) -> pl.DataFrame | None:
    if part is None or not {PLACE, DATE} <= set(part.columns):
        return part
    return lagged(part, weather, OF_EACH_DAY, LAGS)


def _dates(population: Study) -> pl.DataFrame:
    """Give each person's place and date: of the last visit, of the person, or of the last night."""
    for part in (population.visits, population.people, population.diary):
        if part is not None and {_PERSON, PLACE, DATE} <= set(part.columns):
            known = part.drop_nulls([PLACE, DATE]).sort(DATE)
            last = known.group_by(_PERSON, maintain_order=True).last().select(_PERSON, PLACE, DATE)
            return last.with_columns(pl.col(PLACE).cast(pl.String), pl.col(DATE).cast(pl.Date))
    raise DatasetError(
        "weather needs a place and a date, and neither visits, diary nor people of this study have both. "
        "Name them: [visits] date = '...', place = '...' in study.toml; or columns 'person', 'place', 'date'."
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


def _told(weather: pl.DataFrame, people: pl.DataFrame) -> dict[str, str | int]:
    return {
        "places": weather[PLACE].n_unique(),
        "first_day": str(weather[DATE].min()),
        "last_day": str(weather[DATE].max()),
        "people_with_heat_index": people[HEAT_INDEX].count(),
    }
