from __future__ import annotations

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_http.applicability import cut_off, serves_html
from inspector_http.observations import Http, Reference, Use


@check(
    "third-party-scripts-verified",
    title="Scripts and style sheets of other sites are verified by their hash (Subresource Integrity)",
    references=("W3C Subresource Integrity §3", "OWASP ASVS 4.0.3 V14.2.3"),
    applies=serves_html,
    needs=(),
)
def third_party_scripts_verified(http: Http) -> Verdict:
    """A script from another site runs with all rights of the page: whoever takes over that site takes over this one.
    With the attribute ``integrity`` browsers run only the file whose hash it names.

    Browsers ignore metadata that names no hash that they know, and refuse to load a file from elsewhere whose element
    has no ``crossorigin``. What scripts load is not seen.

    Remediation: serve the file from the site itself, or add ``integrity="sha384-…"`` and ``crossorigin="anonymous"``
    to the element and name a fixed version of the file in its URL.
    """
    page = http.page.value
    others = [each for each in page.references if each.use in (Use.SCRIPT, Use.STYLE) and page.is_foreign(each.host)]
    unverified = [each.url for each in others if not each.integrity]
    if unverified:
        return failed("loads without a hash that browsers know: {measured}", measured=unverified, facts=("/page",))
    if refused := [each.url for each in others if not each.cors]:
        return failed(
            "browsers refuse to load what has integrity without crossorigin: {measured}",
            measured=refused,
            facts=("/page",),
        )
    return cut_off(page) or _verified(others)


def _verified(others: list[Reference]) -> Verdict:
    if not others:
        return not_applicable("loads no script or style sheet of another site", facts=("/page",))
    return passed("verifies {measured}", measured=[each.url for each in others], facts=("/page",))
