"""Servers on loopback addresses of their own, started and ended by the test."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

_SPEAKERS = Path(__file__).with_name("speakers.py")
_numbers = count(1)


def own_address() -> str:
    """A loopback address that no other test run uses, so that well-known ports are free on it."""
    process = os.getpid() % 65000
    return f"127.{64 + next(_numbers) % 128}.{process >> 8}.{process & 255 or 1}"


@contextmanager
def speaking(address: str, habits: Mapping[int, str]) -> Iterator[None]:
    """Ports that answer by these habits (see ``speakers``)."""
    command = [sys.executable, str(_SPEAKERS), address, *(f"{port}={habit}" for port, habit in habits.items())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.kill()
