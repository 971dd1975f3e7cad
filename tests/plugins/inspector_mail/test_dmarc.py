"""DMARC: records served by BIND, found by the tree walk of RFC 9989."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector import Answer, Cause, DnsReplies, NotSeen, Raw, ScanOutput, raw_dns_message
from inspector_mail import dmarc
from inspector_mail.observations import Dmarc, DmarcFault, Policy, ReportFault
from inspector_mail.probes import mail as probe
from tests.plugins.inspector_dns.scanning import scan, see, subject

T = TypeVar("T")


@pytest.mark.parametrize(
    ("name", "at", "policy", "testing"),
    [
        ("good", "good", Policy.REJECT, False),
        ("nomail", "nomail", Policy.REJECT, False),
        ("watched", "watched", Policy.NONE, False),
        ("testing", "testing", Policy.REJECT, True),
        ("halftest", "halftest", Policy.QUARANTINE, True),
        ("tabbed", "tabbed", Policy.REJECT, False),
        ("nopolicy", "nopolicy", Policy.NONE, False),
        ("reports", "reports", Policy.NONE, False),
        ("org", "org", Policy.REJECT, False),
        ("a.org", "org", Policy.QUARANTINE, False),
        ("notes.org", "org", Policy.QUARANTINE, False),
        ("nobody.org", "org", Policy.NONE, False),
        ("suffix", "suffix", Policy.NONE, False),
        ("x.y.suffix", "suffix", Policy.REJECT, False),
        ("x.own.suffix", "own.suffix", Policy.QUARANTINE, False),
        ("deep.stop", "stop", Policy.REJECT, False),
        ("a.b.c.d.e.f.g.h.stop", "stop", Policy.REJECT, False),
    ],
)
def test_the_policy_that_applies_is_found(server: int, name: str, at: str, policy: Policy, testing: bool) -> None:
    """Own, organisational and public-suffix records apply as RFC 9989 says, to domains that exist or not."""
    found = see(probe, f"mail:{name}.mail.test", server).dmarc.value
    assert (found.fault, found.at, found.policy, found.testing) == (None, f"{at}.mail.test", policy, testing)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("bare", DmarcFault.MISSING),
        ("cased", DmarcFault.VERSION),
        ("late", DmarcFault.VERSION),
        ("other", DmarcFault.MISSING),
        ("double", DmarcFault.SEVERAL),
        ("malformed", DmarcFault.INVALID),
        ("noreports", DmarcFault.INVALID),
    ],
)
def test_without_a_valid_record_no_policy_applies(server: int, name: str, fault: DmarcFault) -> None:
    """Missing, repeated, invalid and ignored records are distinguished."""
    found = see(probe, f"mail:{name}.mail.test", server).dmarc.value
    assert (found.fault, found.policy) == (fault, None)


@pytest.mark.parametrize(
    ("policy", "applied"),
    [(Policy.REJECT, Policy.QUARANTINE), (Policy.QUARANTINE, Policy.NONE), (Policy.NONE, Policy.NONE), (None, None)],
)
def test_in_test_mode_the_next_weaker_policy_applies(policy: Policy | None, applied: Policy | None) -> None:
    """With t=y receivers apply reject as quarantine and quarantine as none (RFC 9989 §4.7)."""
    assert Dmarc(policy=policy, testing=True).applied is applied
    assert Dmarc(policy=policy).applied is policy


@pytest.mark.parametrize(
    ("tags", "policy"),
    [
        ("p=reject; t=y; t=n", None),
        ("p=reject; t=y; t=n; rua=mailto:a@example.vn", Policy.NONE),
        ("p=reject; rua=mailto:a@example.vn; rua=mailto:b@example.vn", None),
        ("p=reject; adkim=r; ADKIM=s", None),
        ("p=reject; v=DMARC1", None),
        ("p=reject; x=1; x=2", Policy.REJECT),
    ],
)
def test_a_record_with_a_tag_twice_is_invalid(tags: str, policy: Policy | None) -> None:
    """As checkdmarc and RFC 6376 §3.2 have it; tags that nobody knows are ignored."""
    assert dmarc.parse(f"v=DMARC1; {tags}").policy is policy


def test_a_tree_walk_without_a_response_leaves_the_policy_unseen(server: int) -> None:
    """A server failure above the domain may hide the record that applies."""
    facts = see(probe, "mail:a.servfail.test", server)
    assert facts.dmarc.unseen is Cause.PROTOCOL_ERROR
    assert facts.spf.unseen is Cause.PROTOCOL_ERROR


def test_the_tree_walk_has_eight_queries_at_most(server: int) -> None:
    """A long name is shortened to seven labels after the first query (RFC 9989 §4.10)."""
    output = scan(probe, subject(probe, f"mail:{'a.' * 30}mail.test"), server)
    assert sum(raw.name.startswith("_dmarc.") for raw in output.raw) == 8
    assert dmarc.targets("a.b.c") == ("a.b.c", "b.c", "c")
    assert [name.count(".") + 1 for name in dmarc.targets("1.2.3.4.5.6.7.8.9")] == [9, 7, 6, 5, 4, 3, 2, 1]
    assert [name.count(".") + 1 for name in dmarc.targets("1.2.3.4.5.6.7.8")] == [8, 7, 6, 5, 4, 3, 2, 1]


def test_existence_needs_no_query_of_its_own(server: int) -> None:
    """Where an inherited record has ``np``, the reply to the query for SPF shows whether the domain exists."""

    def queried(name: str) -> set[str]:
        output = scan(probe, subject(probe, f"mail:{name}.mail.test"), server)
        return {raw.name.split()[1] for raw in output.raw if raw.name.startswith(f"{name}.mail.test ")}

    assert queried("nomail") == {"TXT", "MX"}
    assert queried("nobody.org") == {"TXT", "MX"}


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("v=DMARC1;p=reject", Policy.REJECT),
        ("V = DMARC1 ; p = Quarantine ;", Policy.QUARANTINE),
        ("v=DMARC1;p=reject\t", Policy.REJECT),
        ("v=DMARC1\t; \tp\t=\treject \t;", Policy.REJECT),
        ("v=DMARC1; rua=mailto:a@b.vn; p=reject; unknown=1; pct=x", Policy.REJECT),
        ("v=DMARC1; p=reject; p=none", None),
        ("v=DMARC1; p=reject; p=none; rua=mailto:a@b.vn", Policy.NONE),
        ("v=DMARC1; p=; rua=nobody", None),
        ("v=DMARC1; p=reject; np=never", None),
        ("v=DMARC1; p=reject; aspf=x; adkim=; fo", Policy.REJECT),
    ],
)
def test_invalid_tags_have_their_defaults(text: str, policy: Policy | None) -> None:
    """Invalid tags are ignored; an invalid policy leaves none, or the policy none."""
    assert dmarc.is_record(text)
    assert dmarc.parse(text).policy is policy


@pytest.mark.parametrize(
    "text", ["v=DMARC1.0; p=none", "v=dmarc1; p=none", " v=DMARC1", "p=none; v=DMARC1", "v=DMARC12"]
)
def test_other_records_are_not_dmarc_records(text: str) -> None:
    """A DMARC record begins with the exact version tag."""
    assert not dmarc.is_record(text)


#: Records by domain, as in the examples of RFC 9989 Appendix B, in names of our own.
_EXAMPLES = {
    "example.vn": "v=DMARC1; p=reject; np=none; sp=quarantine",
    "giant.example": "v=DMARC1; p=none",
    "mail.deep.giant.example": "v=DMARC1; p=reject; psd=n",
    "bank.example": "v=DMARC1; p=quarantine; psd=y",
    "a.bank.example": "v=DMARC1; p=reject",
    "cousin.bank.example": "v=DMARC1; p=reject; psd=n",
}


def _walked(question: Callable[[DnsReplies], T]) -> T:
    """The answer in a DNS with these records alone."""
    raw: list[Raw] = []
    while True:
        replies = DnsReplies(ScanOutput(raw=tuple(raw)))
        try:
            return question(replies)
        except NotSeen:
            assert replies.pending
        for asked in replies.pending:
            query = dns.message.make_query(asked.name, asked.rdtype)
            reply = dns.message.make_response(query, recursion_available=True)
            text = _EXAMPLES.get(asked.name.removeprefix("_dmarc."))
            if text is not None and asked.rdtype == "TXT":
                reply.answer.append(dns.rrset.from_text(asked.name + ".", 60, "IN", "TXT", f'"{text}"'))
            raw.append(raw_dns_message(str(asked), reply))


@pytest.mark.parametrize(
    ("domain", "organisational"),
    [
        ("example.vn", "example.vn"),
        ("a.b.example.vn", "example.vn"),
        ("no.record.test", "no.record.test"),
        # A record with psd=n ends the walk, and its domain is the organisational one.
        ("x.mail.deep.giant.example", "mail.deep.giant.example"),
        ("mail.deep.giant.example", "mail.deep.giant.example"),
        # Otherwise the one with the fewest labels.
        ("deep.giant.example", "giant.example"),
        ("a.b.c.d.e.f.g.h.i.giant.example", "giant.example"),
        # Below a public suffix: one label below it, with a record of its own or without.
        ("x.y.bank.example", "y.bank.example"),
        ("x.a.bank.example", "a.bank.example"),
        ("x.cousin.bank.example", "cousin.bank.example"),
        # The suffix where the walk starts.
        ("bank.example", "bank.example"),
    ],
)
def test_the_organisational_domain_is_found(domain: str, organisational: str) -> None:
    """By psd=n, by psd=y above, or by the fewest labels (RFC 9989 §4.10.2)."""
    assert _walked(lambda replies: dmarc.organisational_domain(replies, domain)) == organisational


@pytest.mark.parametrize(
    ("author", "authenticated", "strict", "relaxed"),
    [
        ("example.vn", "example.vn", True, True),
        ("example.vn", "mail.example.vn", False, True),
        ("news.example.vn", "mail.example.vn", False, True),
        ("example.vn", "other.test", False, False),
        ("deep.giant.example", "x.mail.deep.giant.example", False, False),
        ("x.bank.example", "y.bank.example", False, False),
        ("x.a.bank.example", "a.bank.example", False, True),
        # Two domains without records are organisations of their own.
        ("a.test", "b.a.test", False, False),
    ],
)
def test_identifiers_align(author: str, authenticated: str, strict: bool, relaxed: bool) -> None:
    """Strictly where they are equal, relaxed where their organisational domains are (RFC 9989 §4.4)."""
    assert _walked(lambda replies: dmarc.aligned(replies, author, authenticated, strict=True)) is strict
    assert _walked(lambda replies: dmarc.aligned(replies, author, authenticated)) is relaxed


@pytest.mark.parametrize(
    ("domain", "exists", "at", "policy"),
    [
        ("example.vn", True, "example.vn", Policy.REJECT),
        ("sub.example.vn", True, "example.vn", Policy.QUARANTINE),
        ("sub.example.vn", False, "example.vn", Policy.NONE),
        ("x.mail.deep.giant.example", True, "mail.deep.giant.example", Policy.REJECT),
        ("a.b.c.d.e.f.g.h.i.giant.example", True, "giant.example", Policy.NONE),
        # The organisation has no record: the public suffix's applies.
        ("x.y.bank.example", True, "bank.example", Policy.QUARANTINE),
        ("x.a.bank.example", True, "a.bank.example", Policy.REJECT),
        ("no.record.test", True, None, None),
    ],
)
def test_the_policy_of_the_examples(domain: str, exists: bool, at: str | None, policy: Policy | None) -> None:
    """The record of the domain, of its organisation or of its public suffix applies (RFC 9989 §4.10.1)."""
    found = _walked(lambda replies: dmarc.discover(replies, domain, exists=exists))
    assert (found.at, found.policy) == (at, policy)


@pytest.mark.parametrize(
    ("text", "ignored", "obsolete", "strict"),
    [
        ("v=DMARC1; p=reject; adkim=s; aspf=r; fo=0:1:d:s; psd=u; t=n", (), (), ("dkim",)),
        ("v=DMARC1; p=reject; pct=100; rf=afrf; ri=86400", (), ("pct", "rf", "ri"), ()),
        ("v=DMARC1;p=reject;;", (), (), ()),
        ("v=DMARC1; p=reject; fo=2; t=yes; x", ("fo=2", "t=yes", "x"), (), ()),
        ("v=DMARC1; p=REJECT; ASPF = S", (), (), ("spf",)),
        ("v=DMARC1; p=reject; P=reject; rua=mailto:a@e.vn", ("p=reject", "P=reject"), (), ()),
    ],
)
def test_ignored_and_obsolete_tags(
    text: str, ignored: tuple[str, ...], obsolete: tuple[str, ...], strict: tuple[str, ...]
) -> None:
    """What receivers ignore is kept apart from the tags that RFC 9989 removed."""
    record = dmarc.parse(text)
    assert (record.ignored, record.obsolete, record.strict) == (ignored, obsolete, strict)


@pytest.mark.parametrize(
    ("uri", "fault"),
    [
        ("mailto:a@example.vn", None),
        ("MAILTO:a@sub.example.vn!50m", None),
        ("mailto:a+b%21@example.vn?subject=x", None),
        ("mailto:a@other.test", ReportFault.UNAUTHORISED),
        ("a@example.vn", ReportFault.SYNTAX),
        ("mailto:", ReportFault.SYNTAX),
        ("mailto:example.vn", ReportFault.ADDRESS),
        ("mailto:a@vn", ReportFault.ADDRESS),
        ("mailto:a@b@example.vn", ReportFault.ADDRESS),
        ("https://example.vn/x", ReportFault.SCHEME),
    ],
)
def test_addresses_of_reports(uri: str, fault: ReportFault | None) -> None:
    """Only a mailbox of the same organisation, or of one that agrees, gets reports (RFC 9990 §4)."""
    record = f"v=DMARC1; p=none; rua={uri}"

    def asked(replies: DnsReplies) -> object:
        found = dmarc._found(replies, dmarc.parse(record), "example.vn", Policy.NONE).reports[0].fault
        return found.value

    assert _walked(asked) is fault


@given(st.text(alphabet="ab@%!:,;=mailto.? \t", max_size=120))
def test_any_address_of_reports_can_be_judged(uri: str) -> None:
    """Whatever stands in rua is an address or has a fault, without much work."""
    record = dmarc.parse(f"v=DMARC1; p=none; rua={uri}")
    assert len(record.reports) <= dmarc.MAX_REPORT_ADDRESSES
    for _, found in record.reports:
        assert _walked(lambda replies, found=found: dmarc._report_fault(replies, "example.vn", found)) in (
            None,
            *ReportFault,
        )


@given(st.text(max_size=300))
def test_any_record_can_be_parsed(tail: str) -> None:
    """Any text after the version can be parsed."""
    assert dmarc.parse("v=DMARC1;" + tail).psd in {"y", "n", "u"}


def test_addresses_of_reports_beyond_the_limit_are_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record with many addresses is not judged by the first ones alone; what is stored is bounded."""
    uris = ",".join(f"mailto:{letter}@many.vn" for letter in "abcdefghijkl")
    monkeypatch.setitem(_EXAMPLES, "many.vn", f"v=DMARC1; p=reject; rua={uris}")
    faults = [each.fault for each in _walked(lambda replies: dmarc.discover(replies, "many.vn", exists=True)).reports]
    assert faults == [Answer(seen=None)] * 10 + [Answer(unseen=Cause.ABORTED)]
