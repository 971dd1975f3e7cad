"""``Network.nmap``: unprivileged connect scans of one pinned address, one port question at a time."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import lru_cache
from pathlib import Path

from inspector.declare.authorisation import Authorisation
from inspector.declare.settings import SweepMethod
from inspector.model.base import Cause, now
from inspector.model.errors import ScanFailure
from inspector.model.intrusiveness import Intrusiveness
from inspector.network.access.addresses import canonical_address
from inspector.network.guard.audit_hook import allow_program
from inspector.network.pacing.cancellation import CancelScope
from inspector.network.pacing.ledger import LedgerRecord
from inspector.network.pacing.rate_limit import strictest, sweep_delay_ms, sweep_seconds
from inspector.network.protocols.nmap_batch import (
    GATHER_ALONE_SECONDS,
    GATHER_SECONDS,
    Sweep,
    SweepTerms,
    sweep_batches,
)
from inspector.network.session import ProbeSession
from inspector.record.ledger_entry import SWEEP

#: The options that a caller may add: retries, and the time for a host.
_FLAGS = frozenset({"-sT", "--reason", "--open", "-v", "-T3", "-T4"})
_VALUED = {
    "--max-retries": re.compile(r"[0-9]\Z"),
    "--host-timeout": re.compile(r"[0-9]{1,5}(ms|s|m)\Z"),
}
#: The number of the capability to send raw packets.
_CAP_NET_RAW = 13
#: An open port in nmap's XML.
_OPEN = re.compile(rb'<port protocol="tcp" portid="(\d{1,5})"><state state="open"')
#: The first line that nmap prints about itself, and the seconds that it may take.
_VERSION = re.compile(rb"Nmap version ([0-9A-Za-z.+-]{1,40})")
_VERSION_SECONDS = 10
#: What a run of nmap without targets prints: its version, and the ports that it would ask.
_LISTED = re.compile(rb"# Nmap ([0-9]+)\.([0-9]+).*?TCP\(\d+;([0-9,-]+)\)", re.DOTALL)
#: The oldest version whose output is understood (August 2019).
_OLDEST = (7, 80)


def find_nmap(search_path: Sequence[str]) -> str:
    """The first program of ``search_path`` that exists. Raises ScanFailure (tool-missing)."""
    for program in search_path:
        found = shutil.which(program)
        if found:
            return str(Path(found).absolute())
    tried = ", ".join(search_path) or "nothing: the search path is empty"
    raise ScanFailure(Cause.TOOL_MISSING, f"nmap was not found (tried {tried})")


def nmap_version(search_path: Sequence[str]) -> str | None:
    """The version of the program that scans would run; None where there is none, or it does not tell."""
    try:
        program = find_nmap(search_path)
        with allow_program():
            printed = subprocess.run([program, "--version"], capture_output=True, timeout=_VERSION_SECONDS, check=False)
    except (ScanFailure, OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(printed.stdout)
    return found[1].decode("ascii") if found else None


@lru_cache(maxsize=8)
def common_ports(program: str, count: int) -> tuple[int, ...]:
    """The ``count`` TCP ports that are open most often by the statistics of this nmap, ascending; sends nothing.

    Raises ScanFailure (tool-missing) where the program is too old or does not run.
    """
    command = [program, "-v", "-oG", "-", "-sT", "--top-ports", str(count)]
    try:
        with allow_program():
            printed = subprocess.run(command, capture_output=True, timeout=_VERSION_SECONDS, check=False).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ScanFailure(Cause.TOOL_MISSING, f"{program} does not run: {type(error).__name__}") from None
    found = _LISTED.search(printed)
    if found is None:
        raise ScanFailure(Cause.TOOL_MISSING, f"{program} does not list its most common ports: is it nmap?")
    version = (int(found[1]), int(found[2]))
    if version < _OLDEST:
        old, least = (".".join(map(str, each)) for each in (version, _OLDEST))
        raise ScanFailure(Cause.TOOL_MISSING, f"nmap {old} is too old: {least} or newer is needed")
    return tuple(sorted(port for part in found[3].decode("ascii").split(",") for port in _range(part)))


def _range(part: str) -> range:
    """The ports of ``80`` or ``80-82``."""
    first, _, last = part.partition("-")
    return range(int(first), int(last or first) + 1)


def check_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments, one word each, if they are allowed in a polite scan. Raises ScanFailure (bug)."""
    words = [word for argument in arguments for word in argument.split("=", 1)]
    index = 0
    while index < len(words):
        word = words[index]
        if word in _VALUED:
            value = words[index + 1] if index + 1 < len(words) else ""
            if not _VALUED[word].match(value):
                raise ScanFailure(Cause.BUG, f"nmap: {word} has the invalid value {value!r}")
            index += 2
        elif word in _FLAGS:
            index += 1
        else:
            raise ScanFailure(Cause.BUG, f"nmap: {word!r} is not among the options of a polite scan")
    return words


