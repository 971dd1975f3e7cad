"""Child processes that end with their parent, however it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

#: Asks Linux for SIGKILL when the thread that started it ends (PR_SET_PDEATHSIG, prctl(2)), makes sure that the parent
#: still runs, and becomes the program. The setting survives execve(2).
_DIE_WITH_PARENT = """
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent process has ended")
os.execv(sys.argv[2], sys.argv[2:])
"""


def die_with_parent(command: Sequence[str]) -> list[str]:
    """The command (an absolute path and arguments) as one that is killed when the thread that starts it ends."""
    return [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()), *command]
