"""dnssec-denial-valid: the zone proves by valid records that a name does not exist."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_dns.observations import Zone


@check(
    "dnssec-denial-valid",
    title="Denial of existence validates",
    references=("RFC 4035 §5.4", "RFC 5155 §8", "RFC 9824"),
)
def dnssec_denial_valid(zone: Zone) -> Verdict:
    """A signed zone whose NSEC or NSEC3 records do not prove that a name does not exist makes validating resolvers
    answer with an error where others answer that there is no such name; mail and web programs then wait and try again.
    The check queries a made-up name directly below the zone.

    Remediation: sign the whole zone again, with its NSEC or NSEC3 chain, by one program only.
    """
    denial = zone.denial.value
    if denial is None:
        _ = zone.chain.value  # raises NotSeen
        return not_applicable("the zone is not secure, so that it proves nothing")
    if denial.flaw:
        return failed("the proof that a name does not exist is not valid: {measured}", measured=denial.flaw)
    method = denial.method.value if denial.method else "RRSIG"
    return passed("proved by valid records: {measured}", measured=method, facts="denial")