async def scan(session: ProbeSession, arguments: Sequence[str], *, ports: Sequence[int], timeout: float) -> bytes:
    """``Network.nmap``: the XML that nmap prints. It may take ``timeout`` seconds plus what the rate limit takes.

    Raises ScanFailure.
    """
    words = check_arguments(arguments)
    asked = sorted(set(ports))
    if not asked:
        raise ScanFailure(Cause.BUG, "nmap was given no ports")
    _check(session, asked)
    program = find_nmap(session.settings.nmap_search_path)
    request_context, address = session.request_context, canonical_address(session.target.address)
    admission = session.admission
    cancel_scope = admission.cancel_scope(request_context)
    try:
        async with AsyncExitStack() as turn:
            with session.deadline.paused():
                async with cancel_scope.within(None, ""):
                    held = await turn.enter_async_context(admission.rate_limiter.sweep(address, request_context.rates))
                granted = _check(session, asked)
                rates = strictest(held, granted.rates)
                method = _method(session, granted)
                terms = SweepTerms(
                    program=program,
                    words=tuple(words),
                    ports=tuple(asked),
                    delay_ms=sweep_delay_ms(rates),
                    is_ipv6=":" in address,
                    closes=session.scope.window_closes(now(), granted),
                    method=method,
                )
                sweep = Sweep(address, lambda: _open(session, asked))
                seconds = timeout + sweep_seconds(len(asked), rates)
                xml = await _swept(terms, sweep, cancel_scope, seconds, may_wait=admission.has_others)
        opened = [int(each) for each in _OPEN.findall(xml)]
        admission.reachability(address).swept(opened, heard=b'state="closed"' in xml)
        return xml
    finally:
        admission.drop(cancel_scope)


def _method(session: ProbeSession, granted: Authorisation) -> SweepMethod:
    """How ports are asked. Half-open connections are no ordinary client's: they need a grant, and a privilege."""
    is_chosen = session.settings.sweep_method is SweepMethod.SYN
    if not (is_chosen and Intrusiveness.INTRUSIVE.within(granted.intrusiveness) and may_send_raw_packets()):
        return SweepMethod.CONNECT
    session.keep_private()  # another inspection's authorisation may not grant it
    return SweepMethod.SYN


def may_send_raw_packets() -> bool:
    """Whether this process has the capability that a SYN scan needs (capabilities(7))."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return False
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return found is not None and bool(int(found[1], 16) >> _CAP_NET_RAW & 1)


def _check(session: ProbeSession, ports: Sequence[int]) -> Authorisation:
    """The authorisation under which these ports may be asked now. Raises ScanFailure when one of them may not."""
    return session.check(ports, sweep=not session.declares(ports))


def _open(session: ProbeSession, ports: Sequence[int]) -> LedgerRecord:
    """The record of a sweep whose process starts now. Raises ScanFailure when it may not."""
    _check(session, ports)
    admission, address = session.admission, canonical_address(session.target.address)
    if (stopped := admission.reachability(address).stopped) is not None:
        raise stopped.failure()
    return session.request_context.opened(admission.ledger, address, 0, SWEEP, ports)


async def _swept(
    terms: SweepTerms, sweep: Sweep, cancel_scope: CancelScope, seconds: float, *, may_wait: bool
) -> bytes:
    """The XML about one address, from a process that may ask others too. No packet is sent when this has returned."""
    batch = sweep_batches().join(terms, sweep, GATHER_SECONDS if may_wait else GATHER_ALONE_SECONDS)
    cause: Cause | None = None
    try:
        async with cancel_scope.within(None, ""):
            await asyncio.wait({sweep.begun})
        async with cancel_scope.within(seconds, f"nmap did not end within {seconds:g} s"):
            await asyncio.wait({sweep.result})
            return sweep.result.result()
    except ScanFailure as failure:
        cause = failure.cause
        raise
    finally:
        await batch.leave(sweep)
        if sweep.record is not None:
            if cause is not None:
                sweep.record.result = cause.value
            sweep.record.questions = max(0, sweep.questions - len(terms.ports))
            sweep.record.close()
