"""Check many cases inside one test, and name every case that fails."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest


def in_one_test(
    names: str | tuple[str, ...], cases: Iterable[Any], ids: Callable[[Any], object] = str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a test like `pytest.mark.parametrize`, but as a single test that loops over its cases.

    For cases that cost nothing each and come by the hundred: modules, files, variables, codes. All cases run,
    and the failure lists each that is wrong. If every case is skipped, so is the test. Fixtures are shared by
    the cases, so a test that changes one is no test for this.
    """
    arguments = (names,) if isinstance(names, str) else names

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def over_all(**fixtures: Any) -> None:
            found = list(cases)
            assert found, "There is no case to check."
            wrong, skipped = [], []
            for case in found:
                values = (case,) if isinstance(names, str) else case
                label = ", ".join(str(ids(value))[:60] for value in values)
                try:
                    test(**dict(zip(arguments, values, strict=True)), **fixtures)
                except pytest.skip.Exception as reason:
                    skipped.append(f"{label}: {reason}")
                except Exception as error:
                    wrong.append(f"{label}: {type(error).__name__}: {error}")
            assert not wrong, f"{len(wrong)} of {len(found)} cases fail:\n" + "\n".join(wrong)
            if len(skipped) == len(found):
                pytest.skip(f"all {len(found)} cases, such as {skipped[0]}")
            print(*skipped, sep="\n")  # noqa: T201 - shown by pytest -rP

        kept = [p for name, p in inspect.signature(test).parameters.items() if name not in arguments]
        over_all.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
        return over_all

    return decorate
