from __future__ import annotations

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_http.applicability import answers
from inspector_http.headers import names_version, shorten
from inspector_http.observations import ErrorPage, Http, Part


@check(
    "error-page-discloses-nothing",
    title="Error pages show no version and no stack trace",
    references=("CWE-209", "OWASP ASVS 4.0.3 V7.4.1", "OWASP WSTG-ERRH-01"),
    applies=answers,
    needs=(Part.ERROR_PAGE,),
)
def error_page_discloses_nothing(http: Http) -> Verdict:
    """Error pages that a server or framework makes by itself often name its version, and some show a trace of the
    program, though the pages of the site are in order.

    One path is asked for that no site has; no other error is provoked.

    Remediation: set error pages of your own (``error_page``, ``ErrorDocument``), hide the version (``server_tokens
    off``, ``ServerTokens Prod`` with ``ServerSignature Off``), and switch the mode for development off.
    """
    page = http.error_page.value
    facts = ("/error_page",)
    if shown := _shown(page):
        return failed("the page for a path that does not exist shows {measured}", measured=shown, facts=facts)
    if page.rejected is not None:
        return inconclusive(
            "a reply with status {measured} came in place of the page for a path that does not exist",
            measured=str(page.status),
            cause=page.rejected,
            facts=facts,
        )
    if not page.is_read:
        return inconclusive("the page for a path that does not exist is no text", cause=Cause.AMBIGUOUS, facts=facts)
    return passed("the page for a path that does not exist shows neither", facts=facts)


def _shown(page: ErrorPage) -> list[str]:
    """What it discloses: header fields with a version, products whose version or trace stands in its text."""
    fields = [f"{each.name}: {shorten(each.value)}" for each in page.products if names_version(each.name, each.value)]
    marks = (each.partition(":") for each in page.marks)
    return fields + [f"{kind}: {product}" for kind, _, product in marks if kind in ("version", "debug")]
