"""Name servers that answer, refuse, are lame or do not respond."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from inspector import Answer, Cause, Every, Outcome, Raw, ScanFailure, ScanOutput, SubjectResult
from inspector.model.subject import Subject, SubjectKind
from inspector_dns.checks.name_servers_answer import name_servers_answer
from inspector_dns.checks.name_servers_redundant import name_servers_redundant
from inspector_dns.delegation import delegation
from inspector_dns.observations import Delegation, NameServer, ServerReply, Zone
from inspector_dns.probes import name_server, zone
from tests.plugins.inspector_dns import zones as zone_set
from tests.plugins.inspector_dns.scanning import read, scan, see, subject
from tests.plugins.inspector_dns.zones import Served

GOOD = ServerReply(rcode="NOERROR", authoritative=True, recursive=False, serial=7)
LAME = ServerReply(rcode="REFUSED", authoritative=False, recursive=False)


def servers_of(served: Served, facts: Zone) -> Every[NameServer]:
    """The observations of every name server of a zone, at every address."""
    seen = []
    for server in facts.servers.value:
        for address in server.ipv4.value:
            about = subject(name_server, f"ns://{server.name}:{served.port}/{facts.name}", address)
            seconds = 1 if address == zone_set.SILENT else 10
            output = scan(name_server, about, served.port, answer_seconds=seconds)
            seen.append(SubjectResult(about, read(name_server, output, about)))
    return Every(seen)


def delegation_of(served: Served, name: str) -> SubjectResult[Delegation]:
    """The delegation of a zone, whose parent is on the same servers."""
    about = subject(delegation, f"dns:{name}")
    output = scan(delegation, about, served.port, name_server_port=served.port)
    return SubjectResult(about, read(delegation, output, about))


@pytest.mark.parametrize(
    ("address", "reply"),
    [(zone_set.GOOD[0], GOOD), (zone_set.GOOD[1], GOOD), (zone_set.LAME, LAME), (zone_set.CLOSED, None)],
)
def test_the_replies_of_a_name_server_are_observed(served: Served, address: str, reply: ServerReply | None) -> None:
    """Authoritative, refused and closed-port replies are distinguished, over UDP and over TCP."""
    facts = see(name_server, f"ns://ns.test:{served.port}/good.test", served.port, address=address)
    assert (facts.udp.value, facts.tcp.value) == (reply, reply)


def test_a_timeout_is_not_a_closed_port(served: Served) -> None:
    """A name server that never answers was not seen."""
    about = subject(name_server, f"ns://ns.test:{served.port}/good.test", zone_set.SILENT)
    facts = read(name_server, scan(name_server, about, served.port, answer_seconds=1), about)
    assert facts.udp.unseen is facts.tcp.unseen is Cause.TIMEOUT


def test_a_resolver_is_not_authoritative(served: Served) -> None:
    """An answer from a cache does not make its server authoritative."""
    facts = see(name_server, f"ns://ns.test:{served.resolver}/good.test", served.port, address="127.0.0.1")
    assert not facts.udp.value.is_authoritative


def test_a_name_server_needs_its_zone(served: Served) -> None:
    """Declared without a zone, a name server cannot be queried, and nothing is sent."""
    with pytest.raises(ScanFailure, match="no zone is named"):
        scan(name_server, subject(name_server, "ns://ns.test", "127.0.0.1"), served.port)


@pytest.mark.parametrize(
    ("name", "answer", "redundant"),
    [
        ("good.test", Outcome.PASS, Outcome.PASS),
        ("lame.test", Outcome.FAIL, Outcome.PASS),
        ("dead.test", Outcome.FAIL, Outcome.PASS),
        ("silent.test", Outcome.FAIL, Outcome.PASS),
        ("lost.test", Outcome.FAIL, Outcome.FAIL),
        ("single.test", Outcome.PASS, Outcome.FAIL),
        ("twins.test", Outcome.PASS, Outcome.FAIL),
        ("alias.test", Outcome.FAIL, Outcome.FAIL),
    ],
)
def test_the_verdicts_on_name_servers(served: Served, name: str, answer: Outcome, redundant: Outcome) -> None:
    """Lame, closed, silent, unresolved and aliased servers fail; a single address is not redundant."""
    facts = see(zone, f"dns:{name}", served.port, served.anchors)
    about = SubjectResult(Subject(kind=SubjectKind.ZONE, uri=f"dns:{name}", host=name), facts)
    assert (
        name_servers_answer.evaluate([about, delegation_of(served, name), servers_of(served, facts)], {}).outcome
        is answer
    )
    assert name_servers_redundant.evaluate([about], {}).outcome is redundant
    assert name_servers_redundant.evaluate([about], {"least": 3}).outcome is Outcome.FAIL


def test_a_name_server_that_was_not_queried_is_inconclusive(served: Served) -> None:
    """All answers are good, but one server is missing among them."""
    facts = see(zone, "dns:good.test", served.port, served.anchors)
    about = SubjectResult(subject(zone, "dns:good.test"), facts)
    some = Every(servers_of(served, facts).all[:1])
    verdict = name_servers_answer.evaluate([about, delegation_of(served, "good.test"), some], {})
    assert (verdict.outcome, verdict.cause) == (Outcome.INCONCLUSIVE, Cause.ABORTED)


@pytest.mark.parametrize(
    ("rcode", "authoritative", "records", "expected"),
    [
        ("NOERROR", False, True, Answer(seen=True)),
        ("NOERROR", False, False, Answer(seen=False)),
        ("REFUSED", False, False, Answer(seen=False)),
        ("NOTAUTH", False, False, Answer(seen=False)),
        ("NOERROR", True, True, Answer(unseen=Cause.NOT_SELECTED)),
        ("SERVFAIL", False, False, Answer(unseen=Cause.AMBIGUOUS)),
        ("NXDOMAIN", False, False, Answer(unseen=Cause.AMBIGUOUS)),
    ],
)
def test_only_a_refusal_refuses_recursion(
    rcode: str, authoritative: bool, records: bool, expected: Answer[bool]
) -> None:
    """A server with the RA flag that serves the top-level domain itself, or fails, may resolve other names."""
    zone_reply = dns.message.make_response(dns.message.make_query("good.test", "SOA"))
    zone_reply.flags |= dns.flags.AA | dns.flags.RA
    reply = dns.message.make_response(dns.message.make_query("test", "SOA"))
    reply.set_rcode(dns.rcode.from_text(rcode))
    reply.flags |= dns.flags.AA * authoritative
    if records:
        reply.answer = [dns.rrset.from_text("test.", 60, "IN", "SOA", "ns1.test. host.test. 7 3600 600 86400 60")]
    output = ScanOutput(raw=(_raw("udp", zone_reply), _raw("recursion", reply)))
    facts = read(name_server, output, subject(name_server, "ns://ns.test/good.test", "127.0.0.1"))
    assert facts.recursion == expected


@pytest.mark.parametrize(
    ("rcode", "authoritative", "records", "expected"),
    [
        ("REFUSED", False, False, Answer(seen=False)),
        ("NOERROR", False, True, Answer(seen=True)),
        ("NOERROR", False, False, Answer(seen=False)),
        ("NOERROR", True, True, Answer(unseen=Cause.AMBIGUOUS)),
        ("SERVFAIL", False, False, Answer(unseen=Cause.AMBIGUOUS)),
    ],
)
def test_a_server_of_the_top_level_domain_is_judged_by_the_root(
    rcode: str, authoritative: bool, records: bool, expected: Answer[bool]
) -> None:
    """It answers for the top-level domain by itself, and for the root only where it resolves, or is a root server."""
    zone_reply = dns.message.make_response(dns.message.make_query("good.test", "SOA"))
    own = dns.message.make_response(dns.message.make_query("test", "SOA"))
    for each in (zone_reply, own):
        each.flags |= dns.flags.AA | dns.flags.RA
    reply = dns.message.make_response(dns.message.make_query(".", "SOA"))
    reply.set_rcode(dns.rcode.from_text(rcode))
    reply.flags |= dns.flags.AA * authoritative
    if records:
        reply.answer = [dns.rrset.from_text(".", 60, "IN", "SOA", "a.root. host. 7 3600 600 86400 60")]
    raw = (_raw("udp", zone_reply), _raw("recursion", own), _raw("recursion to the root", reply))
    facts = read(name_server, ScanOutput(raw=raw), subject(name_server, "ns://ns.test/good.test", "127.0.0.1"))
    assert facts.recursion == expected


def _raw(name: str, message: dns.message.Message) -> Raw:
    return Raw(name=name, data=message.to_wire(), media_type="application/dns-message")


@pytest.mark.parametrize(("name", "found"), [("sixwild.test", True), ("mailwild.test", False), ("good.test", False)])
def test_a_wildcard_of_ipv6_addresses_gives_addresses(served: Served, name: str, found: bool) -> None:
    """A wildcard with AAAA records only counts; one of another type gives no address."""
    assert see(zone, f"dns:{name}", served.port).wildcard == Answer(seen=found)
