"""The whole line as tests use it: servers in processes of their own, documents, and one command after the other."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from inspector.cli.app import call
from inspector.model.observation import Evidence
from inspector.record.ledger_entry import LedgerEntry
from inspector.seal import Bundle
from tests.agreement.environment import needs_programs
from tests.bundles import assessments, parsed
from tests.launcher import COMMAND, Launched

ROOT = Path(__file__).resolve().parents[2]
RESPONDERS = Path(__file__).with_name("responders.py")
#: The rates of an authorisation that slows no test down.
FAST = {"connections_per_second": 200, "burst": 400, "at_once": 50, "port_questions_per_second": 5000}


def free_port(address: str = "127.0.0.1") -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


# --- servers ----------------------------------------------------------------------------------------------------------


class Servers:
    """Some responders in one process; ``received`` tells what reached each of them so far."""

    def __init__(self, orders: Sequence[Mapping[str, Any]], wrap: Sequence[str] = ()) -> None:
        self._process = subprocess.Popen(
            [*wrap, sys.executable, str(RESPONDERS), json.dumps(list(orders))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.ports: dict[str, int] = json.loads(self._process.stdout.readline())

    def received(self) -> dict[str, list[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("report\n")
        self._process.stdin.flush()
        result: dict[str, list[str]] = json.loads(self._process.stdout.readline())
        return result

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def serving(*orders: Mapping[str, Any], wrap: Sequence[str] = ()) -> Iterator[Servers]:
    """Responders that run within the body."""
    servers = Servers(orders, wrap)
    try:
        yield servers
    finally:
        servers.stop()


# --- documents
# -----------------------------------------------------------------------------------------------------------


def authorisation(**changes: Any) -> dict[str, Any]:
    """An authorisation over the addresses of this machine and the names below ``line.test``, open around now."""
    at = datetime.now(UTC)
    return {
        "id": "a-1",
        "kind": "own-estate",
        "granted_by": "Chủ quản",
        "covers": {"names": ["*.line.test"], "blocks": ["127.0.0.0/8"]},
        "valid_from": (at - timedelta(hours=1)).isoformat(),
        "valid_until": (at + timedelta(hours=1)).isoformat(),
        "rates": FAST,
        **changes,
    }


def system(*endpoints: str, **changes: Any) -> dict[str, Any]:
    """A system at design stage, so that no approval is due, with these endpoints."""
    return {
        "id": "portal",
        "name": "Cổng thông tin",
        "owner": "Chủ quản",
        "level": 3,
        "stage": "design",
        "endpoints": list(endpoints),
        **changes,
    }


def document(path: Path, content: object) -> Path:
    """Write a document; JSON is YAML."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding="utf-8")
    return path


# --- one command ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunResult:
    """What one command said, and the run that it left behind."""

    code: int
    out: str
    err: str
    output: Path

    @cached_property
    def bundles(self) -> list[Bundle]:
        """The sealed bundles in the output folder, by system."""
        return [Bundle.open(path.parents[1]) for path in sorted(self.output.glob("*/*/*/capture/manifest.dsse.json"))]

    @property
    def bundle(self) -> Bundle:
        [bundle] = self.bundles
        return bundle

    @cached_property
    def findings(self) -> list[dict[str, Any]]:
        """The findings of all assessments, as they are stored."""
        return [finding for folder in assessments(self.output) for finding in parsed(folder, "findings.json")]

    @property
    def assessment(self) -> dict[str, Any]:
        """The one assessment, without findings and requirements, as it is stored."""
        [folder] = assessments(self.output)
        stored: dict[str, Any] = parsed(folder, "assessment.json")
        return stored

    def finding(self, check: str, subject: str = "", **wanted: object) -> dict[str, Any]:
        """The one finding of this check about a subject that begins so."""
        wanted["check"] = check
        [found] = [
            each
            for each in self.findings
            if each["subject"].startswith(subject) and all(each[name] == value for name, value in wanted.items())
        ]
        return found

    def verdict(self, check: str, subject: str = "") -> tuple[str, str | None]:
        """Outcome and cause of the one finding of this check about a subject that begins so."""
        found = self.finding(check, subject)
        return found["outcome"], found["cause"]

    @cached_property
    def evidence(self) -> list[Evidence]:
        return [evidence for bundle in self.bundles for _, evidence in bundle.evidence()]

    def scan(self, probe: str, subject: str = "", scan: int = 1) -> Evidence:
        """The one scan of this probe at a subject that begins so."""
        [found] = [
            each
            for each in self.evidence
            if (each.probe, each.scan) == (probe, scan) and each.subject.uri.startswith(subject)
        ]
        return found

    @cached_property
    def ledger(self) -> list[LedgerEntry]:
        return [entry for bundle in self.bundles for entry in bundle.ledger()]

    def reports(self) -> dict[str, bytes]:
        """Every report file by name."""
        names = [folder.name for folder in assessments(self.output)]
        found = [path for name in names for path in self.output.glob(f"*/*/{name}.*")]
        return {re.sub(r"^.*?-(nd331-2026|tt12-2022)\.", "", path.name): path.read_bytes() for path in found}


