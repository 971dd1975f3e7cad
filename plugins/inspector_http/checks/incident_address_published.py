from __future__ import annotations

from inspector import Every, SubjectKind, Verdict, check, passed
from inspector_http.applicability import no_security_txt
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
    for each in files:
        file = each.file.seen
        if file is not None and file.is_valid_at(each.seen_at) and file.ends is not None:
            return passed(
                "{url} names {measured}, valid until {ends}",
                url=each.url,
                measured=file.contacts_usable,
                ends=file.ends,
                facts=("/file",),
            )
    return no_security_txt(files)
