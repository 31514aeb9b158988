"""Do one kind of work until killed: `python -m tests.hostile.killed_work KIND FOLDER ADDRESS`."""

import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import polars as pl

import toolkit as tk
from toolkit.files.cache import Origin, entry_path, write_entry
from toolkit.files.download import Wanted, choose_mirror, fetch_all

SITE, SETTING = "http://site.example/", "CRAMPS_TEST"
FILES = tuple(f"good-{number}" for number in range(12))
KEYS = tuple("abcde")
NOTEBOOK = """# %% [markdown]
# # A short report
# %% tags=["parameters"]
study = "simulated"
# %%
import toolkit as tk
tk.table(tk.prevalence(tk.open_study(study), "any_cramps"))
"""


def cached_frame(key: str) -> pl.DataFrame:
    """Make the frame that belongs to a key of the cache."""
    return pl.DataFrame({"key": [key] * 40_000, "n": range(40_000)})


def people() -> tk.Study:
    """Make a study of a hundred people."""
    frame = pl.DataFrame({"cramps": [0, 1] * 50, "age": [20.0 + k for k in range(100)]})
    return tk.study(frame, design=tk.Design.none(), name="hundred")


def download(_folder: Path, address: str) -> None:
    fetch_all(choose_mirror(address, SITE, SETTING), [Wanted(path, lambda _: None) for path in FILES])


def cache(_folder: Path, _address: str) -> None:
    for key in KEYS:
        write_entry(entry_path("tables", "t-", key), cached_frame(key), Origin(key, "code", {}))


def export(folder: Path, _address: str) -> None:
    study = people()
    table = tk.table(tk.prevalence(study, "cramps"))
    for suffix in ("docx", "xlsx", "csv"):
        tk.save(table, folder / f"table.{suffix}", overwrite=True)
    for suffix in ("dta", "parquet"):
        study.write(folder / f"people.{suffix}", ["cramps", "age"], overwrite=True)


def report(folder: Path, _address: str) -> None:
    (folder.parent / "short.py").write_text(NOTEBOOK)
    tk.render(str(folder.parent / "short.py"), study="simulated", output=folder, force=True)


WORK: dict[str, Callable[[Path, str], None]] = {
    "download": download, "cache": cache, "export": export, "report": report,
}  # fmt: skip

if __name__ == "__main__":
    kind, place, server = sys.argv[1:]
    (Path(place).parent / "started").touch()
    for _ in count():
        WORK[kind](Path(place), server)
        (Path(place).parent / "once").touch()
