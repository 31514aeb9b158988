"""Say why a fit has no maximum, as the fit itself sees it: places and cells, which `difficulties` names."""

from typing import TYPE_CHECKING

from toolkit.errors import EstimationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class NotConvergedError(EstimationError):
    """Newton's steps did not reach a maximum; the caller looks for the reason in the data.

    Attributes
    ----------
    endless
        The places of parameters that were on their way to infinity, where that was seen.
    """

    def __init__(self, told: str, endless: "tuple[int, ...]" = ()) -> None:
        super().__init__(told)
        self.endless = endless


class BoundaryError(NotConvergedError):
    """The likelihood is highest where a fitted prevalence is 1, and its slope there is not zero.

    Attributes
    ----------
    cells
        Marks the cells of that prevalence.
    """

    def __init__(self, cells: "NDArray[np.bool_]") -> None:
        super().__init__("the maximum is on the boundary")
        self.cells = cells


class CollinearError(EstimationError):
    """A column follows from the columns before it.

    Attributes
    ----------
    column
        Its place in the design matrix.
    others
        The places of the columns that it follows from.
    """

    def __init__(self, column: int, others: "tuple[int, ...]") -> None:
        super().__init__(f"column {column} follows from columns {others}")
        self.column = column
        self.others = others
