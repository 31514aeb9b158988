"""Model formulas: parsing, coding of factors, special terms, design matrix."""

from toolkit.estimate.regression.formula.design_matrix import CUTPOINT as CUTPOINT
from toolkit.estimate.regression.formula.design_matrix import DISPERSION as DISPERSION
from toolkit.estimate.regression.formula.design_matrix import ONE as ONE
from toolkit.estimate.regression.formula.design_matrix import PER_UNIT as PER_UNIT
from toolkit.estimate.regression.formula.design_matrix import MainEffects as MainEffects
from toolkit.estimate.regression.formula.design_matrix import Matrix as Matrix
from toolkit.estimate.regression.formula.design_matrix import Predictors as Predictors
from toolkit.estimate.regression.formula.design_matrix import SharedMatrices as SharedMatrices
from toolkit.estimate.regression.formula.design_matrix import Term as Term
from toolkit.estimate.regression.formula.design_matrix import adjusted_matrix as adjusted_matrix
from toolkit.estimate.regression.formula.design_matrix import levels_present as levels_present
from toolkit.estimate.regression.formula.design_matrix import main_effects as main_effects
from toolkit.estimate.regression.formula.design_matrix import of_level as of_level
from toolkit.estimate.regression.formula.design_matrix import per_unit as per_unit
from toolkit.estimate.regression.formula.design_matrix import spline_terms as spline_terms
from toolkit.estimate.regression.formula.parser import Reading as Reading
from toolkit.estimate.regression.formula.parser import cell_key as cell_key
from toolkit.estimate.regression.formula.parser import read_formula as read_formula
from toolkit.estimate.regression.formula.terms import EXAMPLE as EXAMPLE
from toolkit.estimate.regression.formula.terms import Taken as Taken
from toolkit.estimate.regression.formula.terms import knots_at as knots_at
from toolkit.estimate.regression.formula.terms import spline as spline
from toolkit.estimate.regression.formula.terms import take_time as take_time
from toolkit.estimate.regression.formula.terms import term_key as term_key
