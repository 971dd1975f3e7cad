"""The probes of network services: a TCP connect sweep by nmap, and the banners of open ports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, Literal

from inspector import (
    HOST,
    Cause,
    Cost,
    Gap,
    Network,
    ParseContext,
    Raw,
    ScanFailure,
    ScanOutput,
    Stream,
    SubjectKind,
    Target,
    masked,
    probe,
)
from inspector_services.banners import (
    StoredBanner,
    StoredBanners,
    client_command,
    identified,
    is_complete,
    needs_noop,
    parse_banner,
)
from inspector_services.nmap_xml import Recheck, Scan, SweepRecord, is_silent, joined, spans, states
from inspector_services.observations import Banners, OpenPorts
from inspector_services.port_roles import NOTABLE, Role
from inspector_services.questions import NOOP, is_answered, is_own, questions_for

#: The ports of a sweep beyond the declared ones: those of the table; also the system ports 1–1023 (RFC 6335 §6); all.
PortSet = Literal["notable", "system", "all"]

#: nmap's retransmissions: at most three attempts per port.
RETRIES = 2
ARGUMENTS = ("-sT", "--max-retries", str(RETRIES))
#: What is asked first of an address from which no packet has come yet, beside the declared ports: those most often open
#: on the Internet. When none of them answers, the others are not asked.
FIRST_PORTS = frozenset({21, 22, 23, 25, 53, 80, 110, 135, 139, 143, 443, 445, 993, 3306, 3389, 8080, 8443})
#: After a sweep that did not end: how many ports that had answered are connected to, and how often. As many losses tell
#: that the address has stopped answering.
CHECKED_PORTS = 2
CHECKS_PER_PORT = 3
#: nmap's XML of the one or two runs of a sweep.
_XML_NAMES = ("nmap.xml", "nmap-2.xml")
#: Limits of the banner probe: ports per address, and bytes and seconds per banner.
MAX_PORTS = 40
BANNER_BYTES = 512
BANNER_SECONDS = 3.0
CONNECT_SECONDS = 5.0

#: Roles whose open ports have their banner read although they are declared.
_NOTABLE_ROLES = frozenset(
    {Role.ADMINISTRATION, Role.CLEARTEXT_ADMINISTRATION, Role.DATABASE, Role.FILE_SHARING, Role.LEGACY}
)


def declared_ports(target: Target) -> frozenset[int]:
    """The TCP ports that are declared for the target's host."""
    return frozenset(each.port for each in target.declared.ports if each.protocol == "tcp")


def ports_to_scan(target: Target, port_set: PortSet) -> tuple[int, ...]:
    """The ports of a sweep, ascending."""
    further = {"notable": range(0), "system": range(1, 1024), "all": range(1, 65536)}[port_set]
    return tuple(sorted({*declared_ports(target), *NOTABLE, *further}))


def _sweep_cost(target: Target, options: Mapping[str, Any]) -> Cost:
    count = len(ports_to_scan(target, options.get("sweep", "notable")))
    return Cost(
        connections=CHECKED_PORTS * CHECKS_PER_PORT, port_questions=count * (1 + RETRIES), seconds=30 + count // 25
    )


def parse_ports(output: ScanOutput, context: ParseContext) -> OpenPorts:
    """The state of every scanned port; raises ValueError when nmap's XML is missing or malformed."""
    parts = [raw.data for raw in output.raw if raw.name in _XML_NAMES]
    if not parts:
        raise ValueError("nmap's XML is missing")
    sweep = SweepRecord.parse(output.named("sweep.json") or b"{}")
    answers = states(joined(parts, context.subject.address or ""), sweep)
    return OpenPorts(spans=spans(answers, single=NOTABLE.keys() | set(sweep.declared)))


