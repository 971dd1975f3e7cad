from __future__ import annotations

from inspector import Cause, Declared, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_http.observations import Http, WebProtocol
from inspector_http.urls import hosts


@check(
    "http-redirects-to-https",
    title="HTTP redirects to HTTPS",
    references=("RFC 6797 §7.2", "OWASP ASVS 4.0.3 V9.1.1"),
    needs=(),
)
def http_redirects_to_https(http: Http, declared: Declared) -> Verdict:
    """A visitor who types a name without a scheme may arrive over plain HTTP; unless the server redirects to HTTPS, the
    connection stays unencrypted. Behind a redirect to another host the browser never sees HTTPS, and HSTS, of the name
    that was typed; whether that host belongs to the system is shown by its declaration alone.

    Remediation: answer every request on port 80 with a permanent redirect to HTTPS on the same name.
    """
    if http.scheme != "http":
        return not_applicable("this endpoint is declared as HTTPS")
    if http.protocol.value is not WebProtocol.HTTP:
        return passed("plain HTTP is not offered", facts=("/protocol",))
    redirect = http.redirect.value
    if redirect is None:
        return failed(
            "answers over plain HTTP with status {measured} instead of redirecting to HTTPS",
            measured=http.status.value,
            facts=("/redirect",),
        )
    if redirect.scheme != "https":
        return failed("redirects to plain HTTP: {measured}", measured=redirect.url, facts=("/redirect",))
    if redirect.host != http.host and redirect.host not in hosts(declared.endpoints, "https"):
        if redirect.host not in hosts(declared.endpoints):
            return failed(
                "redirects to another host, which is not declared: {measured}",
                measured=redirect.url,
                facts=("/redirect",),
            )
        return inconclusive(
            "redirects to {measured}, which is not declared", measured=redirect.url, cause=Cause.OUT_OF_SCOPE
        )
    return passed("redirects to {measured}", measured=redirect.url, facts=("/redirect",))
