"""Whether a zone's records can be trusted."""

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_dns.observations import Chain, Flaw, Trust, Zone


@check(
    "dnssec-valid",
    title="The zone is signed, and a chain of trust leads to it",
    references=("RFC 9364", "RFC 4035 §5", "RFC 9904"),
)
def dnssec_valid(zone: Zone) -> Verdict:
    """Without DNSSEC whoever sits on the path can answer for the zone and lead its visitors and mail elsewhere.

    Remediation: sign the zone, have the registrar publish its DS record at the parent, and renew signatures before they
    expire; in BIND ``dnssec-policy default;``.
    """
    if zone.soa.value is None:
        return inconclusive("no zone begins at {measured}; declare its apex", measured=zone.name, cause=Cause.AMBIGUOUS)
    chain = zone.chain.value
    match chain.state:
        case Trust.SECURE:
            return passed("signed and valid from the trust anchor of {anchor}", anchor=chain.anchor, facts="chain")
        case Trust.INSECURE if chain.flaw:
            message = "counts as not signed at {at}: {measured}"
            return failed(message, at=chain.at, measured=chain.flaw, facts="chain")
        case Trust.INSECURE:
            return failed("not signed: it is proved that {measured} has no DS record", measured=chain.at, facts="chain")
        case Trust.BOGUS:
            return _broken(zone, chain)


def _broken(zone: Zone, chain: Chain) -> Verdict:
    flaw = chain.flaw or Flaw.INVALID
    if chain.at != zone.name or flaw is Flaw.ANCHOR:  # not this zone's doing, or the inspector's own anchor
        message = "the chain of trust breaks above the zone's own records, at {at}: {measured}"
        return inconclusive(message, at=chain.at, measured=flaw, cause=Cause.PROTOCOL_ERROR)
    return failed("does not validate: {measured}", measured=flaw, facts="chain")
