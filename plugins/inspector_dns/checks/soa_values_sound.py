"""soa-values-sound: the times in the SOA record let secondary servers and resolvers work as intended."""

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_dns.observations import Zone


@check(
    "soa-values-sound",
    title="Times in the SOA record are sound",
    references=("RFC 1912 §2.2", "RFC 2308 §5", "RFC 1035 §3.3.13"),
)
def soa_values_sound(zone: Zone, *, least_expire_seconds: int = 604_800, most_minimum_seconds: int = 86_400) -> Verdict:
    """A zone with a short expire time disappears when its primary server fails over a few days off; with a retry time
    that is not shorter than the refresh time a failed transfer is repeated too late; a long negative time keeps
    resolvers from seeing new names.

    Remediation: set for example refresh 14400, retry 3600, expire 1209600 and minimum 3600 (seconds).
    """
    soa = zone.soa.value
    if soa is None:
        return inconclusive("no zone apex at {measured}; declare it", measured=zone.name, cause=Cause.AMBIGUOUS)
    if soa.expire < least_expire_seconds:
        message = "expire time {measured} s is below {threshold} s"
        return failed(message, measured=soa.expire, threshold=least_expire_seconds, facts="soa")
    if soa.retry >= soa.refresh:
        message = "retry time {measured} s is not below the refresh time {threshold} s"
        return failed(message, measured=soa.retry, threshold=soa.refresh, facts="soa")
    if soa.expire <= soa.refresh + soa.retry:
        message = "expire time {measured} s is not above refresh and retry time together, {threshold} s"
        return failed(message, measured=soa.expire, threshold=soa.refresh + soa.retry, facts="soa")
    if soa.minimum > most_minimum_seconds:
        message = "negative time (minimum) {measured} s is above {threshold} s"
        return failed(message, measured=soa.minimum, threshold=most_minimum_seconds, facts="soa")
    message = "refresh {refresh} s, retry {retry} s, expire {expire} s, minimum {minimum} s"
    return passed(message, refresh=soa.refresh, retry=soa.retry, expire=soa.expire, minimum=soa.minimum, facts="soa")
