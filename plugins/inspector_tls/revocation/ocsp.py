"""OCSP requests, and the status of a certificate by an OCSP response (RFC 6960 §3.2, RFC 9654)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from inspector_tls.certificates.observations import Status
from inspector_tls.certificates.ocsp_staple import CLOCK_SKEW, MALFORMED, is_about, issuer_of, singles, validate
from inspector_tls.certificates.path_validation import NotValidated
from inspector_tls.certificates.x509_certificate import X509Certificate
from inspector_tls.revocation.observations import AnswerFlaw, RevocationAnswer

#: How long an answer without an end of validity is accepted.
UNDATED_VALIDITY = timedelta(days=1)


def request(certificate: X509Certificate, issuer: X509Certificate, nonce: bytes) -> bytes:
    """The DER of a request about the certificate; it names the issuer by SHA-1, as every responder knows (RFC 5019)."""
    digest = hashes.SHA1()  # noqa: S303  (names the issuer, secures nothing)
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate.parsed, issuer.parsed, digest)
    return builder.add_extension(x509.OCSPNonce(nonce), critical=False).build().public_bytes(Encoding.DER)


def ocsp_answer(
    data: bytes, sent: bytes, certificate: X509Certificate, known: Sequence[X509Certificate], at: datetime
) -> RevocationAnswer:
    """The answer of a response to the request ``sent`` about the certificate. Raises IssuerUnknown."""
    try:
        validated = validate(data, certificate, known, at)
    except NotValidated:
        return RevocationAnswer(flaw=AnswerFlaw.UNSUPPORTED_ALGORITHM)
    flaw = AnswerFlaw(validated.flaw.value) if validated.flaw is not None else None
    if validated.this_update is None:
        return RevocationAnswer(flaw=flaw or AnswerFlaw.MALFORMED)
    undated = validated.next_update is None and validated.this_update < at - UNDATED_VALIDITY - CLOCK_SKEW
    return RevocationAnswer(
        status=validated.status,
        this_update=validated.this_update,
        next_update=validated.next_update,
        revoked_at=validated.revoked_at,
        reason=_reason(data, certificate, known) if validated.status is Status.REVOKED else None,
        flaw=flaw or (AnswerFlaw.OTHER_NONCE if _other_nonce(data, sent) else AnswerFlaw.UNDATED if undated else None),
    )


def _reason(data: bytes, certificate: X509Certificate, known: Sequence[X509Certificate]) -> str | None:
    issuer = issuer_of(certificate, known)
    for single in singles(ocsp.load_der_ocsp_response(data)):
        if is_about(single, certificate, issuer) and single.revocation_reason is not None:
            return single.revocation_reason.value
    return None


def _other_nonce(data: bytes, sent: bytes) -> bool:
    """Whether the response has another nonce than the request; many responders send none, and dates decide."""
    try:
        wanted, given = _nonce(ocsp.load_der_ocsp_request(sent)), _nonce(ocsp.load_der_ocsp_response(data))
    except MALFORMED:
        return True
    return given is not None and given != wanted


def _nonce(message: ocsp.OCSPRequest | ocsp.OCSPResponse) -> bytes | None:
    return next((each.value.nonce for each in message.extensions if isinstance(each.value, x509.OCSPNonce)), None)
