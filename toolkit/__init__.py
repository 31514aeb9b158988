"""Population research on nocturnal leg cramps: the public face.

`import toolkit as tk`. The names below load the room they live in on first use, so that the import is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what editors and type checkers see; a test holds it equal to the table below
    from toolkit.causes.card import Card as Card
    from toolkit.causes.card import Exposure as Exposure
    from toolkit.causes.card import Rule as Rule
    from toolkit.causes.card import card as card
    from toolkit.causes.card import cards as cards
    from toolkit.dag.adjustment import adjustment_for as adjustment_for
    from toolkit.dag.diagram import causal_diagram as causal_diagram
    from toolkit.display.charts.curves import curve_chart as curve_chart
    from toolkit.display.charts.figures import diagram_chart as diagram_chart
    from toolkit.display.charts.figures import flow_chart as flow_chart
    from toolkit.display.charts.figures import forest as forest
    from toolkit.display.charts.figures import prevalence_chart as prevalence_chart
    from toolkit.display.tables.result_table import table as table
    from toolkit.display.text.sentences import finding as finding
    from toolkit.errors import DatasetError as DatasetError
    from toolkit.errors import DesignError as DesignError
    from toolkit.errors import EstimationError as EstimationError
    from toolkit.errors import ToolkitError as ToolkitError
    from toolkit.errors import VariableError as VariableError
    from toolkit.estimate.associations.atlas_grid import atlas as atlas
    from toolkit.estimate.associations.dose_response import curve as curve
    from toolkit.estimate.associations.interaction_measures import interaction as interaction
    from toolkit.estimate.associations.marginal_effects import margins as margins
    from toolkit.estimate.associations.marginal_effects import predict as predict
    from toolkit.estimate.associations.model_sets import adjustment_models as adjustment_models
    from toolkit.estimate.associations.models import association as association
    from toolkit.estimate.associations.models import model as model
    from toolkit.estimate.associations.seasonality import cosinor as cosinor
    from toolkit.estimate.associations.trends import trend as trend
    from toolkit.estimate.descriptive.prevalences import mean as mean
    from toolkit.estimate.descriptive.prevalences import prevalence as prevalence
    from toolkit.estimate.descriptive.quantiles import quantile as quantile
    from toolkit.estimate.descriptive.rates import rate as rate
    from toolkit.estimate.descriptive.survival_curves import survival as survival
    from toolkit.estimate.descriptive.table_one import describe as describe
    from toolkit.estimate.descriptive.totals import ratio as ratio
    from toolkit.estimate.descriptive.totals import total as total
    from toolkit.estimate.hypotheses.contrasts import contrast as contrast
    from toolkit.estimate.hypotheses.model_tests import proportionality as proportionality
    from toolkit.estimate.hypotheses.model_tests import term_test as term_test
    from toolkit.estimate.hypotheses.two_groups import rank_test as rank_test
    from toolkit.estimate.hypotheses.two_groups import t_test as t_test
    from toolkit.estimate.hypotheses.two_way_tables import chi_square as chi_square
    from toolkit.estimate.longitudinal.case_crossovers import case_crossover as case_crossover
    from toolkit.estimate.longitudinal.distributed_lags import lag_curve as lag_curve
    from toolkit.estimate.longitudinal.gee_models import gee as gee
    from toolkit.estimate.longitudinal.person_records import records as records
    from toolkit.estimate.multiple_imputation import imputed as imputed
    from toolkit.estimate.multiple_imputation import pool as pool
    from toolkit.estimate.regression.statsmodels_bridge import design_matrix as design_matrix
    from toolkit.estimate.regression.statsmodels_bridge import survey_inference as survey_inference
    from toolkit.estimate.study_precision import precision as precision
    from toolkit.estimate.survey.analysis_sample import flow as flow
    from toolkit.estimate.survey.design_description import describe_design as describe_design
    from toolkit.estimate.survey.sampling_units import weights as weights
    from toolkit.estimate.survey.standard_populations import Standard as Standard
    from toolkit.estimate.survey.standard_populations import standard as standard
    from toolkit.estimate.survey.variance.replicate_weights import replicates as replicates
    from toolkit.report.batch import render_plan as render_plan
    from toolkit.report.captured_results import keep as keep
    from toolkit.report.data_dictionary import data_dictionary as data_dictionary
    from toolkit.report.rendering import render as render
    from toolkit.sources.registry import available_studies as available_studies
    from toolkit.sources.registry import open_study as open_study
    from toolkit.sources.registry import study as study
    from toolkit.sources.simulated.potential_outcomes import truth as truth
    from toolkit.sources.study_downloads import download_study as download_study
    from toolkit.sources.weather.daily import daily_weather as daily_weather
    from toolkit.sources.weather.ghcn import read_ghcn as read_ghcn
    from toolkit.sources.weather.linkage import add_weather as add_weather
    from toolkit.studies.design import Design as Design
    from toolkit.studies.study import Study as Study
    from toolkit.variables.codebook import Codebook as Codebook
    from toolkit.variables.codebook import Variable as Variable
    from toolkit.variables.derivation import Derivation as Derivation

_ROOM_OF = {
    # open
    "available_studies": "sources.registry",
    "open_study": "sources.registry",
    "download_study": "sources.study_downloads",
    "study": "sources.registry",
    "Study": "studies.study",
    "daily_weather": "sources.weather.daily",
    "add_weather": "sources.weather.linkage",
    "read_ghcn": "sources.weather.ghcn",
    "Design": "studies.design",
    "Codebook": "variables.codebook",
    "Variable": "variables.codebook",
    # causes
    "cards": "causes.card",
    "card": "causes.card",
    "causal_diagram": "dag.diagram",
    "Card": "causes.card",
    "Exposure": "causes.card",
    "Rule": "causes.card",
    "Derivation": "variables.derivation",
    # estimate
    "prevalence": "estimate.descriptive.prevalences",
    "mean": "estimate.descriptive.prevalences",
    "total": "estimate.descriptive.totals",
    "ratio": "estimate.descriptive.totals",
    "quantile": "estimate.descriptive.quantiles",
    "standard": "estimate.survey.standard_populations",
    "Standard": "estimate.survey.standard_populations",
    "contrast": "estimate.hypotheses.contrasts",
    "trend": "estimate.associations.trends",
    "cosinor": "estimate.associations.seasonality",
    "precision": "estimate.study_precision",
    "describe": "estimate.descriptive.table_one",
    "term_test": "estimate.hypotheses.model_tests",
    "chi_square": "estimate.hypotheses.two_way_tables",
    "t_test": "estimate.hypotheses.two_groups",
    "rank_test": "estimate.hypotheses.two_groups",
    "flow": "estimate.survey.analysis_sample",
    "describe_design": "estimate.survey.design_description",
    "replicates": "estimate.survey.variance.replicate_weights",
    "imputed": "estimate.multiple_imputation",
    "pool": "estimate.multiple_imputation",
    "weights": "estimate.survey.sampling_units",
    "margins": "estimate.associations.marginal_effects",
    "predict": "estimate.associations.marginal_effects",
    "adjustment_for": "dag.adjustment",
    "adjustment_models": "estimate.associations.model_sets",
    "association": "estimate.associations.models",
    "atlas": "estimate.associations.atlas_grid",
    "model": "estimate.associations.models",
    "design_matrix": "estimate.regression.statsmodels_bridge",
    "survey_inference": "estimate.regression.statsmodels_bridge",
    "interaction": "estimate.associations.interaction_measures",
    "curve": "estimate.associations.dose_response",
    "survival": "estimate.descriptive.survival_curves",
    "rate": "estimate.descriptive.rates",
    "proportionality": "estimate.hypotheses.model_tests",
    "records": "estimate.longitudinal.person_records",
    "gee": "estimate.longitudinal.gee_models",
    "case_crossover": "estimate.longitudinal.case_crossovers",
    "lag_curve": "estimate.longitudinal.distributed_lags",
    "truth": "sources.simulated.potential_outcomes",
    # show
    "diagram_chart": "display.charts.figures",
    "forest": "display.charts.figures",
    "prevalence_chart": "display.charts.figures",
    "flow_chart": "display.charts.figures",
    "curve_chart": "display.charts.curves",
    "table": "display.tables.result_table",
    "finding": "display.text.sentences",
    # report
    "data_dictionary": "report.data_dictionary",
    "render": "report.rendering",
    "render_plan": "report.batch",
    "keep": "report.captured_results",
    # errors
    "ToolkitError": "errors",
    "DatasetError": "errors",
    "VariableError": "errors",
    "DesignError": "errors",
    "EstimationError": "errors",
}

__version__ = "0.1.0"
__all__ = sorted([*_ROOM_OF, "__version__"])  # noqa: PLE0605 - the list is one with the table above


if not TYPE_CHECKING:  # hidden from type checkers, which would else take any misspelt name for known

    def __getattr__(name: str) -> object:
        if name not in _ROOM_OF:
            from toolkit.errors import unknown

            raise AttributeError(unknown("toolkit has no name", name, _ROOM_OF, "All: dir(toolkit)"))
        return getattr(import_module(f"toolkit.{_ROOM_OF[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
