"""The reduced run: the inspection agrees with the expected facts and with independent tools."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agreement.comparison import INSPECTOR, explanations, faults
from tests.agreement.expected import Server
from tests.agreement.servers import REDUCED
from tests.agreement.tools import FAST
from tests.agreement.workers import Examined, examining


@pytest.fixture(scope="session")
def examined() -> Iterator[Examined]:
    """The examinations of all servers, two at a time."""
    with examining(REDUCED, (INSPECTOR, *FAST), jobs=3) as under_way:
        yield under_way


@pytest.mark.parametrize("server", REDUCED, ids=lambda server: server.name)
def test_agreement(server: Server, examined: Examined) -> None:
    """Every disagreement of the inspection or a tool is explained, and every explanation is used."""
    examination = examined[server.name].result(timeout=600)
    assert faults(examination, explanations()) == []
