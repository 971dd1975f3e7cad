"""The revocation of certificates, by OCSP and CRLs."""

from inspector import Cause, MessageValue, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_tls.certificates.observations import Status
from inspector_tls.revocation.observations import AnswerFlaw, CertificateStatus, Revocation, RevocationAnswer

_FLAW_MESSAGES = {
    AnswerFlaw.MALFORMED: "the response of {source} about {certificate} is malformed",
    AnswerFlaw.UNSUCCESSFUL: "{source} returns an OCSP error for {certificate}",
    AnswerFlaw.OTHER_CERTIFICATE: "the response of {source} is not about {certificate}",
    AnswerFlaw.OTHER_NONCE: "the response of {source} about {certificate} has another nonce than the request",
    AnswerFlaw.OTHER_ISSUER: "the CRL of {source} is not of the issuer of {certificate}",
    AnswerFlaw.OTHER_SCOPE: "the scope of the CRL of {source} does not include {certificate}",
    AnswerFlaw.WRONG_RESPONDER: "the response of {source} about {certificate} is signed by an unauthorised responder",
    AnswerFlaw.BAD_SIGNATURE: "the response of {source} about {certificate} has an invalid signature",
    AnswerFlaw.NOT_YET_VALID: "the response of {source} about {certificate} is not yet valid",
    AnswerFlaw.EXPIRED: "the response of {source} about {certificate} has expired",
    AnswerFlaw.UNDATED: "the response of {source} about {certificate} has no nextUpdate",
    AnswerFlaw.PARTIAL: "the CRL of {source} is a delta CRL, which does not prove that {certificate} is good",
    AnswerFlaw.UNKNOWN_EXTENSION: "the CRL of {source} for {certificate} has an unknown critical extension",
    AnswerFlaw.UNSUPPORTED_ALGORITHM: "the response of {source} about {certificate} has an unsupported algorithm",
}


@check(
    "certificate-not-revoked",
    title="Certificate is not revoked",
    references=("RFC 5280 §6.3", "RFC 6960 §3.2"),
)
def not_revoked(revocation: Revocation) -> Verdict:
    """A certificate is revoked when its private key is compromised or when it was issued wrongly; clients that check
    revocation reject the connection, and a server that still presents it may be an impostor. The check queries the OCSP
    responders and CRLs that the server and intermediate certificates name, but only where the authorisation lists their
    hosts (names or zones). A response counts if it is signed for the issuer, current, and about this certificate. A
    missing response or the status ``unknown`` makes the check inconclusive.

    Remediation: replace a revoked certificate at once, with a new key. Where a responder or CRL was not queried, add
    its host to the authorisation; where it fails or answers wrongly, contact the issuer.
    """
    checked = [each for each in revocation.certificates if each.exempt is None]
    revoked = next((each for each in checked if each.status.seen is Status.REVOKED), None)
    if revoked is not None:
        return _revoked(revoked)
    for each in checked:
        if each.status.seen is not Status.GOOD:
            return _undetermined(each)
    _ = revocation.complete.value
    if not checked:
        return not_applicable("no certificate that needs a revocation check names an OCSP responder or CRL")
    return passed(
        "none of {measured} certificates is revoked",
        measured=len(checked),
        facts=[each.sha256 for each in checked],
    )


def _revoked(certificate: CertificateStatus) -> Verdict:
    source = certificate.sources_of(Status.REVOKED)[0]
    answer = source.answer or RevocationAnswer()
    values: dict[str, MessageValue] = {"source": source.url, "certificate": certificate.subject}
    if answer.revoked_at is None:
        return failed("{source} reports {certificate} as revoked", facts=certificate.sha256, **values)
    values["measured"] = answer.revoked_at
    if answer.reason is None:
        return failed(
            "{source} reports {certificate} as revoked on {measured}, without a reason",
            facts=certificate.sha256,
            **values,
        )
    return failed(
        "{source} reports {certificate} as revoked on {measured}; reason: {reason}",
        facts=certificate.sha256,
        reason=answer.reason,
        **values,
    )


def _undetermined(certificate: CertificateStatus) -> Verdict:
    """The inconclusive verdict over one certificate whose status is not known."""
    values: dict[str, MessageValue] = {"certificate": certificate.subject, "facts": certificate.sha256}
    cause = certificate.status.unseen or Cause.AMBIGUOUS
    if certificate.status.is_seen:
        unknown_at = certificate.sources_of(Status.UNKNOWN)[0].url
        return inconclusive(
            "{source} reports the status of {certificate} as unknown", cause=cause, source=unknown_at, **values
        )
    for source, flaw in certificate.flawed:
        return inconclusive(_FLAW_MESSAGES[flaw], cause=cause, source=source.url, **values)
    sources = [each.url for each in certificate.sources]
    if cause is Cause.OUT_OF_SCOPE:
        return inconclusive(
            "the authorisation does not list {sources}, the sources of the revocation status of {certificate}",
            cause=cause,
            sources=sources,
            **values,
        )
    return inconclusive("no revocation status of {certificate} from {sources}", cause=cause, sources=sources, **values)
