"""Reduce a table of many rows a person (drugs, activities) to one number a person.

Takes the table's rows and what counts among them (`Rows`, data of a survey); gives the number, and the reason
where the rows leave it open.
"""

import polars as pl

from toolkit.sources.catalog_records import Lookup, Rows
from toolkit.variables.codebook import Reason
from toolkit.variables.formulas import formula

PERSON = "person"
VALUE, WHY = "value", "why"
_SLOT = "#"


def columns_of(rows: Rows) -> tuple[str, ...]:
    """Name the columns of the table itself that a reduction reads.

    Examples
    --------
    >>> columns_of(Rows(table="ACTIVITIES", where="KIND in [37, 55]", total="TIMES * MINUTES"))
    ('KIND', 'TIMES', 'MINUTES')
    """
    texts = [rows.where, *([rows.total] if rows.total else []), *rows.unknown.values()]
    named = [name for text in texts for name in formula(text).names]
    elsewhere = [_plain(column) for column in rows.lookup.columns] if rows.lookup else []
    on = [rows.lookup.on] if rows.lookup else []
    return tuple(dict.fromkeys(name for name in [*named, *on] if name not in elsewhere))


def lookup_columns(lookup: Lookup) -> tuple[str, ...]:
    """Name the columns of a lookup's table, each slot by its number.

    Examples
    --------
    >>> lookup_columns(Lookup(table="DRUGS", on="ID", columns=("CLASS#",), slots=2))
    ('ID', 'CLASS1', 'CLASS2')
    """
    slots = [column.replace(_SLOT, str(n)) for n in _numbers(lookup) for column in lookup.columns]
    return tuple(dict.fromkeys([lookup.on, *slots]))


def reduce_rows(table: pl.DataFrame, rows: Rows, lookup: pl.DataFrame | None = None) -> pl.DataFrame:
    """Reduce a table to one row a person.

    Parameters
    ----------
    table
        The column `person` and those of `columns_of`.
    rows
        What counts, what is summed, what leaves the answer open.
    lookup
        The columns of `lookup_columns`, if the reduction has a lookup.

    Returns
    -------
    polars.DataFrame
        `person`, `value` (null where the rows leave it open) and `why` (the reason that they state).

    Notes
    -----
    Logic is three-valued: one row that counts settles a "yes", whatever the others say; a row that cannot be
    decided leaves "no" and any sum open.
    """
    lines = _texts(table, rows)
    if rows.lookup is not None and lookup is not None:
        lines = lines.join(_slots(lookup, rows.lookup), on=rows.lookup.on, how="left")
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
    found = marked.group_by(PERSON, maintain_order=True).agg(_sum() if rows.total else _any(), _reason())
    return found.with_columns(pl.when(pl.col(VALUE).is_null()).then(pl.col(WHY)).alias(WHY))


def _texts(table: pl.DataFrame, rows: Rows) -> pl.DataFrame:
    trimmed = [pl.col(name).cast(pl.String).str.strip_chars() for name in rows.texts]
    return table.with_columns(trimmed).with_columns(
        pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in rows.texts
    )


def _slots(lookup: pl.DataFrame, how: Lookup) -> pl.DataFrame:
    """Give each slot of a lookup's row a row of its own, without those in which nothing stands."""
    parts = [
        lookup.select(
            pl.col(how.on).cast(pl.String).str.strip_chars(),
            *(pl.col(c.replace(_SLOT, str(n))).alias(_plain(c)) for c in how.columns),
        )
        for n in _numbers(how)
    ]
    names = [_plain(column) for column in how.columns]
    return pl.concat(parts).filter(pl.any_horizontal(pl.col(names).is_not_null()))


def _any() -> pl.Expr:
    settled = pl.col("counts").any()
    unsettled = (pl.col("counts").is_null() | pl.col("why").is_not_null()).any()
    return pl.when(settled).then(1.0).when(~unsettled).then(0.0).alias(VALUE)


def _sum() -> pl.Expr:
    counted = pl.when(pl.col("counts")).then(pl.col("each")).when(~pl.col("counts")).then(0.0)
    whole = counted.is_not_null().all() & pl.col("why").is_null().all()
    return pl.when(whole).then(counted.sum()).alias(VALUE)


def _reason() -> pl.Expr:
    return pl.col("why").to_physical().min().cast(pl.UInt8).cat.to(Reason).alias(WHY)


def _plain(column: str) -> str:
    return column.replace(_SLOT, "")


def _numbers(lookup: Lookup) -> range:
    return range(1, lookup.slots + 1)