#: For a resolver that is the test's own.
PACE = {"INSPECTOR_RESOLVER_QUESTIONS_PER_SECOND": "1000"}


@dataclass
class Line:
    """An inspecting side with its own key, settings and folder."""

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    names: Iterator[int] = field(default_factory=lambda: iter(range(10_000)))

    def new_output(self) -> Path:
        return self.folder / f"out-{next(self.names)}"

    def options(self, output: Path, **settings: Any) -> list[str]:
        """Flags that make a command use these settings and this folder; the key is the line's own."""
        path = self.folder / f"{output.name}.toml"
        result = {"signing_key": str(self.folder / "key.pem"), "output": str(output), **self.settings, **settings}
        path.write_text("".join(_toml(result)), encoding="utf-8")
        return ["--settings", str(path)]

    def call(self, *arguments: object, output: Path | None = None, **settings: Any) -> RunResult:
        """Run a command in this process, with this line's settings."""
        output = output or self.new_output()
        return run_cli(*arguments, *self.options(output, **settings), output=output)

    def start(
        self,
        *arguments: object,
        output: Path,
        wrap: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        as_usual: bool = False,
        **settings: Any,
    ) -> subprocess.Popen[str]:
        """Begin a command in a process of its own; ``as_usual`` with an interpreter that has imported nothing."""
        command = [*COMMAND, *map(str, arguments), *self.options(output, **settings)]
        start: type[subprocess.Popen[Any]] = Launched
        if wrap or as_usual:
            # A shell starts what runs in its background with interrupts ignored.
            start, command = subprocess.Popen, ["env", "--default-signal=INT", *wrap, *command]
        return start(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env={**os.environ, **(env or {})},
        )

    def spawn(self, *arguments: object, output: Path | None = None, **more: Any) -> RunResult:
        """Run a command in a process of its own."""
        output = output or self.new_output()
        return self.ended(self.start(*arguments, output=output, **more), output)

    @staticmethod
    def ended(process: subprocess.Popen[str], output: Path) -> RunResult:
        """What a command said in the end."""
        try:
            out, err = process.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return _checked(RunResult(process.returncode, out, err, output))

    def declare(self, *systems: Mapping[str, Any], name: str = "declaration.yaml", **granted: Any) -> Path:
        """A declaration of these systems that holds its own authorisation."""
        content = {
            "organisation": {"code": "T-1", "name": "Cơ quan thử nghiệm"},
            "systems": list(systems),
            "authorisation": authorisation(**granted),
        }
        return document(self.folder / name, content)


def run_cli(*arguments: object, output: Path = Path("nowhere")) -> RunResult:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = call([*map(str, arguments)])
    return _checked(RunResult(code, out.getvalue(), err.getvalue(), output))


def _toml(settings: Mapping[str, Any], table: str = "") -> Iterator[str]:
    """Settings as lines of TOML, tables as dotted keys."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _toml(value, f"{table}{name}.")
        else:
            yield f"{table}{name} = {json.dumps(value)}\n"


def _checked(result: RunResult) -> RunResult:
    """No command ever shows a traceback or calls itself broken."""
    assert "Traceback" not in result.err + result.out
    assert "internal error" not in result.err
    return result


# --- a network of one's own -------------------------------------------------------------------------------------------


def needs_namespaces() -> None:
    """Skip where a user may not make namespaces."""
    program = shutil.which("unshare")
    if program is None or subprocess.run([program, "-rn", "true"], capture_output=True, check=False).returncode:
        pytest.skip("unshare -rn is not permitted here")


@contextlib.contextmanager
def _apart(kind: str, *setup: str) -> Iterator[int]:
    """A process in a namespace of its own, made by these shell commands; gives its id."""
    needs_namespaces()
    needs_programs(*{each.split()[0] for each in setup})
    script = " && ".join([*setup, "echo ready", "exec cat"])
    process = subprocess.Popen(
        ["unshare", "--map-root-user", kind, "sh", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process.pid
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def network(*setup: str) -> Iterator[list[str]]:
    """A network with nothing but what ``setup`` (shell commands) makes; gives what runs a command in it."""
    with _apart("--net", *setup) as process:
        yield ["nsenter", "--user", "--net", "--preserve-credentials", "-t", str(process)]


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[tuple[list[str], Path]]:
    """A small disk at ``folder``; gives what runs a command that has it, and the folder as it is seen from here."""
    with _apart("--mount", f"mount -t tmpfs -o size={size} tmpfs {folder}") as process:
        inside = ["nsenter", "--user", "--mount", "--preserve-credentials", "-t", str(process)]
        yield inside, Path(f"/proc/{process}/root{folder}")


def wait_until(condition: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    """Return when the condition holds; fail after a long time, or when the process ends before."""
    end = time.monotonic() + 240  # a machine that does much else takes a minute for what takes a second
    while time.monotonic() < end:
        if condition():
            return
        if process is not None and process.poll() is not None:
            break
        time.sleep(0.01)
    pytest.fail("what was waited for did not come")
