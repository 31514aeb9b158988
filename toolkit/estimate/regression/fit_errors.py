"""Errors of the fit itself, which know columns and patterns; `diagnostics` restates them with names."""

from typing import TYPE_CHECKING

from toolkit.errors import EstimationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class NotConvergedError(EstimationError):
    """Newton's steps did not reach a maximum; `endless` are the parameters on their way to infinity."""

    def __init__(self, message: str, endless: "tuple[int, ...]" = ()) -> None:
        super().__init__(message)
        self.endless = endless


class BoundaryError(NotConvergedError):
    """The maximum has a nonzero slope at a limit of the means; `cells` marks the patterns there."""

    def __init__(self, cells: "NDArray[np.bool_]") -> None:
        super().__init__("The maximum is on the boundary.")
        self.cells = cells


class CollinearError(EstimationError):
    """Column number `column` follows from the columns numbered `others` before it."""

    def __init__(self, column: int, others: "tuple[int, ...]") -> None:
        super().__init__(f"Column {column} follows from columns {others}.")
        self.column = column
        self.others = others
