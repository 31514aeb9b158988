"""Carry a report's results out of its notebook, inside the notebook, as one output.

Takes a result frame; gives a record that shows itself in JupyterLab and that `render` reads back exactly.
No file is written by the notebook and no path stands in it.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import polars as pl

from toolkit.errors import EstimationError
from toolkit.results import SCHEMA, by_columns, frame

MIME = "application/vnd.cramps.results+json"


@dataclass(frozen=True)
class Results:
    """The rows that a report is made of, its finding in one sentence and, if so, what was not measured."""

    rows: pl.DataFrame = field(repr=False)
    finding: str = ""
    title: str = ""

    @classmethod
    def none(cls) -> "Results":
        """Stand for a notebook that kept nothing."""
        return cls(frame([]))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        packed = BytesIO()
        self.rows.write_parquet(packed)
        carried = {
            "rows": b64encode(packed.getvalue()).decode(),
            "finding": self.finding,
            "title": self.title,
        }
        return {"text/plain": str(self), MIME: carried}

    def __str__(self) -> str:
        return f"{self.rows.height} result rows kept. {self.finding}".strip()


def keep(*frames: pl.DataFrame, finding: str = "", title: str = "") -> Results:
    """Keep these results as the report's files; the last expression of a report's notebook.

    Parameters
    ----------
    *frames
        Result frames, whatever their `by` columns; none if nothing could be estimated.
    finding
        The report in one sentence, as `tk.finding` makes it: it leads the page and the index.
    title
        The page's title; "" takes the notebook's first heading.

    Returns
    -------
    Results
        One frame of all rows, shown as a line.

    Raises
    ------
    EstimationError
        If a frame is not of the result schema: rows of people never leave a notebook.

    Examples
    --------
    >>> keep(finding="Nothing was measured.").rows.height
    0
    """
    for one in frames:
        absent = [name for name in SCHEMA if name not in one.columns]
        if absent:
            raise EstimationError(
                f"tk.keep takes result frames; this one lacks {len(absent)} of {len(SCHEMA)} columns, the "
                f"first '{absent[0]}'. Keep what tk.prevalence, tk.association or another estimator gave."
            )
    return Results(_together(frames), finding, title)


def read(outputs: Iterable[Mapping[str, Any]]) -> Results | None:
    """Find the results among the outputs of a notebook's cells.

    Parameters
    ----------
    outputs
        Output records of nbformat.

    Returns
    -------
    Results or None
        The last that was kept; None if none was.
    """
    found = [output["data"][MIME] for output in outputs if MIME in output.get("data", {})]
    if not found:
        return None
    rows = pl.read_parquet(BytesIO(b64decode(found[-1]["rows"])))
    return Results(rows, found[-1]["finding"], found[-1]["title"])


def _together(frames: tuple[pl.DataFrame, ...]) -> pl.DataFrame:
    if not frames:
        return frame([])
    names = list(dict.fromkeys(name for one in frames for name in by_columns(one)))
    stacked = pl.concat(frames, how="diagonal")
    return stacked.select(*names, *SCHEMA)
