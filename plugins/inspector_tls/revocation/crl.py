"""The status of a certificate by a certificate revocation list, and whether the list is valid (RFC 5280 §6.3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from inspector_tls.certificates import distinguished_name
from inspector_tls.certificates.observations import Status
from inspector_tls.certificates.ocsp_staple import CLOCK_SKEW, MALFORMED, issuer_of
from inspector_tls.certificates.path_validation import NotValidated, scheme_of, signs
from inspector_tls.certificates.x509_certificate import X509Certificate
from inspector_tls.certificates.x509_facts import is_authority
from inspector_tls.revocation.observations import AnswerFlaw, RevocationAnswer

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)
#: Extensions of a list that may be critical, since they are processed here.
_PROCESSED = (x509.IssuingDistributionPoint, x509.CRLNumber, x509.AuthorityKeyIdentifier)


def crl_answer(
    data: bytes, certificate: X509Certificate, known: Sequence[X509Certificate], at: datetime
) -> RevocationAnswer:
    """The answer of the list in ``data`` (DER or PEM) about the certificate. Raises IssuerUnknown."""
    issuer = issuer_of(certificate, known)
    try:
        pem = data.startswith(b"-----BEGIN")
        crl = x509.load_pem_x509_crl(data) if pem else x509.load_der_x509_crl(data)
        return _answer(crl, certificate, issuer, at)
    except MALFORMED:
        return RevocationAnswer(flaw=AnswerFlaw.MALFORMED)


def _answer(
    crl: x509.CertificateRevocationList, certificate: X509Certificate, issuer: X509Certificate, at: datetime
) -> RevocationAnswer:
    flaw = _signer_flaw(crl, issuer) or _date_flaw(crl, at) or _unsupported(crl)
    number = _extension(crl, x509.CRLNumber)
    entry = crl.get_revoked_certificate_by_serial_number(certificate.parsed.serial_number)
    if flaw is None and entry is None and not _covers(crl, certificate):
        flaw = AnswerFlaw.OTHER_SCOPE
    reason = None if entry is None else _entry_reason(entry)
    return RevocationAnswer(
        status=Status.GOOD if entry is None else Status.REVOKED,
        this_update=crl.last_update_utc,
        next_update=crl.next_update_utc,
        revoked_at=None if entry is None else entry.revocation_date_utc,
        reason=reason,
        number=None if number is None else str(number.crl_number),
        flaw=flaw,
    )


def _signer_flaw(crl: x509.CertificateRevocationList, issuer: X509Certificate) -> AnswerFlaw | None:
    """The flaw of the signer: a list must be signed by the certificate's own issuer."""
    if distinguished_name.comparable(crl.issuer.public_bytes()) != issuer.subject:
        return AnswerFlaw.OTHER_ISSUER
    usage = issuer.extension(x509.KeyUsage)
    if usage is not None and not usage.crl_sign:
        return AnswerFlaw.WRONG_RESPONDER
    try:
        digest = crl.signature_hash_algorithm
        signed = signs(
            issuer,
            crl.signature,
            crl.tbs_certlist_bytes,
            scheme_of(crl.signature_algorithm_oid.dotted_string, crl.signature_algorithm_parameters, digest),
            digest,
        )
    except (NotValidated, UnsupportedAlgorithm):
        return AnswerFlaw.UNSUPPORTED_ALGORITHM
    return None if signed else AnswerFlaw.BAD_SIGNATURE


def _date_flaw(crl: x509.CertificateRevocationList, at: datetime) -> AnswerFlaw | None:
    if crl.last_update_utc > at + CLOCK_SKEW:
        return AnswerFlaw.NOT_YET_VALID
    if crl.next_update_utc is None:
        return AnswerFlaw.UNDATED
    return AnswerFlaw.EXPIRED if crl.next_update_utc < at else None


def _unsupported(crl: x509.CertificateRevocationList) -> AnswerFlaw | None:
    if _extension(crl, x509.DeltaCRLIndicator) is not None:
        return AnswerFlaw.PARTIAL
    unknown = any(each.critical and not isinstance(each.value, _PROCESSED) for each in crl.extensions)
    point = _extension(crl, x509.IssuingDistributionPoint)
    if point is not None and point.indirect_crl:  # whose entries may be about another authority's certificates
        return AnswerFlaw.OTHER_ISSUER
    return AnswerFlaw.UNKNOWN_EXTENSION if unknown else None


def _covers(crl: x509.CertificateRevocationList, certificate: X509Certificate) -> bool:
    """Whether the list covers the certificate: its kind, its distribution point, and all reasons."""
    points = certificate.extension(x509.CRLDistributionPoints) or ()
    scope = _extension(crl, x509.IssuingDistributionPoint)
    if scope is None:
        return any(point.reasons is None and point.crl_issuer is None for point in points)
    if scope.only_some_reasons is not None or scope.only_contains_attribute_certs or scope.relative_name is not None:
        return False
    if scope.only_contains_ca_certs if not is_authority(certificate) else scope.only_contains_user_certs:
        return False
    fits = [point for point in points if point.reasons is None and point.crl_issuer is None]
    if scope.full_name is None:
        return bool(fits)
    return any(name in scope.full_name for point in fits for name in point.full_name or ())


def _extension(crl: x509.CertificateRevocationList, kind: type[_Extension]) -> _Extension | None:
    try:
        return crl.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _entry_reason(entry: x509.RevokedCertificate) -> str | None:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    except x509.ExtensionNotFound:
        return None
