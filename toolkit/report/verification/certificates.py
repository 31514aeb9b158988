"""Write a certificate of a result: a script that recomputes each number by R's survey package and compares.

Whose data may be beside it is decided here: of simulated people and public-use files, but of no other study.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import polars as pl

from toolkit.disclosure import is_hidden, show
from toolkit.errors import EstimationError, as_path, require_study
from toolkit.estimate.survey import variables_of_call
from toolkit.report.verification.certificate_scripts import SCRIPT, Plan
from toolkit.report.verification.r_combined import calls_of
from toolkit.report.verification.r_requests import Asked
from toolkit.results import Estimates
from toolkit.studies import EnginePeople, Study, label_of
from toolkit.variables import COMBINED


@dataclass(frozen=True)
class Certificate:
    """A certificate in a folder.

    Attributes
    ----------
    folder
        The folder with the script, the expected numbers, a README and, where they may be there, the data.
    rows
        The number of rows that the script compares.
    left_out
        The number of rows without numbers, because they are suppressed or could not be estimated.
    data
        Where the data come from: "people.csv", "public-use files", or "" if the reader has to supply them.

    Examples
    --------
    >>> import tempfile, toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> tk.certificate(study, tk.mean(study, "bmi"), tempfile.mkdtemp()).data
    'people.csv'
    """

    folder: Path
    rows: int
    left_out: int
    data: str

    @property
    def script(self) -> Path:
        """The script; run it with ``Rscript certificate.R`` in its folder."""
        return self.folder / SCRIPT

    def __str__(self) -> str:
        lost = f" Left out without numbers: {self.left_out:,}." if self.left_out else ""
        return f"{self.script}: {self.rows:,} row{'s' * (self.rows != 1)} to be recomputed in R.{lost}"


def certificate(
    study: Study | Sequence[Study],
    result: Estimates | Sequence[Estimates],
    folder: str | Path,
    *,
    include_data: bool = False,
) -> Certificate:
    """Write an R script that recomputes a result with the package survey and compares every number.

    Parameters
    ----------
    study
        The study that the result is of; for results pooled over imputations, the list of these, such as what
        `tk.effects.impute` returns.
    result
        What an estimator returned, unchanged; or several of them.
    folder
        The folder to be written: `certificate.R`, `expected.csv` (the rows), `README.txt`, and the data if
        the study is simulated. For public-use files the script reads the publisher's files, whose addresses
        and hashes it lists.
    include_data
        Whether to write the data of any other study too, into files that you alone can read. Without it the
        folder has no data, and no totals by stratum, PSU or pattern, most of which are of single
        participants.

    Returns
    -------
    Certificate
        The folder, and how many rows are compared.

    Raises
    ------
    EstimationError
        If the rows were changed after estimation, or all of them are suppressed or failed.
    VariableError
        If a column has a name that R cannot read.
    DatasetError
        If the participants are on an engine, or the folder cannot be written.

    Notes
    -----
    ``Rscript certificate.R`` prints a line for each row and ends with status 1 if a number differs by more
    than 1e-8 (or by the tolerance that the line states, where R itself approximates). Rows that R's survey
    package has no function for are counted as not recomputed.

    Examples
    --------
    >>> import tempfile, toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> result = tk.prevalence(study, outcome="any_cramps", by="sex", domain="age >= 20")
    >>> tk.certificate(study, result, tempfile.mkdtemp()).rows
    2
    """
    imputations = [*study] if isinstance(study, Sequence) and not isinstance(study, str) else []
    first = imputations[0] if imputations else cast("Study", study)
    for one in imputations or [first]:
        require_study(one, "tk.certificate")
        if isinstance(one.people, EnginePeople):
            one.people.refuse()
    several = isinstance(result, Iterable) and not isinstance(result, pl.DataFrame)
    results = cast("list[pl.DataFrame]", [*result] if several else [result])
    if not results:
        raise EstimationError(
            "A certificate requires a result, and this is an empty list. Supply what an "
            "estimator returned, such as tk.certificate(study, tk.prevalence(study, ...), folder)."
        )
    calls = _number_calls(first, results)
    _require_imputations(calls, len(imputations))
    plan = Plan(first, calls, as_path(folder, "tk.certificate"), include_data, imputations)
    if not plan.compared:
        raise EstimationError(
            f"All {plan.left_out} rows of this result are suppressed or could not be estimated, which leaves "
            "no number to certify. Certify a result with shown estimates, such as one of a wider domain."
        )
    plan.write()
    return Certificate(plan.folder, len(plan.compared), plan.left_out, plan.source)


def _number_calls(study: Study, results: Sequence[pl.DataFrame]) -> list[tuple[Asked, pl.DataFrame]]:
    """Assign numbers to the rows of all results, and give each result with its call and its rows as shown."""
    found, first = [], 1
    for number, one in enumerate(results, start=1):
        called = one.call() if isinstance(one, Estimates) else None
        if called is None:
            raise EstimationError(
                f"The analysis behind result {number:,}, a '{type(one).__name__}', is unknown, because it "
                "was changed or copied after estimation, or its estimator records none. Supply what the "
                "estimator returned, such as tk.certificate(study, tk.prevalence(study, ...), folder)."
            )
        names, by = variables_of_call(study, called[1])
        shown = show(one)
        rows = [(first + place, row) for place, row in enumerate(one.rows(named=True))]
        visible = dict(zip((k for k, _ in rows), shown.rows(named=True), strict=True))
        kept = [(k, row) for k, row in rows if not is_hidden(visible[k]) and row["reliability"] != "failed"]
        if called[0] == "predict":
            by = ()
        domain = called[1].get("domain") or ""
        own = tuple(name for name in names if name not in by)
        asked = Asked(study, called[0], called[1], own, by, kept, domain, number, visible, rows)
        for part in calls_of(asked):
            _require_own(part)
        found.append((asked, shown.with_columns(pl.Series(".row", [k for k, _ in rows], pl.Int64))))
        first += one.height
    return found


def _require_imputations(calls: Sequence[tuple[Asked, pl.DataFrame]], count: int) -> None:
    """Raise unless pooled results have all imputations that they are of, and others none."""
    for asked, _ in calls:
        pooled = asked.estimator == "pool"
        needed = asked.arguments[COMBINED]["m"] if pooled else 0
        if needed == count:
            continue
        if pooled:
            raise EstimationError(
                f"The rows of result {asked.number:,} are pooled over {needed:,} imputations, and "
                f"{count or 1:,} {'study was' if count < 2 else 'studies were'} supplied. Supply the "
                "imputations: tk.certificate(imputations, result, folder)."
            )
        raise EstimationError(
            f"Result {asked.number:,} is of tk.{asked.estimator}, which is of one study, and {count:,} "
            "studies were supplied. Supply its study, or the pooled result of tk.imputed(imputations, ...)."
        )


def _require_own(asked: Asked) -> None:
    """Raise unless rows are of the study, with the cycles that contribute to their analysis."""
    own = label_of(asked.study.label, asked.study.design.cycles, asked.weight.cycles)
    other = next((row["study"] for _, row in asked.rows if row["study"] != own), None)
    if other is not None:
        raise EstimationError(
            f"The rows of tk.{asked.estimator} are of '{other}', and the study supplied would give rows of "
            f"'{own}'. Supply the study that the result is of."
        )
