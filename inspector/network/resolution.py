"""Name resolution, once per inspection: later changes in the DNS do not move the target."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.declare.settings import Settings
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network.access.addresses import canonical_address, parse_address, sort_key
from inspector.network.guard.audit_hook import allow_socket
from inspector.network.pacing.admission import AdmissionControl, ConnectionLog, RequestContext
from inspector.network.pacing.ledger import Ledger
from inspector.network.pacing.rate_limit import INFRASTRUCTURE, resolver_rates
from inspector.network.pacing.shared import shared_rate_limiter
from inspector.record.plan import PinnedHost

if TYPE_CHECKING:
    import dns.message
    import dns.name

#: The most aliases followed; a longer chain counts as a loop.
_ALIASES = 16
#: Names resolved concurrently, and seconds for one question to all resolvers.
_AT_ONCE = 10
_SECONDS = 5.0
#: How long a pin holds for the inspections of a run that begin.
HOLD_SECONDS = 600.0


def routable(address: str) -> bool:
    """Whether this machine has a route to ``address``; no packet is sent."""
    parsed = parse_address(address)
    if parsed is None:
        return False
    family = socket.AF_INET6 if parsed.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock, allow_socket(sock):
            sock.connect((str(parsed), 9))
    except OSError:
        return False
    return True


def _admission(ledger: Ledger, settings: Settings) -> AdmissionControl:
    rate_limiter = shared_rate_limiter(settings)
    return AdmissionControl(ledger, rate_limiter, settings.ceilings.connections, is_inspection=False)


async def resolve_and_pin(names: Iterable[str], settings: Settings, ledger: Ledger) -> tuple[PinnedHost, ...]:
    """Resolve each name once: addresses (A and AAAA) and aliases, in order. A failure stays in its pin."""
    admission = _admission(ledger, settings)
    limiter = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str) -> PinnedHost:
        async with limiter:
            return await _pin(name, settings, admission)

    return tuple(await asyncio.gather(*(one(name) for name in names)))


@dataclass(frozen=True, slots=True)
class _Resolution:
    """The resolution of one name, and the questions that it took."""

    task: asyncio.Task[PinnedHost]
    log: ConnectionLog
    began: float


class SharedPins:
    """The pins of one run, in one event loop: a name is resolved once for all inspections that begin within
    ``HOLD_SECONDS`` of it.

    ``ledger`` lists every question; ``pin`` writes those about a name to the ledger of each inspection that pins it,
    marked as shared for all but the first. A name that could not be resolved is asked again by the next one, unless the
    DNS says that it has no address.
    """

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._settings = settings
        self._admission = _admission(ledger, settings)
        self._limiter = asyncio.Semaphore(_AT_ONCE)
        self._known: dict[str, _Resolution] = {}

    async def pin(self, names: Iterable[str], ledger: Ledger) -> tuple[PinnedHost, ...]:
        """The pins of these names, in order. A failure stays in its pin."""
        return tuple(await asyncio.gather(*(self._pin(name, ledger) for name in names)))

    async def _pin(self, name: str, ledger: Ledger) -> PinnedHost:
        known, is_first = self._resolution(name)
        await asyncio.wait({known.task})
        pin = known.task.result()
        if not pin.addresses and pin.failure is not Cause.NOT_REACHED:
            self._forget(name, known)
        for record, _ in known.log.records:
            ledger.write(record.copy(None, shared=not is_first))
        return pin

    def _resolution(self, name: str) -> tuple[_Resolution, bool]:
        """The resolution of a name, and whether it begins now."""
        loop = asyncio.get_running_loop()
        known = self._known.get(name)
        if known is not None and known.began + HOLD_SECONDS > loop.time() and not _has_failed(known.task):
            return known, False
        log = ConnectionLog(resolver_rates(self._settings.resolver_questions_per_second))
        task = loop.create_task(self._resolve(name, log), name=f"pin {name}")
        self._known[name] = found = _Resolution(task, log, loop.time())
        return found, True

    async def _resolve(self, name: str, log: ConnectionLog) -> PinnedHost:
        async with self._limiter:
            return await _pin(name, self._settings, self._admission, log)

    def _forget(self, name: str, known: _Resolution) -> None:
        if self._known.get(name) is known:
            del self._known[name]


def _has_failed(task: asyncio.Task[PinnedHost]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _pin(
    name: str, settings: Settings, admission: AdmissionControl, log: ConnectionLog | None = None
) -> PinnedHost:
    if parse_address(name) is not None:
        return PinnedHost(name=name, addresses=(canonical_address(name),))
    host = name.rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761 §6.3
        return PinnedHost(name=name, addresses=("127.0.0.1", "::1"))
    local = () if settings.resolvers or settings.root_servers else _hosts_file(host)
    if local:
        return PinnedHost(name=name, addresses=local)
    answers = await asyncio.gather(*(_resolve(host, kind, settings, admission, log) for kind in ("A", "AAAA")))
    addresses = {canonical_address(address) for answer in answers for address in answer.addresses}
    cnames = tuple(dict.fromkeys(alias for answer in answers for alias in answer.cnames))
    failed = [answer for answer in answers if answer.failure is not None]
    detail = "; ".join(dict.fromkeys(answer.detail for answer in answers if answer.detail))
    worst = next((each for each in failed if each.failure is not Cause.NOT_REACHED), None)
    failure = None if addresses else (worst or answers[0]).failure
    return PinnedHost(
        name=name,
        addresses=tuple(sorted(addresses, key=sort_key)),
        cnames=cnames,
        failure=failure,
        detail="" if addresses and not worst else detail,
    )


def _hosts_file(host: str, path: Path = Path("/etc/hosts")) -> tuple[str, ...]:
    """The addresses of ``host`` in the machine's hosts file, which takes precedence over the DNS."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    found: set[str] = set()
    for line in lines:
        address, *names = line.partition("#")[0].split() or [""]
        if host in (name.lower() for name in names) and parse_address(address) is not None:
            found.add(canonical_address(address))
    return tuple(sorted(found, key=sort_key))


