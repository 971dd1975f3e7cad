"""The hellos that ask for certificates: in five profiles from new to old, for three kinds of certificate.

Suites, groups and signature schemes come from the tables of code points, the likeliest first.
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

    ``bare`` has no extensions and so no server name; ``anonymous`` offers only suites without a certificate.
    """

    TLS_1_3 = "tls-1.3"
    TLS_1_2 = "tls-1.2"
    TLS_1_0 = "tls-1.0"
    BARE = "bare"
    ANONYMOUS = "anonymous"


_OF_TLS_1_2 = (wire.STATUS_REQUEST, wire.MASTER_SECRET, wire.TIMESTAMPS)
_OF_TLS_1_3 = (*_OF_TLS_1_2, wire.RENEGOTIATION, wire.PSK_MODES)
#: The newest version that a profile offers, and its extensions with a fixed body.
_FORMS: dict[HelloProfile, tuple[TlsVersion, tuple[int, ...]]] = {
    HelloProfile.TLS_1_3: (TlsVersion.TLS_1_3, _OF_TLS_1_3),
    HelloProfile.TLS_1_2: (TlsVersion.TLS_1_2, _OF_TLS_1_2),
    HelloProfile.TLS_1_0: (TlsVersion.TLS_1_0, (wire.STATUS_REQUEST,)),
    HelloProfile.BARE: (TlsVersion.SSL_3, ()),
    HelloProfile.ANONYMOUS: (TlsVersion.TLS_1_2, _OF_TLS_1_2),
}
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
    older = anonymous_suites() if profile is HelloProfile.ANONYMOUS else _suites(kind)
    offered = (*AGREED_SUITES, *older) if is_tls_1_3 else (*older, RENEGOTIATION_SCSV)
    if profile is HelloProfile.BARE:
        return Hello(version, offered)
    return Hello(
        version,
        offered,
        server_name,
        groups=_groups(),
        signatures=_signatures(kind) if version is not TlsVersion.TLS_1_0 else (),
        certificate_signatures=_signatures(CertificateKind.USUAL) if is_tls_1_3 else (),
        shares=shares if is_tls_1_3 else (),
        extensions=extensions,
        least_bytes=SAFE_RECORD_BYTES,
        older_versions=_OLDER_VERSIONS if is_tls_1_3 else (),
        cookie=cookie,
    )


@cache
def _suites(kind: CertificateKind) -> tuple[int, ...]:
    """The suites up to TLS 1.2 whose server presents such a certificate."""
    unwanted = {CertificateKind.RSA: _is_other, CertificateKind.OTHER: _is_rsa}.get(kind, lambda _suite: False)
    known = (suite for suite in _likeliest_first() if _is_rsa(suite) or _is_other(suite))
    return tuple(suite.code for suite in known if not unwanted(suite))[:_MOST_SUITES]


@cache
def anonymous_suites() -> tuple[int, ...]:
    """The suites whose server presents no certificate."""
    return tuple(suite.code for suite in _likeliest_first() if suite.authentication == "anon")


def _is_rsa(suite: Suite) -> bool:
    return suite.authentication == "RSA" and suite.key_exchange in {"RSA", "DHE", "ECDHE"}


def _is_other(suite: Suite) -> bool:
    """A signature by ECDSA or DSS, or a key for static ECDH, which RSA may have certified (RFC 8422 §2)."""
    is_signed = suite.authentication in {"ECDSA", "DSS"} and suite.key_exchange in {"ECDHE", "DHE"}
    return is_signed or (suite.key_exchange == "ECDH" and suite.authentication != "anon")


@cache
def _likeliest_first() -> tuple[Suite, ...]:
    """The suites of TLS 1.2 and older in an order like a browser's: AEAD and ECDHE first, ECDSA before RSA."""

    def order(suite: Suite) -> tuple[int, bool, bool, int]:
        return rarity(suite), not suite.is_aead, suite.key_exchange != "ECDHE", suite.code

    return tuple(sorted((each for each in suites().values() if exists_in(TlsVersion.TLS_1_2, each)), key=order))


@cache
def _groups() -> tuple[int, ...]:
    """The groups in which keys are agreed, then the others of older versions; finite-field groups are omitted."""
    older = (group for group in groups().values() if exists_in(TlsVersion.TLS_1_2, group))
    others = (group.code for group in older if group.kind != "finite field" and group.code not in AGREED_GROUPS)
    return (*AGREED_GROUPS, *others)


@cache
def _signatures(kind: CertificateKind) -> tuple[int, ...]:
    """The schemes by which TLS 1.3 chooses the certificate, other keys before RSA.

    RSA with PKCS #1 signs nothing there, but older servers compare the chain with these schemes (RFC 5246 §7.4.2), so
    that it is offered for every kind. MD5 and SHA-224 are omitted.
    """

    def is_accepted(scheme: Signature) -> bool:
        if scheme.key.startswith("RSA"):
            return kind is not CertificateKind.OTHER or scheme.newest is not TlsVersion.TLS_1_3
        return kind is not CertificateKind.RSA

    def order(scheme: Signature) -> tuple[bool, bool, bool, int]:
        is_older = scheme.newest is not TlsVersion.TLS_1_3
        return scheme.key.startswith("RSA"), is_older, scheme.digest == "SHA1", scheme.code

    known = (each for each in signatures().values() if each.digest not in {"MD5", "SHA224"} and is_accepted(each))
    return tuple(scheme.code for scheme in sorted(known, key=order))
