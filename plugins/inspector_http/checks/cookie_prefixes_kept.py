from __future__ import annotations

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_http.applicability import answers
from inspector_http.cookies import PREFIXES
from inspector_http.observations import Http


@check(
    "cookie-prefixes-kept",
    title="Cookies named __Host- or __Secure- have the attributes that the name promises",
    references=("RFC 6265bis §4.1.3", "RFC 6265bis §5.7"),
    applies=answers,
    needs=(),
)
def cookie_prefixes_kept(http: Http) -> Verdict:
    """Browsers do not store a cookie whose name begins with ``__Secure-`` unless it has Secure, and one that begins
    with ``__Host-`` unless it also has ``Path=/`` and no Domain: the session that relies on it does not come about.

    Remediation: set ``Secure``, and with ``__Host-`` also ``Path=/``, and no ``Domain``.
    """
    prefixed = [each for each in http.all_cookies if each.name.lower().startswith(PREFIXES)]
    refused = [each.label for each in prefixed if not each.is_stored]
    if refused:
        return failed("browsers do not store {measured}", measured=refused, facts=(http.cookies_fact,))
    _ = http.cookies.value
    if not prefixed:
        return not_applicable("sets no cookie with such a name")
    names = [each.label for each in prefixed]
    if any(each.reach is None for each in prefixed):
        return inconclusive("the attributes of {measured} were not read", measured=names, cause=Cause.NOT_SELECTED)
    return passed("{measured} keep what their names promise", measured=names, facts=("/cookies",))
