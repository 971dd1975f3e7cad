from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.applicability import serves_html
from inspector_http.headers import shorten
from inspector_http.observations import Http
from inspector_http.structured import dictionary_keys


@check(
    "permissions-policy-set",
    title="Permissions-Policy is set",
    references=("Permissions Policy §5.1", "RFC 9651 §4.2.2"),
    applies=serves_html,
    needs=(),
)
def permissions_policy_set(http: Http) -> Verdict:
    """A page that says which features it needs keeps scripts that it loads, and frames, from the others: camera,
    microphone, location. Browsers ignore the whole header when they cannot parse it.

    Remediation: send ``Permissions-Policy: camera=(), geolocation=(), microphone=()``, with what the site needs left
    out.
    """
    values = http.field("permissions-policy")
    features = dictionary_keys(values)
    if features:
        return passed("sets {measured}", measured=[shorten(each, 60) for each in features], facts=("/headers",))
    if not "".join(values).strip():
        return failed("sends no Permissions-Policy", facts=("/headers",))
    return failed(
        "sends a Permissions-Policy that browsers ignore: {measured}",
        measured=shorten(", ".join(values)),
        facts=("/headers",),
    )
