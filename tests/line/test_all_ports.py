"""A sweep of all ports: refused where it does not fit, over several time windows, and after a kill."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inspector_services import probes
from inspector_services.observations import OpenPorts
from tests.line.harness import Line, RunResult, authorisation, document, network, system
from tests.line.test_sweeps import answering, arrived
from tests.line.test_time_windows import FAR, HOUR, clock, hours

__all__ = ["clock"]
#: So that a sweep of all ports takes seconds: the last port, and the ports of a block.
LAST, BLOCK = 4000, 400
ADDRESS = "192.0.2.1"
OPEN = (443, 3999)
#: The command line with these numbers.
_COMMAND = f"""
import sys
from inspector_services import probes
probes.LAST_PORT, probes.BLOCK_PORTS = {LAST}, {BLOCK}
from inspector.cli import main
sys.argv[0] = "inspector"
main()
"""


def declared(line: Line, address: str, **granted: object) -> list[object]:
    """The documents of a system of one host."""
    hosts = [{"name": address, "ports": [f"{port}/tcp" for port in OPEN]}]
    content = {
        "organisation": {"code": "T-1", "name": "Cơ quan thử nghiệm"},
        "systems": [system(f"host:{address}", level=1, hosts=hosts)],
    }
    given = authorisation(covers={"blocks": [address]}, **granted)
    return [
        document(line.folder / "declaration.yaml", content),
        "-a",
        document(line.folder / "authorisation.yaml", given),
        *("--only", "ports-only-declared", "--all-ports"),
    ]


def started(line: Line, wrap: list[str], output: Path, *arguments: object) -> subprocess.Popen[str]:
    command = [*wrap, sys.executable, "-c", _COMMAND, *map(str, arguments), *line.options(output)]
    return subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1, text=True, cwd=line.folder, env=dict(os.environ))


def seen(result: RunResult) -> OpenPorts:
    """The facts of the first sweep."""
    return OpenPorts.model_validate(result.scan("ports").facts)


def test_after_a_kill_no_port_is_asked_again_but_those_of_a_block(line: Line) -> None:
    """Counted where the packets arrive: what the first process was asking, and a port that shows that it answers."""
    output = line.new_output()
    orders = {"networks": ["192.0.2.0/26"], "hosts": {ADDRESS: {"open": OPEN}}}
    with network("true") as wrap, answering(orders, wrap) as hosts:
        with started(line, wrap, output, "run", *declared(line, ADDRESS)) as process:
            while len(before := arrived(hosts)[0].get(ADDRESS, [])) < 2500:
                assert process.poll() is None, process.communicate()
                time.sleep(0.05)
            process.kill()
        before = arrived(hosts)[0][ADDRESS]
        [folder] = output.glob("*/*/*/capture")
        with started(line, wrap, output, "run", "--resume", folder.parent) as process:
            out, err = process.communicate()
        after = arrived(hosts)[0][ADDRESS][len(before) :]
    result = RunResult(process.returncode, out, err, output)
    assert result.code in (0, 3), err
    first, again = {port for _, port in before}, {port for _, port in after}
    assert set(range(1, LAST + 1)) <= first | again
    assert len(first & again) <= BLOCK + len(OPEN)
    assert seen(result).open == OPEN
    assert seen(result).scanned >= LAST


def test_a_sweep_goes_on_in_the_next_window(
    line: Line, clock: Callable[[Callable[[], object]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the hours end the run is interrupted and says when to go on; then it finishes what is left."""
    monkeypatch.setattr(probes, "LAST_PORT", LAST)
    monkeypatch.setattr(probes, "BLOCK_PORTS", BLOCK)
    output, closes = line.new_output(), datetime.now(UTC) + HOUR
    over: list[Path] = []

    def some_are_kept() -> bool:
        over.extend(output.glob("*/*/*/unfinished/*/3"))
        return bool(over)

    clock(some_are_kept)
    windows = [hours(closes), hours(closes + 3 * HOUR)]
    documents = declared(line, "127.0.0.1", windows=windows, valid_until=FAR)
    interrupted = line.call("run", *documents, output=output)
    assert interrupted.code == 2
    assert "the authorised hours ended during the sweep of all ports of 127.0.0.1" in interrupted.err
    assert re.search(r"resume it from \d{4}-\d\d-\d\dT\d\d:\d\d\S* on", interrupted.err)
    [folder] = output.glob("*/*/*/capture")
    monkeypatch.undo()
    monkeypatch.setattr(probes, "LAST_PORT", LAST)
    monkeypatch.setattr(probes, "BLOCK_PORTS", BLOCK)
    result = line.call("run", "--resume", folder.parent, output=output)
    assert seen(result).scanned >= LAST
    assert not list(output.glob("*/*/*/unfinished"))
    sweeps = [each.questions for each in result.ledger if each.protocol == "sweep" and each.result == "open"]
    assert sum(sweeps) <= seen(result).scanned + 2 * BLOCK


def test_a_sweep_that_fits_no_windows_is_refused_with_the_arithmetic(line: Line) -> None:
    """One window is too short without the option to go on in others; all of a month are, at a very low rate."""
    rates = {"connections_per_second": 10, "burst": 10, "at_once": 5, "port_questions_per_second": 1}
    closes = datetime.now(UTC) + timedelta(minutes=10)
    window = [{"start": f"{closes - HOUR:%H:%M}", "end": f"{closes:%H:%M}", "timezone": "UTC"}]
    documents = declared(line, "127.0.0.1", rates=rates, windows=window, valid_until=FAR)
    refused = line.call("run", *documents)
    assert refused.code == 2
    assert re.search(r"196605 port questions at 1/s = \d+ s; \d+ s needed, \d+ s granted", refused.err)


def test_the_plan_says_over_which_windows_a_sweep_is_spread(line: Line) -> None:
    """Each with its hours, and how much of the sweep it takes; what fits one window needs no such line."""
    rates = {"connections_per_second": 10, "burst": 10, "at_once": 5, "port_questions_per_second": 20}
    windows = [hours(datetime.now(UTC) + HOUR / 2)]
    documents = declared(line, "127.0.0.1", rates=rates, windows=windows, valid_until=FAR)
    spread = line.call("plan", *documents)
    assert spread.code == 0, spread.err
    [count] = re.findall(r"portal: the sweep of all ports takes (\d+) windows", " ".join(spread.out.split()))
    at = r"\d{4}-\d\d-\d\d \d\d:\d\d"
    listed = re.findall(rf"^from {at} to {at}: (\d+) h (\d+) min of it", spread.out, re.MULTILINE)
    assert len(listed) == int(count) > 2
    assert all((hours, minutes) <= ("1", "0") for hours, minutes in listed)
    once = line.call("plan", *(each for each in documents if each != "--all-ports"))
    assert "the sweep of all ports" not in once.out
