"""Sweeps of several addresses in one process: as if each had one of its own."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inspector.declare.authorisation import Covers, Rates
from inspector.declare.settings import Settings
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network import Gateway, Ledger, Scope
from inspector.network.protocols import nmap_batch
from inspector.network.protocols.nmap_batch import about_address
from tests.core.network.addresses import (
    FAST,
    authorise,
    make_probe,
    most_in_a_second,
    needs_raw,
    pinned,
    serving,
    system,
    target,
)
from tests.core.network.protocols.test_nmap import needs_nmap

#: Logs its process id and, with a final line each, the addresses that it reads; then it is nmap.
_COUNTED = """#!/bin/sh
printf '%s %s\\n' $$ "$*" >> {log}
exec nmap "$@"
"""
OPENS, CLOSES = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)


@dataclass
class Estate:
    """Systems with one address each, every one with a gateway, ledger and authorisation of its own; one event loop."""

    folder: Path
    addresses: Sequence[str]
    program: str = ""
    rates: dict[str, Rates] = field(default_factory=dict)
    closes: dict[str, datetime] = field(default_factory=dict)
    gateways: dict[str, Gateway] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.log = self.folder / "log"
        self.log.touch()
        script = self.folder / "nmap"
        script.write_text(self.program or _COUNTED.format(log=self.log))
        script.chmod(0o700)
        self.settings = Settings(nmap_search_path=(str(script),))

    @property
    def processes(self) -> list[str]:
        """The command line of each process, with its id."""
        return self.log.read_text().splitlines()

    def ledger(self, address: str) -> list[tuple[str, str, int, str]]:
        """Address, authorisation, questions and result of each line in the ledger of a system."""
        ledger = Ledger(self.folder / f"{address}.jsonl")
        found = [(each.address, each.authorisation or "", each.questions, each.result) for each in ledger.entries()]
        ledger.close()
        return found

    async def sweep(self, address: str, ports: Sequence[int], *, after: float = 0.0) -> object:
        """The XML about the address, or what went wrong."""
        granted = authorise(
            id=f"a-{address}",
            covers=Covers(blocks=(address,)),
            rates=self.rates.get(address, FAST),
            valid_from=OPENS,
            valid_until=self.closes.get(address, CLOSES),
        )
        ledger = Ledger(self.folder / f"{address}.jsonl")
        scope = Scope([granted], system(f"host:{address}"), [pinned(address, name=address)])
        gateway = self.gateways[address] = Gateway(self.settings, scope, ledger, salt=b"salt", run="r-1")
        async with gateway:
            await asyncio.sleep(after)
            scan = gateway.network(make_probe(), target(None, host=address, address=address, scheme="host"), granted)
            try:
                return await scan.nmap([], ports=ports, timeout=60)
            except ScanFailure as failure:
                return failure
            finally:
                await scan.close()
                ledger.close()

    def sweep_all(self, ports: Sequence[int], *others: Any) -> list[Any]:
        async def go() -> list[object]:
            return await asyncio.gather(*(self.sweep(each, ports) for each in self.addresses), *others)

        return asyncio.run(go())[: len(self.addresses)]


def addresses(number: int, *, first: int = 1) -> list[str]:
    return [f"127.7.1.{each}" for each in range(first, first + number)]


@needs_nmap
def test_one_process_asks_the_addresses_of_many_systems(tmp_path: Path) -> None:
    """Each system gets the XML about its own address, and its ledger has its own sweep; no more than 32 share one."""
    estate = Estate(tmp_path, addresses(34))
    with serving("quiet", estate.addresses[3]) as server:
        found = estate.sweep_all([server.port, 2, 3])
    for place, (address, xml) in enumerate(zip(estate.addresses, found, strict=True)):
        assert xml.count(b"<host ") == 1
        assert [each for each in estate.addresses if f'addr="{each}"'.encode() in xml] == [address]
        assert xml.count(b'state="open"') == (place == 3)
        assert xml.endswith(b"</nmaprun>\n")
        assert not any(each in xml.decode() for each in estate.addresses if not address.startswith(each))
        assert estate.ledger(address) == [(address, f"a-{address}", 3, "open")]
    assert len(estate.processes) == 2
    assert not any("127.7.1." in each for each in estate.processes)


@needs_nmap
def test_other_terms_are_another_process(tmp_path: Path) -> None:
    """Another pace, and hours that end at another time, do not share one; nor do other ports."""
    one, same, slow, short, other = addresses(5)
    estate = Estate(
        tmp_path, [one, same, slow, short], rates={slow: Rates(port_questions_per_second=50)}, closes={short: OPENS}
    )
    estate.closes[short] = CLOSES + timedelta(minutes=1)
    found = estate.sweep_all([2, 3], estate.sweep(other, [2, 3, 4]))
    assert [type(each) for each in found] == [bytes] * 4
    assert len(estate.processes) == 4


@needs_nmap
@needs_raw
def test_each_address_is_asked_at_its_own_rate(tmp_path: Path) -> None:
    """In no second does one of sixteen addresses see more port questions than are authorised, and none is left out."""
    rates = Rates(port_questions_per_second=40)
    each_address = addresses(16)
    estate = Estate(tmp_path, each_address, rates=dict.fromkeys(each_address, rates))
    with ExitStack() as stack:
        sniffers = {each: stack.enter_context(serving("sniff", each)) for each in each_address}
        estate.sweep_all(range(2000, 2080))
        packets = {address: sniffer.report()["packets"] for address, sniffer in sniffers.items()}
    assert len(estate.processes) == 1
    for address in each_address:
        questions = [at for at, _, _, flags in packets[address] if flags & 0x12 == 0x02]
        assert len(questions) == 80
        assert most_in_a_second(questions) <= 40
        assert estate.ledger(address) == [(address, f"a-{address}", 80, "open")]


@needs_nmap
@needs_raw
def test_a_cancelled_sweep_gets_no_packet_more_and_ends_no_other(tmp_path: Path) -> None:
    """The inspection that is aborted ends at once; the others have results, and all their questions are counted."""
    each_address = addresses(4)
    first, *others = each_address
    rates = Rates(port_questions_per_second=40)
    estate = Estate(tmp_path, each_address, rates=dict.fromkeys(each_address, rates))
    ended: list[float] = []

    async def abort(sniffer: Any) -> None:
        while len(sniffer.report()["packets"]) < 10:  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.05)
        estate.gateways[first].abort()

    async def go(sniffer: Any) -> list[Any]:
        sweeps = [asyncio.create_task(estate.sweep(each, range(2000, 2080))) for each in each_address]
        sweeps[0].add_done_callback(lambda _task: ended.append(time.monotonic()))
        return await asyncio.gather(*sweeps, abort(sniffer))

    with ExitStack() as stack:
        sniffers = {each: stack.enter_context(serving("sniff", each)) for each in each_address}
        found = asyncio.run(go(sniffers[first]))
        packets = {address: sniffer.report()["packets"] for address, sniffer in sniffers.items()}
    assert isinstance(found[0], ScanFailure)
    assert found[0].cause is Cause.ABORTED
    assert max(at for at, _, _, _ in packets[first]) <= ended[0]
    assert estate.ledger(first) == [(first, f"a-{first}", 80, "aborted")]
    for address, xml in zip(others, found[1:], strict=False):
        assert xml.count(b"<port ") + xml.count(b"<extraports ") > 0
        questions = [at for at, _, _, flags in packets[address] if flags & 0x12 == 0x02]
        assert 80 < len(questions) <= 160
        assert most_in_a_second(questions) <= 40
        assert estate.ledger(address) == [(address, f"a-{address}", 160, "open")]
    assert len(estate.processes) == 2


@needs_nmap
def test_a_killed_process_fails_its_own_sweeps_only(tmp_path: Path) -> None:
    """Each of them says why; a process with other sweeps goes on."""
    mine, others = addresses(3), addresses(3, first=10)
    estate = Estate(tmp_path, mine, rates=dict.fromkeys(addresses(20), Rates(port_questions_per_second=40)))

    async def kill() -> None:
        while not (found := [each for each in estate.processes if "-p 2000-2039" in each]):  # noqa: ASYNC110  (as above)
            await asyncio.sleep(0.02)
        os.kill(int(found[0].split()[0]), signal.SIGKILL)

    async def go() -> list[Any]:
        return await asyncio.gather(
            *(estate.sweep(each, range(2000, 2040)) for each in mine),
            *(estate.sweep(each, range(2000, 2030)) for each in others),
            kill(),
        )

    found = asyncio.run(go())
    for address, failure in zip(mine, found, strict=False):
        assert isinstance(failure, ScanFailure)
        assert failure.cause is Cause.ABORTED
        assert "nmap ended with -9" in failure.message
        assert estate.ledger(address)[0][2:] == (40, "aborted")
    assert [type(each) for each in found[3:6]] == [bytes] * 3


_CUT = """#!/bin/sh
cat > /dev/null
printf '<nmaprun>'
printf '<host ><address addr="127.7.1.1" addrtype="ipv4"/><ports/></host>'
printf '<host ><address addr="127.7.1.2" addrtype="ipv4"/><ports>'
"""


def test_what_is_cut_off_is_no_answer(tmp_path: Path) -> None:
    """Where the XML is cut, no address has a result: nothing tells that nmap finished with any."""
    estate = Estate(tmp_path, addresses(3), program=_CUT)
    for each in estate.sweep_all([2, 3]):
        assert isinstance(each, ScanFailure)
        assert (each.cause, each.message) == (Cause.ABORTED, "the XML of nmap is cut off")


def test_an_address_without_an_answer_has_none(tmp_path: Path) -> None:
    """Whole XML that does not name an address is not about it."""
    estate = Estate(tmp_path, addresses(3), program=f"{_CUT}printf '</ports></host></nmaprun>'\n")
    *named, missing = estate.sweep_all([2, 3])
    for address, xml in zip(estate.addresses, named, strict=False):
        assert f'addr="{address}"'.encode() in xml
    assert isinstance(missing, ScanFailure)
    assert (missing.cause, missing.message) == (Cause.BUG, f"the XML of nmap has nothing about {estate.addresses[2]}")


def test_a_machine_without_file_descriptors_is_no_bug(tmp_path: Path) -> None:
    """nmap itself, with fewer files than it needs: the sweep was aborted, and its words say why."""
    estate = Estate(tmp_path, addresses(2), program='#!/bin/sh\nulimit -n 5\nexec nmap "$@"\n')
    for each in estate.sweep_all(range(2000, 2100)):
        assert isinstance(each, ScanFailure)
        assert each.cause is Cause.ABORTED
        assert "Too many open files" in each.message


def test_a_long_sweep_has_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond so many ports nobody waits for it."""
    monkeypatch.setattr(nmap_batch, "MOST_PORTS_SHARED", 2)
    script = f"#!/bin/sh\nprintf '%s %s\\n' $$ \"$*\" >> {tmp_path / 'log'}\nexit 3\n"
    estate = Estate(tmp_path, addresses(3), program=script)
    estate.sweep_all([2, 3, 4])
    assert [each.split()[-1] for each in sorted(estate.processes, key=lambda each: each.split()[-1])] == addresses(3)


