"""The probe of SSH servers: identification, offered algorithms, host keys; it ends before any authentication."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from inspector import (
    Cause,
    Cost,
    FailureNote,
    Gap,
    Intrusiveness,
    Network,
    ParseContext,
    Raw,
    ScanFailure,
    ScanOutput,
    Scheme,
    Stream,
    SubjectKind,
    Target,
    masked,
    probe,
)
from inspector_ssh.key_exchange import (
    GROUP_EXCHANGE,
    continuation,
    group_exchange_for,
    method_for,
    opening,
    reply_number,
)
from inspector_ssh.observations import Algorithms, Ssh
from inspector_ssh.transcript import StoredConnection, StoredConnections, asked_host_keys, facts
from inspector_ssh.wire import (
    GREETING_BYTES,
    GREETING_LINES,
    TOO_MANY_CONNECTIONS,
    Message,
    disconnect,
    identification,
    kexinit,
    packet,
    packet_length,
    parse_kexinit,
    payload_of,
    speaks_version_2,
)

SSH: Final = Scheme("ssh", port=22)
_CONNECTIONS = "connections.json"
#: The most types of host keys that are asked for; OpenSSH has four.
MOST_KEY_TYPES: Final = 8
#: One connection for each type of host key, and one for group exchange.
MOST_CONNECTIONS: Final = MOST_KEY_TYPES + 1
#: Seconds for one answer; once more to connect, and three times for all of a connection.
_ANSWER_SECONDS = 10
#: The most packets, and bytes of them, on one connection.
_PACKETS, _PACKET_BYTES = 32, 131_072
#: Failures that belong to one connection; after any other, and after the second of these, no connection follows.
_OF_ONE_CONNECTION = frozenset({Cause.PROTOCOL_ERROR, Cause.RESET, Cause.TOOL_MISSING})
_SKIPPED = frozenset({Message.IGNORE, Message.UNIMPLEMENTED, Message.DEBUG})
#: Messages 30 to 49 belong to the key exchange method.
_OF_METHOD = range(30, 50)
#: What OpenSSH 9.8 and newer says to an address with penalties, before it closes (sshd_config, PerSourcePenalties).
_PENALTY = b"Not allowed at this time"
_NOT_IN_COMMENT = re.compile(r"[^!-~]+")


def _cost(_target: Target, options: Mapping[str, Any]) -> Cost:
    answer_seconds = options.get("answer_seconds", _ANSWER_SECONDS)
    return Cost(connections=MOST_CONNECTIONS, seconds=MOST_CONNECTIONS * 4 * answer_seconds)


def parse(output: ScanOutput, _context: ParseContext) -> Ssh:
    """The facts in the connections of a scan; raises ScanFailure where the server did not identify itself as SSH."""
    return facts(StoredConnections.parse(output.named(_CONNECTIONS) or b"").connections)


@probe(
    "ssh",
    kind=Ssh,
    schemes={SSH},
    subject_kind=SubjectKind.ADDRESS,
    intrusiveness=Intrusiveness.POLITE,
    cost=_cost,
    parse=parse,
)
async def ssh(_target: Target, network: Network, *, answer_seconds: int = _ANSWER_SECONDS) -> ScanOutput:
    """Read the identification and the offered algorithms, and one key exchange for each type of host key.

    The first of them is on the same connection as the algorithms. One connection more requests a group where
    Diffie-Hellman group exchange is offered. ``answer_seconds`` bounds each answer; three times that, a connection.
    """
    first = _Conversation(network, answer_seconds)
    connections = [await first.hold()]
    if first.algorithms is not None:
        connections += await _further(network, first.algorithms, connections[0], answer_seconds)
    stored = StoredConnections(connections=tuple(connections))
    return ScanOutput(
        raw=(Raw(name=_CONNECTIONS, data=stored.canonical(), media_type="application/json"),),
        gaps=tuple(_gaps(connections)),
    )


async def _further(
    network: Network, algorithms: Algorithms, first: StoredConnection, answer_seconds: int
) -> list[StoredConnection]:
    """The connections for the other host keys, and for group exchange."""
    method = method_for(algorithms)
    if method is None:
        return []
    wanted = [(method, key) for key in list(asked_host_keys(algorithms).values())[1:MOST_KEY_TYPES]]
    group_exchange = group_exchange_for(algorithms)
    if group_exchange is not None and method not in GROUP_EXCHANGE:
        wanted.append((group_exchange, ""))
    connections: list[StoredConnection] = []
    failures = [first.note] if first.note else []
    for each_method, host_key in wanted:
        if len(failures) > 1 or any(note.cause not in _OF_ONE_CONNECTION for note in failures):
            break
        made = await _Conversation(network, answer_seconds, each_method, host_key).hold()
        connections.append(made)
        failures += [made.note] if made.note else []
    return connections


def _gaps(connections: list[StoredConnection]) -> list[Gap]:
    return [
        Gap(question=each.host_key or each.method or "algorithms", cause=each.note.cause, detail=each.note.detail)
        for each in connections
        if each.note is not None
    ]


class _Conversation:
    """One connection: identification, algorithms, and a key exchange up to the host key, or up to the group.

    Without ``method`` and ``host_key`` the first host key algorithm is asked for with the cheapest method; with a
    ``method`` alone, a group.
    """

    def __init__(self, network: Network, seconds: int, method: str = "", host_key: str = "") -> None:
        self.algorithms: Algorithms | None = None
        self._network = network
        self._seconds = seconds
        self._method = method
        self._host_key = host_key
        self._group_alone = bool(method) and not host_key
        self._greeting = b""
        self._payloads: list[bytes] = []
        self._packets = 0
        self._left = _PACKET_BYTES

    async def hold(self) -> StoredConnection:
        """Hold the conversation; what ends it early is in its note."""
        note = None
        try:
            stream = await self._network.connect(timeout=self._seconds)
            try:
                async with self._network.within(3 * self._seconds):
                    await self._talk(_Reader(stream, self._seconds))
            finally:
                await stream.close()
        except ScanFailure as failure:
            note = FailureNote(cause=failure.cause, detail=failure.message[:300])
        except TimeoutError:
            note = FailureNote(cause=Cause.TIMEOUT, detail=f"no end within {3 * self._seconds} s")
        return StoredConnection(
            greeting=self._greeting,
            method=self._method,
            host_key=self._host_key,
            payloads=tuple(self._payloads),
            note=note,
        )

    async def _talk(self, reader: _Reader) -> None:
        await self._identify(reader)
        protocol, _software, _comments = identification(self._greeting)
        if not speaks_version_2(protocol):
            raise ScanFailure(Cause.PROTOCOL_ERROR, f"speaks version {protocol[:8]} of SSH")
        await reader.write(self._own_identification())
        server = parse_kexinit(await self._message(reader, Message.KEXINIT))
        self.algorithms = server
        self._choose(server)
        await reader.write(packet(kexinit(server, self._method, self._offered_key(server))))
        if server.guesses and not self._is_guessed(server):
            await self._next(reader)  # the guess is to be ignored (RFC 4253 §7)
        await self._exchange(reader)
        with suppress(ScanFailure):
            await reader.write(packet(disconnect()))

    async def _identify(self, reader: _Reader) -> None:
        """Read up to the identification string; what precedes it is masked as a whole."""
        received = b""
        try:
            for _ in range(GREETING_LINES):
                received += await reader.line(GREETING_BYTES - len(received))
                if received.rpartition(b"\n")[0].rpartition(b"\n")[2].startswith(b"SSH-"):
                    self._greeting = masked(received)
                    return
        except ScanFailure as failure:
            received += reader.taken()
            if received.startswith(_PENALTY):
                reader.slow_down()
                raise ScanFailure(Cause.RATE_LIMITED, "refuses connections from this address for a while") from None
            if received and failure.cause in (Cause.TIMEOUT, Cause.PROTOCOL_ERROR):
                raise _other_protocol(received) from None
            raise
        raise _other_protocol(received)

    def _own_identification(self) -> bytes:
        """This client's identification string, with whom to contact as its comment."""
        contact = _NOT_IN_COMMENT.sub("", self._network.identity.contact)[:100]
        return f"SSH-2.0-Inspector {contact}".strip().encode("ascii") + b"\r\n"

    def _choose(self, server: Algorithms) -> None:
        if self._method:
            return
        host_key = next(iter(asked_host_keys(server).values()), "")
        method = method_for(server)
        if not host_key or method is None:
            raise ScanFailure(Cause.TOOL_MISSING, "offers no key exchange that this probe can make")
        self._method, self._host_key = method, host_key

    def _offered_key(self, server: Algorithms) -> str:
        return self._host_key or server.host_key[0]

    def _is_guessed(self, server: Algorithms) -> bool:
        return server.key_exchange[0] == self._method and server.host_key[0] == self._offered_key(server)

    async def _exchange(self, reader: _Reader) -> None:
        await reader.write(packet(opening(self._method)))
        if self._method in GROUP_EXCHANGE:
            group = await self._message(reader, Message.KEX_GROUP)
            if self._group_alone:
                return
            await reader.write(packet(continuation(group)))
        await self._message(reader, reply_number(self._method))

    async def _message(self, reader: _Reader, number: int) -> bytes:
        payload = await self._next(reader)
        if payload[0] != number:
            raise ScanFailure(Cause.PROTOCOL_ERROR, f"sends message {payload[0]} instead of {number}")
        self._payloads.append(payload)
        return payload

    async def _next(self, reader: _Reader) -> bytes:
        """The next payload that is not to be ignored."""
        while self._packets < _PACKETS:
            self._packets += 1
            payload = await reader.payload()
            self._left -= len(payload)
            if self._left < 0:
                break
            if payload[0] == Message.DISCONNECT:
                reason = int.from_bytes(payload[1:5], "big")
                if reason == TOO_MANY_CONNECTIONS:
                    reader.slow_down()
                    raise ScanFailure(Cause.RATE_LIMITED, "disconnects for too many connections")
                raise ScanFailure(Cause.PROTOCOL_ERROR, f"disconnects with reason {reason}")
            if payload[0] not in _SKIPPED:
                return payload
        raise ScanFailure(Cause.PROTOCOL_ERROR, "sends more than is read")


