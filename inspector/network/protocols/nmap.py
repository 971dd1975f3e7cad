"""Runs nmap: unprivileged connect scans of one pinned address, one port question at a time."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from inspector.declare.authorisation import Rates
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network.access.addresses import canonical_address
from inspector.network.guard.audit_hook import allow_program
from inspector.network.pacing.cancellation import CancelScope
from inspector.network.pacing.ledger import LedgerRecord
from inspector.network.pacing.rate_limit import strictest, sweep_delay_ms, sweep_seconds
from inspector.network.sandbox.parent_death import die_with_parent
from inspector.network.session import ProbeSession
from inspector.record.ledger_entry import SWEEP

#: The options that a caller may add: timeouts and retries.
_FLAGS = frozenset({"-sT", "--reason", "--open", "-v", "-T3", "-T4"})
_VALUED = {
    "--max-retries": re.compile(r"[0-9]\Z"),
    "--initial-rtt-timeout": re.compile(r"[0-9]{1,5}(ms|s)\Z"),
    "--min-rtt-timeout": re.compile(r"[0-9]{1,5}(ms|s)\Z"),
    "--max-rtt-timeout": re.compile(r"[0-9]{1,5}(ms|s)\Z"),
    "--host-timeout": re.compile(r"[0-9]{1,5}(ms|s|m)\Z"),
}
_XML_BYTES = 16 * 1024 * 1024
_STDERR_BYTES = 4096
#: An open port in nmap's XML.
_OPEN = re.compile(rb'<port protocol="tcp" portid="(\d{1,5})"><state state="open"')
#: The first line that nmap prints about itself, and the seconds that it may take.
_VERSION = re.compile(rb"Nmap version ([0-9A-Za-z.+-]{1,40})")
_VERSION_SECONDS = 10
#: How nmap's packet trace marks a connection attempt that was sent.
_LEFT = b"Operation now in progress"


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


def port_list(ports: Iterable[int]) -> str:
    """Ports in nmap's notation, runs shortened: ``22,80-82``."""
    parts: list[list[int]] = []
    for port in sorted(set(ports)):
        if parts and port == parts[-1][1] + 1:
            parts[-1][1] = port
        else:
            parts.append([port, port])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def _command(program: str, words: Sequence[str], ports: Sequence[int], address: str, rates: Rates) -> list[str]:
    family = ["-6"] if ":" in address else []
    pace = ["--scan-delay", f"{sweep_delay_ms(rates)}ms"]
    out = ["-oX", "-", "-oN", "/dev/stderr", "--packet-trace"]
    fixed = ["-n", "-Pn", "--unprivileged", "-sT", *family]
    return [program, *fixed, *(word for word in words if word != "-sT"), *pace, *out, "-p", port_list(ports), address]


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
                rates = strictest(held, _check(session, asked))
                if (stopped := admission.reachability(address).stopped) is not None:
                    raise stopped.failure()
                record = admission.ledger.opened(request_context.entry(address, 0, SWEEP, len(asked)))
                command = _command(program, words, asked, address, rates)
                seconds = timeout + sweep_seconds(len(asked), rates)
                xml = await _run(command, cancel_scope, record, len(asked), seconds)
        opened = [int(each) for each in _OPEN.findall(xml)]
        admission.reachability(address).swept(opened, heard=b'state="closed"' in xml)
        return xml
    finally:
        admission.drop(cancel_scope)


def _check(session: ProbeSession, ports: Sequence[int]) -> Rates:
    """The rates at which these ports may be asked now. Raises ScanFailure when one of them may not."""
    return session.check(ports, sweep=not session.declares(ports)).rates


async def _run(
    command: Sequence[str], cancel_scope: CancelScope, record: LedgerRecord, planned: int, seconds: float
) -> bytes:
    """Run nmap in a process group of its own, which ends with this call."""
    with allow_program():
        process = await asyncio.create_subprocess_exec(
            *die_with_parent(command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            start_new_session=True,
        )
    if process.stdout is None or process.stderr is None:
        raise RuntimeError("a program was started without pipes")
    trace = _Trace(process.stderr)
    counting = asyncio.create_task(trace.read())
    try:
        async with cancel_scope.within(seconds, f"nmap did not end within {seconds:g} s"):
            xml = await _read_all(process.stdout)
            await process.wait()
    except ScanFailure as failure:
        record.result = failure.cause.value
        raise
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        await counting
        record.questions = max(0, trace.left - planned)
        record.close()
    if process.returncode != 0:
        raise ScanFailure(Cause.BUG, f"nmap ended with {process.returncode}: {trace.tail.decode(errors='replace')}")
    return xml


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
    """Counts the connection attempts in nmap's packet trace, and keeps the end of its other output."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self.left = 0
        self.tail = b""
        self._stream = stream

    async def read(self) -> None:
        rest = b""
        while data := await self._stream.read(65536):
            *lines, rest = (rest + data).split(b"\n")
            rest = rest[-_STDERR_BYTES:]
            for line in lines:
                if line.startswith(b"CONN ("):
                    self.left += _LEFT in line
                else:
                    self.tail = (self.tail + line + b"\n")[-_STDERR_BYTES:]
