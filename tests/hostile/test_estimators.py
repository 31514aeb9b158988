"""Each estimator answers a hostile study, or refuses it in words; no other exception reaches the user."""

import traceback

from hypothesis import given

import toolkit as tk
from tests.hostile.amounts import drawn
from tests.hostile.calls import CALLS
from tests.hostile.hostile_frames import Case, cases


def _raw_errors(case: Case) -> list[str]:
    try:
        study = case.study()
    except tk.ToolkitError:
        return []
    found = []
    for name, call in CALLS.items():
        try:
            repr(call(case, study))
        except tk.ToolkitError:
            continue
        except Exception:
            found.append(f"{name}: {traceback.format_exc(limit=-3)}")
    return found


@drawn
@given(cases())
def test_each_estimator_answers_or_refuses(case: Case) -> None:
    found = _raw_errors(case)
    assert found == [], f"{case.told}\n{case.design}\n{case.frame.schema}\n" + "\n".join(found)
