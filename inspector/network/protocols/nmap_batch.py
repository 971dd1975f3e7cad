"""Sweeps that ask several addresses the same ports in one process of nmap.

A process costs 0.2 s of processor time and more, whatever it asks; one for sixteen addresses costs little more. Sweeps
share one that begin within a second of one another, have the same options, ports and pace, and must end at the same
instant, when the hours of their authorisations end. Each keeps its own right to sweep, record and result: the XML is
split by address.

nmap cannot leave out one of its addresses while it runs. So when one sweep is cancelled, its process is killed, and
another one asks the others again: a cancelled address gets no further packet, and no other sweep is lost. The questions
of the killed one count in full, because the end of its packet trace is lost.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from weakref import WeakKeyDictionary

from inspector.declare.settings import SweepMethod
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network.access.addresses import canonical_address
from inspector.network.guard.audit_hook import allow_program
from inspector.network.pacing.ledger import LedgerRecord
from inspector.network.sandbox.parent_death import die_with_parent

#: The most addresses of a process, and the most processes with several addresses at once, in one event loop.
MOST_ADDRESSES = 32
MOST_PROCESSES = 8
#: Seconds for which a process waits for a further sweep: where several inspections run, and in a single one, where they
#: begin together; and how often it waits so long at most. A second process takes more time of the processor than the
#: systems lose by these seconds: other scans of theirs take longer than a sweep.
GATHER_SECONDS = 1.0
GATHER_ALONE_SECONDS = 0.05
_MOST_GATHERS = 8
#: How long a connect scan waits for one answer, at most: after a second the kernel sends the SYN again (RFC 6298 §2),
#: which neither the rate nor the ledger would count.
MOST_WAIT_MS = 900
#: And at least: nmap waits for an address that has not answered yet as long as the others of its process need.
LEAST_WAIT_MS = 500
#: The questions of a process that may wait for an answer whatever nmap concludes of those that got none: else silent
#: ports slow it far below the authorised rate.
LEAST_WAITING = 100
#: A sweep of more ports has a process of its own: it lasts long, and its XML is large.
MOST_PORTS_SHARED = 2048

#: nmap's words for each; packets go through the kernel's routes, which asks for the neighbour's address itself.
_METHODS = {
    SweepMethod.CONNECT: ("--unprivileged", "-sT"),
    SweepMethod.SYN: ("--privileged", "--send-ip", "-sS"),
}

#: What nmap says where the machine lacks something (errno(3): EMFILE, ENFILE, ENOMEM, ENOBUFS, EAGAIN).
_SHORTAGE = re.compile(rb"Too many open files|Cannot allocate memory|No buffer space|temporarily unavailable")

_XML_BYTES = 16 * 1024 * 1024
_STDERR_BYTES = 4096
#: What nmap's XML has about one address.
_HOST = re.compile(rb"<(host|hosthint)(?=[ >]).*?</\1>\s*", re.DOTALL)
_ADDRESS = re.compile(rb'<address addr="([^"]{1,64})" addrtype="ipv[46]"')
#: How nmap's packet trace shows a connection attempt that was sent.
_SENT = re.compile(
    rb"^(?:CONN \(.* > (\S+):\d+ => Operation now in progress|SENT \(.*\) TCP .* > (\S+):\d+ S )", re.MULTILINE
)
_OTHER = re.compile(rb"^(?:CONN|SENT|RCVD) \(.*\n", re.MULTILINE)


class SweepTerms(NamedTuple):
    """What sweeps have in common that share a process; ``closes`` is when the hours of their authorisations end."""

    program: str
    words: tuple[str, ...]
    ports: tuple[int, ...]
    delay_ms: int
    is_ipv6: bool
    closes: datetime | None
    method: SweepMethod = SweepMethod.CONNECT

    def command(self, addresses: Sequence[str]) -> list[str]:
        """The command line; several addresses are read from standard input."""
        family = ["-6"] if self.is_ipv6 else []
        pace = ["--scan-delay", f"{self.delay_ms}ms", "--min-parallelism", str(LEAST_WAITING)]
        pace += ["--min-rtt-timeout", f"{LEAST_WAIT_MS}ms", "--max-rtt-timeout", f"{MOST_WAIT_MS}ms"]
        out = ["-oX", "-", "-oN", "/dev/stderr", "--packet-trace"]
        fixed = ["-n", "-Pn", *_METHODS[self.method], *family]
        words = [word for word in self.words if word != "-sT"]
        # Otherwise nmap asks the first few addresses, and the others when it has finished with these.
        targets = ["--min-hostgroup", str(len(addresses)), "-iL", "-"] if len(addresses) > 1 else list(addresses)
        return [self.program, *fixed, *words, *pace, *out, "-p", port_list(self.ports), *targets]


def port_list(ports: Iterable[int]) -> str:
    """Ports in nmap's notation, runs shortened: ``22,80-82``."""
    parts: list[list[int]] = []
    for port in sorted(set(ports)):
        if parts and port == parts[-1][1] + 1:
            parts[-1][1] = port
        else:
            parts.append([port, port])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def about_address(xml: bytes, address: str) -> bytes | None:
    """nmap's XML without what it has about other addresses; None where it has nothing about this one."""
    wanted = canonical_address(address)
    is_there = False

    def own(host: re.Match[bytes]) -> bytes:
        nonlocal is_there
        found = _ADDRESS.search(host[0])
        if found is None or canonical_address(found[1].decode("ascii", "replace")) != wanted:
            return b""
        is_there = is_there or host[1] == b"host"
        return host[0]

    kept = _HOST.sub(own, xml)
    return kept if is_there else None


