"""Criteria of MTA-STS: what senders demand of certificates (RFC 8461 §3.3, §4.2), and the policies that they use."""

from __future__ import annotations

from enum import StrEnum

from inspector import Every
from inspector_tls.certificates.observations import Certificates, Chain, has_ended
from inspector_tls.mta_sts.observations import MtaStsPolicy, PolicyFault, StsPolicy


class CertificateFault(StrEnum):
    """Why senders refuse the certificates of a host, as message text."""

    MISSING = "it presents no certificate"
    NAME = "its certificate does not name it"
    NOT_YET_VALID = "its certificate is not yet valid"
    EXPIRED = "its certificate has expired"
    MALFORMED = "the validity of its certificate is malformed"
    UNTRUSTED = "its certificate does not chain to a publicly trusted root"


def certificate_fault(certificates: Certificates) -> CertificateFault | None:
    """The first fault of a host's certificates; raises ``NotSeen`` where none was seen and not all were."""
    faults = [fault for chain in certificates.served if (fault := _fault(chain, certificates))]
    if faults:
        return faults[0]
    chains = certificates.complete()
    _ = [chain.public_trust.value for chain in chains]  # raises NotSeen
    return None if chains else CertificateFault.MISSING


def _fault(chain: Chain, certificates: Certificates) -> CertificateFault | None:
    leaf, at, trust = chain.leaf, certificates.seen_at, chain.public_trust.seen
    if not certificates.is_named_by(leaf):
        return CertificateFault.NAME
    if leaf.is_malformed("validity"):
        return CertificateFault.MALFORMED
    if at < leaf.starts:
        return CertificateFault.NOT_YET_VALID
    if has_ended(leaf.ends, at):
        return CertificateFault.EXPIRED
    return None if trust is None or trust.chains else CertificateFault.UNTRUSTED


def policy_fault(policy: MtaStsPolicy) -> CertificateFault | PolicyFault | None:
    """Why senders do not use the policy of this address; raises ``NotSeen``."""
    return certificate_fault(policy.certificates) or policy.reply.value.fault


def used_policies(policies: Every[MtaStsPolicy]) -> list[StsPolicy]:
    """The policies that senders use, of each address of the policy host that was seen; raises ``NotSeen``."""
    usable = [each.reply.value.policy for each in policies if policy_fault(each) is None]
    return [policy for policy in usable if policy is not None]
