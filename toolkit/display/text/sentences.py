"""Write the sentences of a report from frames: findings, reliability, missing data, flow, availability.

What failed or is unreliable is said to be so, and a sentence on simulated data begins by saying so.
"""

from collections import Counter
from collections.abc import Mapping
from math import inf

import polars as pl

from toolkit.disclosure import is_rounded, show
from toolkit.display.text.interaction_sentences import has_interaction, interaction_sentence
from toolkit.display.text.numbers import (
    FLAGS,
    Labels,
    capitalize,
    check_columns,
    check_flow,
    check_result,
    classify_frame,
    format_count,
    format_number,
    label_variable,
    phrase_count,
    shorten_reason,
)
from toolkit.display.text.phrasing import (
    is_description,
    phrase_addition,
    phrase_row,
    phrase_source,
    summarize_briefly,
    summarize_description,
    summarize_range,
)
from toolkit.display.text.row_labels import split_agreement
from toolkit.display.text.sensitivity_sentences import phrase_bias, phrase_e_values
from toolkit.display.text.simulated_data import add_warning
from toolkit.display.text.specification_summaries import describe_multiverse, is_multiverse
from toolkit.errors import join_list
from toolkit.results import AVAILABILITY_SCHEMA, DRAWS, Row, by_columns, covariates, estimand_of

_MOST_REASONS = 3
_COMPARISON = ("study", "domain", "outcome", "exposure", "level", "reference")


def finding(
    frame: pl.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    main: str | None = None,
    brief: bool = False,
) -> str:
    """Summarize a result frame in one sentence.

    Of one comparison, the sentence gives the most adjusted estimate of the first measure, then the crude
    one and other measures. Of several groups or comparisons it gives the lowest and the highest estimate. An
    interaction has its tests on the ratio scale and on the additive scale in a second sentence. A
    multiverse has its sentences for each comparison and estimand.

    Parameters
    ----------
    frame
        A result frame of any estimator; that of `tk.sensitivity` gives E-values, and that of
        `tk.effects.bias_analysis` the estimate before and after the correction.
    labels
        Labels of `by` and `adjust` variables, by name.
    main
        The column `adjust` of the main estimate, in place of the most adjusted.
    brief
        True for estimate and confidence interval alone, as the index of reports shows them.

    Returns
    -------
    str
        Measure, estimate, confidence interval and adjustment, with study, domain and n.

    Raises
    ------
    VariableError
        If this is not a result frame, or has no rows.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> row = {"study": "A", "estimand": "prevalence", "outcome_label": "cramps", "estimate": 0.309,
    ...        "n": 9000, "conf_low": 0.29, "conf_high": 0.328, "reliability": "ok"}
    >>> finding(frame([row]))
    'The prevalence of cramps was 30.9% (95% CI 29.0 to 32.8) (A, n = 9,000).'
    """
    frame, agreement = split_agreement(show(check_result(frame, "tk.finding")), labels)
    if is_multiverse(frame):
        text = describe_multiverse(frame, labels, brief=brief)
    elif classify_frame(frame, "tk.finding") == "e_values":
        text = phrase_e_values(frame, labels)
    elif {"error", *DRAWS} <= set(frame.columns):
        text = phrase_bias(frame, labels)
    elif is_description(frame):
        text = summarize_description(frame, labels)
    elif brief and estimand_of(frame.row(0, named=True)).kind != "test":
        text = summarize_briefly(_choose_main(frame, main), labels)
    else:
        chosen = _choose_main(frame, main)
        single = chosen.height == 1
        text = (
            _phrase_single(frame, chosen.row(0, named=True), labels)
            if single
            else summarize_range(chosen, labels)
        )
        if has_interaction(frame) and not brief:
            agreement = [*agreement, interaction_sentence(frame).removesuffix(".")]
    return add_warning(". ".join([capitalize(text), *agreement]) + ".", frame)


