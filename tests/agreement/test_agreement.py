"""The reduced form: what the inspection says of the zoo agrees with what is planted and with independent tools."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agreement.comparison import INSPECTOR, explanations, faults
from tests.agreement.environment import Missing
from tests.agreement.planting import Server
from tests.agreement.servers import REDUCED
from tests.agreement.tools import FAST
from tests.agreement.workers import Examined, examining


@pytest.fixture(scope="session")
def examined() -> Iterator[Examined]:
    """The examinations of all servers, under way two at a time."""
    with examining(REDUCED, (INSPECTOR, *FAST), jobs=3) as under_way:
        yield under_way


@pytest.mark.parametrize("server", REDUCED, ids=lambda server: server.name)
def test_agreement(server: Server, examined: Examined) -> None:
    """Whatever the inspection or a tool says otherwise than planted is explained, and all explanations hold."""
    try:
        examination = examined[server.name].result(timeout=600)
    except Missing as missing:
        pytest.skip(str(missing))
    assert faults(examination, explanations()) == []
