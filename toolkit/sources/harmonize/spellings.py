"""Read codes of strata and sampling units alike that are spelled in two ways, and report them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from toolkit.errors import join_list
from toolkit.sources.harmonize.raw_values import is_text, tidy_text

_LISTED = 6
LOOK_ALIKE = (
    "'{}' has text with accents, blanks or invisible characters of other codes than usual. Texts that look "
    "alike are read as one"
)


@dataclass(frozen=True)
class Spellings:
    """The rarer spellings of codes in a column, each with the usual one, and how many rows have them."""

    column: str
    same: Mapping[str, str]
    n: int
    rare: Collection[str] = ()  # usual spellings of codes of few participants, which are not named
    alike: bool = False  # they look alike; else they are codes of the design

    def unify(self, text: pl.Expr) -> pl.Expr:
        """Replace the rarer spellings."""
        for spelling, usual in self.same.items():
            text = pl.when(text == spelling).then(pl.lit(usual)).otherwise(text)
        return text

    def __str__(self) -> str:
        if self.alike:
            return LOOK_ALIKE.format(self.column)
        named = {old: usual for old, usual in self.same.items() if usual not in self.rare}
        pairs, few = [f"{old!r} as {usual!r}" for old, usual in named.items()], len(self.same) - len(named)
        listed = ", ".join(pairs[:_LISTED]) + (", ..." if len(pairs) > _LISTED else "")
        listed = join_list(filter(None, (listed, f"{few} of few participants" if few else "")))
        return (
            f"'{self.column}' of the design has codes spelled in two ways, with capital letters, leading "
            f"zeros or characters that look alike, which are read as one: {listed}"
        )


def find_spellings(codes: pl.Series, counts: pl.Series, smallest: int) -> Spellings | None:
    """Find codes that differ only in capital letters, leading zeros and the blanks around them."""
    table = pl.DataFrame({"code": codes.cast(pl.String).str.strip_chars(), "n": counts}).drop_nulls()
    spelled = table.filter(pl.col("code") != "").group_by("code").agg(pl.col("n").sum())
    plain = tidy_text(pl.col("code")).str.to_lowercase().str.replace(r"^0+(\d)", "$1")
    ranked = spelled.sort(-pl.col("n").cast(pl.Int64), "code").with_columns(
        usual=pl.col("code").first().over(plain, mapping_strategy="group_to_rows")
    )
    others = ranked.filter(pl.col("code") != pl.col("usual")).sort("code")
    same = dict(others.select("code", "usual").iter_rows())
    sizes = ranked.group_by("usual").agg(pl.col("n").sum())
    rare = frozenset(sizes.filter(pl.col("n") < smallest)["usual"])
    return Spellings(codes.name, same, int(others["n"].sum()), rare) if same else None


def find_look_alikes(texts: pl.Series, counts: pl.Series) -> Spellings | None:
    """Find texts of a category that are not written with usual characters."""
    table = pl.DataFrame({"text": texts.cast(pl.String).str.strip_chars(), "n": counts}).drop_nulls()
    found = table.with_columns(usual=tidy_text(pl.col("text"))).filter(
        (pl.col("text") != pl.col("usual")) & (pl.col("usual") != "")
    )
    same = dict(found.select("text", "usual").iter_rows())
    return Spellings(texts.name, same, int(found["n"].sum()), alike=True) if same else None


def count_look_alikes(frame: pl.LazyFrame, columns: Iterable[str]) -> dict[str, int]:
    """Count the rows of a file in which text is not written with usual characters, by column."""
    texts = {name: pl.col(name).str.strip_chars() for name in dict.fromkeys(columns)}
    if not texts:
        return {}
    counts = frame.select((tidy_text(text) != text).sum().alias(name) for name, text in texts.items())
    return {name: n for name, n in counts.collect().row(0, named=True).items() if n}


def unify_codes(
    frame: pl.LazyFrame, columns: Iterable[str], smallest: int
) -> tuple[pl.LazyFrame, list[Spellings]]:
    """Give each code in columns of a file one spelling, before anything reads them."""
    schema = frame.collect_schema()
    found = []
    for name in dict.fromkeys(columns):
        if is_text(schema[name]):
            code = pl.col(name).cast(pl.String).str.strip_chars()
            counts = frame.group_by(code.alias(name)).len("n").collect(engine="streaming")
            found += [each for each in [find_spellings(counts[name], counts["n"], smallest)] if each]
    texts = {each.column: each.unify(pl.col(each.column).cast(pl.String).str.strip_chars()) for each in found}
    return frame.with_columns(**texts), found
