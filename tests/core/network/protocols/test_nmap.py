"""nmap behind the gateway: polite, pinned, paced, and gone when it must be."""

import asyncio
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import pytest

from inspector.declare.authorisation import Authorisation, Covers, Rates
from inspector.declare.settings import Settings, SweepMethod
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.model.intrusiveness import Intrusiveness
from inspector.network.protocols.nmap import check_arguments, common_ports, find_nmap
from inspector.network.protocols.nmap_batch import port_list
from tests.core.network.addresses import (
    ADDRESS,
    FAST,
    HOST,
    LocalGateway,
    authorise,
    make_probe,
    most_in_a_second,
    needs_raw,
    pinned,
    serving,
    target,
)

needs_nmap = pytest.mark.skipif(shutil.which("nmap") is None, reason="nmap is not installed")
BLOCK = Covers(blocks=(f"{ADDRESS}/32",))


def sweep(
    folder: Path,
    ports: Sequence[int],
    *,
    arguments: Sequence[str] = (),
    covers: Covers = BLOCK,
    rates: Rates = FAST,
    endpoint: str = f"host:{HOST}",
    settings: Settings | None = None,
    granted: Authorisation | None = None,
    timeout: float = 30.0,
) -> tuple[bytes, LocalGateway]:
    on = LocalGateway(folder, endpoint, granted=granted or authorise(covers=covers, rates=rates), settings=settings)

    async def go() -> bytes:
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(None, scheme="host"), on.granted)
            return await network.nmap(arguments, ports=ports, timeout=timeout)

    return asyncio.run(go()), on


def failure(folder: Path, ports: Sequence[int], **changes: object) -> ScanFailure:
    with pytest.raises(ScanFailure) as caught:
        sweep(folder, ports, **changes)  # type: ignore[arg-type]
    return caught.value


@needs_nmap
def test_open_and_closed_ports_come_back_as_xml(tmp_path: Path) -> None:
    """nmap's own XML comes back whole; the ledger counts each port question of the sweep once."""
    with serving("quiet") as server:
        xml, on = sweep(tmp_path, [server.port, 1, 2, 3])
    states = {port.get("portid"): port.find("state").get("state") for port in ET.fromstring(xml).iter("port")}  # type: ignore[union-attr]
    assert states[str(server.port)] == "open"
    assert "-n -Pn" in xml.decode()
    (entry,) = on.ledger.entries()
    assert (entry.address, entry.protocol, entry.questions, entry.result) == (ADDRESS, "sweep", 4, "open")
    assert entry.authorisation == "a-1"


@needs_nmap
def test_an_ipv6_address_is_swept(tmp_path: Path) -> None:
    """nmap gets the family of the pinned address."""
    on = LocalGateway(tmp_path, granted=authorise(covers=Covers(blocks=("::1/128",))), pins=(pinned("::1"),))

    async def go(port: int) -> bytes:
        async with on.gateway:
            scan = on.gateway.network(make_probe(), target(None, scheme="host", address="::1"), on.granted)
            await (await scan.connect(port)).close()
            return await scan.nmap([], ports=[port], timeout=30)

    with serving("quiet", "::1") as server:
        assert b'state="open"' in asyncio.run(go(server.port))


