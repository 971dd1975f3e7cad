"""The hellos that ask for certificates: in six profiles, for three kinds of certificate.

Together the profiles offer everything in an enumeration that leads to a certificate. Suites, groups and signature
schemes come from the tables of code points, the likeliest first.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from inspector_tls.wire import client_hello as wire
from inspector_tls.wire.client_hello import SAFE_RECORD_BYTES, Hello
from inspector_tls.wire.code_points import (
    AGREED_GROUPS,
    AGREED_SUITES,
    RENEGOTIATION_SCSV,
    Group,
    Signature,
    Suite,
    exists_in,
    groups,
    rarity,
    signatures,
    suites,
)
from inspector_tls.wire.versions import TlsVersion

#: Suites up to TLS 1.2 in a hello: some servers parse no more than 128.
_MOST_SUITES = 120
#: The groups with a key share in the first hello of TLS 1.3.
FIRST_SHARES = AGREED_GROUPS[:2]


class CertificateKind(StrEnum):
    """The certificates that a hello accepts: any, as a browser does, only those with an RSA key, or any but RSA."""

    USUAL = "usual"
    RSA = "rsa"
    OTHER = "other"


class HelloProfile(StrEnum):
    """The form of a hello, newest first: servers that do not answer a newer form are asked in an older one.

    ``bare`` has no extensions and so no server name; ``rare`` offers everything that leads to a certificate, also what
    no other profile offers; ``anonymous`` offers only suites without a certificate.
    """

    TLS_1_3 = "tls-1.3"
    TLS_1_2 = "tls-1.2"
    TLS_1_0 = "tls-1.0"
    BARE = "bare"
    RARE = "rare"
    ANONYMOUS = "anonymous"


_OF_TLS_1_2 = (wire.STATUS_REQUEST, wire.MASTER_SECRET, wire.TIMESTAMPS)
_OF_TLS_1_3 = (*_OF_TLS_1_2, wire.RENEGOTIATION, wire.PSK_MODES)
#: The newest version that a profile offers, and its extensions with a fixed body.
_FORMS: dict[HelloProfile, tuple[TlsVersion, tuple[int, ...]]] = {
    HelloProfile.TLS_1_3: (TlsVersion.TLS_1_3, _OF_TLS_1_3),
    HelloProfile.TLS_1_2: (TlsVersion.TLS_1_2, _OF_TLS_1_2),
    HelloProfile.TLS_1_0: (TlsVersion.TLS_1_0, (wire.STATUS_REQUEST,)),
    HelloProfile.BARE: (TlsVersion.SSL_3, ()),
    HelloProfile.RARE: (TlsVersion.TLS_1_3, _OF_TLS_1_3),
    HelloProfile.ANONYMOUS: (TlsVersion.TLS_1_2, _OF_TLS_1_2),
}
_RARE_DIGESTS = frozenset({"MD5", "SHA224"})
_OLDER_VERSIONS = (TlsVersion.TLS_1_2, TlsVersion.TLS_1_1, TlsVersion.TLS_1_0)


def asks_for_timestamps(profile: HelloProfile) -> bool:
    """Whether the hellos ask for signed certificate timestamps (RFC 6962 §3.3.1)."""
    return wire.TIMESTAMPS in _FORMS[profile][1]


def hello(
    profile: HelloProfile,
    kind: CertificateKind,
    server_name: str | None,
    *,
    shares: tuple[int, ...] = FIRST_SHARES,
    cookie: bytes = b"",
) -> Hello:
    """The hello that asks for a kind of certificate; ``shares`` and ``cookie`` are for TLS 1.3 only."""
    version, extensions = _FORMS[profile]
    is_tls_1_3 = version is TlsVersion.TLS_1_3
    offered = (*_offered(profile, kind), *(() if is_tls_1_3 else (RENEGOTIATION_SCSV,)))
    if profile is HelloProfile.BARE:
        return Hello(version, offered)
    return Hello(
        version,
        offered,
        server_name,
        groups=_groups(profile),
        signatures=_signatures(kind, profile) if version is not TlsVersion.TLS_1_0 else (),
        certificate_signatures=_signatures(CertificateKind.USUAL, profile) if is_tls_1_3 else (),
        shares=shares if is_tls_1_3 else (),
        extensions=extensions,
        least_bytes=SAFE_RECORD_BYTES,
        older_versions=_OLDER_VERSIONS if is_tls_1_3 else (),
        cookie=cookie,
    )


def _offered(profile: HelloProfile, kind: CertificateKind) -> tuple[int, ...]:
    """The suites of a hello, without signalling values."""
    if profile is HelloProfile.ANONYMOUS:
        return anonymous_suites()
    if profile is HelloProfile.RARE:
        return (*AGREED_SUITES, *_undecipherable_suites(), *_rare_suites(kind), *_suites(kind))
    return (*AGREED_SUITES, *_suites(kind)) if profile is HelloProfile.TLS_1_3 else _suites(kind)


@cache
def _suites(kind: CertificateKind) -> tuple[int, ...]:
    """The usual suites up to TLS 1.2 whose server presents such a certificate."""
    known = (suite for suite in _likeliest_first() if suite.key_exchange in _USUAL_EXCHANGES)
    return tuple(suite.code for suite in known if suite.authentication != "PSK" and _presents(suite, kind))[
        :_MOST_SUITES
    ]


@cache
def _rare_suites(kind: CertificateKind) -> tuple[int, ...]:
    """The other suites up to TLS 1.2 whose server presents such a certificate."""
    usual = frozenset(_suites(CertificateKind.USUAL))
    return tuple(suite.code for suite in _likeliest_first() if suite.code not in usual and _presents(suite, kind))


@cache
def _undecipherable_suites() -> tuple[int, ...]:
    """The suites of TLS 1.3 that are offered only to learn that the server accepts no other."""
    known = (suite.code for suite in suites().values() if exists_in(TlsVersion.TLS_1_3, suite))
    return tuple(code for code in known if code not in AGREED_SUITES)


@cache
def anonymous_suites() -> tuple[int, ...]:
    """The suites whose server presents no certificate."""
    return tuple(suite.code for suite in _likeliest_first() if suite.authentication == "anon")


#: Key exchanges of the usual suites.
_USUAL_EXCHANGES = frozenset({"RSA", "DHE", "ECDHE", "ECDH"})
_CERTIFIED = frozenset({"RSA", "ECDSA", "DSS", "GOST"})


def _presents(suite: Suite, kind: CertificateKind) -> bool:
    """Whether the server presents a certificate of this kind with a suite.

    With static (EC)DH the certificate holds a key for that, which RSA may have certified (RFC 8422 §2); with RSA_PSK it
    holds an RSA key (RFC 4279 §4).
    """
    has_password = suite.authentication == "PSK"
    if suite.authentication not in _CERTIFIED and not (has_password and suite.key_exchange == "RSA"):
        return False
    is_rsa = (suite.authentication == "RSA" or has_password) and suite.key_exchange not in {"DH", "ECDH"}
    return kind is CertificateKind.USUAL or is_rsa is (kind is CertificateKind.RSA)


@cache
def _likeliest_first() -> tuple[Suite, ...]:
    """The suites of TLS 1.2 and older in an order like a browser's: AEAD and ECDHE first, ECDSA before RSA."""

    def order(suite: Suite) -> tuple[int, bool, bool, int]:
        return rarity(suite), not suite.is_aead, suite.key_exchange != "ECDHE", suite.code

    return tuple(sorted((each for each in suites().values() if exists_in(TlsVersion.TLS_1_2, each)), key=order))


