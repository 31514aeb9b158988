"""Time the simulated study: open it at its smallest, usual and largest, and work out the truth behind it."""

import time
from collections.abc import Callable

import toolkit as tk
from toolkit.sources.simulated.sampled_study import open_simulated


def line(what: str, run: Callable[[], object]) -> None:
    start = time.perf_counter()
    run()
    print(f"{time.perf_counter() - start:8.3f} s  {what}", flush=True)


def main() -> None:
    line("open_simulated(), first in a process, libraries loaded", open_simulated)
    for n in (600, 12_000, 18_000):
        line(f"open_simulated(n={n})", lambda n=n: open_simulated(n=n))
    study = tk.open_study("simulated")
    for exposure, domain in ((None, "age >= 20"), ("arthritis", "age >= 20"), ("pad", "age >= 40")):
        what = f"truth, exposure {exposure}"
        line(what, lambda e=exposure, d=domain: tk.truth(study, "any_cramps", e, domain=d))


if __name__ == "__main__":
    main()