@needs_nmap
@needs_raw
@pytest.mark.parametrize("arguments", [(), ("-T4", "--max-retries", "1")])
def test_questions_keep_their_rate_as_the_host_counts_them(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """In no second does the host see more port questions than are authorised, and the ledger has them all."""
    rates = Rates(port_questions_per_second=40)
    with serving("quiet") as server, serving("sniff") as sniffer:
        _, on = sweep(tmp_path, [server.port, *range(2000, 2060)], arguments=arguments, rates=rates)
        packets = sniffer.report()["packets"]
    questions = [at for at, _, _, flags in packets if flags & 0x12 == 0x02]
    assert len(questions) == 61
    assert most_in_a_second(questions) <= 40
    assert sum(entry.questions for entry in on.ledger.entries()) == 61


@needs_nmap
@needs_raw
@pytest.mark.parametrize(
    ("intrusiveness", "connects"), [(Intrusiveness.INTRUSIVE, False), (Intrusiveness.POLITE, True)]
)
def test_half_open_questions_need_a_grant(tmp_path: Path, intrusiveness: Intrusiveness, connects: bool) -> None:
    """Chosen in the settings and granted, the server accepts no connection; without the grant a sweep connects.

    Every question is in the ledger, at the authorised rate, as the host counts them.
    """
    rates = Rates(port_questions_per_second=40)
    granted = authorise(covers=BLOCK, rates=rates, intrusiveness=intrusiveness)
    settings = Settings(sweep_method=SweepMethod.SYN)
    with serving("quiet") as server, serving("sniff") as sniffer:
        ports = [server.port, *range(2000, 2060)]
        xml, on = sweep(tmp_path, ports, granted=granted, settings=settings)
        packets = sniffer.report()["packets"]
        accepted = server.report()["accepted"]
    assert b'state="open"' in xml
    assert (len(accepted), b'<scaninfo type="connect"' in xml) == ((1, True) if connects else (0, False))
    questions = [at for at, _, _, flags in packets if flags & 0x12 == 0x02]
    assert len(questions) == len(ports)
    assert most_in_a_second(questions) <= 40
    assert sum(entry.questions for entry in on.ledger.entries()) == len(ports)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("# Nmap 6.40 scan initiated\n# Ports scanned: TCP(1;80)", "nmap 6.40 is too old: 7.80 or newer is needed"),
        ("something else", "does not list its most common ports"),
    ],
)
def test_an_nmap_that_is_too_old_is_said(tmp_path: Path, said: str, message: str) -> None:
    """The version that is needed is named; a program that is not nmap is not taken for it."""
    fake = tmp_path / "nmap"
    fake.write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\n")
    fake.chmod(0o700)
    with pytest.raises(ScanFailure, match=message) as caught:
        common_ports(str(fake), 100)
    assert caught.value.cause is Cause.TOOL_MISSING


@needs_nmap
@needs_raw
def test_two_sweeps_of_one_address_keep_the_rate_together(tmp_path: Path) -> None:
    """Sweeps of the same address run one after the other, also from two scans."""
    rates = Rates(port_questions_per_second=40)
    on = LocalGateway(tmp_path, granted=authorise(covers=BLOCK, rates=rates))

    async def go() -> None:
        async with on.gateway:
            scans = [on.gateway.network(make_probe(), target(None, scheme="host"), on.granted) for _ in range(2)]
            await asyncio.gather(*(scan.nmap([], ports=range(2000, 2030), timeout=30) for scan in scans))

    with serving("sniff") as sniffer:
        asyncio.run(go())
        packets = sniffer.report()["packets"]
    questions = [at for at, _, _, flags in packets if flags & 0x12 == 0x02]
    assert len(questions) == 60
    assert most_in_a_second(questions) <= 40


@needs_nmap
@needs_raw
def test_no_other_host_is_asked(tmp_path: Path) -> None:
    """A sweep needs the address listed."""
    with serving("sniff") as sniffer:
        assert failure(tmp_path, [1, 2], covers=Covers(names=(HOST,))).cause is Cause.OUT_OF_SCOPE
        assert sniffer.report()["packets"] == []


def test_ports_outside_the_document_are_not_swept(tmp_path: Path) -> None:
    """One port outside the ports of the document refuses the sweep, and names it."""
    covers = Covers(blocks=BLOCK.blocks, ports=({"first": 1, "last": 9},))  # type: ignore[arg-type]
    found = failure(tmp_path, [1, 9, 10], covers=covers)
    assert found.cause is Cause.OUT_OF_SCOPE
    assert "port 10" in found.message


