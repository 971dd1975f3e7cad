"""What a client of TLS 1.3 needs: key agreement, key schedule, protection of records.

RFC 8446 §7.1 to §7.3, §5.2; hybrid groups: the ECDHE-MLKEM draft. The server is not authenticated, and nothing
confidential is sent under these keys.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Protocol

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, x448, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from inspector_tls.wire.code_points import AGREED_GROUPS, AGREED_SUITES, groups, suites
from inspector_tls.wire.encoding import Malformed
from inspector_tls.wire.finite_field_groups import GENERATOR, prime, private_bits
from inspector_tls.wire.records import Record


class UnsupportedParameter(Exception):
    """Keys cannot be agreed in the group, or records not be decrypted in the suite, that the server chose."""


class _Exchange(Protocol):
    """One side of a key agreement: the share to send, and the secret for the other side's share."""

    share: bytes
    answer_bytes: int

    def secret(self, answer: bytes) -> bytes: ...


class _Curve:
    def __init__(self, curve: ec.EllipticCurve) -> None:
        self._key = ec.generate_private_key(curve)
        self.share = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.answer_bytes = len(self.share)

    def secret(self, answer: bytes) -> bytes:
        peer = ec.EllipticCurvePublicKey.from_encoded_point(self._key.curve, answer)
        return self._key.exchange(ec.ECDH(), peer)


class _X25519:
    answer_bytes = 32

    def __init__(self) -> None:
        self._key = x25519.X25519PrivateKey.generate()
        self.share = self._key.public_key().public_bytes_raw()

    def secret(self, answer: bytes) -> bytes:
        return self._key.exchange(x25519.X25519PublicKey.from_public_bytes(answer))


class _X448:
    answer_bytes = 56

    def __init__(self) -> None:
        self._key = x448.X448PrivateKey.generate()
        self.share = self._key.public_key().public_bytes_raw()

    def secret(self, answer: bytes) -> bytes:
        return self._key.exchange(x448.X448PublicKey.from_public_bytes(answer))


class _FiniteField:
    """Diffie-Hellman modulo a prime; shares and secret are as long as the prime (RFC 8446 §4.2.8.1, §7.4.1)."""

    def __init__(self, group: int) -> None:
        self._prime = prime(group)
        self.answer_bytes = (self._prime.bit_length() + 7) // 8
        self._key = secrets.randbits(private_bits(group)) | 1
        self.share = self._power(GENERATOR)

    def _power(self, base: int) -> bytes:
        return pow(base, self._key, self._prime).to_bytes(self.answer_bytes, "big")

    def secret(self, answer: bytes) -> bytes:
        peer = int.from_bytes(answer, "big")
        if not 1 < peer < self._prime - 1:
            raise ValueError("a trivial public key")
        return self._power(peer)


class _Lattice:
    """ML-KEM; raises UnsupportedAlgorithm where the library lacks it."""

    def __init__(self, bits: int) -> None:
        try:
            from cryptography.hazmat.primitives.asymmetric import mlkem
        except ImportError as error:
            raise UnsupportedAlgorithm("ML-KEM") from error
        self._key = (mlkem.MLKEM768PrivateKey if bits == 768 else mlkem.MLKEM1024PrivateKey).generate()
        self.share = self._key.public_key().public_bytes_raw()
        self.answer_bytes = 1088 if bits == 768 else 1568

    def secret(self, answer: bytes) -> bytes:
        return self._key.decapsulate(answer)


class _Hybrid:
    """Two exchanges whose shares and secrets are joined in this order."""

    def __init__(self, first: _Exchange, second: _Exchange) -> None:
        self._first, self._second = first, second
        self.share = first.share + second.share
        self.answer_bytes = first.answer_bytes + second.answer_bytes

    def secret(self, answer: bytes) -> bytes:
        cut = self._first.answer_bytes
        return self._first.secret(answer[:cut]) + self._second.secret(answer[cut:])


_EXCHANGES: dict[int, Callable[[], _Exchange]] = dict(
    zip(
        AGREED_GROUPS,
        (
            _X25519,
            lambda: _Curve(ec.SECP256R1()),
            lambda: _Curve(ec.SECP384R1()),
            lambda: _Curve(ec.SECP521R1()),
            _X448,
            lambda: _Hybrid(_Lattice(768), _X25519()),
            lambda: _Hybrid(_Curve(ec.SECP256R1()), _Lattice(768)),
            lambda: _Hybrid(_Curve(ec.SECP384R1()), _Lattice(1024)),
            lambda: _Curve(ec.BrainpoolP256R1()),
            lambda: _Curve(ec.BrainpoolP384R1()),
            lambda: _Curve(ec.BrainpoolP512R1()),
            lambda: _Lattice(768),
            lambda: _Lattice(1024),
            *(partial(_FiniteField, group) for group in AGREED_GROUPS[-5:]),
        ),
        strict=True,
    )
)


class Share:
    """The client's key in one group; raises UnsupportedParameter where no keys can be agreed in it."""

    def __init__(self, group: int) -> None:
        self.group = group
        try:
            self._exchange = _EXCHANGES[group]()
        except (KeyError, UnsupportedAlgorithm) as error:
            name = groups()[group].name if group in groups() else str(group)
            raise UnsupportedParameter(f"keys cannot be agreed in the group {name}") from error

    @property
    def public(self) -> bytes:
        """The public key, as sent."""
        return self._exchange.share

    def secret(self, answer: bytes) -> bytes:
        """The shared secret; raises Malformed when the server's share is not one of this group."""
        if len(answer) != self._exchange.answer_bytes:
            raise Malformed("a key share of the wrong length")
        try:
            return self._exchange.secret(answer)
        except ValueError as error:
            raise Malformed("an invalid key share") from error


