"""The hellos that an enumeration sends: everything at once, or so small that nothing chokes on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from functools import cache

from inspector_tls.wire import client_hello as wire
from inspector_tls.wire.client_hello import Hello
from inspector_tls.wire.code_points import (
    RENEGOTIATION_SCSV,
    Suite,
    exists_in,
    groups,
    signatures,
    ssl_2_suites,
    suites,
)
from inspector_tls.wire.versions import TlsVersion

#: A small hello stays below 512 bytes under a name of usual length, and its list below what any server was seen to cut.
SMALL_LIST = 48
#: A tiny hello stays below 256 bytes under a name of usual length; it names so many suites and groups.
TINY_LIST, TINY_GROUPS = 24, 12
#: A server that picks something behind this many suites has read a long list.
LONG_LIST = 128
#: Some load balancers hang on hellos of 256 to 511 bytes (RFC 7685 §1).
_AWKWARD_BYTES, _SAFE_BYTES = 256, 512

#: What a full hello before TLS 1.3 carries besides what its offer needs.
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
#: What a tiny hello names of the groups: x25519, secp256r1, secp384r1, secp521r1, x448, brainpoolP256r1.
_USUAL_GROUPS = (29, 23, 24, 25, 30, 26)
#: What a tiny hello of TLS 1.3 offers besides: AES-GCM, ChaCha20 and CBC of TLS 1.2, ECDHE and RSA.
_USUAL_SUITES = (0xC02F, 0xC02B, 0xC030, 0xC02C, 0xCCA8, 0x009C, 0x009D, 0x002F, 0x0035)


class Form(Enum):
    """How much a hello carries. A tiny one does not name every group."""

    FULL = auto()
    SMALL = auto()
    TINY = auto()

    @property
    def list_length(self) -> int:
        """How many suites a short list of this form has."""
        return TINY_LIST if self is Form.TINY else SMALL_LIST


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


@cache
def prime_suites(version: TlsVersion) -> tuple[int, ...]:
    """The suites of a version with an ephemeral key modulo a prime, where a hello can name a group for it.

    RFC 7919 speaks of TLS 1.2 and older; SSL 3.0 has no extensions to name a group in.
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


def common_suites(version: TlsVersion, form: Form = Form.SMALL) -> tuple[int, ...]:
    """The likeliest suites of a version, few enough for a small hello."""
    return suites_of(version)[-form.list_length :]


def first_suites(version: TlsVersion, form: Form) -> tuple[int, ...]:
    """What is offered when a version is first asked for in this form.

    With suites of TLS 1.2 a server without TLS 1.3 answers by a hello of its own, not by an alert that may mean
    anything; so does none in a small hello, for some servers cannot bear that.
    """
    if form is not Form.FULL and version is not TlsVersion.TLS_1_3:
        return common_suites(version, form)
    others = {Form.FULL: common_suites(TlsVersion.TLS_1_2), Form.SMALL: (), Form.TINY: _USUAL_SUITES}
    return suites_of(version) + (others[form] if version is TlsVersion.TLS_1_3 else ())


def short_lists(codes: Sequence[int], form: Form = Form.SMALL) -> list[Sequence[int]]:
    """Codes of suites in lists that no server chokes on, the likeliest first."""
    length = form.list_length
    return [codes[max(0, end - length) : end] for end in range(len(codes), 0, -length)]


def group_lists(codes: Sequence[int], form: Form) -> list[Sequence[int]]:
    """Codes of groups in lists for this form, the usual ones first where there are several."""
    if form is not Form.TINY:
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
        return Hello(version, (*chosen, RENEGOTIATION_SCSV), compressions=COMPRESSIONS)
    is_full = form is Form.FULL
    is_tls_1_3 = version is TlsVersion.TLS_1_3
    signs = is_tls_1_3 or version is TlsVersion.TLS_1_2
    if of_groups is None:
        of_groups = _USUAL_GROUPS if form is Form.TINY else groups_of(version)
    if of_signatures is None:
        of_signatures = signatures_of(version) if signs else ()
        of_certificates: tuple[int, ...] = ()
    else:
        of_certificates = _all_signatures() if form is not Form.TINY else ()
    if is_tls_1_3 and form is Form.SMALL and not shares:
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
        (_NULL,) if is_tls_1_3 or not is_full else COMPRESSIONS,
        (_OF_TLS_1_3 if is_tls_1_3 else EXTENSIONS) if is_full else (),
        # Longer, where its length might be an awkward one.
        least_bytes=_SAFE_BYTES + 5 if is_full and 2 * len(chosen) < _SAFE_BYTES else 0,
    )
