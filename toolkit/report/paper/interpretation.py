"""Write what results mean in words: curves, what is not shown, and limitations."""

import re
from collections.abc import Iterable

import polars as pl

from toolkit.disclosure import is_hidden, show
from toolkit.display.text import capitalize, format_p_value, format_size
from toolkit.errors import join_list
from toolkit.report.paper.passages import Passage, bullets
from toolkit.studies import Study

# How many unmeasured confounders a sentence names.
_NAMED = 3
_NHANES = "National Health and Nutrition Examination Survey"


def curve_sentence(result: pl.DataFrame) -> str:
    """State the tests of an exposure-response curve: of the whole curve, and of its nonlinearity.

    Parameters
    ----------
    result
        What `tk.effects.curve` returned.

    Returns
    -------
    str
        One sentence, and the reason if the curve could not be estimated.

    Examples
    --------
    >>> import toolkit as tk
    >>> rows = tk.effects.curve(tk.open_study("simulated"), "any_cramps", "age", adjust=())
    >>> curve_sentence(rows)
    'Age (years): test of the curve p < 0.001, test of nonlinearity p = ...; n = 11,983.'
    """
    result = show(result)
    row = result.row(0, named=True)
    name = capitalize(str(row["exposure_label"] or row["exposure"]))
    if is_hidden(row):
        return f"{name}: the curve could not be estimated ({str(row['reason']).rstrip('.')})."
    tests = {row["level"]: row for row in result.filter(pl.col("estimand") == "term").rows(named=True)}
    named = [
        f"{text} {format_p_value(tests[level]['p_value'])}"
        for level, text in (("overall", "test of the curve"), ("nonlinearity", "test of nonlinearity"))
        if level in tests and tests[level]["p_value"] is not None
    ]
    return f"{name}: {', '.join(named)}; {format_size(row)}."


def caution(result: pl.DataFrame, unmeasured: tuple[str, ...] = ()) -> str:
    """State what an association of cross-sectional data does not show.

    Parameters
    ----------
    result
        The main result rows.
    unmeasured
        Labels of confounders that the study did not measure, the most important first.

    Returns
    -------
    str
        Two or three sentences.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> row = {"outcome_label": "any cramps", "exposure_label": "diabetes", "estimand": "prevalence_ratio"}
    >>> caution(frame([row])).partition(".")[0]
    'Exposure and outcome were reported for the same period, so that the temporal order is unknown'
    """
    row = show(result).row(0, named=True)
    name, outcome = row["exposure_label"] or row["exposure"], row["outcome_label"] or row["outcome"]
    outcome = re.sub(r"^any | in the past month$", "", str(outcome))
    text = (
        "Exposure and outcome were reported for the same period, so that the temporal order is unknown. The "
        f"estimate does not show that {name} causes {outcome}, nor that changing it would prevent them."
    )
    if unmeasured:
        names = join_list(unmeasured[:_NAMED])
        text += f" Residual confounding by unmeasured factors, such as {names}, is possible."
    return text


def limitations(caveats: Iterable[str], study: Study) -> Passage:
    """List the limitations that apply to a study; those that name another survey are left out.

    Parameters
    ----------
    caveats
        Limitations as plain text, such as `card.caveats`.
    study
        The study of the report.

    Returns
    -------
    Passage
        A list.

    Examples
    --------
    >>> import toolkit as tk
    >>> card = tk.causes.card("electrolytes")
    >>> "NHANES" in limitations(card.caveats, tk.open_study("simulated")).html
    False
    """
    given = list(caveats)
    if _NHANES in str(study.provenance.get("survey", "")):
        return bullets(given)
    without = [re.sub(r"\s*\([^()]*NHANES[^()]*\)", "", text) for text in given]
    return bullets(text for text in without if "NHANES" not in text)
