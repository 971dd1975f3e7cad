"""Several systems at one address in one run, counted at the server: they share what the address may be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from inspector.seal import State
from tests.core.network.addresses import most_in_a_second, needs_raw
from tests.core.network.addresses import serving as counting
from tests.core.network.pacing.test_rates import opened
from tests.line.harness import Line, Servers, serving, system, wait_until
from tests.line.test_many_systems import run_of, signed, states

RATES = {"connections_per_second": 30, "burst": 30, "at_once": 5}


def assert_kept(packets: list[list[float]], ports: Sequence[int], rates: Mapping[str, int]) -> list[float]:
    """No second saw more connections than the burst, and no longer time more than burst and rate; gives the instants.

    ``ports`` are those of one address.
    """
    instants = sorted(at for port in ports for at in opened(packets, port))
    assert most_in_a_second(instants) <= rates["burst"]
    for index, start in enumerate(instants):
        for number, end in enumerate(instants[index:], start=1):
            # Each that was granted before this window may be sent within it.
            assert number <= rates["burst"] + rates["connections_per_second"] * (end - start) + rates["at_once"]
    return instants


#: A rate at which all scans of a few systems wait.
SLOW = {"connections_per_second": 10, "burst": 10, "at_once": 3}
TLS = ("--only", "tls", "--lang", "en")


def pages(certificate: Mapping[str, str], count: int) -> list[dict[str, Any]]:
    """So many servers with TLS, all at one address."""
    return [{"name": f"page-{number}", "mode": "page", **certificate} for number in range(count)]


def at_each(servers: Servers) -> list[dict[str, Any]]:
    """A system for each server: their scans are not the same, and so not shared."""
    return [system(f"https://127.0.0.1:{port}/", id=name) for name, port in servers.ports.items()]


@needs_raw
def test_systems_at_one_address_share_its_rate(line: Line, certificate: dict[str, str]) -> None:
    """No second sees more than the burst, and no longer time more than burst and rate, whichever system asks."""
    with serving({"name": "page", "mode": "page", **certificate}) as servers, counting("sniff", "127.0.0.1") as sniffer:
        port = servers.ports["page"]
        endpoint = f"https://127.0.0.1:{port}/"
        systems = [system(endpoint, id=f"system-{number}") for number in range(3)]
        result = line.call("run", line.declare(*systems, rates=RATES), "--only", "tls")
        packets = sniffer.report()["packets"]
    assert len(result.bundles) == 3
    assert len(assert_kept(packets, [port], RATES)) > RATES["burst"]


def test_without_a_place_for_the_state_nothing_is_sent(line: Line) -> None:
    """A folder that others may use ends the command with its path and a remedy, before the first connection."""
    shared = line.folder / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    with serving({"name": "page", "mode": "page"}) as servers:
        declaration = line.declare(system(f"http://127.0.0.1:{servers.ports['page']}/"), name="nowhere.yaml")
        result = line.call("run", declaration, "--only", "http", "--lang", "en", rate_state=str(shared))
        assert not any(servers.received().values())
    assert result.code == 2
    assert f"{shared}: the state of the rate limits is accessible to other users; take the permissions" in result.err


@needs_raw
def test_the_systems_of_two_runs_at_once_share_the_rate(line: Line, certificate: dict[str, str]) -> None:
    """Two processes, each with a run over two systems at one address: what the server sees is the rate of one."""
    with serving(*pages(certificate, 2)) as servers, counting("sniff", "127.0.0.1") as sniffer, ExitStack() as running:
        declaration = line.declare(*at_each(servers), name="two-runs.yaml", rates=SLOW)
        outputs = [line.new_output() for _ in range(2)]
        processes = [line.start("run", declaration, *TLS, output=output) for output in outputs]
        for process in processes:
            running.callback(process.kill)
        results = [line.ended(process, output) for process, output in zip(processes, outputs, strict=True)]
        instants = assert_kept(sniffer.report()["packets"], list(servers.ports.values()), SLOW)
    assert [len(each.bundles) for each in results] == [2, 2], [each.err for each in results]
    own = [entry for each in results for entry in each.ledger if entry.protocol == "tcp" and not entry.shared]
    assert len(instants) == len(own) > 2 * 2 * SLOW["burst"]
    # They really ran side by side.
    begun = [min(entry.at for entry in each.ledger) for each in results]
    ended = [max(entry.at for entry in each.ledger) for each in results]
    assert max(begun) < min(ended)


def _sent(output: Path) -> int:
    """The lines of all ledgers so far."""
    return sum(len(each.read_bytes().splitlines()) for each in output.glob("*/*/*/ledger.jsonl"))


@needs_raw
def test_a_run_that_is_killed_five_times_and_resumed_sends_no_faster(line: Line, certificate: dict[str, str]) -> None:
    """SIGKILL in the middle of the scans of several systems at one address gives no connection back."""
    with serving(*pages(certificate, 3)) as servers, counting("sniff", "127.0.0.1") as sniffer:
        output = line.new_output()
        declaration = line.declare(*at_each(servers), name="killed-five-times.yaml", rates=SLOW)
        command: tuple[object, ...] = ("run", declaration, *TLS)
        for _ in range(5):
            before = _sent(output)
            process = line.start(*command, output=output)
            try:
                wait_until(lambda before=before: _sent(output) > before + SLOW["burst"], process)  # type: ignore[misc]
            finally:
                process.kill()
                process.communicate()
            command = ("run", "--resume", run_of(output))
        result = line.call(*command, output=output)
        instants = assert_kept(sniffer.report()["packets"], list(servers.ports.values()), SLOW)
    assert len(instants) > 5 * SLOW["burst"] // 2
    assert states(output) == {name: [State.SEALED] for name in servers.ports}
    assert {each.system for each in signed(output)} == set(servers.ports)
    # Whatever was killed, no connection is missing in the ledgers.
    assert sum(entry.protocol == "tcp" for entry in result.ledger) >= len(instants)
