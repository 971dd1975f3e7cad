from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.applicability import cut_off, is_https, serves_html
from inspector_http.observations import Http, Reference, Use
from inspector_http.upgrade import upgrades_insecure_requests

#: What browsers request over HTTPS instead (Mixed Content §3.1); of anything else nothing is loaded.
UPGRADED = (Use.IMAGE, Use.MEDIA, Use.CSS)


def _https_page(http: Http) -> Verdict | None:
    return is_https(http) or serves_html(http)


@check(
    "no-mixed-content",
    title="Mixed content: the page names no parts and forms over plain HTTP",
    references=("W3C Mixed Content §3", "W3C Upgrade Insecure Requests §3.2", "OWASP ASVS 4.0.3 V9.1.1"),
    applies=_https_page,
    needs=(),
)
def no_mixed_content(http: Http) -> Verdict:
    """What an HTTPS page loads over plain HTTP an attacker on the path may read and replace. Today's browsers refuse to
    load scripts, styles and frames, and request images over HTTPS; older ones load both, and all send forms.

    With ``upgrade-insecure-requests`` browsers request everything over HTTPS; ``block-all-mixed-content``, which they
    no longer heed, changes nothing. Links that a visitor may follow are no mixed content.

    Remediation: write ``https://`` in the URLs of parts and forms; send ``Content-Security-Policy:
    upgrade-insecure-requests`` while old pages have not been changed.
    """
    page = http.page.value
    clear = [each for each in page.references if each.is_clear]
    if not clear:
        return cut_off(page) or passed("names nothing over plain HTTP", facts=("/page",))
    if upgrades_insecure_requests(http):
        return cut_off(page) or passed(
            "upgrade-insecure-requests makes browsers request {measured} over HTTPS",
            measured=_urls(clear),
            facts=("/page", "/headers"),
        )
    active = [each for each in clear if each.use not in (*UPGRADED, Use.FORM)]
    if active:
        return failed(
            "names scripts, frames or styles over plain HTTP: {measured}", measured=_urls(active), facts=("/page",)
        )
    if forms := [each for each in clear if each.use is Use.FORM]:
        return failed("sends forms over plain HTTP: {measured}", measured=_urls(forms), facts=("/page",))
    return failed("names images or media over plain HTTP: {measured}", measured=_urls(clear), facts=("/page",))


def _urls(references: list[Reference]) -> list[str]:
    return list(dict.fromkeys(each.url for each in references))
