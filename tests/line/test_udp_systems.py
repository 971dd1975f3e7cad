"""Questions over UDP to an address of several systems: each learns what its own authorisation lets it ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from inspector.declare.authorisation import Authorisation, Covers, PortRange
from inspector.model.base import Cause
from inspector.model.intrusiveness import Intrusiveness
from inspector.model.observation import Observation
from inspector.record.ledger_entry import LedgerEntry
from inspector_services.udp_observations import Handling, UdpExposure, UdpServices
from tests.core.network.addresses import needs_raw
from tests.line.test_shared_scans import Part, Result, Run, Site
from tests.plugins.inspector_services.udp_servers import ADDRESS, Namespace, Scripted, namespace, scripted
from tests.plugins.inspector_tls.authority import root

pytestmark = needs_raw
HABITS = {53: "silent", 123: "old-ntp", 161: "silent", 389: "cldap"}


@dataclass
class Host(Part):
    """A system with the host as its endpoint."""

    intrusiveness: Intrusiveness = Intrusiveness.POLITE

    @property
    def authorisation(self) -> Authorisation:
        return super().authorisation.model_copy(update={"intrusiveness": self.intrusiveness})


def part(name: str, *ports: int, intrusiveness: Intrusiveness = Intrusiveness.POLITE) -> Host:
    """A system whose authorisation covers these ports alone, or all without any."""
    ranges = tuple(PortRange(first=port, last=port) for port in ports) or (PortRange(first=1, last=65535),)
    covers = Covers(blocks=(ADDRESS,), ports=ranges)
    only = ("udp-services", "udp-exposure")
    return Host(name, [f"host:{ADDRESS}"], covers=covers, only=only, intrusiveness=intrusiveness)


@dataclass
class Shared:
    """What a run over several systems left, and how often each port was asked."""

    result: Result
    asked: dict[int, int]

    def ledger(self, name: str) -> list[LedgerEntry]:
        return [each for each in self.result.ledger(name) if each.protocol == "udp"]

    def seen(self, name: str, kind: type[UdpServices] | type[UdpExposure]) -> Observation | None:
        """What the first scan of this kind saw."""
        evidence = (each for _, each in self.result.bundles[name].evidence() if each.kind == kind.kind)
        facts = next(each.facts for each in evidence if each.scan == 1)
        return None if facts is None else kind.model_validate(facts)

    def services(self, name: str) -> UdpServices:
        seen = self.seen(name, UdpServices)
        assert isinstance(seen, UdpServices)
        return seen


def inspected(space: Namespace, server: Scripted, folder: Path, *parts: Part) -> Shared:
    (folder / "none.pem").write_bytes(root().pem)
    before = server.report()
    with space.entered():
        result = Run(folder, Site(9, folder / "none.pem"), *parts)()
    asked = {port: count - before[port] for port, count in server.report().items()}
    return Shared(result, asked)


@pytest.fixture(scope="module")
def host() -> Iterator[tuple[Namespace, Scripted]]:
    with pytest.MonkeyPatch.context() as patched, namespace() as space, scripted(space, HABITS) as server:
        patched.setattr("inspector_services.udp_probes.ANSWER_SECONDS", 0.5)
        yield space, server


@pytest.fixture(scope="module")
def shared(host: tuple[Namespace, Scripted], tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Two systems that may ask all, one that may ask DNS alone, and one that may ask intrusive questions."""
    parts = (part("one"), part("two"), part("names", 53), part("far", intrusiveness=Intrusiveness.INTRUSIVE))
    return inspected(*host, tmp_path_factory.mktemp("shared"), *parts)


def test_systems_that_may_ask_the_same_ask_once(shared: Shared) -> None:
    """Each of them has every question in its ledger, under its own authorisation; the server got one of each."""
    for name in ("one", "two"):
        assert {each.authorisation for each in shared.ledger(name)} == {f"a-{name}"}
        assert shared.services(name).open == (123, 389)
    assert [(each.port, each.probe) for each in shared.ledger("one")] == [
        (each.port, each.probe) for each in shared.ledger("two")
    ]
    lines = [each for name in shared.result.bundles for each in shared.ledger(name)]
    own = Counter(each.port for each in lines if not each.shared)
    assert {port: own[port] for port in HABITS} == shared.asked
    assert sum(each.shared and each.port == 389 for each in lines) == 2


def test_what_others_may_ask_is_nobody_elses_fact(shared: Shared) -> None:
    """The system of which port 53 alone may be asked learns nothing of the others, though these answered beside it."""
    assert {each.port for each in shared.ledger("names")} == {53}
    seen = shared.services("names")
    assert seen.open == ()
    assert {port: seen.answer(port).unseen for port in HABITS} == {
        53: Cause.TIMEOUT,
        **dict.fromkeys((123, 161, 389), Cause.OUT_OF_SCOPE),
    }


def test_intrusive_questions_are_only_of_who_may_ask_them(shared: Shared) -> None:
    """Without the grant there are no facts, though another system's questions were answered."""
    far = shared.seen("far", UdpExposure)
    assert isinstance(far, UdpExposure)
    assert far.ntp_monitor.seen is Handling.ANSWERED
    for name in ("one", "two", "names"):
        assert shared.seen(name, UdpExposure) is None
        assert "udp-exposure" not in {each.probe for each in shared.ledger(name)}


def test_a_system_alone_finds_the_same(shared: Shared, host: tuple[Namespace, Scripted], tmp_path: Path) -> None:
    """Sharing changes no finding."""
    alone = inspected(*host, tmp_path, part("one"))
    assert alone.result.findings("one") == shared.result.findings("one")
