"""The test suite of RFC 7208, which the source of pyspf carries, about the product's ``check_host``."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import dns.exception
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.TXT import TXT
from ruamel.yaml import YAML

from inspector import Cause, DnsReplies, Gap, NotSeen, Raw, ScanOutput, raw_dns_message
from inspector_mail.check_host import Sender, check_host
from tests.agreement.lab import spf_source


@dataclass(frozen=True, slots=True)
class SpfTest:
    """One test: the sender, and the results that the suite allows; ``zone`` has the records of each name."""

    name: str
    address: str
    helo: str
    mail_from: str
    allowed: tuple[str, ...]
    zone: Mapping[str, Sequence[Any]]


def suite() -> Iterator[SpfTest]:
    """Every test of the suite; raises Missing when pyspf's source is not there."""
    with tarfile.open(spf_source()) as source:
        member = next(each for each in source if each.name.endswith("/test/rfc7208-tests.yml"))
        held = source.extractfile(member)
        assert held is not None
        text = held.read()
    for scenario in YAML(typ="safe").load_all(text):
        zone = {str(name).lower(): records for name, records in scenario["zonedata"].items()}
        for name, test in scenario["tests"].items():
            allowed = test["result"]
            yield SpfTest(
                name=name,
                address=test["host"],
                helo=test["helo"],
                mail_from=test.get("mailfrom") or "",
                allowed=tuple(allowed) if isinstance(allowed, list) else (allowed,),
                zone=zone,
            )


def result(test: SpfTest) -> str:
    """The product's result for the sender of a test."""
    sender = Sender(ip_address(test.address), test.helo, test.mail_from)
    answered = ScanOutput()
    while True:
        replies = DnsReplies(answered)
        try:
            return check_host(replies, sender).value
        except NotSeen:
            replied = [_reply(test.zone, each.name, each.rdtype) for each in replies.pending]
        assert replied
        answered = ScanOutput(
            raw=(*answered.raw, *(each for each in replied if isinstance(each, Raw))),
            gaps=(*answered.gaps, *(each for each in replied if isinstance(each, Gap))),
        )


def _reply(zone: Mapping[str, Sequence[Any]], name: str, rdtype: str) -> Raw | Gap:
    """The reply of the suite's DNS to one question."""
    question = f"{name} {rdtype}"
    try:
        reply = dns.message.make_response(dns.message.make_query(name, rdtype), recursion_available=True)
        _answer(reply, zone, name, rdtype)
    except (TimeoutError, dns.exception.DNSException) as error:
        return Gap(question=question, cause=Cause.TIMEOUT, detail=str(error))
    return raw_dns_message(question, reply)


def _answer(reply: dns.message.Message, zone: Mapping[str, Sequence[Any]], name: str, rdtype: str) -> None:
    """Add the records of a name, and those at the end of its aliases; raises TimeoutError."""
    if name not in zone:
        if name.startswith("error."):
            raise TimeoutError
        return
    records = zone[name]
    found = [(kind, value) for each in records if each != "TIMEOUT" for kind, value in each.items()]
    # Records of the abandoned type SPF stand for TXT records, unless there are TXT records.
    stands_for = {} if any(kind == "TXT" for kind, _ in found) else {"SPF": "TXT"}
    values = [value for kind, value in found if stands_for.get(kind, kind) == rdtype and value not in ("NONE", [])]
    if "TIMEOUT" in values or ("TIMEOUT" in records and not values):
        raise TimeoutError
    for value in values:
        _add(reply, name, rdtype, value)
    for target in (str(value) for kind, value in found if kind == "CNAME" and rdtype != "CNAME"):
        _add(reply, name, "CNAME", target)
        _answer(reply, zone, target.lower(), rdtype)


def _add(reply: dns.message.Message, name: str, rdtype: str, value: Any) -> None:
    kind = dns.rdatatype.from_text(rdtype)
    if rdtype == "TXT":
        strings = [value] if isinstance(value, str) else value
        data: dns.rdata.Rdata = TXT(dns.rdataclass.IN, kind, [each.encode() for each in strings])
    elif rdtype == "MX":
        data = dns.rdata.from_text("IN", "MX", f"{value[0]} {value[1] or '.'}", origin=dns.name.root, relativize=False)
    else:
        data = dns.rdata.from_text("IN", kind, str(value), origin=dns.name.root, relativize=False)
    owner = dns.name.from_text(name)
    rrset = reply.find_rrset(reply.answer, owner, dns.rdataclass.IN, kind, create=True)
    rrset.add(data, 60)
