from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.applicability import serves_content
from inspector_http.observations import CrossOrigin, Http, Sharing


@check(
    "cors-not-open",
    title="Pages of any origin cannot read replies (CORS)",
    references=("Fetch Standard, CORS protocol", "OWASP ASVS 4.0.3 V14.5.3"),
    needs=(),
)
def cors_not_open(http: Http, answers: CrossOrigin) -> Verdict:
    """``Access-Control-Allow-Origin: *`` is meant for what everybody may read. On a service that only some networks
    reach, any page that somebody there opens can read it and pass it on.

    Remediation: send the field only where other sites are meant to read, as for fonts and open data.
    """
    other = serves_content(http)
    if other is not None:
        return other
    open_to = [
        origin
        for origin, answer in (("https://inspector.invalid", answers.foreign), ("null", answers.without_origin))
        if answer.seen not in (None, Sharing.NONE)
    ]
    if open_to:
        return failed("may be read by pages of {measured}", measured=open_to, facts=("/foreign", "/without_origin"))
    _ = answers.foreign.value, answers.without_origin.value
    return passed("lets no page of an unknown origin read", facts=("/foreign", "/without_origin"))
