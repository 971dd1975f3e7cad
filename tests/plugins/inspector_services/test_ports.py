"""The port sweep against running servers."""

import re
import subprocess

import pytest

from inspector import Cause, Outcome, ScanFailure, SubjectResult
from inspector.declare.authorisation import Authorisation, PortRange
from inspector.declare.settings import Settings
from inspector_services.checks.no_database_reachable import no_database_reachable
from inspector_services.checks.ports_only_declared import ports_only_declared
from inspector_services.identification import banners
from inspector_services.observations import OpenPorts, PortState
from inspector_services.port_roles import NOTABLE
from inspector_services.probes import ports, ports_to_scan
from tests.plugins.inspector_services.scanning import AUTHORISATION, host, read, scan, tcp
from tests.plugins.inspector_services.servers import installed, own_address, redis, speaking, sshd


@pytest.fixture(autouse=True)
def _nmap() -> None:
    installed("nmap")


def listening(address: str) -> set[int]:
    """The TCP ports on which something listens at this very address, as the kernel says."""
    shown = subprocess.run([installed("ss"), "-Hltn"], check=True, capture_output=True, text=True).stdout
    return {int(port) for port in re.findall(rf"\s{re.escape(address)}:(\d+)\s", shown)}


def test_the_sweep_sees_what_the_kernel_lists() -> None:
    """Open are exactly the scanned ports on which a process listens."""
    address = own_address()
    target = host(address, 8443)
    with speaking(address, {8443: "silent", 3000: "silent", 20001: "silent"}), sshd(address):
        seen = read(ports, scan(ports, target), target)
        assert set(seen.open) == listening(address) & set(ports_to_scan(target, "notable"))
    assert seen.open == (2222, 3000, 8443)


def test_a_reachable_redis_fails_and_one_that_is_gone_passes() -> None:
    """From scan to verdict, against a real database."""
    address = own_address()
    target = host(address)

    def verdict() -> Outcome:
        seen = read(ports, scan(ports, target), target)
        received = read(banners, scan(banners, target, seen), target)
        return no_database_reachable.evaluate(
            [SubjectResult(target.subject, seen), SubjectResult(target.subject, received)], {}
        ).outcome

    with redis(address):
        assert verdict() is Outcome.FAIL
    assert verdict() is Outcome.PASS


def test_a_port_without_response_is_filtered_beside_ports_that_answer() -> None:
    """Repeated SYNs without a response mean filtered, not open."""
    address = own_address()
    target = host(address, 8443)
    with speaking(address, {8443: "silent", 5432: "deaf"}):
        seen = read(ports, scan(ports, target), target)
    assert seen.state(5432).seen is PortState.FILTERED
    assert ports_only_declared(seen, tcp(8443)).outcome is Outcome.PASS


def test_an_address_that_blocks_during_the_sweep_has_unseen_ports() -> None:
    """When the recheck fails, no other port counts as closed."""
    address = own_address()
    target = host(address, 8443)
    with speaking(address, {8443: "once"}):
        seen: OpenPorts = read(ports, scan(ports, target), target)
    assert seen.state(3306).unseen is Cause.BLOCKED
    assert ports_only_declared(seen, tcp(8443)).outcome is Outcome.INCONCLUSIVE


def covering(ports: tuple[PortRange, ...] | None) -> Authorisation:
    covers = AUTHORISATION.covers.model_copy(update={"ports": ports})
    return AUTHORISATION.model_copy(update={"covers": covers})


def test_a_listed_address_may_be_scanned_without_naming_ports() -> None:
    """An authorisation that lists the address and no ports covers the sweep and what it finds open."""
    address, granted = own_address(), covering(None)
    target = host(address)
    with speaking(address, {5900: "vnc"}):
        seen = read(ports, scan(ports, target, authorisation=granted), target)
        received = read(banners, scan(banners, target, seen, authorisation=granted), target)
    assert (seen.open, received.banner_of(5900).value.cleartext) == ((5900,), True)


def test_ports_that_the_authorisation_leaves_out_are_unseen() -> None:
    """Only the declared ports are scanned where the authorisation names ports; the others are out of scope."""
    address = own_address()
    target = host(address, 8443)
    granted = covering((PortRange(first=8443, last=8443),))
    with speaking(address, {8443: "silent", 5900: "vnc"}):
        seen = read(ports, scan(ports, target, authorisation=granted), target)
    assert seen.open == (8443,)
    assert seen.state(5900).unseen is Cause.OUT_OF_SCOPE
    assert ports_only_declared(seen, tcp(8443)).outcome is Outcome.INCONCLUSIVE


def test_without_nmap_nothing_is_seen() -> None:
    """A missing tool is a failure with its own cause."""
    with pytest.raises(ScanFailure) as failure:
        scan(ports, host(own_address()), settings=Settings(nmap_search_path=()))
    assert failure.value.cause is Cause.TOOL_MISSING


def test_parsing_starts_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """The output of a scan is parsed without nmap."""
    address = own_address()
    target = host(address)
    output = scan(ports, target)
    monkeypatch.setattr(subprocess, "Popen", None)
    assert read(ports, output, target).scanned == len(NOTABLE)
    assert re.fullmatch(r"[\d.]+\w*", output.tools["nmap"])


def test_the_cost_of_a_sweep_follows_from_its_ports() -> None:
    """The upper bound counts each port with its retries; a larger port set costs more."""
    target = host(own_address(), 65000)
    costs = [ports.cost(target, {"sweep": reach}).port_questions for reach in ("notable", "system", "all")]
    assert costs[0] == 3 * (len(NOTABLE) + 1)
    assert costs == sorted(costs)
    assert costs[2] == 3 * 65535
