"""A server of TLS 1.2 written from RFC 5246, with flaws that can be switched on one by one.

It knows one suite, TLS_RSA_WITH_AES_128_CBC_SHA, and shares no code with what is tested. Flaws:

    crime       takes DEFLATE where a client offers it (RFC 3749)
    legacy      knows no secure renegotiation (RFC 5746)
    renegotiate lets the client renegotiate
    early-ccs   takes a ChangeCipherSpec before there is a master secret, as CVE-2014-0224 did
    robot       says by an alert of its own that a premaster secret was badly padded

And habits that are no flaws: ``greets`` speaks first, as servers of mail do, and ``leaves`` ends the connection then.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

CCS, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23
CLIENT_HELLO, SERVER_HELLO, CERTIFICATE, HELLO_DONE, KEY_EXCHANGE, FINISHED = 1, 2, 11, 14, 16, 20
TLS_1_2 = b"\x03\x03"
SUITE, SIGNALLING = b"\x00\x2f", b"\x00\xff"
RENEGOTIATION_INFO = 0xFF01
UNEXPECTED_MESSAGE, BAD_RECORD_MAC, HANDSHAKE_FAILURE, ILLEGAL_PARAMETER, DECRYPT_ERROR, PROTOCOL_VERSION = (
    10,
    20,
    40,
    47,
    51,
    70,
)
NO_RENEGOTIATION = 100


class Refused(Exception):
    """The connection ends with this alert."""

    def __init__(self, alert: int) -> None:
        super().__init__(f"alert {alert}")
        self.alert = alert


class _Cut:
    """Takes lengths and fields from a message."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self, count: int) -> bytes:
        if len(self.data) < count:
            raise Refused(50)
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def vector(self, size: int) -> bytes:
        return self.take(int.from_bytes(self.take(size), "big"))


def _vector(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size, "big") + data


def _prf(secret: bytes, label: bytes, seed: bytes, count: int) -> bytes:
    """RFC 5246 §5."""
    made, step = b"", label + seed
    while len(made) < count:
        step = hmac.digest(secret, step, "sha256")
        made += hmac.digest(secret, step + label + seed, "sha256")
    return made[:count]


class _Direction:
    """The state of records one way: nothing, or AES-128-CBC with HMAC-SHA1 and perhaps DEFLATE (RFC 5246 §6)."""

    def __init__(self, mac_key: bytes = b"", key: bytes = b"", stream: Any = None) -> None:
        self.mac_key, self.key, self.stream = mac_key, key, stream
        self.number = 0

    def _mac(self, kind: int, data: bytes) -> bytes:
        head = self.number.to_bytes(8, "big") + bytes([kind]) + TLS_1_2 + len(data).to_bytes(2, "big")
        return hmac.digest(self.mac_key, head + data, "sha1")

    def seal(self, kind: int, data: bytes) -> bytes:
        if not self.key:
            return data
        if self.stream:
            data = self.stream.compress(data) + self.stream.flush(zlib.Z_SYNC_FLUSH)
        whole = data + self._mac(kind, data)
        self.number += 1
        padding = 15 - len(whole) % 16
        whole += bytes([padding]) * (padding + 1)
        vector = os.urandom(16)
        cipher = Cipher(algorithms.AES(self.key), modes.CBC(vector)).encryptor()
        return vector + cipher.update(whole) + cipher.finalize()

    def open(self, kind: int, data: bytes) -> bytes:
        if not self.key:
            return data
        if len(data) < 48 or len(data) % 16:
            raise Refused(BAD_RECORD_MAC)
        cipher = Cipher(algorithms.AES(self.key), modes.CBC(data[:16])).decryptor()
        whole = cipher.update(data[16:]) + cipher.finalize()
        whole = whole[: -whole[-1] - 1]
        content, mac = whole[:-20], whole[-20:]
        if not hmac.compare_digest(mac, self._mac(kind, content)):
            raise Refused(BAD_RECORD_MAC)
        self.number += 1
        return self.stream.decompress(content, 1 << 16) if self.stream else content


