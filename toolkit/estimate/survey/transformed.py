"""Turn the coefficients of a fitted model into other numbers, with their covariance.

Takes a `Regression`, a function of its coefficients and that function's slopes; gives an `Estimate` and its
covariance by the delta method, or by the replicates where the design has them.
"""

from collections.abc import Callable

import numpy as np

from toolkit.estimate.regression.fit import Regression
from toolkit.estimate.survey.analysis_sample import Sample
from toolkit.estimate.survey.linearization import Estimate, joint_covariance
from toolkit.estimate.survey.variance.linearized import Floats


def transformed(
    sample: Sample, fitted: Regression, points: Callable[[Floats], Floats], slopes: Floats
) -> tuple[Estimate, Floats]:
    """Give functions of coefficients with their covariance.

    Parameters
    ----------
    sample
        The people of the fit.
    fitted
        The model.
    points
        Coefficients -> the numbers wanted.
    slopes
        Numbers x coefficients: the derivatives at the coefficients.

    Returns
    -------
    tuple
        The numbers with their influence values, and their covariance.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> from toolkit.estimate.regression.specification import Request, question
    >>> from toolkit.estimate.regression.fit import regress
    >>> people = pl.DataFrame({"age": [1.0, 2.0, 4.0], "y": [1.0, 3.0, 2.0]})
    >>> study = tk.study(people, design=tk.Design.none())
    >>> model = question(Request(study, "y ~ age", "gaussian")).model
    >>> fitted = regress(model, np.ones(3, bool))
    >>> double, _ = transformed(model.sample, fitted, lambda at: 2 * at, 2 * np.eye(2))
    >>> bool(np.allclose(double.points, 2 * fitted.coefficients))
    True
    """
    again = None if fitted.replicates is None else np.array([points(own) for own in fitted.replicates])
    found = Estimate(points(fitted.coefficients), fitted.influence @ slopes.T, fitted.inside, again)
    return found, joint_covariance(sample, found)
