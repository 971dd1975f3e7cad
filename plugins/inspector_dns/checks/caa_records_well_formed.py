"""caa-records-well-formed: certificate authorities can read every CAA record."""

import re
from typing import Final
from urllib.parse import urlsplit

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_dns.observations import CaaRecord, NameRecords

#: The registered properties (IANA, "Certification Authority Restriction Properties").
KNOWN: Final = frozenset({"issue", "issuewild", "iodef", "contactemail", "contactphone", "issuevmc", "issuemail"})
#: The grammar of an issuer with parameters, RFC 8659 §4.2.
_LABEL = r"[A-Za-z0-9](?:-*[A-Za-z0-9])*"
_ISSUER: Final = re.compile(
    rf"[ \t]*(?:{_LABEL}(?:\.{_LABEL})*)?[ \t]*"
    rf"(?:;[ \t]*(?:{_LABEL}[ \t]*=[ \t]*[\x21-\x3a\x3c-\x7e]*[ \t]*(?:;[ \t]*)?)*)?"
)


@check(
    "caa-records-well-formed", title="CAA records are well-formed", references=("RFC 8659 §4", "RFC 8657", "RFC 9495")
)
def caa_records_well_formed(names: NameRecords) -> Verdict:
    """A certificate authority that cannot read a CAA record with the issue property must take it as one that names
    nobody, so that certificates are no longer renewed; a property with a typing error restricts nothing.

    Remediation: write ``issue "ca.example.net"``, ``issuewild ";"``, ``iodef "mailto:security@example.vn"``; parameters
    follow after a semicolon, e.g. ``issue "ca.example.net; accounturi=https://ca.example.net/acct/1"``.
    """
    if not names.exists.value:
        return inconclusive("the name does not exist: {measured}", measured=names.host, cause=Cause.NOT_REACHED)
    caa = names.caa.value
    if caa.at is None:
        return not_applicable("no CAA record at the name or its parent domains")
    wrong = [f'{each.tag} "{each.value}"' for each in caa.records if not _is_well_formed(each)]
    if wrong:
        return failed("CAA records at {at} that cannot be read: {measured}", at=caa.at, measured=wrong, facts="caa")
    tags = sorted({each.tag for each in caa.records})
    return passed("the CAA records at {at} can be read: {measured}", at=caa.at, measured=tags, facts="caa")


def _is_well_formed(record: CaaRecord) -> bool:
    if record.tag in ("issue", "issuewild", "issuevmc", "issuemail"):
        return len(record.value) < 512 and _ISSUER.fullmatch(record.value) is not None
    if record.tag == "iodef":
        try:
            url = urlsplit(record.value)
        except ValueError:
            return False
        return "@" in url.path if url.scheme == "mailto" else url.scheme in ("http", "https") and bool(url.netloc)
    return record.tag in KNOWN
