"""SPF: records served by BIND, valid and invalid ones."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector import Cause
from inspector_mail import spf
from inspector_mail.addresses import Addresses
from inspector_mail.macros import domain_name, expand
from inspector_mail.observations import SpfEvaluation, SpfFault, SpfResult
from inspector_mail.probes import mail as probe
from tests.plugins.inspector_dns.scanning import read, scan, see, subject


def evaluation(server: int, name: str) -> SpfEvaluation:
    """The evaluation of a domain's record."""
    result = see(probe, f"mail:{name}.mail.test", server).spf.value.evaluation.value
    assert isinstance(result, SpfEvaluation)
    return result


@pytest.mark.parametrize(
    ("name", "result", "lookups", "void_lookups"),
    [
        ("good", SpfResult.FAIL, 3, 0),
        ("nomail", SpfResult.FAIL, 0, 0),
        ("split", SpfResult.FAIL, 0, 0),
        ("soft", SpfResult.SOFTFAIL, 1, 0),
        ("neutral", SpfResult.NEUTRAL, 0, 0),
        ("provider", SpfResult.NEUTRAL, 1, 0),
        ("everyone", SpfResult.PASS, 0, 0),
        ("hidden", SpfResult.PASS, 1, 0),
        ("redirected", SpfResult.FAIL, 4, 0),
        ("macro", SpfResult.FAIL, 1, 0),
        ("ten", SpfResult.FAIL, 10, 0),
        ("twovoid", SpfResult.FAIL, 2, 2),
    ],
)
def test_a_valid_record_has_a_result_for_other_senders(
    server: int, name: str, result: SpfResult, lookups: int, void_lookups: int
) -> None:
    """The result for a sender that no term names, and the lookups that it takes, follow RFC 7208."""
    assert evaluation(server, name) == SpfEvaluation(result=result, lookups=lookups, void_lookups=void_lookups)


@pytest.mark.parametrize(
    ("name", "result", "senders"),
    [
        ("network", SpfResult.PASS, "IPv4"),
        ("wide", SpfResult.PASS, "IPv4"),
        ("wide6", SpfResult.PASS, "IPv6"),
        ("widemx", SpfResult.PASS, "IPv4"),
        ("widepart", SpfResult.PASS, "IPv4"),
        ("halves", SpfResult.PASS, "IPv4"),
        ("half", SpfResult.PASS, "IPv4"),
        ("halfpart", SpfResult.PASS, "IPv4"),
        ("unicast6", SpfResult.PASS, "IPv6"),
        ("undecided", SpfResult.NEUTRAL, "IPv4"),
        ("denied", SpfResult.FAIL, None),
        ("denypart", SpfResult.FAIL, None),
        ("big", SpfResult.FAIL, None),
        ("always", SpfResult.PASS, None),
        ("alwaysd", SpfResult.PASS, None),
        ("absent", SpfResult.FAIL, None),
        ("only6", SpfResult.PASS, "IPv6"),
        ("spaced", SpfResult.PASS, None),
        ("anyone", SpfResult.PASS, None),
        ("anypart", SpfResult.PASS, None),
        ("listed", SpfResult.FAIL, None),
        ("listed3", SpfResult.FAIL, None),
        ("labels", SpfResult.FAIL, None),
        ("turned.labels", SpfResult.SOFTFAIL, None),
        ("twofours", SpfResult.FAIL, None),
    ],
)
def test_the_weakest_result_of_other_senders_counts(
    server: int, name: str, result: SpfResult, senders: str | None
) -> None:
    """Terms that match most senders, of one family or both, count as ``all`` does (RFC 7208 §5.3-§5.7, §7.3)."""
    found = evaluation(server, name)
    assert (found.fault, found.result, found.senders) == (None, result, senders)


@pytest.mark.parametrize(
    ("name", "term", "senders"), [("fours", "a:v43", "IPv6"), ("sixes", "a:v63", "IPv4"), ("onesided", "a:v61", "IPv4")]
)
def test_lookups_that_find_nothing_count_for_each_family(server: int, name: str, term: str, senders: str) -> None:
    """An IPv6 sender has AAAA records looked up, an IPv4 sender A records (RFC 7208 §5, §4.6.4)."""
    found = evaluation(server, name)
    assert (found.fault, found.term, found.senders) == (SpfFault.VOID_LOOKUPS, f"{term}.mail.test", senders)


