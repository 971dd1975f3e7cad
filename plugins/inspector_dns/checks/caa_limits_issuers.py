"""Whether the DNS says which certification authorities may issue for a name."""

from typing import Final

from inspector import Verdict, check, failed, passed
from inspector_dns.observations import CaaRecord, Names

#: Properties that say nothing about who may issue a certificate for a TLS server's own name (RFC 8659 §4, RFC 9495).
OTHER_PURPOSES: Final = frozenset({"issuewild", "iodef", "contactemail", "contactphone", "issuemail", "issuevmc"})


@check(
    "caa-limits-issuers",
    title="CAA records name the issuers that may certify the host",
    references=("RFC 8659 §3–§4",),
)
def caa_limits_issuers(names: Names) -> Verdict:
    """Without CAA every public certification authority may issue a certificate for the name.

    Remediation: publish a CAA record with the ``issue`` property for the authorities in use, at the name or at a
    domain above it, e.g. ``example.vn. CAA 0 issue "ca.example.net"``.
    """
    caa = names.caa.value
    if caa.at is None:
        return failed("no CAA record at the name or above it")
    issuers = [record.value for record in caa.records if record.tag == "issue"]
    if not any(_limits(record) for record in caa.records):
        return failed("the CAA records at {at} do not say who may issue", at=caa.at)
    return passed("the CAA records at {at} limit who may issue: {measured}", at=caa.at, measured=issuers, facts="caa")


def _limits(record: CaaRecord) -> bool:
    """An issuer must refuse when it meets a critical property that it does not know (RFC 8659 §4.1)."""
    return record.tag == "issue" or (record.critical and record.tag not in OTHER_PURPOSES)
