"""The mail domains, served once for all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.plugins.inspector_mail.zones import serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the running server on 127.0.0.1."""
    with serving(tmp_path_factory.mktemp("mail")) as port:
        yield port
