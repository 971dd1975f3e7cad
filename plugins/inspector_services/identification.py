"""The probe of the services behind open ports: banners, and the answers to a client's first question."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

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
from inspector_services.observations import Banners, OpenPorts
from inspector_services.port_roles import NOTABLE, Role
from inspector_services.probes import CONNECT_SECONDS, declared_ports
from inspector_services.questions import NOOP, is_answered, is_own, questions_for

#: Limits: ports per address, and bytes and seconds per banner.
MAX_PORTS = 40
BANNER_BYTES = 512
BANNER_SECONDS = 3.0

#: Roles whose open ports have their banner read although they are declared.
_NOTABLE_ROLES = frozenset(
    {Role.ADMINISTRATION, Role.CLEARTEXT_ADMINISTRATION, Role.DATABASE, Role.FILE_SHARING, Role.LEGACY}
)


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
