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
    """Give functions of coefficients with their covariance."""
    again = None if fitted.replicates is None else np.array([points(own) for own in fitted.replicates])
    found = Estimate(points(fitted.coefficients), fitted.influence @ slopes.T, fitted.inside, again)
    return found, joint_covariance(sample, found)
