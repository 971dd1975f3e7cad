"""Many systems in one run: each finds what it finds alone, none harms another, and nothing of a run is lost."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import zstandard

from inspector.declare.authorisation import Rates
from inspector.fleet.requests import RunRequests
from inspector.network.pacing.address_state import clock
from inspector.network.pacing.state_files import StateFiles, default_folder
from inspector.seal import Attempt, RunIndex, State
from tests.bundles import names
from tests.line.harness import FAST, Line, RunResult, Servers, run_cli, serving, system, wait_until
from tests.line.test_misbehaving_plugin import having

ONLY = ("--only", "no-version-disclosed", "--fail-on", "info", "--lang", "en")
FIELDS = ("id", "subject", "address", "outcome", "cause", "measured", "confirmed", "message")


def systems_at(servers: Servers, *names: str) -> list[dict[str, Any]]:
    """One system for each server, with its name."""
    return [system(f"http://127.0.0.1:{servers.ports[name]}/", id=name) for name in names]


def run_of(output: Path) -> Path:
    [index] = output.glob("*/index.jsonl")
    return index.parent


def states(output: Path) -> dict[str, list[State]]:
    """The states in the index of the one run, by system."""
    found: dict[str, list[State]] = {}
    run = run_of(output)
    for attempt in RunIndex(run.parent, run.name).attempts():
        found.setdefault(attempt.system, []).append(attempt.state)
    return found


def signed(output: Path) -> tuple[Attempt, ...]:
    """The states that are signed, all of them."""
    run = run_of(output)
    index = RunIndex(run.parent, run.name)
    sealed, attempts = index.signed()
    assert sealed.predicate.lines == len(index.path.read_text().splitlines())
    return attempts


def findings(result: RunResult) -> dict[str, Counter[str]]:
    """What was found, by system."""
    found: dict[str, Counter[str]] = {}
    for each in result.findings:
        found.setdefault(each["system"], Counter())[str([each.get(name) for name in FIELDS])] += 1
    return found


def test_findings_are_those_of_each_system_alone(line: Line, certificate: dict[str, str]) -> None:
    """Good and bad servers, and one that answers nothing: outcomes, causes and measured values are equal."""
    with serving(
        {"name": "good", "mode": "page", **certificate},
        {"name": "leaky", "mode": "page", "headers": {"Server": "nginx/1.2.3"}, **certificate},
        {"name": "silent", "mode": "silent"},
        {"name": "plain", "mode": "page", "headers": {"X-Powered-By": "PHP/5.6"}},
    ) as servers:
        urls = {
            name: f"{'https' if name in ('good', 'leaky') else 'http'}://127.0.0.1:{port}/"
            for name, port in servers.ports.items()
        }
        declaration = line.declare(*(system(url, id=name, level=3) for name, url in urls.items()))
        only = ("--only", "http", "--only", "tls", "--lang", "en")
        together = line.call("run", declaration, *only)
        alone = {name: line.call("run", declaration, "--system", name, *only) for name in urls}
    assert len(together.bundles) == len(urls)
    assert findings(together) == {name: found for result in alone.values() for name, found in findings(result).items()}
    assert sum(sum(each.values()) for each in findings(together).values()) > 40
    assert together.code == 1
    assert states(together.output) == {name: [State.SEALED] for name in urls}
    assert len(signed(together.output)) >= 3 * len(urls)


def test_the_overview_is_the_one_that_the_bundles_give(line: Line) -> None:
    """Written from what each process kept, it has the bytes that reading every bundle gives."""
    with serving(
        {"name": "leaky", "mode": "page", "headers": {"Server": "nginx/1.2.3"}},
        {"name": "plain", "mode": "page", "headers": {"X-Powered-By": "PHP/5.6"}},
    ) as servers:
        unknown = system("http://nowhere.invalid/", id="unknown")
        declaration = line.declare(*systems_at(servers, "leaky", "plain"), unknown)
        result = line.call("run", declaration, "--only", "http", "--lang", "en")
    run = run_of(result.output)
    written = {each.name: each.read_bytes() for each in run.glob("overview.*")}
    assert b"leaky" in written["overview.json"]
    again = line.folder / "overview-again"
    assert run_cli("report", run, "--to", again, "--format", "html,json").code == 0
    read = {each.name: each.read_bytes() for each in again.glob("overview.*")}
    assert read == {name: written[name] for name in read}
    assert len(read) >= 3


def test_an_inspection_waits_seldom_for_the_disk(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most 25 times, also the first one in a folder, with what it shares with later ones."""
    waits: list[str] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        waits.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    with serving({"name": "page", "mode": "page", "headers": {"Server": "nginx/1.2.3"}}) as servers:
        declaration = line.declare(*systems_at(servers, "page"))
        line.call("run", declaration, "--only", "http", "--lang", "en")  # which makes the signing key
        output = line.new_output()
        monkeypatch.setattr(os, "fsync", noted)
        for of_run in (7, 5):  # folders, the requests, and the line that says what was asked for
            waits.clear()
            assert line.call("run", declaration, "--only", "http", "--lang", "en", output=output).code == 1
            assert len(waits) <= 25 + of_run, waits
            assert waits.count("pack.zst") == 3


