"""Likelihoods and estimating equations of the model families."""

from toolkit.estimate.regression.likelihoods.conditional_logit import fit_conditional as fit_conditional
from toolkit.estimate.regression.likelihoods.conditional_logit import informative as informative
from toolkit.estimate.regression.likelihoods.cox import Times as Times
from toolkit.estimate.regression.likelihoods.cox import fit_cox as fit_cox
from toolkit.estimate.regression.likelihoods.firth import Penalized as Penalized
from toolkit.estimate.regression.likelihoods.firth import fit_firth as fit_firth
from toolkit.estimate.regression.likelihoods.firth import fit_penalized as fit_penalized
from toolkit.estimate.regression.likelihoods.gee import CORRELATIONS as CORRELATIONS
from toolkit.estimate.regression.likelihoods.gee import solve_equations as solve_equations
from toolkit.estimate.regression.likelihoods.gee import sort_clusters as sort_clusters
from toolkit.estimate.regression.likelihoods.glm import FAMILIES as FAMILIES
from toolkit.estimate.regression.likelihoods.glm import GLM_FAMILIES as GLM_FAMILIES
from toolkit.estimate.regression.likelihoods.glm import STATSMODELS_FAMILIES as STATSMODELS_FAMILIES
from toolkit.estimate.regression.likelihoods.glm import Family as Family
from toolkit.estimate.regression.likelihoods.glm import adopt_family as adopt_family
from toolkit.estimate.regression.likelihoods.glm import family_named as family_named
from toolkit.estimate.regression.likelihoods.glm import fit_glm as fit_glm
from toolkit.estimate.regression.likelihoods.negative_binomial import (
    NotOverdispersedError as NotOverdispersedError,
)
from toolkit.estimate.regression.likelihoods.negative_binomial import (
    fit_negative_binomial as fit_negative_binomial,
)
from toolkit.estimate.regression.likelihoods.newton import ENDLESS as ENDLESS
from toolkit.estimate.regression.likelihoods.newton import FAR as FAR
from toolkit.estimate.regression.likelihoods.newton import BoundaryError as BoundaryError
from toolkit.estimate.regression.likelihoods.newton import CollinearError as CollinearError
from toolkit.estimate.regression.likelihoods.newton import Fit as Fit
from toolkit.estimate.regression.likelihoods.newton import NotConvergedError as NotConvergedError
from toolkit.estimate.regression.likelihoods.newton import scale_columns as scale_columns
from toolkit.estimate.regression.likelihoods.newton import weighted_products as weighted_products
from toolkit.estimate.regression.likelihoods.polytomous import fit_multinomial as fit_multinomial
from toolkit.estimate.regression.likelihoods.polytomous import fit_ordinal as fit_ordinal