def test_what_a_process_may_not_ask_any_more_is_not_asked(tmp_path: Path) -> None:
    """Hours that end while a sweep waits for others are seen before the process starts; the others are asked."""
    first, second = addresses(2)
    script = f"#!/bin/sh\nprintf '%s %s\\n' $$ \"$*\" >> {tmp_path / 'log'}\nexit 3\n"
    estate = Estate(tmp_path, [first, second], program=script)

    async def abort() -> None:
        await asyncio.sleep(0.2)
        estate.gateways[first].abort()

    one, other = estate.sweep_all([2, 3], abort())
    assert (one.cause, other.cause) == (Cause.ABORTED, Cause.BUG)
    assert estate.ledger(first) == []
    assert [each.split()[-1] for each in estate.processes] == [second]


def test_hints_and_hosts_of_others_are_taken_out() -> None:
    """Everything in nmap's XML that names an address belongs to one; what is about the run stays."""
    hosts = "".join(
        f'<{kind} ><status state="up"/><address addr="{address}" addrtype="ipv6"/></{kind}>\n'
        for kind in ("hosthint", "host")
        for address in ("2001:db8::1", "2001:db8::11")
    )
    xml = f"<nmaprun>\n{hosts}<runstats/>\n</nmaprun>\n".encode()
    own = about_address(xml, "2001:DB8:0::1")
    assert own is not None
    assert own.count(b"2001:db8::1") == 2
    assert b"2001:db8::11" not in own
    assert own.startswith(b"<nmaprun>\n<hosthint >")
    assert own.endswith(b"<runstats/>\n</nmaprun>\n")
    assert about_address(xml, "2001:db8::2") is None
