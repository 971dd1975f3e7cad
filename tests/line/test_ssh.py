"""An SSH server through the whole inspection: what it offers decides, and another protocol decides nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.line.harness import Line, RunResult, system
from tests.plugins.inspector_ssh.servers import MODERN, OLD, OLD_KEYS, openssh, scripted

FAILING_CHECKS = (
    "ssh-key-exchange-strong",
    "ssh-ciphers-strong",
    "ssh-macs-strong",
    "ssh-host-key-algorithms-strong",
    "ssh-host-key-strong",
    "ssh-dh-strong",
    "ssh-no-cbc",
)


@pytest.fixture(scope="module")
def results(line: Line) -> dict[str, RunResult]:
    """One run for each of three servers."""
    with openssh(MODERN, {"ed25519": 256}) as modern, openssh(OLD, OLD_KEYS) as old, scripted("smtp") as mail:
        ports = {"modern": modern, "old": old, "mail": mail}
        return {
            name: line.spawn("run", _declared(line, name, port), "--fail-on", "medium") for name, port in ports.items()
        }


def _declared(line: Line, name: str, port: int, intrusiveness: str = "polite") -> Path:
    return line.declare(system(f"ssh://127.0.0.1:{port}", level=3), name=f"{name}.yaml", intrusiveness=intrusiveness)


def test_a_modern_server_passes(results: dict[str, RunResult]) -> None:
    """What it offers is strong, and groups are not applicable."""
    verdicts = {check: results["modern"].verdict(check)[0] for check in FAILING_CHECKS}
    assert verdicts.pop("ssh-dh-strong") == "not-applicable"
    assert set(verdicts.values()) == {"pass"}


def test_an_old_server_fails(results: dict[str, RunResult]) -> None:
    """Each weakness that it offers fails, confirmed by a second scan."""
    assert [results["old"].verdict(check)[0] for check in FAILING_CHECKS] == ["fail"] * len(FAILING_CHECKS)
    assert results["old"].code == 1


def test_another_protocol_is_inconclusive(results: dict[str, RunResult]) -> None:
    """A mail server at the port proves nothing about SSH."""
    for check in (*FAILING_CHECKS, "ssh-protocol-2-only"):
        assert results["mail"].verdict(check) == ("inconclusive", "protocol-error")


def test_a_host_key_of_two_owners_is_in_the_overview(line: Line) -> None:
    """One server with an address in each of two systems: the overview of the run names its key with both."""
    with openssh(MODERN, {"ed25519": 256}) as port:
        endpoint = f"ssh://127.0.0.1:{port}"
        two = (system(endpoint), system(endpoint, id="archive", owner="Chủ quản khác"))
        result = line.spawn("run", line.declare(*two, name="two.yaml"), "--only", "ssh")
    [overview] = result.output.glob("*/overview.json")
    [shared] = json.loads(overview.read_text("utf-8"))["shared"]
    assert shared["systems"] == ["archive", "portal"]
    assert shared["fact"].startswith("SHA256:")


LOGIN_CHECKS = ("ssh-password-not-offered", "ssh-login-needs-credentials")


def test_login_is_not_asked_for_without_authorisation(line: Line, results: dict[str, RunResult]) -> None:
    """Without the grant for intrusive questions the rows are not judged, or inconclusive where they are asked for."""
    assert not set(LOGIN_CHECKS) & {each["check"] for each in results["modern"].findings}
    with openssh(MODERN, {"ed25519": 256}) as port:
        named = [word for each in ("ssh", *LOGIN_CHECKS) for word in ("--only", each)]
        result = line.spawn("run", _declared(line, "polite", port), *named)
    assert [result.verdict(check) for check in LOGIN_CHECKS] == [("inconclusive", "not-authorised")] * 2
    assert {entry.probe for entry in result.ledger} == {"ssh"}


def test_login_is_asked_for_where_it_is_authorised(line: Line) -> None:
    """OpenSSH's default offers passwords, and lets nobody in without one; a failing check is confirmed."""
    with openssh(keys={"ed25519": 256}) as port:
        result = line.spawn(
            *("run", _declared(line, "login", port, "intrusive"), "--only", "ssh", "--fail-on", "critical")
        )
    assert [result.verdict(check)[0] for check in LOGIN_CHECKS] == ["fail", "pass"]
    assert [entry.probe for entry in result.ledger].count("ssh-login") == 2
