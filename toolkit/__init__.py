"""Population research on nocturnal leg cramps: the public face.

`import toolkit as tk`. Everyday names are flat (`tk.prevalence`); the others are grouped in namespaces
(`tk.survey`, `tk.tests`, `tk.effects`, ...). Every name loads its module on first use, so that the import is
quick. Names of a namespace also work flat (`tk.total` is `tk.survey.total`).
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what editors and type checkers see; a test compares it with the tables below
    from toolkit.causes.card import Card as Card
    from toolkit.causes.card import Exposure as Exposure
    from toolkit.causes.card import Rule as Rule
    from toolkit.causes.card import card as card
    from toolkit.causes.card import cards as cards
    from toolkit.causes.outcomes import burden as burden
    from toolkit.dag.adjustment import adjustment_for as adjustment_for
    from toolkit.dag.diagram import causal_diagram as causal_diagram
    from toolkit.display.charts.causal_diagram import diagram_chart as diagram_chart
    from toolkit.display.charts.curves import curve_chart as curve_chart
    from toolkit.display.charts.flow_diagram import flow_chart as flow_chart
    from toolkit.display.charts.forest_plot import forest as forest
    from toolkit.display.charts.forest_plot import prevalence_chart as prevalence_chart
    from toolkit.display.charts.imputation_charts import imputation_chart as imputation_chart
    from toolkit.display.charts.imputation_charts import trace_chart as trace_chart
    from toolkit.display.charts.specification_curves import specification_curve as specification_curve
    from toolkit.display.export.destinations import Saved as Saved
    from toolkit.display.export.destinations import save as save
    from toolkit.display.export.destinations import save_all as save_all
    from toolkit.display.tables.result_table import table as table
    from toolkit.display.text.interaction_sentences import interaction_sentence as interaction_sentence
    from toolkit.display.text.question_counts import questions_sentence as questions_sentence
    from toolkit.display.text.sentences import availability_sentences as availability_sentences
    from toolkit.display.text.sentences import finding as finding
    from toolkit.display.text.sentences import flow_sentence as flow_sentence
    from toolkit.display.text.sentences import missing_sentence as missing_sentence
    from toolkit.display.text.sentences import reliability_sentence as reliability_sentence
    from toolkit.display.text.specification_summaries import compare_choices as compare_choices
    from toolkit.display.text.specification_summaries import summarize_multiverse as summarize_multiverse
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
    from toolkit.estimate.associations.models import adjustment_models as adjustment_models
    from toolkit.estimate.associations.models import association as association
    from toolkit.estimate.associations.models import model as model
    from toolkit.estimate.associations.published_seasons import compare_season as compare_season
    from toolkit.estimate.associations.published_seasons import season_ratio as season_ratio
    from toolkit.estimate.associations.seasonality import cosinor as cosinor
    from toolkit.estimate.associations.trends import trend as trend
    from toolkit.estimate.descriptive.design_description import describe_design as describe_design
    from toolkit.estimate.descriptive.prevalences import mean as mean
    from toolkit.estimate.descriptive.prevalences import prevalence as prevalence
    from toolkit.estimate.descriptive.quantiles import quantile as quantile
    from toolkit.estimate.descriptive.rates import rate as rate
    from toolkit.estimate.descriptive.survival_curves import survival as survival
    from toolkit.estimate.descriptive.table_one import describe as describe
    from toolkit.estimate.descriptive.totals import ratio as ratio
    from toolkit.estimate.descriptive.totals import total as total
    from toolkit.estimate.hypotheses.contrasts import contrast as contrast
    from toolkit.estimate.hypotheses.group_comparisons import rank_test as rank_test
    from toolkit.estimate.hypotheses.group_comparisons import t_test as t_test
    from toolkit.estimate.hypotheses.model_tests import proportionality as proportionality
    from toolkit.estimate.hypotheses.model_tests import term_test as term_test
    from toolkit.estimate.hypotheses.study_comparisons import compare_studies as compare_studies
    from toolkit.estimate.hypotheses.two_way_tables import chi_square as chi_square
    from toolkit.estimate.imputation.chained_equations import Imputations as Imputations
    from toolkit.estimate.imputation.chained_equations import impute as impute
    from toolkit.estimate.imputation.multiple_imputation import imputed as imputed
    from toolkit.estimate.imputation.multiple_imputation import pool as pool
    from toolkit.estimate.longitudinal.case_crossovers import case_crossover as case_crossover
    from toolkit.estimate.longitudinal.distributed_lags import lag_curve as lag_curve
    from toolkit.estimate.longitudinal.gee_models import gee as gee
    from toolkit.estimate.longitudinal.gee_models import records as records
    from toolkit.estimate.planned_answers import Plan as Plan
    from toolkit.estimate.planned_answers import plan as plan
    from toolkit.estimate.regression.statsmodels_bridge import design_matrix as design_matrix
    from toolkit.estimate.regression.statsmodels_bridge import survey_inference as survey_inference
    from toolkit.estimate.sensitivity.bias_analysis import MisclassifiedExposure as MisclassifiedExposure
    from toolkit.estimate.sensitivity.bias_analysis import MisclassifiedOutcome as MisclassifiedOutcome
    from toolkit.estimate.sensitivity.bias_analysis import UnmeasuredConfounder as UnmeasuredConfounder
    from toolkit.estimate.sensitivity.bias_analysis import bias_analysis as bias_analysis
    from toolkit.estimate.sensitivity.e_values import sensitivity as sensitivity
    from toolkit.estimate.sensitivity.multiverses import multiverse as multiverse
    from toolkit.estimate.sensitivity.population_impact import impact as impact
    from toolkit.estimate.sensitivity.robustness_checks import RobustnessChecks as RobustnessChecks
    from toolkit.estimate.sensitivity.robustness_checks import check_robustness as check_robustness
    from toolkit.estimate.session_ledger import Ledger as Ledger
    from toolkit.estimate.session_ledger import ledger as ledger
    from toolkit.estimate.study_precision import precision as precision
    from toolkit.estimate.survey.participant_flow import flow as flow
    from toolkit.estimate.survey.sampling_units import weights as weights
    from toolkit.estimate.survey.standard_populations import Standard as Standard
    from toolkit.estimate.survey.standard_populations import standard as standard
    from toolkit.estimate.survey.variance.replicate_weights import replicates as replicates
    from toolkit.explorer.explorer_widget import explore as explore
    from toolkit.planning.multiplicity import adjust_p_values as adjust_p_values
    from toolkit.report.batch import render_plan as render_plan
    from toolkit.report.captured_results import keep as keep
    from toolkit.report.data_dictionary import data_dictionary as data_dictionary
    from toolkit.report.paper.attempted_estimates import attempt as attempt
    from toolkit.report.paper.attempted_estimates import why_no_estimate as why_no_estimate
    from toolkit.report.paper.bibliography import trials as trials
    from toolkit.report.paper.checklist import strobe as strobe
    from toolkit.report.paper.exhibits import Paper as Paper
    from toolkit.report.paper.interpretation import caution as caution
    from toolkit.report.paper.interpretation import curve_sentence as curve_sentence
    from toolkit.report.paper.interpretation import limitations as limitations
    from toolkit.report.paper.measured_causes import count_measured_causes as count_measured_causes
    from toolkit.report.paper.measured_causes import tabulate_causes as tabulate_causes
    from toolkit.report.paper.methods_section import methods as methods
    from toolkit.report.paper.methods_section import study_population as study_population
    from toolkit.report.paper.passages import adjustment as adjustment
    from toolkit.report.paper.passages import arrows as arrows
    from toolkit.report.paper.passages import bullets as bullets
    from toolkit.report.paper.passages import covariate_list as covariate_list
    from toolkit.report.paper.passages import definition as definition
    from toolkit.report.paper.passages import evidence as evidence
    from toolkit.report.paper.passages import prose as prose
    from toolkit.report.paper.passages import reason_unmeasured as reason_unmeasured
    from toolkit.report.paper.planned_results import cycles_sentence as cycles_sentence
    from toolkit.report.paper.robustness import robustness as robustness
    from toolkit.report.rendering import render as render
    from toolkit.report.verification.certificates import Certificate as Certificate
    from toolkit.report.verification.certificates import certificate as certificate
    from toolkit.results import Estimates as Estimates
    from toolkit.sources.registry import available_studies as available_studies
    from toolkit.sources.registry import download_study as download_study
    from toolkit.sources.registry import open_study as open_study
    from toolkit.sources.registry import study as study
    from toolkit.sources.simulated.potential_outcomes import truth as truth
    from toolkit.sources.weather.daily import daily_weather as daily_weather
    from toolkit.sources.weather.ghcn import read_ghcn as read_ghcn
    from toolkit.sources.weather.linkage import add_weather as add_weather
    from toolkit.studies.design import Design as Design
    from toolkit.studies.study import Study as Study
    from toolkit.variables.codebook import Codebook as Codebook
    from toolkit.variables.codebook import Variable as Variable
    from toolkit.variables.derivation import Derivation as Derivation

_EVERYDAY = {
    "available_studies": "sources.registry",
    "open_study": "sources.registry",
    "study": "sources.registry",
    "download_study": "sources.registry",
    "add_weather": "sources.weather.linkage",
    "daily_weather": "sources.weather.daily",
    "read_ghcn": "sources.weather.ghcn",
    "Study": "studies.study",
    "Design": "studies.design",
    "Codebook": "variables.codebook",
    "Variable": "variables.codebook",
    "prevalence": "estimate.descriptive.prevalences",
    "mean": "estimate.descriptive.prevalences",
    "describe": "estimate.descriptive.table_one",
    "association": "estimate.associations.models",
    "model": "estimate.associations.models",
    "margins": "estimate.associations.marginal_effects",
    "causal_diagram": "dag.diagram",
    "adjustment_for": "dag.adjustment",
    "flow": "estimate.survey.participant_flow",
    "sensitivity": "estimate.sensitivity.e_values",
    "plan": "estimate.planned_answers",
    "Plan": "estimate.planned_answers",
    "ledger": "estimate.session_ledger",
    "Ledger": "estimate.session_ledger",
    "multiverse": "estimate.sensitivity.multiverses",
    "truth": "sources.simulated.potential_outcomes",
    "table": "display.tables.result_table",
    "finding": "display.text.sentences",
    "forest": "display.charts.forest_plot",
    "save": "display.export.destinations",
    "Saved": "display.export.destinations",
    "explore": "explorer.explorer_widget",
    "render": "report.rendering",
    "Estimates": "results",
    "ToolkitError": "errors",
    "DatasetError": "errors",
    "VariableError": "errors",
    "DesignError": "errors",
    "EstimationError": "errors",
}

_GROUPS: dict[str, tuple[str, dict[str, str]]] = {
    "survey": (
        "Survey estimates beyond prevalences and means, weights, replicate weights and statsmodels.",
        {
            "total": "estimate.descriptive.totals",
            "ratio": "estimate.descriptive.totals",
            "quantile": "estimate.descriptive.quantiles",
            "rate": "estimate.descriptive.rates",
            "standard": "estimate.survey.standard_populations",
            "Standard": "estimate.survey.standard_populations",
            "replicates": "estimate.survey.variance.replicate_weights",
            "weights": "estimate.survey.sampling_units",
            "describe_design": "estimate.descriptive.design_description",
            "precision": "estimate.study_precision",
            "design_matrix": "estimate.regression.statsmodels_bridge",
            "survey_inference": "estimate.regression.statsmodels_bridge",
        },
    ),
    "tests": (
        "Hypothesis tests, contrasts of estimates, and p-values adjusted for multiple testing.",
        {
            "contrast": "estimate.hypotheses.contrasts",
            "compare_studies": "estimate.hypotheses.study_comparisons",
            "chi_square": "estimate.hypotheses.two_way_tables",
            "t_test": "estimate.hypotheses.group_comparisons",
            "rank_test": "estimate.hypotheses.group_comparisons",
            "term_test": "estimate.hypotheses.model_tests",
            "proportionality": "estimate.hypotheses.model_tests",
            "adjust_p_values": "planning.multiplicity",
        },
    ),
    "effects": (
        "Effects beyond a single association: interaction, dose-response, trends, seasons, predictions.",
        {
            "adjustment_models": "estimate.associations.models",
            "interaction": "estimate.associations.interaction_measures",
            "curve": "estimate.associations.dose_response",
            "trend": "estimate.associations.trends",
            "cosinor": "estimate.associations.seasonality",
            "compare_season": "estimate.associations.published_seasons",
            "season_ratio": "estimate.associations.published_seasons",
            "predict": "estimate.associations.marginal_effects",
            "atlas": "estimate.associations.atlas_grid",
            "impact": "estimate.sensitivity.population_impact",
            "summarize_multiverse": "display.text.specification_summaries",
            "compare_choices": "display.text.specification_summaries",
            "bias_analysis": "estimate.sensitivity.bias_analysis",
            "MisclassifiedExposure": "estimate.sensitivity.bias_analysis",
            "MisclassifiedOutcome": "estimate.sensitivity.bias_analysis",
            "UnmeasuredConfounder": "estimate.sensitivity.bias_analysis",
            "check_robustness": "estimate.sensitivity.robustness_checks",
            "RobustnessChecks": "estimate.sensitivity.robustness_checks",
            "impute": "estimate.imputation.chained_equations",
            "Imputations": "estimate.imputation.chained_equations",
            "imputed": "estimate.imputation.multiple_imputation",
            "pool": "estimate.imputation.multiple_imputation",
        },
    ),
    "longitudinal": (
        "Visits, diaries and follow-up of a cohort.",
        {
            "records": "estimate.longitudinal.gee_models",
            "gee": "estimate.longitudinal.gee_models",
            "case_crossover": "estimate.longitudinal.case_crossovers",
            "lag_curve": "estimate.longitudinal.distributed_lags",
            "survival": "estimate.descriptive.survival_curves",
        },
    ),
    "causes": (
        "The ten causes: cards with exposures, definitions, evidence and caveats.",
        {
            "cards": "causes.card",
            "card": "causes.card",
            "burden": "causes.outcomes",
            "Card": "causes.card",
            "Exposure": "causes.card",
            "Rule": "causes.card",
            "Derivation": "variables.derivation",
        },
    ),
    "charts": (
        "Charts of results, of participant flow and of the causal diagram.",
        {
            "prevalence_chart": "display.charts.forest_plot",
            "flow_chart": "display.charts.flow_diagram",
            "diagram_chart": "display.charts.causal_diagram",
            "curve_chart": "display.charts.curves",
            "imputation_chart": "display.charts.imputation_charts",
            "trace_chart": "display.charts.imputation_charts",
            "specification_curve": "display.charts.specification_curves",
        },
    ),
    "reports": (
        "Reports rendered from notebooks, their text blocks, and the data dictionary.",
        {
            "render_plan": "report.batch",
            "save_all": "display.export.destinations",
            "data_dictionary": "report.data_dictionary",
            "certificate": "report.verification.certificates",
            "Certificate": "report.verification.certificates",
            "keep": "report.captured_results",
            "Paper": "report.paper.exhibits",
            "study_population": "report.paper.methods_section",
            "methods": "report.paper.methods_section",
            "interaction_sentence": "display.text.interaction_sentences",
            "caution": "report.paper.interpretation",
            "limitations": "report.paper.interpretation",
            "strobe": "report.paper.checklist",
            "trials": "report.paper.bibliography",
            "curve_sentence": "report.paper.interpretation",
            "covariate_list": "report.paper.passages",
            "attempt": "report.paper.attempted_estimates",
            "why_no_estimate": "report.paper.attempted_estimates",
            "robustness": "report.paper.robustness",
            "prose": "report.paper.passages",
            "bullets": "report.paper.passages",
            "definition": "report.paper.passages",
            "evidence": "report.paper.passages",
            "reason_unmeasured": "report.paper.passages",
            "adjustment": "report.paper.passages",
            "arrows": "report.paper.passages",
            "tabulate_causes": "report.paper.measured_causes",
            "count_measured_causes": "report.paper.measured_causes",
            "availability_sentences": "display.text.sentences",
            "flow_sentence": "display.text.sentences",
            "missing_sentence": "display.text.sentences",
            "reliability_sentence": "display.text.sentences",
            "questions_sentence": "display.text.question_counts",
            "cycles_sentence": "report.paper.planned_results",
        },
    ),
}

_GROUPED = {name: module for _, names in _GROUPS.values() for name, module in names.items()}
_MODULES = {**_EVERYDAY, **_GROUPED}


class Namespace:
    """A group of public names, loaded on first use; printing it lists what each name does."""

    def __init__(self, name: str, purpose: str, modules: Mapping[str, str]) -> None:
        self._name, self.__doc__, self._modules = name, purpose, modules

    def __getattr__(self, name: str) -> Any:
        return _load(name, self._modules, f"tk.{self._name}")

    def __dir__(self) -> list[str]:
        return sorted(self._modules)

    def __repr__(self) -> str:
        firsts = {name: (getattr(self, name).__doc__ or "").partition("\n")[0] for name in self._modules}
        width = max(map(len, firsts))
        lines = [f"  {name:{width}}  {first}" for name, first in firsts.items()]
        return "\n".join([f"tk.{self._name}: {self.__doc__}", *lines])


def _load(name: str, modules: Mapping[str, str], where: str) -> Any:
    if name in modules:
        return getattr(import_module(f"toolkit.{modules[name]}"), name)
    if name.startswith("__"):
        raise AttributeError(name)
    from toolkit.errors import unknown

    elsewhere = next((f"tk.{group}.{name}" for group, (_, names) in _GROUPS.items() if name in names), "")
    remedy = f"Use {elsewhere}" if elsewhere else f"List all names with dir({where})"
    raise AttributeError(unknown(f"The module {where} has no name", name, [*modules, *_GROUPS], remedy))


# `toolkit.causes` is a package whose face has these names already.
_SPACES = {name: Namespace(name, *group) for name, group in _GROUPS.items() if name != "causes"}
survey, tests, effects = _SPACES["survey"], _SPACES["tests"], _SPACES["effects"]
longitudinal, charts, reports = _SPACES["longitudinal"], _SPACES["charts"], _SPACES["reports"]

__version__ = "0.1.0"
__all__ = sorted([*_EVERYDAY, *_GROUPS, "__version__"])  # noqa: PLE0605 - the list is one with the tables above


if not TYPE_CHECKING:  # hidden from type checkers, which would otherwise accept any misspelt name

    def __getattr__(name: str) -> object:
        return import_module("toolkit.causes") if name == "causes" else _load(name, _MODULES, "tk")


def __dir__() -> list[str]:
    return list(__all__)


def _complete_names() -> None:
    """Complete names inside quotes, where this is a session of IPython or JupyterLab."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None:
        import_module("toolkit.explorer.completion").register(shell)


_complete_names()
