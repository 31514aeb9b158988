"""Tell listeners, such as a ledger, of each call of an estimator; without a listener nothing is kept."""

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec, TypeVar

import polars as pl

from toolkit.errors import EstimationError, require_study
from toolkit.results import Estimates

P = ParamSpec("P")
Rows = TypeVar("Rows", bound=pl.DataFrame)


@dataclass(frozen=True)
class Call:
    """A call of an estimator: its name, arguments, and its rows or the error that it raised."""

    estimator: str
    arguments: Mapping[str, Any]
    rows: pl.DataFrame | None = None
    error: BaseException | None = None


# Among the arguments of a call: the call whose rows were combined, and how.
COMBINED = "combined rows"
Listener = Callable[[Call], None]
LISTENERS: ContextVar[tuple[Listener, ...]] = ContextVar("listeners", default=())


def recorded(estimator: Callable[P, Rows]) -> Callable[P, Rows]:
    """Tell the listeners of each call; calls that the estimator makes itself are part of its own."""
    of_study = next(iter(signature(estimator).parameters)) == "study"

    def run(*args: P.args, **options: P.kwargs) -> Rows:
        if of_study and (args or "study" in options):
            require_study(args[0] if args else options["study"], f"'{estimator.__name__}'")
        return estimator(*args, **options)

    @wraps(estimator)
    def call(*args: P.args, **options: P.kwargs) -> Rows:
        listeners = LISTENERS.get()
        if not listeners:
            return run(*args, **options)
        named = dict(zip(signature(estimator).parameters, args, strict=False)) | options
        token = LISTENERS.set(())
        try:
            rows = run(*args, **options)
        except BaseException as error:
            LISTENERS.reset(token)
            _tell(listeners, Call(estimator.__name__, named, None, error))
            raise
        LISTENERS.reset(token)
        _tell(listeners, Call(estimator.__name__, named, rows))
        return rows

    return call


def _tell(listeners: tuple[Listener, ...], call: Call) -> None:
    for listen in listeners:
        listen(call)


def record_combined(found: Estimates, name: str, of: Sequence[pl.DataFrame], how: Mapping[str, Any]) -> None:
    """Record in rows that they combine the rows of others, if one known call gave all of these.

    The arguments are those of that call, with its estimator and `how` under `COMBINED`.
    """
    calls = [rows.call() if isinstance(rows, Estimates) else None for rows in of]
    first = calls[0]
    if first is None or any(call != first for call in calls):
        return
    try:
        _, study, _ = of[0].request()  # type: ignore[attr-defined]
    except EstimationError:
        study = None
    found.record_request(name, study, {**first[1], COMBINED: {"estimator": first[0], **how}})
