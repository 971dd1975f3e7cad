from __future__ import annotations

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_http.observations import Http, WebProtocol


@check(
    "http-redirects-directly",
    title="HTTP redirects to HTTPS on the same host, in one step",
    references=("RFC 6797 §7.2", "MDN HTTP Observatory, Redirection"),
    needs=(),
)
def http_redirects_directly(http: Http) -> Verdict:
    """Each further step over plain HTTP is one more that an attacker on the path may turn elsewhere. A browser learns
    from HTTPS on the same host alone that it shall use HTTPS there (HSTS).

    Remediation: redirect ``http://name/…`` to ``https://name/…`` first, and from there wherever the site leads.
    """
    if http.scheme != "http":
        return not_applicable("this endpoint is declared as HTTPS")
    if http.protocol.value is not WebProtocol.HTTP:
        return not_applicable("plain HTTP is not offered")
    redirect = http.redirect.value
    if redirect is None or redirect.scheme != "https":
        return not_applicable("does not redirect to HTTPS")
    if http.followed:
        return failed("redirects over plain HTTP first: {measured}", measured=http.followed, facts=("/followed",))
    if redirect.host != http.host:
        return failed("redirects to another host first: {measured}", measured=redirect.url, facts=("/redirect",))
    return passed("redirects to {measured}", measured=redirect.url, facts=("/redirect",))
