from __future__ import annotations

from inspector import Cause, Quantity, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_http.applicability import answers
from inspector_http.observations import Http


@check(
    "cookies-end",
    title="Cookies do not live longer than allowed",
    references=("RFC 6265bis §5.5", "OWASP ASVS 4.0.3 V3.3"),
    applies=answers,
    needs=(),
)
def cookies_end(http: Http, *, max_age_days: int = 400) -> Verdict:
    """Whoever gets at a device, or at a copy of it, also has the cookies that still live. Browsers of today keep none
    longer than 400 days, older ones as long as the site says.

    Remediation: let the cookie of a session end with the browser, without ``Expires`` and ``Max-Age``; give others no
    more time than they need.
    """
    cookies = [each for each in http.all_cookies if each.is_stored]
    threshold = Quantity(value=max_age_days, unit="day")
    long = [
        f"{each.label}: {each.reach.seconds // 86400} d"
        for each in cookies
        if each.reach is not None and each.reach.seconds is not None and each.reach.seconds > max_age_days * 86400
    ]
    if long:
        return failed(
            "cookies live longer than {threshold}: {measured}",
            measured=long,
            threshold=threshold,
            facts=(http.cookies_fact,),
        )
    _ = http.cookies.value
    if not cookies:
        return not_applicable("sets no cookie")
    names = [each.label for each in cookies]
    if any(each.reach is None for each in cookies):
        return inconclusive("the attributes of {measured} were not read", measured=names, cause=Cause.NOT_SELECTED)
    return passed(
        "no cookie lives longer than {threshold}: {measured}", measured=names, threshold=threshold, facts=("/cookies",)
    )
