from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.applicability import cut_off, shows_text
from inspector_http.observations import Http
from inspector_http.products import marked_products


@check(
    "no-debug-page",
    title="No stack trace or page for developers is shown",
    references=("CWE-209", "CWE-489", "OWASP ASVS 4.0.3 V7.4.1"),
    applies=shows_text,
    needs=(),
)
def no_debug_page(http: Http) -> Verdict:
    """A trace of an error tells visitors paths, versions, settings and code; some such pages let them run commands.

    Only what was received counts: no error is provoked.

    Remediation: switch the mode for development off, and answer errors with a page that says nothing about the program.
    """
    if products := marked_products(http, "debug"):
        return failed("shows a page of {measured} for developers", measured=products, facts=(http.page_fact,))
    return cut_off(http.page.value) or passed("shows no trace of an error", facts=("/page",))
