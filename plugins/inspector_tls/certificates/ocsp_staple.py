"""Validation of a stapled OCSP response: its certificate, its signer, its time (RFC 6960 §3.2, §4.2.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID

from inspector_tls.certificates import distinguished_name
from inspector_tls.certificates.observations import Sct, Staple, StapleFlaw, Status, has_ended
from inspector_tls.certificates.path_validation import NotValidated, Scheme, signs, verifies
from inspector_tls.certificates.x509_certificate import X509Certificate
from inspector_tls.certificates.x509_facts import timestamps

#: How far a responder's clock may be ahead.
CLOCK_SKEW = timedelta(minutes=5)
#: Certificates and single responses that are read from one response.
_MOST = 16
#: What parsing a response, a certificate in it, or a list may raise.
MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    NotImplementedError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
_STATUSES = {
    ocsp.OCSPCertStatus.GOOD: Status.GOOD,
    ocsp.OCSPCertStatus.REVOKED: Status.REVOKED,
    ocsp.OCSPCertStatus.UNKNOWN: Status.UNKNOWN,
}


class IssuerUnknown(Exception):
    """The issuer's certificate is not known, so that the signer of a response cannot be validated."""


def validate(data: bytes, leaf: X509Certificate, known: Sequence[X509Certificate], at: datetime) -> Staple:
    """The facts of a response about ``leaf``, whose issuer is searched among ``known``.

    Raises IssuerUnknown, and NotValidated for algorithms that are not supported here.
    """
    try:
        response = ocsp.load_der_ocsp_response(data)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return Staple(flaw=StapleFlaw.UNSUCCESSFUL)
        return _validate(response, leaf, issuer_of(leaf, known), at)
    except MALFORMED:
        return Staple(flaw=StapleFlaw.MALFORMED)


def timestamps_in(data: bytes) -> tuple[Sct, ...]:
    """The signed certificate timestamps within a response (RFC 6962 §3.3)."""
    try:
        return timestamps(
            (stamp.log_id, stamp.timestamp)
            for each in ocsp.load_der_ocsp_response(data).single_extensions
            if isinstance(each.value, x509.SignedCertificateTimestamps)
            for stamp in each.value
        )
    except MALFORMED:
        return ()


def _validate(response: ocsp.OCSPResponse, leaf: X509Certificate, issuer: X509Certificate, at: datetime) -> Staple:
    single = next((each for each in singles(response) if is_about(each, leaf, issuer)), None)
    if single is None:
        return Staple(flaw=StapleFlaw.OTHER_CERTIFICATE)
    return Staple(
        status=_STATUSES[single.certificate_status],
        this_update=single.this_update_utc,
        next_update=single.next_update_utc,
        revoked_at=single.revocation_time_utc,
        flaw=_unauthorised(response, issuer, at) or _out_of_date(single, at),
    )


def issuer_of(leaf: X509Certificate, known: Sequence[X509Certificate]) -> X509Certificate:
    """The certificate among ``known`` whose name and key issued ``leaf``; raises IssuerUnknown."""
    for each in known:
        if each.subject == leaf.issuer and verifies(leaf, each):
            return each
    raise IssuerUnknown


def singles(response: ocsp.OCSPResponse) -> Iterator[ocsp.OCSPSingleResponse]:
    """The single responses in a response, at most _MOST."""
    for index, each in enumerate(response.responses):
        if index < _MOST:
            yield each


def is_about(single: ocsp.OCSPSingleResponse, leaf: X509Certificate, issuer: X509Certificate) -> bool:
    """Whether serial number, issuer's name and issuer's key match ``leaf`` (RFC 6960 §4.1.1)."""
    asked = ocsp.OCSPRequestBuilder().add_certificate(leaf.parsed, issuer.parsed, single.hash_algorithm).build()
    return (single.serial_number, single.issuer_name_hash, single.issuer_key_hash) == (
        asked.serial_number,
        asked.issuer_name_hash,
        asked.issuer_key_hash,
    )


def _unauthorised(response: ocsp.OCSPResponse, issuer: X509Certificate, at: datetime) -> StapleFlaw | None:
    """The flaw of the signer, which must be the issuer or a responder that the issuer authorised (§4.2.2.2)."""
    sent = (each.public_bytes(Encoding.DER) for each in response.certificates[:_MOST])
    responders = [issuer, *map(X509Certificate, sent)]
    signer = next((each for each in responders if _is_named(response, each)), None)
    if signer is None:
        return StapleFlaw.WRONG_RESPONDER
    if signer != issuer and not _is_delegate(signer, issuer, at):
        return StapleFlaw.WRONG_RESPONDER
    digest = response.signature_hash_algorithm
    signed = signs(signer, response.signature, response.tbs_response_bytes, _scheme(response, signer), digest)
    return None if signed else StapleFlaw.BAD_SIGNATURE


def _scheme(response: ocsp.OCSPResponse, signer: X509Certificate) -> Scheme:
    """How the response is signed; raises NotValidated for RSA-PSS, whose parameters are not exposed."""
    digest = response.signature_hash_algorithm
    if isinstance(signer.public_key(), ec.EllipticCurvePublicKey) and digest is not None:
        return ec.ECDSA(digest)
    if response.signature_algorithm_oid == SignatureAlgorithmOID.RSASSA_PSS:
        raise NotValidated
    return padding.PKCS1v15()


def _is_named(response: ocsp.OCSPResponse, responder: X509Certificate) -> bool:
    if response.responder_name is not None:
        return distinguished_name.comparable(response.responder_name.public_bytes()) == responder.subject
    return response.responder_key_hash == x509.SubjectKeyIdentifier.from_public_key(responder.public_key()).digest


def _is_delegate(responder: X509Certificate, issuer: X509Certificate, at: datetime) -> bool:
    purposes = responder.extension(x509.ExtendedKeyUsage)
    return (
        purposes is not None
        and ExtendedKeyUsageOID.OCSP_SIGNING in purposes
        and responder.issuer == issuer.subject
        and "validity" not in responder.unreadable
        and responder.parsed.not_valid_before_utc <= at
        and not has_ended(responder.parsed.not_valid_after_utc, at)
        and verifies(responder, issuer)
    )


def _out_of_date(single: ocsp.OCSPSingleResponse, at: datetime) -> StapleFlaw | None:
    if single.this_update_utc > at + CLOCK_SKEW:
        return StapleFlaw.NOT_YET_VALID
    return StapleFlaw.EXPIRED if single.next_update_utc is not None and single.next_update_utc < at else None