@cache
def _groups(profile: HelloProfile) -> tuple[int, ...]:
    """The groups in which keys are agreed, then the others of older versions.

    Before TLS 1.3 finite-field groups are omitted: a server with primes of its own may refuse a hello that names
    others (RFC 7919 §4). The groups in which no keys can be agreed are offered only to learn that the server accepts
    no other.
    """
    version = _FORMS[profile][0]
    others = [group for group in groups().values() if group.code not in AGREED_GROUPS]
    if profile is HelloProfile.RARE:
        return (*AGREED_GROUPS, *(group.code for group in others))
    if version is TlsVersion.TLS_1_3:
        return (*AGREED_GROUPS, *(group.code for group in others if exists_in(TlsVersion.TLS_1_2, group)))
    agreed = [groups()[code] for code in AGREED_GROUPS]
    return tuple(group.code for group in (*agreed, *others) if _is_clear(group))


def _is_clear(group: Group) -> bool:
    """Whether it is a curve of TLS 1.2 and older."""
    return exists_in(TlsVersion.TLS_1_2, group) and group.kind != "finite field"


@cache
def _signatures(kind: CertificateKind, profile: HelloProfile) -> tuple[int, ...]:
    """The schemes by which TLS 1.3 chooses the certificate, other keys before RSA.

    RSA with PKCS #1 signs nothing there, but older servers compare the chain with these schemes (RFC 5246 §7.4.2), so
    that it is offered for every kind. MD5 and SHA-224 are offered in the profile ``rare`` only.
    """
    omitted = frozenset() if profile is HelloProfile.RARE else _RARE_DIGESTS

    def is_accepted(scheme: Signature) -> bool:
        if scheme.key.startswith("RSA"):
            return kind is not CertificateKind.OTHER or scheme.newest is not TlsVersion.TLS_1_3
        return kind is not CertificateKind.RSA

    def order(scheme: Signature) -> tuple[bool, bool, bool, int]:
        is_older = scheme.newest is not TlsVersion.TLS_1_3
        return scheme.key.startswith("RSA"), is_older, scheme.digest == "SHA1", scheme.code

    known = (each for each in signatures().values() if each.digest not in omitted and is_accepted(each))
    return tuple(scheme.code for scheme in sorted(known, key=order))
