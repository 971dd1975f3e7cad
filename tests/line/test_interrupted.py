"""Whatever ends an inspection early, nothing is lost, nothing is asked twice, and nothing is taken for granted."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from pathlib import Path

import pytest

from inspector.cli import main
from inspector.seal import RunIndex, State
from tests.bundles import content, recorded
from tests.core.seal.forgery import names
from tests.line.harness import Line, Servers, authorisation, document, serving, system, wait_until

ONE_REQUIREMENT = ("--only", "no-version-disclosed", "--fail-on", "info")


class Interrupted:
    """An inspection of two servers, ended while one of them still owes its answer."""

    def __init__(self, line: Line, name: str, servers: Servers, gate: Path) -> None:
        self.line = line
        self.servers = servers
        self.gate = gate
        self.output = line.folder / name
        endpoints = [f"http://127.0.0.1:{port}/" for port in servers.ports.values()]
        document = line.declare(system(*endpoints), name=f"{name}.yaml")
        self.process = line.start("run", document, *ONE_REQUIREMENT, output=self.output)
        wait_until(lambda: self.recorded() and len(servers.received()["held"]) == 1, self.process)

    @property
    def folder(self) -> Path:
        [capture] = self.output.glob("*/*/*/capture")
        return capture.parent

    def recorded(self) -> list[str]:
        """The evidence that is on the disk."""
        return recorded(self.output)

    def end(self, how: signal.Signals) -> subprocess.Popen[str]:
        self.process.send_signal(how)
        return self.process

    def states(self) -> list[State]:
        run = self.folder.parents[1]
        return [attempt.state for attempt in RunIndex(run.parent, run.name).attempts()]


@contextmanager
def interrupted(line: Line, name: str) -> Iterator[Interrupted]:
    gate = line.folder / f"{name}.gate"
    with serving({"name": "fast", "mode": "page"}, {"name": "held", "mode": "held", "until": str(gate)}) as servers:
        begun = Interrupted(line, name, servers, gate)
        try:
            yield begun
        finally:
            begun.process.kill()
            begun.process.communicate()


def test_killed_and_resumed(line: Line) -> None:
    """After kill -9 the recorded scan is unchanged, its server is not asked again, and the other one is."""
    with interrupted(line, "killed") as begun:
        before = begun.recorded()
        begun.end(signal.SIGKILL).communicate()
        assert begun.states() == [State.BEGUN]
        begun.gate.touch()
        result = line.call("run", "--resume", begun.folder, "--fail-on", "info", output=begun.output)
        received = begun.servers.received()
    assert result.code == 0
    assert {name: len(each) for name, each in received.items()} == {"fast": 1, "held": 2}
    assert begun.recorded()[: len(before)] == before
    assert sorted((each.subject.port, each.scan) for each in result.evidence) == sorted(
        (port, 1) for port in begun.servers.ports.values()
    )
    assert [finding["outcome"] for finding in result.findings] == ["pass", "pass"]
    asked = [entry.port for entry in result.ledger if entry.questions == 1]
    assert {name: asked.count(port) for name, port in begun.servers.ports.items()} == {"fast": 1, "held": 2}
    assert begun.states() == [State.SEALED]


def test_interrupted_by_a_person_and_resumed(line: Line) -> None:
    """Ctrl-C ends with 130 and the words to go on by; these finish the inspection."""
    with interrupted(line, "resumed") as begun:
        stopped = line.ended(begun.end(signal.SIGINT), begun.output)
        assert stopped.code == 130
        assert f"inspector run --resume {begun.folder}" in stopped.err
        assert stopped.out == ""
        assert begun.states() == [State.INTERRUPTED]
        begun.gate.touch()
        result = line.call("run", "--resume", begun.folder, "--fail-on", "info", output=begun.output)
        assert len(begun.servers.received()["fast"]) == 1
    assert result.code == 0
    assert result.bundle.sealed.predicate.reason == "complete"
    assert begun.states() == [State.SEALED]


def test_terminated_and_resumed(line: Line) -> None:
    """SIGTERM ends as Ctrl-C does, with its own code; nothing hidden is left, and the words say how to go on."""
    with interrupted(line, "terminated") as begun:
        stopped = line.ended(begun.end(signal.SIGTERM), begun.output)
        assert stopped.code == 143
        assert f"inspector run --resume {begun.folder}" in stopped.err
        assert begun.states() == [State.INTERRUPTED]
        assert [path for path in begun.output.rglob("*") if path.name.startswith(".")] == []
        assert line.call("seal", begun.folder, "--fail-on", "info", output=begun.output).code == 3


def test_interrupted_by_a_person_and_sealed(line: Line) -> None:
    """``seal`` asks nothing more: the rest is inconclusive (aborted), and the bundle is whole.

    While the inspection runs, nobody else goes on with it.
    """
    with interrupted(line, "sealed") as begun:
        refused = line.call("run", "--resume", begun.folder, output=begun.output)
        assert refused.code == 2
        assert "is being written by another process" in refused.err
        stopped = line.ended(begun.end(signal.SIGINT), begun.output)
        assert f"inspector seal {begun.folder}" in stopped.err
        result = line.call("seal", begun.folder, "--fail-on", "info", output=begun.output)
        assert {name: len(each) for name, each in begun.servers.received().items()} == {"fast": 1, "held": 1}
        ports = begun.servers.ports
    assert result.code == 3
    assert result.verdict("no-version-disclosed", f"http://127.0.0.1:{ports['fast']}") == ("pass", None)
    assert result.verdict("no-version-disclosed", f"http://127.0.0.1:{ports['held']}") == ("inconclusive", "aborted")
    assert result.bundle.sealed.predicate.reason == "closed before it was complete"
    assert line.call("verify", begun.folder, output=begun.output).code == 0


def test_what_is_sealed_is_neither_resumed_nor_sealed_again(line: Line) -> None:
    """Both are a usage error, and say what to do instead."""
    with serving({"name": "fast", "mode": "page"}) as servers:
        result = line.call("run", f"http://127.0.0.1:{servers.ports['fast']}/", "--level", 1, "--only", "http")
    for command in (("run", "--resume"), ("seal",)):
        again = line.call(*command, result.bundle.folder)
        assert again.code == 2
        assert "is sealed; assess it" in again.err


def test_interrupted_while_it_is_assessed(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the seal nothing is lost either, and the words to go on by are others."""

    def interrupt(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with serving({"name": "fast", "mode": "page"}) as servers, monkeypatch.context() as patch:
        patch.setattr("inspector.pipeline.pipeline.write_assessment", interrupt)
        result = line.call("run", f"http://127.0.0.1:{servers.ports['fast']}/", "--level", 1, "--only", "http")
    (folder,) = result.output.glob("*/127.0.0.1/*")
    assert result.code == 130
    assert f"what was seen is sealed in {folder}\n" in result.err
    assert f"'inspector assess {folder}'" in result.err
    assert line.call("assess", folder).code in (0, 1)
    assert line.call("verify", folder).code == 0


def test_interrupted_before_anything_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt that comes while the command line is still being imported ends with 130, without a traceback."""

    class Interrupting(MetaPathFinder):
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == "inspector.cli.app":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "inspector.cli.app", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
    with pytest.raises(SystemExit) as raised:
        main([])
    assert raised.value.code == 130


def test_nothing_to_resume(line: Line, tmp_path: Path) -> None:
    """A folder that is not an inspection is refused in words."""
    result = line.call("run", "--resume", tmp_path)
    assert (result.code, result.out) == (2, "")
    assert "is not an inspection" in result.err


def test_torn_pack_is_repaired(line: Line) -> None:
    """Half a record, as a killed process leaves it, costs nothing that was recorded."""
    with interrupted(line, "torn") as begun:
        begun.end(signal.SIGKILL).communicate()
        pack = begun.folder / "capture" / "pack.zst"
        whole = pack.read_bytes()
        pack.write_bytes(whole + whole[:90])
        result = line.call("seal", begun.folder, "--fail-on", "info", output=begun.output)
        ports = begun.servers.ports
    assert result.code == 3
    assert result.verdict("no-version-disclosed", f"http://127.0.0.1:{ports['fast']}") == ("pass", None)


def test_resumed_under_a_stricter_authorisation(line: Line) -> None:
    """What the authorisation given on resuming does not cover is not asked any more; both are in the capture."""
    with interrupted(line, "stricter") as begun:
        begun.end(signal.SIGKILL).communicate()
        begun.gate.touch()
        other = {"covers": {"blocks": ["127.0.9.0/24"]}, "id": "narrow"}
        given = document(line.folder / "narrow.yaml", authorisation(**other))
        result = line.call("run", "--resume", begun.folder, "-a", given, "--fail-on", "info", output=begun.output)
        received = begun.servers.received()
        port = begun.servers.ports["held"]
    assert len(received["held"]) == 1
    assert result.verdict("no-version-disclosed", f"http://127.0.0.1:{port}") == ("inconclusive", "out-of-scope")
    [stored] = names(begun.folder / "capture", "documents/further-authorisations")
    assert b'"narrow"' in content(begun.folder / "capture", stored)
    assert line.call("verify", begun.folder, output=begun.output).code == 0


def test_resumed_under_an_expired_authorisation(line: Line) -> None:
    """An authorisation that is not valid any more permits nothing, also where the first one still is."""
    with interrupted(line, "expired") as begun:
        begun.end(signal.SIGKILL).communicate()
        past = {"valid_from": "2020-01-01T00:00:00Z", "valid_until": "2020-01-02T00:00:00Z", "id": "past"}
        given = document(line.folder / "past.yaml", authorisation(**past))
        result = line.call("run", "--resume", begun.folder, "-a", given, output=begun.output)
    assert result.code == 2
    assert "authorisation 'past' expired" in result.err


@pytest.mark.parametrize("options", [("--level", 2), ("--only", "tls"), ("d.yaml",), ("--statements", "s.yaml")])
def test_what_was_decided_is_not_decided_again(line: Line, options: tuple[object, ...]) -> None:
    """An option that --resume would leave out is refused."""
    result = line.call("run", "--resume", line.folder, *options)
    assert result.code == 2
    assert "cannot be given with --resume" in result.err
