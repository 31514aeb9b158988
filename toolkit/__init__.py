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
    from toolkit.codebook import Codebook as Codebook
    from toolkit.codebook import Variable as Variable
    from toolkit.dated_weather import add_weather as add_weather
    from toolkit.derivation import Derivation as Derivation
    from toolkit.design import Design as Design
    from toolkit.diagram import causal_diagram as causal_diagram
    from toolkit.errors import DatasetError as DatasetError
    from toolkit.errors import DesignError as DesignError
    from toolkit.errors import EstimationError as EstimationError
    from toolkit.errors import ToolkitError as ToolkitError
    from toolkit.errors import VariableError as VariableError
    from toolkit.estimate.adjustment import adjustment_for as adjustment_for
    from toolkit.estimate.case_crossover import case_crossover as case_crossover
    from toolkit.estimate.characteristics import describe as describe
    from toolkit.estimate.comparisons import rank_test as rank_test
    from toolkit.estimate.comparisons import t_test as t_test
    from toolkit.estimate.contrasts import contrast as contrast
    from toolkit.estimate.crosstabs import chi_square as chi_square
    from toolkit.estimate.curves import curve as curve
    from toolkit.estimate.descriptive import mean as mean
    from toolkit.estimate.descriptive import prevalence as prevalence
    from toolkit.estimate.design_facts import describe_design as describe_design
    from toolkit.estimate.grid import atlas as atlas
    from toolkit.estimate.imputation import imputed as imputed
    from toolkit.estimate.imputation import pool as pool
    from toolkit.estimate.joint_effects import interaction as interaction
    from toolkit.estimate.kaplan_meier import survival as survival
    from toolkit.estimate.lag_curves import lag_curve as lag_curve
    from toolkit.estimate.model_sets import adjustment_models as adjustment_models
    from toolkit.estimate.models import association as association
    from toolkit.estimate.models import model as model
    from toolkit.estimate.person_time import rate as rate
    from toolkit.estimate.planning import precision as precision
    from toolkit.estimate.predictions import margins as margins
    from toolkit.estimate.predictions import predict as predict
    from toolkit.estimate.proportionality import proportionality as proportionality
    from toolkit.estimate.quantiles import quantile as quantile
    from toolkit.estimate.repeated import gee as gee
    from toolkit.estimate.repeated_rows import records as records
    from toolkit.estimate.resampling import replicates as replicates
    from toolkit.estimate.sample import flow as flow
    from toolkit.estimate.seasons import cosinor as cosinor
    from toolkit.estimate.term_tests import term_test as term_test
    from toolkit.estimate.totals import ratio as ratio
    from toolkit.estimate.totals import total as total
    from toolkit.estimate.trends import trend as trend
    from toolkit.estimate.weighting import weights as weights
    from toolkit.ghcn import read_ghcn as read_ghcn
    from toolkit.report.dictionary import data_dictionary as data_dictionary
    from toolkit.report.plan import render_plan as render_plan
    from toolkit.report.rendering import render as render
    from toolkit.report.results import keep as keep
    from toolkit.show.charts import diagram_chart as diagram_chart
    from toolkit.show.charts import flow_chart as flow_chart
    from toolkit.show.charts import forest as forest
    from toolkit.show.charts import prevalence_chart as prevalence_chart
    from toolkit.show.curve_charts import curve_chart as curve_chart
    from toolkit.show.sentences import finding as finding
    from toolkit.show.tables import table as table
    from toolkit.standards import Standard as Standard
    from toolkit.standards import standard as standard
    from toolkit.studies import Study as Study
    from toolkit.studies import available_studies as available_studies
    from toolkit.studies import open_study as open_study
    from toolkit.studies import study as study
    from toolkit.study_downloads import download_study as download_study

_ROOM_OF = {
    # open
    "available_studies": "studies",
    "open_study": "studies",
    "download_study": "study_downloads",
    "study": "studies",
    "Study": "studies",
    "add_weather": "dated_weather",
    "read_ghcn": "ghcn",
    "Design": "design",
    "Codebook": "codebook",
    "Variable": "codebook",
    # causes
    "cards": "causes.card",
    "card": "causes.card",
    "causal_diagram": "diagram",
    "Card": "causes.card",
    "Exposure": "causes.card",
    "Rule": "causes.card",
    "Derivation": "derivation",
    # estimate
    "prevalence": "estimate.descriptive",
    "mean": "estimate.descriptive",
    "total": "estimate.totals",
    "ratio": "estimate.totals",
    "quantile": "estimate.quantiles",
    "standard": "standards",
    "Standard": "standards",
    "contrast": "estimate.contrasts",
    "trend": "estimate.trends",
    "cosinor": "estimate.seasons",
    "precision": "estimate.planning",
    "describe": "estimate.characteristics",
    "term_test": "estimate.term_tests",
    "chi_square": "estimate.crosstabs",
    "t_test": "estimate.comparisons",
    "rank_test": "estimate.comparisons",
    "flow": "estimate.sample",
    "describe_design": "estimate.design_facts",
    "replicates": "estimate.resampling",
    "imputed": "estimate.imputation",
    "pool": "estimate.imputation",
    "weights": "estimate.weighting",
    "margins": "estimate.predictions",
    "predict": "estimate.predictions",
    "adjustment_for": "estimate.adjustment",
    "adjustment_models": "estimate.model_sets",
    "association": "estimate.models",
    "atlas": "estimate.grid",
    "model": "estimate.models",
    "interaction": "estimate.joint_effects",
    "curve": "estimate.curves",
    "survival": "estimate.kaplan_meier",
    "rate": "estimate.person_time",
    "proportionality": "estimate.proportionality",
    "records": "estimate.repeated_rows",
    "gee": "estimate.repeated",
    "case_crossover": "estimate.case_crossover",
    "lag_curve": "estimate.lag_curves",
    # show
    "diagram_chart": "show.charts",
    "forest": "show.charts",
    "prevalence_chart": "show.charts",
    "flow_chart": "show.charts",
    "curve_chart": "show.curve_charts",
    "table": "show.tables",
    "finding": "show.sentences",
    # report
    "data_dictionary": "report.dictionary",
    "render": "report.rendering",
    "render_plan": "report.plan",
    "keep": "report.results",
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
