"""A failure is confirmed by a second scan before it is reported."""

from collections.abc import Iterator

import pytest

from tests.line.harness import Line, RunResult, Servers, serving, system

GOOD = {"X-Content-Type-Options": "nosniff"}


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with serving(
        {"name": "stable", "mode": "page"},
        {"name": "flips", "mode": "flip", "later": GOOD},
        {"name": "bans", "mode": "ban"},
        {"name": "good", "mode": "page", "headers": GOOD},
    ) as servers:
        yield servers


@pytest.fixture(scope="module")
def result(line: Line, servers: Servers) -> RunResult:
    """One inspection of them all, of one requirement."""
    endpoints = [f"http://127.0.0.1:{port}/" for port in servers.ports.values()]
    return line.call("run", line.declare(system(*endpoints)), "--only", "content-type-nosniff", "--fail-on", "low")


def about(result: RunResult, servers: Servers, name: str) -> dict[str, object]:
    return result.finding("content-type-nosniff", f"http://127.0.0.1:{servers.ports[name]}/")


def test_a_failure_that_is_seen_twice_is_confirmed(result: RunResult, servers: Servers) -> None:
    """Both scans are kept, and the exit code says that something fails."""
    found = about(result, servers, "stable")
    assert (found["outcome"], found["confirmed"]) == ("fail", True)
    assert [relied["scan"] for relied in sorted(found["evidence"], key=lambda each: each["scan"])] == [1, 2]
    assert result.code == 1


def test_a_server_that_flips_is_unstable(result: RunResult, servers: Servers) -> None:
    """Two scans that contradict each other decide nothing, and both are kept."""
    found = about(result, servers, "flips")
    assert (found["outcome"], found["cause"], found["confirmed"]) == ("inconclusive", "unstable", None)
    assert sorted(relied["scan"] for relied in found["evidence"]) == [1, 2]


def test_a_server_that_bans_after_the_first_scan_still_fails(result: RunResult, servers: Servers) -> None:
    """A confirmation scan that sees nothing leaves the failure standing, unconfirmed."""
    found = about(result, servers, "bans")
    assert (found["outcome"], found["confirmed"]) == ("fail", False)
    assert result.scan("http", f"http://127.0.0.1:{servers.ports['bans']}/", scan=2).facts is None


def test_what_passes_is_scanned_once(result: RunResult, servers: Servers) -> None:
    """No confirmation scan where nothing failed: the server counts one connection."""
    assert about(result, servers, "good")["outcome"] == "pass"
    assert len(servers.received()["good"]) == 1
    assert len(servers.received()["stable"]) == 2