def descendants(process: int) -> list[int]:
    """The processes that a process started, and those that these started."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    own = [int(each) for task in tasks for each in (task / "children").read_text().split()]
    return [*own, *(each for child in own for each in descendants(child))]


def is_alive(process: int) -> bool:
    """Whether a process runs; one that nobody waited for yet does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


#: One connection to an address at a time: while somebody has it, a scan waits, and no deadline runs.
ONE_AT_ONCE = {**FAST, "at_once": 1}


@contextmanager
def occupied(*addresses: str) -> Iterator[None]:
    """Within the body this process has the one connection that each of the addresses may get."""
    with ExitStack() as held:
        for address in addresses:
            state = StateFiles(default_folder()).open(address)
            held.callback(state.close)
            meter = state.lock()
            assert meter is not None
            meter.demand(Rates(**ONE_AT_ONCE), clock())
            state.take(meter, clock())
            state.unlock(changed=True)
        yield


@contextmanager
def several_in_flight(line: Line, name: str) -> Iterator[tuple[Servers, subprocess.Popen[str], ExitStack, Path]]:
    """A run over five systems, three at a time: one is finished, three wait for the rate, one is not begun.

    Those that wait have recorded the scan of one server, and wait for that of another one, until the stack is closed.
    """
    output = line.folder / name
    addresses = [f"127.0.0.{71 + number}" for number in range(4)]
    orders = [
        {"name": "fast", "mode": "page"},
        *({"name": f"seen-{number}", "mode": "page"} for number in range(4)),
        *({"name": f"busy-{number}", "mode": "page", "address": each} for number, each in enumerate(addresses)),
    ]
    with serving(*orders) as servers, ExitStack() as held:
        held.enter_context(occupied(*addresses))
        ports = servers.ports
        busy = [
            system(
                f"http://127.0.0.1:{ports[f'seen-{number}']}/",
                f"http://{address}:{ports[f'busy-{number}']}/",
                id=f"busy-{number}",
            )
            for number, address in enumerate(addresses)
        ]
        declaration = line.declare(*systems_at(servers, "fast"), *busy, name=f"{name}.yaml", rates=ONE_AT_ONCE)
        process = line.start("run", declaration, *ONLY, output=output, ceilings={"systems": 3})
        try:
            wait_until(lambda: list(output.glob("*/fast/*/assessments/*/manifest.dsse.json")), process)
            wait_until(lambda: _recorded(output) == 3, process)
            yield servers, process, held, output
        finally:
            process.kill()
            process.communicate()


def _recorded(output: Path) -> int:
    """How many of the systems that wait have recorded a scan."""
    return sum(bool(names(path, "evidence")) for path in output.glob("*/busy-*/*/capture"))


EACH_ONCE = {"fast": 1, **{f"{kind}-{number}": 1 for kind in ("seen", "busy") for number in range(4)}}


def _counts(servers: Servers) -> dict[str, int]:
    return {name: len(each) for name, each in servers.received().items()}


def test_a_killed_run_is_continued_without_loss(line: Line) -> None:
    """After kill -9 its workers end; what was finished is kept, what was begun is continued, the rest is inspected.

    No server is asked twice.
    """
    with several_in_flight(line, "killed") as (servers, process, held, output):
        workers = descendants(process.pid)
        assert workers
        process.send_signal(signal.SIGKILL)
        process.communicate()
        wait_until(lambda: not any(map(is_alive, workers)))
        assert states(output) == {
            "fast": [State.SEALED],
            **{f"busy-{number}": [State.BEGUN] for number in range(3)},
            "busy-3": [State.REQUESTED],
        }
        [kept] = output.glob("*/fast/*/capture/manifest.dsse.json")
        was = kept.read_bytes()
        held.close()
        result = line.call("run", "--resume", run_of(output), "--fail-on", "info", output=output)
        assert _counts(servers) == EACH_ONCE
    assert result.code == 0
    assert kept.read_bytes() == was
    assert [each["outcome"] for each in result.findings] == ["pass"] * 9
    assert states(output) == {name: [State.SEALED] for name in ("fast", *(f"busy-{number}" for number in range(4)))}
    assert {each.system for each in signed(output)} == set(states(output))


