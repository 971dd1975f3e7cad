from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.applicability import serves_content
from inspector_http.headers import elements, shorten
from inspector_http.observations import Http


@check(
    "content-type-nosniff",
    title="X-Content-Type-Options is nosniff",
    references=("Fetch Standard, X-Content-Type-Options header",),
    applies=serves_content,
    needs=(),
)
def content_type_nosniff(http: Http) -> Verdict:
    """Without it browsers guess the type of content (MIME sniffing) and may run an uploaded image or text as a script.

    Remediation: send ``X-Content-Type-Options: nosniff`` with every reply.
    """
    values = http.field("x-content-type-options")
    if not values:
        return failed("sends no X-Content-Type-Options", facts=("/headers",))
    if elements(values)[0] != "nosniff":
        return failed(
            "sends an X-Content-Type-Options that browsers ignore: {measured}",
            measured=shorten(values[0]),
            facts=("/headers",),
        )
    return passed("sends X-Content-Type-Options: nosniff", facts=("/headers",))
