"""A run over many systems at healthy servers: nothing times out, and what is open stays within its bounds."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import pytest

from inspector.fleet import open_files
from inspector.fleet.admission import SystemAdmission
from inspector.model.base import Cause
from inspector.seal import State
from tests.core.network.addresses import needs_raw
from tests.core.network.addresses import serving as counting
from tests.core.network.pacing.test_rates import _ACK, _FIN, _RST, _SYN
from tests.line.harness import Line, RunResult, serving, system
from tests.line.test_many_systems import states

SYSTEMS = 24
#: What the settings allow at once.
CEILINGS = {"systems": 6, "connections": 8}


def open_together(packets: list[list[float]], ports: set[float]) -> int:
    """The most connections to these ports that were open together, as the packets tell: a reset of either side, or a
    FIN of the client, ends one.
    """
    alive: set[tuple[float, float]] = set()
    most = 0
    for _, source, where, flags in packets:
        if source in ports and int(flags) & _RST:
            alive.discard((where, source))
        if where not in ports:
            continue
        if int(flags) & (_FIN | _RST):
            alive.discard((source, where))
        elif int(flags) & (_SYN | _ACK) == _SYN:
            alive.add((source, where))
        most = max(most, len(alive))
    return most


@dataclass
class Most:
    """The most systems in flight, and open files of this process, at any tick of the event loop."""

    systems: int = 0
    files: int = 0
    ticks: list[float] = field(default_factory=list)


@dataclass
class Ran:
    """A run, what it used, and the most connections that its servers saw open together."""

    result: RunResult
    most: Most
    connections: int


@pytest.fixture(scope="module")
def ran(line: Line, certificate: dict[str, str]) -> Ran:
    """24 systems, each with HTTPS and HTTP, at rates that no connection waits for."""
    most = Most()
    record = SystemAdmission.record_lag

    def noted(admission: SystemAdmission, seconds: float) -> None:
        most.systems = max(most.systems, admission.running)
        most.files = max(most.files, len(os.listdir("/proc/self/fd")))  # noqa: PTH208  (numbers are wanted)
        most.ticks.append(seconds)
        record(admission, seconds)

    names = [f"s-{number:02}" for number in range(SYSTEMS)]
    orders = [{"name": each, "mode": "page", **certificate} for each in names]
    orders += [{"name": f"{each}-clear", "mode": "page"} for each in names]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SystemAdmission, "record_lag", noted)
        patch.setattr("inspector.fleet.admission.START_SECONDS", 0.01)
        with serving(*orders) as servers, counting("sniff", "127.0.0.1") as sniffer:
            ports = servers.ports
            systems = [
                system(f"https://127.0.0.1:{ports[each]}/", f"http://127.0.0.1:{ports[f'{each}-clear']}/", id=each)
                for each in names
            ]
            only = ("--only", "tls-modern-protocols", "--only", "http", "--lang", "en")
            result = line.call("run", line.declare(*systems), *only, ceilings=CEILINGS)
            packets = sniffer.report()["packets"]
    return Ran(result, most, open_together(packets, {float(port) for port in ports.values()}))


@needs_raw
def test_no_healthy_server_times_out(ran: Ran) -> None:
    """No scan, no question of one and no finding has the cause timeout, and all systems are sealed."""
    assert states(ran.result.output) == {f"s-{number:02}": [State.SEALED] for number in range(SYSTEMS)}
    assert len(ran.result.evidence) >= 2 * SYSTEMS
    causes = [each.failure.cause for each in ran.result.evidence if each.failure]
    causes += [gap.cause for each in ran.result.evidence for gap in each.gaps]
    assert Cause.TIMEOUT not in causes
    assert [each for each in ran.result.findings if each["cause"] == "timeout"] == []
    assert "timeout" not in {each.result for each in ran.result.ledger}


@needs_raw
def test_no_more_is_open_than_the_settings_allow(ran: Ran) -> None:
    """Systems in flight, connections as the servers see them, and open files of the process."""
    assert 1 < ran.most.systems <= CEILINGS["systems"]
    assert 1 < ran.connections <= CEILINGS["connections"]
    most = open_files.FILES_PER_SYSTEM * CEILINGS["systems"] + CEILINGS["connections"] + open_files._OTHERS
    assert ran.most.files <= most
    assert open_files.systems_within(most, CEILINGS["connections"]) >= CEILINGS["systems"]
