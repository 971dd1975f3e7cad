from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.applicability import is_https
from inspector_http.observations import Http


@check(
    "https-stays-encrypted",
    title="HTTPS does not redirect back to plain HTTP",
    references=("RFC 9110 §17.1", "RFC 6797 §2.3.1"),
    applies=is_https,
    needs=(),
)
def https_stays_encrypted(http: Http) -> Verdict:
    """A redirect to plain HTTP sends the visitor of an encrypted page on without encryption.

    Remediation: write redirects with ``https://`` or without a scheme; behind a proxy that ends TLS, tell the
    application by ``X-Forwarded-Proto`` or its own settings that visitors come over HTTPS.
    """
    redirect = http.redirect.value
    if redirect is not None and redirect.scheme == "http":
        return failed("redirects to {measured}", measured=redirect.url, facts=("/redirect",))
    return passed("does not redirect to plain HTTP", facts=("/redirect",))
