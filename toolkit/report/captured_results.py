"""Store a study's results in one cell output of the report notebook, and read them back."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import polars as pl

from toolkit.disclosure import show, show_data
from toolkit.errors import EstimationError
from toolkit.planning.opened_plan import OpenedPlan
from toolkit.report.paper.planned_results import mark_rows
from toolkit.results import ADJUSTED, PLANNED, SCHEMA, by_columns, frame

MIME = "application/vnd.cramps.results+json"


@dataclass(frozen=True)
class Results:
    """The result rows of a report, its main finding in one sentence, and its title."""

    rows: pl.DataFrame = field(default_factory=lambda: frame([]), repr=False)
    finding: str = ""
    title: str = ""
    main: pl.DataFrame = field(default_factory=lambda: frame([]), repr=False)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        kept = {"rows": _pack(self.rows), "main": _pack(self.main)}
        return {"text/plain": str(self), MIME: {**kept, "finding": self.finding, "title": self.title}}

    def __str__(self) -> str:
        return f"{self.rows.height} result rows kept. {self.finding}".strip()


def _pack(rows: pl.DataFrame) -> str:
    packed = BytesIO()
    rows.write_parquet(packed)
    return b64encode(packed.getvalue()).decode()


def _unpack(packed: str) -> pl.DataFrame:
    return pl.read_parquet(BytesIO(b64decode(packed)))


def keep(
    *frames: pl.DataFrame,
    finding: str = "",
    title: str = "",
    main: pl.DataFrame | None = None,
    plan: OpenedPlan | None = None,
) -> Results:
    """Save result frames as the files of a report. Use it as the last expression of the notebook.

    Parameters
    ----------
    *frames
        Result frames, with any `by` columns; none if nothing could be estimated.
    finding
        The main finding in one sentence, as `tk.finding` writes it. It is shown at the top of the page and in
        the index.
    title
        The title of the page; "" uses the first heading of the notebook.
    main
        The few rows of the main result, such as the crude and the adjusted ratio, which the index of all
        reports shows in one forest plot; None for none.
    plan
        The analysis plan; the files then have a column `plan_status`. None for none.

    Returns
    -------
    Results
        All rows in one frame, without suppressed estimates and small counts. In a notebook it shows as one
        line.

    Raises
    ------
    EstimationError
        If a frame is not a result frame. Participants' rows never leave a notebook.

    Examples
    --------
    >>> keep(finding="No exposure was measured.").rows.height
    0
    """
    for one in (*frames, *([] if main is None else [main])):
        absent = [name for name in SCHEMA if name not in one.columns]
        if absent:
            raise EstimationError(
                f"tk.keep takes result frames, but this frame lacks {len(absent)} of their {len(SCHEMA)} "
                f"columns, the first of them '{absent[0]}'. Supply what tk.prevalence, tk.association or "
                "another estimator returned."
            )
    first = frame([]) if main is None else show(main).select(*SCHEMA)
    if not frames:
        return Results(finding=finding, title=title, main=first)
    groups = dict.fromkeys(name for one in frames for name in by_columns(one))
    rows = pl.concat((show_data(mark_rows(one, plan)) for one in frames), how="diagonal")
    added = [name for name in (*ADJUSTED, *PLANNED) if name in rows.columns]
    rows = rows.select(*groups, *SCHEMA, *added)
    return Results(rows, finding, title, first)


def read_results(outputs: Iterable[Mapping[str, Any]]) -> Results | None:
    """Return the last results that were kept among the outputs of a notebook's cells, if any were."""
    found = [output["data"][MIME] for output in outputs if MIME in output.get("data", {})]
    if not found:
        return None
    kept = found[-1]
    return Results(_unpack(kept["rows"]), kept["finding"], kept["title"], _unpack(kept["main"]))
