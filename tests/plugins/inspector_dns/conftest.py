"""The test zones, served once per session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.plugins.inspector_dns.internet import Internet, internet
from tests.plugins.inspector_dns.zones import Served, serving


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The running servers of the test zones."""
    with serving(tmp_path_factory.mktemp("dns")) as running:
        yield running


@pytest.fixture(scope="session")
def private_internet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Internet]:
    """The running private internet."""
    with internet(tmp_path_factory.mktemp("internet")) as running:
        yield running
