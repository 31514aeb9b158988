"""Time the main line on the simulated study: import, open, estimate, draw. Best of several runs."""

import subprocess
import sys
import time
from collections.abc import Callable

import toolkit as tk


def best(run: Callable[[], object], times: int) -> float:
    found = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return min(found)


def program(*words: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, *words], check=True, capture_output=True)


def line(what: str, run: Callable[[], object], times: int = 3) -> None:
    print(f"{best(run, times):8.3f} s  {what}", flush=True)


def main() -> None:
    line("python alone", program("-c", ""))
    line("import toolkit", program("-c", "import toolkit"))
    line("cramps --help", program("-m", "toolkit.cli", "--help"))
    line("open_study('simulated'), first in a process", lambda: tk.open_study("simulated"), times=1)
    study = tk.open_study("simulated")
    line("open_study('simulated'), again", lambda: tk.open_study("simulated"))
    line("prevalence by age group", lambda: tk.prevalence(study, outcome="any_cramps", by=("age_group",)))
    adjust = ("age", "sex", "bmi")
    common = {"outcome": "any_cramps", "exposure": "diabetes_told", "domain": "age >= 20"}
    line("prevalence ratio, crude", lambda: tk.association(study, **common, adjust=()))
    line("prevalence ratio, three covariates", lambda: tk.association(study, **common, adjust=adjust))
    line(
        "odds ratio, three covariates",
        lambda: tk.association(study, **common, adjust=adjust, estimand="odds_ratio"),
    )
    result = tk.association(study, **common, adjust=adjust)
    line("forest plot, first in a process", lambda: tk.forest(result), times=1)
    line("forest plot, again", lambda: tk.forest(result))


if __name__ == "__main__":
    main()
