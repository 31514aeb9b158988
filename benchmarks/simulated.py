"""Time the simulated study: open it at its smallest, usual and largest, and work out the truth behind it."""

import time
from collections.abc import Callable

from toolkit.sources.simulated.potential_outcomes import truth
from toolkit.sources.simulated.study import open_simulated


def line(what: str, run: Callable[[], object]) -> None:
    start = time.perf_counter()
    run()
    print(f"{time.perf_counter() - start:8.3f} s  {what}", flush=True)


def main() -> None:
    line("open_simulated(), first in a process, libraries loaded", open_simulated)
    for n in (600, 12_000, 18_000):
        line(f"open_simulated(n={n})", lambda n=n: open_simulated(n=n))
    line("truth of the prevalence", lambda: truth(domain="age >= 20"))
    line("truth of an exposure of two levels", lambda: truth(exposure="arthritis", domain="age >= 20"))
    line("truth of a derived exposure", lambda: truth(exposure="pad", domain="age >= 40"))


if __name__ == "__main__":
    main()