class Sweep:
    """The sweep of one address. ``begin`` opens its record when its process starts, and raises when it may not.

    ``questions`` counts the questions that were sent; ``begun`` is done when the process has started or never will;
    ``result`` is the XML about the address.
    """

    def __init__(self, address: str, begin: Callable[[], LedgerRecord]) -> None:
        loop = asyncio.get_running_loop()
        self.address = address
        self.record: LedgerRecord | None = None
        self.questions = 0
        self.begun: asyncio.Future[None] = loop.create_future()
        self.result: asyncio.Future[bytes] = loop.create_future()
        self.has_left = False
        self._begin = begin

    @property
    def is_waiting(self) -> bool:
        """Whether somebody waits for the result."""
        return not self.has_left and not self.result.done()

    def begin(self) -> bool:
        """Its process starts now; whether it may."""
        try:
            if self.record is None:
                self.record = self._begin()
        except Exception as error:  # noqa: BLE001  (raised where the sweep is awaited)
            self.fail(error)
            return False
        if not self.begun.done():
            self.begun.set_result(None)
        return True

    def fail(self, error: Exception) -> None:
        """It has no result for this reason."""
        if not self.result.done():
            self.result.set_exception(error)
            self.result.exception()  # who has left does not retrieve it
        if not self.begun.done():
            self.begun.set_result(None)

    def succeed(self, xml: bytes) -> None:
        """Its result, from the XML of its process."""
        own = about_address(xml, self.address)
        if own is None:
            self.fail(ScanFailure(Cause.BUG, f"the XML of nmap has nothing about {self.address}"))
        elif not self.result.done():
            self.result.set_result(own)


