"""Decide what of a frame may leave the analyst's session, by two rules that are kept apart.

Reliability: an estimate that fails the presentation standards (`suppress`, `failed`) leaves without its
numbers, its number of cases and the complement of these; the size of its group stays. Small cells: counts
from 1 to k - 1 leave with nothing that gives them back by subtraction, for the threshold k of the study (0
for none). Every chart, table, sentence, printed result and file takes its frame from `show`.
"""

from toolkit.disclosure.policies import SMALLEST_CELL as SMALLEST_CELL
from toolkit.disclosure.policies import Policy as Policy
from toolkit.disclosure.policies import approximate as approximate
from toolkit.disclosure.policies import declare_policy as declare_policy
from toolkit.disclosure.policies import policy_of as policy_of
from toolkit.disclosure.policies import small_counts as small_counts
from toolkit.disclosure.policies import withheld_levels as withheld_levels
from toolkit.disclosure.rare_levels import common_levels as common_levels
from toolkit.disclosure.rare_levels import count_rare as count_rare
from toolkit.disclosure.rare_levels import declare_rare_levels as declare_rare_levels
from toolkit.disclosure.rare_levels import list_levels as list_levels
from toolkit.disclosure.rare_levels import name_levels as name_levels
from toolkit.disclosure.rare_levels import unknown_level as unknown_level
from toolkit.disclosure.shown_rows import MULTIVERSE as MULTIVERSE
from toolkit.disclosure.shown_rows import WITHHELD as WITHHELD
from toolkit.disclosure.shown_rows import is_hidden as is_hidden
from toolkit.disclosure.shown_rows import is_suppressed as is_suppressed
from toolkit.disclosure.shown_rows import show as show
