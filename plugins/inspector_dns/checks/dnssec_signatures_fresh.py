"""dnssec-signatures-fresh: the signatures of the zone are renewed long before they expire."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_dns.observations import ApexSignature, TrustState, Zone


@check("dnssec-signatures-fresh", title="DNSSEC signatures are renewed in time", references=("RFC 6781 §4.4.2",))
def dnssec_signatures_fresh(zone: Zone, *, least_remaining_hours: int = 72) -> Verdict:
    """A zone whose signatures expire disappears for everybody behind a validating resolver. When signing stops over a
    few days off, only the time that is left keeps the zone alive. Signatures for a short time are right when they are
    made anew all the time, so less than a quarter of the time of validity must not be left either.

    Remediation: let the name server sign by itself (BIND ``dnssec-policy default;``), find out why it no longer does,
    and watch the time that signatures have left.
    """
    if zone.chain.value.state is not TrustState.SECURE:
        _ = zone.signatures.value  # raises NotSeen
        return not_applicable("the zone is not secure, so that nothing expires")
    first = min(map(_longest, _by_type(zone.signatures.value)), key=lambda each: each.remaining_hours)
    threshold = min(least_remaining_hours, first.valid_hours // 4)
    if first.remaining_hours < threshold:
        message = "the signature of the {type} records expires in {measured} hours, at least {threshold} should be left"
        return failed(
            message, type=first.covers, measured=first.remaining_hours, threshold=threshold, facts="signatures"
        )
    message = "the first signature, of the {type} records, expires in {measured} hours"
    return passed(message, type=first.covers, measured=first.remaining_hours, facts="signatures")


def _by_type(signatures: tuple[ApexSignature, ...]) -> list[list[ApexSignature]]:
    kinds = dict.fromkeys(each.covers for each in signatures)
    return [[each for each in signatures if each.covers == kind] for kind in kinds]


def _longest(signatures: list[ApexSignature]) -> ApexSignature:
    """Of the signatures of the same records, the one that is valid for the longest time."""
    return max(signatures, key=lambda each: each.remaining_hours)
