"""nsec3-parameters-sound: NSEC3 records have no further iterations and no salt."""

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_dns.observations import DenialMethod, Zone


@check("nsec3-parameters-sound", title="NSEC3 parameters are sound", references=("RFC 9276 §3.1",))
def nsec3_parameters_sound(zone: Zone, *, most_iterations: int = 0, most_salt_bytes: int = 0) -> Verdict:
    """Iterations of NSEC3 cost name servers and resolvers work and hide no name from anybody who guesses names;
    resolvers treat a zone with many of them as unsigned. A salt has no use either.

    Remediation: set iterations 0 and no salt, or use NSEC.
    """
    denial = zone.denial.value
    if denial is None:
        _ = zone.chain.value  # raises NotSeen
        return not_applicable("the zone is not secure, so that it proves nothing")
    if denial.method is None:
        return inconclusive("the response has neither NSEC nor NSEC3 records", cause=Cause.AMBIGUOUS)
    if denial.method is DenialMethod.NSEC:
        return not_applicable("the zone has no NSEC3 records")
    if denial.iterations > most_iterations:
        message = "NSEC3 iterations {measured}, at most {threshold}"
        return failed(message, measured=denial.iterations, threshold=most_iterations, facts="denial")
    if denial.salt_bytes > most_salt_bytes:
        message = "NSEC3 salt of {measured} bytes, at most {threshold}"
        return failed(message, measured=denial.salt_bytes, threshold=most_salt_bytes, facts="denial")
    message = "NSEC3 iterations {measured}, salt of {salt} bytes"
    return passed(message, measured=denial.iterations, salt=denial.salt_bytes, facts="denial")
