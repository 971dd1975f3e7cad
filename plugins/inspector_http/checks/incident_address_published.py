from __future__ import annotations

from inspector import Every, SubjectKind, Verdict, check
from inspector_http.applicability import contact_named, no_security_txt
from inspector_http.observations import SecurityTxt


@check(
    "incident-address-published",
    title="Incident address is published on the site",
    about=SubjectKind.SYSTEM,
    references=("RFC 9116 §2.5.3",),
)
def incident_address_published(files: Every[SecurityTxt]) -> Verdict:
    """People outside who notice an incident need an address to report it to.

    Only ``security.txt`` is read. An address on a page is for a person to find, so that a missing file decides nothing.

    Remediation: publish the address on the site, and in ``/.well-known/security.txt`` as ``Contact``.
    """
    return contact_named(files) or no_security_txt(files)
