from __future__ import annotations

from inspector import Quantity, Verdict, check, failed, not_applicable, passed
from inspector_http.headers import hsts_max_age, shorten
from inspector_http.observations import Http

YEAR_SECONDS = 31_536_000


@check(
    "hsts-set", title="Browsers are told to come back over HTTPS only", references=("RFC 6797 §6.1", "RFC 6797 §8.1")
)
def hsts_set(http: Http, *, max_age_seconds: int = YEAR_SECONDS) -> Verdict:
    """With Strict-Transport-Security a browser no longer speaks to the name in clear, and nobody can talk it into that.

    Browsers heed the first such header of a reply over HTTPS, and none from an address instead of a name.

    Remediation: send ``Strict-Transport-Security: max-age=31536000`` with every HTTPS reply.
    """
    if http.scheme != "https":
        return not_applicable("browsers ignore the header in clear")
    if http.is_address:
        return not_applicable("browsers ignore the header of an address without a name")
    values = http.field("strict-transport-security")
    if not values:
        return failed("sends no Strict-Transport-Security", facts=("/headers",))
    age = hsts_max_age(values[0])
    if age is None:
        return failed(
            "sends a header that browsers ignore: {measured}", measured=shorten(values[0]), facts=("/headers",)
        )
    measured, threshold = Quantity(value=age, unit="second"), Quantity(value=max_age_seconds, unit="second")
    if age < max_age_seconds:
        return failed(
            "asks for {measured} only; {threshold} is the least",
            measured=measured,
            threshold=threshold,
            facts=("/headers",),
        )
    return passed("asks for {measured}", measured=measured, threshold=threshold, facts=("/headers",))
