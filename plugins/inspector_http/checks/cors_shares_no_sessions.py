from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.applicability import serves_content
from inspector_http.observations import CrossOrigin, Http, Sharing


@check(
    "cors-shares-no-sessions",
    title="Pages of any origin cannot read replies with the visitor's cookies (CORS)",
    references=("Fetch Standard, CORS protocol", "OWASP ASVS 4.0.3 V14.5.3"),
    needs=(),
)
def cors_shares_no_sessions(http: Http, answers: CrossOrigin) -> Verdict:
    """A server that repeats whatever origin asks, or admits ``null``, and allows credentials lets any page that a
    signed-in visitor opens read what the visitor sees.

    It is asked as by a page of an origin that nobody has, and as by a page without an origin. Browsers refuse ``*``
    with credentials.

    Remediation: compare the origin with a list of complete origins, and send no ``Access-Control-Allow-Origin`` to
    others; never ``null``.
    """
    other = serves_content(http)
    if other is not None:
        return other
    admitted = [
        origin
        for origin, answer in (("https://inspector.invalid", answers.foreign), ("null", answers.without_origin))
        if answer.seen is Sharing.CREDENTIALS
    ]
    if admitted:
        return failed(
            "allows these origins, which can be anyone's, to read with cookies: {measured}",
            measured=admitted,
            facts=("/foreign", "/without_origin"),
        )
    _ = answers.foreign.value, answers.without_origin.value
    return passed("lets no page of an unknown origin read with cookies", facts=("/foreign", "/without_origin"))
