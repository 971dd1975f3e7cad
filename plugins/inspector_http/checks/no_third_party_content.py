from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.applicability import cut_off, serves_html
from inspector_http.observations import Http, Use


@check(
    "no-third-party-content",
    title="The page loads nothing from other organisations' hosts",
    references=("W3C Subresource Integrity §1", "NIST SP 800-53 SC-7"),
    applies=serves_html,
    needs=(),
)
def no_third_party_content(http: Http) -> Verdict:
    """Every host from which a page loads learns who visits it, and with scripts what they do there. For a state portal
    it counts which hosts these are, and in which country.

    Hosts outside of the page's registrable domain are listed, whoever runs them; forms and links do not count, and what
    scripts load is not seen.

    Remediation: serve fonts, scripts and statistics from the site itself, and leave out what nobody needs.
    """
    page = http.page.value
    loaded = {each.host for each in page.references if each.use is not Use.FORM and page.is_foreign(each.host)}
    if loaded:
        return failed("loads from {measured}", measured=sorted(loaded), facts=("/page",))
    return cut_off(page) or passed("loads from {measured} alone", measured=page.own_domain, facts=("/page",))
