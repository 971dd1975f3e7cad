"""caa-limits-issuers: CAA records restrict which CAs may issue certificates for the host."""

from typing import Final

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_dns.observations import CaaRecord, NameRecords

#: Properties that do not restrict certificates for the name of a TLS server (RFC 8659 §4, RFC 9495).
OTHER_PURPOSES: Final = frozenset({"issuewild", "iodef", "contactemail", "contactphone", "issuemail", "issuevmc"})


@check(
    "caa-limits-issuers",
    title="CAA records restrict certificate issuers",
    references=("RFC 8659 §3–§4",),
)
def caa_limits_issuers(names: NameRecords) -> Verdict:
    """Without CAA records every public CA may issue a certificate for the name, so one deceived CA is enough for an
    attacker to impersonate it.

    Remediation: publish CAA records with the ``issue`` property for the CAs in use, at the name or a parent domain,
    e.g. ``example.vn. CAA 0 issue "ca.example.net"``.
    """
    if not names.exists.value:
        return inconclusive("the name does not exist: {measured}", measured=names.host, cause=Cause.NOT_REACHED)
    caa = names.caa.value
    if caa.at is None:
        return failed("no CAA record at the name or its parent domains")
    issuers = [record.value for record in caa.records if record.tag == "issue"]
    if not any(_restricts(record) for record in caa.records):
        return failed("the CAA records at {at} do not restrict issuers", at=caa.at)
    return passed("the CAA records at {at} restrict issuers to {measured}", at=caa.at, measured=issuers, facts="caa")


def _restricts(record: CaaRecord) -> bool:
    """Whether the record restricts issuance; a CA must refuse on an unknown critical property (RFC 8659 §4.1)."""
    return record.tag == "issue" or (record.critical and record.tag not in OTHER_PURPOSES)
