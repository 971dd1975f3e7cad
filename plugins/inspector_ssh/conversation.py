"""One connection to an SSH server: identification, algorithms, and as much of what follows as is wanted."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum

from inspector import Cause, FailureNote, Network, ScanFailure, Stream, masked
from inspector_ssh.key_exchange import (
    GROUP_EXCHANGE,
    Exchanged,
    continuation,
    derivation,
    has_shared_secret,
    method_for,
    opening,
    public_value,
    reply_number,
)
from inspector_ssh.observations import Algorithms
from inspector_ssh.protection import Keys, Protection, protection, protection_for
from inspector_ssh.transcript import StoredConnection, asked_host_keys
from inspector_ssh.wire import (
    GREETING_BYTES,
    GREETING_LINES,
    TOO_MANY_CONNECTIONS,
    Encryption,
    Message,
    disconnect,
    identification,
    kexinit,
    login_request,
    packet_length,
    parse_kexinit,
    payload_of,
    service_request,
    speaks_version_2,
)

#: The most packets, and bytes of them, on one connection.
_PACKETS, _PACKET_BYTES = 32, 131_072
_SKIPPED = frozenset({Message.IGNORE, Message.UNIMPLEMENTED, Message.DEBUG, Message.USERAUTH_BANNER})
_NEWKEYS = bytes((Message.NEWKEYS,))
#: What OpenSSH 9.8 and newer says to an address with penalties, before it closes (sshd_config, PerSourcePenalties).
_PENALTY = b"Not allowed at this time"
_NOT_IN_COMMENT = re.compile(r"[^!-~]+")
#: Random bytes of the user name in a request for authentication: no account is called that.
_USER_BYTES = 12


class Depth(IntEnum):
    """How far a conversation goes: to the host key, to the server's extensions, to its methods of authentication."""

    HOST_KEY = 0
    EXTENSIONS = 1
    LOGIN = 2


class Conversation:
    """One connection: identification, algorithms, and a key exchange up to the host key, or up to the group.

    Without ``method`` and ``host_key`` the first host key algorithm is asked for with the cheapest method; with a
    ``method`` alone, a group.
    """

    def __init__(
        self, network: Network, seconds: int, method: str = "", host_key: str = "", *, depth: Depth = Depth.HOST_KEY
    ) -> None:
        self.algorithms: Algorithms | None = None
        self._network = network
        self._seconds = seconds
        self._method = method
        self._host_key = host_key
        self._group_alone = bool(method) and not host_key
        self._depth = depth
        self._greeting = b""
        self._server_line = b""
        self._payloads: list[bytes] = []
        self._packets = 0
        self._left = _PACKET_BYTES
        self._encrypted_note: FailureNote | None = None

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
            note = _note(failure)
        except TimeoutError:
            note = FailureNote(cause=Cause.TIMEOUT, detail=f"no end within {3 * self._seconds} s")
        return StoredConnection(
            greeting=self._greeting,
            method=self._method,
            host_key=self._host_key,
            payloads=tuple(self._payloads),
            note=note,
            encrypted_note=self._encrypted_note,
        )

    async def _talk(self, reader: _Reader) -> None:
        await self._identify(reader)
        protocol, _software, _comments = identification(self._greeting)
        if not speaks_version_2(protocol):
            raise ScanFailure(Cause.PROTOCOL_ERROR, f"speaks version {protocol[:8]} of SSH")
        own = self._own_identification()
        await reader.write(own + b"\r\n")
        server_kexinit = await self._message(reader, Message.KEXINIT)
        server = parse_kexinit(server_kexinit)
        self.algorithms = server
        self._choose(server)
        encryption = _encryption(server) if self._depth else None
        offer = kexinit(server, self._method, self._offered_key(server), encryption)
        value = public_value(self._method)
        await reader.send(offer, opening(self._method, value))
        if server.guesses and not self._is_guessed(server):
            await self._next(reader)  # the guess is to be ignored (RFC 4253 §7)
        reply = await self._reply(reader)
        if self._depth:
            try:
                if encryption is None or not has_shared_secret(self._method):
                    raise ScanFailure(Cause.TOOL_MISSING, "offers no encryption that this probe has")
                exchanged = Exchanged(own, self._server_line, offer, server_kexinit)
                derive = derivation(self._method, exchanged, value, reply)
                await self._talk_encrypted(reader, encryption, derive)
            except ScanFailure as failure:
                self._encrypted_note = _note(failure)
        with suppress(ScanFailure):
            await reader.send(disconnect())

    async def _talk_encrypted(
        self, reader: _Reader, encryption: Encryption, derive: Callable[[bytes, int], bytes]
    ) -> None:
        await reader.send(_NEWKEYS)
        reader.protect_sent(encryption.to_server, Keys(derive, iv=b"A", cipher=b"C", mac=b"E"))
        await reader.send(service_request())
        if (await self._next(reader))[:1] != _NEWKEYS:
            raise ScanFailure(Cause.PROTOCOL_ERROR, "does not take the new keys into use")
        reader.protect_received(encryption.to_client, Keys(derive, iv=b"B", cipher=b"D", mac=b"F"))
        await self._until(reader, Message.SERVICE_ACCEPT)
        if self._depth is Depth.LOGIN:
            await reader.send(login_request(os.urandom(_USER_BYTES).hex()))
            await self._until(reader, Message.USERAUTH_FAILURE, Message.USERAUTH_SUCCESS)

    async def _until(self, reader: _Reader, *numbers: int) -> None:
        """Read up to one of these messages; extensions may precede it (RFC 8308 §2.4)."""
        while (await self._message(reader, Message.EXT_INFO, *numbers))[0] not in numbers:
            pass

    async def _identify(self, reader: _Reader) -> None:
        """Read up to the identification string; what precedes it is masked as a whole."""
        received = b""
        try:
            for _ in range(GREETING_LINES):
                received += await reader.line(GREETING_BYTES - len(received))
                if received.rpartition(b"\n")[0].rpartition(b"\n")[2].startswith(b"SSH-"):
                    self._greeting = masked(received)
                    self._server_line = received.rstrip(b"\n").rpartition(b"\n")[2].removesuffix(b"\r")
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
        """This client's identification string without its end, with whom to contact as its comment."""
        contact = _NOT_IN_COMMENT.sub("", self._network.identity.contact)[:100]
        return f"SSH-2.0-Inspector {contact}".strip().encode("ascii")

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

    async def _reply(self, reader: _Reader) -> bytes:
        """The server's reply with its host key; of a group alone, the message that shows the group."""
        if self._method in GROUP_EXCHANGE:
            group = await self._message(reader, Message.KEX_GROUP)
            if self._group_alone:
                return group
            await reader.send(continuation(group))
        return await self._message(reader, reply_number(self._method))

    async def _message(self, reader: _Reader, *numbers: int) -> bytes:
        payload = await self._next(reader)
        if payload[0] not in numbers:
            raise ScanFailure(Cause.PROTOCOL_ERROR, f"sends message {payload[0]} instead of {numbers[-1]}")
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


