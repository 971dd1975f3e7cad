from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.applicability import serves_content
from inspector_http.headers import HSTS, shorten
from inspector_http.observations import Http

#: Fields that stand for one value; lists of policies, as Content-Security-Policy, may be sent several times.
SINGLE = (
    "content-type",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    HSTS,
    "x-content-type-options",
    "x-frame-options",
)


@check(
    "headers-consistent",
    title="Security headers are not sent twice with different values",
    references=("RFC 9110 §5.3",),
    applies=serves_content,
    needs=(),
)
def headers_consistent(http: Http) -> Verdict:
    """Of a header that the application and the server before it set differently, browsers heed the first, the last or
    none: which one differs from header to header.

    Remediation: set each header at one place, or let the server in front replace that of the application.
    """
    sent = {name: http.field(name) for name in SINGLE}
    conflicts = [
        f"{name}: {' | '.join(shorten(each, 60) for each in values)}"
        for name, values in sent.items()
        if len({each.strip().lower() for each in values}) > 1
    ]
    if conflicts:
        return failed("sends different values: {measured}", measured=conflicts, facts=("/headers",))
    return passed("sends no header with different values", facts=("/headers",))
