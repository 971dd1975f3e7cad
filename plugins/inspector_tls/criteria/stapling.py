"""Criteria of stapled OCSP responses: the verdict over a response that is flawed or not *good*."""

from __future__ import annotations

from inspector import Verdict, failed
from inspector_tls.certificates.observations import Chain, Staple, StapleFlaw, Status

_MESSAGES = {
    StapleFlaw.MALFORMED: "the OCSP staple of {certificate} is malformed",
    StapleFlaw.UNSUCCESSFUL: "the OCSP staple of {certificate} is an error response",
    StapleFlaw.OTHER_CERTIFICATE: "the OCSP staple of {certificate} is about another certificate",
    StapleFlaw.WRONG_RESPONDER: "the OCSP staple of {certificate} is signed by an unauthorised responder",
    StapleFlaw.BAD_SIGNATURE: "the OCSP staple of {certificate} has an invalid signature",
    StapleFlaw.NOT_YET_VALID: "the OCSP staple of {certificate} is not yet valid",
    StapleFlaw.EXPIRED: "the OCSP staple of {certificate} has expired",
}


def refusal(chain: Chain, staple: Staple) -> Verdict | None:
    """The failing verdict over a response that is flawed or whose status is not *good*, or None."""
    subject, digest = chain.leaf.subject, chain.leaf.sha256
    if staple.flaw is not None:
        return failed(_MESSAGES[staple.flaw], certificate=subject, facts=digest)
    if staple.status is Status.REVOKED:
        return failed("the OCSP staple reports {certificate} as revoked", certificate=subject, facts=digest)
    if staple.status is not Status.GOOD:
        return failed(
            "the OCSP staple reports the status of {certificate} as unknown", certificate=subject, facts=digest
        )
    return None
