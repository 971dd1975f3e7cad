"""The CPU time and memory of a process."""

from __future__ import annotations

import os
import subprocess


def run(*command: str) -> tuple[float, float]:
    """Run a command; the seconds of CPU time and the most MiB that it used. Raises CalledProcessError."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