@pytest.mark.parametrize(
    ("macros", "expanded"),
    [
        ("%{d}", "a.b-c.Example.vn"),
        ("%{d2}", "Example.vn"),
        ("%{d00002}", "Example.vn"),
        ("%{d99}", "a.b-c.Example.vn"),
        ("%{d" + "9" * 5000 + "}", "a.b-c.Example.vn"),
        ("%{dr}", "vn.Example.b-c.a"),
        ("%{d3r-}", "c.Example.vn.a.b"),
        ("%{d2-.}", "Example.vn"),
        ("%{D1R}.%{o}", "a.%6F"),
        ("%{v}._x.%%%_%-", "in-addr._x.% %20"),
        ("%{d}.%{i}", None),
    ],
)
def test_macros_are_expanded_as_far_as_they_are_known(macros: str, expanded: str | None) -> None:
    """Digits keep the right-most labels, ``r`` reverses them, delimiters split (RFC 7208 §7.3)."""
    assert expand(macros, {"d": "a.b-c.Example.vn", "o": "%6F", "v": "in-addr"}) == expanded


def test_a_long_expansion_is_shortened_from_the_left() -> None:
    """Labels are removed until the name has at most 253 characters (RFC 7208 §7.3)."""
    label = "a" * 49
    assert domain_name(".".join([label] * 6 + ["vn."])) == ".".join([label] * 5 + ["vn"])
    assert domain_name("a..vn") is domain_name("a" * 64 + ".vn") is domain_name(".") is None


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted), max_size=9))
def test_addresses_are_taken_once(ranges: list[list[int]]) -> None:
    """What is taken and what stays are disjoint, and together the set."""
    left, everything = Addresses([3, 17]), set(range(3, 17))
    for start, end in ranges:
        taken = left.take([(start, end)])
        numbers = {number for first, last in taken for number in range(first, last)}
        assert numbers == everything & set(range(start, end))
        assert taken.size == len(numbers)
        everything -= numbers
    assert {number for first, last in left for number in range(first, last)} == everything


@pytest.mark.parametrize(
    ("name", "fault", "at"),
    [
        ("bare", SpfFault.MISSING, "bare"),
        ("nosuchname", SpfFault.MISSING, "nosuchname"),
        ("double", SpfFault.SEVERAL, "double"),
        ("malformed", SpfFault.SYNTAX, "malformed"),
        ("loop", SpfFault.LOOKUPS, "loop"),
        ("eleven", SpfFault.LOOKUPS, "ten"),
        ("deep0", SpfFault.LOOKUPS, "deep10"),
        ("void", SpfFault.VOID_LOOKUPS, "void"),
        ("lost", SpfFault.MISSING, "nothing"),
        ("crowd", SpfFault.EXCHANGERS, "crowd"),
        ("toplevel", SpfFault.TARGET, "toplevel"),
    ],
)
def test_a_permanent_error_names_the_domain(server: int, name: str, fault: SpfFault, at: str) -> None:
    """Missing, repeated, malformed, looping and over-long records are permanent errors, distinguished."""
    found = evaluation(server, name)
    assert (found.fault, found.at, found.result) == (fault, f"{at}.mail.test", None)


def test_an_include_without_a_response_leaves_the_evaluation_unseen(server: int) -> None:
    """A server failure in an included domain is neither a result nor a fault; the record itself is still seen."""
    seen = see(probe, "mail:unseen.mail.test", server).spf.value
    assert seen.records == ("v=spf1 include:x.servfail.test -all",)
    assert seen.evaluation.unseen is Cause.PROTOCOL_ERROR