def _other_protocol(received: bytes) -> ScanFailure:
    shown = masked(received[:200])[:80].decode("latin-1").encode("unicode_escape").decode("ascii")
    return ScanFailure(Cause.PROTOCOL_ERROR, f"does not identify itself as SSH; sends {shown}")


class _Reader:
    """Reads lines and packets from a connection, each bounded in bytes and time."""

    def __init__(self, stream: Stream, seconds: int) -> None:
        self._stream = stream
        self._seconds = seconds
        self._buffer = bytearray()

    async def write(self, data: bytes) -> None:
        """Send all of the data."""
        await self._stream.write(data, timeout=self._seconds)

    def slow_down(self) -> None:
        """Back off: the server asked for fewer connections."""
        self._stream.slow_down()

    def taken(self) -> bytes:
        """What was received beyond the last line or packet."""
        return bytes(self._buffer)

    async def line(self, most: int) -> bytes:
        """The next line with its end; raises ScanFailure after ``most`` bytes without one."""
        while True:
            end = self._buffer.find(b"\n", 0, most)
            if end >= 0:
                return self._take(end + 1)
            if len(self._buffer) >= most:
                raise ScanFailure(Cause.PROTOCOL_ERROR, "sends an endless line")
            await self._fill()

    async def payload(self) -> bytes:
        """The payload of the next packet."""
        while len(self._buffer) < 4:
            await self._fill()
        size = packet_length(bytes(self._buffer[:4]))
        while len(self._buffer) < 4 + size:
            await self._fill()
        return payload_of(self._take(4 + size)[4:])

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    async def _fill(self) -> None:
        await asyncio.sleep(0)  # many small pieces do not block other tasks
        data = await self._stream.read(4096, timeout=self._seconds)
        if not data:
            raise ScanFailure(Cause.PROTOCOL_ERROR, "ends the connection early")
        self._buffer += data
