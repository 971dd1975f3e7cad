"""The estate of zones, served once for all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.plugins.inspector_dns.zones import Served, serving


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The running estate."""
    with serving(tmp_path_factory.mktemp("dns")) as running:
        yield running