@pytest.mark.parametrize("instead", [False, True], ids=["away", "another"])
def test_an_output_folder_that_goes_away_is_named_and_not_made_again(line: Line, instead: bool) -> None:
    """Moved away, or its disk unmounted so that an empty folder is in its place: nothing is written there, no further
    system begins, and when it is back, --resume goes on."""
    with several_in_flight(line, f"away-{instead}") as (servers, process, held, output):
        run, away = run_of(output), output.with_name(f"{output.name}-moved")
        output.rename(away)
        if instead:
            output.mkdir()
        held.close()
        _, err = process.communicate(timeout=120)
        assert process.returncode == 2, err
        assert f"{run}: is not there any more" in err or f"{run}: không còn ở đó nữa" in err
        assert _counts(servers)["seen-3"] == 0
        assert output.exists() is instead
        if instead:
            assert list(output.rglob("*")) == []
            output.rmdir()
        away.rename(output)
        assert line.call("run", "--resume", run, "--fail-on", "info", output=output).code == 0
        assert _counts(servers)["fast"] == 1
    assert states(output) == {name: [State.SEALED] for name in ("fast", *(f"busy-{number}" for number in range(4)))}


def _emptied(folder: Path) -> None:
    for name in ("capture/pack.zst", "ledger.jsonl"):
        (folder / name).write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_emptied, "says that it had begun"),
        (shutil.rmtree, "says that it had begun"),
        (lambda folder: (folder / "capture/pack.zst").write_bytes(b""), "is missing"),
    ],
    ids=["emptied", "removed", "ledger alone"],
)
def test_evidence_that_was_lost_is_not_silently_collected_anew(
    line: Line, request: pytest.FixtureRequest, damage: Callable[[Path], None], reason: str
) -> None:
    """A system of which the run had recorded something that is gone fails alone, and the index says why."""
    with several_in_flight(line, f"lost-{request.node.callspec.id.split()[0]}") as (servers, process, held, output):
        process.send_signal(signal.SIGKILL)
        process.communicate()
        [lost] = output.glob("*/busy-1/*")
        damage(lost)
        held.close()
        result = line.call("run", "--resume", run_of(output), "--fail-on", "info", "--lang", "en", output=output)
        assert _counts(servers) == {**EACH_ONCE, "busy-1": 0}
    assert result.code == 3
    assert reason in result.err
    others = ("fast", "busy-0", "busy-2", "busy-3")
    assert states(output) == {**{name: [State.SEALED] for name in others}, "busy-1": [State.FAILED]}
    [failed] = [each for each in signed(output) if each.state is State.FAILED]
    assert reason in failed.detail


def test_an_interrupted_run_says_how_it_goes_on(line: Line) -> None:
    """Ctrl-C ends with 130 and one command, which finishes the run; every capture is left as it can be continued."""
    with several_in_flight(line, "interrupted") as (servers, process, held, output):
        process.send_signal(signal.SIGINT)
        stopped = line.ended(process, output)
        assert stopped.code == 130
        assert "1 of 5 systems are finished" in stopped.err
        assert states(output) == {
            "fast": [State.SEALED],
            **{f"busy-{number}": [State.INTERRUPTED] for number in range(3)},
            "busy-3": [State.REQUESTED],
        }
        assert {each.system for each in signed(output)} == set(states(output))
        [command] = re.findall(r"continue with '(.*)'", stopped.err)
        words = shlex.split(command)
        assert words[:4] == ["inspector", "run", "--resume", str(run_of(output))]
        held.close()
        result = run_cli(*words[1:], output=output)
        assert _counts(servers) == EACH_ONCE
    assert result.code == 0
    assert len(result.bundles) == 5


def test_a_run_is_not_continued_by_two(line: Line) -> None:
    """While it goes on, --resume is refused, and nothing is asked twice."""
    with several_in_flight(line, "twice") as (servers, _, _, output):
        before = servers.received()
        refused = line.call("run", "--resume", run_of(output), output=output)
        assert servers.received() == before
    assert refused.code == 2
    assert "is being written by another process" in refused.err


