from __future__ import annotations

from inspector import EndOfSupport, Outcome, Product, TableAt, Verdict, check, not_applicable, support_verdict
from inspector_http.applicability import cut_off, serves_html
from inspector_http.observations import Http


@check(
    "page-libraries-supported",
    title="JavaScript libraries of the page are still supported",
    references=("OWASP ASVS 4.0.3 V14.2.1", "CWE-1104"),
    needs=(),
)
def page_libraries_supported(http: Http, table: TableAt[EndOfSupport]) -> Verdict:
    """Nobody publishes fixes for a library that is out of support: a known fault in it lets attackers run scripts in
    the page.

    The version is what the name of a file or the comment at the beginning of a script says; whoever maintains the page
    may have fixed it without changing either. Libraries inside of other files are not seen.

    Remediation: upgrade to a supported release of the library, or remove it.
    """
    other = serves_html(http)
    if other is not None:
        return other
    page = http.page.value
    if not page.has_scripts:
        return cut_off(page) or not_applicable("the page has no script", facts=("/page",))
    products = [Product(each.name, each.version) for each in page.libraries]
    verdict = support_verdict(products, table, ("/page",))
    return verdict if verdict.outcome is not Outcome.PASS else cut_off(page) or verdict
