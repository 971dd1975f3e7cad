"""How packets are protected once the keys are known (RFC 4253 §6): each direction has one of these ciphers.

A packet that was changed, or that was made with other keys, raises ScanFailure.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.poly1305 import Poly1305

from inspector_ssh.wire import malformed, packet

_LENGTH_BYTES = 4
_IV_BYTES = 16


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one direction: ``derive`` makes one of a number of bytes from its letter (RFC 4253 §7.2)."""

    derive: Callable[[bytes, int], bytes]
    iv: bytes
    cipher: bytes
    mac: bytes


class Protection:
    """One direction without encryption, and what its ciphers share.

    ``header_bytes`` are what is needed to know the length of a packet, ``tag_bytes`` what follows it. Both ends count
    the packets of a direction from its first one on.
    """

    header_bytes = _LENGTH_BYTES
    tag_bytes = 0
    block_bytes = 8
    #: Whether the length field counts for padding to whole blocks.
    pads_length = True

    def __init__(self, sequence: int = 0) -> None:
        self.sequence = sequence

    def length(self, header: bytes) -> bytes:
        """The length field in clear."""
        return header[:_LENGTH_BYTES]

    def opened(self, received: bytes) -> bytes:
        """A packet without its tag, in clear but for its length field."""
        clear = self._open(received[: len(received) - self.tag_bytes], received[len(received) - self.tag_bytes :])
        self.sequence += 1
        return clear

    def sealed(self, payload: bytes) -> bytes:
        """The packet of a payload as it is sent."""
        sealed = self._seal(packet(payload, self.block_bytes, pads_length=self.pads_length))
        self.sequence += 1
        return sealed

    def _open(self, data: bytes, _tag: bytes) -> bytes:
        return data

    def _seal(self, data: bytes) -> bytes:
        return data

    @property
    def _number(self) -> bytes:
        return struct.pack(">I", self.sequence & 0xFFFFFFFF)


class _AesGcm(Protection):
    """AES-GCM with the length field as additional data (RFC 5647 §7.3)."""

    tag_bytes = 16
    block_bytes = 16
    pads_length = False

    def __init__(self, sequence: int, keys: Keys, key_bytes: int) -> None:
        super().__init__(sequence)
        self._cipher = AESGCM(keys.derive(keys.cipher, key_bytes))
        self._nonce = keys.derive(keys.iv, 12)

    def _open(self, data: bytes, tag: bytes) -> bytes:
        try:
            return data[:_LENGTH_BYTES] + self._cipher.decrypt(self._next(), data[4:] + tag, data[:_LENGTH_BYTES])
        except InvalidTag:
            raise _changed() from None

    def _seal(self, data: bytes) -> bytes:
        return data[:_LENGTH_BYTES] + self._cipher.encrypt(self._next(), data[4:], data[:_LENGTH_BYTES])

    def _next(self) -> bytes:
        nonce = self._nonce
        counter = (int.from_bytes(nonce[4:], "big") + 1) % (1 << 64)
        self._nonce = nonce[:4] + counter.to_bytes(8, "big")
        return nonce


class _ChaCha20(Protection):
    """ChaCha20-Poly1305 of OpenSSH: two keys, one for the length field (PROTOCOL.chacha20poly1305)."""

    tag_bytes = 16
    pads_length = False

    def __init__(self, sequence: int, keys: Keys, _key_bytes: int) -> None:
        super().__init__(sequence)
        both = keys.derive(keys.cipher, 64)
        self._main, self._of_length = both[:32], both[32:]

    def length(self, header: bytes) -> bytes:
        """The length field in clear."""
        return self._stream(self._of_length, 0, header)

    def _open(self, data: bytes, tag: bytes) -> bytes:
        try:
            Poly1305.verify_tag(self._tag_key(), data, tag)
        except InvalidSignature:
            raise _changed() from None
        return data[:_LENGTH_BYTES] + self._stream(self._main, 1, data[_LENGTH_BYTES:])

    def _seal(self, data: bytes) -> bytes:
        length = self._stream(self._of_length, 0, data[:_LENGTH_BYTES])
        sealed = length + self._stream(self._main, 1, data[_LENGTH_BYTES:])
        return sealed + Poly1305.generate_tag(self._tag_key(), sealed)

    def _tag_key(self) -> bytes:
        return self._stream(self._main, 0, bytes(32))

    def _stream(self, key: bytes, block: int, data: bytes) -> bytes:
        nonce = struct.pack("<Q", block) + struct.pack(">Q", self.sequence)
        return Cipher(algorithms.ChaCha20(key, nonce), mode=None).encryptor().update(data)


