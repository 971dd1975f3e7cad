from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.applicability import cut_off, shows_text
from inspector_http.observations import Http
from inspector_http.products import marked_products


@check(
    "no-default-page",
    title="No default page of a server is shown",
    references=("CWE-1188", "CIS Controls v8 4.1"),
    applies=shows_text,
    needs=(),
)
def no_default_page(http: Http) -> Verdict:
    """The page that a server or framework brings along shows which one it is, and that nobody configured or needs it:
    it is rarely updated either.

    Remediation: switch the server off where it serves nothing, or let it answer unknown names with an error.
    """
    if products := marked_products(http, "default"):
        return failed("shows the default page of {measured}", measured=products, facts=(http.page_fact,))
    return cut_off(http.page.value) or passed("shows no default page", facts=("/page",))