def test_a_check_that_does_not_end_is_killed_and_named(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its system fails alone, the index says why, and the others are assessed as ever."""
    monkeypatch.setattr("inspector.fleet.steps.CALL_SECONDS", 8.0)
    with (
        having(tmp_path, "inspector_stuck"),
        serving(
            {"name": "page", "mode": "page"}, {"name": "stuck", "mode": "page", "address": "127.0.0.66"}
        ) as servers,
    ):
        first, second = (
            f"http://{host}:{servers.ports[name]}/" for host, name in (("127.0.0.1", "page"), ("127.0.0.66", "stuck"))
        )
        declaration = line.declare(system(first, id="one"), system(second, id="stuck"), system(first, id="two"))
        result = line.call("run", declaration, "--only", "stuck", "--only", "no-version-disclosed", "--lang", "en")
        assert result.code == 3
        assert "stuck: check stuck-check-ends did not end within 8 s, and its process was killed" in result.err
        assert states(result.output) == {"one": [State.SEALED], "stuck": [State.INTERRUPTED], "two": [State.SEALED]}
        [failed] = [each for each in signed(result.output) if each.system == "stuck" and each.detail]
        assert "check stuck-check-ends did not end" in failed.detail
        for name in ("one", "two"):
            outcomes = {each["check"]: each["outcome"] for each in result.findings if each["system"] == name}
            assert outcomes == {"stuck-check-ends": "pass", "no-version-disclosed": "pass"}


def test_a_system_that_cannot_be_inspected_leaves_the_others_alone(line: Line) -> None:
    """One without an authorisation is refused before a packet; the index lists it as failed, and is signed."""
    with serving({"name": "page", "mode": "page"}) as servers:
        port = servers.ports["page"]
        outside = system(f"http://127.0.0.1:{port + 1}/", id="outside")
        covers = {"blocks": ["127.0.0.0/8"], "ports": [str(port)]}
        result = line.call("run", line.declare(*systems_at(servers, "page"), outside, covers=covers), *ONLY)
    assert result.code == 3
    assert states(result.output) == {"page": [State.SEALED], "outside": [State.FAILED]}
    assert {each.system for each in signed(result.output)} == {"page", "outside"}
    assert "Report: " in result.out


def test_a_failure_outweighs_a_system_that_cannot_be_inspected(line: Line) -> None:
    """Exit code 1 where one fails and another is refused; 2 where none is inspected; --resume says the same."""
    with serving({"name": "leaky", "mode": "page", "headers": {"Server": "nginx/1.2.3"}}) as servers:
        port = servers.ports["leaky"]
        outside = [system(f"http://127.0.0.1:{port + number}/", id=f"outside-{number}") for number in (1, 2)]
        covers = {"blocks": ["127.0.0.0/8"], "ports": [str(port)]}
        declaration = line.declare(*systems_at(servers, "leaky"), *outside, covers=covers)
        one_fails = line.call("run", declaration, *ONLY)
        none = line.call("run", declaration, *ONLY, "--system", "outside-*")
        for result in (one_fails, none):
            again = line.call("run", "--resume", run_of(result.output), "--fail-on", "info", output=result.output)
            assert again.code == result.code
    assert (one_fails.code, none.code) == (1, 2)
    assert states(none.output) == {"outside-1": [State.FAILED], "outside-2": [State.FAILED]}


def test_systems_are_chosen(line: Line) -> None:
    """By patterns, by number and in any order; what is left out is not asked for."""
    with serving(*({"name": name, "mode": "page"} for name in ("a-1", "a-2", "a-3", "b-1"))) as servers:
        declaration = line.declare(*systems_at(servers, "a-1", "a-2", "a-3", "b-1"))
        chosen = line.call("run", declaration, *ONLY, "--system", "a-*", "--limit", 2, "--shuffle")
        unknown = line.call("run", declaration, *ONLY, "--system", "c-*")
    asked = set(states(chosen.output))
    assert len(asked) == 2
    assert asked < {"a-1", "a-2", "a-3"}
    assert len(chosen.bundles) == 2
    assert unknown.code == 2
    assert "--system c-*: not declared" in unknown.err


def test_what_is_recorded_of_a_run_is_its_owners(line: Line) -> None:
    """The requests are in a file for nobody else, without paths of keys; a bundle names no other system of the run."""
    with serving({"name": "one", "mode": "page"}, {"name": "two", "mode": "page"}) as servers:
        result = line.call("run", line.declare(*systems_at(servers, "one", "two")), *ONLY)
    run = run_of(result.output)
    file = run / "requests.jsonl.zst"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    recorded = RunRequests(run)
    assert recorded.head.systems == ("one", "two")
    requests = list(recorded)
    assert [each.system.id for each in requests] == ["one", "two"]
    assert [each.covers.blocks for request in requests for each in request.authorisations] == [("127.0.0.0/8",)] * 2
    assert not any(b"key.pem" in each.canonical() for each in requests)
    for bundle in result.bundles:
        other = {"one": "two", "two": "one"}[bundle.inspection.system.id]
        assert f'"{other}"'.encode() not in bundle.inspection.canonical()


def test_altered_requests_are_refused(line: Line) -> None:
    """A file that is cut off, or is none, ends --resume in words."""
    with serving({"name": "one", "mode": "page"}, {"name": "two", "mode": "page"}) as servers:
        result = line.call("run", line.declare(*systems_at(servers, "one", "two")), *ONLY)
    run = run_of(result.output)
    file = run / "requests.jsonl.zst"
    whole = file.read_bytes()
    for altered in (whole[: len(whole) // 2], b"", b"no archive"):
        file.write_bytes(altered)
        refused = line.call("run", "--resume", run, "--lang", "en", output=result.output)
        assert refused.code == 2
        assert "requests.jsonl.zst: cannot be read" in refused.err


def test_requests_of_others_are_refused(line: Line) -> None:
    """No system is left out or inspected elsewhere: each that was asked for has one request, in a run of this name."""
    with serving({"name": "one", "mode": "page"}, {"name": "two", "mode": "page"}) as servers:
        result = line.call("run", line.declare(*systems_at(servers, "one", "two")), *ONLY)
    run = run_of(result.output)
    file = run / "requests.jsonl.zst"
    whole = file.read_bytes()
    head, one, two, _ = zstandard.ZstdDecompressor().stream_reader(whole).read().split(b"\n")
    elsewhere = two.replace(run.name.encode(), b"20260101T000000Z-000000")
    for lines in ([head, one, one], [head, one, elsewhere], [head, one, two, two], [head, one]):
        file.write_bytes(zstandard.ZstdCompressor().compress(b"".join(each + b"\n" for each in lines)))
        refused = line.call("run", "--resume", run, "--lang", "en", output=result.output)
        assert refused.code == 2
        assert "requests.jsonl.zst: cannot be read" in refused.err
    file.write_bytes(whole)
    renamed = run.rename(run.with_name("another"))
    refused = line.call("run", "--resume", renamed, "--lang", "en", output=result.output)
    assert refused.code == 2
    assert "it is about a run of another name" in refused.err


def test_a_finished_run_is_reported_again(line: Line) -> None:
    """--resume of a run of which nothing is left asks nobody, and gives the same summary and exit code."""
    with serving(
        {"name": "good", "mode": "page"}, {"name": "leaky", "mode": "page", "headers": {"Server": "nginx/1.2.3"}}
    ) as servers:
        first = line.call("run", line.declare(*systems_at(servers, "good", "leaky")), *ONLY)
        before = servers.received()
        again = line.call("run", "--resume", run_of(first.output), "--fail-on", "info", output=first.output)
        assert servers.received() == before
    assert (again.code, again.out) == (first.code, first.out)
    assert first.code == 1
    assert len(again.bundles) == 2


def test_one_loop_few_threads_and_young_garbage(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run has one event loop, at most four threads for files, and no collection of older generations."""
    loops: list[Any] = []
    threads: set[str] = set()
    generations: set[int] = set()
    new_loop = asyncio.new_event_loop

    def counted() -> Any:
        loops.append(new_loop())
        return loops[-1]

    def noted(phase: str, info: dict[str, int]) -> None:
        if gc.get_freeze_count():
            generations.add(info["generation"])
        threads.update(each.name for each in threading.enumerate() if each.name.startswith("asyncio"))

    monkeypatch.setattr(asyncio, "new_event_loop", counted)
    names = [f"s-{number}" for number in range(8)]
    with serving(*({"name": name, "mode": "page"} for name in names)) as servers:
        declaration = line.declare(*systems_at(servers, *names))
        gc.callbacks.append(noted)
        try:
            threshold = gc.get_threshold()
            monkeypatch.setattr("inspector.fleet.admission.START_SECONDS", 0.01)
            result = line.call("run", declaration, *ONLY)
        finally:
            gc.callbacks.remove(noted)
            assert gc.get_threshold() == threshold
    assert len(result.bundles) == 8
    assert len(loops) == 1
    assert len(threads) <= 4
    assert generations <= {0}
