"""Find survey cycles that measured all variables of an analysis and were not used."""

import re
from collections.abc import Sequence

from toolkit.studies import Study
from toolkit.variables import parse

_YEARS = re.compile(r"(\d{4})-(\d{4})")
ABSENT = "absent"


def unused_cycles(study: Study, variables: Sequence[str], domain: str = "") -> tuple[str, ...]:
    """List the cycles, opened or not, that measured all variables of an analysis and are not in it."""
    used = study.weight_for(variables, domain).cycles
    names = dict.fromkeys([*variables, *parse(domain).names])
    compared = [{c.cycle: c.verdict for c in study.codebook[name].comparability} for name in names]
    known = [verdicts for verdicts in compared if verdicts]
    every = dict.fromkeys(cycle for verdicts in known for cycle in verdicts)
    measured = [c for c in every if all(verdicts.get(c, ABSENT) != ABSENT for verdicts in known)]
    return tuple(cycle for cycle in measured if not any(_overlap(cycle, other) for other in used))


def _overlap(one: str, other: str) -> bool:
    """Whether two cycles share participants, such as 2017-2018 and 2017-2020."""
    first, second = _YEARS.fullmatch(one), _YEARS.fullmatch(other)
    if not first or not second:
        return one == other
    return first[1] <= second[2] and second[1] <= first[2]
