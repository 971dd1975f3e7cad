"""Every check of every plugin, on what was recorded."""

from __future__ import annotations

import pytest

from inspector import Language
from inspector.report.messages import catalogue
from inspector.testing import Case, assert_cases_complete, assert_verdict
from tests.plugins.builtin import FOLDERS, PACKAGES, REGISTRY, all_cases


@pytest.mark.parametrize("case", all_cases(), ids=str)
def test_verdict(case: Case) -> None:
    """The check gives the verdict of its case, and the message is translated."""
    assert_verdict(case)
    message = case.verdict().message.id
    package = REGISTRY.package_of(case.check.id)
    assert message in {**catalogue("inspector", Language.VI), **catalogue(package, Language.VI)}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_check_has_cases(package: str) -> None:
    """Every check has cases that pass, fail and are inconclusive, and every recording is used."""
    assert_cases_complete(package, FOLDERS[package])
