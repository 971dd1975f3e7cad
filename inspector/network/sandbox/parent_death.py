"""Processes that do not outlive the one that started them, however it ends: nobody else could call them back."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

#: Asks Linux for SIGKILL when the parent dies (``prctl``, PR_SET_PDEATHSIG), makes sure that it still lives, and
#: becomes the program. The wish survives the change of program.
_MORTAL = """
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the one who started this is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


def die_with_parent(command: Sequence[str]) -> list[str]:
    """The command (an absolute path and arguments) as one that is killed when this process ends."""
    return [sys.executable, "-I", "-S", "-c", _MORTAL, str(os.getpid()), *command]