def test_no_query_is_sent_twice(server: int) -> None:
    """An include loop costs two queries for its two records, not twenty."""
    about = subject(probe, "mail:loop.mail.test")
    output = scan(probe, about, server)
    names = [raw.name for raw in output.raw]
    assert len(names) == len(set(names))
    assert (
        sum("loop" in name and name.endswith("TXT") and not name.startswith(("_", "default.")) for name in names) == 2
    )
    assert read(probe, output, about).spf.value.evaluation.value.fault is SpfFault.LOOKUPS


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1",
        "v=spf1 -ALL",
        "v=spf1  mx   -all ",
        "v=spf1 a/24 a:example.vn/24//64 mx//48 -all",
        "v=spf1 ip4:192.0.2.1/32 ip6:2001:db8::/32 ip6:::1 ~all",
        "v=spf1 exists:%{ir}.%{l1r-}._spf.%{d2} include:_spf.%{d} ?all",
        "v=spf1 a:foo/bar.vn/24 -all",
        "v=spf1 ptr ptr:example.vn redirect=_spf.example.vn exp=explain.%{d}",
        "v=spf1 unknown=anything%% x-y.z=1 -all",
        "v=spf1 include:example.vn. -all",
    ],
)
def test_what_the_grammar_allows_is_parsed(record: str) -> None:
    """Every form of RFC 7208 §12 can be parsed."""
    assert spf.is_record(record.encode())
    spf.terms(record.encode(), "example.vn")


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 all:example.vn",
        "v=spf1 include",
        "v=spf1 include:",
        "v=spf1 include:localhost",
        "v=spf1 include:example.vn/24",
        "v=spf1 a: -all",
        "v=spf1 a/33",
        "v=spf1 a//129",
        "v=spf1 a/024",
        "v=spf1 a/",
        "v=spf1 mx:example.123",
        "v=spf1 ip4:192.0.2",
        "v=spf1 ip4:192.0.2.256",
        "v=spf1 ip4:192.0.2.1/33",
        "v=spf1 ip4:192.0.2.1/",
        "v=spf1 ip4",
        "v=spf1 ip6:192.0.2.1",
        "v=spf1 ip6:fe80::1%eth0",
        "v=spf1 ip6:2001:db8::/129",
        "v=spf1 exists:%{x}.example.vn",
        "v=spf1 exists:%example.vn",
        "v=spf1 exists:%{c}.example.vn",
        "v=spf1 include:%{r}.example.vn",
        "v=spf1 redirect=%{t}.example.vn",
        "v=spf1 exp=%{c}.example.vn",
        "v=spf1 exists:%{d0}.example.vn",
        "v=spf1 exists:%{d00r}.example.vn",
        "v=spf1 -all;",
        "v=spf1 +-all",
        "v=spf1, -all",
        "v=spf1 redirect=a.vn redirect=b.vn",
        "v=spf1 redirect=",
        "v=spf1 mechanism",
        "v=spf1 \u00e9",
        "v=spf1 include:" + "a" * 600 + ".vn",
    ],
)
def test_what_the_grammar_forbids_is_a_permanent_error(record: str) -> None:
    """Unknown mechanisms, bad networks, bad macros and repeated modifiers make the whole record invalid."""
    with pytest.raises(spf.Permerror):
        spf.terms(record.replace("v=spf1,", "v=spf1 ,").encode(), "example.vn")


@pytest.mark.parametrize("text", [b"v=spf10 -all", b"v=spf1\t-all", b" v=spf1 -all", b"v=spf2.0/pra -all", b"spf1"])
def test_other_records_are_not_spf_records(text: bytes) -> None:
    """Only the exact version followed by a space or nothing makes a record."""
    assert not spf.is_record(text)


@given(st.binary(max_size=300))
def test_any_record_can_be_parsed(tail: bytes) -> None:
    """Any record can be parsed or is a permanent error."""
    with contextlib.suppress(spf.Permerror):
        spf.terms(b"v=spf1 " + tail, "example.vn")


@pytest.mark.parametrize(
    "word",
    ["a" * 500 + "!", "exists:" + "a." * 250 + "1", "exists:" + "%{d}" * 120 + "!", "a" + "/1" * 250, "a=" + "%" * 499],
)
def test_malicious_terms_are_rejected_quickly(word: str) -> None:
    """Terms designed for catastrophic backtracking are a permanent error."""
    with pytest.raises(spf.Permerror):
        spf.terms(f"v=spf1 {word}".encode(), "example.vn")