@cache
def own_share(group: int) -> Share:
    """The key of this process in a group, made once: nothing confidential is sent under it.

    Raises UnsupportedParameter.
    """
    return Share(group)


@dataclass(frozen=True, slots=True)
class _Suite:
    digest: str
    key_bytes: int
    tag_bytes: int
    cipher: Callable[[bytes], AESGCM | ChaCha20Poly1305 | AESCCM]


_SUITES = dict(
    zip(
        AGREED_SUITES,
        (
            _Suite("sha256", 16, 16, AESGCM),
            _Suite("sha384", 32, 16, AESGCM),
            _Suite("sha256", 32, 16, ChaCha20Poly1305),
            _Suite("sha256", 16, 16, AESCCM),
            _Suite("sha256", 16, 8, lambda key: AESCCM(key, tag_length=8)),
        ),
        strict=True,
    )
)
_NONCE_BYTES = 12


def _suite(code: int) -> _Suite:
    """The suite that the server chose; raises UnsupportedParameter."""
    chosen = _SUITES.get(code)
    if chosen is None:
        name = suites()[code].name if code in suites() else f"{code:#06x}"
        raise UnsupportedParameter(f"the suite {name} cannot be decrypted")
    return chosen


class RecordProtection:
    """The keys of one direction, and its records (RFC 8446 §5.2, §7.3); raises UnsupportedParameter for a suite."""

    def __init__(self, suite: int, secret: bytes) -> None:
        self._suite = _suite(suite)
        self._number = suite
        self._secret = secret
        self._cipher = self._suite.cipher(_expand(self._suite.digest, secret, "key", b"", self._suite.key_bytes))
        self._iv = int.from_bytes(_expand(self._suite.digest, secret, "iv", b"", _NONCE_BYTES), "big")
        self._count = 0

    def _nonce(self) -> bytes:
        nonce = (self._iv ^ self._count).to_bytes(_NONCE_BYTES, "big")
        self._count += 1
        return nonce

    def decrypt(self, record: Record) -> tuple[int, bytes]:
        """Content type and content of an encrypted record; raises Malformed."""
        try:
            inner = self._cipher.decrypt(self._nonce(), record.body, record.header).rstrip(b"\x00")
        except (InvalidTag, ValueError) as error:
            raise Malformed("an encrypted record that does not decrypt") from error
        if not inner:
            raise Malformed("an encrypted record without content type")
        return inner[-1], inner[:-1]

    def encrypt(self, kind: int, content: bytes) -> bytes:
        """The record with this content, of at most 2^14 bytes."""
        size = len(content) + 1 + self._suite.tag_bytes
        header = b"\x17\x03\x03" + size.to_bytes(2, "big")
        return header + self._cipher.encrypt(self._nonce(), content + bytes((kind,)), header)

    def updated(self) -> RecordProtection:
        """The protection after a KeyUpdate (§7.2)."""
        return RecordProtection(self._number, _expand(self._suite.digest, self._secret, "traffic upd", b""))


class KeySchedule:
    """The secrets of one handshake (RFC 8446 §7.1); raises UnsupportedParameter for an unknown suite.

    ``secret`` is what was agreed, ``transcript`` the messages up to the server's hello. ``server`` and ``client``
    protect the records of the handshake.
    """

    def __init__(self, suite: int, secret: bytes, transcript: bytes) -> None:
        self._suite = suite
        self._digest = digest = _suite(suite).digest
        self._zeros = bytes(hashlib.new(digest).digest_size)
        self._handshake = _extract(digest, self._derived(_extract(digest, self._zeros, self._zeros)), secret)
        self._client_secret = self._secret(self._handshake, "c hs traffic", transcript)
        self.client = RecordProtection(suite, self._client_secret)
        self.server = RecordProtection(suite, self._secret(self._handshake, "s hs traffic", transcript))

    def finished(self, transcript: bytes) -> bytes:
        """The body of the client's Finished (§4.4.4), after these messages."""
        key = _expand(self._digest, self._client_secret, "finished", b"")
        return hmac.digest(key, hashlib.new(self._digest, transcript).digest(), self._digest)

    def application(self, transcript: bytes) -> tuple[RecordProtection, RecordProtection]:
        """The protection of the server's and the client's records after the handshake, up to the server's Finished."""
        main = _extract(self._digest, self._derived(self._handshake), self._zeros)
        server, client = (self._secret(main, f"{side} ap traffic", transcript) for side in "sc")
        return RecordProtection(self._suite, server), RecordProtection(self._suite, client)

    def _secret(self, secret: bytes, label: str, transcript: bytes) -> bytes:
        return _expand(self._digest, secret, label, hashlib.new(self._digest, transcript).digest())

    def _derived(self, secret: bytes) -> bytes:
        return self._secret(secret, "derived", b"")


def message_hash(suite: int, first_hello: bytes) -> bytes:
    """The message that replaces the first hello in the transcript after a HelloRetryRequest (RFC 8446 §4.4.1).

    Raises UnsupportedParameter for an unknown suite.
    """
    digest = hashlib.new(_suite(suite).digest, first_hello).digest()
    return b"\xfe\x00\x00" + bytes([len(digest)]) + digest


def _extract(digest: str, salt: bytes, secret: bytes) -> bytes:
    return hmac.digest(salt, secret, digest)


def _expand(digest: str, secret: bytes, label: str, context: bytes, length: int | None = None) -> bytes:
    """HKDF-Expand-Label (RFC 8446 §7.1) for at most one digest's length."""
    size = len(secret) if length is None else length
    name = b"tls13 " + label.encode()
    info = size.to_bytes(2, "big") + bytes([len(name)]) + name + bytes([len(context)]) + context
    return hmac.digest(secret, info + b"\x01", digest)[:size]
