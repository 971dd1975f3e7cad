"""An inspecting side for each module, and certificates that cost little."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.line.harness import Line
from tests.plugins.inspector_tls import authority


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """An inspecting side with a folder of its own."""
    return Line(tmp_path_factory.mktemp("line"))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The certificate and key of 127.0.0.1, below a root that nobody knows."""
    folder: Path = tmp_path_factory.mktemp("certificate")
    root = authority.root()
    leaf = authority.issue("127.0.0.1", root, ip=["127.0.0.1"], dns=["www.line.test"])
    certificates, key = leaf.write(folder, "leaf")
    return {"certificate": str(certificates), "key": str(key)}
