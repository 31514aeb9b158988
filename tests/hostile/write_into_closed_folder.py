"""Write all that the toolkit writes into a folder that takes nothing, and print what became of each."""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
from click.testing import CliRunner

import toolkit as tk
from toolkit.cli import main

NOTEBOOK = """# %% [markdown]
# # Short
# %% tags=["parameters"]
study = "simulated"
# %%
import toolkit as tk
tk.open_study(study).people.height
"""


def fill(folder: Path) -> None:
    """Put into the folder what is read from there; it is closed afterwards."""
    (folder / "people.csv").write_text("pid,y\n" + "".join(f"p{at},{at % 2}\n" for at in range(40)))
    (folder / "own.py").write_text(NOTEBOOK)


def write_all(closed: Path) -> dict[str, Callable[[], object]]:
    """List the calls, each of which would write into the closed folder."""
    rows = {"pid": [f"p{at}" for at in range(100)], "y": [0, 1] * 50, "x": [20.0 + at for at in range(100)]}
    study = tk.study(pl.DataFrame(rows), design=tk.Design.none(), name="hundred")
    result = tk.prevalence(study, "y")
    chart = tk.forest(result)
    calls: dict[str, Callable[[], object]] = {
        "R": lambda: study.to_r(closed / "r"),
        "dictionary": lambda: tk.reports.data_dictionary(study, closed / "dictionary.html"),
        "report": lambda: tk.render(closed / "own.py", study=study, output=closed),
        "report in a new folder": lambda: tk.render(closed / "own.py", study=study, output=closed / "out"),
        "cramps report": _command("report", "diabetes", "--study", "simulated", "--out", str(closed)),
        "cramps new-study": _command("new-study", str(closed / "people.csv")),
        "cramps notebooks": _command("notebooks", str(closed)),
        "cramps describe": _command("describe", "simulated", "--out", str(closed / "page.html")),
    }
    for ending in ("csv", "xlsx", "docx", "html", "pdf", "tex", "md"):
        calls[f"table {ending}"] = lambda ending=ending: tk.save(result, closed / f"table.{ending}")
    for ending in ("html", "png", "pdf", "svg", "json"):
        calls[f"chart {ending}"] = lambda ending=ending: tk.save(chart, closed / f"chart.{ending}")
    for ending in ("parquet", "dta", "sav", "xpt"):
        calls[f"data {ending}"] = lambda ending=ending: study.write(closed / f"data.{ending}")
    return calls


def _command(*words: str) -> Callable[[], object]:
    def run() -> object:
        done = CliRunner().invoke(main, list(words))
        if done.exit_code == 0:
            return done.output
        if isinstance(done.exception, SystemExit):
            raise tk.ToolkitError(done.output.strip().rpartition("\n")[2])
        raise done.exception or AssertionError

    return run


def try_each(calls: dict[str, Callable[[], object]]) -> dict[str, tuple[str, str]]:
    """Give for each call the class of its error, and the message."""
    found = {}
    for name, call in calls.items():
        try:
            found[name] = "written", str(call())
        except tk.ToolkitError as error:
            found[name] = "told", str(error)
        except Exception as error:
            found[name] = type(error).__name__, str(error)
    return found


def render_in_temporary(closed: Path) -> dict[str, Callable[[], object]]:
    """Render with the closed folder as the one for temporary files."""
    tempfile.tempdir = str(closed)
    study = tk.study(pl.DataFrame({"y": [0, 1] * 50}), design=tk.Design.none(), name="fifty")
    return {"report": lambda: tk.render(closed / "own.py", study=study, output=closed.parent / "out")}


def main_of(folder: str, kind: str, calls: str) -> None:
    """Close the folder, call each, and require that nothing was left in it."""
    place = Path(folder)
    fill(place)
    if kind == "mode":
        place.chmod(0o555)
    else:
        os.system(f"mount -o remount,ro '{place}'")  # noqa: S605
    before = sorted(map(str, place.rglob("*")))
    found = try_each(globals()[calls](place))
    left = sorted(set(map(str, place.rglob("*"))) - set(before))
    print(json.dumps({**found, "left": left}))  # noqa: T201


if __name__ == "__main__":
    main_of(*sys.argv[1:])
