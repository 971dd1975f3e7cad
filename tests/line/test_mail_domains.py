"""Mail domains with planted faults in a private internet: the whole line reports all of them, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.line.harness import PACE, Line, RunResult, authorisation, document, system
from tests.plugins.inspector_mail.internet import (
    CHECKS,
    DOMAINS,
    MAILBOXES,
    RESOLVER,
    MailInternet,
    PlantedDomain,
    mail_internet,
)


@pytest.fixture(scope="module")
def running() -> Iterator[MailInternet]:
    """The private internet."""
    with mail_internet() as running:
        yield running


@pytest.fixture(scope="module")
def inspected(running: MailInternet, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """One run over all domains, each of them a system."""
    line = Line(tmp_path_factory.mktemp("domains"))
    systems = [
        system(
            *domain.endpoints(),
            id=domain.name.replace(".", "-"),
            level=3,
            **({"dkim_selectors": {domain.name: domain.selectors}} if domain.selectors else {}),
        )
        for domain in DOMAINS
    ]
    declaration = document(
        line.folder / "declaration.yaml", {"organisation": {"code": "T-1", "name": "Cơ quan"}, "systems": systems}
    )
    granted = document(
        line.folder / "authorisation.yaml", authorisation(covers={"names": ["*.vn"], "blocks": ["11.0.0.0/8"]})
    )
    only = [word for check in CHECKS for word in ("--only", check)]
    settings = {"resolvers": [RESOLVER], "public_roots": str(running.roots)}
    return line.spawn("run", declaration, "-a", granted, *only, wrap=running.wrap, env=PACE, **settings)


@pytest.mark.parametrize("planted", DOMAINS, ids=lambda domain: domain.name)
def test_planted_faults_are_reported_and_no_others(inspected: RunResult, planted: PlantedDomain) -> None:
    """By domain: the checks that fail, and those that cannot be decided."""
    found = {
        each["check"]: (each["outcome"], each["cause"], each["measured"])
        for each in inspected.findings
        if each["subject"] == f"mail:{planted.name}"
    }
    assert set(found) == set(CHECKS)
    assert {check for check, each in found.items() if each[0] == "fail"} == planted.failing, found
    assert {check for check, each in found.items() if each[0] in ("inconclusive", "error")} == planted.unclear, found


# --- Where users read and submit mail ---------------------------------------------------------------------------------

SCHEMES = ("imap", "imaps", "pop3", "pop3s", "submission")
MAILBOX_CHECKS = ("no-login-in-clear", "starttls-offered", "certificate-in-date", "certificate-names-host")
#: By host and check, the schemes at which it fails.
FAILING = {
    ("clearbox", "no-login-in-clear"): {"imap", "pop3", "submission"},
    ("expiredbox", "certificate-in-date"): set(SCHEMES),
}


@pytest.fixture(scope="module")
def mailboxes(running: MailInternet, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """One run over Dovecot and Postfix, as users reach them."""
    line = Line(tmp_path_factory.mktemp("mailboxes"))
    systems = [system(*(f"{scheme}://{name}.host.vn" for scheme in SCHEMES), id=name) for name in MAILBOXES]
    declaration = document(
        line.folder / "declaration.yaml", {"organisation": {"code": "T-1", "name": "Cơ quan"}, "systems": systems}
    )
    granted = document(line.folder / "authorisation.yaml", authorisation(covers={"names": ["*.vn"]}))
    only = [word for check in MAILBOX_CHECKS for word in ("--only", check)]
    settings = {"resolvers": [RESOLVER], "public_roots": str(running.roots)}
    return line.spawn("run", declaration, "-a", granted, *only, wrap=running.wrap, env=PACE, **settings)


@pytest.mark.parametrize("check", MAILBOX_CHECKS)
@pytest.mark.parametrize("name", MAILBOXES)
def test_mailboxes_fail_at_the_planted_endpoints_and_no_others(mailboxes: RunResult, name: str, check: str) -> None:
    """A log-in before TLS is found in each protocol that begins without, a certificate in all of them."""
    found = {
        each["subject"].partition(":")[0]: each["outcome"]
        for each in mailboxes.findings
        if each["check"] == check and f"//{name}.host.vn" in each["subject"]
    }
    failing = FAILING.get((name, check), set())
    assert {scheme for scheme, outcome in found.items() if outcome == "fail"} == failing, found
    assert set(found.values()) <= {"fail", "pass", "not-applicable"}, found
    assert set(found) >= {"imap", "pop3", "submission"}
