"""The SSH transport protocol before encryption (RFC 4253): what is sent, and what a server sent; no input or output.

Parsers raise ScanFailure where a server violates the protocol.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from inspector import Cause, ScanFailure
from inspector_ssh.observations import Algorithms, HostKey

#: The most bytes of a packet without its length that every implementation must support (RFC 4253 §6.1).
PACKET_BYTES: Final = 35_000
#: Bytes and lines up to the end of the identification string.
GREETING_BYTES, GREETING_LINES = 16_384, 64
#: The most names in a list, and characters in a name; RFC 4251 §6 allows 64.
_NAMES, _NAME_CHARACTERS = 250, 128
_LISTS = 10
_PRINTABLE = re.compile(rb"[!-+\--~]+")
_IDENTIFICATION = re.compile(rb"SSH-(\d{1,2}\.\d{1,3})-([^ \r\n]*)(?: ([^\r\n]*))?\r?\n\Z")
_BLOCK_BYTES, _LEAST_PADDING = 8, 4
#: Below RFC 4253 §6: ciphers whose length field is not encrypted with the rest have packets of one block after it.
_LEAST_PACKET = 8
_BY_APPLICATION = 11
_NO_COMPRESSION = ("none",)
#: In the client's list of key exchange methods: it wants to know the server's extensions (RFC 8308 §2.1).
EXTENSIONS: Final = "ext-info-c"
_SIGNATURE_ALGORITHMS = b"server-sig-algs"
#: The most extensions in SSH_MSG_EXT_INFO; OpenSSH has four.
_EXTENSIONS = 64
#: The reason of SSH_MSG_DISCONNECT by which a server limits connections (RFC 4253 §11.1).
TOO_MANY_CONNECTIONS: Final = 12
_CURVE_BITS = {"nistp256": 256, "nistp384": 384, "nistp521": 521}
_EDWARDS_BITS = {"ssh-ed25519": 256, "ssh-ed448": 448}


class Message(IntEnum):
    """Message numbers (RFC 4250 §4.1.2, RFC 4419 §5, RFC 8308 §2.3); 30 to 49 depend on the key exchange method."""

    DISCONNECT = 1
    IGNORE = 2
    UNIMPLEMENTED = 3
    DEBUG = 4
    SERVICE_REQUEST = 5
    SERVICE_ACCEPT = 6
    EXT_INFO = 7
    KEXINIT = 20
    NEWKEYS = 21
    KEX_INIT = 30
    KEX_REPLY = 31
    KEX_GROUP = 31
    GEX_INIT = 32
    GEX_REPLY = 33
    GEX_REQUEST = 34
    USERAUTH_REQUEST = 50
    USERAUTH_FAILURE = 51
    USERAUTH_SUCCESS = 52
    USERAUTH_BANNER = 53


def malformed(what: str) -> ScanFailure:
    """The failure for a server that violates the protocol."""
    return ScanFailure(Cause.PROTOCOL_ERROR, what)


# --- Identification ---------------------------------------------------------------------------------------------------


def identification(greeting: bytes) -> tuple[str, str, str]:
    """Protocol version, software and comments in the last line of a greeting (RFC 4253 §4.2)."""
    line = greeting[greeting.rstrip(b"\r\n").rfind(b"\n") + 1 :]
    found = _IDENTIFICATION.fullmatch(line)
    if found is None:
        raise malformed("the identification string is malformed")
    protocol, software, comments = (part.decode("latin-1") for part in (found[1], found[2], found[3] or b""))
    return protocol, software[:255], comments[:255]


def speaks_version_2(protocol: str) -> bool:
    """Whether a server with this protocol version accepts clients of version 2 (RFC 4253 §5.1)."""
    return protocol in ("2.0", "1.99")


# --- Packets ----------------------------------------------------------------------------------------------------------


def packet(payload: bytes, block_bytes: int = _BLOCK_BYTES, *, pads_length: bool = True) -> bytes:
    """An unencrypted packet (RFC 4253 §6), padded to whole blocks with its length field or without."""
    padding = block_bytes - ((5 if pads_length else 1) + len(payload)) % block_bytes
    if padding < _LEAST_PADDING:
        padding += block_bytes
    return struct.pack(">IB", 1 + len(payload) + padding, padding) + payload + os.urandom(padding)


def packet_length(header: bytes) -> int:
    """The number of bytes after the first four of a packet."""
    length: int = struct.unpack(">I", header[:4])[0]
    if not _LEAST_PACKET <= length <= PACKET_BYTES:
        raise malformed(f"sends a packet of {length} bytes")
    return length


def payload_of(body: bytes) -> bytes:
    """The payload of a packet without its length."""
    payload = body[1 : len(body) - body[0]]
    if body[0] < _LEAST_PADDING or not payload:
        raise malformed("sends a packet without payload, or with invalid padding")
    return payload


class Fields:
    """The data types of RFC 4251 §5, read from the start of a payload."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def take(self, size: int) -> bytes:
        """The next bytes."""
        if size > len(self._data):
            raise malformed("sends a message that ends early")
        taken, self._data = self._data[:size], self._data[size:]
        return taken

    def string(self) -> bytes:
        """A string with its length before it."""
        return self.take(struct.unpack(">I", self.take(4))[0])

    def integer(self) -> int:
        """An mpint, which must be positive."""
        value = int.from_bytes(self.string(), "big", signed=True)
        if value <= 0:
            raise malformed("sends a number that is not positive")
        return value

    def names(self) -> tuple[str, ...]:
        """A name-list; one comma at its end is accepted, since libssh 0.10 sends it."""
        listed = self.string().removesuffix(b",")
        names = listed.split(b",") if listed else []
        if len(names) > _NAMES:
            raise malformed(f"lists {len(names)} algorithms")
        for name in names:
            if len(name) > _NAME_CHARACTERS or not _PRINTABLE.fullmatch(name):
                raise malformed("lists an algorithm whose name is malformed")
        return tuple(name.decode("ascii") for name in names)


