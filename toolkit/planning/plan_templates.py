"""Write a first plan.toml for a study, with comments that say what each line is for."""

from pathlib import Path

from toolkit.causes.card import cards
from toolkit.causes.outcomes import CRAMP_RULES
from toolkit.errors import DatasetError
from toolkit.files.safe_files import write_text
from toolkit.studies import Study

_HEAD = """\
# An analysis plan. Change what follows, then check and freeze it before the analysis:
#   cramps plan check {name} --study {study}
#   cramps plan freeze {name}
title = "Nocturnal leg cramps and ..."
study = "{study}"
"""
_CYCLES = """\
cycles = [{cycles}]
cycles_reason = ""  # why these cycles and no others, such as "All cycles that asked about leg cramps."
"""
_QUESTION = """
[[question]]
name = "{exposure}"
outcome = "{outcome}"  # {outcome_label}
exposure = "{exposure}"  # {exposure_label}
role = "{role}"  # or "{other}"
# family = "{role}"  # the questions whose p-values are adjusted together; by default those of the same role
# estimand = "prevalence_ratio"  # or prevalence_difference, odds_ratio, standardised_ratio
# adjust = "small"  # a set of the causal diagram (small, core, full), or covariates such as ["age", "sex"]
domain = "{domain}"  # the subpopulation; empty for everyone
# by = ["sex"]  # the question is then whether the association differs among the levels
# reference = ""  # the level of the exposure that others are compared with
"""
_SECOND = ("secondary", "primary")


def write_plan(path: Path, study: Study) -> Path:
    """Write a plan with two questions on variables of a study; an existing file is never overwritten."""
    if path.exists():
        raise DatasetError(f"'{path}' exists and is not overwritten. Remove it, or use another name.")
    names = [name for name in study.codebook if name in study.people.columns]
    outcome = next((rule.name for rule in CRAMP_RULES if rule.name in names), "")
    measured = [card.main.name for card in cards().values() if card.main.name in names]
    first = measured[:2] or [name for name in names if name != outcome][:2]
    cycles = [f'"{cycle}"' for cycle in study.cycles if cycle]
    text = _HEAD.format(name=path.name, study=study.name)
    text += _CYCLES.format(cycles=", ".join(cycles)) if cycles else ""
    for exposure, role in zip(first, reversed(_SECOND), strict=False):
        text += _QUESTION.format(
            exposure=exposure,
            outcome=outcome,
            outcome_label=study.codebook[outcome].label if outcome else "a yes/no variable",
            exposure_label=study.codebook[exposure].label,
            role=role,
            other=next(other for other in _SECOND if other != role),
            domain="age >= 20" if "age" in names else "",
        )
    write_text(path, text)
    return path
