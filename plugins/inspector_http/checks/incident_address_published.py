from __future__ import annotations

from inspector import Cause, Every, SubjectKind, Verdict, check, inconclusive, passed
from inspector_http.applicability import contact_named, no_security_txt
from inspector_http.observations import Http, SecurityTxt


@check(
    "incident-address-published",
    title="Incident address is published on the site",
    about=SubjectKind.SYSTEM,
    references=("RFC 9116 §2.5.3", "RFC 2142 §4"),
    needs=(),
)
def incident_address_published(files: Every[SecurityTxt], pages: Every[Http]) -> Verdict:
    """People outside who notice an incident need an address to report it to.

    ``security.txt`` is read, and links to mail addresses on the declared pages, of which those of the site's own domain
    count that only teams for incidents and security have. Any other address is for a person to find, so that none
    decides nothing.

    Remediation: publish the address on the site, and in ``/.well-known/security.txt`` as ``Contact``.
    """
    return contact_named(files) or _on_page(pages) or no_security_txt(files)


def _on_page(pages: Every[Http]) -> Verdict | None:
    """The verdict where a page names such an address; None where none does."""
    named = [(each, page, one) for each in pages if (page := each.page.seen) for one in page.incident_addresses]
    own = sorted((each.url, one) for each, page, one in named if not page.is_foreign(one.rpartition("@")[2]))
    if own:
        url, address = own[0]
        return passed("the page {url} names {measured}", url=url, measured=address, facts=("/page",))
    if named:
        return inconclusive(
            "a page names {measured}, of another domain; whether that is for this site is for a person to judge",
            measured=sorted({one for _, _, one in named}),
            cause=Cause.AMBIGUOUS,
        )
    return None