@probe("ports", kind=OpenPorts, schemes={HOST}, subject_kind=SubjectKind.ADDRESS, parse=parse_ports, cost=_sweep_cost)
async def ports(target: Target, network: Network, *, sweep: PortSet = "notable") -> ScanOutput:
    """Scan the ports by TCP connect, then connect once more to one that answered.

    When that recheck fails, the address began to block this vantage during the sweep, and ports without a response
    are unseen. When the authorisation names ports and leaves some of these out, only the declared ones are scanned.
    An address from which no packet has come yet is asked at a few ports first; the others only when it answers there.
    """
    declared, wanted = declared_ports(target), ports_to_scan(target, sweep)
    seconds = float(_sweep_cost(target, {"sweep": sweep}).seconds)
    not_reached: tuple[int, ...] = ()
    out_of_scope: tuple[int, ...] = ()
    try:
        parts, not_reached = await _sweep(network, wanted, FIRST_PORTS | declared, seconds)
    except ScanFailure as failure:
        if failure.cause is Cause.TIMEOUT:
            await _check_stopped(network)
        if failure.cause is not Cause.OUT_OF_SCOPE or not declared:
            raise
        parts = [await network.nmap(ARGUMENTS, ports=sorted(declared), timeout=seconds)]
        out_of_scope = tuple(port for port in wanted if port not in declared)
    scan = joined(parts, target.address)
    recheck = await _recheck(network, scan, declared)
    record = SweepRecord(
        declared=tuple(sorted(declared)), recheck=recheck, out_of_scope=out_of_scope, not_reached=not_reached
    )
    return ScanOutput(
        raw=(
            *(
                Raw(name=name, data=xml, media_type="application/xml")
                for name, xml in zip(_XML_NAMES, parts, strict=False)
            ),
            Raw(name="sweep.json", data=record.canonical(), media_type="application/json"),
        ),
        tools={"nmap": scan.version},
    )


async def _sweep(
    network: Network, wanted: Collection[int], first: Collection[int], seconds: float
) -> tuple[list[bytes], tuple[int, ...]]:
    """nmap's XML, and the ports that it was not asked because the address is silent at the ``first`` ones."""
    parts: list[bytes] = []
    rest = sorted(wanted)
    if not network.has_answered:
        rest = [port for port in wanted if port not in first]
        parts.append(await network.nmap(ARGUMENTS, ports=[*set(wanted).difference(rest)], timeout=seconds))
        if is_silent(joined(parts, network.target.address)):
            return parts, tuple(rest)
    if rest:
        parts.append(await network.nmap(ARGUMENTS, ports=rest, timeout=seconds))
    return parts, ()


async def _check_stopped(network: Network) -> None:
    """Raise ScanFailure (rate-limited) when ports that answered before the sweep do not any more."""
    for port in network.answered_ports[:CHECKED_PORTS]:
        for _ in range(CHECKS_PER_PORT):
            try:
                stream = await network.connect(port, timeout=CONNECT_SECONDS)
            except ScanFailure as failure:
                if failure.cause is Cause.RATE_LIMITED:
                    raise
            else:
                await stream.close()
                return


async def _recheck(network: Network, scan: Scan, declared: Collection[int]) -> Recheck | None:
    """Connect again to an open port, preferably a declared one, or one that answered before; else to a closed one.

    A closed port tells little: an address that blocks this vantage may reject every connection.
    """
    opened = scan.first("open", preferred=declared) or next(iter(network.answered_ports), None)
    port = opened or scan.first("closed", preferred=declared)
    if port is None:
        return None
    try:
        stream = await network.connect(port, timeout=CONNECT_SECONDS)
    except ScanFailure as failure:
        if failure.cause is Cause.OUT_OF_SCOPE:
            return None  # it answered a scan under another authorisation
        expected = opened is None and failure.cause is Cause.REFUSED
        return Recheck(port=port, cause=None if expected else failure.cause)
    await stream.close()
    return Recheck(port=port, cause=None if opened is not None else Cause.UNSTABLE)


def _ports_to_read(target: Target, ports: OpenPorts) -> tuple[int, ...]:
    """The open ports whose banner is read: those of a notable role first, then the undeclared ones."""
    declared = declared_ports(target)
    notable = [port for port in ports.open if port in NOTABLE and NOTABLE[port].role in _NOTABLE_ROLES]
    others = [port for port in ports.open if port not in declared and port not in notable]
    return (*notable, *others)


def parse_banners(output: ScanOutput, context: ParseContext) -> Banners:
    """The banner of every port that was read; raises ValueError when the stored banners are missing."""
    raw = output.named("banners.json")
    if raw is None:
        raise ValueError(f"the banners of {context.subject.address} are missing")
    received = sorted(StoredBanners.parse(raw).ports, key=lambda each: each.port)
    return Banners(ports=tuple(parse_banner(each) for each in received))


