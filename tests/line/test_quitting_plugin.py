"""A plugin that tries to end the program ends nothing: its scans and checks are errors, and the exit code is true."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.line.harness import Line, RunResult, Servers, free_port, serving, system, wait_until
from tests.line.test_misbehaving_plugin import SOURCES

#: What becomes of each scan: the outcome of the check that it ended, the cause, and words of the reason.
SCANS = {
    "leaves": "inspector_quitting.quitting raised SystemExit: 0",
    "quits": "inspector_quitting.quitting raised SystemExit: 0",
    "interrupts": "inspector_quitting.quitting raised KeyboardInterrupt",
    "closes": "inspector_quitting.quitting raised GeneratorExit",
    "surprises": "inspector_quitting.quitting raised inspector_quitting.quitting.Unusual: quite",
    "cancelled": "inspector_quitting.quitting raised asyncio.exceptions.CancelledError",
    "cancels": "inspector_quitting.quitting raised asyncio.exceptions.CancelledError",
    "subtask": "inspector_quitting.quitting raised SystemExit: 0",
    "callback": "inspector_quitting.quitting raised LookupError: after the callback",
    "stops": "inspector_quitting.quitting raised LookupError: after the stop",
    "destroys": "inspector_quitting.quitting raised RuntimeError",
    "clings": "the scan went on for 5 s after its cancellation",
    "threaded": "inspector_quitting.quitting raised LookupError: after the threads",
    "large": "the scan returned 67108866 raw bytes; at most 67108864 are kept",
    "surrogates": "inspector_quitting.quitting gave facts that cannot be stored",
    "mumbles": "mumbles \\ud800",
    "finds": "inspector_quitting.quitting gave facts that cannot be stored",
    "reads": "inspector_quitting.quitting raised SystemExit: 0",
    "facts": "inspector_quitting.quitting gave facts that cannot be stored",
    "costs": "the cost of 'costs' in inspector_quitting.quitting raised SystemExit: 0",
    "dies": "inspector_quitting.quitting.die ended its process: exit status 0",
}
CHECKS = {
    "leaves": "SystemExit: 0",
    "interrupts": "KeyboardInterrupt",
    "closes": "GeneratorExit",
    "cancelled": "CancelledError",
    "surprises": "inspector_quitting.quitting.Unusual: quite",
    "mumbles": "UnicodeEncodeError",
    "values": "UnicodeEncodeError",
}


def announce(folder: Path, package: str, **modules: str) -> dict[str, str]:
    """Install a distribution with one plugin below ``folder``; gives the environment in which it is found."""
    metadata = folder / f"{package}-3.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 3.0\n")
    (metadata / "entry_points.txt").write_text(f"[inspector]\n{package} = {package}\n")
    for name, source in modules.items():
        (folder / package).mkdir(exist_ok=True)
        (folder / package / f"{name}.py").write_text(source)
    path = [str(folder), str(SOURCES), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(path)}


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with serving({"name": "page", "mode": "page", "port": free_port()}) as servers:
        yield servers


@pytest.fixture(scope="module")
def result(line: Line, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """One inspection with all its scans next to an honest one."""
    environment = announce(tmp_path_factory.mktemp("quitting"), "inspector_quitting")
    port = servers.ports["page"]
    declaration = line.declare(
        system(f"http://127.0.0.1:{port}/", *(f"{name}://127.0.0.1:{port}" for name in SCANS)), name="quitting.yaml"
    )
    only = [word for each in ("quitting", "no-version-disclosed") for word in ("--only", each)]
    return line.spawn("run", declaration, *only, "--lang", "en", "--fail-on", "low", env=environment)


def test_the_exit_code_is_that_of_an_assessment(result: RunResult) -> None:
    """The inspection is complete and sealed, and its exit code says that something was not seen."""
    assert result.code == 3
    assert result.bundle.sealed.predicate.reason == "complete"


def test_an_honest_scan_is_not_disturbed(result: RunResult) -> None:
    """The other page is assessed as usual."""
    assert result.verdict("no-version-disclosed") == ("pass", None)


@pytest.mark.parametrize("name", SCANS)
def test_a_scan_that_ends_the_program(result: RunResult, name: str) -> None:
    """It is an error of the plugin, which the reason names; nothing is parsed from it."""
    assert result.verdict(f"quitting-{name}") == ("error", "bug")
    scan = result.scan(name)
    assert scan.failure is not None
    assert SCANS[name] in scan.failure.detail
    assert scan.facts is None


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_that_ends_the_program(result: RunResult, name: str) -> None:
    """It is an error of the check, which the finding names."""
    check = f"quitting-check-{name}"
    assert result.verdict(check) == ("error", "bug")
    values = result.finding(check)["message"]["values"]
    assert values["check"] == check
    assert CHECKS[name] in values["detail"]


HOOKS = """
import sys
from inspector import hookimpl

