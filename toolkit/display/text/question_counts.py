"""State how many questions of a result had small p-values, and how many would be expected by chance."""

import polars as pl

from toolkit.display.text.numbers import Labels, format_condition
from toolkit.results import P_BH, P_HOLM, P_QUESTION

_QUESTION = ("outcome", "outcome_label", "exposure", "domain")


def has_questions(frame: pl.DataFrame) -> bool:
    """Return whether rows have p-values of whole questions, adjusted for their number."""
    return {P_QUESTION, P_HOLM, P_BH} <= {*frame.columns} and frame[P_QUESTION].null_count() < frame.height


def questions_sentence(frame: pl.DataFrame, *, labels: Labels | None = None) -> str:
    """State how many questions had a p-value below 5%, and how many would be expected by chance.

    Parameters
    ----------
    frame
        What `tk.effects.atlas` returned.
    labels
        Labels of the variables in domains, by name.

    Returns
    -------
    str
        One sentence for each outcome and domain; "" if no question has a p-value. The threshold is 1 minus
        the confidence level of the rows, 5% at 95%.

    Examples
    --------
    >>> import toolkit as tk
    >>> rows = tk.effects.atlas(tk.open_study("simulated"), "any_cramps", ("arthritis", "pad"))
    >>> questions_sentence(rows)
    'Of 2 questions about any nocturnal leg cramps in the past month, 2 had p < 0.05; 0.1 would ...'
    """
    if not has_questions(frame):
        return ""
    asked = frame.filter(pl.col(P_QUESTION).is_not_null()).unique(list(_QUESTION), maintain_order=True)
    domains = asked["domain"].n_unique() > 1
    parts = asked.group_by("outcome", "outcome_label", "domain", maintain_order=True)
    return " ".join(_count_questions(own, labels, domain=domains) for _, own in parts)


def _count_questions(asked: pl.DataFrame, labels: Labels | None, *, domain: bool) -> str:
    first, count = asked.row(0, named=True), asked.height
    alpha = round(1 - (first["conf_level"] or 0.95), 10)
    small, holm, bh = (int((asked[name] < alpha).sum()) for name in (P_QUESTION, P_HOLM, P_BH))
    where = f" ({format_condition(first['domain'], labels) or 'everyone'})" if domain else ""
    asked_about = f"question{'s' * (count > 1)} about {first['outcome_label'] or first['outcome']}{where}"
    return (
        f"Of {count:,} {asked_about}, {small:,} had p < {alpha:.2g}; {alpha * count:,.1f} would be expected "
        f"if none of the exposures was associated with it. Adjusted for the number of questions, {holm:,} "
        f"(Holm) and {bh:,} (Benjamini-Hochberg) remained below {alpha:.2g}."
    )
