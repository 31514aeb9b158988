"""One small notebook and one small study, so that a run costs a kernel and little else."""

from tests.support.small_report import few, notebook

__all__ = ["few", "notebook"]