class SweepBatch:
    """Sweeps that share a process."""

    def __init__(self, terms: SweepTerms, processes: asyncio.Semaphore, close: Callable[[SweepBatch], None]) -> None:
        self.terms = terms
        self.sweeps: list[Sweep] = []
        self._processes = processes
        self._close = close
        self._has_grown = asyncio.Event()
        self._is_full = False
        self._has_lost = asyncio.Event()
        self._asked: set[Sweep] = set()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    @property
    def is_shared(self) -> bool:
        """Whether the process may have several addresses."""
        return len(self.terms.ports) <= MOST_PORTS_SHARED

    def add(self, sweep: Sweep) -> None:
        """One more sweep, whose process has not started."""
        self.sweeps.append(sweep)
        self._has_grown.set()
        if len(self.sweeps) >= MOST_ADDRESSES or not self.is_shared:
            self._close(self)
            self._is_full = True

    async def leave(self, sweep: Sweep) -> None:
        """Nobody waits for this sweep any more; returns when nothing is sent for it."""
        sweep.has_left = True
        if sweep in self._asked:
            self._has_lost.set()
            await self._is_idle.wait()

    async def run(self, seconds: float) -> None:
        """Wait while further sweeps join within so many seconds, and for a process; ask until each has its result."""
        try:
            await self._gather(seconds)
            if self.is_shared:
                async with self._processes:
                    await self._ask_all()
            else:
                await self._ask_all()
        except Exception as error:  # noqa: BLE001  (raised in each sweep)
            for sweep in self.sweeps:
                sweep.fail(error)
        finally:
            self._close(self)
            for sweep in self.sweeps:
                sweep.fail(ScanFailure(Cause.ABORTED, "the process of nmap was ended"))

    async def _gather(self, seconds: float) -> None:
        until = time.monotonic() + seconds * _MOST_GATHERS
        while not self._is_full and (left := until - time.monotonic()) > 0:
            self._has_grown.clear()
            try:
                async with asyncio.timeout(min(seconds, left)):
                    await self._has_grown.wait()
            except TimeoutError:
                return

    async def _ask_all(self) -> None:
        self._close(self)
        while waiting := [each for each in self.sweeps if each.is_waiting]:
            begun = [each for each in waiting if each.begin()]
            if begun:
                await self._ask(begun)

    async def _ask(self, sweeps: Sequence[Sweep]) -> None:
        """Run one process, until it ends or one of the sweeps is left."""
        self._asked.update(sweeps)
        self._is_idle.clear()
        self._has_lost.clear()
        try:
            xml = await self._run(sweeps)
        except ScanFailure as failure:
            for sweep in sweeps:
                sweep.fail(ScanFailure(failure.cause, failure.message))
        else:
            for sweep in sweeps if xml is not None else ():
                sweep.succeed(xml or b"")
        finally:
            self._asked.clear()
            self._is_idle.set()

    async def _run(self, sweeps: Sequence[Sweep]) -> bytes | None:
        """The XML of nmap, in a process group of its own; None when a sweep was left meanwhile. Raises ScanFailure."""
        addresses = [each.address for each in sweeps]
        with allow_program():
            process = await asyncio.create_subprocess_exec(
                *die_with_parent(self.terms.command(addresses)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                start_new_session=True,
            )
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise RuntimeError("a program was started without pipes")
        trace = _Trace(process.stderr)
        counting = asyncio.create_task(trace.read())
        reading = asyncio.create_task(_read_all(process.stdout))
        losing = asyncio.create_task(self._has_lost.wait())
        try:
            process.stdin.write("".join(f"{each}\n" for each in addresses).encode() if len(addresses) > 1 else b"")
            process.stdin.close()
            await asyncio.wait({reading, losing}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                return None
            xml = reading.result()
            await process.wait()
        finally:
            for task in (reading, losing):
                task.cancel()
            was_killed = process.returncode is None
            if was_killed:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
            await counting
            counted = trace.sent
            for sweep in sweeps:
                sent = counted[canonical_address(sweep.address)]
                # The end of its trace is lost.
                sweep.questions += max(sent, len(self.terms.ports)) if was_killed else sent
        if process.returncode:
            raise _failure(process.returncode, trace.tail)
        if not xml.rstrip().endswith(b"</nmaprun>"):
            raise ScanFailure(Cause.ABORTED, "the XML of nmap is cut off")
        return xml


def _failure(code: int, said: bytes) -> ScanFailure:
    """Why nmap failed: it was killed, the machine had no more to give, or it was not asked as it should."""
    is_short = _SHORTAGE.search(said) is not None
    text = f"nmap ended with {code}: {said.decode(errors='replace')}"
    return ScanFailure(Cause.ABORTED if code < 0 or is_short else Cause.BUG, text)


async def _read_all(stream: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    size = 0
    while data := await stream.read(65536):
        size += len(data)
        if size > _XML_BYTES:
            raise ScanFailure(Cause.PROTOCOL_ERROR, f"nmap printed more than {_XML_BYTES} bytes")
        parts.append(data)
    return b"".join(parts)


class _Trace:
    """Counts the connection attempts in nmap's packet trace, by address, and keeps the end of its other output."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self.tail = b""
        self._stream = stream
        self._attempts: Counter[bytes] = Counter()

    @property
    def sent(self) -> Counter[str]:
        """The attempts by canonical address."""
        total: Counter[str] = Counter()
        for address, count in self._attempts.items():
            total[canonical_address(address.decode("ascii", "replace"))] += count
        return total

    async def read(self) -> None:
        """Read until nmap ends."""
        rest = b""
        while data := await self._stream.read(1 << 18):
            lines, end, rest = (rest + data).rpartition(b"\n")
            rest = rest[-_STDERR_BYTES:]
            self._attempts.update(one or other for one, other in _SENT.findall(lines + end))
            self.tail = (self.tail + _OTHER.sub(b"", lines + end))[-_STDERR_BYTES:]


class SweepBatches:
    """The batches of one event loop."""

    def __init__(self) -> None:
        self._open: dict[SweepTerms, SweepBatch] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._processes = asyncio.Semaphore(MOST_PROCESSES)

    def join(self, terms: SweepTerms, sweep: Sweep, seconds: float) -> SweepBatch:
        """Add the sweep to the batch with these terms whose process has not started; it waits for so many seconds."""
        batch = self._open.get(terms)
        if batch is None:
            batch = self._open[terms] = SweepBatch(terms, self._processes, self._close)
            task = asyncio.create_task(batch.run(seconds), name="nmap")
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        batch.add(sweep)
        return batch

    def _close(self, batch: SweepBatch) -> None:
        """Nothing joins this batch any more."""
        if self._open.get(batch.terms) is batch:
            del self._open[batch.terms]


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, SweepBatches] = WeakKeyDictionary()


def sweep_batches() -> SweepBatches:
    """Those of the running event loop."""
    return _of_loops.setdefault(asyncio.get_running_loop(), SweepBatches())
