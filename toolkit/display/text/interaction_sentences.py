"""Write the interaction of two exposures as a sentence, on the ratio scale and on the additive scale."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from toolkit.disclosure import is_hidden, show
from toolkit.display.text.numbers import format_estimate, format_p_value
from toolkit.errors import join_list
from toolkit.results import by_columns


def interaction_sentence(result: pl.DataFrame) -> str:
    """State the interaction of two exposures: of binary ones on both scales, of others by one test.

    Parameters
    ----------
    result
        What `tk.effects.interaction` returned for prevalence ratios.

    Returns
    -------
    str
        For one pair of levels, the ratio of ratios and the RERI with their p-values, and the combination of
        levels that the RERI is based on. For several pairs, the test of all products, with its degrees of
        freedom; a table shows the pairs.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> rows = tk.effects.interaction(study, "any_cramps", ("arthritis", "sex"), adjust=())
    >>> interaction_sentence(rows).partition(" was ")[0]
    'For sex (female), the prevalence ratio for diagnosed arthritis (yes vs. no)'
    """
    result = show(result)
    for row in result.filter(pl.col("estimand") == "interaction_test").rows(named=True):
        return _phrase_test(row)
    sentences = []
    pairs = result.filter(pl.col("estimand") == "ratio_of_ratios")["level"].unique(maintain_order=True)
    for pair in pairs:
        rows = {row["estimand"]: row for row in result.filter(pl.col("level") == pair).rows(named=True)}
        ratio, excess = rows["ratio_of_ratios"], rows["reri"]
        where, name, against = _name_pair(ratio)
        if is_hidden(ratio):
            reason = str(ratio["reason"]).rstrip(".")
            sentences.append(f"{where}, the interaction could not be estimated: {reason}.")
            continue
        value, interval = _split_interval(ratio)
        reri = "the RERI could not be estimated"
        if not is_hidden(excess):
            size, around = _split_interval(excess)
            p_value = f"; {format_p_value(excess['p_value'])}" if excess["p_value"] is not None else ""
            reri = f"relative to {_name_reference(excess)}, the RERI was {size} {around[:-1]}{p_value})"
        test = f"{interval[:-1]}; {format_p_value(ratio['p_value'])})"
        sentences.append(
            f"{where}, the prevalence ratio for {name} was {value} times that {against} {test}; {reri}."
        )
    if not sentences and result.height:
        reason = str(result["reason"][0] or "no reason given").rstrip(".")
        return f"The interaction could not be estimated: {reason}."
    return " ".join(sentences)


def has_interaction(frame: pl.DataFrame) -> bool:
    """Return whether these are the rows of one interaction of prevalence ratios, without groups."""
    estimands = [*frame["estimand"]]
    if estimands[0] != "prevalence_ratio" or by_columns(frame):
        return False
    tests = frame.filter(pl.col("estimand").is_in(("interaction_test", "ratio_of_ratios", "reri")))
    keys = tests.select("estimand", "level")
    measured = {"ratio_of_ratios", "reri"} <= {*estimands} or estimands.count("interaction_test") == 1
    return measured and not keys.is_duplicated().any()


def _phrase_test(row: Mapping[str, Any]) -> str:
    """State the test of all products of two exposures."""
    names = join_list(str(row["exposure_label"]).split(" × "))
    if is_hidden(row):
        reason = str(row["reason"] or "no reason given").rstrip(".")
        return f"The interaction of {names} could not be tested: {reason}."
    # Degrees of freedom are withheld where they would give a small count back.
    df = "" if row["df"] is None else f" on {row['df_numerator']:g} and {row['df']:g} degrees of freedom"
    return (
        f"The joint Wald test of the {row['df_numerator']:g} product terms of {names} gave "
        f"F = {row['statistic']:.2f}{df} ({format_p_value(row['p_value'])})."
    )


def _name_pair(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Name the group, the comparison within it, and the group that it is compared with."""
    names = str(row["exposure_label"]).split(" × ")
    levels, references = str(row["level_label"]).split(", "), str(row["reference"]).split(", ")
    if not len(names) == len(levels) == len(references) == 2:
        return (
            f"For {row['level_label']} vs. {row['reference']}",
            str(row["exposure_label"]),
            "without interaction",
        )
    name = f"{names[0]} ({levels[0]} vs. {references[0]})"
    return f"For {names[1]} ({levels[1]})", name, f"for {references[1]}"


def _name_reference(row: Mapping[str, Any]) -> str:
    """Name the combination of levels that both exposures are compared with."""
    names, levels = str(row["exposure_label"]).split(" × "), str(row["reference"]).split(", ")
    if len(names) != len(levels):
        return str(row["reference"])
    return " and ".join(f"{name}: {level}" for name, level in zip(names, levels, strict=True))


def _split_interval(row: Mapping[str, Any]) -> tuple[str, str]:
    value, _, interval = format_estimate(row).partition(" (")
    level = f"{100 * row['conf_level']:g}% CI " if row["conf_level"] else ""
    return value, f"({level}{interval.rstrip(')')})"