def string(data: bytes) -> bytes:
    """A string with its length before it (RFC 4251 §5)."""
    return struct.pack(">I", len(data)) + data


def mpint(value: int) -> bytes:
    """A positive mpint (RFC 4251 §5)."""
    return string(value.to_bytes(value.bit_length() // 8 + 1, "big"))


def disconnect() -> bytes:
    """The payload that ends a connection (RFC 4253 §11.1)."""
    return struct.pack(">BI", Message.DISCONNECT, _BY_APPLICATION) + string(b"") + string(b"")


# --- SSH_MSG_KEXINIT --------------------------------------------------------------------------------------------------


def parse_kexinit(payload: bytes) -> Algorithms:
    """The algorithms in a payload of SSH_MSG_KEXINIT (RFC 4253 §7.1)."""
    fields = Fields(payload)
    fields.take(1 + 16)
    lists = [fields.names() for _ in range(_LISTS)]
    guesses = fields.take(1) != b"\0"
    fields.take(4)
    kex, host_key, *others, _languages_to_server, _languages_to_client = lists
    if not kex or not host_key:
        raise malformed("offers no key exchange method or no host key algorithm")
    return Algorithms(
        key_exchange=kex,
        host_key=host_key,
        ciphers_to_server=others[0],
        ciphers_to_client=others[1],
        macs_to_server=others[2],
        macs_to_client=others[3],
        compression_to_server=others[4],
        compression_to_client=others[5],
        guesses=guesses,
    )


@dataclass(frozen=True, slots=True)
class Encryption:
    """What the client offers for after the key exchange: a cipher and a MAC to the server, and to the client.

    A MAC is empty where the cipher needs none.
    """

    to_server: tuple[str, str]
    to_client: tuple[str, str]

    def limit(self, server: Algorithms) -> Algorithms:
        """The server's algorithms without the others, and without compression."""
        (cipher_to_server, mac_to_server), (cipher_to_client, mac_to_client) = self.to_server, self.to_client
        return server.model_copy(
            update={
                "ciphers_to_server": (cipher_to_server,),
                "ciphers_to_client": (cipher_to_client,),
                "macs_to_server": (mac_to_server,) if mac_to_server else server.macs_to_server,
                "macs_to_client": (mac_to_client,) if mac_to_client else server.macs_to_client,
                "compression_to_server": _NO_COMPRESSION,
                "compression_to_client": _NO_COMPRESSION,
            }
        )


def kexinit(server: Algorithms, method: str, host_key: str, encryption: Encryption | None = None) -> bytes:
    """The payload of SSH_MSG_KEXINIT of a client that accepts one method, one host key algorithm and all else.

    With ``encryption`` it accepts that alone, and wants the server's extensions (RFC 8308 §2.1).
    """
    accepted = server if encryption is None else encryption.limit(server)
    lists = (
        (method,) if encryption is None else (method, EXTENSIONS),
        (host_key,),
        accepted.ciphers_to_server,
        accepted.ciphers_to_client,
        accepted.macs_to_server,
        accepted.macs_to_client,
        accepted.compression_to_server,
        accepted.compression_to_client,
        (),
        (),
    )
    named = b"".join(string(",".join(names).encode("ascii")) for names in lists)
    return bytes((Message.KEXINIT,)) + os.urandom(16) + named + bytes(5)


# --- After the key exchange -------------------------------------------------------------------------------------------


def service_request() -> bytes:
    """The payload that requests the service of authentication (RFC 4253 §10)."""
    return bytes((Message.SERVICE_REQUEST,)) + string(b"ssh-userauth")


def login_request(user: str) -> bytes:
    """The payload of a request for authentication by the method ``none`` (RFC 4252 §5.2)."""
    return bytes((Message.USERAUTH_REQUEST,)) + string(user.encode()) + string(b"ssh-connection") + string(b"none")


def parse_login_failure(payload: bytes) -> tuple[str, ...]:
    """The methods of authentication that can continue, in a payload of SSH_MSG_USERAUTH_FAILURE (RFC 4252 §5.1)."""
    return Fields(payload[1:]).names()


def parse_extensions(payload: bytes) -> tuple[str, ...] | None:
    """The value of ``server-sig-algs`` in a payload of SSH_MSG_EXT_INFO, None where it is missing (RFC 8308 §2.3)."""
    fields = Fields(payload[1:])
    count = int.from_bytes(fields.take(4), "big")
    if count > _EXTENSIONS:
        raise malformed(f"sends {count} extensions")
    values = [(fields.string(), fields.string()) for _ in range(count)]
    return next((Fields(string(value)).names() for name, value in values if name == _SIGNATURE_ALGORITHMS), None)


# --- Host keys --------------------------------------------------------------------------------------------------------


def parse_host_key(blob: bytes) -> HostKey:
    """Type, size and fingerprint of a public key (RFC 4253 §6.6, RFC 5656 §3.1, RFC 8709 §4)."""
    fields = Fields(blob)
    named = fields.string()
    if len(named) > _NAME_CHARACTERS or not _PRINTABLE.fullmatch(named):
        raise malformed("sends a host key whose type is malformed")
    type_ = named.decode("ascii")
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii").rstrip("=")
    return HostKey(type=type_, bits=_bits(type_, fields), fingerprint=f"SHA256:{digest}")


def _bits(type_: str, fields: Fields) -> int | None:
    if type_ == "ssh-rsa":
        fields.integer()  # the exponent
        return fields.integer().bit_length()
    if type_ == "ssh-dss":
        return fields.integer().bit_length()
    if type_.startswith("ecdsa-sha2-"):
        return _CURVE_BITS.get(fields.string().decode("latin-1"))
    return _EDWARDS_BITS.get(type_)
