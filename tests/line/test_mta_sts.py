"""The whole line on mail domains with MTA-STS: BIND, Postfix and nginx at their own ports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from inspector import Cause
from tests.line.harness import Line, RunResult, system
from tests.plugins.inspector_dns.named import free_port
from tests.plugins.inspector_tls.authority import intermediate, issue, root, rsa_key
from tests.plugins.inspector_tls.mta_sts.servers import DOMAINS, Domain, named, policy_hosts, records
from tests.plugins.inspector_tls.starttls.servers import serving, staged

USABLE, VALID = "mta-sts-policy-usable", "mta-sts-mail-servers-valid"
INCLUDED = (
    "conforming",
    "expired",
    "testing",
    "withdrawn",
    "other-pattern",
    "with-tlsa",
    "without-record",
    "redirected",
    "expired-policy",
    "not-receiving",
)
#: The same server as ``conforming``, without its policy host or its mail server among the endpoints.
UNDECLARED = {"undeclared-policy": Domain(), "undeclared-server": Domain(mx="undeclared")}


@pytest.fixture(scope="module")
def result(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunResult]:
    """One run over all domains."""
    folder = tmp_path_factory.mktemp("mta-sts")
    authority = root(key=rsa_key())
    (folder / "public.pem").write_bytes(authority.pem)
    between = intermediate(authority, key=rsa_key())
    key = rsa_key()
    names = ["*.sts.test", *(f"mta-sts.{name}.sts.test" for name in (*INCLUDED, *UNDECLARED))]
    good = issue("sts.test", between, key=key, dns=names)
    expired = issue("sts.test", between, key=key, dns=names, days=(-30, -2))
    domains = {name: DOMAINS[name] for name in INCLUDED} | UNDECLARED
    resolver = free_port()
    with ExitStack() as stack:
        stage = stack.enter_context(staged())
        at = {name: stage.place(name) for name in ("good", "expired", "policy")}
        addresses = dict.fromkeys(("good", "undeclared"), at["good"].address)
        addresses |= dict.fromkeys(("expired", "with-tlsa"), at["expired"].address)
        stack.enter_context(serving(at["good"], "smtp", good))
        stack.enter_context(serving(at["expired"], "smtp", expired))
        stack.enter_context(policy_hosts(at["policy"], 443, domains, {"good": good, "expired": expired}))
        stack.enter_context(named(folder, records(domains, addresses, at["policy"].address), resolver))
        hosts = [name for name in domains if name != "undeclared-policy"]
        endpoints = [f"mail:{name}.sts.test" for name in domains]
        endpoints += [f"https://mta-sts.{name}.sts.test/" for name in hosts]
        endpoints += [f"smtp://{name}-mx.sts.test" for name in ("good", "expired", "with-tlsa")]
        declared = line.declare(system(*endpoints), covers={"names": ["*.sts.test"], "blocks": ["127.0.0.0/8"]})
        yield line.call(
            "run",
            declared,
            *("--only", USABLE, "--only", VALID),
            public_roots=str(folder / "public.pem"),
            resolvers=[f"127.0.0.1:{resolver}"],
        )


@pytest.mark.parametrize(
    ("domain", "outcome", "said"),
    [
        ("conforming", "pass", ["good-mx.sts.test"]),
        ("expired", "fail", "its certificate has expired"),
        ("other-pattern", "fail", "it matches no mx pattern of the policy"),
        ("testing", "not-applicable", "its certificate has expired"),
        ("withdrawn", "not-applicable", None),
        ("without-record", "not-applicable", None),
        ("redirected", "not-applicable", None),
        ("expired-policy", "not-applicable", None),
        ("not-receiving", "not-applicable", None),
    ],
)
def test_certificates_bind_where_the_policy_is_enforced(
    domain: str, outcome: str, said: object, result: RunResult
) -> None:
    """A mail server must conform where senders can use a policy in mode enforce, and nowhere else."""
    found = result.finding(VALID, f"mail:{domain}.sts.test")
    assert (found["outcome"], found["measured"]) == (outcome, said), found
    assert found["confirmed"] is (True if outcome == "fail" else None)


def test_tlsa_records_prevent_a_failure(result: RunResult) -> None:
    """A certificate that MTA-STS refuses may be valid by DANE."""
    assert result.verdict(VALID, "mail:with-tlsa.sts.test") == ("inconclusive", "ambiguous")


@pytest.mark.parametrize(
    ("domain", "outcome", "said"),
    [
        ("conforming", "pass", ["enforce"]),
        ("withdrawn", "pass", ["none"]),
        ("without-record", "not-applicable", None),
        ("redirected", "fail", "the HTTP status is not 200"),
        ("expired-policy", "fail", "its certificate has expired"),
    ],
)
def test_policies_are_usable_as_senders_fetch_them(domain: str, outcome: str, said: object, result: RunResult) -> None:
    """Senders follow no redirect, and use no policy of a host whose certificate is invalid."""
    found = result.finding(USABLE, f"mail:{domain}.sts.test")
    assert (found["outcome"], found["measured"]) == (outcome, said), found


def test_hosts_that_are_not_declared_are_out_of_scope(result: RunResult) -> None:
    """A policy host or mail server outside the declaration gets no packet; the verdict names it."""
    for check in (USABLE, VALID):
        found = result.finding(check, "mail:undeclared-policy.sts.test")
        assert (found["outcome"], found["cause"]) == ("inconclusive", "out-of-scope")
        assert found["measured"] == "mta-sts.undeclared-policy.sts.test"
    found = result.finding(VALID, "mail:undeclared-server.sts.test")
    assert (found["outcome"], found["cause"]) == ("inconclusive", "out-of-scope")
    assert found["measured"] == "undeclared-mx.sts.test"
    (policy_host,) = [each for each in result.evidence if each.subject.uri.startswith("mta-sts://mta-sts.undeclared-p")]
    server = result.scan("mail-server", "mx://undeclared-mx.sts.test/undeclared-server.sts.test")
    for refused in (policy_host, server):
        assert refused.failure is not None
        assert refused.failure.cause is Cause.OUT_OF_SCOPE
    asked = {entry.subject for entry in result.ledger}
    assert not asked & {policy_host.subject.uri, server.subject.uri}
