from __future__ import annotations

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_http.applicability import is_https, serves_html
from inspector_http.csp import ENFORCED, parse_meta_policies, parse_policies, unencrypted_sources
from inspector_http.headers import shorten
from inspector_http.observations import Http


def _https_page(http: Http) -> Verdict | None:
    return is_https(http) or serves_html(http)


FACTS = ("/headers", "/meta_policies")


@check(
    "csp-names-no-plain-http",
    title="Content-Security-Policy of an HTTPS page names no source over plain HTTP",
    references=("CSP Level 3 §6.7.2.8", "Mixed Content §4"),
    applies=_https_page,
    needs=(),
)
def csp_names_no_plain_http(http: Http) -> Verdict:
    """A source over plain HTTP shows a page that was written for plain HTTP: browsers of today block or upgrade what it
    loads from there (mixed content), old ones load it unencrypted.

    Remediation: write the sources with ``https:``, and add ``upgrade-insecure-requests``.
    """
    policies = parse_policies(http.field(ENFORCED)) + parse_meta_policies(http.meta_policies.value)
    if not policies:
        return not_applicable("has no Content-Security-Policy that is enforced", facts=FACTS)
    unencrypted = [shorten(each, 120) for each in unencrypted_sources(policies)]
    if unencrypted:
        return failed("names sources over plain HTTP: {measured}", measured=unencrypted, facts=FACTS)
    return passed("names no source over plain HTTP", facts=FACTS)
