from __future__ import annotations

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_http.applicability import answers
from inspector_http.observations import Http


@check(
    "cookies-not-shared",
    title="Cookies are not sent to other hosts of a parent domain",
    references=("RFC 6265bis §8.6", "RFC 6265 §5.1.3", "OWASP ASVS 4.0.3 V3.4.4"),
    applies=answers,
    needs=(),
)
def cookies_not_shared(http: Http) -> Verdict:
    """A cookie whose Domain is that of a parent is sent to every host below it: the weakest of them may read a session,
    or set one.

    Remediation: leave ``Domain`` out; name the cookie of a session ``__Host-…``.
    """
    cookies = [each for each in http.all_cookies if each.is_stored]
    shared = [
        f"{each.label}: {each.reach.domain}"
        for each in cookies
        if each.reach is not None and each.reach.domain not in ("", http.host)
    ]
    if shared:
        return failed("cookies are sent to other hosts: {measured}", measured=shared, facts=(http.cookies_fact,))
    _ = http.cookies.value
    if not cookies:
        return not_applicable("sets no cookie")
    names = [each.label for each in cookies]
    if any(each.reach is None for each in cookies):
        return inconclusive("the attributes of {measured} were not read", measured=names, cause=Cause.NOT_SELECTED)
    return passed("no cookie is sent to hosts beside this one: {measured}", measured=names, facts=("/cookies",))
