"""The code points of TLS by number and by name, with the properties that checks use.

The tables lie in ``data/`` with their sources and dates.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from inspector_tls.wire.versions import TlsVersion

#: The number of each version on the wire (RFC 8446 §4.1.2; SSL 2.0: 0x0002).
WIRE = dict(zip(TlsVersion, (0x0002, 0x0300, 0x0301, 0x0302, 0x0303, 0x0304), strict=True))
VERSIONS = {number: version for version, number in WIRE.items()}
AGES = {version: age for age, version in enumerate(TlsVersion)}
#: Signalling suite values: of RFC 5746 (secure renegotiation) and of RFC 7507 (fallback).
RENEGOTIATION_SCSV, FALLBACK_SCSV = 0x00FF, 0x5600
#: Values that are never assigned, so that every implementation must ignore them (RFC 8701).
GREASE = tuple(0x0A0A + 0x1010 * step for step in range(16))
#: The suites of TLS 1.3 in which ``wire.key_schedule`` decrypts: AES-GCM, ChaCha20, AES-CCM.
AGREED_SUITES = (0x1301, 0x1302, 0x1303, 0x1304, 0x1305)
#: The groups of TLS 1.3 in which it agrees keys, the cheapest first: x25519, secp256r1, secp384r1, secp521r1, x448, the
#: three with ML-KEM that are standard, those of Brainpool, ML-KEM alone, ffdhe2048 to ffdhe8192.
AGREED_GROUPS = (29, 23, 24, 25, 30, 4588, 4587, 4589, 31, 32, 33, 513, 514, 256, 257, 258, 259, 260)


@dataclass(frozen=True, slots=True)
class Suite:
    """A cipher suite: ``bits`` of its key, ``mode`` empty where it has none, ``mac`` a digest or ``AEAD``.

    ``key_exchange`` and ``authentication`` are ``any`` for the suites of TLS 1.3, which define neither.
    """

    code: int
    name: str
    oldest: TlsVersion
    newest: TlsVersion
    key_exchange: str
    authentication: str
    cipher: str
    bits: int
    mode: str
    mac: str
    export: bool

    @property
    def is_ephemeral(self) -> bool:
        """Whether the server sends an ephemeral key; anonymous DH is ephemeral, too."""
        return self.key_exchange in {"DHE", "ECDHE", "any"} or self.authentication == "anon"

    @property
    def has_forward_secrecy(self) -> bool:
        """Whether recorded sessions stay secret when a key is stolen later: ephemeral, and not for export."""
        return self.is_ephemeral and not self.export

    @property
    def is_signed(self) -> bool:
        """Whether the server signs its ephemeral key with the key of a certificate."""
        return self.key_exchange in {"DHE", "ECDHE"} and self.authentication in {"RSA", "DSS", "ECDSA"}

    @property
    def on_curve(self) -> bool:
        """Whether the ephemeral key lies on an elliptic curve."""
        return self.key_exchange == "ECDHE" or (self.key_exchange == "ECDH" and self.authentication == "anon")

    @property
    def needs_group(self) -> bool:
        """Whether both sides must have a named group in common, too."""
        return self.on_curve or self.key_exchange == "any"

    @property
    def uses_prime(self) -> bool:
        """Whether the ephemeral key is one modulo a prime."""
        return self.key_exchange == "DHE" or (self.key_exchange == "DH" and self.authentication == "anon")

    @property
    def is_aead(self) -> bool:
        """Whether it encrypts and authenticates in one step."""
        return self.mac == "AEAD"


@dataclass(frozen=True, slots=True)
class Group:
    """A group for key exchange; ``kind``: binary curve, prime curve, finite field, post-quantum, hybrid.

    ``curve`` is the object identifier of the curve in a certificate, empty where it has none.
    """

    code: int
    name: str
    kind: str
    bits: int
    oldest: TlsVersion
    newest: TlsVersion
    curve: str

    @property
    def is_post_quantum(self) -> bool:
        """Whether ML-KEM (or its draft) takes part."""
        return self.kind in {"hybrid", "post-quantum"}


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature scheme; ``digest`` is empty where the algorithm has its own."""

    code: int
    name: str
    key: str
    digest: str
    oldest: TlsVersion
    newest: TlsVersion

    @property
    def is_forgeable(self) -> bool:
        """Whether its digest is MD5 or SHA-1, of which collisions are found (RFC 9155)."""
        return self.digest in {"MD5", "SHA1"}


