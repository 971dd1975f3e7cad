"""dnssec-signatures-fresh: the signatures of the zone are renewed long before they expire."""

from inspector import Cause, NotSeen, Verdict, check, failed, not_applicable, passed
from inspector_dns.observations import ApexSignature, TrustState, Zone


@check("dnssec-signatures-fresh", title="DNSSEC signatures are renewed in time", references=("RFC 6781 §4.4.2",))
def dnssec_signatures_fresh(zone: Zone, *, least_remaining_hours: int = 72) -> Verdict:
    """A zone whose signatures expire disappears for everybody behind a validating resolver. When signing stops over a
    few days off, only the time that is left keeps the zone alive. Signatures for a short time are right when they are
    made anew all the time, so less than a quarter of the time of validity must not be left either.

    Remediation: let the name server sign by itself, find out why it no longer does, and watch the time that signatures
    have left.
    """
    if zone.chain.value.state is not TrustState.SECURE:
        _ = zone.signatures.value  # raises NotSeen
        return not_applicable("the zone is not secure, so that nothing expires")
    lasting = sorted(map(_longest, _by_type(_trusted(zone))), key=lambda each: each.remaining_hours)
    for each in lasting:
        threshold = min(least_remaining_hours, each.valid_hours // 4)
        if each.remaining_hours < threshold:
            message = (
                "the signature of the {type} records expires in {measured} hours, at least {threshold} should be left"
            )
            return failed(
                message, type=each.covers, measured=each.remaining_hours, threshold=threshold, facts="signatures"
            )
    if not lasting:
        raise NotSeen(Cause.AMBIGUOUS)
    first = lasting[0]
    message = "the first signature, of the {type} records, expires in {measured} hours"
    return passed(message, type=first.covers, measured=first.remaining_hours, facts="signatures")


def _trusted(zone: Zone) -> list[ApexSignature]:
    """The signatures by keys of the zone; those of the DNSKEY records by one that a DS record names (RFC 4035 §5.2).

    Without DS records, below a configured anchor, each of the keys may be the trusted one.
    """
    keys = {(each.key_tag, each.algorithm) for each in zone.keys.value}
    anchored = {(each.key_tag, each.algorithm) for each in zone.ds.value} or keys
    return [
        each
        for each in zone.signatures.value
        if (each.key_tag, each.algorithm) in (keys & anchored if each.covers == "DNSKEY" else keys)
    ]


def _by_type(signatures: list[ApexSignature]) -> list[list[ApexSignature]]:
    kinds = dict.fromkeys(each.covers for each in signatures)
    return [[each for each in signatures if each.covers == kind] for kind in kinds]


def _longest(signatures: list[ApexSignature]) -> ApexSignature:
    """Of the signatures of the same records, the one that is valid for the longest time."""
    return max(signatures, key=lambda each: each.remaining_hours)
