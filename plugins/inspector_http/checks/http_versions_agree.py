from __future__ import annotations

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_http.applicability import serves_content
from inspector_http.csp import ENFORCED
from inspector_http.headers import HSTS
from inspector_http.observations import Http, Part
from inspector_http.parsing import HTTP2

#: Fields by which a page protects its visitors. Their values may differ from reply to reply, as nonces do.
PROTECTING = frozenset(
    {
        HSTS,
        ENFORCED,
        "cross-origin-embedder-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "permissions-policy",
        "referrer-policy",
        "x-content-type-options",
        "x-frame-options",
    }
)


@check(
    "http-versions-agree",
    title="HTTP/1.1 and HTTP/2 send the same security headers",
    references=("RFC 9113 §3.2", "RFC 9110 §2.5"),
    applies=serves_content,
    needs=(Part.HTTP1,),
)
def http_versions_agree(http: Http) -> Verdict:
    """Browsers use HTTP/2 where a server offers it, other clients HTTP/1.1; a header that is set for one of them alone
    protects only a part of the visitors.

    Which of the headers are sent is compared, not their values.

    Remediation: set the headers at a place that serves both versions, and test with ``curl --http1.1`` and ``--http2``.
    """
    other = http.http1_fields.value
    if other is None and http.version != HTTP2:
        return not_applicable("the server did not choose HTTP/2", facts=("/version", "/http1_fields"))
    if other is None:
        return not_applicable("the server speaks HTTP/2 alone", facts=("/http1_fields",))
    here, there = PROTECTING & {each.name for each in http.headers.value}, PROTECTING & set(other)
    facts = ("/headers", "/http1_fields")
    if here != there:
        return failed(
            "sends over one version of HTTP alone: {measured}",
            measured=[
                *(f"{name} (HTTP/2)" for name in sorted(here - there)),
                *(f"{name} (HTTP/1.1)" for name in sorted(there - here)),
            ],
            facts=facts,
        )
    return passed("sends the same security headers over HTTP/1.1 and HTTP/2", facts=facts)
