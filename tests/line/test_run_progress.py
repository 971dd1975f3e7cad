"""A run over many systems tells how far it is: done and asked for, in progress, waiting for the rate, time left."""

from __future__ import annotations

import re

import pytest

from inspector.cli.language import use
from inspector.cli.run_progress import duration, status_line
from inspector.fleet.fleet import FleetStatus, _Estimate
from inspector.model.language import Language
from tests.line.harness import Line, serving, system


def test_the_state_is_told_on_one_line() -> None:
    """What is nothing is left out; a run that is done has no time left."""
    use(Language.EN)
    running = FleetStatus(asked=500, done=120, failed=3, in_flight=60, waiting=41, seconds_left=240.0)
    assert status_line(running) == (
        "120 of 500 systems done; not inspected: 3; in progress: 60; connections that wait for the rate: 41; "
        "about 4 min left"
    )
    assert status_line(FleetStatus(asked=2, done=2, seconds_left=0.0)) == "2 of 2 systems done"
    assert [duration(each) for each in (0.2, 89, 91, 5399, 5401)] == ["1 s", "89 s", "2 min", "90 min", "1.5 h"]


def test_the_time_left_follows_from_plans_and_from_what_became_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Systems that took half of what was planned: those that run, and those to begin, take half, so many at once."""
    now = 0.0
    monkeypatch.setattr("inspector.fleet.fleet.time.monotonic", lambda: now)
    estimate = _Estimate()
    estimate.begin("a", 100.0)
    estimate.begin("b", 200.0)
    assert estimate.seconds_left(8, 2) is None  # plans tell what a system takes at most
    now = 50.0
    estimate.end("a")
    # b takes 100 s, of which 50 are over; each of the eight others takes 75 s, and there are two places.
    assert estimate.seconds_left(8, 2) == (50.0 + 8 * 75.0) / 2
    assert estimate.seconds_left(0, 2) == 50.0


def test_a_run_tells_its_state_while_it_goes_on(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first system to the last; connections wait where the rate is low, and nothing is told with --quiet."""
    monkeypatch.setattr("inspector.fleet.fleet._STATUS_SECONDS", 0.05)
    monkeypatch.setattr("inspector.cli.run_progress._LINE_SECONDS", 0.0)
    rates = {"connections_per_second": 2, "burst": 2, "at_once": 1}
    with serving(*({"name": f"s-{number}", "mode": "page"} for number in range(4))) as servers:
        systems = [system(f"http://127.0.0.1:{port}/", id=name) for name, port in servers.ports.items()]
        declaration = line.declare(*systems, rates=rates)
        only = ("--only", "http", "--lang", "en")
        told = line.call("run", declaration, *only).err.splitlines()
        quiet = line.call("run", declaration, *only, "--quiet").err
    counts = [int(found[1]) for each in told if (found := re.match(r"(\d) of 4 systems done", each))]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, 4)
    flying = [int(found[1]) for each in told if (found := re.search(r"in progress: (\d+)", each))]
    assert 1 <= max(flying) <= 4
    assert any("connections that wait for the rate: " in each for each in told)
    assert any(re.search(r"about \d+ s left", each) for each in told)
    assert "systems done" not in quiet