@pytest.mark.parametrize(
    "arguments",
    [
        ["127.0.0.1"],
        ["--script", "default"],
        ["-sV"],
        ["-sS"],
        ["-sU"],
        ["-iL", "/etc/passwd"],
        ["-oN", "/tmp/x"],
        ["--scan-delay", "0"],
        ["--max-retries", "-1"],
        ["--max-retries"],
        ["--max-retries=99"],
        ["-p", "1-65535"],
        ["--resume", "x"],
        ["-T5"],
        ["--host-timeout", "1h; id"],
        ["--max-rtt-timeout", "5s"],
    ],
)
def test_only_options_of_a_polite_scan_are_taken(tmp_path: Path, arguments: list[str]) -> None:
    """Targets, scripts, files, other scans and other paces in the arguments are the probe's bug."""
    assert failure(tmp_path, [80], arguments=arguments).cause is Cause.BUG


def test_polite_options_are_taken() -> None:
    """Waiting times and retries may be chosen, in either spelling."""
    assert check_arguments(["--max-retries=1", "-T4"]) == ["--max-retries", "1", "-T4"]


@pytest.mark.parametrize("path", [(), ("/nonexistent/nmap",)])
def test_a_missing_nmap_is_said(tmp_path: Path, path: tuple[str, ...]) -> None:
    """Without nmap on the search path the failure is tool-missing, and the ledger is empty."""
    found = failure(tmp_path, [80], settings=Settings(nmap_search_path=path))
    assert found.cause is Cause.TOOL_MISSING
    assert list(LocalGateway(tmp_path).ledger.entries()) == []
    with pytest.raises(ScanFailure, match="not found"):
        find_nmap(path)


@needs_nmap
def test_a_sweep_ends_on_its_deadline_and_leaves_no_process(tmp_path: Path) -> None:
    """A sweep that takes longer than it may is a timeout, is counted whole, and its process is gone."""
    fake = tmp_path / "nmap"
    fake.write_text("#!/bin/sh\necho $$ > $0.pid\nsleep 600\n")
    fake.chmod(0o700)
    found = failure(tmp_path, [80, 81], settings=Settings(nmap_search_path=(str(fake),)), timeout=0.5)
    assert found.cause is Cause.TIMEOUT
    pid = int(fake.with_name("nmap.pid").read_text())
    assert not Path(f"/proc/{pid}").exists()
    (entry,) = LocalGateway(tmp_path).ledger.entries()
    assert (entry.questions, entry.result) == (2, "timeout")


def test_a_sweep_dies_with_the_inspector(tmp_path: Path) -> None:
    """When the inspecting process is killed, its sweep ends too."""
    fake = tmp_path / "nmap"
    fake.write_text("#!/bin/sh\necho $$ > $0.tmp\nmv $0.tmp $0.pid\nexec sleep 600\n")
    fake.chmod(0o700)
    process = subprocess.Popen([sys.executable, "-c", _SWEEP, str(tmp_path)])
    while not fake.with_name("nmap.pid").exists():
        assert process.poll() is None
        time.sleep(0.01)
    pid = int(fake.with_name("nmap.pid").read_text())
    process.kill()
    process.wait()
    while _is_running(pid):
        time.sleep(0.01)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


_SWEEP = """
import sys
from pathlib import Path
from inspector.declare.settings import Settings
from tests.core.network.protocols.test_nmap import sweep
folder = Path(sys.argv[1])
sweep(folder, [80], settings=Settings(nmap_search_path=(str(folder / "nmap"),)), timeout=60)
"""


def test_a_failing_nmap_is_a_bug_with_its_words(tmp_path: Path) -> None:
    """The last output of nmap is reported when it fails."""
    fake = tmp_path / "nmap"
    fake.write_text("#!/bin/sh\necho 'no such thing' >&2\nexit 3\n")
    fake.chmod(0o700)
    found = failure(tmp_path, [80], settings=Settings(nmap_search_path=(str(fake),)))
    assert found.cause is Cause.BUG
    assert "no such thing" in found.message


def test_runs_of_ports_are_written_short() -> None:
    """Ports are sorted and unique, and runs are shortened."""
    assert port_list([443, 80, 81, 82, 80, 22]) == "22,80-82,443"
