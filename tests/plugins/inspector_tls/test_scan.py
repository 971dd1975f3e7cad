"""One scan as a whole: what it costs, what it keeps, and that it ends."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inspector import Cause, Raw, ScanOutput, checks_in
from inspector.collect.redaction import redacted_notes, redacted_raw
from inspector.model.base import now
from inspector.plugin.probe import ParseContext
from inspector_tls.enumeration.probe import parse, tls, transcript_of
from inspector_tls.enumeration.transcript import Exchange, Mode, Purpose, Transcript
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
        scan = scanned(port)
    assert scan.failure is not None
    assert scan.failure.cause is Cause.PROTOCOL_ERROR
    assert b"HTTP/1.1 400" in (scan.output.named("messages") or b"")


SECRET = b"Zq81XwKk77Rr"
#: What a server may send where TLS is expected.
CLEAR = {
    "a page with a cookie": b"HTTP/1.1 200 OK\r\nSet-Cookie: session=%b; HttpOnly\r\n\r\nHi, %b" % (SECRET, SECRET),
    "a greeting": b"220 mx.example.vn ESMTP %b ready\r\n" % SECRET,
    "text behind an alert": b"\x15\x03\x03\x00\x02\x02\x28Authorization: Basic %b\r\n" % SECRET,
    "text behind the beginning of a record": b"\x16\x03\x03\x00\x04\x02\x00\x00\x00password: %b\r\n" % SECRET,
    "text behind a hello of SSL 2.0": b"\x80\x0b\x04\x00\x01" + bytes(8) + b"Set-Cookie: sid=%b\r\n" % SECRET,
    "text that begins as SSL 2.0 does": b"\x80\x02\x04Set-Cookie: sid=%b\r\n" % SECRET,
}


@pytest.mark.parametrize("scheme", ["tls", "smtp"])
@pytest.mark.parametrize("said", CLEAR.values(), ids=CLEAR)
def test_nothing_secret_of_a_clear_text_is_kept(said: bytes, scheme: str) -> None:
    """Neither raw bytes nor failure and gaps have what a service without TLS said, before STARTTLS or instead."""

    def answer(connection: servers.socket.socket) -> None:
        if scheme == "tls":
            connection.recv(4096)
        with contextlib.suppress(OSError):
            connection.sendall(said)
            connection.recv(4096)
            connection.sendall(b"454 no TLS, try token %b\r\n" % SECRET)

    with servers.answering(answer) as port:
        scan = scanned(port, scheme=scheme)
    kept = redacted_notes(redacted_raw(scan.output))
    assert scan.failure is not None
    assert SECRET not in kept.model_dump_json().encode() + b"".join(raw.data for raw in kept.raw)
    assert SECRET not in scan.failure.detail.encode()


def test_a_secret_in_a_note_is_not_kept_and_the_transcript_is_read_again() -> None:
    """The text of a transcript is searched; its bytes are stored apart, since in them a match is chance."""
    secret = "Authorization: Bearer " + SECRET.decode()
    asked = Exchange(purpose=Purpose.VERSION, sent=b"sid=abcdef", received=b"\x15\x03\x03\x00\x02\x02\x28", note=secret)
    text, data = Transcript(server_name="www.example.vn", mode=Mode.FAST, exchanges=(asked,)).stored()
    raw = (Raw(name="transcript.json", data=text, media_type="application/json"), Raw(name="messages", data=data))
    kept = redacted_raw(ScanOutput(raw=raw))
    (again,) = transcript_of(kept).exchanges
    assert SECRET not in b"".join(each.data for each in kept.raw)
    assert (again.sent, again.received, len(again.note)) == (asked.sent, asked.received, len(asked.note))


def test_the_text_of_a_transcript_is_of_a_type_that_is_searched(modern: servers.Answer) -> None:
    """The parts of a real scan: JSON, which is searched for secrets, and bytes."""
    with servers.answering(modern) as port:
        scan = scanned(port)
    assert [raw.media_type for raw in scan.output.raw] == ["application/json", "application/octet-stream"]
    assert redacted_raw(scan.output).raw == scan.output.raw


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
