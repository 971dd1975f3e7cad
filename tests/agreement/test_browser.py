"""The explanations of what Chromium does otherwise; it is asked by ``make agreement-browser``, not by the tests."""

from __future__ import annotations

from tests.agreement.browser import EXPLANATIONS, NAME
from tests.agreement.corpora.comparison import explanations
from tests.plugins.inspector_http.configurations.model import configurations


def test_explanations_are_about_configurations() -> None:
    """Each explains facts of configurations that exist, by a source."""
    names = {each.id for each in configurations()}
    explained = explanations(EXPLANATIONS)
    assert {each.corpus for each in explained} <= {NAME}
    assert {name for each in explained for name in each.names} <= names
    assert all(each.source and each.reason for each in explained)
