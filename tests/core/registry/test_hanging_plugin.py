"""A plugin that does not end while it is loaded does not hang the program."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.model.errors import PluginError
from inspector.registry import registry
from inspector.registry.registry import installed
from tests.core.registry.installing import install
from tests.core.registry.test_lock import place

__all__ = ["place"]

HANG = "import time\ntime.sleep(3600)\n"
HOOK = """
import time
from inspector import hookimpl

@hookimpl
def inspector_checks():
    try:
        time.sleep(3600)
    except BaseException:
        while True:
            pass
"""


@pytest.mark.parametrize("source", [HANG, HOOK], ids=["import", "hook"])
def test_a_plugin_that_does_not_end_is_named(place: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """Its import and its hooks are limited in time, also where they ignore an interruption."""
    monkeypatch.setattr(registry, "LOAD_SECONDS", 0.5)
    install(place, "lock_hanging", {"lock_hanging.py": source})
    with pytest.raises(PluginError) as refused:
        installed(("lock_hanging",))
    assert "plugin 'lock_hanging' (lock-hanging 1.0) was not loaded within 0.5 s" in str(refused.value)


STUCK_IN_C = """
import itertools
sum(itertools.repeat(0))
"""
CLINGING = """
while True:
    try:
        while True:
            pass
    except BaseException:
        continue
"""
_LIST = """
from inspector.cli import main
from inspector.registry import registry
registry.LOAD_SECONDS = 1
every = registry.announced
registry.announced = lambda: {name: each for name, each in every().items() if name == "lock_hanging"}
main(["list", "checks", "--lang", "en"])
"""


@pytest.mark.parametrize("source", [STUCK_IN_C, CLINGING], ids=["in C", "clinging"])
def test_what_no_interruption_reaches_ends_the_command(place: Path, source: str) -> None:
    """A plugin that is stuck in C, or that catches what interrupts it, while it is imported: an error names it."""
    install(place, "lock_hanging", {"lock_hanging.py": source})
    done = subprocess.run(
        [sys.executable, "-c", _LIST],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert done.stderr == (
        "inspector: plugin 'lock_hanging' (lock-hanging 1.0) was not loaded within 1 s; "
        "repair it or uninstall lock-hanging\n"
    )
