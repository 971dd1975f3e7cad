"""A plugin that does everything wrong harms nobody: its own scans and checks are errors, and it is named in them."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inspector.registry.registry import installed
from tests.line.harness import Line, Servers, Told, free_port, say, serving, system

SOURCES = Path(__file__).with_name("rogue")
DECOY = "127.0.0.99"
#: What becomes of each scan: the outcome of the check that it ended, the cause, and words of the reason.
SCANS = {
    "raises": ("error", "bug", "inspector_rogue.probes raised KeyError: 'a mistake of mine'"),
    "hangs": ("inconclusive", "timeout", "the scan did not end in time"),
    "burns": ("error", "bug", "the scan blocked the event loop for longer than 1.5 s"),
    "sleeps": ("error", "bug", "the scan blocked the event loop for longer than 1.5 s"),
    "answers": ("error", "bug", "inspector_rogue.probes raised"),
    "misreads": ("inconclusive", "protocol-error", "this makes no sense"),
    "stutters": ("error", "bug", "inspector_rogue.probes raised ZeroDivisionError: a mistake in reading"),
}
CHECKS = {
    "rogue-check-raises": "LookupError: a mistake in judging",
    "rogue-check-burns": "check rogue-check-burns took longer than 1 s",
}


#: Ways past the gateway.
SMUGGLED = ("sockets", "swallows", "streams", "threads", "starts")


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
def told(line: Line, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """One inspection with all its scans beside an honest one, then judged again."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("inspector.collect.collector.BLOCKING_SECONDS", 1.5)
        monkeypatch.setattr("inspector.assess.assessor.CHECK_SECONDS", 1.0)
        with having(tmp_path_factory.mktemp("rogue"), "inspector_rogue", "inspector_smuggler"):
            port = servers.ports["page"]
            endpoints = [f"{name}://127.0.0.1:{port}" for name in (*SCANS, *SMUGGLED)]
            declaration = line.declare(system(f"http://127.0.0.1:{port}/", *endpoints))
            only = [word for each in ("rogue", "smuggler", "no-version-disclosed") for word in ("--only", each)]
            yield line.call("run", declaration, *only, "--lang", "en", "--fail-on", "low")


def test_inspection_ends_as_any_other(told: Told) -> None:
    """It is complete and sealed, and its exit code says that something was not seen."""
    assert told.code == 3
    assert told.bundle.sealed.predicate.reason == "complete"


def test_honest_scans_are_not_disturbed(told: Told) -> None:
    """The page beside is judged as ever."""
    assert told.verdict("no-version-disclosed") == ("pass", None)


@pytest.mark.parametrize("name", SCANS)
def test_look_that_goes_wrong(told: Told, name: str) -> None:
    """It is an error of the tool or inconclusive, never a verdict about the system; the reason names the plugin."""
    outcome, cause, words = SCANS[name]
    assert told.verdict(f"rogue-{name}") == (outcome, cause)
    scan = told.scan(name)
    assert scan.failure is not None
    assert words in scan.failure.detail
    assert scan.facts is None


@pytest.mark.parametrize("check", CHECKS)
def test_check_that_goes_wrong(told: Told, check: str) -> None:
    """A check that raises, does not end or asks the network is an error that names it."""
    assert told.verdict(check) == ("error", "bug")
    values = told.finding(check)["message"]["values"]
    assert values["check"] == check
    assert CHECKS[check] in values["detail"]


@pytest.mark.parametrize("name", SMUGGLED)
def test_look_past_the_gateway(told: Told, name: str) -> None:
    """It is stopped and on record, though the plugin swallows the refusal and says that all is fine."""
    assert told.verdict(f"smuggler-{name}") == ("error", "bug")
    scan = told.scan(name)
    assert scan.failure is not None
    assert scan.failure.detail.startswith("inspector_smuggler")
    assert "past the network gateway" in scan.failure.detail


def test_check_past_the_gateway(told: Told) -> None:
    """A check is a pure function: one that connects is an error, at the end of the inspection as at its beginning."""
    assert told.verdict("smuggler-check") == ("error", "bug")
    assert "tried to connect to" in told.finding("smuggler-check")["message"]["values"]["detail"]


def test_nothing_went_past_the_gateway(told: Told, servers: Servers) -> None:
    """The decoy counts no connection, the honest page one, and the ledger knows of that one alone."""
    heard = servers.heard()
    assert heard["decoy"] == []
    assert len(heard["page"]) == 1
    assert [entry.probe for entry in told.ledger] == ["http"]


def test_errors_are_told_as_ours(told: Told) -> None:
    """The report counts them as faults of the tool."""
    [path] = told.output.glob("*/*/*/assessments/*/findings.json")
    outcomes = [finding["outcome"] for finding in json.loads(path.read_bytes())]
    assert outcomes.count("error") == 5 + len(CHECKS) + len(SMUGGLED) + 1
    assert "tool error" in told.out
    assert b"KeyError" in told.reports()["report.en.html"]


def test_repeated_check_id_is_refused(tmp_path: Path) -> None:
    """Two plugins with one check id: misuse that names both and their distributions."""
    with having(tmp_path, "inspector_rogue_twice"):
        refused = say("list", "checks")
    assert refused.code == 2
    assert "plugin 'inspector_rogue_twice' (inspector_rogue_twice 3.0) contributes check 'hsts-set'" in refused.err
    assert "which plugin 'inspector_http' (level-inspector" in refused.err
    assert "rename one of them or uninstall one plugin" in refused.err
    assert say("list", "checks").code == 0
