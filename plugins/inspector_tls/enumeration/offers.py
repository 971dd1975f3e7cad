"""The hellos that an enumeration sends: everything at once, or so small that nothing chokes on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from functools import cache

from inspector_tls.enumeration import hello as wire
from inspector_tls.enumeration.codes import (
    RENEGOTIATION_SCSV,
    Suite,
    exists_in,
    groups,
    signatures,
    ssl_2_suites,
    suites,
)
from inspector_tls.enumeration.hello import Hello
from inspector_tls.versions import TlsVersion

#: A small hello stays below 512 bytes under a name of usual length, and its list below what any server was seen to cut.
SMALL_LIST = 48
#: A server that picks something behind this many suites has read a long list.
LONG_LIST = 128
#: Some load balancers hang on hellos of 256 to 511 bytes (RFC 7685 §1).
_AWKWARD_BYTES, _SAFE_BYTES = 256, 512

_EVERYTHING = (
    wire.MASTER_SECRET,
    wire.RENEGOTIATION,
    wire.TICKET,
    wire.STATUS_REQUEST,
    wire.TIMESTAMPS,
    wire.ENCRYPT_THEN_MAC,
    wire.HEARTBEAT,
)
_OF_TLS_1_3 = (wire.MASTER_SECRET, wire.RENEGOTIATION, wire.TICKET)
_DEFLATE, _NULL = 1, 0


class Form(Enum):
    """How much a hello carries."""

    FULL = auto()
    SMALL = auto()


# --- What can be offered ----------------------------------------------------------------------------------------------


_RARE_AUTHENTICATION = {"RSA": 0, "ECDSA": 0, "any": 0, "DSS": 3, "anon": 3, "PSK": 5}
_RARE_CIPHERS = {"AES": 0, "CHACHA20": 0, "3DES": 1, "RC4": 1, "DES": 2, "CAMELLIA": 2}


def _rarity(suite: Suite) -> tuple[int, int]:
    """How unlikely it is that a server has the suite; then its code point."""
    is_static = suite.key_exchange in {"DH", "ECDH"} and suite.authentication != "anon"
    return (
        _RARE_AUTHENTICATION.get(suite.authentication, 6)
        + _RARE_CIPHERS.get(suite.cipher, 3)
        + 4 * is_static
        + suite.mode.startswith("CCM"),
        suite.code,
    )


@cache
def suites_of(version: TlsVersion) -> tuple[int, ...]:
    """Every suite that can exist in a version, the least likely first: a pick from the end shows that all was read."""
    if version is TlsVersion.SSL_2:
        return tuple(ssl_2_suites())
    possible = [suite for suite in suites().values() if exists_in(version, suite)]
    return tuple(suite.code for suite in sorted(possible, key=_rarity, reverse=True))


@cache
def groups_of(version: TlsVersion) -> tuple[int, ...]:
    """Every group to be offered in a version.

    Before TLS 1.3 those of finite fields are left out: with them a server would not show its own primes (RFC 7919 §4).
    """
    return tuple(
        group.code
        for group in groups().values()
        if exists_in(version, group) and (version is TlsVersion.TLS_1_3 or group.kind != "finite field")
    )


@cache
def signatures_of(version: TlsVersion) -> tuple[int, ...]:
    """Every signature scheme that can sign a handshake of a version."""
    return tuple(scheme.code for scheme in signatures().values() if exists_in(version, scheme))


@cache
def _all_signatures() -> tuple[int, ...]:
    return tuple(signatures())


@cache
def signed_suites(version: TlsVersion, *authentications: str) -> tuple[int, ...]:
    """The suites of a version whose ephemeral key such a certificate signs."""
    known = suites()
    return tuple(
        code
        for code in suites_of(version)
        if known[code].is_signed and not known[code].export and known[code].authentication in authentications
    )


@cache
def curve_suites(version: TlsVersion, *authentications: str) -> tuple[int, ...]:
    """The suites of a version with an ephemeral key on a curve, signed by such a certificate or not at all."""
    known = suites()
    return tuple(
        code for code in suites_of(version) if known[code].on_curve and known[code].authentication in authentications
    )


def common_suites(version: TlsVersion) -> tuple[int, ...]:
    """The likeliest suites of a version, few enough for a small hello."""
    return suites_of(version)[-SMALL_LIST:]


# --- The hellos -------------------------------------------------------------------------------------------------------


def ssl_2_hello() -> Hello:
    """The hello of SSL 2.0 with every cipher kind."""
    return Hello(TlsVersion.SSL_2, suites_of(TlsVersion.SSL_2))


def hello(
    version: TlsVersion,
    offered: Iterable[int],
    server_name: str | None,
    form: Form = Form.FULL,
    *,
    of_groups: Sequence[int] | None = None,
    of_signatures: Sequence[int] | None = None,
    shares: Sequence[int] = (),
    protocols: Sequence[str] = (),
) -> Hello:
    """The hello of a version with these suites, and all groups and signature schemes unless some are named."""
    chosen = tuple(offered)
    if version is TlsVersion.SSL_3:
        return Hello(version, (*chosen, RENEGOTIATION_SCSV), compressions=(_DEFLATE, _NULL))
    is_full = form is Form.FULL
    is_tls_1_3 = version is TlsVersion.TLS_1_3
    signs = is_tls_1_3 or version is TlsVersion.TLS_1_2
    if of_groups is None:
        of_groups = groups_of(version)
    if of_signatures is None:
        of_signatures = signatures_of(version) if signs else ()
        of_certificates: tuple[int, ...] = ()
    else:
        of_certificates = _all_signatures()
    if is_tls_1_3 and not is_full and not shares:
        shares = [group for group in (29, 23) if group in of_groups]
    return Hello(
        version,
        chosen,
        server_name,
        tuple(of_groups),
        tuple(of_signatures),
        of_certificates,
        tuple(protocols),
        tuple(shares),
        (_NULL,) if is_tls_1_3 or not is_full else (_DEFLATE, _NULL),
        (_OF_TLS_1_3 if is_tls_1_3 else _EVERYTHING) if is_full else (),
        # Longer, where its length might be an awkward one.
        least_bytes=_SAFE_BYTES + 5 if is_full and 2 * len(chosen) < _SAFE_BYTES else 0,
    )
