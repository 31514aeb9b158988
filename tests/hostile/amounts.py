"""How much is drawn: 300 hostile studies and 20 kills, or as many as `make fuzz` sets."""

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("CRAMPS_FUZZ_EXAMPLES", "300"))
KILLS = int(os.environ.get("CRAMPS_FUZZ_KILLS", "20"))
# In CI the same studies each time; `make fuzz` draws new ones.
drawn = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES <= 300,
    database=None,
    suppress_health_check=list(HealthCheck),
)
