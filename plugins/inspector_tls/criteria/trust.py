"""Criteria of trust: the verdict over the roots that the served chains lead to."""

from __future__ import annotations

from collections.abc import Callable

from inspector import Answer, Verdict, failed, passed
from inspector_tls.certificates.observations import Certificates, Chain, Flaw, Trust

_MESSAGES = {
    Flaw.SELF_SIGNED: "the certificate is self-signed and is none of these roots: {measured}",
    Flaw.MISSING_INTERMEDIATE: "the server does not send the intermediate certificate {measured}",
    Flaw.MISSING_ISSUER: "the server does not send the certificate of {measured}, which is none of these roots",
    Flaw.UNKNOWN_ROOT: "the chain ends at {measured}, which is none of these roots",
    Flaw.EXPIRED: "on the way to the root a certificate has expired: {measured}",
    Flaw.NOT_YET_VALID: "on the way to the root a certificate is not yet valid: {measured}",
    Flaw.BAD_SIGNATURE: "the signature of {measured} on the chain does not verify",
    Flaw.NO_AUTHORITY: "on the way to the root a certificate may not sign others: {measured}",
    Flaw.PATH_TOO_LONG: "the chain is longer than its authority allows: {measured}",
    Flaw.NAME_NOT_PERMITTED: "the chain names what its authority may not name: {measured}",
    Flaw.WRONG_PURPOSE: "on the way to the root a certificate is not meant for servers: {measured}",
    Flaw.UNKNOWN_EXTENSION: "on the way to the root an unknown extension is marked critical: {measured}",
}


def lead_to_root(certificates: Certificates, trust: Callable[[Chain], Answer[Trust]]) -> Verdict:
    """Fail at the first chain that leads to no root; pass when every certificate was seen and leads to one."""
    for chain in certificates.served:
        found = trust(chain).seen
        if found is not None and found.flaw is not None:
            return failed(_MESSAGES[found.flaw], measured=found.at, facts=chain.leaf.sha256)
    chains = certificates.complete()
    if not chains:
        return failed("the server presents no certificate")
    paths = [trust(chain).value.path for chain in chains]
    return passed("every certificate leads to one of these roots", facts=[path[-1] for path in paths])