class _AesCtr(Protection):
    """AES in counter mode (RFC 4344 §4) with an HMAC over the clear packet (RFC 4253 §6.4)."""

    header_bytes = 16
    block_bytes = 16

    def __init__(self, sequence: int, keys: Keys, key_bytes: int, digest: str) -> None:
        super().__init__(sequence)
        self._digest = digest
        self.tag_bytes = hashlib.new(digest).digest_size
        self._key = keys.derive(keys.mac, self.tag_bytes)
        iv = keys.derive(keys.iv, _IV_BYTES)
        # Counter mode encrypts and decrypts alike.
        key = algorithms.AES(keys.derive(keys.cipher, key_bytes))
        self._stream: CipherContext = Cipher(key, modes.CTR(iv)).encryptor()
        self._header = b""

    def length(self, header: bytes) -> bytes:
        """The length field in clear; called once for each packet, whose first block it decrypts."""
        self._header = self._stream.update(header)
        return self._header[:_LENGTH_BYTES]

    def _open(self, data: bytes, tag: bytes) -> bytes:
        clear = self._header + self._stream.update(data[self.header_bytes :])
        self._verify(clear, tag)
        return clear

    def _seal(self, data: bytes) -> bytes:
        return self._stream.update(data) + self._tag(data)

    def _tag(self, data: bytes) -> bytes:
        return hmac.digest(self._key, self._number + data, self._digest)

    def _verify(self, data: bytes, tag: bytes) -> None:
        if not hmac.compare_digest(self._tag(data), tag):
            raise _changed()


class _AesCtrEtm(_AesCtr):
    """AES in counter mode with an HMAC over the encrypted packet and its clear length (OpenSSH PROTOCOL §1.5)."""

    header_bytes = _LENGTH_BYTES
    pads_length = False

    def length(self, header: bytes) -> bytes:
        """The length field, which is clear."""
        return header

    def _open(self, data: bytes, tag: bytes) -> bytes:
        self._verify(data, tag)
        return data[:_LENGTH_BYTES] + self._stream.update(data[_LENGTH_BYTES:])

    def _seal(self, data: bytes) -> bytes:
        sealed = data[:_LENGTH_BYTES] + self._stream.update(data[_LENGTH_BYTES:])
        return sealed + self._tag(sealed)


def _changed() -> Exception:
    return malformed("sends a packet that does not match its tag")


_AEAD: Final[dict[str, tuple[type[_AesGcm | _ChaCha20], int]]] = {
    "aes128-gcm@openssh.com": (_AesGcm, 16),
    "aes256-gcm@openssh.com": (_AesGcm, 32),
    "chacha20-poly1305@openssh.com": (_ChaCha20, 64),
}
_CTR: Final = {"aes128-ctr": 16, "aes192-ctr": 24, "aes256-ctr": 32}
_MACS: Final[dict[str, tuple[type[_AesCtr], str]]] = {
    "hmac-sha2-256-etm@openssh.com": (_AesCtrEtm, "sha256"),
    "hmac-sha2-512-etm@openssh.com": (_AesCtrEtm, "sha512"),
    "hmac-sha2-256": (_AesCtr, "sha256"),
    "hmac-sha2-512": (_AesCtr, "sha512"),
    "hmac-sha1": (_AesCtr, "sha1"),
}


def protection_for(ciphers: Sequence[str], macs: Sequence[str]) -> tuple[str, str] | None:
    """A cipher and a MAC that the server offers in one direction and this client has; None where there are none.

    The MAC is empty with ciphers that need none.
    """
    cipher = next((name for name in _AEAD if name in ciphers), None)
    if cipher is not None:
        return cipher, ""
    cipher = next((name for name in _CTR if name in ciphers), None)
    mac = next((name for name in _MACS if name in macs), None)
    return None if cipher is None or mac is None else (cipher, mac)


def protection(chosen: tuple[str, str], sequence: int, keys: Keys) -> Protection:
    """One direction with the chosen cipher and MAC, from this sequence number on."""
    cipher, mac = chosen
    if cipher in _AEAD:
        aead, key_bytes = _AEAD[cipher]
        return aead(sequence, keys, key_bytes)
    counter_mode, digest = _MACS[mac]
    return counter_mode(sequence, keys, _CTR[cipher], digest)
