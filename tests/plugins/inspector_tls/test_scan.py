"""One scan as a whole: what it costs, what it keeps, and that it ends."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inspector import Cause, checks_in
from inspector.model.base import now
from inspector.plugin.probe import ParseContext
from inspector_tls.enumeration.probe import parse, tls
from inspector_tls.observations import Tls
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import issue
from tests.plugins.inspector_tls.scanning import scanned


@pytest.fixture(scope="module")
def modern(tmp_path_factory: pytest.TempPathFactory) -> servers.Answer:
    """How a server of TLS 1.2 and 1.3 answers."""
    identity = issue("www.example.vn", dns=["www.example.vn"])
    return servers.speaking_tls(identity.write(tmp_path_factory.mktemp("tls"), "server"))


def test_cost_and_evidence(modern: servers.Answer) -> None:
    """A scan stays below its stated cost, all of it in the ledger, and keeps the transcript."""
    with servers.answering(servers.by_version(modern, 0x0300, servers.resetting)) as port:
        scan = scanned(port)
    assert 0 < len(scan.ledger) <= tls.cost(scan.target, {}).connections
    assert {(each.address, each.port) for each in scan.ledger} == {("127.0.0.1", port)}
    assert [raw.name for raw in scan.output.raw] == ["transcript.json", "messages"]
    assert ("whether SSLv3 is accepted", Cause.RESET) in [(gap.question, gap.cause) for gap in scan.output.gaps]


def test_parsing_again_gives_the_same_bytes(modern: servers.Answer) -> None:
    """The same raw bytes parsed twice give the same facts, byte for byte."""
    with servers.answering(modern) as port:
        scan = scanned(port)
    facts = scan.seen(Tls)
    assert Tls.parse(facts.canonical()) == facts
    again = parse(scan.output, ParseContext(scan.target.subject, now()))
    assert again.canonical() == facts.canonical()


def test_raw_bytes_of_a_failure_are_kept() -> None:
    """What a port answered instead of TLS is kept with the failure."""
    with servers.answering(servers.clear_http) as port:
        scan = scanned(port, seconds=1)
    assert scan.failure is not None
    assert scan.failure.cause is Cause.PROTOCOL_ERROR
    assert b"HTTP/1.1 400" in (scan.output.named("messages") or b"")


def test_dripping_server_ends_in_time() -> None:
    """A server that sends single bytes slowly gets no more than the time of one answer, and few connections."""

    def drip(connection: servers.socket.socket) -> None:
        connection.recv(4096)
        with contextlib.suppress(OSError):
            connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03")
            while True:
                connection.sendall(b"\x00")
                time.sleep(0.05)

    with servers.answering(drip) as port:
        scan = scanned(port, seconds=1)
    assert scan.failure is not None
    assert scan.failure.cause is Cause.TIMEOUT
    assert len(scan.ledger) < 10


def test_the_plugin_loads_without_large_libraries() -> None:
    """Loading the plugin and its contributions does not load sslyze, nassl or cryptography."""
    source = (
        "import sys, inspector_tls as plugin; plugin.inspector_probes(); plugin.inspector_checks();"
        " print([name for name in ('sslyze', 'nassl', 'cryptography') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_every_file_of_cases_names_a_check() -> None:
    """Every case file belongs to a check of this plugin."""
    from inspector_tls import checks

    files = {file.stem for file in (Path(__file__).parent / "cases").glob("*.yaml")}
    assert files == {each.id for each in checks_in(checks)}
