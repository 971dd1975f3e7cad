"""The facts of a certificate. Texts from a certificate are untrusted and are escaped."""

from __future__ import annotations

import ipaddress
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import AuthorityInformationAccessOID

from inspector_tls.certificates.observations import AuthorityFlaw, Certificate, Sct
from inspector_tls.certificates.public_key import key_of
from inspector_tls.certificates.x509_certificate import DNS_NAME, IP_ADDRESS, X509Certificate, registered_name
from inspector_tls.wire.encoding import Malformed

#: URLs of one kind copied from a certificate.
URL_LIMIT = 16
#: Longest text copied from a name field of a certificate, in characters.
TEXT_LIMIT = 1000
#: The digests of signature algorithms that the library does not know (RFC 8017 appendix C; OIW).
_OLD_DIGESTS = {
    "1.2.840.113549.1.1.2": "md2",
    "1.2.840.113549.1.1.3": "md4",
    "1.3.14.3.2.3": "md5",
    "1.3.14.3.2.15": "sha1",
    "1.3.14.3.2.29": "sha1",
}
_ADDRESS_SIZES = (4, 16)
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def escaped(text: str) -> str:
    """``text`` with backslash escapes for control and format characters; bounded in length."""
    safe = "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character) in _HIDDEN else character
        for character in text[:TEXT_LIMIT]
    )
    return safe + "…" if len(text) > TEXT_LIMIT else safe


def load(der: bytes) -> X509Certificate | None:
    """The certificate; None when not even its fields can be told apart."""
    try:
        return X509Certificate(der)
    except Malformed:
        return None


def subject_text(certificate: X509Certificate) -> str:
    """The subject as text (RFC 4514), escaped."""
    return escaped(certificate.subject_text)


def issuer_text(certificate: X509Certificate) -> str:
    """The issuer as text (RFC 4514), escaped."""
    return escaped(certificate.issuer_text)


def facts(certificate: X509Certificate) -> Certificate:
    """The facts of one certificate."""
    dns, ip = _alternative_names(certificate)
    parsed = certificate.parsed
    is_dated = "validity" not in certificate.unreadable
    return Certificate(
        sha256=certificate.sha256,
        subject=subject_text(certificate),
        issuer=issuer_text(certificate),
        serial=f"{parsed.serial_number:x}",
        not_before=parsed.not_valid_before_utc if is_dated else None,
        not_after=parsed.not_valid_after_utc if is_dated else None,
        dns=dns,
        ip=ip,
        key=key_of(certificate),
        signature=_signature(certificate),
        digest=_digest(certificate),
        self_issued=certificate.is_self_issued,
        authority=is_authority(certificate),
        policies=policies(certificate),
        must_staple=_must_staple(certificate),
        timestamps=_embedded(certificate),
        ocsp=_responders(certificate),
        crls=_lists(certificate),
        malformed=certificate.unreadable,
        authority_flaws=tuple(_authority_flaws(certificate)) if is_authority(certificate) else (),
    )


def is_authority(certificate: X509Certificate) -> bool:
    """Whether basicConstraints mark this as a certification authority."""
    try:
        constraints = certificate.basic_constraints
    except Malformed:
        return False
    return constraints is not None and constraints.ca


def _authority_flaws(certificate: X509Certificate) -> Iterator[AuthorityFlaw]:
    constraints = x509.BasicConstraints.oid.dotted_string
    if not any(each.critical for each in certificate.extensions if each.identifier == constraints):
        yield AuthorityFlaw.CONSTRAINTS_NOT_CRITICAL
    usage = certificate.extension(x509.KeyUsage)
    if usage is None:
        yield AuthorityFlaw.NO_KEY_USAGE
    elif not usage.key_cert_sign:
        yield AuthorityFlaw.NO_CERT_SIGN


def policies(certificate: X509Certificate) -> tuple[str, ...]:
    """The object identifiers of the policies that a certificate claims."""
    try:
        return certificate.policies
    except Malformed:
        return ()


def _must_staple(certificate: X509Certificate) -> bool:
    features = certificate.extension(x509.TLSFeature)
    return features is not None and x509.TLSFeatureType.status_request in features


def _embedded(certificate: X509Certificate) -> tuple[Sct, ...]:
    found = certificate.extension(x509.PrecertificateSignedCertificateTimestamps) or ()
    return timestamps((each.log_id, each.timestamp) for each in found)


def timestamps(found: Iterable[tuple[bytes, datetime]]) -> tuple[Sct, ...]:
    """Signed certificate timestamps by log and time (without a zone: UTC), each once."""
    distinct = {(log.hex(), at.replace(tzinfo=UTC)) for log, at in found}
    return tuple(Sct(log=log, at=at) for log, at in sorted(distinct))


def _alternative_names(certificate: X509Certificate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The dNSName and iPAddress entries, those that can be read."""
    try:
        names = certificate.alternative_names
    except Malformed:
        return (), ()
    dns = (each.content.decode("ascii") for each in names if each.tag == DNS_NAME and each.content.isascii())
    ip = (_address(each.content) for each in names if each.tag == IP_ADDRESS and len(each.content) in _ADDRESS_SIZES)
    return _texts(dns), _texts(ip)


def _address(octets: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(octets)


def _texts(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(escaped(str(value)) for value in values)


def _responders(certificate: X509Certificate) -> tuple[str, ...]:
    """The URLs of OCSP responders (RFC 5280 §4.2.2.1)."""
    access = certificate.extension(x509.AuthorityInformationAccess) or ()
    return _urls(each.access_location for each in access if each.access_method == AuthorityInformationAccessOID.OCSP)


def _lists(certificate: X509Certificate) -> tuple[str, ...]:
    """The URLs of revocation lists (RFC 5280 §4.2.1.13)."""
    points = certificate.extension(x509.CRLDistributionPoints) or ()
    return _urls(name for point in points for name in point.full_name or ())


def _urls(names: Iterable[x509.GeneralName]) -> tuple[str, ...]:
    urls = (each.value for each in names if isinstance(each, x509.UniformResourceIdentifier))
    return _texts(islice(dict.fromkeys(urls), URL_LIMIT))


def _signature(certificate: X509Certificate) -> str:
    return registered_name(certificate.signature_algorithm)


def _digest(certificate: X509Certificate) -> str | None:
    old = _OLD_DIGESTS.get(certificate.signature_algorithm)
    if old is not None or "signature" in certificate.unreadable:
        return old
    try:
        algorithm = certificate.parsed.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        return None
    return algorithm.name if algorithm else None
