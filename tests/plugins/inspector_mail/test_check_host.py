"""check_host for one sender: the suite of RFC 7208, and agreement with the set of all senders that pass."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from dns.rdtypes.ANY.TXT import TXT
from hypothesis import given
from hypothesis import strategies as st

from inspector import Cause, DnsReplies, Gap, NotSeen, ScanOutput, raw_dns_message
from inspector_mail import spf
from inspector_mail.addresses import Addresses, networks_of, united
from inspector_mail.check_host import Sender, SenderResult, check_host
from inspector_mail.observations import Spf
from inspector_mail.spf import IPV4, Evaluation

#: A zone as records by name and type.
Zone = dict[tuple[str, str], tuple[str, ...]]


def replies(zone: Zone, pending: DnsReplies, answered: ScanOutput) -> ScanOutput:
    """The replies to the pending questions besides those already answered."""
    raw = []
    for question in pending.pending:
        query = dns.message.make_query(question.name, question.rdtype)
        reply = dns.message.make_response(query, recursion_available=True)
        kind = dns.rdatatype.from_text(question.rdtype)
        for value in zone.get((question.name, question.rdtype), ()):
            record: dns.rdata.Rdata = (
                TXT(dns.rdataclass.IN, kind, [value.encode()])
                if question.rdtype == "TXT"
                else dns.rdata.from_text("IN", kind, value, origin=dns.name.root, relativize=False)
            )
            owner = dns.name.from_text(question.name)
            reply.find_rrset(reply.answer, owner, dns.rdataclass.IN, kind, create=True).add(record, 60)
        raw.append(raw_dns_message(str(question), reply))
    return ScanOutput(raw=(*answered.raw, *raw), gaps=answered.gaps)


def result(zone: Zone, sender: Sender, *, gaps: tuple[Gap, ...] = ()) -> SenderResult:
    """The result for one sender in this zone."""
    answered = ScanOutput(gaps=gaps)
    while True:
        asked = DnsReplies(answered)
        try:
            return check_host(asked, sender)
        except NotSeen:
            assert asked.pending
            answered = replies(zone, asked, answered)


def evaluated(zone: Zone, domain: str) -> Spf:
    """The evaluation for all senders in this zone."""
    answered = ScanOutput()
    while True:
        asked = DnsReplies(answered)
        try:
            found = spf.evaluate(asked, domain)
        except NotSeen:
            found = None
        if not asked.pending:
            assert found is not None
            return found
        answered = replies(zone, asked, answered)


_CLIENT = ip_address("192.0.2.7")
_ZONE: Zone = {
    ("a.vn", "TXT"): ("v=spf1 ptr:names.vn exists:%{p}.listed.vn ~all",),
    ("7.2.0.192.in-addr.arpa", "PTR"): ("x.names.vn.", "other.vn."),
    ("x.names.vn", "A"): ("192.0.2.7",),
    ("other.vn", "A"): ("192.0.2.8",),
}


def test_ptr_matches_by_validated_names_only() -> None:
    """A name of the reverse DNS counts where it has the address of the sender (RFC 7208 §5.5)."""
    assert result(_ZONE, Sender(_CLIENT, "x.names.vn", "u@a.vn")) is SenderResult.PASS
    unvalidated = {**_ZONE, ("x.names.vn", "A"): ("192.0.2.9",)}
    assert result(unvalidated, Sender(_CLIENT, "x.names.vn", "u@a.vn")) is SenderResult.SOFTFAIL


def test_a_failed_reverse_lookup_matches_nothing() -> None:
    """An error of the reverse DNS is no temperror (RFC 7208 §5.5), one of the record is."""
    silent = Gap(question="7.2.0.192.in-addr.arpa PTR", cause=Cause.TIMEOUT)
    assert result(_ZONE, Sender(_CLIENT, "h.vn", "u@a.vn"), gaps=(silent,)) is SenderResult.SOFTFAIL
    lost = Gap(question="a.vn TXT", cause=Cause.TIMEOUT)
    assert result(_ZONE, Sender(_CLIENT, "h.vn", "u@a.vn"), gaps=(lost,)) is SenderResult.TEMPERROR


@pytest.mark.parametrize(
    ("helo", "mail_from", "expected"),
    [
        ("h.vn", "u@b.vn", SenderResult.PASS),
        ("b.vn", "", SenderResult.FAIL),  # postmaster@b.vn
        ("h.vn", "u@nothing.vn", SenderResult.NONE),
        ("h", "", SenderResult.NONE),
        ("h.vn", "u@c.vn", SenderResult.PASS),
        ("x.vn", "u@c.vn", SenderResult.PERMERROR),
    ],
)
def test_macros_are_those_of_the_message(helo: str, mail_from: str, expected: SenderResult) -> None:
    """Local part, sender and the name of HELO are expanded (RFC 7208 §7)."""
    zone: Zone = {
        ("b.vn", "TXT"): ("v=spf1 exists:%{l}.%{ir}.users.vn -all",),
        ("u.7.2.0.192.users.vn", "A"): ("127.0.0.2",),
        ("c.vn", "TXT"): ("v=spf1 include:%{h} -all",),
        ("h.vn", "TXT"): ("v=spf1 +all",),
    }
    assert result(zone, Sender(_CLIENT, helo, mail_from)) is expected


def test_a_mapped_address_is_an_ipv4_address() -> None:
    """As RFC 7208 §5 says."""
    zone: Zone = {("d.vn", "TXT"): ("v=spf1 ip4:192.0.2.0/24 -all",)}
    assert result(zone, Sender(IPv6Address("::ffff:192.0.2.7"), "h.vn", "u@d.vn")) is SenderResult.PASS


_PREFIX = st.integers(0, 32)
_MECHANISM = st.one_of(
    st.builds("{}ip4:{}/{}".format, st.sampled_from(["", "-", "~", "?"]), st.ip_addresses(v=4), _PREFIX),
    st.builds("{}a:{}.vn/{}".format, st.sampled_from(["", "-"]), st.sampled_from(["h1", "h2"]), _PREFIX),
    st.builds("{}include:{}.vn".format, st.sampled_from(["", "-", "?"]), st.sampled_from(["i1", "i2"])),
    st.sampled_from(["mx:m.vn/8", "exists:h1.vn", "?all", "-all", "+all"]),
)
_RECORD = st.lists(_MECHANISM, max_size=4).map(lambda terms: " ".join(["v=spf1", *terms]))


@given(_RECORD, _RECORD, _RECORD, st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(1 << 24, (224 << 24) - 1))
def test_the_set_of_senders_that_pass_is_that_of_every_single_sender(
    record: str, first: str, second: str, host: IPv4Address, other: IPv4Address, number: int
) -> None:
    """An address is in the set exactly if check_host says pass for it, at the edges of the set, too."""
    zone: Zone = {
        ("d.vn", "TXT"): (record,),
        ("i1.vn", "TXT"): (first.replace("include:i1.vn", "include:i2.vn"),),
        ("i2.vn", "TXT"): (second.replace("include:", "ip4:10.0.0.0/8 a:h2.vn/9 -exists:no.vn mx:m.vn ~a:"),),
        ("h1.vn", "A"): (str(host),),
        ("h2.vn", "A"): (str(other), "198.51.100.4"),
        ("m.vn", "MX"): ("10 h1.vn.",),
    }
    found = evaluated(zone, "d.vn").ipv4.value
    networks = [ip_network(each) for each in found.networks]
    edges = [int(each.network_address) for each in networks[:3]] + [
        int(each.broadcast_address) for each in networks[:3]
    ]
    for probed in {number, *edges, *(edge + 1 for edge in edges), *(edge - 1 for edge in edges)}:
        if not 1 << 24 <= probed < 224 << 24:
            continue  # nobody sends from there
        single = result(zone, Sender(IPv4Address(probed), "h.vn", "u@d.vn"))
        if found.fault:
            assert single in (SenderResult.PERMERROR, SenderResult.NONE) or not networks
            continue
        if found.network_count > len(networks):
            continue
        inside = any(IPv4Address(probed) in network for network in networks)
        assert (single is SenderResult.PASS) is inside, (record, first, second, probed)


@given(st.lists(st.integers(0, 2**32 - 1), max_size=8, unique=True).map(sorted))
def test_networks_are_the_whole_set(bounds: list[int]) -> None:
    """The networks of a set have its addresses, and no others."""
    whole = bounds[: len(bounds) // 2 * 2]
    networks = list(networks_of(Addresses(list(whole)), 4))
    assert sum(network.num_addresses for network in networks) == Addresses(list(whole)).size
    ranges = [(int(each.network_address), int(each.broadcast_address) + 1) for each in networks]
    assert united([Addresses([start, end]) for start, end in ranges]) == Addresses(whole)


def _open(record: str) -> Iterator[str]:
    zone: Zone = {("d.vn", "TXT"): (record,)}
    yield from evaluated(zone, "d.vn").open_terms


@pytest.mark.parametrize(
    ("record", "open_terms"),
    [
        ("v=spf1 ip4:192.0.2.1 -all", ()),
        ("v=spf1 ptr -all", ("ptr",)),
        ("v=spf1 exists:%{i}.l.vn include:%{l}.l.vn -all", ("exists:%{i}.l.vn", "include:%{l}.l.vn")),
        ("v=spf1 a:%{d} exists:%{v}.l.vn -all", ()),
        ("v=spf1 -all ptr", ()),
    ],
)
def test_what_cannot_be_computed_is_named(record: str, open_terms: tuple[str, ...]) -> None:
    """Terms that depend on the message or on reverse DNS are open; those that depend on the domain are not."""
    assert tuple(_open(record)) == open_terms


def test_the_family_is_that_of_the_sender() -> None:
    """Lookups and void lookups are counted for each family by itself (RFC 7208 §4.6.4)."""
    zone: Zone = {
        ("d.vn", "TXT"): ("v=spf1 a:h1.vn a:h2.vn -all",),
        ("h1.vn", "A"): ("192.0.2.1",),
        ("h2.vn", "AAAA"): ("2001:db8::1",),
    }
    four, six = evaluated(zone, "d.vn").families
    assert (four.lookups, four.void_lookups, four.networks) == (2, 1, ("192.0.2.1/32",))
    assert (six.lookups, six.void_lookups, six.networks) == (2, 1, ("2001:db8::1/128",))
    assert (four.together, six.together) == (32, 128)
    assert Evaluation(DnsReplies(ScanOutput()), "d.vn", IPV4).open_terms == []