@hookimpl
def inspector_checks():
    {statement}
"""
ENDINGS = ["sys.exit(0)", "raise KeyboardInterrupt", "raise EOFError", "raise BrokenPipeError"]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("where", ["import", "hook"])
def test_a_plugin_that_ends_the_program_while_it_is_loaded(line: Line, tmp_path: Path, where: str, ending: str) -> None:
    """It is a usage error that names the plugin and its distribution."""
    source = f"import sys\n{ending}\n" if where == "import" else HOOKS.format(statement=ending)
    environment = announce(tmp_path, "inspector_ending", __init__=source)
    declaration = line.declare(system("http://127.0.0.1:9/"), name="ending.yaml")
    result = line.spawn("plan", declaration, "--lang", "en", env=environment)
    assert result.code == 2
    assert "plugin 'inspector_ending' (inspector_ending 3.0)" in result.err


RENDERER = """
import asyncio, sys
from inspector import Renderer, hookimpl

def render(views, language):
    {statement}

@hookimpl
def inspector_renderers():
    return [Renderer("ending", ".ending", "text/plain", render)]
"""


@pytest.mark.parametrize("ending", ["sys.exit(0)", "raise asyncio.CancelledError", "return 'text'"])
def test_a_renderer_that_ends_the_program(line: Line, servers: Servers, tmp_path: Path, ending: str) -> None:
    """The error names the renderer; what was seen is sealed, and is assessed again without it."""
    environment = announce(tmp_path, "inspector_ending", __init__=RENDERER.format(statement=ending))
    url = f"http://127.0.0.1:{servers.ports['page']}/"
    declaration = line.declare(system(url), name="renderer.yaml")
    only = ("--only", "no-version-disclosed", "--lang", "en")
    result = line.spawn("run", declaration, *only, "--format", "ending", env=environment)
    assert result.code == 2
    assert "the renderer 'ending' of inspector_ending fails: " in result.err
    again = line.spawn("assess", result.bundle.folder, output=result.output, env=environment)
    assert again.code == 0


CANCEL_ALL = """
    for task in asyncio.all_tasks():
        task.cancel()
    await asyncio.sleep(1)
"""
CLOSE_ALL = """
    os.closerange(3, 200)
    await asyncio.sleep(1)
"""
PROBE = """
import asyncio, os
from typing import ClassVar
from inspector import *

class Seen(Observation):
    kind: ClassVar[str] = "ending/1"

def parse(output, context):
    return Seen()

@probe("ending", kind=Seen, schemes={{Scheme("ending")}}, subject_kind=SubjectKind.ADDRESS, parse=parse)
async def scan(target: Target, network: Network) -> ScanOutput:
    {statement}

@check("ending", title="ends")
def ended(seen: Seen) -> Verdict:
    '''It ends.

    Remediation: none.
    '''
    return passed("ends")

@hookimpl
def inspector_probes():
    return [scan]

@hookimpl
def inspector_checks():
    return [ended]
