"""OCSP requests, and what a responder's answer is worth (RFC 6960 §3.2, RFC 9654)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from inspector_tls.certificates.observations import Status
from inspector_tls.certificates.ocsp_staple import CLOCK_SKEW, MALFORMED, is_about, issuer_of, judge, singles
from inspector_tls.certificates.path_validation import NotJudged
from inspector_tls.revocation.observations import Doubt, Word

#: How long an answer is believed that does not say until when it holds.
UNDATED_HOLDS = timedelta(days=1)


def request(certificate: x509.Certificate, issuer: x509.Certificate, nonce: bytes) -> bytes:
    """The DER of a question about the certificate; it names it by SHA-1, which every responder knows (RFC 5019)."""
    digest = hashes.SHA1()  # noqa: S303  (names the issuer, secures nothing)
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, digest)
    return builder.add_extension(x509.OCSPNonce(nonce), critical=False).build().public_bytes(Encoding.DER)


def heard(
    data: bytes, sent: bytes, certificate: x509.Certificate, known: Sequence[x509.Certificate], at: datetime
) -> Word:
    """What a response to the request ``sent`` says of the certificate. Raises IssuerUnknown."""
    try:
        judged = judge(data, certificate, known, at)
    except NotJudged:
        return Word(doubt=Doubt.NOT_JUDGED)
    doubt = Doubt(judged.flaw.value) if judged.flaw is not None else None
    if judged.this_update is None:
        return Word(doubt=doubt or Doubt.MALFORMED)
    undated = judged.next_update is None and judged.this_update < at - UNDATED_HOLDS - CLOCK_SKEW
    return Word(
        status=judged.status,
        this_update=judged.this_update,
        next_update=judged.next_update,
        revoked_at=judged.revoked_at,
        reason=_reason(data, certificate, known) if judged.status is Status.REVOKED else None,
        doubt=doubt or (Doubt.OTHER_NONCE if _other_nonce(data, sent) else Doubt.UNDATED if undated else None),
    )


def _reason(data: bytes, certificate: x509.Certificate, known: Sequence[x509.Certificate]) -> str | None:
    issuer = issuer_of(certificate, known)
    for single in singles(ocsp.load_der_ocsp_response(data)):
        if is_about(single, certificate, issuer) and single.revocation_reason is not None:
            return single.revocation_reason.value
    return None


def _other_nonce(data: bytes, sent: bytes) -> bool:
    """Whether the answer repeats another nonce than was sent; many responders repeat none, and dates decide."""
    try:
        asked, told = _nonce(ocsp.load_der_ocsp_request(sent)), _nonce(ocsp.load_der_ocsp_response(data))
    except MALFORMED:
        return True
    return told is not None and told != asked


def _nonce(message: ocsp.OCSPRequest | ocsp.OCSPResponse) -> bytes | None:
    return next((each.value.nonce for each in message.extensions if isinstance(each.value, x509.OCSPNonce)), None)
