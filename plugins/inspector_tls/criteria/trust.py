"""Criteria of trust: the verdict over the paths of the served chains to trusted roots."""

from __future__ import annotations

from collections.abc import Callable

from inspector import Answer, Verdict, failed, passed
from inspector_tls.certificates.observations import Certificates, Chain, Flaw, Trust

_MESSAGES = {
    Flaw.SELF_SIGNED: "self-signed certificate that is not a trusted root: {measured}",
    Flaw.MISSING_INTERMEDIATE: "does not send the intermediate certificate {measured}",
    Flaw.MISSING_ISSUER: "does not send the certificate of the issuer {measured}, which is not a trusted root",
    Flaw.UNKNOWN_ROOT: "the chain ends at {measured}, which is not a trusted root",
    Flaw.EXPIRED: "a certificate of the chain has expired: {measured}",
    Flaw.NOT_YET_VALID: "a certificate of the chain is not yet valid: {measured}",
    Flaw.BAD_SIGNATURE: "the signature of a certificate of the chain is invalid: {measured}",
    Flaw.NO_AUTHORITY: "an issuer of the chain is not a CA certificate: {measured}",
    Flaw.PATH_TOO_LONG: "the chain exceeds a path length constraint: {measured}",
    Flaw.NAME_NOT_PERMITTED: "a certificate of the chain violates name constraints: {measured}",
    Flaw.WRONG_PURPOSE: "a certificate of the chain is not valid for server authentication: {measured}",
    Flaw.UNKNOWN_EXTENSION: "a certificate of the chain has an unknown critical extension: {measured}",
    Flaw.MALFORMED: "a certificate of the chain is malformed: {measured}",
    Flaw.UNFIT_KEY: "a key of the chain is malformed or on a curve that is not named: {measured}",
}


def lead_to_root(certificates: Certificates, trust: Callable[[Chain], Answer[Trust]]) -> Verdict:
    """Fail at the first chain that leads to no root; pass when every certificate was seen and leads to one."""
    for chain in certificates.served:
        found = trust(chain).seen
        if found is not None and found.flaw is not None:
            return failed(_MESSAGES[found.flaw], measured=found.at, facts=chain.leaf.sha256)
    chains = certificates.complete()
    if not chains:
        return failed("presents no certificate")
    paths = [trust(chain).value.path for chain in chains]
    return passed("every certificate chains to a trusted root", facts=[path[-1] for path in paths])
