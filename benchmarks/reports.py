"""Time one report, all reports of a study, and all again when nothing changed; wall and processor seconds.

Usage: python benchmarks/reports.py [STUDY]
"""

import resource
import subprocess
import sys
import tempfile
import time

STUDY = sys.argv[1] if len(sys.argv) > 1 else "simulated"


def measure(what: str, *words: str) -> None:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "toolkit.cli", *words], check=True, capture_output=True)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - start
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{what:<28}{wall:8.1f} s wall {busy:8.1f} s processor")


subprocess.run([sys.executable, "-m", "toolkit.cli", "describe", STUDY, "--out", tempfile.mktemp(".html")],  # noqa: S306
               check=True, capture_output=True)  # fmt: skip
with tempfile.TemporaryDirectory() as folder:
    asked = ("--study", STUDY, "--out", folder)
    measure("one cause report", "report", "diabetes", *asked, "--force")
    measure("all reports", "report", "--all", *asked, "--force")
    measure("all reports, unchanged", "report", "--all", *asked)
    measure("one report, unchanged", "report", "diabetes", *asked)
