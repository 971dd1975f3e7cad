"""The log of a whole inspection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.line.harness import Line, RunResult, Servers, serving, system

HOSTILE = "a\x1b[2J\u202e1\nforged"


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with serving({"name": "clear", "mode": "page"}) as servers:
        yield servers


@pytest.fixture(scope="module")
def result(line: Line, servers: Servers) -> RunResult:
    """One inspection under an authorisation with a hostile id, its settings asking for JSON lines."""
    document = line.declare(system(f"http://127.0.0.1:{servers.ports['clear']}/"), name="logged.yaml", id=HOSTILE)
    logging = {"level": "debug", "format": "json"}
    return line.call("run", document, "--only", "http", "--quiet", logging=logging)


@pytest.fixture(scope="module")
def lines(result: RunResult) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.err.splitlines()]


def test_every_step_is_logged_in_its_order(lines: list[dict[str, Any]]) -> None:
    """Prepare, resolve, plan, open, collect, confirm, seal, assess, report; each names the system."""
    steps = list(dict.fromkeys(line["message"] for line in lines))
    assert steps == [
        "preparing", "name resolved", "planned", "capture opened", "collecting", "scan started", "scan ended",
        "confirming", "capture sealed", "assessed", "reports written",
    ]  # fmt: skip
    assert {line["system"] for line in lines} == {"portal"}


def test_a_scan_is_logged_with_its_probe_and_address(result: RunResult, lines: list[dict[str, Any]]) -> None:
    """Each scan begins and ends; a confirmation scan is the second of its subject."""
    ended = [line for line in lines if line["message"] == "scan ended"]
    assert len(ended) == len(result.evidence) == len([line for line in lines if line["message"] == "scan started"])
    assert {(line["probe"], line["address"], line["scan"]) for line in ended} == {
        ("http", "127.0.0.1", 1),
        ("http", "127.0.0.1", 2),
        ("cross-origin", "127.0.0.1", 1),
    }
    assert {line["inspection"] for line in ended} == {result.bundle.inspection.id}


def test_what_a_document_says_is_escaped(result: RunResult, lines: list[dict[str, Any]]) -> None:
    """A hostile id forges no line and moves no cursor."""
    escaped = "a\\x1b[2J\\u202e1\\nforged"
    assert {line["authorisation"] for line in lines if line["message"] == "scan ended"} == {escaped}
    assert all(line.isprintable() for line in result.err.splitlines())


def test_no_line_is_written_by_default(line: Line, servers: Servers) -> None:
    """Text lines come with --log-level alone."""
    run = ("run", f"http://127.0.0.1:{servers.ports['clear']}/", "--level", 1, "--only", "http", "--quiet")
    assert line.call(*run).err == ""
    assert "INFO inspector.pipeline.capture: capture sealed run=" in line.call(*run, "--log-level", "info").err


def test_what_worker_processes_log_is_in_the_log_of_a_run_over_many_systems(line: Line) -> None:
    """Each system has every step, those of its worker too, with its own id; escaped and one line each, as all."""
    steps = ["collecting", "scan ended", "capture sealed", "assessed", "reports written"]
    with serving(*({"name": name, "mode": "page"} for name in ("one", "two"))) as servers:
        systems = [system(f"http://127.0.0.1:{port}/", id=name) for name, port in servers.ports.items()]
        declaration = line.declare(*systems, name="logged-systems.yaml", id=HOSTILE)
        logging = {"level": "info", "format": "json"}
        found = line.call("run", declaration, "--only", "no-version-disclosed", "--quiet", logging=logging)
        quiet = line.call("run", declaration, "--only", "no-version-disclosed", "--quiet")
    told = [json.loads(each) for each in found.err.splitlines()]
    for name in servers.ports:
        own = [each["message"] for each in told if each.get("system") == name]
        assert [each for each in own if each in steps] == steps
    assert all(each["system"] in servers.ports for each in told if each["message"] in steps)
    assert all(each.isprintable() for each in found.err.splitlines())
    assert quiet.err == ""
