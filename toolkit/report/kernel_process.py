"""Start a report's kernel so that it cannot outlive the process that asked for it.

Runs as `python -m toolkit.report.kernel_process PARENT ...`; what follows goes to ipykernel.
"""

import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with(parent: int) -> None:
    """Let the system end this process when its parent has ended, however that ended.

    ipykernel's own watch asks once a second, and never sees a parent that ended before it began to.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    end_with(int(sys.argv.pop(1)))
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
