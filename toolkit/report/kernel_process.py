"""Start a report's kernel so that it cannot outlive the process that started it.

It runs as `python -m toolkit.report.kernel_process PARENT ...`; the other arguments go to ipykernel.
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


if __name__ == "__main__":
    end_with(int(sys.argv.pop(1)))
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
