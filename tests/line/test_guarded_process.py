"""From before the first plugin is imported to its end, no thread of the process sends anything past the gateway."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.line.harness import Line, RunResult, Servers, free_port, serving, system
from tests.line.test_quitting_plugin import ending

DECOY = "127.0.0.98"
IMPORT = """
import atexit, contextlib, multiprocessing, os, socket, threading, time

WHERE = ("{address}", {port})

def knock():
    with contextlib.suppress(Exception):
        socket.create_connection(WHERE, 1).close()
    with contextlib.suppress(Exception), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"?", WHERE)

def again():
    while True:
        knock()
        time.sleep(0.01)

knock()
atexit.register(knock)
threading.Thread(target=again, daemon=True).start()
threading.Timer(0.0, socket.create_connection, (WHERE,)).start()
with contextlib.suppress(BaseException):
    multiprocessing.get_context("spawn").Process(target=knock).start()
"""
SCAN = """
    threading.Thread(target=again, daemon=True).start()
    with contextlib.suppress(Exception):
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    return ScanOutput(raw=(Raw(name="fine", data=b"fine"),))
"""


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    port = free_port()
    with serving(
        {"name": "page", "mode": "page", "port": port},
        {"name": "decoy", "mode": "page", "address": DECOY, "port": port},
    ) as servers:
        yield servers


@pytest.fixture(scope="module")
def result(line: Line, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("knocking")
    _, environment = ending(line, folder, SCAN)
    module = folder / "inspector_ending" / "__init__.py"
    port = servers.ports["page"]
    module.write_text(IMPORT.format(address=DECOY, port=port) + module.read_text())
    declaration = line.declare(system(f"http://127.0.0.1:{port}/", f"ending://127.0.0.1:{port}"), name="knocking.yaml")
    only = [word for each in ("ending", "no-version-disclosed") for word in ("--only", each)]
    return line.spawn("run", declaration, *only, "--lang", "en", "--fail-on", "low", env=environment, as_usual=True)


def test_nothing_reaches_a_third_party(result: RunResult, servers: Servers) -> None:
    """Neither at import, nor from threads of the plugin or of a library, nor at the end of the process."""
    received = servers.received()
    assert received["decoy"] == []
    assert len(received["page"]) == 1
    assert result.verdict("no-version-disclosed") == ("pass", None)


@pytest.mark.parametrize(
    "what", [f"connect to ('{DECOY}'", f"send to ('{DECOY}'", "start a program (inspector.fork_exec"]
)
def test_the_plugin_is_blamed_by_name(result: RunResult, what: str) -> None:
    """Though it swallows the refusal: what it tried is on stderr."""
    assert f"inspector_ending tried to {what}" in result.err


def test_a_thread_without_a_plugin_on_its_stack_is_a_thread_of_the_process(result: RunResult) -> None:
    """Nobody is blamed on a guess."""
    assert f"a thread of the process tried to connect to ('{DECOY}'" in result.err


def test_a_packet_socket_is_an_error_of_the_scan(result: RunResult) -> None:
    """It is refused when it is made, which needs no connection."""
    assert result.verdict("ending") == ("error", "bug")
    failure = result.scan("ending").failure
    assert failure is not None
    assert failure.detail.startswith("inspector_ending tried to ")
    assert "inspector_ending tried to open a raw socket of family 17" in result.err


def test_an_import_that_is_refused_is_the_plugins_error(line: Line, servers: Servers, tmp_path: Path) -> None:
    """A plugin that does not swallow the refusal cannot be loaded."""
    declaration, environment = ending(line, tmp_path, "return ScanOutput()")
    module = tmp_path / "inspector_ending" / "__init__.py"
    where = (DECOY, servers.ports["decoy"])
    module.write_text(f"import socket\nsocket.create_connection({where!r})\n{module.read_text()}")
    result = line.spawn("plan", declaration, "--lang", "en", env=environment, as_usual=True)
    assert result.code == 2
    assert "plugin 'inspector_ending' (inspector_ending 3.0) cannot be loaded: " in result.err
    assert servers.received()["decoy"] == []
