"""Issuers have not revoked what is presented."""

from inspector import Cause, MessageValue, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_tls.certificates.observations import Status
from inspector_tls.revocation.observations import AnswerFlaw, CertificateStatus, Revocation, RevocationAnswer

_FLAW_MESSAGES = {
    AnswerFlaw.MALFORMED: "what {source} says about {certificate} cannot be read",
    AnswerFlaw.UNSUCCESSFUL: "{source} only says that it could not answer about {certificate}",
    AnswerFlaw.OTHER_CERTIFICATE: "{source} answers about another certificate than {certificate}",
    AnswerFlaw.OTHER_NONCE: "{source} answers another question than the one asked about {certificate}",
    AnswerFlaw.OTHER_ISSUER: "the list of {source} is not that of the issuer of {certificate}",
    AnswerFlaw.OTHER_SCOPE: "the list of {source} says that it is not about certificates such as {certificate}",
    AnswerFlaw.WRONG_RESPONDER: "what {source} says about {certificate} is signed by one who may not say it",
    AnswerFlaw.BAD_SIGNATURE: "the signature over what {source} says about {certificate} does not verify",
    AnswerFlaw.NOT_YET_VALID: "what {source} says about {certificate} is not yet valid",
    AnswerFlaw.EXPIRED: "what {source} says about {certificate} has expired",
    AnswerFlaw.UNDATED: "what {source} says about {certificate} does not say until when it holds",
    AnswerFlaw.PARTIAL: "the list of {source} only tells what changed, which clears {certificate} of nothing",
    AnswerFlaw.UNKNOWN_EXTENSION: "the list of {source} about {certificate} has an unknown critical extension",
    AnswerFlaw.NOT_JUDGED: "what {source} says about {certificate} is signed in a way that is not judged here",
}


@check(
    "certificate-not-revoked",
    title="No certificate that is presented has been revoked by its issuer",
    references=("RFC 5280 §6.3", "RFC 6960 §3.2"),
)
def not_revoked(revocation: Revocation) -> Verdict:
    """A certificate is revoked when its key was stolen, or when it should never have been issued; who still presents it
    is taken for an impostor by clients that scan, and may be one. Asked are the OCSP responders and lists that the
    certificates name, of the server's own and of the intermediates, but only where the authorisation names their hosts:
    list those (names or zones) to have this judged. Answers must be the issuer's, of now, and about this
    very certificate. A responder that is silent, or that does not know the certificate, decides nothing.

    Remediation: replace a revoked certificate, with a new key, at once. For a responder that was not asked, list its
    host in the authorisation; for one that answers wrongly or not at all, ask the issuer.
    """
    judged = [each for each in revocation.certificates if each.exempt is None]
    revoked = next((each for each in judged if each.status.seen is Status.REVOKED), None)
    if revoked is not None:
        return _revoked(revoked)
    for each in judged:
        if each.status.seen is not Status.GOOD:
            return _open(each)
    _ = revocation.complete.value
    if not judged:
        return not_applicable("no certificate presented names anybody who could be asked, or needs it")
    return passed(
        "the issuers say that none of {measured} certificates is revoked",
        measured=len(judged),
        facts=[each.sha256 for each in judged],
    )


def _revoked(examined: CertificateStatus) -> Verdict:
    source = examined.sources_of(Status.REVOKED)[0]
    answer = source.answer or RevocationAnswer()
    told: dict[str, MessageValue] = {"source": source.url, "certificate": examined.subject}
    if answer.revoked_at is None:
        return failed("{source} says that {certificate} is revoked", facts=examined.sha256, **told)
    told["measured"] = answer.revoked_at
    if answer.reason is None:
        return failed(
            "{source} says that {certificate} was revoked on {measured}, and gives no reason",
            facts=examined.sha256,
            **told,
        )
    return failed(
        "{source} says that {certificate} was revoked on {measured}; the reason: {reason}",
        facts=examined.sha256,
        reason=answer.reason,
        **told,
    )


def _open(examined: CertificateStatus) -> Verdict:
    """Why it is not known whether one certificate is revoked."""
    told: dict[str, MessageValue] = {"certificate": examined.subject, "facts": examined.sha256}
    cause = examined.status.unseen or Cause.AMBIGUOUS
    if examined.status.is_seen:
        unknowing = examined.sources_of(Status.UNKNOWN)[0].url
        return inconclusive("{source} does not know {certificate}", cause=cause, source=unknowing, **told)
    for source, flaw in examined.flawed:
        return inconclusive(_FLAW_MESSAGES[flaw], cause=cause, source=source.url, **told)
    sources = [each.url for each in examined.sources]
    if cause is Cause.OUT_OF_SCOPE:
        return inconclusive(
            "no authorisation names {sources}, which could say whether {certificate} is revoked",
            cause=cause,
            sources=sources,
            **told,
        )
    return inconclusive("{sources} did not say whether {certificate} is revoked", cause=cause, sources=sources, **told)
