"""A command loads what it needs and nothing else."""

import json
import subprocess
import sys

import pytest

#: Costly to import, and of no use to somebody who asks for help.
LARGE_PACKAGES = {
    "babel",
    "cryptography",
    "dns",
    "httpx",
    "jinja2",
    "nmap",
    "pydantic",
    "rich",
    "ruamel",
    "sslyze",
    "zstandard",
}
LOADED = """
import contextlib, io, json, sys
from inspector.cli.app import call
with contextlib.redirect_stdout(io.StringIO()):
    code = call(sys.argv[1:])
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def loaded(*arguments: str) -> set[str]:
    """The packages that a command has loaded when it ends."""
    command = [sys.executable, "-c", LOADED, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    code, packages = json.loads(result.stdout)
    assert code == 0
    return set(packages)


def test_help_loads_no_large_package() -> None:
    """Asking for help imports no scanner, no parser and no plugin."""
    packages = loaded("--help")
    assert not packages & LARGE_PACKAGES
    assert not {name for name in packages if name.startswith("inspector_")}


@pytest.mark.parametrize("arguments", [("run", "--help"), ("--version",)])
def test_help_of_a_command_loads_no_plugin(arguments: tuple[str, ...]) -> None:
    """What the command line's own library takes to read a command is all."""
    packages = loaded(*arguments)
    assert not packages & (LARGE_PACKAGES - {"pydantic"})
    assert not {name for name in packages if name.startswith("inspector_")}


def test_lists_load_no_scanner() -> None:
    """Telling what plugins contribute needs neither a scanner nor the engine of the reports."""
    assert not loaded("list", "checks") & {"sslyze", "jinja2"}
