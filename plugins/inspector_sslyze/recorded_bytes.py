"""TLS records in clear text, as a server sends them up to its first ChangeCipherSpec: pure functions over bytes."""

from __future__ import annotations

from collections.abc import Iterator

from inspector_tls.wire.versions import TlsVersion

_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _DATA, _HEARTBEAT = range(20, 25)
_SERVER_HELLO, _CERTIFICATE, _SERVER_HELLO_DONE = 2, 11, 14
_SUPPORTED_VERSIONS, _KEY_SHARE = 43, 51
#: The random value that makes a ServerHello a HelloRetryRequest (RFC 8446 §4.1.3).
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
BAD_RECORD_MAC, PROTOCOL_VERSION = 20, 70
#: Alerts that refuse what a hello offers: handshake_failure, illegal_parameter, protocol_version,
#: insufficient_security, inappropriate_fallback (RFC 8446 §6).
REFUSALS = frozenset({40, 47, PROTOCOL_VERSION, 71, 86})
_VERSIONS = {
    0x0300: TlsVersion.SSL_3,
    0x0301: TlsVersion.TLS_1_0,
    0x0302: TlsVersion.TLS_1_1,
    0x0303: TlsVersion.TLS_1_2,
    0x0304: TlsVersion.TLS_1_3,
}


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each complete record."""
    while len(data) >= 5 and data[1] == 3:
        length = 5 + int.from_bytes(data[3:5], "big")
        if len(data) < length:
            return
        yield data[0], data[5:length]
        data = data[length:]


def _clear(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The records before the server's ChangeCipherSpec."""
    for kind, body in _records(data):
        if kind == _CHANGE_CIPHER_SPEC:
            return
        yield kind, body


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each complete handshake message, however it is split into records."""
    return _split(b"".join(body for kind, body in _clear(data) if kind == _HANDSHAKE))


def _split(stream: bytes) -> Iterator[tuple[int, bytes]]:
    while len(stream) >= 4:
        length = 4 + int.from_bytes(stream[1:4], "big")
        if len(stream) < length:
            return
        yield stream[0], stream[4:length]
        stream = stream[length:]


def _hello(data: bytes) -> bytes | None:
    hello = next((body for kind, body in _messages(data) if kind == _SERVER_HELLO), None)
    return None if hello is None or len(hello) < 35 else hello


def _extension(hello: bytes, wanted: int) -> bytes | None:
    extensions = hello[35 + hello[34] + 3 + 2 :]
    while len(extensions) >= 4:
        kind, length = int.from_bytes(extensions[:2], "big"), int.from_bytes(extensions[2:4], "big")
        if kind == wanted:
            return extensions[4 : 4 + length]
        extensions = extensions[4 + length :]
    return None


def hello_version(data: bytes) -> TlsVersion | None:
    """The version that the server chose (RFC 8446 §4.1.3); None without a ServerHello."""
    hello = _hello(data)
    if hello is None:
        return None
    chosen = _extension(hello, _SUPPORTED_VERSIONS)
    return _VERSIONS.get(int.from_bytes(hello[:2] if chosen is None else chosen, "big"))


def retry_group(data: bytes) -> int | None:
    """The group that a HelloRetryRequest names (RFC 8446 §4.1.4), 0 for none; None where the server sent none."""
    hello = _hello(data)
    if hello is None or hello[2:34] != _RETRY:
        return None
    return int.from_bytes(_extension(hello, _KEY_SHARE) or b"", "big")


def certificates(data: bytes) -> bytes | None:
    """The server's message with its certificates, which is in clear text up to TLS 1.2; None without one."""
    return next((body for kind, body in _messages(data) if kind == _CERTIFICATE), None)


def is_hello_done(data: bytes) -> bool:
    """Whether the server finished its first flight: from here on it waits for the client's key exchange."""
    return any(kind == _SERVER_HELLO_DONE for kind, _body in _messages(data))


def alerts(data: bytes) -> list[int]:
    """The numbers of the alerts in clear text."""
    return [body[1] for kind, body in _clear(data) if kind == _ALERT and len(body) == 2]


def alerts_after_hello(data: bytes) -> list[int]:
    """The numbers of the alerts in clear text that came after the server's whole first flight."""
    records = list(_clear(data))
    for end in range(len(records)):
        stream = b"".join(body for kind, body in records[: end + 1] if kind == _HANDSHAKE)
        if any(kind == _SERVER_HELLO_DONE for kind, _body in _split(stream)):
            return [body[1] for kind, body in records[end + 1 :] if kind == _ALERT and len(body) == 2]
    return []


def speaks_first(data: bytes, since: int) -> bool:
    """Whether application data ends after so many bytes, and no alert under the keys between."""
    end, changed = 0, False
    for kind, body in _records(data):
        end += 5 + len(body)
        changed = changed or kind == _CHANGE_CIPHER_SPEC
        if changed and end > since and kind in (_ALERT, _DATA):
            return kind == _DATA
    return False


def has_heartbeat(data: bytes) -> bool:
    """Whether the server began to send a heartbeat."""
    whole = sum(5 + len(body) for _kind, body in _records(data))
    return any(kind == _HEARTBEAT for kind, _body in _clear(data)) or data[whole : whole + 2] == b"\x18\x03"
