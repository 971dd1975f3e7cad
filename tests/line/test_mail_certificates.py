"""The whole line on servers behind STARTTLS: certificates are assessed by what the clients of each protocol check."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.line.harness import Line, RunResult, system
from tests.plugins.inspector_tls.authority import Identity, intermediate, issue, root, rsa_key
from tests.plugins.inspector_tls.starttls.servers import serving, staged

#: One run, and where its servers are.
Servers = tuple[RunResult, dict[str, str]]
#: Checks on certificates that clients who insist care for.
MINDED = ("certificate-in-date", "certificate-names-host", "certificate-chains-to-public-root")


@pytest.fixture(scope="module")
def authority() -> Identity:
    """A root, which the inspecting side takes for a public one."""
    return root(key=rsa_key())


@pytest.fixture(scope="module")
def result(line: Line, authority: Identity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """One run over good and poor servers of three protocols, and where they are."""
    public = tmp_path_factory.mktemp("roots") / "public.pem"
    public.write_bytes(authority.pem)
    between = intermediate(authority, key=rsa_key())
    key = rsa_key()
    poor = issue("other.example.vn", key=key, dns=["other.example.vn"], days=(-30, -2))
    at: dict[str, str] = {}
    with ExitStack() as stack:
        stage = stack.enter_context(staged())
        for name, scheme in (
            ("good-mx", "smtp"),
            ("poor-mx", "smtp"),
            ("good-imap", "imap"),
            ("poor-imap", "imap"),
            ("good-base", "postgresql"),
            ("poor-base", "postgresql"),
        ):
            place = stage.place(name)
            good = issue("server", between, key=key, ip=[place.address])
            stack.enter_context(serving(place, scheme, poor if name.startswith("poor") else good))
            at[name] = f"{scheme}://{place.address}"
        declared = line.declare(system(*at.values()), name="certificates.yaml")
        only = [part for check in (*MINDED, "ticket-lifetime-limited") for part in ("--only", check)]
        yield line.call("run", declared, *only, public_roots=str(public)), at


@pytest.mark.parametrize("check", MINDED)
def test_good_servers_pass(check: str, result: Servers) -> None:
    """A certificate that names its host, in date and below a public root, passes behind every protocol."""
    said, at = result
    for name in ("good-mx", "good-imap", "good-base"):
        assert said.finding(check, at[name])["outcome"] == "pass", name


@pytest.mark.parametrize("check", MINDED)
def test_poor_servers_fail_where_clients_mind(check: str, result: Servers) -> None:
    """A self-signed, expired certificate of another name fails where users log in, and not between mail servers."""
    said, at = result
    assert said.finding(check, at["poor-imap"])["outcome"] == "fail"
    assert said.finding(check, at["poor-imap"])["confirmed"]
    assert said.finding(check, at["poor-mx"])["outcome"] == "not-applicable"
    own = "not-applicable" if check == "certificate-chains-to-public-root" else "fail"
    assert said.finding(check, at["poor-base"])["outcome"] == own


def test_tickets_are_assessed_behind_starttls(result: Servers) -> None:
    """Tickets of mail servers are good for an hour or two; PostgreSQL gives none."""
    said, at = result
    assert said.finding("ticket-lifetime-limited", at["good-mx"])["outcome"] == "pass"
    assert said.finding("ticket-lifetime-limited", at["good-imap"])["outcome"] == "pass"
    assert said.finding("ticket-lifetime-limited", at["good-base"])["outcome"] == "not-applicable"
