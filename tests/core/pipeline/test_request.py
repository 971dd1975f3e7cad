"""A request is plain data: another process runs it from its JSON, to the same end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from inspector.cli.arguments import RunArguments
from inspector.cli.inputs import load_context, request_of
from inspector.model.errors import UsageError
from inspector.pipeline.pipeline import inspect_system
from inspector.pipeline.request import InspectionRequest, ReportOptions
from tests.bundles import parsed
from tests.core.systems import job, planned, regime, row
from tests.line.harness import Line, serving, system

#: What a worker on another machine does.
WORKER = """
import sys
from pathlib import Path
from inspector.cli.inputs import read_settings
from inspector.pipeline.context import RunContext
from inspector.pipeline.pipeline import inspect_system
from inspector.pipeline.request import InspectionRequest, ReportOptions
from inspector.regime.loader import load_all
from inspector.registry.registry import installed
from inspector.tables.store import tables_at_hand

registry, settings = installed(), read_settings(Path(sys.argv[1]))
context = RunContext(registry, settings, load_all(registry.profiles), tables=tables_at_hand(registry, settings))
print(inspect_system(InspectionRequest.parse(sys.stdin.buffer.read()), context).folder)
"""


def test_a_request_runs_in_another_process_from_its_json(tmp_path: Path) -> None:
    """Equal findings, from the same request run here."""
    line = Line(tmp_path)
    with serving({"name": "clear", "mode": "page"}) as servers:
        document = line.declare(
            system(f"http://127.0.0.1:{servers.ports['clear']}/"),
            system("https://other.line.test/", id="other"),
        )
        _, settings = line.options(tmp_path / "here")
        arguments = RunArguments(targets=(str(document),), settings=Path(settings), only=("http",))
        context = load_context(arguments)
        assert context.documents is not None
        given = context.documents.declaration.systems[0]
        at = job(tmp_path).request.as_of
        request = request_of(given, arguments, context, run="run-1", as_of=at, reports=ReportOptions(formats=("json",)))
        data = request.canonical()
        assert InspectionRequest.parse(data) == request
        assert b"other.line.test" not in data
        here = inspect_system(request, context).folder
        _, elsewhere = line.options(tmp_path / "there")
        done = subprocess.run(
            [sys.executable, "-c", WORKER, elsewhere], input=data, capture_output=True, check=True, timeout=300
        )
    there = Path(done.stdout.decode().strip())
    assert tmp_path / "there" in there.parents
    assert findings(there) == findings(here) != []


def findings(folder: Path) -> list[tuple[str, ...]]:
    """The findings of an assessment, without the time and the evidence of each scan."""
    findings = parsed(folder, "findings.json")
    return [
        tuple(str(each[name]) for name in ("id", "requirement", "outcome", "cause", "subject", "message", "measured"))
        for each in findings
    ]


def test_another_version_of_the_regime_is_refused(tmp_path: Path) -> None:
    """A worker never plans with rules that the request was not made for."""
    here = job(tmp_path)
    there = job(tmp_path, regime=regime(row("sensor-online")))
    with pytest.raises(UsageError, match="not as the version 1 that the request was made with"):
        planned(here._replace(context=there.context))
