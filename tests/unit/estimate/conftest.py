"""The studies of R's survey package, and the results that R got from them."""

from tests.support.r_results import expected, expected_nhanes, r_studies

__all__ = ["expected", "expected_nhanes", "r_studies"]
