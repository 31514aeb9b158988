"""Declare the survey design: weights, strata, sampling units, finite populations, replicate weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any, Literal, get_args

from toolkit.errors import DesignError, require_known, unknown
from toolkit.studies.calibration_targets import Calibration, read_totals
from toolkit.studies.cycle_weights import ComponentWeight
from toolkit.variables import weight_name

METHODS = ("BRR", "Fay", "JK1", "JKn", "bootstrap", "SDR", "other")
_OTHER_NAMES = {"acs": "SDR", "successive-difference": "SDR"}


def read_method(given: str | None) -> str:
    """Return the standard name of a replicate method, given in any case ("acs" is "SDR")."""
    by_word = {**_OTHER_NAMES, **{name.lower(): name for name in METHODS}}
    known = f"All: {', '.join(METHODS)}"
    if given is None:
        raise DesignError(
            f"The design has replicate weights but no 'replicate_method'. Use one of {', '.join(METHODS)}."
        )
    if given.lower() not in by_word:
        raise DesignError(unknown("'replicate_method' cannot be", given, METHODS, known))
    return by_word[given.lower()]


def require_whole(
    method: str, count: int, scale: float | None, rscales: tuple[float, ...] | None, fay_rho: float
) -> None:
    """Refuse replicate weights whose variance is not determined."""
    if count < 2:
        raise DesignError(
            f"A variance requires at least 2 replicate weights, but the design has {count}. Add the others."
        )
    if rscales is not None and len(rscales) != count:
        raise DesignError(
            f"'replicate_rscales' has {len(rscales)} numbers for {count} replicates. Supply one for each."
        )
    if method == "JKn" and rscales is None:
        raise DesignError(
            "JKn requires 'replicate_rscales', one per replicate. Supply (n - 1) / n, where n is the number "
            "of "
            "PSUs in the stratum of the omitted PSU."
        )
    if method == "Fay" and not 0 < fay_rho < 1:
        raise DesignError(
            f"Fay's method requires 'fay_rho' between 0 and 1, not {fay_rho}. Use 0.3, for example."
        )
    if method == "other" and rscales is None and scale is None:
        raise DesignError(
            "The method 'other' requires 'replicate_scale' or 'replicate_rscales'. Supply one of them, or "
            "use "
            f"a method that determines them: {', '.join(METHODS[:-1])}."
        )


__all__ = ["ComponentWeight", "Design", "LonelyPsu"]

LonelyPsu = Literal["fail", "certainty", "adjust", "average", "remove"]


@dataclass(frozen=True)
class Design:
    """The survey design of a study, as names of columns; nothing is computed.

    Parameters
    ----------
    weight
        The column of sampling weights, or a mapping from component ("interview", "examination", ...) to a
        column name or a `ComponentWeight`. A participant with weight 0 is outside every domain and counted in
        the flow; stratum and PSU stay in the design. A component's weight is null outside its subsample.
    strata
        The column of first-stage strata; None if there are none.
    psu
        The column of primary sampling units, or a tuple of one name per stage; None without clusters.
    fpc
        Population size (above 1) or sampling fraction (at most 1), one name per stage; None for sampling
        with replacement.
    nest
        True if PSU codes are unique only within strata.
    lonely_psu
        Treatment of strata with a single PSU: "fail" (default), "certainty", "adjust", "average", "remove".
    replicate_weights
        Columns of replicate weights, used instead of strata and PSUs; a mapping from component to columns
        if there are several weights.
    replicate_method
        "BRR", "Fay", "JK1", "JKn", "bootstrap", "SDR" (successive differences, also "ACS") or "other".
    replicate_scale, replicate_rscales
        Multipliers of the squared deviations: one for all replicates, and one per replicate. JKn requires
        `replicate_rscales`, "other" one of the two; the other methods determine them.
    fay_rho
        Fay's coefficient, for "Fay".
    mse
        True for deviations from the full-sample estimate, False (as in R) from the mean of the replicates.
    replicate_factors
        True if the columns are multipliers of the weight; False if they are full weights.
    calibration
        Population totals, as set by `calibrated`.

    Examples
    --------
    >>> Design(weight="w", strata="stratum", psu="psu").weight
    'w'
    """

    weight: str | Mapping[str, str | ComponentWeight] | None = None
    strata: str | None = None
    psu: str | tuple[str, ...] | None = None
    fpc: str | tuple[str, ...] | None = None
    nest: bool = True
    lonely_psu: LonelyPsu = "fail"
    replicate_weights: Sequence[str] | Mapping[str, Sequence[str]] | None = None
    replicate_method: str | None = None
    replicate_scale: float | None = None
    replicate_rscales: tuple[float, ...] | None = None
    fay_rho: float = 0.0
    mse: bool = False
    replicate_factors: bool = False
    calibration: Calibration | None = field(default=None, repr=False)
    declared_absent: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        self._copy_names()
        rules = get_args(LonelyPsu)
        require_known("'lonely_psu' cannot be", self.lonely_psu, rules, "Available:", DesignError)
        _refuse_repeated(self.stages, "psu")
        if self.replicate_weights is not None:
            self._settle_replicates()
        elif self.replicate_method:
            raise DesignError(
                f"The design has replicate_method='{self.replicate_method}' but no replicate weights. "
                "Supply their "
                f"columns: tk.Design(weight=..., replicate_weights=[...], replicate_method=...)."
            )

    def _copy_names(self) -> None:
        """Copy lists and mappings, so that later changes by the caller have no effect."""
        for part in ("psu", "fpc"):
            if isinstance(names := getattr(self, part), list):
                object.__setattr__(self, part, tuple(names))
        if isinstance(self.weight, Mapping):
            object.__setattr__(self, "weight", dict(self.weight))

    def _settle_replicates(self) -> None:
        """Validate the replicate weights and standardize the name of their method."""
        if self.strata or self.psu or self.fpc:
            raise DesignError(
                "Replicate weights replace strata, psu and fpc. Remove one of the two: "
                "tk.Design(weight=..., replicate_weights=..., replicate_method=...)."
            )
        if self.weight is None:
            raise DesignError(
                "Replicate weights require the full-sample weight. Use tk.Design(weight='...', ...)."
            )
        object.__setattr__(self, "replicate_method", read_method(self.replicate_method))
        given = self.replicate_weights
        if isinstance(given, str):
            raise DesignError(
                f"'replicate_weights' is the text '{given}' instead of a list. Use ['{given}', ...]."
            )
        columns = (
            {k: tuple(v) for k, v in given.items()} if isinstance(given, Mapping) else tuple(given or ())
        )
        object.__setattr__(self, "replicate_weights", columns)
        for found in columns.values() if isinstance(columns, dict) else (columns,):
            _refuse_repeated(found, "replicate_weights")
            require_whole(
                str(self.replicate_method),
                len(found),
                self.replicate_scale,
                self.replicate_rscales,
                self.fay_rho,
            )
        if isinstance(columns, tuple) and isinstance(self.weight, Mapping) and not self.replicate_factors:
            raise DesignError(
                "The design has several weights but one set of replicate weights. Supply one set per "
                "component: "
                "tk.Design(weight={'interview': ...}, replicate_weights={'interview': [...]}, ...)."
            )

    @classmethod
    def none(cls) -> "Design":
        """Declare a simple random sample: every participant counts once, and variances are robust."""
        return cls(declared_absent=True)

    def calibrated(
        self,
        totals: Any,
        *,
        population: float | None = None,
        method: str | None = None,
        bounds: tuple[float, float] | None = None,
    ) -> "Design":
        """Declare population totals to which weights are calibrated.

        Parameters
        ----------
        totals
            By variable, the number of people in each level, `{"sex": {"male": 48_000, "female": 52_000}}`, or
            the sum of a continuous variable, `{"age": 4_600_000}`. Crossed variables form a tuple:
            `{("sex", "age_group"): {("male", "20-39"): 10_000, ...}}`. Or a data frame whose last column
            contains the totals and whose other columns contain levels, or a list of such frames.
        population
            The size of the population, if no levels determine it.
        method
            "raking" (multiplicative), "linear" or "logit" (bounded). By default one margin of levels is
            post-stratified, several are raked, and continuous variables are calibrated linearly.
        bounds
            Limits of the ratio of calibrated to original weight, such as (0.3, 3); for "linear" and "logit".

        Returns
        -------
        Design
            A copy. Weights are calibrated when the study is analyzed, replicate weights separately; the
            linearized variance uses residuals from the regression on the calibration variables.

        Raises
        ------
        DesignError
            If totals are not numbers or their sums differ, or the design is already calibrated.

        Notes
        -----
        Deville and Särndal, JASA 87 (1992) 376-382, as `postStratify` and `calibrate` of R's survey package.

        Examples
        --------
        >>> Design(weight="w").calibrated({"sex": {"f": 52.0, "m": 48.0}}).calibration.word
        'post-stratified'
        """
        if self.calibration:
            raise DesignError(
                f"The design is already {self.calibration.sentence}. Supply all totals in one call: "
                f"design.calibrated({{..., ...}})."
            )
        return replace(self, calibration=read_totals(totals, population, method, bounds))

    @property
    def stages(self) -> tuple[str, ...]:
        """PSU columns, one per stage."""
        return (self.psu,) if isinstance(self.psu, str) else tuple(self.psu or ())

    @property
    def fpcs(self) -> tuple[str, ...]:
        """Finite-population columns, one per stage."""
        return (self.fpc,) if isinstance(self.fpc, str) else tuple(self.fpc or ())

    @property
    def components(self) -> dict[str, ComponentWeight]:
        """Weight columns by component; a single weight is listed under its column name."""
        if self.weight is None:
            return {}
        if isinstance(self.weight, str):
            return {self.weight: ComponentWeight(self.weight)}
        return {
            name: ComponentWeight(value) if isinstance(value, str) else value
            for name, value in self.weight.items()
        }

    @property
    def cycles(self) -> tuple[str, ...]:
        """Every cycle that has its own weight; none if cycles are not pooled."""
        return tuple(sorted({w.cycle for weight in self.components.values() for w in weight.cycles}))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the people frame that the design names."""
        weights = tuple(column for w in self.components.values() for column in w.columns)
        strata = (self.strata,) if self.strata else ()
        replicates = [name for columns in self._replicate_sets for name in columns]
        return (*weights, *strata, *self.stages, *self.fpcs, *dict.fromkeys(replicates))

    @property
    def _replicate_sets(self) -> tuple[tuple[str, ...], ...]:
        given = self.replicate_weights or ()
        return tuple(map(tuple, given.values())) if isinstance(given, Mapping) else (tuple(given),)

    def replicates_of(self, component: str) -> tuple[str, ...]:
        """Return the replicate weights of a component; none if the design has strata and PSUs."""
        given = self.replicate_weights or ()
        if not isinstance(given, Mapping):
            return tuple(given)
        if component not in given:
            known = ", ".join(given)
            raise DesignError(
                f"The component '{component}' has no replicate weights; these have: {known}. Add them: "
                f"tk.Design(..., replicate_weights={{'{component}': [...], ...}})."
            )
        return tuple(given[component])

    @property
    def summary(self) -> str:
        """The design in one line: strata, sampling units, weights, and what modifies them."""
        weights = [
            name if weight.column in (name, weight_name(name)) else f"{name} ({weight.column})"
            for name, weight in self.components.items()
        ]
        nested = " nested in strata" if self.nest and self.strata else ""
        parts = [
            f"strata {self.strata}" if self.strata else "",
            f"PSUs {', '.join(self.stages)}{nested}" if self.psu else "",
            f"finite population {', '.join(self.fpcs)}" if self.fpcs else "",
            f"weights {', '.join(weights)}" if weights else "",
            f"{len(self._replicate_sets[0])} {self.replicate_method} replicate weights"
            if self.replicate_weights
            else "",
            self.calibration.sentence if self.calibration else "",
        ]
        return "; ".join(filter(None, parts)) or "simple random sample without weights"

    def _repr_html_(self) -> str:
        return f"<p><b>Survey design</b>: {escape(self.summary)}</p>"


def _refuse_repeated(columns: Sequence[str], argument: str) -> None:
    repeated = next((name for name in columns if columns.count(name) > 1), None)
    if repeated is not None:
        raise DesignError(
            f"'{repeated}' occurs {columns.count(repeated)} times in {argument}. Remove the repetition: "
            f"tk.Design({argument}={list(dict.fromkeys(columns))[:3]}, ...)."
        )
