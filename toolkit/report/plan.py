"""Find reports by name: those of a plan, the notebooks that the toolkit ships, and notebooks of the user."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from toolkit.errors import DatasetError, as_path, unknown
from toolkit.files.checked_toml import Checked, read_toml, shipped


class Entry(Checked):
    """One report of a plan: notebook, file name, title to show if it fails, parameters."""

    save_as: str
    report: str
    title: str = ""
    parameters: Mapping[str, Any] = {}


class _Plan(Checked):
    report: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Found:
    """The notebook of a report, and the parameters that its name implies."""

    path: Path
    parameters: Mapping[str, Any]

    @property
    def shipped(self) -> bool:
        """Whether the notebook is the toolkit's, so that nothing outside of the toolkit enters the report."""
        return self.path.parent == shipped("notebooks")

    def name_files(self, values: Mapping[str, Any]) -> str:
        """Name the files of the report: as in the plan, or by the notebook and the cause."""
        for entry in shipped_plan() if self.shipped else ():
            if entry.report == self.path.stem and entry.parameters.items() <= values.items():
                return entry.save_as
        return "-".join(filter(None, (self.path.stem, str(values.get("cause", "")))))


def find_report(report: str | Path) -> Found:
    """Find a report by its name in the plan, the name of its notebook or the path of a notebook."""
    path, known = (
        as_path(report, "tk.render", "the name of a report, or the path of a notebook,"),
        notebooks(),
    )
    if path.suffix in {".py", ".ipynb"}:
        if not path.is_file():
            raise DatasetError(
                f"The notebook '{report}' does not exist. Check the path, or use one of the reports of the "
                f"toolkit: {', '.join(names())}."
            )
        return Found(path, {})
    for entry in shipped_plan():
        if entry.save_as == str(report):
            return Found(known[entry.report], entry.parameters)
    if str(report) not in known:
        remedy = f"Use one of these reports, or the path of a notebook (.py or .ipynb): {', '.join(names())}"
        raise DatasetError(unknown("The toolkit has no report", str(report), names(), remedy))
    return Found(known[str(report)], {})


def notebooks() -> dict[str, Path]:
    """Map the names of the notebooks that make reports to their paths."""
    found = sorted(shipped("notebooks").glob("*.py"))
    return {path.stem: path for path in found if '"parameters"' in path.read_text(encoding="utf-8")}


def names() -> list[str]:
    """List the names of reports: notebooks, then the reports of the plan."""
    return list(dict.fromkeys([*notebooks(), *(entry.save_as for entry in shipped_plan())]))


@cache
def shipped_plan() -> tuple[Entry, ...]:
    """Return the plan of the toolkit."""
    return read_plan(shipped("reports") / "plan.toml")


def read_plan(path: str | Path) -> tuple[Entry, ...]:
    """Read and check a plan, in the order of the file."""
    source = Path(path)
    entries = read_toml(source, _Plan).report
    if not entries:
        raise DatasetError(
            f"'{source.name}' lists no reports. Add a [[report]] section with report = \"cause\" and save_as."
        )
    return entries
