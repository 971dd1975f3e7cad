from __future__ import annotations

from inspector import Cause, Declared, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_http.observations import Http, WebProtocol


@check(
    "http-redirects-to-https",
    title="HTTP redirects to HTTPS",
    references=("RFC 6797 §7.2", "OWASP ASVS 4.0.3 V9.1.1"),
)
def http_redirects_to_https(http: Http, declared: Declared) -> Verdict:
    """A visitor who types a name without a scheme may arrive over plain HTTP; unless the server redirects to HTTPS, the
    connection stays unencrypted.

    Remediation: answer every request on port 80 with a permanent redirect to HTTPS on the same name; in nginx
    ``return 301 https://$host$request_uri;``.
    """
    if http.scheme != "http":
        return not_applicable("this endpoint is declared as HTTPS")
    if http.protocol.value is not WebProtocol.HTTP:
        return passed("plain HTTP is not offered", facts=("/protocol",))
    redirect = http.redirect.value
    if redirect is None:
        return failed(
            "answers over plain HTTP with status {measured}", measured=http.status.value, facts=("/redirect",)
        )
    if redirect.scheme != "https":
        return failed("redirects to plain HTTP: {measured}", measured=redirect.url, facts=("/redirect",))
    if redirect.host != http.host and redirect.host not in _hosts(declared):
        return inconclusive(
            "redirects to {measured}, which is not declared", measured=redirect.url, cause=Cause.OUT_OF_SCOPE
        )
    return passed("redirects to {measured}", measured=redirect.url, facts=("/redirect",))


def _hosts(declared: Declared) -> frozenset[str]:
    """The hosts of the declared HTTPS endpoints."""
    services = (
        uri.removeprefix("https://").partition("/")[0] for uri in declared.endpoints if uri.startswith("https://")
    )
    return frozenset(
        service.partition("]")[0].strip("[]") if "[" in service else service.partition(":")[0] for service in services
    )