@probe(
    "banners",
    kind=Banners,
    schemes={HOST},
    subject_kind=SubjectKind.ADDRESS,
    parse=parse_banners,
    cost=Cost(connections=2 * MAX_PORTS, seconds=MAX_PORTS * 3),
)
async def banners(target: Target, network: Network, ports: OpenPorts) -> ScanOutput:
    """Read the banners of open ports, and ask where they do not show the protocol.

    A server that greets with code 220 gets NOOP, one that waits for the client at a database's, file-sharing or
    cleartext port the first question of an ordinary client (``questions``). After FTP and VNC are identified, the
    client's next command shows whether the session would be encrypted.
    """
    chosen = _ports_to_read(target, ports)
    received = list(await asyncio.gather(*(_read_port(network, port) for port in chosen[:MAX_PORTS])))
    received += [StoredBanner(port=port, cause=Cause.ABORTED) for port in chosen[MAX_PORTS:]]
    return ScanOutput(
        raw=(
            Raw(
                name="banners.json",
                data=StoredBanners(ports=tuple(received)).canonical(),
                media_type="application/json",
            ),
        ),
        gaps=tuple(Gap(question=f"banner of {each.port}/tcp", cause=each.cause) for each in received if each.cause),
    )


async def _read_port(network: Network, port: int) -> StoredBanner:
    """What one port sent, masked: texts of servers may hold secrets."""
    read = await _read_whole(network, port)
    texts = {name: masked(getattr(read, name)) for name in ("banner", "answer", "reply")}
    return read.model_copy(update=texts)


async def _read_whole(network: Network, port: int) -> StoredBanner:
    try:
        stream = await network.connect(port, timeout=CONNECT_SECONDS)
        try:
            banner, ended = await _receive(stream, lambda data: b"\n" in data or data[:1] == b"\xff")
            if ended and not banner:
                return StoredBanner(port=port, cause=Cause.RESET)
            stored = StoredBanner(port=port, banner=banner)
            if not ended and banner:
                return await _converse(stream, stored)
        finally:
            await stream.close()
        return stored if banner else await _ask(network, stored)
    except ScanFailure as failure:
        return StoredBanner(port=port, cause=failure.cause)


async def _converse(stream: Stream, stored: StoredBanner) -> StoredBanner:
    """Ask a server that greeted which protocol it speaks, where the greeting leaves that open, and how encrypted."""
    if needs_noop(stored.banner):
        answer, ended = await _exchange(stream, NOOP, partial(is_answered, NOOP))
        stored = stored.model_copy(update={"question": NOOP, "answer": answer})
        if ended:
            return stored
    protocol = identified(stored)
    command = client_command(protocol, stored.banner)
    if command is None:
        return stored
    reply, _ = await _exchange(stream, command, partial(is_complete, protocol))
    return stored.model_copy(update={"reply": reply})


async def _ask(network: Network, stored: StoredBanner) -> StoredBanner:
    """Ask a server that waits for the client, until it answers a question."""
    for question in questions_for(stored.port):
        stream = await network.connect(stored.port, timeout=CONNECT_SECONDS)
        try:
            answer, ended = await _exchange(stream, question, partial(is_answered, question))
        except ScanFailure as failure:
            if failure.cause is not Cause.RESET:
                raise
            answer, ended = b"", True
        finally:
            await stream.close()
        if answer:
            return stored.model_copy(update={"question": question, "answer": answer})
        if ended and is_own(question):
            stored = stored.model_copy(update={"hung_up": True})
    return stored


async def _exchange(stream: Stream, sent: bytes, enough: Callable[[bytes], bool]) -> tuple[bytes, bool]:
    await stream.write(sent, timeout=BANNER_SECONDS)
    return await _receive(stream, enough)


async def _receive(stream: Stream, enough: Callable[[bytes], bool]) -> tuple[bytes, bool]:
    """The bytes received until they are ``enough`` or a limit is reached; and whether the peer closed the stream."""
    data = b""
    loop = asyncio.get_running_loop()
    until = loop.time() + BANNER_SECONDS
    while len(data) < BANNER_BYTES and not enough(data):
        try:
            more = await stream.read(BANNER_BYTES - len(data), timeout=max(0.0, until - loop.time()))
        except ScanFailure as failure:
            if failure.cause is Cause.TIMEOUT:
                break
            raise
        if not more:
            return data, True
        data += more
    return data, False