async def _resolve(
    host: str, kind: str, settings: Settings, admission: AdmissionControl, log: ConnectionLog | None
) -> PinnedHost:
    """The addresses of one family."""
    from inspector.network.protocols.dns import resolve

    rates = INFRASTRUCTURE if settings.root_servers else resolver_rates(settings.resolver_questions_per_second)
    request_context = RequestContext("pin", host, rates, infrastructure=True, log=log)
    aliases: list[str] = []
    asked = host
    try:
        while True:
            answer = await resolve(admission, request_context, settings, asked, kind, timeout=_SECONDS)
            last, addresses = _follow(answer, asked, kind, aliases)
            if addresses or last == asked or answer.rcode() != 0:
                break
            asked = last
    except ScanFailure as failure:
        return PinnedHost(name=host, cnames=tuple(aliases), failure=failure.cause, detail=f"{kind}: {failure.message}")
    if addresses:
        return PinnedHost(name=host, addresses=addresses, cnames=tuple(aliases))
    cause, detail = _no_addresses(answer, kind)
    return PinnedHost(name=host, cnames=tuple(aliases), failure=cause, detail=detail)


def _no_addresses(answer: dns.message.Message, kind: str) -> tuple[Cause, str]:
    """The cause and detail of an answer without addresses."""
    import dns.rcode

    rcode = answer.rcode()
    if rcode == dns.rcode.NXDOMAIN:
        return Cause.NOT_REACHED, "the name does not exist (NXDOMAIN)"
    if rcode == dns.rcode.NOERROR:
        return Cause.NOT_REACHED, f"the name has no {kind} record"
    cause = Cause.REFUSED if rcode == dns.rcode.REFUSED else Cause.PROTOCOL_ERROR
    return cause, f"{kind}: the resolver answered {dns.rcode.to_text(rcode)}"


def _follow(answer: dns.message.Message, asked: str, kind: str, aliases: list[str]) -> tuple[str, tuple[str, ...]]:
    """The name at the end of an answer's aliases, and its addresses; the aliases are appended to ``aliases``."""
    import dns.name
    import dns.rdatatype

    wanted = dns.rdatatype.from_text(kind)
    current = dns.name.from_text(asked)
    while True:
        here = [rrset for rrset in answer.answer if rrset.name == current]
        addresses = tuple(item.address for rrset in here if rrset.rdtype == wanted for item in rrset)
        if addresses:
            return _text(current), addresses
        targets = [item.target for rrset in here if rrset.rdtype == dns.rdatatype.CNAME for item in rrset]
        if not targets:
            return _text(current), ()
        current = targets[0]
        aliases.append(_text(current))
        if len(aliases) > _ALIASES:
            raise ScanFailure(Cause.PROTOCOL_ERROR, f"more than {_ALIASES} aliases, or a loop of them")


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
