"""How network services are scanned: a connect sweep by nmap, and listening to what the open ports say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
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
    SubjectKind,
    Target,
    probe,
)
from inspector.network.client import Stream
from inspector_services.banners import Heard, Hearing, greeting_of, is_complete, next_word, protocol_of
from inspector_services.nmap_xml import Control, Scan, Sweep, scan_of, spans, states
from inspector_services.observations import Greetings, OpenPorts
from inspector_services.port_roles import NOTABLE, Role

#: How far a sweep goes beyond the declared ports: the table's, the system ports 1–1023 (RFC 6335 §6) too, or all.
Reach = Literal["notable", "system", "all"]

#: nmap repeats an unanswered question this often: at most three questions per port.
RETRIES = 2
ARGUMENTS = ("-sT", "--max-retries", str(RETRIES))
#: Bounds on listening: ports, bytes and seconds of each server's first words.
PORTS_HEARD = 40
GREETING_BYTES = 512
LISTEN_SECONDS = 3.0
CONNECT_SECONDS = 5.0

#: Roles whose open ports are listened to although they are declared.
_WORTH_HEARING = frozenset(
    {Role.ADMINISTRATION, Role.CLEAR_ADMINISTRATION, Role.DATABASE, Role.FILE_SHARING, Role.LEGACY}
)


def declared_ports(target: Target) -> frozenset[int]:
    """The TCP ports that are declared for the target's host."""
    return frozenset(each.port for each in target.declared.ports if each.protocol == "tcp")


def ports_asked(target: Target, reach: Reach) -> tuple[int, ...]:
    """The ports that a sweep asks, ascending."""
    further = {"notable": range(0), "system": range(1, 1024), "all": range(1, 65536)}[reach]
    return tuple(sorted({*declared_ports(target), *NOTABLE, *further}))


