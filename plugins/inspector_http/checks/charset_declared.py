from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.applicability import serves_html
from inspector_http.headers import declared_charset, encoding_name
from inspector_http.observations import Http


@check(
    "charset-declared",
    title="Character encoding is declared without contradiction",
    references=("HTML Standard §4.2.5.4", "RFC 9110 §8.3.2", "WHATWG Encoding §4.2"),
    applies=serves_html,
    needs=(),
)
def charset_declared(http: Http) -> Verdict:
    """Where a page does not say in which encoding it is written, browsers guess, and an attacker may make them guess
    one in which harmless text is a script. Where two declarations differ, filters and browsers may read different
    pages.

    Remediation: send ``Content-Type: text/html; charset=utf-8``, and begin the head of pages with
    ``<meta charset="utf-8">``.
    """
    header = declared_charset(http.field("content-type"))
    in_page = http.page.value.charsets
    declared = [each for each in (header, *in_page) if each]
    if not declared:
        return failed("declares no encoding in the header or at the beginning of the page", facts=("/headers", "/page"))
    if len({encoding_name(each) for each in declared}) > 1:
        return failed("declares different encodings: {measured}", measured=declared, facts=("/headers", "/page"))
    return passed("declares {measured}", measured=declared[0], facts=("/headers", "/page"))
