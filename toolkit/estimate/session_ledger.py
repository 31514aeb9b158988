"""Record what a session estimates, only when asked (`tk.ledger`), and count its questions."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import polars as pl

from toolkit.disclosure import show
from toolkit.errors import DatasetError, VariableError, as_path, leave_out_rare
from toolkit.estimate.planned_answers import test_question
from toolkit.files.safe_files import write_text
from toolkit.planning.multiplicity import adjust_questions
from toolkit.planning.opened_plan import NOT_PLANNED, OpenedPlan
from toolkit.results import (
    P_BH,
    P_HOLM,
    P_QUESTION,
    SCHEMA,
    Estimates,
    by_columns,
    estimand_of,
)
from toolkit.variables import LISTENERS, Call, Listener

if TYPE_CHECKING:
    from contextvars import Token

_KEY = ("study", "outcome", "exposure", "domain", "by")
_PARTS = ("study", "outcome", "exposure", "adjust", "domain")
_NO_GROUPS = ("cause", "outcome_level")


@dataclass(frozen=True)
class Entry:
    """One analysis of a call: what was asked, never a value of a participant or an estimate."""

    call: int
    time: str
    estimator: str
    study: str
    outcome: str
    exposure: str
    estimand: str
    adjust: str
    domain: str
    by: str
    tests: int
    p_value: float | None
    status: str
    plan: str


_SCHEMA = {
    name: pl.Int64() if name in ("call", "tests") else pl.Float64() if name == "p_value" else pl.String()
    for name in Entry.__annotations__
}


class Ledger:
    """The estimates that a session asked for, as `tk.ledger` records them.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> with tk.ledger() as ledger:
    ...     for exposure in ("arthritis", "pad"):
    ...         for covariates in ((), ("age", "sex")):
    ...             _ = tk.association(study, "any_cramps", exposure, adjust=covariates)
    >>> ledger.table().height, ledger.questions()["analyses"].to_list()
    (4, [2, 2])
    """

    def __init__(self, plan: OpenedPlan | None = None) -> None:
        if plan is not None:
            for question in plan.declared.questions:
                plan.terms_of(question)
        self.plan = plan
        self._entries: list[Entry] = []
        self._calls = 0
        self._token: Token[tuple[Listener, ...]] | None = None

    def __enter__(self) -> Self:
        self._token = LISTENERS.set((*LISTENERS.get(), self._record))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            LISTENERS.reset(self._token)
            self._token = None

    def __str__(self) -> str:
        questions, entries = self.questions(), self._entries
        failed = sum(entry.status != "estimated" for entry in entries)
        small = questions.filter(pl.col("p_value") < 0.05).height
        tested = questions["p_value"].count()
        parts = [
            f"{self._calls:,} calls of estimators, {failed:,} of {len(entries):,} analyses failed",
            f"{questions.height:,} questions, {small:,} with p < 0.05; {0.05 * tested:,.1f} would be "
            "expected if no association existed",
        ]
        if self.plan is not None:
            planned = questions.filter(pl.col("plan") != NOT_PLANNED).height
            parts.append(f"{planned:,} of the questions were planned")
        return "\n".join(parts)

    __repr__ = __str__

    def table(self) -> pl.DataFrame:
        """Return what was asked, one row per analysis of each call.

        Returns
        -------
        polars.DataFrame
            call, time (UTC), estimator, study, outcome, exposure (of a model, the terms of its formula),
            estimand, adjust, domain, by, tests (number of p-values), p_value (of the analysis), status
            ("estimated", or "failed" with the kind of error), plan (whether it was planned; "" without a
            plan). No estimate and no value of a participant is recorded, and no p-value that the disclosure
            rules hide.
        """
        return pl.DataFrame([asdict(entry) for entry in self._entries], schema=_SCHEMA)

    def questions(self) -> pl.DataFrame:
        """Return the distinct questions, with p-values adjusted for their number.

        Returns
        -------
        polars.DataFrame
            One row per study, outcome, exposure, domain and `by` with a test: analyses (number of them, such
            as crude and adjusted), tests, p_value, p_holm, p_bh, plan. The p-value is the smallest of the
            analyses of the question times their number (Bonferroni), so that trying more never helps.
        """
        entries = self.table().filter(pl.col("tests") > 0)
        found = entries.group_by(_KEY, maintain_order=True).agg(
            analyses=pl.len().cast(pl.Int64),
            tests=pl.col("tests").sum(),
            p_value=(pl.col("p_value").min() * pl.len()).clip(upper_bound=1.0),
            plan=pl.col("plan").filter(~pl.col("plan").str.starts_with(NOT_PLANNED)).first(),
        )
        found = adjust_questions(found.rename({"p_value": P_QUESTION}), _KEY, ())
        unplanned = "" if self.plan is None else NOT_PLANNED
        return found.rename({P_QUESTION: "p_value"}).select(
            *_KEY, "analyses", "tests", "p_value", P_HOLM, P_BH, pl.col("plan").fill_null(unplanned)
        )

    def write(self, path: str | Path) -> Path:
        """Write the table to a file.

        Parameters
        ----------
        path
            A file that ends in .csv or .json.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        DatasetError
            If the file name ends otherwise, or the folder is not writable.
        """
        target = as_path(path, "ledger.write")
        if target.suffix == ".csv":
            write_text(target, self.table().write_csv())
        elif target.suffix == ".json":
            write_text(target, json.dumps(self.table().to_dicts(), indent=2, ensure_ascii=False) + "\n")
        else:
            raise DatasetError(
                f"A ledger is written as .csv or .json, not as '{target.name}'. Use ledger.csv."
            )
        return target

    def _record(self, call: Call) -> None:
        self._calls += 1
        time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        start: dict[str, Any] = {"call": self._calls, "time": time, "estimator": call.estimator}
        parts = _describe_failure(call) if call.rows is None else _describe_rows(call, call.rows, self.plan)
        self._entries += [Entry(**start, **part) for part in parts]


def ledger(plan: OpenedPlan | None = None) -> Ledger:
    """Record what is estimated inside a `with` block.

    Parameters
    ----------
    plan
        A plan that `tk.plan` opened for the study, to mark which analyses were planned; None for none.

    Returns
    -------
    Ledger
        A context manager. `ledger.table()` lists the analyses, `ledger.questions()` the questions with
        adjusted p-values, and `ledger.write("ledger.csv")` keeps them. Blocks may be nested. Nothing is
        recorded outside of them, or in other threads.

    Raises
    ------
    VariableError
        If the plan is not one that `tk.plan` opened, or names a set of the causal diagram and was opened
        without a study.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> with tk.ledger() as ledger:
    ...     rows = tk.association(study, "any_cramps", "arthritis", adjust=())
    >>> ledger.table().select("estimator", "exposure", "tests").row(0)
    ('association', 'arthritis', 1)
    """
    if plan is not None and not isinstance(plan, OpenedPlan):
        raise VariableError(
            f"tk.ledger takes an opened plan, and this is of the type '{type(plan).__name__}'. Open it "
            "first: tk.ledger(tk.plan('plan.toml', study))."
        )
    return Ledger(plan)


def _describe_failure(call: Call) -> Iterator[dict[str, Any]]:
    given, study = call.arguments, call.arguments.get("study")
    outcome, _, terms = str(given.get("formula") or "").partition("~")
    yield {
        "study": str(getattr(study, "label", "")),
        "outcome": _name(given.get("outcome") or given.get("outcomes") or given.get("variable") or outcome),
        "exposure": _name(given.get("exposure") or given.get("exposures") or terms),
        "estimand": _name(given.get("estimand")),
        "adjust": _name(given.get("adjust")),
        "domain": _name(given.get("domain")),
        "by": _name(given.get("by")),
        "tests": 0,
        "p_value": None,
        "status": f"failed ({type(call.error).__name__})",
        "plan": "",
    }


def _name(given: Any) -> str:
    """Write an argument that names variables."""
    names = list(given) if isinstance(given, list | tuple) else [given]
    return leave_out_rare(", ".join(name.strip() for name in names if isinstance(name, str)))


def _describe_rows(call: Call, rows: pl.DataFrame, plan: OpenedPlan | None) -> Iterator[dict[str, Any]]:
    """Divide a result into analyses: one per outcome, exposure, covariates and domain, or one per formula."""
    if rows.is_empty() or not {*SCHEMA} <= {*rows.columns}:
        return
    terms = str(call.arguments.get("formula") or "").partition("~")[2].strip()
    by = ", ".join(name for name in by_columns(rows) if name not in _NO_GROUPS)
    parts = [rows] if terms else pl.DataFrame(rows).partition_by(_PARTS, maintain_order=True)
    for part in parts:
        whole = rows if part.height == rows.height else part
        shown = show(part).row(0, named=True)  # The domain may name a rare level.
        tests, p_value = _count_tests(call, whole)
        estimable = (part["reliability"] != "failed").any() or part["reliability"].null_count()
        named = {name: str(shown[name] or "") for name in _PARTS}
        yield named | {
            "exposure": leave_out_rare(terms) or named["exposure"],
            "estimand": ", ".join(part["estimand"].unique(maintain_order=True).drop_nulls()),
            "by": by,
            "tests": tests,
            "p_value": p_value,
            "status": "estimated" if estimable else "failed",
            "plan": "" if plan is None else str(plan.status(part.row(0, named=True))),
        }


def _count_tests(call: Call, rows: pl.DataFrame) -> tuple[int, float | None]:
    """Count the tests of an analysis, and give its p-value: that of a joint test, or Bonferroni's."""
    if P_QUESTION in rows.columns:  # An atlas tests all levels together.
        known = show(rows)[P_QUESTION].drop_nulls()
        if rows[P_QUESTION].count():
            return 1, float(known[0]) if len(known) else None
        return _adjust_smallest(rows)
    tested = [row for row in rows.rows(named=True) if row["p_value"] is not None]
    if any(estimand_of(row).kind == "test" for row in tested):
        joint = pl.Series([estimand_of(row).kind == "test" for row in rows.rows(named=True)])
        return _adjust_smallest(rows.filter(joint))
    levels = call.estimator == "association" and len(tested) > 1 and not by_columns(rows)
    if levels and isinstance(rows, Estimates) and not call.arguments.get("terms"):
        hidden = not show(rows)["p_value"].count()
        p_value = test_question(rows, ())
        return (1, None if hidden else p_value) if p_value is not None else _adjust_smallest(rows)
    return _adjust_smallest(rows)


def _adjust_smallest(rows: pl.DataFrame) -> tuple[int, float | None]:
    slopes = rows.filter(pl.col("level").ne_missing(pl.lit("intercept")))
    tests = slopes["p_value"].count()
    known = [float(p) for p in show(slopes)["p_value"].drop_nulls()] if tests else []
    return tests, min(1.0, tests * min(known)) if known else None
