"""The test zones, served once per session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.plugins.inspector_dns.zones import Served, serving


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The running servers of the test zones."""
    with serving(tmp_path_factory.mktemp("dns")) as running:
        yield running
