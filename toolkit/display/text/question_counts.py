"""State how many questions of a result had small p-values, and how many would be expected by chance."""

import polars as pl

from toolkit.display.text.numbers import Labels, format_condition
from toolkit.results import P_BH, P_HOLM, P_QUESTION, PLAN_FAMILY, PLAN_QUESTION

_QUESTION = ("outcome", "outcome_label", "exposure", "domain")


def has_questions(frame: pl.DataFrame) -> bool:
    """Return whether rows have p-values of whole questions, adjusted for their number."""
    return {P_QUESTION, P_HOLM, P_BH} <= {*frame.columns} and frame[P_QUESTION].null_count() < frame.height


def questions_sentence(frame: pl.DataFrame, *, labels: Labels | None = None) -> str:
    """State how many questions had a p-value below 5%, and how many would be expected by chance.

    Parameters
    ----------
    frame
        What `tk.effects.atlas` or `plan.answer` returned.
    labels
        Labels of the variables in domains, by name.

    Returns
    -------
    str
        A sentence for each outcome and domain, or each family of a plan, with several questions; "" if there
        is none. The threshold is 1 minus the confidence level of the rows, 5% at 95%.

    Examples
    --------
    >>> import toolkit as tk
    >>> rows = tk.effects.atlas(tk.open_study("simulated"), "any_cramps", ("arthritis", "pad"))
    >>> questions_sentence(rows)
    'Of 2 questions about any nocturnal leg cramps in the past month, 2 had p < 0.05; 0.1 would ...'
    """
    if not has_questions(frame):
        return ""
    if PLAN_FAMILY in frame.columns:
        planned = frame.unique([PLAN_FAMILY, PLAN_QUESTION], maintain_order=True)
        families = planned.partition_by(PLAN_FAMILY, maintain_order=True)
        return " ".join(_count_planned(own) for own in families if own.height > 1)
    asked = frame.filter(pl.col(P_QUESTION).is_not_null()).unique(list(_QUESTION), maintain_order=True)
    domains = asked["domain"].n_unique() > 1
    parts = asked.group_by("outcome", "outcome_label", "domain", maintain_order=True)
    return " ".join(_count_questions(own, labels, domain=domains) for _, own in parts if own.height > 1)


def _count_planned(asked: pl.DataFrame) -> str:
    named = f"{asked.height:,} questions of the family '{asked[PLAN_FAMILY][0]}'"
    return _count_small(named, asked, "no association existed")


def _count_questions(asked: pl.DataFrame, labels: Labels | None, *, domain: bool) -> str:
    first, count = asked.row(0, named=True), asked.height
    where = f" ({format_condition(first['domain'], labels) or 'everyone'})" if domain else ""
    asked_about = f"questions about {first['outcome_label'] or first['outcome']}{where}"
    return _count_small(f"{count:,} {asked_about}", asked, "none of the exposures was associated with it")


def _count_small(questions: str, asked: pl.DataFrame, if_none: str) -> str:
    levels = asked["conf_level"].drop_nulls().to_list()
    alpha = round(1 - (levels[0] if levels else 0.95), 10)
    small, holm, bh = (int((asked[name] < alpha).sum()) for name in (P_QUESTION, P_HOLM, P_BH))
    expected = alpha * asked[P_QUESTION].count()
    return (
        f"Of {questions}, {small:,} had p < {alpha:.2g}; {expected:,.1f} would be expected if {if_none}. "
        f"Adjusted for the number of questions, {holm:,} (Holm) and {bh:,} (Benjamini-Hochberg) remained "
        f"below {alpha:.2g}."
    )