def _note(failure: ScanFailure) -> FailureNote:
    return FailureNote(cause=failure.cause, detail=failure.message[:300])


def _encryption(server: Algorithms) -> Encryption | None:
    """The ciphers and MACs of both directions that this client has; None where the server offers too few."""
    to_server = protection_for(server.ciphers_to_server, server.macs_to_server)
    to_client = protection_for(server.ciphers_to_client, server.macs_to_client)
    compresses = {"none"}.isdisjoint({*server.compression_to_server} & {*server.compression_to_client})
    return None if to_server is None or to_client is None or compresses else Encryption(to_server, to_client)


def _other_protocol(received: bytes) -> ScanFailure:
    shown = masked(received[:200])[:80].decode("latin-1").encode("unicode_escape").decode("ascii")
    return ScanFailure(Cause.PROTOCOL_ERROR, f"does not identify itself as SSH; sends {shown}")


class _Reader:
    """Reads lines and packets from a connection, each bounded in bytes and time."""

    def __init__(self, stream: Stream, seconds: int) -> None:
        self._stream = stream
        self._seconds = seconds
        self._buffer = bytearray()
        self._sent, self._received = Protection(), Protection()

    async def write(self, data: bytes) -> None:
        """Send all of the data."""
        await self._stream.write(data, timeout=self._seconds)

    async def send(self, *payloads: bytes) -> None:
        """Send payloads in packets, together."""
        await self.write(b"".join(map(self._sent.sealed, payloads)))

    def protect_sent(self, chosen: tuple[str, str], keys: Keys) -> None:
        """Encrypt what is sent from now on."""
        self._sent = protection(chosen, self._sent.sequence, keys)

    def protect_received(self, chosen: tuple[str, str], keys: Keys) -> None:
        """Decrypt what is received from now on."""
        self._received = protection(chosen, self._received.sequence, keys)

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
        received = self._received
        await self._have(received.header_bytes)
        size = 4 + packet_length(received.length(bytes(self._buffer[: received.header_bytes])))
        await self._have(size + received.tag_bytes)
        return payload_of(received.opened(self._take(size + received.tag_bytes))[4:])

    async def _have(self, size: int) -> None:
        while len(self._buffer) < size:
            await self._fill()

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
