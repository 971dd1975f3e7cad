"""Inspector finds all defects that were planted in configurations of real servers, and only those."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from inspector import Outcome, Verdict
from tests.plugins.inspector_http.configurations.inspection import inspect
from tests.plugins.inspector_http.configurations.model import Configuration, configurations
from tests.plugins.inspector_http.configurations.servers import serving
from tests.plugins.inspector_services.servers import own_address


@pytest.fixture(scope="module")
def verdicts() -> Iterator[dict[str, dict[str, Verdict]]]:
    """The verdicts on every configuration, inspected at once."""
    address = own_address()
    every = configurations()
    with serving(every, address):
        yield inspect(every, address)


@pytest.mark.parametrize("configuration", configurations(), ids=lambda each: each.id)
def test_planted_defects_are_found(configuration: Configuration, verdicts: dict[str, dict[str, Verdict]]) -> None:
    """All of them and no other; what could not be seen is inconclusive, with the cause."""
    found = verdicts[configuration.id]
    failed = {check: str(each.message) for check, each in found.items() if each.outcome is Outcome.FAIL}
    assert failed.keys() == configuration.entry.defects, failed
    unclear = {check: str(each.cause) for check, each in found.items() if each.outcome is Outcome.INCONCLUSIVE}
    assert configuration.entry.explains(unclear), unclear
    assert not [each for each in found.values() if each.outcome is Outcome.ERROR]


def test_there_are_enough() -> None:
    """At least 80 configurations, of every kind of server."""
    every = configurations()
    assert len(every) >= 80
    assert {each.server for each in every} == {"nginx", "apache", "lighttpd", "asgi", "raw"}
    assert len({each.id for each in every}) == len(every)
