from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.applicability import cut_off, serves_html
from inspector_http.headers import names_version, shorten
from inspector_http.observations import Http


@check(
    "page-generator-without-version",
    title="The page does not name the version of the software that made it",
    references=("OWASP ASVS 4.0.3 V14.3.3", "CWE-200"),
    applies=serves_html,
    needs=(),
)
def page_generator_without_version(http: Http) -> Verdict:
    """Content management systems write their name and version into the element ``meta`` generator: an attacker finds by
    it which published vulnerabilities to try.

    Remediation: leave the element out, or the version in it.
    """
    page = http.page.value
    disclosing = [shorten(each) for each in page.generators if names_version("generator", each)]
    if disclosing:
        return failed("the page says that it was made by {measured}", measured=disclosing, facts=("/page",))
    return cut_off(page) or passed("the page names no version of what made it", facts=("/page",))
