"""Criteria of stapled OCSP responses: the verdict over one whose status is not *good*."""

from __future__ import annotations

from inspector import Verdict, failed
from inspector_tls.certificates.observations import Chain, Staple, StapleFlaw, Status

_MESSAGES = {
    StapleFlaw.MALFORMED: "the stapled response of {certificate} cannot be read",
    StapleFlaw.UNSUCCESSFUL: "the stapled response of {certificate} only says that the responder could not answer",
    StapleFlaw.OTHER_CERTIFICATE: "the stapled response of {certificate} is about another certificate",
    StapleFlaw.WRONG_RESPONDER: "the stapled response of {certificate} is signed by one who may not answer for it",
    StapleFlaw.BAD_SIGNATURE: "the signature of the stapled response of {certificate} does not verify",
    StapleFlaw.NOT_YET_VALID: "the stapled response of {certificate} is not yet valid",
    StapleFlaw.EXPIRED: "the stapled response of {certificate} has expired",
}


def refusal(chain: Chain, staple: Staple) -> Verdict | None:
    """The failing verdict over a response that is flawed or whose status is not *good*, or None."""
    subject, digest = chain.leaf.subject, chain.leaf.sha256
    if staple.flaw is not None:
        return failed(_MESSAGES[staple.flaw], certificate=subject, facts=digest)
    if staple.status is Status.REVOKED:
        return failed("the stapled response says that {certificate} is revoked", certificate=subject, facts=digest)
    if staple.status is not Status.GOOD:
        return failed("the responder does not know {certificate}", certificate=subject, facts=digest)
    return None
