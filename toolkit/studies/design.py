"""Declare how the people of a study were sampled: weights, strata, sampling units, replicate weights.

Which weight an analysis takes is decided in `weight_choice`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any, Literal, get_args

from toolkit.errors import DesignError, unknown
from toolkit.studies.calibration_targets import Calibration, read_totals
from toolkit.studies.cycle_weights import ComponentWeight
from toolkit.studies.replicate_methods import read_method, require_whole
from toolkit.variables.codebook import weight_name

__all__ = ["ComponentWeight", "Design", "LonelyPsu"]

LonelyPsu = Literal["fail", "certainty", "adjust", "average", "remove"]


@dataclass(frozen=True)
class Design:
    """How the people of a study were sampled. Columns are named; nothing is computed.

    Parameters
    ----------
    weight
        The column of sampling weights, or a mapping from component ("interview", "examination", ...) to a
        column name or a `ComponentWeight`. A person of weight 0 is outside every domain and counted in the
        flow; stratum and PSU stay in the design. A weight of a component is null for who is not part of it.
    strata
        The column of first-stage strata; None if there are none.
    psu
        The column of primary sampling units, or a tuple, one name a stage; None if people were drawn singly.
    fpc
        Population size (above 1) or sampling fraction (at most 1), one name a stage; None for sampling
        with replacement.
    nest
        True if PSU numbers start anew in each stratum.
    lonely_psu
        What to do with a stratum of one PSU: "fail" (default), "certainty", "adjust", "average", "remove".
    replicate_weights
        Columns of replicate weights, in place of strata and PSUs; a mapping from component to columns where
        there are several weights.
    replicate_method
        "BRR", "Fay", "JK1", "JKn", "bootstrap", "SDR" (successive differences, also "ACS") or "other".
    replicate_scale, replicate_rscales
        What the squared deviations of the replicates are multiplied by: one number for all, and one for each
        replicate. JKn needs `replicate_rscales`, "other" one of both; the rest have their own.
    fay_rho
        Fay's coefficient, for "Fay".
    mse
        True if deviations are from the full-sample estimate, False (as in R) if from the replicates' mean.
    replicate_factors
        True if the columns multiply the weight; False if they are weights in full.
    calibration
        What `calibrated` declared.

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
        if self.lonely_psu not in get_args(LonelyPsu):
            known = get_args(LonelyPsu)
            raise DesignError(
                unknown("'lonely_psu' cannot be", self.lonely_psu, known, f"All: {', '.join(known)}")
            )
        _refuse_repeated(self.stages, "psu")
        if self.replicate_weights is not None:
            self._settle_replicates()
        elif self.replicate_method:
            raise DesignError(
                f"'replicate_method' is '{self.replicate_method}', but no columns are named. Name them: "
                f"tk.Design(weight=..., replicate_weights=[...], replicate_method=...)."
            )

    def _copy_names(self) -> None:
        """Keep lists and mappings of names as they are now, whatever becomes of the caller's own."""
        for part in ("psu", "fpc"):
            if isinstance(names := getattr(self, part), list):
                object.__setattr__(self, part, tuple(names))
        if isinstance(self.weight, Mapping):
            object.__setattr__(self, "weight", dict(self.weight))

    def _settle_replicates(self) -> None:
        """Check what is said of replicate weights, and write their method in one way."""
        if self.strata or self.psu or self.fpc:
            raise DesignError(
                "replicate weights stand in place of strata, psu and fpc. Leave one of both out: "
                "tk.Design(weight=..., replicate_weights=..., replicate_method=...)."
            )
        if self.weight is None:
            raise DesignError("replicate weights need the full-sample weight: tk.Design(weight='...', ...).")
        object.__setattr__(self, "replicate_method", read_method(self.replicate_method))
        given = self.replicate_weights
        if isinstance(given, str):
            raise DesignError(
                f"'replicate_weights' is a list of columns, not the text '{given}': ['{given}', ...]."
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
                "there are several weights but one set of replicate weights. Name a set for each component: "
                "tk.Design(weight={'interview': ...}, replicate_weights={'interview': [...]}, ...)."
            )

    @classmethod
    def none(cls) -> "Design":
        """Declare that there is no sampling design: everyone counts once, variance is robust."""
        return cls(declared_absent=True)

    def calibrated(
        self,
        totals: Any,
        *,
        population: float | None = None,
        method: str | None = None,
        bounds: tuple[float, float] | None = None,
    ) -> "Design":
        """Declare what is known of the population, so that weights are calibrated to it.

        Parameters
        ----------
        totals
            By variable: the number of people of each level, `{"sex": {"male": 48_000, "female": 52_000}}`, or
            the sum of a number, `{"age": 4_600_000}`. Crossed variables stand in a tuple:
            `{("sex", "age_group"): {("male", "20-39"): 10_000, ...}}`. Or a frame whose last column holds the
            totals and whose others hold levels, or a list of such frames.
        population
            The number of people in the population, where no levels give it.
        method
            "raking" (multiplicative), "linear" or "logit" (within bounds). By default one margin of levels is
            post-stratified, several are raked, and numbers are calibrated linearly.
        bounds
            Between what a weight may be multiplied by, such as (0.3, 3); for "linear" and "logit".

        Returns
        -------
        Design
            A copy. Weights are calibrated when the study is analysed, replicate weights each by themselves;
            the linearised variance is that of the residuals from the totals' variables, of all people.

        Raises
        ------
        DesignError
            If totals are no numbers or differ in their sums, or the design is calibrated already.

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
                f"the design is calibrated already: {self.calibration.sentence}. Name all totals in one "
                f"call: design.calibrated({{..., ...}})."
            )
        return replace(self, calibration=read_totals(totals, population, method, bounds))

    @property
    def stages(self) -> tuple[str, ...]:
        """PSU columns, one a stage."""
        return (self.psu,) if isinstance(self.psu, str) else tuple(self.psu or ())

    @property
    def fpcs(self) -> tuple[str, ...]:
        """Finite-population columns, one a stage."""
        return (self.fpc,) if isinstance(self.fpc, str) else tuple(self.fpc or ())

    @property
    def components(self) -> dict[str, ComponentWeight]:
        """Weight columns by component; a single weight stands under its own column name."""
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
        """Every cycle that has a weight of its own; none where cycles are not pooled."""
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
        """Name the replicate weights of a component; none where the design has strata and PSUs.

        Raises
        ------
        DesignError
            If the component has none while others have.
        """
        given = self.replicate_weights or ()
        if not isinstance(given, Mapping):
            return tuple(given)
        if component not in given:
            known = ", ".join(given)
            raise DesignError(
                f"the component '{component}' has no replicate weights. It has: {known}. Add them: "
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
            f"'{repeated}' stands {columns.count(repeated)} times in {argument}, and each column counts "
            f"once. Remove the repetition: tk.Design({argument}={list(dict.fromkeys(columns))[:3]}, ...)."
        )
