"""The built-in plugins that bring checks, and the folders of their cases."""

from __future__ import annotations

from pathlib import Path

from inspector.registry.registry import installed
from inspector.testing import Case, cases

REGISTRY = installed()
_BUILT_IN = {plugin.package for plugin in REGISTRY.plugins if plugin.distribution == "level-inspector"}
#: Packages of the built-in plugins that bring checks.
PACKAGES = sorted({REGISTRY.package_of(check) for check in REGISTRY.checks} & _BUILT_IN)
#: The folder of each package's tests, with ``cases`` and ``recorded``.
FOLDERS = {package: Path(__file__).parent / package for package in PACKAGES}


def all_cases() -> list[Case]:
    """The cases of every built-in plugin."""
    return [case for package, folder in FOLDERS.items() for case in cases(package, folder)]
