"""Causal diagram, back-door criterion, and the adjustment sets that follow from them."""

from toolkit.dag.adjustment import Adjustment as Adjustment
from toolkit.dag.adjustment import Question as Question
from toolkit.dag.adjustment import adjust_text as adjust_text
from toolkit.dag.adjustment import adjustment_for as adjustment_for
from toolkit.dag.adjustment import covariates_for as covariates_for
from toolkit.dag.backdoor import SIZES as SIZES
from toolkit.dag.backdoor import NoAdjustmentSetError as NoAdjustmentSetError
from toolkit.dag.backdoor import Size as Size
from toolkit.dag.backdoor import assign_roles as assign_roles
from toolkit.dag.backdoor import choose_adjustment_set as choose_adjustment_set
from toolkit.dag.backdoor import describe_bias as describe_bias
from toolkit.dag.backdoor import find_open_path as find_open_path
from toolkit.dag.backdoor import list_mediators as list_mediators
from toolkit.dag.diagram import Arrow as Arrow
from toolkit.dag.diagram import Diagram as Diagram
from toolkit.dag.diagram import Node as Node
from toolkit.dag.diagram import causal_diagram as causal_diagram
from toolkit.dag.nodes import CYCLE as CYCLE
from toolkit.dag.nodes import Diagrams as Diagrams
from toolkit.dag.nodes import nodes_of as nodes_of
