from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.applicability import cut_off, shows_text
from inspector_http.observations import Http
from inspector_http.products import marked_products


@check(
    "no-directory-listing",
    title="Folder contents are not listed",
    references=("CWE-548", "OWASP ASVS 4.0.3 V4.3.2"),
    applies=shows_text,
    needs=(),
)
def no_directory_listing(http: Http) -> Verdict:
    """A list of the files in a folder shows everybody what was not meant to be found: backups, drafts, data.

    Only what was received counts: the declared path, not other folders. Lists that applications make are not
    recognised.

    Remediation: switch the list off (``autoindex off``, ``Options -Indexes``), or put an index page into the folder.
    """
    if products := marked_products(http, "listing"):
        return failed("shows a folder as {measured} lists it", measured=products, facts=(http.page_fact,))
    return cut_off(http.page.value) or passed("shows no folder", facts=("/page",))
