"""Built-in plugins are registered in the same way as third-party plugins."""

import subprocess
import sys
from importlib.metadata import distribution, entry_points

import pytest

from tests.packaging.project import PACKAGES, ROOT


def test_installed_metadata_is_that_of_this_tree() -> None:
    installed = sorted(
        point.name for point in distribution("level-inspector").entry_points if point.group == "inspector"
    )
    assert installed == PACKAGES


@pytest.mark.parametrize("name", PACKAGES)
def test_entry_point_loads_the_package_it_names(name: str) -> None:
    [point] = entry_points(group="inspector", name=name)
    assert point.value == name
    assert point.load().__name__ == name


def test_command_answers() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", "from inspector.cli import main; main()", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert "run" in answer.stdout
