"""Compute person-time, first cramp and monthly nights with cramps; the 1st to the 3rd are 3 days."""

import polars as pl

from toolkit.sources.catalog_records import NO_VALUE
from toolkit.variables import Reason, Variable, why

NIGHT_CRAMP = "cramp"  # the variable of a diary that reports a cramp in the night
VISIT_CRAMP = "any_cramps"  # and that of a visit
DAYS_A_MONTH = 365.25 / 12
DAYS_A_YEAR = 365.25

COLUMNS = (
    Variable("follow_up_days", "days of follow-up", "number", unit="days", component="",
             source="from the start of follow-up (its column, or the first record) to its end, both counted"),
    Variable("person_years", "person-years", "number", unit="years", component="",
             source="follow_up_days / 365.25"),
    Variable("first_cramp", "a cramp during follow-up", "yes_no", component="",
             source="yes: a record of a cramp; no: records, and none of a cramp"),
    Variable("first_cramp_days", "days to the first cramp, or to the last record", "number", unit="days",
             component="",
             source="day of the first cramp, the start of follow-up being day 1; else of the last answer"),
    Variable("diary_nights", "nights in the diary", "number", unit="nights", component="",
             source="nights with an answer"),
    Variable("cramp_nights", "nights with cramps", "number", unit="nights", component="",
             source="nights of the diary with a cramp"),
    Variable("cramp_nights_a_month", "nights with cramps", "number", unit="nights a month", component="",
             source="cramp_nights / diary_nights * 30.4375; nights without an answer do not count as free"),
)  # fmt: skip
START, END = "follow_up_start", "follow_up_end"
_PERSON, _DATE, _EVENT = "person", "date", "event"


def follow(
    people: pl.DataFrame, visits: pl.DataFrame | None, diary: pl.DataFrame | None
) -> tuple[pl.DataFrame, tuple[Variable, ...]]:
    """Add the `COLUMNS` that visits and diary (one row per date) determine, with their codebook entries."""
    records = _stack_records(visits, diary)
    if records is None and START not in people.columns:
        return people, ()
    people = _with_span(people, records)
    if records is not None:
        people = people.join(_first_cramps(people, records), on=_PERSON, how="left", maintain_order="left")
    if diary is not None and NIGHT_CRAMP in diary.columns:
        people = people.join(_nights(people, diary), on=_PERSON, how="left", maintain_order="left")
    added = tuple(v for v in COLUMNS if v.name in people.columns)
    typed = people.with_columns(pl.col(v.name).cast(v.dtype) for v in added)
    no_value = pl.lit(NO_VALUE, Reason)
    return typed.with_columns(
        pl.when(pl.col(v.name).is_null()).then(no_value).alias(why(v.name)) for v in added
    ), added


def within(start: str = START, end: str = END) -> pl.Expr:
    """Mark records within the participant's follow-up; an unknown end leaves it open."""
    after = pl.col(_DATE) >= pl.col(start)
    return after.fill_null(value=True) & (pl.col(_DATE) <= pl.col(end)).fill_null(value=True)


def _stack_records(visits: pl.DataFrame | None, diary: pl.DataFrame | None) -> pl.DataFrame | None:
    pairs = ((visits, VISIT_CRAMP), (diary, NIGHT_CRAMP))
    parts = [_events(part, name) for part, name in pairs if part is not None]
    return pl.concat(parts) if parts else None


def _events(part: pl.DataFrame, name: str) -> pl.DataFrame:
    cramp = pl.lit(None, pl.Boolean)
    if name in part.columns:
        cramp = pl.col(name) > 0 if part.schema[name].is_numeric() else pl.col(name) == "yes"
    return part.select(_PERSON, _DATE, cramp.alias(_EVENT))


def _with_span(people: pl.DataFrame, records: pl.DataFrame | None) -> pl.DataFrame:
    if records is not None:
        span = records.group_by(_PERSON).agg(first=pl.col(_DATE).min(), last=pl.col(_DATE).max())
        people = people.join(span, on=_PERSON, how="left", maintain_order="left")
    for name, record in ((START, "first"), (END, "last")):
        dates = [column for column in (name, record) if column in people.columns]
        people = people.with_columns(pl.coalesce(*dates, pl.lit(None, pl.Date)).alias(name))
    days = (pl.col(END) - pl.col(START)).dt.total_days().cast(pl.Float64) + 1
    kept = people.drop("first", "last", strict=False)
    spanned = kept.with_columns(follow_up_days=pl.when(days > 0).then(days))
    return spanned.with_columns(person_years=pl.col("follow_up_days") / DAYS_A_YEAR)


def _inside(people: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    return records.join(people.select(_PERSON, START, END), on=_PERSON).filter(within())


def _first_cramps(people: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    answered = _inside(people, records).filter(pl.col(_EVENT).is_not_null())
    day = (pl.col(_DATE) - pl.col(START)).dt.total_days().cast(pl.Float64) + 1
    found = answered.with_columns(day=day).group_by(_PERSON)
    firsts = found.agg(
        event=pl.col(_EVENT).any(), hit=pl.col("day").filter(pl.col(_EVENT)).min(), last=pl.col("day").max()
    )
    return firsts.select(
        _PERSON,
        first_cramp=pl.when(pl.col("event")).then(pl.lit("yes")).otherwise(pl.lit("no")),
        first_cramp_days=pl.coalesce("hit", "last"),
    )


def _nights(people: pl.DataFrame, diary: pl.DataFrame) -> pl.DataFrame:
    nights = _inside(people, _events(diary, NIGHT_CRAMP)).group_by(_PERSON)
    cramp = pl.col(_EVENT)
    counts = nights.agg(
        diary_nights=cramp.count().cast(pl.Float64), cramp_nights=cramp.sum().cast(pl.Float64)
    )
    share = pl.when(pl.col("diary_nights") > 0).then(pl.col("cramp_nights") / pl.col("diary_nights"))
    return counts.with_columns(cramp_nights_a_month=share * DAYS_A_MONTH)
