"""What a server's first bytes say to a hello of one protocol version: pure, so that it can be judged again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from inspector import Answer, Cause, Model
from inspector_tls.observations import TlsVersion

#: How much of an answer is kept: a server's hello and alerts stand at its beginning.
KEPT_BYTES = 16_384


class Stack(StrEnum):
    """Which hello was sent: OpenSSL 1.1.1's suites and groups, or 1.0.2's with SSL 2.0, SSL 3.0, EXPORT and DES."""

    MODERN = "modern"
    LEGACY = "legacy"


class End(StrEnum):
    """How a handshake ended. ``stopped``: this side gave up, e.g. at a request for a client certificate."""

    DONE = "done"
    STOPPED = "stopped"
    CLOSED = "closed"
    RESET = "reset"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NOT_ASKED = "not-asked"


class Attempt(Model):
    """One handshake: what was asked, the bytes received first, and how it ended."""

    version: TlsVersion
    stack: Stack
    end: End
    received: bytes = b""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Hello:
    """The server chose a version (None: one that is not known)."""

    version: TlsVersion | None


@dataclass(frozen=True, slots=True)
class Alert:
    """The server refused with an alert of this number (RFC 8446 §6)."""

    number: int


@dataclass(frozen=True, slots=True)
class NotTls:
    """The first bytes are not those of TLS."""

    data: bytes


_VERSIONS = {
    0x0300: TlsVersion.SSL_3,
    0x0301: TlsVersion.TLS_1_0,
    0x0302: TlsVersion.TLS_1_1,
    0x0303: TlsVersion.TLS_1_2,
    0x0304: TlsVersion.TLS_1_3,
}
_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE = 20, 21, 22
_SERVER_HELLO = 2
_SUPPORTED_VERSIONS = 43
_WARNING = 1
_CLOSE_NOTIFY = 0
_ACCESS_DENIED = 49
_UNRECOGNIZED_NAME = 112
#: Alerts that plainly refuse what a hello offers: illegal_parameter, protocol_version, handshake_failure,
#: insufficient_security, inappropriate_fallback.
_REFUSALS = frozenset({40, 47, 70, 71, 86})


def first_words(data: bytes) -> Hello | Alert | NotTls | None:
    """Read a server's first messages; None when they break off before anything is said."""
    if _is_ssl_2(data):
        return Hello(TlsVersion.SSL_2)
    handshake = b""
    while data:
        if data[0] not in (_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE) or data[1:2] not in (b"", b"\x03"):
            return NotTls(data[:64])
        length = int.from_bytes(data[3:5], "big")
        kind, body, data = data[0], data[5 : 5 + length], data[5 + length :]
        if kind == _ALERT and len(body) >= 2 and (body[0] != _WARNING or body[1] == _CLOSE_NOTIFY or not data):
            return Alert(body[1])
        if kind == _HANDSHAKE:
            handshake += body
            said = _server_hello(handshake)
            if said is not None:
                return said
    return None


def _is_ssl_2(data: bytes) -> bool:
    """Whether the bytes begin with the SERVER-HELLO of SSL 2.0: a two-byte header, message 4, version 0x0002."""
    return len(data) >= 7 and bool(data[0] & 0x80) and data[2] == 4 and data[5:7] == b"\x00\x02"


def _server_hello(message: bytes) -> Hello | NotTls | None:
    """Read a ServerHello or HelloRetryRequest (RFC 8446 §4.1.3); None while it is incomplete."""
    if message and message[0] != _SERVER_HELLO:
        return NotTls(message[:64])
    if len(message) < 4 or len(message) < 4 + int.from_bytes(message[1:4], "big"):
        return None
    body = message[4 : 4 + int.from_bytes(message[1:4], "big")]
    if len(body) < 38:
        return NotTls(message[:64])
    version = int.from_bytes(body[:2], "big")
    rest = body[35 + body[34] + 3 :]
    extensions = rest[2 : 2 + int.from_bytes(rest[:2], "big")]
    while len(extensions) >= 4:
        number, length = int.from_bytes(extensions[:2], "big"), int.from_bytes(extensions[2:4], "big")
        if number == _SUPPORTED_VERSIONS and length == 2:
            version = int.from_bytes(extensions[4:6], "big")
        extensions = extensions[4 + length :]
    return Hello(_VERSIONS.get(version))


_ENDS = {
    End.RESET: Cause.RESET,
    End.TIMEOUT: Cause.TIMEOUT,
    End.REFUSED: Cause.REFUSED,
    End.UNREACHABLE: Cause.NOT_REACHED,
    End.NOT_ASKED: Cause.NOT_REACHED,
    End.CLOSED: Cause.AMBIGUOUS,
}


def answer(attempt: Attempt) -> Answer[bool]:
    """Whether the server chose the version that was asked for.

    A plain refusal is an alert of that meaning, or a hello with an older version. A connection that is closed without
    a word, and an alert that may as well tell of the server's own trouble, are *ambiguous*.
    """
    said = first_words(attempt.received)
    if isinstance(said, Hello):
        if said.version is None or said.version.age > attempt.version.age:
            return Answer(unseen=Cause.PROTOCOL_ERROR)
        return Answer(seen=said.version is attempt.version)
    if isinstance(said, Alert):
        if said.number in _REFUSALS:
            return Answer(seen=False)
        causes = {_ACCESS_DENIED: Cause.BLOCKED, _UNRECOGNIZED_NAME: Cause.PROTOCOL_ERROR}
        return Answer(unseen=causes.get(said.number, Cause.AMBIGUOUS))
    if isinstance(said, NotTls):
        return Answer(unseen=Cause.PROTOCOL_ERROR)
    return Answer(unseen=_ENDS.get(attempt.end, Cause.PROTOCOL_ERROR))


def settle(attempts: Sequence[Attempt]) -> Answer[bool]:
    """The answer to one question from all that was tried for it.

    One acceptance decides. A refusal counts when every hello was refused; what is ambiguous is a refusal when it was
    said twice.
    """
    if not attempts:
        return Answer(unseen=Cause.NOT_REACHED)
    answers = [(attempt.stack, answer(attempt)) for attempt in attempts]
    if any(each.seen for _stack, each in answers):
        return Answer(seen=True)
    refused = {stack for stack, each in answers if each.is_seen}
    open_causes = [each.unseen for stack, each in answers if stack not in refused and each.unseen is not None]
    doubts = sum(each.unseen is Cause.AMBIGUOUS for _stack, each in answers)
    if not open_causes or (doubts > 1 and set(open_causes) == {Cause.AMBIGUOUS}):
        return Answer(seen=False)
    return Answer(unseen=open_causes[-1])


def about(attempts: Iterable[Attempt], version: TlsVersion) -> list[Attempt]:
    """What was tried for one version."""
    return [each for each in attempts if each.version is version]


def is_tls(attempts: Iterable[Attempt]) -> bool:
    """Whether the server accepted any version."""
    return any(answer(each).seen for each in attempts)


def is_silent(attempts: Iterable[Attempt]) -> bool:
    """Whether every attempt ran out of time without a single byte."""
    return all(attempt.end is End.TIMEOUT and not attempt.received for attempt in attempts)
