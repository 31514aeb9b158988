"""Open a CSV file larger than memory may be: python benchmarks/big_csv.py [GB].

Makes a file of the size asked for (2 GB if nothing is asked) in a temporary folder: rows of 2 kB, of which
seven of 127 columns are used. A process of its own opens it as a study, holds every row to the rules, and
estimates a prevalence. Prints people, seconds and the peak of its memory.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

COLUMNS = 120
DECLARATION = """
name = "big"
person = "pid"
files.people.path = "people.csv"
design = { weight = "w", strata = "s", psu = "c" }
variables.age.column = "age"
variables.sex = { column = "sex", levels = { 1 = "male", 2 = "female" }, missing = { 9 = "refused" } }
variables.cramps = { column = "cr", kind = "yes_no", missing = { 9 = "don't know" } }
"""
OPEN = """
import resource, sys, time
import toolkit as tk
import toolkit.sources.user.loader
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
start = time.perf_counter()
study = tk.open_study(sys.argv[1])
opened = time.perf_counter() - start
found = tk.prevalence(study, outcome="cramps")["estimate"].item()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(f"{study.people.height:,} people, opened in {opened:.0f} s, prevalence {found:.4f}; "
      f"peak memory {peak:.2f} GB, of which {before:.2f} GB before the file was touched")
"""


def write(path: Path, gigabytes: float) -> None:
    filler = ",".join("0123456789abcde" for _ in range(COLUMNS))
    head = "pid,age,sex,w,s,c,cr," + ",".join(f"unused{i}" for i in range(COLUMNS))
    size, rows = 0, 0
    with path.open("w", encoding="ascii", buffering=1 << 22) as file:
        size += file.write(head + "\n")
        while size < gigabytes * 2**30:
            sex, cramps = 9 if rows % 97 == 0 else 1 + rows % 2, 9 if rows % 89 == 0 else int(rows % 3 == 0)
            drawn = f"{1 + rows % 7}.5,{rows % 30},{rows % 30}-{rows % 60}"
            size += file.write(f"p{rows:08d},{20 + rows % 60},{sex},{drawn},{cramps},{filler}\n")
            rows += 1


def main() -> None:
    gigabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    with tempfile.TemporaryDirectory(prefix="cramps-big-") as folder:
        write(Path(folder) / "people.csv", gigabytes)
        (Path(folder) / "study.toml").write_text(DECLARATION)
        print(f"a CSV file of {gigabytes:g} GB")
        subprocess.run([sys.executable, "-c", OPEN, str(Path(folder) / "study.toml")], check=True)


if __name__ == "__main__":
    main()
