"""A plugin that does everything wrong does no harm: its own scans and checks are errors, and it is named in them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inspector.registry.registry import installed
from tests.line.harness import Line, RunResult, Servers, free_port, run_cli, serving, system

SOURCES = Path(__file__).with_name("misbehaving")
DECOY = "127.0.0.99"
#: What becomes of each scan: the outcome of the check that it ended, the cause, and words of the reason.
SCANS = {
    "raises": ("error", "bug", "inspector_misbehaving.probes raised KeyError: 'a mistake of mine'"),
    "hangs": ("inconclusive", "timeout", "the scan did not end in time"),
    "burns": ("error", "bug", "the scan blocked the event loop for longer than 1.5 s"),
    "sleeps": ("error", "bug", "the scan blocked the event loop for longer than 1.5 s"),
    "answers": ("error", "bug", "inspector_misbehaving.probes raised"),
    "misreads": ("inconclusive", "protocol-error", "this makes no sense"),
    "stutters": ("error", "bug", "inspector_misbehaving.probes raised ZeroDivisionError: a mistake in reading"),
}
CHECKS = {
    "misbehaving-check-raises": "LookupError: a mistake in judging",
    "misbehaving-check-burns": "check misbehaving-check-burns took longer than 1 s",
}


#: Ways past the gateway.
BYPASSES = ("sockets", "swallows", "streams", "threads", "starts")


@contextmanager
def having(folder: Path, *packages: str) -> Iterator[None]:
    """Within the body, distributions with these plugins are installed."""
    for package in packages:
        metadata = folder / f"{package}-3.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 3.0\n")
        (metadata / "entry_points.txt").write_text(f"[inspector]\n{package} = {package}\n")
    sys.path[:0] = [str(folder), str(SOURCES)]
    installed.cache_clear()
    try:
        yield
    finally:
        del sys.path[:2]
        installed.cache_clear()


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    port = free_port()
    with serving(
        {"name": "page", "mode": "page", "port": port},
        {"name": "decoy", "mode": "page", "address": DECOY, "port": port},
    ) as servers:
        yield servers


@pytest.fixture(scope="module")
def result(line: Line, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunResult]:
    """One inspection with all its scans next to an honest one, then assessed again."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("inspector.collect.collector.BLOCKING_SECONDS", 1.5)
        monkeypatch.setattr("inspector.assess.assessor.CHECK_SECONDS", 1.0)
        with having(tmp_path_factory.mktemp("misbehaving"), "inspector_misbehaving", "inspector_bypass"):
            port = servers.ports["page"]
            endpoints = [f"{name}://127.0.0.1:{port}" for name in (*SCANS, *BYPASSES)]
            declaration = line.declare(system(f"http://127.0.0.1:{port}/", *endpoints))
            only = [word for each in ("misbehaving", "bypass", "no-version-disclosed") for word in ("--only", each)]
            yield line.call("run", declaration, *only, "--lang", "en", "--fail-on", "low")


def test_inspection_ends_as_any_other(result: RunResult) -> None:
    """It is complete and sealed, and its exit code says that something was not seen."""
    assert result.code == 3
    assert result.bundle.sealed.predicate.reason == "complete"


def test_honest_scans_are_not_disturbed(result: RunResult) -> None:
    """The other page is assessed as usual."""
    assert result.verdict("no-version-disclosed") == ("pass", None)


@pytest.mark.parametrize("name", SCANS)
def test_scan_that_goes_wrong(result: RunResult, name: str) -> None:
    """It is an error of the tool or inconclusive, never a verdict about the system; the reason names the plugin."""
    outcome, cause, words = SCANS[name]
    assert result.verdict(f"misbehaving-{name}") == (outcome, cause)
    scan = result.scan(name)
    assert scan.failure is not None
    assert words in scan.failure.detail
    assert scan.facts is None


@pytest.mark.parametrize("check", CHECKS)
def test_check_that_goes_wrong(result: RunResult, check: str) -> None:
    """A check that raises, does not end or asks the network is an error that names it."""
    assert result.verdict(check) == ("error", "bug")
    values = result.finding(check)["message"]["values"]
    assert values["check"] == check
    assert CHECKS[check] in values["detail"]


@pytest.mark.parametrize("name", BYPASSES)
def test_scan_past_the_gateway(result: RunResult, name: str) -> None:
    """It is stopped and on record, though the plugin swallows the refusal and says that all is fine."""
    assert result.verdict(f"bypass-{name}") == ("error", "bug")
    scan = result.scan(name)
    assert scan.failure is not None
    assert scan.failure.detail.startswith("inspector_bypass")
    assert "past the network gateway" in scan.failure.detail


def test_check_past_the_gateway(result: RunResult) -> None:
    """A check is a pure function: one that connects is an error, at the end of the inspection as at its beginning."""
    assert result.verdict("bypass-check") == ("error", "bug")
    assert "tried to connect to" in result.finding("bypass-check")["message"]["values"]["detail"]


def test_nothing_went_past_the_gateway(result: RunResult, servers: Servers) -> None:
    """The decoy counts no connection, the honest page one, and the ledger knows of that one alone."""
    received = servers.received()
    assert received["decoy"] == []
    assert len(received["page"]) == 1
    assert [entry.probe for entry in result.ledger] == ["http"]


def test_errors_are_reported_as_ours(result: RunResult) -> None:
    """The report counts them as faults of the tool."""
    outcomes = [finding["outcome"] for finding in result.findings]
    assert outcomes.count("error") == 5 + len(CHECKS) + len(BYPASSES) + 1
    assert "tool error" in result.out
    assert b"KeyError" in result.reports()["report.en.html"]


def test_repeated_check_id_is_refused(tmp_path: Path) -> None:
    """Two plugins with one check id: a usage error that names both and their distributions."""
    with having(tmp_path, "inspector_misbehaving_twice"):
        refused = run_cli("list", "checks")
    assert refused.code == 2
    assert (
        "plugin 'inspector_misbehaving_twice' (inspector_misbehaving_twice 3.0) contributes check 'hsts-set'"
        in refused.err
    )
    assert "which plugin 'inspector_http' (level-inspector" in refused.err
    assert "rename one of them or uninstall one plugin" in refused.err
    assert run_cli("list", "checks").code == 0
