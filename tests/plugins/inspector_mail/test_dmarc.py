"""DMARC: records served by BIND, found by the tree walk of RFC 9989."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector import Cause
from inspector_mail import dmarc
from inspector_mail.observations import Dmarc, DmarcFault, Policy
from inspector_mail.probes import mail as probe
from tests.plugins.inspector_dns.scanning import scan, see, subject


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


def test_existence_is_queried_only_where_the_policy_depends_on_it(server: int) -> None:
    """Address records are queried where an inherited record has ``np``, and not for a record of its own."""

    def queried(name: str) -> set[str]:
        output = scan(probe, subject(probe, f"mail:{name}.mail.test"), server)
        return {raw.name.split()[1] for raw in output.raw if raw.name.startswith(f"{name}.mail.test ")}

    assert queried("nomail") == {"TXT", "MX"}
    assert queried("nobody.org") == {"TXT", "MX", "A", "AAAA"}


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


@given(st.text(max_size=300))
def test_any_record_can_be_parsed(tail: str) -> None:
    """Any text after the version can be parsed."""
    assert dmarc.parse("v=DMARC1;" + tail).psd in {"y", "n", "u"}
