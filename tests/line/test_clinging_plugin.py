"""In a run over many systems, what swallows its cancellation is ended and named, and the other systems are unharmed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from inspector.network.sandbox import pool
from inspector.seal import State
from tests.line.harness import Line, serving, system
from tests.line.test_many_systems import findings, run_of, signed, states
from tests.line.test_misbehaving_plugin import having
from tests.line.test_quitting_plugin import announce

ONLY = ("--only", "clinging", "--only", "no-version-disclosed", "--fail-on", "info", "--lang", "en")
#: Why each of them is no verdict.
REASONS = {
    "waits": ("error", "bug", "the scan went on for 1 s after its cancellation"),
    "reads": ("inconclusive", "timeout", "did not end within 2 s"),
}


def test_scans_and_parsers_that_swallow_their_cancellation_end_alone(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record names each; all systems are sealed and assessed, and the others as each of them alone."""
    monkeypatch.setattr("inspector.plugin.containment.GRACE_SECONDS", 1.0)
    monkeypatch.setattr("inspector.collect.parsing.WORKER_PARSE_SECONDS", 2.0)
    pool.kill_idle(0)  # they do not know where the plugin lies
    good = [f"good-{number}" for number in range(3)]
    servers = [
        {"name": each, "mode": "page", "headers": {"Server": "nginx/1.2.3"} if each == "good-1" else {}}
        for each in good
    ]
    with having(tmp_path, "inspector_clinging"), serving(*servers, {"name": "page", "mode": "page"}) as serving_all:
        ports = serving_all.ports
        clinging = [f"{name}://127.0.0.1:{ports['page']}" for name in REASONS]
        others = [system(f"http://127.0.0.1:{ports[each]}/", id=each) for each in good]
        bad = system(f"http://127.0.0.1:{ports['page']}/", *clinging, id="clinging")
        together = line.call("run", line.declare(others[0], bad, *others[1:]), *ONLY)
        alone = {each["id"]: line.call("run", line.declare(each, name="alone.yaml"), *ONLY) for each in others}
    assert together.code == 1  # good-1 fails
    assert states(together.output) == {each: [State.SEALED] for each in (*good, "clinging")}
    found = findings(together)
    for name, result in alone.items():
        assert found[name] == findings(result)[name]
    mine = {each["check"]: each for each in together.findings if each["system"] == "clinging"}
    assert mine["no-version-disclosed"]["outcome"] == "pass"
    for name, (outcome, cause, words) in REASONS.items():
        scan = together.scan(name)
        assert scan.failure is not None
        assert words in scan.failure.detail
        each = mine[f"clinging-{name}"]
        assert (each["outcome"], each["cause"]) == (outcome, cause)


_SOONER = """
import sys
from inspector.cli import main
from inspector.collect import collector
from inspector.plugin import time_limits
collector.BLOCKING_SECONDS, time_limits.VAIN_SECONDS = 1.0, 2.0
main()
"""


def test_a_scan_that_holds_the_event_loop_and_cannot_be_interrupted_ends_the_run_by_name(
    line: Line, tmp_path: Path
) -> None:
    """Nothing else could go on beside it: code 2 names it, and with a repaired plugin the run is continued."""
    environment = announce(tmp_path, "inspector_clinging")
    wrap = ("sh", "-c", f'shift 3; exec {sys.executable} -c "$SOONER" "$@"', "sh")
    with serving({"name": "one", "mode": "page"}, {"name": "two", "mode": "page"}) as servers:
        systems = [system(f"http://127.0.0.1:{port}/", id=name) for name, port in servers.ports.items()]
        systems[1]["endpoints"].append(f"burns://127.0.0.1:{servers.ports['two']}")
        output = line.new_output()
        declaration = line.declare(*systems, name="burning.yaml")
        result = line.spawn("run", declaration, *ONLY, output=output, wrap=wrap, env={**environment, "SOONER": _SOONER})
        assert result.code == 2
        assert f"burns burns://127.0.0.1:{servers.ports['two']} could not be interrupted" in result.err
        assert states(output)["two"] == [State.BEGUN]
        again = line.spawn(
            "run",
            "--resume",
            run_of(output),
            *("--fail-on", "info", "--lang", "en"),
            output=output,
            env={**environment, "REPAIRED": "1"},
        )
    assert again.code == 0
    assert states(output) == {"one": [State.SEALED], "two": [State.SEALED]}
    assert {each.system for each in signed(output)} == {"one", "two"}
