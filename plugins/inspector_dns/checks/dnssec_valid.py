"""dnssec-valid: the zone is signed and validates along its chain of trust."""

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_dns.observations import ChainFlaw, TrustChain, TrustState, Zone


@check(
    "dnssec-valid",
    title="DNSSEC validates",
    references=("RFC 9364", "RFC 4035 §5", "RFC 9904", "RFC 9905 §2"),
)
def dnssec_valid(zone: Zone) -> Verdict:
    """Without DNSSEC an attacker can spoof DNS responses and redirect the zone's users and mail to other servers.

    Remediation: sign the zone with automatic re-signing and have the registrar publish its DS record in the parent
    zone.
    """
    if zone.soa.value is None:
        return inconclusive("no zone apex at {measured}; declare it", measured=zone.name, cause=Cause.AMBIGUOUS)
    chain = zone.chain.value
    match chain.state:
        case TrustState.SECURE:
            return passed("validates from the trust anchor of {anchor}", anchor=chain.anchor, facts="chain")
        case TrustState.INSECURE if chain.flaw:
            message = "treated as unsigned at {at}: {measured}"
            return failed(message, at=chain.at, measured=chain.flaw, facts="chain")
        case TrustState.INSECURE:
            return failed(
                "not signed: the parent zone proves that {measured} has no DS record", measured=chain.at, facts="chain"
            )
        case TrustState.BOGUS:
            return _broken(zone, chain)


def _broken(zone: Zone, chain: TrustChain) -> Verdict:
    flaw = chain.flaw or ChainFlaw.INVALID
    if chain.at != zone.name or flaw is ChainFlaw.ANCHOR:  # a fault of a parent zone or of the configured anchor
        message = "the chain of trust is broken above the zone, at {at}: {measured}"
        return inconclusive(message, at=chain.at, measured=flaw, cause=Cause.PROTOCOL_ERROR)
    return failed("does not validate: {measured}", measured=flaw, facts="chain")
