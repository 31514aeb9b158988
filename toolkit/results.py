"""Result rows: their schema, the table of estimands, and `Estimates`, the frame that estimators return."""

import html
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import inf, nan
from shutil import get_terminal_size
from textwrap import fill, shorten
from typing import Any, Literal
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt
import polars as pl

from toolkit.disclosure import MULTIVERSE, show_data
from toolkit.errors import EstimationError

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Row = Mapping[str, Any]
Schema = dict[str, pl.DataType]

# How the numbers of an estimand are written and drawn.
Kind = Literal["percent", "points", "ratio", "coefficient", "number", "count", "difference", "test"]
# What an estimand is; decides sentences and intervals.
Family = Literal[
    "share", "mean", "total", "quantile", "rate", "survival", "ratio", "difference", "interaction",
    "coefficient", "season", "planning", "impact", "description", "test",
]  # fmt: skip
NULL_VALUES: Mapping[Kind, float] = {"ratio": 1.0, "points": 0.0, "coefficient": 0.0, "difference": 0.0}
_BOUNDS: Mapping[Kind, tuple[float, float]] = {
    "percent": (0.0, 1.0), "points": (-1.0, 1.0), "ratio": (0.0, inf), "count": (0.0, inf),
}  # fmt: skip
_AXIS_UNITS: Mapping[Kind, str] = {
    "percent": " (%)", "points": " (percentage points)", "ratio": " (log scale)",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Estimand:
    """What a result row estimates."""

    name: str
    family: Family
    kind: Kind
    noun: str = ""  # As in prose, tables and charts; by default the name with spaces.
    of: str = ""  # what a comparison compares: "odds" of an odds ratio
    model: str = ""  # the GLM family whose coefficient or average prediction it is
    ratio: str = ""  # the estimand that compares two of this one
    difference: str = ""  # likewise
    logarithmic: bool = False  # standard error on the log scale though not a ratio
    link: str = "of"  # Joins the noun to the outcome.

    def __post_init__(self) -> None:
        object.__setattr__(self, "noun", self.noun or self.name.replace("_", " "))

    @property
    def scale(self) -> Literal["identity", "log"]:
        """The scale of the standard error."""
        return "log" if self.kind == "ratio" or self.logarithmic else "identity"

    @property
    def null_value(self) -> float | None:
        """The value that a t test compares the estimate with; None if it has no such test."""
        return NULL_VALUES.get(self.kind)

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and largest possible value."""
        if self.family == "impact":
            return -inf, 1.0
        return (0.0, inf) if self.scale == "log" else _BOUNDS.get(self.kind, (-inf, inf))

    @property
    def axis(self) -> str:
        """The axis title, with its unit."""
        return self.noun + _AXIS_UNITS.get(self.kind, "")


_TABLE = (
    Estimand("prevalence", "share", "percent", ratio="prevalence_ratio", difference="prevalence_difference"),
    Estimand("mean", "mean", "number", difference="mean_difference"),
    Estimand("total", "total", "number"),
    Estimand("ratio", "total", "count", "ratio of two totals"),
    Estimand("quantile", "quantile", "number"),
    Estimand("prevalence_ratio", "ratio", "ratio", of="prevalence", model="poisson"),
    Estimand("prevalence_difference", "difference", "points", of="prevalence", model="gaussian", link="in"),
    Estimand("odds_ratio", "ratio", "ratio", of="odds", model="logit"),
    Estimand("cumulative_odds_ratio", "ratio", "ratio", "odds ratio of higher levels",
             of="odds of a higher level"),
    Estimand("relative_risk_ratio", "ratio", "ratio", "ratio of relative risks", of="relative risk"),
    Estimand("rate_ratio", "ratio", "ratio", of="rate"),
    Estimand("hazard_ratio", "ratio", "ratio", of="hazard"),
    Estimand("rate", "rate", "number"),
    Estimand("survival", "survival", "percent", "proportion still free"),
    Estimand("interaction_difference", "interaction", "points", "difference of differences"),
    Estimand("reri", "interaction", "coefficient", "relative excess risk due to interaction"),
    Estimand("attributable_proportion", "interaction", "coefficient", "proportion due to interaction"),
    Estimand("synergy_index", "interaction", "ratio"),
    Estimand("ratio_of_ratios", "interaction", "ratio"),
    Estimand("standardised_prevalence", "share", "percent", "standardized prevalence",
             model="logit", ratio="standardised_ratio", difference="standardised_difference"),
    Estimand("standardised_ratio", "ratio", "ratio", "standardized prevalence ratio",
             of="standardized prevalence", model="logit"),
    Estimand("standardised_difference", "difference", "points", "standardized prevalence difference",
             of="standardized prevalence", model="logit", link="in"),
    Estimand("standardised_mean", "mean", "number", "standardized mean"),
    Estimand("average_marginal_effect", "coefficient", "coefficient"),
    Estimand("predicted_prevalence", "share", "percent"),
    Estimand("predicted_mean", "mean", "number"),
    Estimand("coefficient", "coefficient", "coefficient", "model coefficient"),
    Estimand("cutpoint", "coefficient", "coefficient"),
    Estimand("dispersion", "coefficient", "number", "dispersion of the counts", logarithmic=True),
    Estimand("people", "description", "percent", "share of participants"),
    Estimand("missing", "description", "percent", "share of missing values"),
    Estimand("standard_deviation", "description", "number"),
    Estimand("standardized_mean_difference", "description", "number"),
    Estimand("mean_difference", "difference", "difference", of="mean", model="gaussian", link="in"),
    Estimand("difference", "difference", "difference", link="in"),
    Estimand("peak_to_trough_ratio", "season", "ratio", "annual peak-to-trough ratio"),
    Estimand("peak_to_trough_difference", "season", "points", "annual peak-to-trough difference", link="in"),
    Estimand("amplitude", "season", "number", "annual amplitude"),
    Estimand("peak", "season", "number", "annual peak"),
    Estimand("attributable_fraction", "impact", "percent", model="logit"),
    Estimand("margin_of_error", "planning", "points", link="for the prevalence of"),
    Estimand("smallest_detectable_ratio", "planning", "ratio", "minimum detectable prevalence ratio",
             model="poisson"),
    Estimand("smallest_detectable_difference", "planning", "points",
             "minimum detectable prevalence difference", model="gaussian", link="in"),
    Estimand("heterogeneity", "test", "test", "test of heterogeneity"),
    Estimand("seasonality", "test", "test", "test of seasonality"),
    Estimand("chi_square", "test", "test", "chi-square test"),
    Estimand("rank_test", "test", "test"),
    Estimand("proportionality", "test", "test", "test of proportional odds"),
    Estimand("interaction_test", "test", "test", "test of interaction"),
    Estimand("term", "test", "test", "test of a model term"),
    Estimand("sign_flip_test", "test", "test", "sign-flip test"),
)  # fmt: skip
ESTIMANDS: Mapping[str, Estimand] = {estimand.name: estimand for estimand in _TABLE}
_PEOPLE_IN_TOTAL = Estimand("total", "total", "count", "number of people", link="with")


def estimand_of(row: Row) -> Estimand:
    """Return the estimand of a result row; one that this version does not know follows from its scale."""
    name = str(row["estimand"])
    if name == "total" and row["n_cases"] is not None:
        return _PEOPLE_IN_TOTAL
    kind: Kind = "ratio" if row["scale"] == "log" else "number"
    return ESTIMANDS.get(name) or Estimand(name, "coefficient", kind)


RELIABILITY = ("ok", "review", "suppress", "failed")
_TEXT, _NUMBER, _COUNT = pl.String(), pl.Float64(), pl.Int64()
SCHEMA: Schema = {
    **dict.fromkeys(("study", "domain", "estimand", "outcome", "outcome_label"), _TEXT),
    **dict.fromkeys(("exposure", "exposure_label", "level", "level_label", "reference", "adjust"), _TEXT),
    **dict.fromkeys(("estimate", "std_error"), _NUMBER),
    "scale": _TEXT,
    **dict.fromkeys(("conf_low", "conf_high", "conf_level", "statistic", "p_value"), _NUMBER),
    **dict.fromkeys(("df", "df_numerator"), _NUMBER),
    **dict.fromkeys(("n", "n_cases", "n_missing"), _COUNT),
    **dict.fromkeys(("n_effective", "deff"), _NUMBER),
    **dict.fromkeys(("weight", "variance", "reliability", "reason"), _TEXT),
}
# `study` names the contributing cycles. `n_missing` counts participants of the domain that a missing value
# excludes; one without a value of `by` is counted in each row, and by `tk.flow(..., by=...)` once.
# The last columns of some results: of pooled and of simulated ones, p-values of questions, and their plan.
INFORMATION, TRUE_VALUE = "missing_information", "true_value"
P_QUESTION, P_HOLM, P_BH = ADJUSTED = ("p_question", "p_holm", "p_bh")
PLAN_STATUS, PLAN_QUESTION, PLAN_FAMILY = PLANNED = ("plan_status", "plan_question", "plan_family")
# Of sensitivity analyses: simulated and impossible parameters; E-values of ratios as risk ratios.
DRAWS: Schema = dict.fromkeys(("draws", "rejected"), _COUNT)
_RATIOS = ("contrast", "ratio", "ratio_low", "ratio_high", "e_value", "e_value_limit", "change")
E_VALUES: Schema = {**dict.fromkeys(_RATIOS, _NUMBER), "conversion": _TEXT}
RESERVED = frozenset({*SCHEMA, INFORMATION, TRUE_VALUE, *ADJUSTED, *PLANNED, *DRAWS, *E_VALUES})

FLOW_SCHEMA: Schema = {"step": _TEXT, "reason": _TEXT, "n_left": _COUNT, "n_out": _COUNT}
_MEASURED = ("cause", "exposure", "cycle", "status", "reason")
AVAILABILITY_SCHEMA: Schema = {**dict.fromkeys(_MEASURED, _TEXT), "n": _COUNT, "percent_missing": _NUMBER}
_DESCRIBED = ("name", "label", "kind", "levels_or_unit", "component", "cycles")
VARIABLES_SCHEMA: Schema = {**dict.fromkeys(_DESCRIBED, _TEXT), "n": _COUNT}
# The arrows of a causal diagram; roles: exposure, outcome, adjusted, not measured, between.
_ARROW = ("cause", "effect", "cause_label", "effect_label", "cause_role", "effect_role", "reason", "citation")
EDGES_SCHEMA: Schema = dict.fromkeys(_ARROW, _TEXT)

# Studies that are in memory, by key: a result refers to no participant's row.
_KEYS = count()
_STUDIES: WeakValueDictionary[int, Any] = WeakValueDictionary()


class Estimates(pl.DataFrame):
    """The result rows of an estimator: a polars frame that prints what identifies a row and its estimate.

    Columns, values and operations are those of `polars.DataFrame`; most operations return a plain frame.
    """

    # Frames that polars makes of this one lack both. The rows are kept because a frame can change in place.
    _matrix: Floats | None = None
    _rows: pl.DataFrame | None = None
    _request: tuple[str, int, Mapping[str, Any]] | None = None  # Estimator, key of the study, arguments.

    def __init__(
        self, data: Any = None, schema: Any = None, *, covariance: Floats | None = None, **options: Any
    ) -> None:
        super().__init__(data, schema, **options)
        self._rows = pl.DataFrame(self)
        if covariance is not None:
            # A copy: a view would keep the arrays of the analysis alive.
            self._matrix, errors = covariance.copy(), self["std_error"]
            if errors.null_count():
                lost = errors.is_null().to_numpy()
                self._matrix[lost] = self._matrix[:, lost] = nan

    def covariance(self) -> Floats:
        """Return the covariance matrix of these rows.

        Returns
        -------
        numpy.ndarray
            Rows x rows, in their order, on the scale of `std_error`; NaN for a row without a standard error.

        Raises
        ------
        EstimationError
            If the estimator does not compute one (tests, `tk.describe`, `tk.atlas`, `tk.precision`), or these
            are no longer the rows that it returned.

        Examples
        --------
        >>> import toolkit as tk
        >>> mine = tk.study(pl.DataFrame({"age": [30.0, 50.0]}), design=tk.Design.none())
        >>> tk.mean(mine, "age").covariance()
        array([[100.]])
        """
        if self._rows is None or not self._rows.equals(self):
            raise EstimationError(
                f"The covariance of these {self.height:,} rows is unknown, because they were selected, "
                f"sorted, changed or copied after estimation. Take it from the estimator's own result: "
                f"result = tk.prevalence(...), then result.covariance()."
            )
        if self._matrix is None:
            named = ", ".join(f"'{name}'" for name in dict.fromkeys(self["estimand"].drop_nulls()))
            raise EstimationError(
                f"These {self.height:,} rows ({named}) have no covariance matrix. Tests, tk.describe, "
                f"tk.atlas, tk.precision and tk.pool of plain frames do not compute one. "
                f"Use an estimator that does, such as tk.prevalence(...) or tk.association(...)."
            )
        return self._matrix.copy()

    def append_true_values(self, values: Sequence[float | None]) -> "Estimates":
        """Append the column of true values; covariance and request of the rows remain known."""
        found = Estimates(pl.DataFrame(self).with_columns(pl.Series(TRUE_VALUE, values, _NUMBER)))
        if self._rows is not None and self._rows.equals(self):
            found._matrix, found._request = self._matrix, self._request
        return found

    def record_request(self, estimator: str, study: Any, arguments: Mapping[str, Any]) -> None:
        """Record the call that gave these rows; the study itself, None if unknown, is not kept."""
        key = -1 if study is None else study.computed.setdefault("key", next(_KEYS))
        _STUDIES.update({} if study is None else {key: study})
        self._request = estimator, key, dict(arguments)

    def call(self) -> tuple[str, Mapping[str, Any]] | None:
        """Return estimator and arguments of the call that gave these rows; None if they changed since."""
        own = self._request if self._rows is not None and self._rows.equals(self) else None
        return (own[0], own[2]) if own else None

    def request(self) -> tuple[str, Any, Mapping[str, Any]]:
        """Return estimator, study and arguments of the call that gave these rows."""
        called, study = self.call(), _STUDIES.get(self._request[1] if self._request else -1)
        if called is None or study is None:
            raise EstimationError(
                f"The analysis behind these {self.height:,} rows is unknown, because they were changed or "
                "copied, or their study is not in memory. Use tk.flow(study, outcome, exposure, ...)."
            )
        return called[0], study, called[1]

    def __str__(self) -> str:
        if not self._is_result():
            return super().__str__()
        heading, shown, footer = self._summarize()
        with pl.Config(
            tbl_cols=-1,
            tbl_rows=int(os.environ.get("POLARS_FMT_MAX_ROWS", _MOST_ROWS)),
            tbl_width_chars=get_terminal_size((140, 24)).columns,
            tbl_hide_column_data_types=True,
            tbl_hide_dataframe_shape=True,
            tbl_cell_alignment="RIGHT",
            fmt_str_lengths=40,
        ):
            return f"{heading}\n{shown}\n{footer}"

    __repr__ = __str__

    def _repr_html_(self, *, _from_series: bool = False) -> str:
        if not self._is_result():
            return super()._repr_html_(_from_series=_from_series)
        heading, shown, footer = self._summarize()
        lines = [("th", shown.columns), *(("td", row) for row in shown.head(_MOST_ROWS).rows())]
        cells = ["".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in row) for tag, row in lines]
        table = "".join(f"<tr>{row}</tr>" for row in cells)
        if self.height > _MOST_ROWS:
            footer = f"{self.height - _MOST_ROWS:,} more rows; {footer}"
        return (
            f"<div><p>{html.escape(heading)}</p><table class='dataframe' border='1'>{table}</table>"
            f"<p><small>{html.escape(footer)}</small></p></div>"
        )

    def _is_result(self) -> bool:
        return not self.is_empty() and {*SCHEMA} <= {*self.columns}

    def _summarize(self) -> tuple[str, pl.DataFrame, str]:
        """Return what all rows share, the columns to print as text, and where the others are."""
        rows = show_data(self)  # A saved notebook is read by others.
        filled = [name for name in rows.columns if rows[name].null_count() < rows.height]
        names = ("estimand", "level") if {*MULTIVERSE} <= {*self.columns} else _IDENTIFIERS
        apart = [name for name in names if rows[name].n_unique() > 1]
        shared = [name for name in _IDENTIFIERS if rows[name].n_unique() == 1 and rows[name][0]]
        optional = [name for name in ("p_value", INFORMATION, P_HOLM, P_BH, *PLANNED) if name in filled]
        flagged = [] if {*rows["reliability"]} <= {"ok", None} else ["reliability"]
        numbers = ["estimate", "conf_low", "conf_high", *({TRUE_VALUE} & {*filled}), "n", *optional]
        shown = [*by_columns(self), *apart, *numbers, *flagged]
        heading = [f"{self.height:,} {'row' if self.height == 1 else 'rows'}"]
        heading += [f"{name}: {shorten(str(rows[name][0]), 80)}" for name in shared]
        footer = f"{self.width - len(shown)} more columns (std_error, df, reason, ...): see .glimpse()"
        texts = pl.DataFrame({name: [_print_cell(name, value) for value in rows[name]] for name in shown})
        return fill("; ".join(heading), 100, subsequent_indent="  "), texts, footer


def _print_cell(name: str, value: Any) -> str:
    """Round a number for the printed form of a frame, whose own values stay as they are."""
    if value is None:
        return ""
    if name in ("p_value", *ADJUSTED) and value < 0.001:
        return "<0.001"
    if isinstance(value, float):
        return f"{value:,.0f}" if 10_000 <= abs(value) < inf else f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


_MOST_ROWS = 40
# What tells the rows of a result apart, after the columns of `by`.
_IDENTIFIERS = ("study", "domain", "estimand", "outcome", "exposure", "level", "reference", "adjust")


def frame(rows: Iterable[Row], by: Sequence[str] = (), covariance: Floats | None = None) -> Estimates:
    """Make a result frame of rows, the columns `by` first as text; what a row does not name is null.

    The covariance is that of the rows, on the scale of their standard errors.
    """
    schema: dict[str, pl.DataType] = {**dict.fromkeys(by, _TEXT), **SCHEMA}
    data = [{name: row.get(name) for name in schema} for row in map(_without_nan, rows)]
    # Of all ways to make a frame of few rows and many columns this takes the least time.
    found = pl.from_dicts(data, schema_overrides=schema) if data else pl.DataFrame(schema=schema)
    return Estimates(found, covariance=covariance)


NO_ERROR = "the design, or one of its replicate weights, leaves no standard error"


def _without_nan(row: Row) -> Row:
    """Replace NaN by null; a row without its standard error is for review."""
    lost = [name for name, value in row.items() if value != value]  # noqa: PLR0124 - of NaN alone, and fast
    known = {**row, **dict.fromkeys(lost)}
    if "std_error" in lost and row.get("reliability") == "ok":
        known |= {"reliability": "review", "reason": NO_ERROR}
    return known


def by_columns(result: pl.DataFrame) -> list[str]:
    """Name the grouping columns of a result: those that are not of the schema."""
    return [name for name in result.columns if name not in RESERVED]


# A covariate that enters as a restricted cubic spline, such as "rcs(age, 4)".
SPLINE = re.compile(r"rcs\(\s*`?(?P<name>[^`,()]+?)`?\s*,\s*(?P<numbers>[-+.\deE,\s]+)\)")

# What the column `adjust` says where nothing is adjusted for; "none" where that is the default.
_CRUDE = {"", "[]", "crude", "none", "unadjusted"}


def covariates(adjust: str) -> list[str]:
    """Split the column `adjust` into covariates: "rcs(age, 4), sex" are two."""
    text = adjust.strip()
    text = text[1:-1] if text.startswith("(") and text.endswith(")") else text  # A tuple, written as text.
    if text.lower() in _CRUDE:
        return []
    return [n.strip().strip("'") for n in re.split(r"\s*[,+;]\s*(?![^()]*\))", text) if n.strip()]


def variables_of(covariates: Iterable[str]) -> tuple[str, ...]:
    """Return the variables of covariates, each once: that of "rcs(age, 4)" is "age"."""
    found = (spline["name"] if (spline := SPLINE.fullmatch(c.strip())) else c for c in covariates)
    return tuple(dict.fromkeys(found))
