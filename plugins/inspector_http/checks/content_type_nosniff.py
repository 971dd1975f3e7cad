from __future__ import annotations

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_http.headers import elements, shorten
from inspector_http.observations import Http


@check(
    "content-type-nosniff",
    title="Browsers are told not to guess the type of content",
    references=("Fetch Standard, X-Content-Type-Options header",),
)
def content_type_nosniff(http: Http) -> Verdict:
    """A browser that guesses may run as a script what was meant as a picture or a text.

    Remediation: send ``X-Content-Type-Options: nosniff`` with every reply.
    """
    if http.is_shut:
        return not_applicable("nothing answers there", facts=("/speaks",))
    if http.redirect.value is not None:
        return not_applicable("only redirects elsewhere")
    values = http.field("x-content-type-options")
    if not values:
        return failed("sends no X-Content-Type-Options", facts=("/headers",))
    if elements(values)[0] != "nosniff":
        return failed(
            "sends a value that browsers ignore: {measured}", measured=shorten(values[0]), facts=("/headers",)
        )
    return passed("sends nosniff", facts=("/headers",))
