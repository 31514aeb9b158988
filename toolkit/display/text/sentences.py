"""Say in plain, exact sentences what a frame holds: findings, weights, reliability, missing values, flow.

Takes frames alone; gives text. An interval that includes no difference is said to include it, what failed or
is too unreliable is said to be so, and simulated data are called simulated in every sentence with a number.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import inf

import polars as pl

from toolkit.display.text.clauses import claim, extra, source
from toolkit.display.text.description import described, is_description
from toolkit.display.text.extremes import extremes
from toolkit.display.text.numbers import (
    Labels,
    brief_reason,
    check_columns,
    check_flow,
    check_result,
    count,
    listed,
    number,
    simulated,
    words,
)
from toolkit.results import AVAILABILITY_SCHEMA, Row, by_columns, covariates

_FICTION = "SIMULATED DATA, no real people: "


def finding(frame: pl.DataFrame, *, labels: Mapping[str, str] | None = None, main: str | None = None) -> str:
    """Say in one sentence what a result frame shows.

    Parameters
    ----------
    frame
        A result frame. Of one comparison, the most adjusted estimate of the first measure is told and the
        others are added; of several groups or comparisons, the lowest and the highest.
    labels
        Words for the names of `by` and `adjust` variables.
    main
        The column `adjust` of the estimate that is told first, in place of the most adjusted.

    Returns
    -------
    str
        One sentence, with study, domain and number of people.

    Raises
    ------
    VariableError
        If the frame is no result frame or is empty.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> row = {"study": "A", "estimand": "prevalence", "outcome_label": "cramps", "estimate": 0.309,
    ...        "n": 9000, "conf_low": 0.29, "conf_high": 0.328, "reliability": "ok"}
    >>> finding(frame([row]))
    'The prevalence of cramps was 30.9 % (95 % CI 29.0 to 32.8) (A, n = 9,000).'
    """
    check_result(frame, "tk.finding")
    if is_description(frame):
        return _finished(described(frame, labels), frame)
    chosen = _main(frame, main)
    alone = chosen.height == 1
    text = _one(frame, chosen.row(0, named=True), labels) if alone else extremes(chosen, labels)
    return _finished(text, frame)


def findings(frame: pl.DataFrame, *, labels: Mapping[str, str] | None = None) -> list[str]:
    """Say in one sentence a row what a result frame shows.

    Parameters
    ----------
    frame
        A result frame.
    labels
        Words for the names of `by` and `adjust` variables.

    Returns
    -------
    list of str
        As many sentences as rows, in their order.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> findings(frame([{"estimand": "prevalence", "outcome_label": "pain", "reliability": "failed",
    ...                  "reason": "nobody in the domain"}]))
    ['The prevalence of pain could not be estimated: nobody in the domain.']
    """
    check_result(frame, "sentences.findings")
    by = by_columns(frame)
    return [
        _finished(claim(row, by, labels) + source(row, labels), frame.slice(i, 1))
        for i, row in enumerate(frame.rows(named=True))
    ]


def weight_sentence(frame: pl.DataFrame) -> str:
    """Say which weight and which variance stand behind a result.

    Parameters
    ----------
    frame
        A result frame.

    Returns
    -------
    str
        One sentence. Why this weight was chosen is told by `study.weight_for(variables)`.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> print(weight_sentence(frame([{"weight": "interview", "variance": "linearised", "df": 30.0}])))
    Estimates use the interview weight; standard errors are linearised, with 30 degrees of freedom.
    """
    check_result(frame, "sentences.weight_sentence")
    weights = _distinct(frame["weight"])
    used = {"none": "no weight", "from fpc": "weights from the population counts of the design"}
    named = listed(used.get(weight, f"the {weight} weight") for weight in weights) or "an unnamed weight"
    ways, without = ways_to_error(_distinct(frame["variance"]))
    exact = f"; intervals without a standard error are {listed(without)}" if without else ""
    if without and not ways:
        return f"Estimates use {named}{exact}{_degrees(frame)}."
    errors = listed(map(_way, ways)) or "of an unnamed kind"
    return f"Estimates use {named}; standard errors are {errors}{_degrees(frame)}{exact}."


def ways_to_error(ways: Iterable[str]) -> tuple[list[str], list[str]]:
    """Part what the column `variance` says into ways to a standard error, and intervals that have none.

    Examples
    --------
    >>> ways_to_error(["linearised", "exact, n / deff of all groups together (1.40)"])
    (['linearised'], ['exact'])
    """
    named = {"exact": "exact", "Newcombe": "Newcombe's hybrid"}
    with_error, without = [], []
    for way in ways:
        start = next((text for start, text in named.items() if way.startswith(start)), None)
        if start is None:
            with_error.append(way.replace("inverse information, ", "inverse information with "))
        elif start not in without:
            without.append(start)
    return with_error, without


def _way(variance: str) -> str:
    """Word a way to variance: "linearised", "60 bootstrap replicates", "linearised, raked, 5 imputations"."""
    way, *more = variance.split(", ")
    told = {"linearised": "linearised", "robust": "robust (no design)"}.get(way, f"by {way}")
    ends = (f" over {word}" if word.endswith("imputations") else f" for {word} weights" for word in more)
    return told + "".join(ends)


def reliability_sentence(frame: pl.DataFrame) -> str:
    """Say how many estimates are fit to be shown, and why others are not.

    Parameters
    ----------
    frame
        A result frame.

    Returns
    -------
    str
        One sentence by the presentation standards of the NCHS.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> reliability_sentence(frame([{"reliability": "ok"}, {"reliability": "failed", "reason": "nobody"}]))
    '1 of 2 estimates is fit to be shown; 1 could not be estimated (nobody).'
    """
    check_result(frame, "sentences.reliability_sentence")
    flags = Counter(frame["reliability"].fill_null("ok"))
    fit, total = flags["ok"], frame.height
    start = f"{fit} of {total} estimates {'is' if fit == 1 else 'are'} fit to be shown"
    if fit == total:
        start = (
            "The estimate is fit to be shown" if total == 1 else f"All {total} estimates are fit to be shown"
        )
    parts = [
        f"{flags[flag]} {said} ({'; '.join(_reasons(frame, flag))})"
        for flag, said in _FLAGS.items()
        if flags[flag]
    ]
    return "; ".join([start, *parts]) + "."


def missing_sentence(frame: pl.DataFrame) -> str:
    """Say how many people stand behind a result, and how many were left out for a missing value.

    Parameters
    ----------
    frame
        A result frame.

    Returns
    -------
    str
        One sentence; people are counted, not weighted. Of several groups the smallest and largest number.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> missing_sentence(frame([{"n": 9880, "n_missing": 120}]))
    '9,880 people had a value in every variable of the analysis; 120 more of the domain (1.2 %) had not.'
    """
    check_result(frame, "sentences.missing_sentence")
    pairs = sorted({(r["n"], r["n_missing"] or 0) for r in frame.rows(named=True) if r["n"] is not None})
    if not pairs:
        return "How many people stand behind the estimates is not told."
    if len(pairs) > 1:
        return _missing_of_several(pairs)
    n, missing = pairs[0]
    if not missing:
        return f"All {count(n)} people of the domain had a value in every variable of the analysis."
    share = number(missing / (n + missing), "percent")
    return (
        f"{count(n)} people had a value in every variable of the analysis; "
        f"{count(missing)} more of the domain ({share} %) had not."
    )


def flow_sentence(flow: pl.DataFrame) -> str:
    """Say how many people were there, how many are left, and the largest reasons for leaving.

    Parameters
    ----------
    flow
        A flow frame: step, reason, n_left, n_out.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> rows = [("people in the study", "", 100, 0), ("age >= 20", "younger", 60, 40)]
    >>> flow_sentence(pl.DataFrame(rows, schema=["step", "reason", "n_left", "n_out"], orient="row"))
    'Of 100 people, 60 are in the analysis; 40 left: younger (40).'
    """
    check_flow(flow, "sentences.flow_sentence")
    rows = flow.rows(named=True)
    start, end = (rows[0]["n_left"] or 0) + (rows[0]["n_out"] or 0), rows[-1]["n_left"] or 0
    gone: Counter[str] = Counter()
    for row in rows:
        gone[row["reason"] or row["step"]] += row["n_out"] or 0
    reasons = [f"{reason} ({count(out)})" for reason, out in gone.most_common(4) if out]
    more = start - end - sum(out for _, out in gone.most_common(4))
    rest = [f"other reasons ({count(more)})"] if more > 0 else []
    left = f"; {count(start - end)} left: {listed([*reasons, *rest])}" if start > end else ""
    text = f"Of {count(start)} people, {count(end)} are in the analysis{left}."
    return (_FICTION + text) if simulated(flow) else text


def availability_sentences(
    availability: pl.DataFrame, *, labels: Mapping[str, str] | None = None
) -> list[str]:
    """Say for each exposure what is not measured, measured by a proxy only, and why.

    Parameters
    ----------
    availability
        An availability frame: cause, exposure, cycle, status, reason, n, percent_missing.
    labels
        Words for the names of exposures.

    Returns
    -------
    list of str
        One sentence an exposure, status and reason; exposures measured in every cycle have none.

    Examples
    --------
    >>> row = {"cause": "circulation", "exposure": "pad", "cycle": "2005-2006", "status": "not measured",
    ...        "reason": "the examination ended in 2004", "n": 0, "percent_missing": 100.0}
    >>> availability_sentences(pl.DataFrame([row]))
    ['Peripheral artery disease is not measured in 2005-2006: the examination ended in 2004.']
    """
    check_columns(
        availability, tuple(AVAILABILITY_SCHEMA), "sentences.availability_sentences", "study.availability()"
    )
    lacking = availability.filter(pl.col("status") != "measured")
    groups = lacking.group_by("exposure", "status", "reason", maintain_order=True).agg("cycle")
    return [_lack(row, labels) for row in groups.rows(named=True)]


_MOST_REASONS = 3
_FLAGS = {
    "review": "should be read with care",
    "suppress": "too unreliable to show",
    "failed": "could not be estimated",
}


def _missing_of_several(pairs: Sequence[tuple[int, int]]) -> str:
    lost = sorted(missing for _, missing in pairs)
    start = f"Between {count(pairs[0][0])} and {count(pairs[-1][0])} people stand behind each estimate"
    if not lost[-1]:
        return f"{start}; nobody was left out for a missing value."
    return f"{start}; a missing value left out between {count(lost[0])} and {count(lost[-1])}."


def _main(frame: pl.DataFrame, main: str | None) -> pl.DataFrame:
    """Keep the first measure, and of each comparison the row adjusted as named, else the most adjusted."""
    first = (
        frame.filter(pl.col("estimand") == pl.lit(frame["estimand"][0])) if frame["estimand"][0] else frame
    )
    first = _plainest(first)
    size = [inf if text == main else len(covariates(text or "")) for text in first["adjust"]]
    ranked = first.with_row_index("place").with_columns(pl.Series("size", size, pl.Float64))
    key = [*by_columns(frame), *_COMPARISON]
    best = ranked.sort("size", "place", descending=[True, False]).unique(key, keep="first").sort("place")
    return best.drop("place", "size")


def _plainest(rows: pl.DataFrame) -> pl.DataFrame:
    """Of quantiles keep the middle one, of a trend its linear term."""
    levels = set(rows["level"])
    chosen = {"quantile": "0.5"}.get(rows["estimand"][0] or "", "linear")
    many = len(levels) > 1 and (levels == {"linear", "quadratic"} or (rows["estimand"] == "quantile").all())
    return rows.filter(pl.col("level") == chosen) if many and chosen in levels else rows


_COMPARISON = ("study", "domain", "outcome", "exposure", "level", "reference")


def _one(frame: pl.DataFrame, row: Row, labels: Labels | None) -> str:
    others = [other for other in frame.rows(named=True) if other != row and _worth_adding(other, row)]
    added = "".join(f"; {text}" for other in others if (text := extra(other, row, labels)))
    return claim(row, by_columns(frame), labels) + added + source(row, labels)


def _worth_adding(other: Row, row: Row) -> bool:
    """Add the crude estimate of the same measure, and other measures as adjusted as the main one."""
    return bool(other["estimand"] == row["estimand"] or other["adjust"] == row["adjust"])


def _finished(text: str, frame: pl.DataFrame) -> str:
    start = _FICTION if simulated(frame) else ""
    return f"{start}{text[:1].upper()}{text[1:]}."


def _distinct(column: pl.Series) -> list[str]:
    return [value for value in column.unique(maintain_order=True) if value]


def _degrees(frame: pl.DataFrame) -> str:
    values = sorted({value for value in frame["df"] if value is not None})
    if not values:
        return ""
    span = f"{values[0]:g}" + (f" to {values[-1]:g}" if len(values) > 1 else "")
    return f", with {span} degrees of freedom"


def _reasons(frame: pl.DataFrame, flag: str) -> list[str]:
    """Name the most frequent reasons of a flag once each; the tables have them all."""
    chosen = frame.filter(pl.col("reliability") == flag)["reason"].fill_null("no reason given")
    parts = Counter(part for reason in chosen for part in brief_reason(reason).split("; "))
    named = [part for part, _ in parts.most_common(_MOST_REASONS)]
    more = len(parts) - len(named)
    return [*named, *([f"{more} further reason{'s' * (more > 1)}, given in the tables"] if more else [])]


def _lack(row: Row, labels: Labels | None) -> str:
    name = words(row["exposure"], labels)
    state = "measured by a proxy only" if row["status"] == "proxy" else row["status"]
    cycles = [cycle for cycle in row["cycle"] if cycle]
    when = f" in {listed(cycles)}" if cycles else ""
    reason = f": {row['reason'].rstrip('.')}" if row["reason"] else ""
    return f"{name[:1].upper()}{name[1:]} is {state}{when}{reason}."