@dataclass(frozen=True, slots=True)
class OwnIdentity:
    """The certificates to send (DER), and the private key."""

    chain: tuple[bytes, ...]
    private: rsa.RSAPrivateNumbers


class Session:
    """One connection."""

    def __init__(self, connection: socket.socket, identity: OwnIdentity, flaws: frozenset[str]) -> None:
        self._socket, self._flaws = connection, flaws
        self._chain, self._private = identity.chain, identity.private
        self._in, self._out = _Direction(), _Direction()
        self._messages = b""
        self._transcript = b""
        self._verified: tuple[bytes, bytes] = (b"", b"")

    # --- Records and messages

    def _send(self, kind: int, data: bytes) -> None:
        self._socket.sendall(bytes([kind]) + TLS_1_2 + _vector(self._out.seal(kind, data), 2))

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def _record(self) -> tuple[int, bytes]:
        head = self._exactly(5)
        if head[0] & 0x80:  # a hello of SSL 2.0
            raise Refused(PROTOCOL_VERSION)
        if head[0] not in (CCS, ALERT, HANDSHAKE, DATA):
            raise Refused(UNEXPECTED_MESSAGE)
        return head[0], self._in.open(head[0], self._exactly(int.from_bytes(head[3:], "big")))

    def _send_handshake(self, kind: int, body: bytes) -> None:
        message = bytes([kind]) + _vector(body, 3)
        self._transcript += message
        for start in range(0, len(message), 1 << 14):
            self._send(HANDSHAKE, message[start : start + (1 << 14)])

    def _receive_handshake(self, wanted: int) -> bytes:
        """The next handshake message, which must be ``wanted``."""
        while len(self._messages) < 4 or len(self._messages) < 4 + int.from_bytes(self._messages[1:4], "big"):
            kind, data = self._record()
            if kind == ALERT:
                raise EOFError
            if kind != HANDSHAKE:
                self._early(kind)
                continue
            self._messages += data
        end = 4 + int.from_bytes(self._messages[1:4], "big")
        message, self._messages = self._messages[:end], self._messages[end:]
        if message[0] != wanted:
            raise Refused(UNEXPECTED_MESSAGE)
        if wanted != FINISHED:
            self._transcript += message
        return message[4:]

    def _early(self, kind: int) -> None:
        """What comes before its time: refused, unless the flaw takes a ChangeCipherSpec with an empty secret."""
        if kind != CCS or "early-ccs" not in self._flaws:
            raise Refused(UNEXPECTED_MESSAGE)
        self._in, _out = self._directions(b"", 0)

    # --- The handshake

    def serve(self) -> None:
        """Make the handshake, then read until the client closes, renegotiating if that is a flaw to have."""
        try:
            self._shake_hands()
            if "greets" in self._flaws:
                self._send(DATA, b"* OK ready\r\n")
            while "leaves" not in self._flaws:
                kind, data = self._record()
                if kind == ALERT:
                    return
                if kind == HANDSHAKE and data[:1] == bytes([CLIENT_HELLO]):
                    if "renegotiate" not in self._flaws:
                        self._send(ALERT, bytes([1, NO_RENEGOTIATION]))
                        continue
                    self._messages += data
                    self._shake_hands()
        except Refused as refused:
            self._send(ALERT, bytes([2, refused.alert]))
        except (EOFError, OSError, ValueError, zlib.error):
            return

    def _shake_hands(self) -> None:
        self._transcript = b""
        self._random = os.urandom(32)
        compression = self._answer_hello(_Cut(self._receive_handshake(CLIENT_HELLO)))
        self._send_handshake(CERTIFICATE, _vector(b"".join(_vector(each, 3) for each in self._chain), 3))
        self._send_handshake(HELLO_DONE, b"")
        secret = self._premaster(_Cut(self._receive_handshake(KEY_EXCHANGE)).vector(2))
        master = _prf(secret, b"master secret", self._client_random + self._random, 48)
        coming, going = self._directions(master, compression)
        kind, _data = self._record()
        if kind != CCS:
            raise Refused(UNEXPECTED_MESSAGE)
        self._in = coming
        client = self._finished(master, b"client finished")
        received = self._receive_handshake(FINISHED)
        if not hmac.compare_digest(received, client):
            raise Refused(DECRYPT_ERROR)
        self._transcript += bytes([FINISHED]) + _vector(received, 3)
        self._send(CCS, b"\x01")
        self._out = going
        server = self._finished(master, b"server finished")
        self._send_handshake(FINISHED, server)
        self._verified = (client, server)

    def _answer_hello(self, hello: _Cut) -> int:
        """Choose by the client's hello (RFC 5246 §7.4.1); the compression method."""
        version = hello.take(2)
        self._client_random = hello.take(32)
        hello.vector(1)
        listed = hello.vector(2)
        suites = {listed[at : at + 2] for at in range(0, len(listed), 2)}
        methods = hello.vector(1)
        extensions = self._extensions(hello)
        if version < TLS_1_2:
            raise Refused(PROTOCOL_VERSION)
        if SUITE not in suites:
            raise Refused(HANDSHAKE_FAILURE)
        compression = 1 if "crime" in self._flaws and 1 in methods else 0
        body = TLS_1_2 + self._random + _vector(b"", 1) + SUITE + bytes([compression])
        if "legacy" not in self._flaws and (RENEGOTIATION_INFO in extensions or SIGNALLING in suites):
            bound = _vector(b"".join(self._verified), 1)
            body += _vector(RENEGOTIATION_INFO.to_bytes(2, "big") + _vector(bound, 2), 2)
        self._send_handshake(SERVER_HELLO, body)
        return compression

    def _extensions(self, hello: _Cut) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        if hello.data:
            block = _Cut(hello.vector(2))
            while block.data:
                number = int.from_bytes(block.take(2), "big")
                found[number] = block.vector(2)
        return found

    def _premaster(self, encrypted: bytes) -> bytes:
        """The premaster secret; a random one where the padding is bad (RFC 5246 §7.4.7.1), unless revealed."""
        public = self._private.public_numbers
        size = (public.n.bit_length() + 7) // 8
        plain = pow(int.from_bytes(encrypted, "big"), self._private.d, public.n).to_bytes(size, "big")
        padded, secret = plain[:-48], plain[-48:]
        whole = padded[:2] == b"\x00\x02" and padded[-1] == 0 and 0 not in padded[2:-1] and secret[:2] == TLS_1_2
        if whole:
            return secret
        if "robot" in self._flaws:
            raise Refused(ILLEGAL_PARAMETER)
        return os.urandom(48)

    def _directions(self, master: bytes, compression: int) -> tuple[_Direction, _Direction]:
        """The states of records from and to the client (RFC 5246 §6.3)."""
        block = _Cut(_prf(master, b"key expansion", self._random + self._client_random, 72))
        macs, keys = (block.take(20), block.take(20)), (block.take(16), block.take(16))
        streams: tuple[Any, Any] = (zlib.decompressobj(), zlib.compressobj()) if compression else (None, None)
        return _Direction(macs[0], keys[0], streams[0]), _Direction(macs[1], keys[1], streams[1])

    def _finished(self, master: bytes, label: bytes) -> bytes:
        return _prf(master, label, hashlib.sha256(self._transcript).digest(), 12)


def serving(certificate: Path, key: Path, *flaws: str) -> Callable[[socket.socket], None]:
    """Answer connections as such a server."""
    chain = load_pem_x509_certificates(certificate.read_bytes())
    private = load_pem_private_key(key.read_bytes(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    identity = OwnIdentity(tuple(each.public_bytes(Encoding.DER) for each in chain), private.private_numbers())

    def answer(connection: socket.socket) -> None:
        Session(connection, identity, frozenset(flaws)).serve()

    return answer
