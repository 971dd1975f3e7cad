"""The hellos of an enumeration: full ones with everything that can be offered, and small ones for every server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from functools import cache

from inspector_tls.wire import client_hello as wire
from inspector_tls.wire.client_hello import SAFE_RECORD_BYTES, Hello
from inspector_tls.wire.code_points import (
    RENEGOTIATION_SCSV,
    exists_in,
    groups,
    rarity,
    signatures,
    ssl_2_suites,
    suites,
)
from inspector_tls.wire.versions import TlsVersion

#: A small hello stays below 512 bytes with a name of usual length; no known server truncates such a list.
SMALL_LIST = 48
#: A tiny hello stays below 256 bytes with a name of usual length; it offers at most so many suites and groups.
TINY_LIST, TINY_GROUPS = 24, 12
#: A server that picks a suite after this many others parses long lists.
LONG_LIST = 128
#: A full hello with so many suites is longer than SAFE_RECORD_BYTES without padding.
_MANY_SUITES = 256

#: The extensions of a full hello before TLS 1.3 besides those that its offer needs.
EXTENSIONS = (
    wire.MASTER_SECRET,
    wire.RENEGOTIATION,
    wire.TICKET,
    wire.STATUS_REQUEST,
    wire.TIMESTAMPS,
    wire.ENCRYPT_THEN_MAC,
    wire.HEARTBEAT,
)
_OF_TLS_1_3 = (wire.MASTER_SECRET, wire.RENEGOTIATION, wire.TICKET)
#: The compressions offered before TLS 1.3: DEFLATE and none.
COMPRESSIONS = (1, 0)
_NULL = 0
#: The groups of a tiny hello: x25519, secp256r1, secp384r1, secp521r1, x448, brainpoolP256r1.
_USUAL_GROUPS = (29, 23, 24, 25, 30, 26)
#: The older suites of a tiny hello of TLS 1.3: AES-GCM, ChaCha20 and CBC of TLS 1.2, ECDHE and RSA.
_USUAL_SUITES = (0xC02F, 0xC02B, 0xC030, 0xC02C, 0xCCA8, 0x009C, 0x009D, 0x002F, 0x0035)


class HelloSize(Enum):
    """How much a hello offers at once. A tiny one does not offer every group."""

    FULL = auto()
    SMALL = auto()
    TINY = auto()

    @property
    def list_length(self) -> int:
        """How many suites a short list in a hello of this size has."""
        return TINY_LIST if self is HelloSize.TINY else SMALL_LIST


# --- What can be offered ----------------------------------------------------------------------------------------------


@cache
def suites_of(version: TlsVersion) -> tuple[int, ...]:
    """Every suite of a version, the least likely first: a pick near the end shows that the whole list was parsed."""
    if version is TlsVersion.SSL_2:
        return tuple(ssl_2_suites())
    possible = [suite for suite in suites().values() if exists_in(version, suite)]
    return tuple(suite.code for suite in sorted(possible, key=lambda suite: (rarity(suite), suite.code), reverse=True))


@cache
def groups_of(version: TlsVersion) -> tuple[int, ...]:
    """Every group to be offered in a version.

    Before TLS 1.3 those of finite fields are omitted: with them a server would not use its own primes (RFC 7919 §4).
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
    """The suites of a version whose ephemeral key is signed by a certificate of these kinds."""
    known = suites()
    return tuple(
        code
        for code in suites_of(version)
        if known[code].is_signed and not known[code].export and known[code].authentication in authentications
    )


@cache
def curve_suites(version: TlsVersion, *authentications: str) -> tuple[int, ...]:
    """The suites of a version with an ephemeral key on a curve and one of these authentications."""
    known = suites()
    return tuple(
        code for code in suites_of(version) if known[code].on_curve and known[code].authentication in authentications
    )


@cache
def prime_suites(version: TlsVersion) -> tuple[int, ...]:
    """The suites of a version with an ephemeral key modulo a prime for which a hello can offer a group.

    RFC 7919 applies to TLS 1.2 and older; SSL 3.0 has no extension to offer a group in.
    """
    known = suites()
    return tuple(
        code
        for code in suites_of(version)
        if version not in {TlsVersion.SSL_2, TlsVersion.SSL_3} and known[code].uses_prime
    )


