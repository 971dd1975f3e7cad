"""Parses DER into the facts of a certificate. Texts from a certificate are untrusted and are escaped."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from inspector_tls.certificates.observations import Certificate, Key, Sct

#: URLs of one kind copied from a certificate.
URL_LIMIT = 16
#: Longest text copied from a name field of a certificate, in characters.
TEXT_LIMIT = 1000
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)
#: What parsing a certificate may raise.
_MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def escaped(text: str) -> str:
    """``text`` with backslash escapes for control and format characters; bounded in length."""
    safe = "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character) in _HIDDEN else character
        for character in text[:TEXT_LIMIT]
    )
    return safe + "…" if len(text) > TEXT_LIMIT else safe


def load(der: bytes) -> x509.Certificate | None:
    """The parsed certificate with every extension readable; None when it is malformed."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        _ = certificate.extensions, certificate.subject, certificate.issuer, certificate.version
    except _MALFORMED:
        return None
    return certificate


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the DER form in lower-case hexadecimal."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def name_text(name: x509.Name) -> str:
    """A distinguished name as text (RFC 4514), escaped."""
    return escaped(name.rfc4514_string())


def facts(certificate: x509.Certificate) -> Certificate:
    """The facts of one certificate."""
    dns, ip = _alternative_names(certificate)
    return Certificate(
        sha256=fingerprint(certificate),
        subject=name_text(certificate.subject),
        issuer=name_text(certificate.issuer),
        serial=f"{certificate.serial_number:x}",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        dns=dns,
        ip=ip,
        key=_key(certificate),
        signature=_signature(certificate),
        digest=_digest(certificate),
        self_issued=certificate.subject == certificate.issuer,
        authority=is_authority(certificate),
        policies=policies(certificate),
        must_staple=_must_staple(certificate),
        timestamps=_embedded(certificate),
        ocsp=_responders(certificate),
        crls=_lists(certificate),
    )


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether basicConstraints mark this as a certification authority."""
    constraints = extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def policies(certificate: x509.Certificate) -> tuple[str, ...]:
    """The object identifiers of the policies that a certificate claims."""
    claimed = extension(certificate, x509.CertificatePolicies) or ()
    return tuple(each.policy_identifier.dotted_string for each in claimed)


def _must_staple(certificate: x509.Certificate) -> bool:
    features = extension(certificate, x509.TLSFeature)
    return features is not None and x509.TLSFeatureType.status_request in features


def _embedded(certificate: x509.Certificate) -> tuple[Sct, ...]:
    found = extension(certificate, x509.PrecertificateSignedCertificateTimestamps) or ()
    return timestamps((each.log_id, each.timestamp) for each in found)


def timestamps(found: Iterable[tuple[bytes, datetime]]) -> tuple[Sct, ...]:
    """Signed certificate timestamps by log and time (without a zone: UTC), each once."""
    distinct = {(log.hex(), at.replace(tzinfo=UTC)) for log, at in found}
    return tuple(Sct(log=log, at=at) for log, at in sorted(distinct))


def extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    """The value of an extension, or None."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _alternative_names(certificate: x509.Certificate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names = extension(certificate, x509.SubjectAlternativeName)
    if names is None:
        return (), ()
    return _texts(names.get_values_for_type(x509.DNSName)), _texts(names.get_values_for_type(x509.IPAddress))


def _texts(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(escaped(str(value)) for value in values)


def _responders(certificate: x509.Certificate) -> tuple[str, ...]:
    """The URLs of OCSP responders (RFC 5280 §4.2.2.1)."""
    access = extension(certificate, x509.AuthorityInformationAccess) or ()
    return _urls(each.access_location for each in access if each.access_method == AuthorityInformationAccessOID.OCSP)


def _lists(certificate: x509.Certificate) -> tuple[str, ...]:
    """The URLs of revocation lists (RFC 5280 §4.2.1.13)."""
    points = extension(certificate, x509.CRLDistributionPoints) or ()
    return _urls(name for point in points for name in point.full_name or ())


def _urls(names: Iterable[x509.GeneralName]) -> tuple[str, ...]:
    urls = (each.value for each in names if isinstance(each, x509.UniformResourceIdentifier))
    return _texts(islice(dict.fromkeys(urls), URL_LIMIT))


def _key(certificate: x509.Certificate) -> Key:
    try:
        key = certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return Key(kind=certificate.public_key_algorithm_oid.dotted_string)
    match key:
        case rsa.RSAPublicKey():
            return Key(kind="RSA", bits=key.key_size)
        case ec.EllipticCurvePublicKey():
            return Key(kind="EC", bits=key.key_size, curve=key.curve.name)
        case ed25519.Ed25519PublicKey():
            return Key(kind="Ed25519", bits=256)
        case ed448.Ed448PublicKey():
            return Key(kind="Ed448", bits=456)
        case dsa.DSAPublicKey():
            return Key(kind="DSA", bits=key.key_size)
    return Key(kind=certificate.public_key_algorithm_oid.dotted_string)


def _signature(certificate: x509.Certificate) -> str:
    identifier = certificate.signature_algorithm_oid
    known = identifier._name  # noqa: SLF001  (the registry's own name for the identifier has no public form)
    return identifier.dotted_string if known == "Unknown OID" else known


def _digest(certificate: x509.Certificate) -> str | None:
    try:
        algorithm = certificate.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        return None
    return algorithm.name if algorithm else None
