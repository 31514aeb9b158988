"""Decide what of a frame may leave the analyst's session, by two rules that are kept apart.

Reliability: an estimate that fails the presentation standards (`suppress`, `failed`) leaves without its
numbers, its number of cases and the complement of these; the size of its group stays. Small cells: counts
from 1 to k - 1 leave with nothing that gives them back by subtraction, for the threshold k of the study (0
for none), and pages of reports have all other counts in multiples of k. Every chart, table and sentence takes
its frame from `show`, and every printed result and file of data from `show_data`.
"""

from toolkit.disclosure.policies import SMALLEST_CELL as SMALLEST_CELL
from toolkit.disclosure.policies import Policy as Policy
from toolkit.disclosure.policies import begin_run as begin_run
from toolkit.disclosure.policies import declare_policy as declare_policy
from toolkit.disclosure.policies import join_studies as join_studies
from toolkit.disclosure.policies import phrase_size as phrase_size
from toolkit.disclosure.policies import policy_of as policy_of
from toolkit.disclosure.policies import round_in_run as round_in_run
from toolkit.disclosure.policies import small_counts as small_counts
from toolkit.disclosure.policies import withheld_levels as withheld_levels
from toolkit.disclosure.rare_levels import common_levels as common_levels
from toolkit.disclosure.rare_levels import count_rare as count_rare
from toolkit.disclosure.rare_levels import declare_rare_levels as declare_rare_levels
from toolkit.disclosure.rare_levels import list_levels as list_levels
from toolkit.disclosure.rare_levels import name_levels as name_levels
from toolkit.disclosure.rare_levels import unknown_level as unknown_level
from toolkit.disclosure.rounded_counts import is_multiple as is_multiple
from toolkit.disclosure.rounded_counts import is_rounded as is_rounded
from toolkit.disclosure.rounded_counts import limit_decimals as limit_decimals
from toolkit.disclosure.rounded_counts import note_counts as note_counts
from toolkit.disclosure.rounded_counts import rounding_of as rounding_of
from toolkit.disclosure.rounded_counts import shorten_number as shorten_number
from toolkit.disclosure.rounded_counts import show as show
from toolkit.disclosure.rounded_counts import show_data as show_data
from toolkit.disclosure.shown_rows import MULTIVERSE as MULTIVERSE
from toolkit.disclosure.shown_rows import WITHHELD as WITHHELD
from toolkit.disclosure.shown_rows import is_hidden as is_hidden
from toolkit.disclosure.shown_rows import is_suppressed as is_suppressed
from toolkit.disclosure.shown_rows import withhold as withhold
