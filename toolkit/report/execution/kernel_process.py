"""Start a report's kernel so that it cannot outlive the process that started it.

It runs as `python -m toolkit.report.execution.kernel_process PARENT ...`; other arguments go to ipykernel.
"""

import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with(parent: int) -> None:
    """Make the system end this process when its parent ends.

    The check in ipykernel runs once per second, and misses a parent that ended before the check began.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(1)


def clean_up() -> None:
    """Empty the namespace and restore settings that an earlier notebook of this kernel may have changed."""
    shell = sys.modules["IPython"].get_ipython()
    shell.reset(new_session=True)
    for module in list(sys.modules.values()):
        # A warning that was shown in an earlier notebook is shown again.
        getattr(module, "__dict__", {}).get("__warningregistry__", {}).clear()
    if polars := sys.modules.get("polars"):
        polars.Config.restore_defaults()
    if altair := sys.modules.get("altair"):
        for registry in (altair.theme, altair.renderers, altair.data_transformers):
            registry.enable("default")


if __name__ == "__main__":
    from toolkit.disclosure import begin_run
    from toolkit.files.deferred_imports import defer_iri_grammar

    end_with(int(sys.argv.pop(1)))
    defer_iri_grammar()
    begin_run()
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