def _choose_main(frame: pl.DataFrame, main: str | None) -> pl.DataFrame:
    """Keep the first measure, and of each comparison the row adjusted as named, else the most adjusted."""
    first = frame.filter(pl.col("estimand").eq_missing(pl.lit(frame["estimand"][0])))
    levels = set(first["level"])
    chosen = "0.5" if first["estimand"][0] == "quantile" else "linear"
    if chosen in levels and (chosen == "0.5" or levels == {"linear", "quadratic"}):
        first = first.filter(pl.col("level") == chosen)
    size = [inf if text == main else len(covariates(text or "")) for text in first["adjust"]]
    best: dict[tuple[object, ...], int] = {}
    for place, key in enumerate(first.select(*by_columns(frame), *_COMPARISON).iter_rows()):
        if key not in best or size[place] > size[best[key]]:
            best[key] = place
    return first[sorted(best.values())]


def _phrase_single(frame: pl.DataFrame, row: Row, labels: Labels | None) -> str:
    """Phrase one comparison: the main row, its other adjustments, and other measures adjusted alike."""
    others = [
        phrase_addition(other, row, labels)
        for other in frame.rows(named=True)
        if other != row and (other["estimand"] == row["estimand"] or other["adjust"] == row["adjust"])
    ]
    added = "".join(f"; {text}" for text in others if text)
    return phrase_row(row, by_columns(frame), labels) + added + phrase_source(row, labels)


def reliability_sentence(frame: pl.DataFrame) -> str:
    """State how many estimates meet the NCHS presentation standards, and why others do not.

    Parameters
    ----------
    frame
        A result frame of any estimator.

    Returns
    -------
    str
        One sentence with the most frequent reasons.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> reliability_sentence(frame([{"study": "A", "estimand": "prevalence", "reliability": "ok"}]))
    'The estimate meets NCHS presentation standards.'
    """
    frame = show(check_result(frame, "sentences.reliability_sentence"))
    flags = Counter(frame["reliability"].fill_null("ok"))
    met, total = flags["ok"], frame.height
    start = f"{met} of {total} estimates {'meets' if met == 1 else 'meet'}"
    if met == total:
        start = "The estimate meets" if total == 1 else f"All {total} estimates meet"
    parts = [
        f"{flags[flag]} {text} ({_list_reasons(frame, flag)})" for flag, text in FLAGS.items() if flags[flag]
    ]
    return "; ".join([f"{start} NCHS presentation standards", *parts]) + "."


def _list_reasons(frame: pl.DataFrame, flag: str) -> str:
    """List the most frequent reasons of a flag once each; the tables have them all."""
    chosen = frame.filter(pl.col("reliability") == flag)["reason"].fill_null("no reason given")
    parts = Counter(part for reason in chosen for part in shorten_reason(reason).split("; "))
    named = [part for part, _ in parts.most_common(_MOST_REASONS)]
    more = len(parts) - len(named)
    return "; ".join(
        [*named, *([f"{more} further reason{'s' * (more > 1)}, given in the tables"] if more else [])]
    )


def missing_sentence(frame: pl.DataFrame) -> str:
    """State how many participants had complete data; for several groups, the range.

    Parameters
    ----------
    frame
        A result frame of any estimator.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> missing_sentence(frame([{"study": "A", "estimand": "mean", "n": 90, "n_missing": 10}]))
    '90 participants had complete data; 10 (10.0%) were excluded for missing values.'
    """
    given = check_result(frame, "sentences.missing_sentence")
    frame = show(given)
    hidden = frame["n_missing"].null_count() > given["n_missing"].null_count()
    pairs = sorted({(r["n"], r["n_missing"] or 0) for r in frame.rows(named=True) if r["n"] is not None})
    if not pairs:
        return "The sample sizes were not recorded or are too small to be shown."
    study, (n, _), (most, _) = frame["study"][0], pairs[0], pairs[-1]
    least, missing = phrase_count(study, n), sorted(lost for _, lost in pairs)
    sizes = least if n == most else f"{least} to {format_count(most)}"
    if hidden:
        return capitalize(f"{sizes} participants had complete data; few were excluded for missing values.")
    if len(pairs) > 1:
        lost = f"{format_count(missing[0])} to {format_count(missing[-1])}" if missing[-1] else "none"
        return f"Sample sizes ranged from {sizes}; {lost} were excluded for missing values."
    if not missing[0]:
        about = least.startswith("about")
        every = f"All participants ({least})" if about else f"All {least} participants"
        return f"{every} had complete data."
    share = format_number(missing[0] / (n + missing[0]), "percent")
    return capitalize(
        f"{least} participants had complete data; "
        f"{phrase_count(study, missing[0])} ({share}%) were excluded for missing values."
    )


