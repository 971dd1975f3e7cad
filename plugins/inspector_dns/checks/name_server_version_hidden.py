"""name-server-version-hidden: no name server tells the version of its software."""

import re
from typing import Final

from inspector import Every, SubjectKind, Verdict, check, failed, inconclusive, passed
from inspector_dns.observations import NameServerExposure

#: Two numbers with a dot between them; a word such as "hidden" or a bare product name is no version.
_VERSION: Final = re.compile(r"\d+\.\d+")


@check(
    "name-server-version-hidden",
    title="Name servers do not disclose their version",
    about=SubjectKind.ZONE,
    references=("RFC 4892 §2", "CWE-200"),
)
def name_server_version_hidden(servers: Every[NameServerExposure]) -> Verdict:
    """The exact version shows an attacker which known vulnerabilities of the name server to try.

    Remediation: set a version text without numbers, or none.
    """
    told = sorted(f"{each.where}: {each.version.seen}" for each in servers if _is_version(each.version.seen))
    if told:
        return failed("version disclosed by {measured}", measured=told)
    unseen = [(server.where, server.version.unseen) for server in servers if server.version.unseen]
    if unseen:
        where = sorted(place for place, _ in unseen)
        return inconclusive("no response from {measured}", measured=where, cause=unseen[0][1])
    return passed("no version from {measured}", measured=sorted(each.where for each in servers))


def _is_version(text: str | None) -> bool:
    return text is not None and _VERSION.search(text) is not None
