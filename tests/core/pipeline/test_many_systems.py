"""What one system costs does not grow with the number of systems that are declared."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import certifi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.declare.authorisation import Authorisation, Covers
from inspector.declare.declaration import Declaration, Organisation, System
from inspector.declare.settings import Settings
from inspector.model.base import digest
from inspector.model.subject import parse_uri
from inspector.network.access import time_windows
from inspector.network.access.addresses import address_blocks, parse_address
from inspector.pipeline import system_filter
from inspector.pipeline import trust as trust_module
from inspector.pipeline.context import InputDocuments, RunContext, request_for
from inspector.pipeline.system_filter import SystemFilter
from inspector.regime.regime import resolve
from tests.core.systems import authorisation, regime, registry, row, system

MANY = 40
AT = datetime(2026, 6, 1, tzinfo=UTC)


class Count:
    """Counts the calls of a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.calls = 0

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        return self.function(*arguments, **named)


def estate(number: int) -> tuple[tuple[System, ...], Authorisation]:
    """Systems with two endpoints each, and an authorisation that names them all."""
    systems = tuple(
        system(f"sensor://a.s{each}.test", f"sensor://b.s{each}.test", id=f"s{each}") for each in range(number)
    )
    names = tuple(name for each in range(number) for name in (f"a.s{each}.test", f"*.s{each}.test"))
    return systems, authorisation(covers=Covers(names=(*names, "mx.provider.test"), blocks=("192.0.2.0/24",)))


def test_requests_visit_each_subject_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each endpoint is parsed once for all requests, and once for that of its system."""
    systems, granted = estate(MANY)
    known = registry()
    documents = InputDocuments(Declaration(organisation=Organisation(code="o", name="o"), systems=systems), (granted,))
    context = RunContext(known, Settings(), (regime(row("sensor-online")),), documents, tables=())
    parsed = Count(parse_uri)
    digested = Count(digest)
    monkeypatch.setattr(system_filter, "parse_uri", parsed)
    monkeypatch.setattr("inspector.pipeline.request.digest", digested)
    for number, each in enumerate(systems):
        request = request_for(each, context, run="run", as_of=AT)
        [cut] = request.authorisations
        assert cut.covers.names == (f"a.s{number}.test", f"*.s{number}.test", "mx.provider.test")
    assert parsed.calls == 2 * 2 * MANY
    assert digested.calls == 1


LABELS = st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map(".".join)
NAMES = st.lists(st.builds("{}{}.test".format, st.sampled_from(["", "*."]), LABELS), max_size=8, unique=True)


@given(st.lists(st.lists(LABELS, max_size=3), min_size=1, max_size=4), NAMES)
def test_names_are_cut_as_by_comparing_each_with_every_host(hosts: list[list[str]], names: list[str]) -> None:
    """A name stays when it covers a host of the system, or none of any."""
    systems = [system(*(f"sensor://{each}.test" for each in own), id=f"s{number}") for number, own in enumerate(hosts)]
    known = SystemFilter(systems, (), registry().schemes)
    given = authorisation(covers=Covers(names=tuple(names), blocks=("192.0.2.1",)))

    def covers(name: str, own: list[str]) -> bool:
        return any(f"{each}.test".endswith(name[1:]) if name[0] == "*" else f"{each}.test" == name for each in own)

    for own, each in zip(hosts, systems, strict=True):
        [cut] = known.authorisations(each, [given])
        expected = [name for name in names if covers(name, own) or not any(covers(name, other) for other in hosts)]
        assert list(cut.covers.names) == expected


BLOCKS = ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "0.0.0.0/0", "::/0", "2001:db8::/32", "2001:db8::1/128")


@pytest.mark.parametrize("text", ["10.1.2.3", "10.1.9.9", "10.9.9.9", "192.0.2.1", "2001:db8::1", "2001:db9::1"])
def test_blocks_that_hold_an_address_are_looked_up(text: str) -> None:
    """They are those of which each says so itself; the blocks of one authorisation are parsed once."""
    address = parse_address(text)
    assert address is not None
    expected = [place for place, block in enumerate(BLOCKS) if address in ipaddress.ip_network(block)]
    assert sorted(address_blocks(BLOCKS).holding(address)) == expected
    assert address_blocks(BLOCKS) is address_blocks(BLOCKS)


def test_systems_of_one_kind_share_their_rows() -> None:
    """The rows of a level on a day are resolved once; another level, and another regime, have their own."""
    known = regime(row("sensor-online"), row("average-computed"))
    one, other = (resolve(known, system("sensor://a.test", id=each), as_of=AT) for each in ("a", "b"))
    assert one is other
    assert resolve(known, system("sensor://a.test", level=1), as_of=AT) is not one
    assert resolve(known.model_copy(update={"requirements": ()}), system("sensor://a.test"), as_of=AT) == ()


def test_trust_material_is_read_once_for_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each inspection of a run takes the material that the first one read."""
    read = Count(trust_module.read_regular)
    monkeypatch.setattr(trust_module, "read_regular", read)
    declared = (tmp_path / "root.pem",)
    declared[0].write_bytes(Path(certifi.where()).read_bytes())
    settings = Settings(trust_roots=declared)
    first = trust_module.load_trust(settings)
    assert trust_module.load_trust(settings) == first
    assert read.calls == 1
    assert trust_module.load_trust(Settings(trust_roots=declared)) == first
    assert read.calls == 2


def test_an_authorisation_without_windows_is_not_walked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """When it closes is known at once, however long it is valid."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    given = authorisation(valid_from=begin, valid_until=begin + timedelta(days=365 * 70))
    asked = Count(time_windows.intervals)
    monkeypatch.setattr(time_windows, "intervals", asked)
    assert time_windows.closes([given], begin) == given.valid_until
    assert asked.calls == 1