def _sweep_cost(target: Target, options: Mapping[str, Any]) -> Cost:
    count = len(ports_asked(target, options.get("sweep", "notable")))
    return Cost(connections=1, port_questions=count * (1 + RETRIES), seconds=30 + count // 25)


def parse_ports(output: ScanOutput, context: ParseContext) -> OpenPorts:
    """The state of every port that was asked."""
    xml = output.named("nmap.xml")
    if xml is None:
        raise ValueError("nmap's report is missing")
    sweep = Sweep.parse(output.named("sweep.json") or b"{}")
    answers = states(scan_of(xml, context.subject.address or ""), sweep)
    return OpenPorts(spans=spans(answers, alone=NOTABLE.keys() | set(sweep.declared)))


@probe("ports", kind=OpenPorts, schemes={HOST}, subject_kind=SubjectKind.ADDRESS, parse=parse_ports, cost=_sweep_cost)
async def ports(target: Target, network: Network, *, sweep: Reach = "notable") -> ScanOutput:
    """Ask the ports by full connections, then ask one that had answered once more.

    The last question is the control: when it finds no answer any more, the address began to ignore or refuse this
    vantage during the sweep, and what other ports did not answer proves nothing. Where the authorisation names ports
    and leaves some of these out, the declared ones are asked alone.
    """
    declared, asked = declared_ports(target), ports_asked(target, sweep)
    seconds = float(_sweep_cost(target, {"sweep": sweep}).seconds)
    left_out: tuple[int, ...] = ()
    try:
        xml = await network.nmap(ARGUMENTS, ports=asked, timeout=seconds)
    except ScanFailure as failure:
        if failure.cause is not Cause.OUT_OF_SCOPE or not declared:
            raise
        xml = await network.nmap(ARGUMENTS, ports=sorted(declared), timeout=seconds)
        left_out = tuple(port for port in asked if port not in declared)
    scan = scan_of(xml, target.address)
    control = await _control(network, scan, declared)
    note = Sweep(declared=tuple(sorted(declared)), control=control, out_of_scope=left_out)
    return ScanOutput(
        raw=(
            Raw(name="nmap.xml", data=xml, media_type="application/xml"),
            Raw(name="sweep.json", data=note.canonical(), media_type="application/json"),
        ),
        tools={"nmap": scan.version},
    )


async def _control(network: Network, scan: Scan, declared: Collection[int]) -> Control | None:
    """Ask an open port again, best a declared one; without any, a closed one."""
    opened, closed = scan.first("open", among=declared), scan.first("closed", among=declared)
    port = closed if opened is None else opened
    if port is None:
        return None
    try:
        stream = await network.connect(port, timeout=CONNECT_SECONDS)
    except ScanFailure as failure:
        expected = opened is None and failure.cause is Cause.REFUSED
        return Control(port=port, cause=None if expected else failure.cause)
    await stream.close()
    return Control(port=port, cause=None if opened is not None else Cause.UNSTABLE)


def _chosen(target: Target, ports: OpenPorts) -> tuple[int, ...]:
    """The open ports to listen to: those whose role matters first, then those that nobody declared."""
    declared = declared_ports(target)
    worth = [port for port in ports.open if port in NOTABLE and NOTABLE[port].role in _WORTH_HEARING]
    others = [port for port in ports.open if port not in declared and port not in worth]
    return (*worth, *others)


def parse_greetings(output: ScanOutput, context: ParseContext) -> Greetings:
    """What every port said."""
    raw = output.named("greetings.json")
    if raw is None:
        raise ValueError(f"nothing was heard at {context.subject.address}")
    heard = sorted(Hearing.parse(raw).ports, key=lambda each: each.port)
    return Greetings(ports=tuple(greeting_of(each) for each in heard))


@probe(
    "greetings",
    kind=Greetings,
    schemes={HOST},
    subject_kind=SubjectKind.ADDRESS,
    parse=parse_greetings,
    cost=Cost(connections=PORTS_HEARD, seconds=PORTS_HEARD * 3),
)
async def greetings(target: Target, network: Network, ports: OpenPorts) -> ScanOutput:
    """Listen to what open ports say by themselves; nothing is sent to a server that waits for the client.

    Only where FTP or VNC greets, the one word that an ordinary client says next is said too: its reply shows whether
    the session would be encrypted.
    """
    chosen = _chosen(target, ports)
    heard = list(await asyncio.gather(*(_listen(network, port) for port in chosen[:PORTS_HEARD])))
    heard += [Heard(port=port, cause=Cause.ABORTED) for port in chosen[PORTS_HEARD:]]
    return ScanOutput(
        raw=(
            Raw(
                name="greetings.json",
                data=Hearing(ports=tuple(heard)).canonical(),
                media_type="application/json",
            ),
        ),
        gaps=tuple(Gap(question=f"greeting of {each.port}/tcp", cause=each.cause) for each in heard if each.cause),
    )


async def _listen(network: Network, port: int) -> Heard:
    try:
        stream = await network.connect(port, timeout=CONNECT_SECONDS)
    except ScanFailure as failure:
        return Heard(port=port, cause=failure.cause)
    try:
        first, ended = await _words(stream, lambda said: b"\n" in said or said[:1] == b"\xff")
        if ended and not first:
            return Heard(port=port, cause=Cause.RESET)
        word = next_word(first)
        if word is None or ended:
            return Heard(port=port, first=first)
        protocol = protocol_of(first)
        await stream.write(word, timeout=LISTEN_SECONDS)
        reply, _ = await _words(stream, lambda said: is_complete(protocol, said))
        return Heard(port=port, first=first, reply=reply)
    except ScanFailure as failure:
        return Heard(port=port, cause=failure.cause)
    finally:
        await stream.close()


async def _words(stream: Stream, enough: Callable[[bytes], bool]) -> tuple[bytes, bool]:
    """What arrives until it is enough, within the bounds on bytes and seconds; and whether the stream then ended."""
    said = b""
    loop = asyncio.get_running_loop()
    until = loop.time() + LISTEN_SECONDS
    while len(said) < GREETING_BYTES and not enough(said):
        left = until - loop.time()
        if left <= 0:
            break
        try:
            more = await stream.read(GREETING_BYTES - len(said), timeout=left)
        except ScanFailure as failure:
            if failure.cause is Cause.TIMEOUT:
                break
            raise
        if not more:
            return said, True
        said += more
    return said, False
