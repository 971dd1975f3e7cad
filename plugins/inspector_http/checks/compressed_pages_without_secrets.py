from __future__ import annotations

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_http.applicability import cut_off, is_https, serves_html
from inspector_http.observations import Http


def _https_page(http: Http) -> Verdict | None:
    return is_https(http) or serves_html(http)


@check(
    "compressed-pages-without-secrets",
    title="Pages with secrets are not compressed (BREACH)",
    references=("CVE-2013-3587", "RFC 9325 §3.3"),
    applies=_https_page,
    needs=(),
)
def compressed_pages_without_secrets(http: Http) -> Verdict:
    """Where a page with a secret also repeats what a request contained, the length of the compressed page tells an
    attacker on the path whether a guess of the secret is right, in spite of TLS.

    Counted as secrets are the values against forged requests that the page holds. Whether it repeats parts of the
    request, and whether the value is another one in each page, which protects it, is not seen.

    Remediation: give the value another mask in each page, as frameworks of today do, or do not compress such pages.
    """
    page = http.page.value
    compressed = [each for each in http.field("content-encoding") if each.strip().lower() != "identity"]
    if not compressed:
        return passed("the page is not compressed", facts=("/headers",))
    if page.has_secret:
        return failed(
            "compresses a page that holds a value against forged requests: {measured}",
            measured=compressed,
            facts=("/headers", "/page"),
        )
    return cut_off(page) or not_applicable("the page holds no value against forged requests", facts=("/page",))
