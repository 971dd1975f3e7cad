"""The port sweep against running servers."""

import re
import subprocess
from typing import Literal

import pytest

from inspector import Cause, Outcome, ScanFailure, SubjectResult
from inspector.declare.authorisation import Authorisation, PortRange
from inspector.declare.settings import Settings
from inspector.network.protocols.nmap import common_ports
from inspector_services.checks.no_database_reachable import no_database_reachable
from inspector_services.checks.ports_only_declared import ports_only_declared
from inspector_services.identification import banners
from inspector_services.observations import OpenPorts, PortState
from inspector_services.port_roles import NOTABLE
from inspector_services.probes import BLOCK_PORTS, blocks_of, ports
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
        assert set(seen.open) == listening(address) & {port for group in seen.groups for port in group.ports}
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
    assert read(ports, output, target).scanned == len(set(NOTABLE).union(common(100)))
    assert re.fullmatch(r"[\d.]+\w*", output.tools["nmap"])


def common(count: int) -> tuple[int, ...]:
    """The ports that nmap finds open most often."""
    return common_ports(installed("nmap"), count)


def test_the_cost_of_a_sweep_follows_from_its_ports() -> None:
    """The upper bound counts each port with its retries; it is not below what is asked, whatever is declared."""
    for target in (host(own_address(), 65000), host(own_address(), 80)):
        for top, common_ones in ((100, common(100)), (1000, common(1000)), (65535, common(1000))):
            asked = sum(map(len, blocks_of(target, common_ones, all_ports=top == 65535)))
            bound = ports.cost(target, {"top_ports": top}).port_questions
            assert 3 * asked <= bound <= 3 * min(65535, asked + 151)


def test_a_sweep_of_all_ports_asks_each_once_in_blocks() -> None:
    """No port is in two blocks, the usual ones come first, and a block is bounded."""
    blocks = blocks_of(host(own_address(), 60000), common(1000), all_ports=True)
    assert sorted(port for block in blocks for port in block) == list(range(1, 65536))
    assert {60000, *NOTABLE, *common(1000)} == set(blocks[0])
    assert max(map(len, blocks)) <= BLOCK_PORTS


@pytest.mark.parametrize("top", [100, 1000])
def test_the_ports_of_a_level_are_the_most_common_ones(top: Literal[100, 1000]) -> None:
    """What is asked are the declared ports, those of the table and the most common ones; the rest is not selected."""
    address = own_address()
    target = host(address, 61000)
    with speaking(address, {61000: "silent", 61001: "silent"}):
        seen: OpenPorts = read(ports, scan(ports, target, top_ports=top), target)
    asked = {port for group in seen.groups for port in group.ports}
    assert asked == {61000, *NOTABLE, *common(top)}
    assert len(common(top)) == top
    assert seen.open == (61000,)
    assert seen.state(61001).unseen is Cause.NOT_SELECTED