"""


def ending(line: Line, folder: Path, statement: str) -> tuple[Path, dict[str, str]]:
    """A declaration with one endpoint of a plugin whose scan is this, and an environment that has the plugin."""
    environment = announce(folder, "inspector_ending", __init__=PROBE.format(statement=statement))
    (folder / "inspector_ending" / "ending-rows" / "requirements").mkdir(parents=True)
    rows = folder / "inspector_ending" / "ending-rows"
    source = SOURCES / "inspector_bypass" / "bypass-rows" / "regime.yaml"
    (rows / "regime.yaml").write_text(source.read_text().replace("bypass-rows", "ending-rows"))
    row = "- {check: ending, levels: 1-5, force: baseline, obligation: should, severity: low, source: a test}\n"
    (rows / "requirements" / "all.yaml").write_text(row)
    with (folder / "inspector_ending" / "__init__.py").open("a") as module:
        module.write("\n\n@hookimpl\ndef inspector_profiles():\n    from importlib.resources import files\n")
        module.write("    return [files(__name__) / 'ending-rows']\n")
    return line.declare(system("ending://127.0.0.1:9"), name=f"{folder.name}.yaml"), environment


@pytest.mark.parametrize(
    ("statement", "words"),
    [(CANCEL_ALL, "a plugin cancelled the inspection"), (CLOSE_ALL, "the event loop cannot go on: OSError: [Errno 9]")],
    ids=["cancels-all", "closes-descriptors"],
)
def test_what_breaks_the_event_loop_is_said(line: Line, tmp_path: Path, statement: str, words: str) -> None:
    """Where nothing can go on there is no assessment and no exit code of one; the inspection can be closed."""
    declaration, environment = ending(line, tmp_path, statement)
    result = line.spawn("run", declaration, "--only", "ending", "--lang", "en", env=environment)
    assert result.code == 2
    assert words in result.err
    assert not list(result.output.glob("*/*/*/assessments"))
    [folder] = result.output.glob("2*/portal/*")
    closed = line.spawn("seal", folder, "--lang", "en", output=result.output, env=environment)
    assert closed.code in (0, 3)
    assert closed.bundle.sealed.predicate.reason != "complete"


FORGET_MODULES = """
import sys
from inspector import cli
from inspector.cli import app

def call(arguments):
    sys.modules.clear()
    return 2

app.call = call
cli.main([])
"""


def test_an_interpreter_that_cannot_go_on_keeps_the_exit_code() -> None:
    """Where a plugin emptied the table of modules nothing more can be imported; the code is not that of a failure."""
    done = subprocess.run([sys.executable, "-c", FORGET_MODULES], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "")


CLOSE_STREAMS = """
    import sys
    sys.stdout.close()
    sys.stderr = None
    return ScanOutput(raw=(Raw(name="fine", data=b"fine"),))
"""


def test_closed_streams_break_off_no_inspection(line: Line, tmp_path: Path) -> None:
    """What was inspected is sealed and assessed; that nothing could be printed is in the exit code."""
    declaration, environment = ending(line, tmp_path, CLOSE_STREAMS)
    result = line.spawn("run", declaration, "--only", "ending", "--lang", "en", env=environment)
    assert result.code == 2
    assert result.verdict("ending") == ("pass", None)


def test_an_interrupt_by_a_person_ends_a_scan_that_clings(line: Line, tmp_path: Path) -> None:
    """Ctrl-C ends the run in bounded time with code 130, also while a scan swallows its cancellation."""
    marker = tmp_path / "began"
    statement = f"""
    open({str(marker)!r}, "w").close()
    while True:
        try:
            await asyncio.sleep(3600)
        except BaseException:
            pass
"""
    declaration, environment = ending(line, tmp_path, statement)
    output = line.new_output()
    process = line.start("run", declaration, "--only", "ending", "--lang", "en", output=output, env=environment)
    wait_until(marker.exists, process)
    process.send_signal(signal.SIGINT)
    result = line.ended(process, output)
    assert result.code == 130
    assert "nothing is lost" in result.err
