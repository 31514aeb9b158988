"""Show the weights that an analysis takes: before and after calibration, person by person.

Takes a study and the variables of an analysis; gives a frame.
"""

import polars as pl

from toolkit.estimate.survey.sampling_units import ROW, WEIGHT, skeleton_of
from toolkit.estimate.survey.variance.calibration import BEFORE
from toolkit.studies.study import Study
from toolkit.variables.arguments import Names, as_names


def weights(study: Study, variables: Names = (), domain: str = "") -> pl.DataFrame:
    """Give the weight of each person in an analysis of these variables.

    Parameters
    ----------
    study
        People and design.
    variables
        Those of the analysis: they decide which weight it takes (`study.weight_for`).
    domain
        The analysis's condition; its variables, and what it says of `cycle`, decide too.

    Returns
    -------
    polars.DataFrame
        One row a person with a weight: `row` (the place in `study.people`, from 0), `before` (the weight,
        rescaled for the cycles that contribute, or as it follows from fpc), `factor` (what the calibration
        multiplied it by; 1 without), `weight` (what estimates use).

    Raises
    ------
    DesignError
        For a broken weight, and totals that no weights can meet.

    Examples
    --------
    >>> import toolkit as tk
    >>> people = pl.DataFrame({"sex": ["m", "f", "f"], "w": [1.0, 1.0, 3.0]})
    >>> design = tk.Design(weight="w").calibrated({"sex": {"m": 48.0, "f": 52.0}})
    >>> weights(tk.study(people, design=design))["weight"].to_list()
    [48.0, 13.0, 39.0]
    """
    choice = study.weight_for(as_names(variables, "variables"), domain)
    placed = skeleton_of(study, choice).placed
    before = pl.col(BEFORE if BEFORE in placed.columns else WEIGHT)
    return placed.select(
        pl.col(ROW).cast(pl.Int64).alias("row"),
        before.alias("before"),
        (pl.col(WEIGHT) / before).alias("factor"),
        pl.col(WEIGHT).alias("weight"),
    )
