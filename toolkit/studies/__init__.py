"""The study: participants, survey design, weights, derived variables and missing data."""

from toolkit.studies.calibration_targets import Calibration as Calibration
from toolkit.studies.calibration_targets import Margin as Margin
from toolkit.studies.cycle_weights import CYCLE as CYCLE
from toolkit.studies.cycle_weights import CycleWeight as CycleWeight
from toolkit.studies.cycle_weights import cycles_by as cycles_by
from toolkit.studies.cycle_weights import grouped as grouped
from toolkit.studies.cycle_weights import label_of as label_of
from toolkit.studies.cycle_weights import rescale as rescale
from toolkit.studies.cycle_weights import source_of as source_of
from toolkit.studies.cycle_weights import span as span
from toolkit.studies.design import ComponentWeight as ComponentWeight
from toolkit.studies.design import Design as Design
from toolkit.studies.design import LonelyPsu as LonelyPsu
from toolkit.studies.design import read_method as read_method
from toolkit.studies.handover import declared_again as declared_again
from toolkit.studies.handover import declared_json as declared_json
from toolkit.studies.handover import hand_over as hand_over
from toolkit.studies.handover import take_over as take_over
from toolkit.studies.missingness import HAS_VALUE as HAS_VALUE
from toolkit.studies.missingness import count_missing as count_missing
from toolkit.studies.person_frame import PersonFrame as PersonFrame
from toolkit.studies.study import Study as Study
from toolkit.studies.weights import WeightChoice as WeightChoice
from toolkit.studies.weights import choose_weight as choose_weight