def flow_sentence(flow: pl.DataFrame) -> str:
    """State how many participants were included and excluded, with the four most frequent reasons.

    Parameters
    ----------
    flow
        What `tk.flow` returned.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> rows = {"step": ["A", "age known"], "reason": ["", "refused"], "n_left": [90, 70], "n_out": [0, 20]}
    >>> flow_sentence(pl.DataFrame(rows))
    'Of 90 participants, 70 were included in the analysis; 20 were excluded: refused (20).'
    """
    flow = show(check_flow(flow, "sentences.flow_sentence"))
    rows = flow.rows(named=True)
    first, end = rows[0]["n_left"], rows[-1]["n_left"]
    if end is None:
        return add_warning("The numbers of participants are too small to be shown.", flow)
    start, about = None if first is None else first + (rows[0]["n_out"] or 0), "about " * is_rounded(flow)
    included = capitalize(f"{about}{format_count(end)} participants were included in the analysis")
    if start is not None:
        sizes = f"Of {about}{format_count(start)} participants, {about}{format_count(end)}"
        included = f"{sizes} were included in the analysis"
    excluded: Counter[str] = Counter()
    for row in rows:
        excluded[row["reason"] or row["step"]] += row["n_out"] or 0
    named = excluded.most_common(4)
    hidden = dict.fromkeys(row["reason"] or row["step"] for row in rows if row["n_out"] is None)
    reasons = [f"{reason} ({'at least ' * (reason in hidden)}{format_count(n)})" for reason, n in named if n]
    if hidden or start is None:
        reasons += [f"{reason} (few)" for reason in hidden if not excluded[reason]]
        return add_warning(f"{included}; others were excluded: {join_list(reasons)}.", flow)
    more = start - end - sum(n for _, n in named)
    rest = [f"other reasons ({format_count(more)})"] if more > 0 else []
    lost = (
        f"; {format_count(start - end)} were excluded: {join_list([*reasons, *rest])}" if start > end else ""
    )
    return add_warning(f"{included}{lost}.", flow)


def availability_sentences(
    availability: pl.DataFrame, *, labels: Mapping[str, str] | None = None
) -> list[str]:
    """List the exposures that are not measured, or by proxy only, with cycles and reason.

    Parameters
    ----------
    availability
        What `study.availability()` returned.
    labels
        Labels of exposures, by name.

    Returns
    -------
    list of str
        One sentence per exposure, status and reason.

    Examples
    --------
    >>> import toolkit as tk
    >>> len(availability_sentences(tk.open_study("simulated").availability())) > 1
    True
    """
    check_columns(
        availability, AVAILABILITY_SCHEMA, "sentences.availability_sentences", "study.availability()"
    )
    lacking = availability.filter(pl.col("status") != "measured")
    groups = lacking.group_by("exposure", "status", "reason", maintain_order=True).agg("cycle")
    return [_phrase_lack(row, labels) for row in groups.rows(named=True)]


def _phrase_lack(row: Row, labels: Labels | None) -> str:
    status = "measured by proxy only" if row["status"] == "proxy" else row["status"]
    cycles = join_list(cycle for cycle in row["cycle"] if cycle)
    reason = f" ({row['reason'].rstrip('.')})" if row["reason"] else ""
    name = capitalize(label_variable(row["exposure"], labels))
    return f"{name} was {status}{f' in {cycles}' if cycles else ''}{reason}."
