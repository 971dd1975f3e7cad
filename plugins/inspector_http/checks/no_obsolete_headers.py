from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.applicability import serves_content
from inspector_http.observations import Http

#: Fields that browsers of today ignore; X-XSS-Protection opened new holes in those that heeded it, unless it is 0.
OBSOLETE = (
    "expect-ct",
    "feature-policy",
    "p3p",
    "public-key-pins",
    "public-key-pins-report-only",
    "x-content-security-policy",
    "x-webkit-csp",
    "x-xss-protection",
)


@check(
    "no-obsolete-headers",
    title="Obsolete security headers are not sent",
    references=("OWASP Secure Headers Project", "RFC 9163", "RFC 7469"),
    applies=serves_content,
    needs=(),
)
def no_obsolete_headers(http: Http) -> Verdict:
    """Browsers ignore these headers, so that they protect nobody, and whoever sees them may rely on them.

    Remediation: remove them; Permissions-Policy replaces Feature-Policy, Content-Security-Policy the others.
    """
    sent = [name for name in OBSOLETE if any(not _is_off(name, value) for value in http.field(name))]
    if sent:
        return failed("sends {measured}", measured=sent, facts=("/headers",))
    return passed("sends no obsolete security header", facts=("/headers",))


def _is_off(name: str, value: str) -> bool:
    return name == "x-xss-protection" and value.partition(";")[0].strip() == "0"
