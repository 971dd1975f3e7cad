"""Messages of our own, byte by byte from RFC 5246, where other tools cannot tell or are not sure."""

from __future__ import annotations

import os
import socket

from tests.agreement import fact_names as names
from tests.agreement.facts import Facts
from tests.agreement.tools.questions import Asked, NoResult

_CCS, _ALERT, _HANDSHAKE = 20, 21, 22
_HELLO_DONE = b"\x0e\x00\x00\x00"
_UNEXPECTED_MESSAGE = 10
_WAIT_SECONDS = 1.5


def exchange(asked: Asked) -> Facts:
    """Whether a ChangeCipherSpec is taken before there is a key (CVE-2014-0224).

    A server that follows RFC 5246 §7.1 protests at once; one that says nothing has taken it. Nothing is reported of a
    server that leaves without an alert.
    """
    if asked.protocol != "tls":
        raise NoResult(f"does not speak {asked.protocol}")
    with socket.create_connection((asked.address, asked.port), _WAIT_SECONDS) as connection:
        connection.sendall(_record(_HANDSHAKE, _hello()))
        version = _await_done(connection)
        connection.sendall(bytes([_CCS]) + version + b"\x00\x01\x01")
        try:
            kind, data, _version = _read(connection)
        except TimeoutError:
            return {"ccs-injection": True}
        except (EOFError, OSError):
            raise NoResult("is left without a word at an early ChangeCipherSpec") from None
    if kind != _ALERT or data[1] != _UNEXPECTED_MESSAGE:
        raise NoResult(f"gets a record of kind {kind} for an early ChangeCipherSpec")
    return {"ccs-injection": False}


def _hello() -> bytes:
    """A ClientHello of TLS 1.2 with all that usual servers want (RFC 5246 §7.4.1.2)."""
    wanted = "ALL:eNULL:@SECLEVEL=0"
    every = [code for code, _exchange, _authentication in names.openssl_ciphers(wanted, "TLSv1.2")]
    suites = b"".join(map(bytes.fromhex, (*every, "000A", "0005", "0004", "00FF")))
    groups = bytes.fromhex("000a" + "0008" + "0006" + "001d" + "0017" + "0018")
    formats = bytes.fromhex("000b00020100")
    signatures = bytes.fromhex("000d" + "000e" + "000c" + "0401" + "0403" + "0804" + "0807" + "0503" + "0201")
    extensions = groups + formats + signatures
    body = b"\x03\x03" + os.urandom(32) + b"\x00" + len(suites).to_bytes(2, "big") + suites + b"\x01\x00"
    body += len(extensions).to_bytes(2, "big") + extensions
    return b"\x01" + len(body).to_bytes(3, "big") + body


def _record(kind: int, data: bytes) -> bytes:
    return bytes([kind]) + b"\x03\x01" + len(data).to_bytes(2, "big") + data


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def _read(connection: socket.socket) -> tuple[int, bytes, bytes]:
    head = _exactly(connection, 5)
    return head[0], _exactly(connection, int.from_bytes(head[3:], "big")), head[1:3]


def _await_done(connection: socket.socket) -> bytes:
    """Read to the end of the server's flight; the version it chose. Raises NoResult."""
    flight = b""
    try:
        while not flight.endswith(_HELLO_DONE):
            kind, data, version = _read(connection)
            if kind != _HANDSHAKE:
                raise NoResult(f"gets a record of kind {kind} for a hello of TLS 1.2")
            flight += data
    except (EOFError, OSError):
        raise NoResult("gets no whole flight for a hello of TLS 1.2") from None
    return version
