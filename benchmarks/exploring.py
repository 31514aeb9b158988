"""Time the explorer on NHANES 2005-2008: its first view and a change of each menu, in the kernel.

The goals: the first view under 1.5 s after the imports, a change under 0.3 s. Needs CRAMPS_NHANES. Wall and
processor time are given, because a busy machine takes longer than the work.
"""

import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

CHANGES: dict[str, dict[str, Any]] = {
    "exposure: arthritis": {"exposure": "arthritis"},
    "exposure: BMI": {"exposure": "bmi"},
    "outcome": {"outcome": "frequent_cramps"},
    "measure: odds ratio": {"estimand": "odds_ratio"},
    "measure: standardized ratio": {"estimand": "standardised_ratio"},
    "adjustment: full set": {"adjust": "full"},
    "adjustment: none": {"adjust": "none"},
    "domain": {"domain": "age >= 40"},
    "groups": {"by": ["sex"]},
    "tab: prevalence": {"tab": "prevalence"},
    "tab: prevalence by thirds": {"exposure": "bmi", "tab": "prevalence"},
    "tab: participants": {"tab": "flow"},
}
ROUNDS = 5


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    if not os.environ.get("CRAMPS_NHANES"):
        print("set CRAMPS_NHANES to a folder of NHANES files to measure the explorer")
        return
    import altair  # noqa: F401 - imports are not part of the first view
    import networkx  # noqa: F401
    import vl_convert  # noqa: F401

    import toolkit as tk
    from toolkit.explorer.explorer_model import ExplorerModel

    study = tk.open_study("nhanes")
    begun: dict[str, Any] = {"outcome": "any_cramps", "exposure": "diabetes_told", "domain": "age >= 20"}
    widgets = []
    first = timed(lambda: widgets.append(tk.explore(study, **begun)))
    print("| | wall, s | processor, s |\n|---|---|---|")
    print(f"| first view | {first[0]:.2f} | {first[1]:.2f} |")
    sent = {**widgets[0].view["choice"], "tab": "association", "width": 830, "request": 1}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in CHANGES}
    for _ in range(ROUNDS):
        model = ExplorerModel(study, {"study": study}, **begun)  # without kept results
        for name, change in CHANGES.items():
            times[name].append(timed(partial(model.answer, {**sent, **change})))
    for name, found in times.items():
        wall, processor = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"| {name} | {wall:.2f} | {processor:.2f} |")


if __name__ == "__main__":
    main()