@cache
def prime_groups() -> tuple[int, ...]:
    """The groups of RFC 7919, the shortest first."""
    return tuple(group.code for group in groups().values() if group.kind == "finite field")


def common_suites(version: TlsVersion, size: HelloSize = HelloSize.SMALL) -> tuple[int, ...]:
    """The likeliest suites of a version, few enough for a small hello."""
    return suites_of(version)[-size.list_length :]


def first_suites(version: TlsVersion, size: HelloSize) -> tuple[int, ...]:
    """The suites of the first hello of a version in this size.

    With suites of TLS 1.2 besides those of TLS 1.3 a server without TLS 1.3 answers by a ServerHello, not by an
    ambiguous alert. A small hello has none, because some servers fail on the mixture.
    """
    if size is not HelloSize.FULL and version is not TlsVersion.TLS_1_3:
        return common_suites(version, size)
    others = {HelloSize.FULL: common_suites(TlsVersion.TLS_1_2), HelloSize.SMALL: (), HelloSize.TINY: _USUAL_SUITES}
    return suites_of(version) + (others[size] if version is TlsVersion.TLS_1_3 else ())


def short_lists(codes: Sequence[int], size: HelloSize = HelloSize.SMALL) -> list[Sequence[int]]:
    """Codes of suites in lists that every server parses, the likeliest first."""
    length = size.list_length
    return [codes[max(0, end - length) : end] for end in range(len(codes), 0, -length)]


def group_lists(codes: Sequence[int], size: HelloSize) -> list[Sequence[int]]:
    """Codes of groups in lists for this size, the common ones first where there are several."""
    if size is not HelloSize.TINY:
        return [codes]
    likeliest_first = sorted(codes, key=lambda code: code not in _USUAL_GROUPS)
    return [likeliest_first[at : at + TINY_GROUPS] for at in range(0, len(codes), TINY_GROUPS)]


# --- The hellos -------------------------------------------------------------------------------------------------------


def ssl_2_hello() -> Hello:
    """The hello of SSL 2.0 with every cipher kind."""
    return Hello(TlsVersion.SSL_2, suites_of(TlsVersion.SSL_2))


def hello(
    version: TlsVersion,
    offered: Iterable[int],
    server_name: str | None,
    size: HelloSize = HelloSize.FULL,
    *,
    of_groups: Sequence[int] | None = None,
    of_signatures: Sequence[int] | None = None,
    shares: Sequence[int] = (),
) -> Hello:
    """The hello of a version with these suites, and with all groups and signature schemes unless some are given."""
    chosen = tuple(offered)
    if version is TlsVersion.SSL_3:
        return Hello(version, (*chosen, RENEGOTIATION_SCSV), compressions=COMPRESSIONS)
    is_full = size is HelloSize.FULL
    is_tls_1_3 = version is TlsVersion.TLS_1_3
    signs = is_tls_1_3 or version is TlsVersion.TLS_1_2
    if of_groups is None:
        of_groups = _USUAL_GROUPS if size is HelloSize.TINY else groups_of(version)
    if of_signatures is None:
        of_signatures = signatures_of(version) if signs else ()
        of_certificates: tuple[int, ...] = ()
    else:
        of_certificates = _all_signatures() if size is not HelloSize.TINY else ()
    if is_tls_1_3 and size is HelloSize.SMALL and not shares:
        shares = [group for group in (29, 23) if group in of_groups]
    return Hello(
        version,
        chosen,
        server_name,
        tuple(of_groups),
        tuple(of_signatures),
        of_certificates,
        tuple(shares),
        (_NULL,) if is_tls_1_3 or not is_full else COMPRESSIONS,
        (_OF_TLS_1_3 if is_tls_1_3 else EXTENSIONS) if is_full else (),
        least_bytes=SAFE_RECORD_BYTES if is_full and len(chosen) < _MANY_SUITES else 0,
    )