@dataclass(frozen=True, slots=True)
class Prime:
    """A well-known prime of Diffie-Hellman; ``name`` states its source.

    ``is_safe``: it is a safe prime; None where that is to be tested. The primes of RFC 5114 are not: their subgroups of
    other orders are why RFC 8247 §2.4 advises against the groups.
    """

    sha256: str
    bits: int
    name: str
    is_safe: bool | None


def _rows(table: str) -> Iterator[dict[str, str]]:
    text = files("inspector_tls").joinpath("data", table).read_text(encoding="utf-8")
    return csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))


def _span(row: dict[str, str]) -> tuple[TlsVersion, TlsVersion]:
    return TlsVersion(row["oldest"]), TlsVersion(row["newest"])


@cache
def _all_suites() -> tuple[Suite, ...]:
    return tuple(
        Suite(
            int(row["code"], 16),
            row["name"],
            *_span(row),
            row["key_exchange"],
            row["authentication"],
            row["cipher"],
            int(row["bits"]),
            row["mode"],
            row["mac"],
            row["export"] == "yes",
        )
        for row in _rows("suites.csv")
    )


@cache
def suites() -> dict[int, Suite]:
    """The suites of SSL 3.0 and newer by code point."""
    return {suite.code: suite for suite in _all_suites() if suite.oldest is not TlsVersion.SSL_2}


@cache
def ssl_2_suites() -> dict[int, Suite]:
    """The cipher kinds of SSL 2.0 by their three bytes."""
    return {suite.code: suite for suite in _all_suites() if suite.oldest is TlsVersion.SSL_2}


@cache
def suites_by_name() -> dict[str, Suite]:
    """The suites by name, those of SSL 2.0 too."""
    return {suite.name: suite for suite in _all_suites()}


def suite_named(name: str) -> Suite:
    """The suite of this name; raises KeyError."""
    return suites_by_name()[name]


@cache
def groups() -> dict[int, Group]:
    """The groups by code point."""
    return {
        int(row["code"]): Group(int(row["code"]), row["name"], row["kind"], int(row["bits"]), *_span(row), row["curve"])
        for row in _rows("groups.csv")
    }


@cache
def groups_by_name() -> dict[str, Group]:
    """The groups by name."""
    return {group.name: group for group in groups().values()}


def group_named(name: str) -> Group:
    """The group of this name; raises KeyError."""
    return groups_by_name()[name]


@cache
def signatures() -> dict[int, Signature]:
    """The signature schemes by code point."""
    return {
        int(row["code"], 16): Signature(int(row["code"], 16), row["name"], row["key"], row["digest"], *_span(row))
        for row in _rows("signatures.csv")
    }


@cache
def signatures_by_name() -> dict[str, Signature]:
    """The signature schemes by name."""
    return {scheme.name: scheme for scheme in signatures().values()}


def signature_named(name: str) -> Signature:
    """The signature scheme of this name; raises KeyError."""
    return signatures_by_name()[name]


@cache
def primes() -> dict[str, Prime]:
    """The well-known primes by the SHA-256 of their big-endian bytes without leading zeros."""
    known = {"yes": True, "no": False}
    rows = _rows("primes.csv")
    return {row["sha256"]: Prime(row["sha256"], int(row["bits"]), row["name"], known.get(row["safe"])) for row in rows}


_RARE_AUTHENTICATION = {"RSA": 0, "ECDSA": 0, "any": 0, "DSS": 3, "anon": 3, "PSK": 5}
_RARE_CIPHERS = {"AES": 0, "CHACHA20": 0, "3DES": 1, "RC4": 1, "DES": 2, "CAMELLIA": 2}


def rarity(suite: Suite) -> int:
    """How unlikely it is that a server has the suite; 0 for the likeliest."""
    is_static = suite.key_exchange in {"DH", "ECDH"} and suite.authentication != "anon"
    return (
        _RARE_AUTHENTICATION.get(suite.authentication, 6)
        + _RARE_CIPHERS.get(suite.cipher, 3)
        + 4 * is_static
        + suite.mode.startswith("CCM")
    )


def exists_in(version: TlsVersion, code: Suite | Group | Signature) -> bool:
    """Whether a code point can be used in a handshake of this version."""
    return AGES[code.oldest] <= AGES[version] <= AGES[code.newest]
