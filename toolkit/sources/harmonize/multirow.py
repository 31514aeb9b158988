"""Reduce a table with several rows per person (drugs, activities) to one number per person."""

import polars as pl

from toolkit.sources.catalog_records import Lookup, Rows
from toolkit.variables import Reason, formula

PERSON = "person"
VALUE, WHY = "value", "why"


def columns_of(rows: Rows) -> tuple[str, ...]:
    """Name the columns of the table itself, without those of its lookup, that a reduction reads."""
    texts = [rows.where, *([rows.total] if rows.total else []), *rows.unknown.values()]
    named = [name for text in texts for name in formula(text).names]
    elsewhere = [_slot(column) for column in rows.lookup.columns] if rows.lookup else []
    on = [rows.lookup.on] if rows.lookup else []
    return tuple(dict.fromkeys(name for name in [*named, *on] if name not in elsewhere))


def lookup_columns(lookup: Lookup) -> tuple[str, ...]:
    """Name the columns of a lookup table, each slot by its number."""
    slots = [_slot(column, n) for n in range(1, lookup.slots + 1) for column in lookup.columns]
    return tuple(dict.fromkeys([lookup.on, *slots]))


def reduce_rows(table: pl.DataFrame, rows: Rows, lookup: pl.DataFrame | None = None) -> pl.DataFrame:
    """Reduce a table to one row per person: `person`, `value`, and the reason `why` it is unknown."""
    lines = _strip_texts(table, rows)
    if rows.lookup is not None and lookup is not None:
        lines = lines.join(_stack_slots(lookup, rows.lookup), on=rows.lookup.on, how="left")
    schema = lines.schema
    open_because = [
        pl.when(formula(condition).expression(schema)).then(pl.lit(reason, Reason))
        for reason, condition in rows.unknown.items()
    ]
    marked = lines.select(
        PERSON,
        counts=formula(rows.where).expression(schema),
        each=formula(rows.total).expression(schema) if rows.total else pl.lit(1.0),
        why=pl.coalesce(open_because) if open_because else pl.lit(None, Reason),
    )
    found = marked.group_by(PERSON, maintain_order=True).agg(
        _total() if rows.total else _any(), _first_reason()
    )
    return found.with_columns(pl.when(pl.col(VALUE).is_null()).then(pl.col(WHY)).alias(WHY))


def _strip_texts(table: pl.DataFrame, rows: Rows) -> pl.DataFrame:
    trimmed = [pl.col(name).cast(pl.String).str.strip_chars() for name in rows.texts]
    return table.with_columns(trimmed).with_columns(
        pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in rows.texts
    )


def _stack_slots(lookup: pl.DataFrame, how: Lookup) -> pl.DataFrame:
    """Give each filled slot of a lookup row a row of its own."""
    parts = [
        lookup.select(
            pl.col(how.on).cast(pl.String).str.strip_chars(),
            *(pl.col(_slot(column, n)).alias(_slot(column)) for column in how.columns),
        )
        for n in range(1, how.slots + 1)
    ]
    filled = pl.any_horizontal(pl.col([_slot(column) for column in how.columns]).is_not_null())
    return pl.concat(parts).filter(filled)


def _any() -> pl.Expr:
    settled = pl.col("counts").any()
    unsettled = (pl.col("counts").is_null() | pl.col("why").is_not_null()).any()
    return pl.when(settled).then(1.0).when(~unsettled).then(0.0).alias(VALUE)


def _total() -> pl.Expr:
    counted = pl.when(pl.col("counts")).then(pl.col("each")).when(~pl.col("counts")).then(0.0)
    whole = counted.is_not_null().all() & pl.col("why").is_null().all()
    return pl.when(whole).then(counted.sum()).alias(VALUE)


def _first_reason() -> pl.Expr:
    return pl.col("why").to_physical().min().cast(pl.UInt8).cat.to(Reason).alias(WHY)


def _slot(column: str, number: int | str = "") -> str:
    return column.replace("#", str(number))
