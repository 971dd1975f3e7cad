"""What greets on a port, heard through the gateway from running servers."""

import pytest

from inspector import Answer, Cause, Outcome
from inspector_services.banners import Heard, greeting_of, printable, protocol_of
from inspector_services.checks.no_cleartext_administration import no_cleartext_administration
from inspector_services.observations import Greetings, OpenPorts, PortState, Protocol, Span
from inspector_services.probes import GREETING_BYTES, PORTS_HEARD, greetings
from tests.plugins.inspector_services.scanning import host, read, scan
from tests.plugins.inspector_services.servers import own_address, speaking

HABITS = {
    2101: "drip",
    2102: "flood",
    2103: "ftp",
    2104: "ftps",
    2105: "hangup",
    2106: "login",
    2107: "mysql",
    2108: "rsync",
    2109: "script",
    2110: "silent",
    2111: "smtp",
    2112: "ssh",
    2113: "telnet",
    2114: "vnc",
    2115: "vnc33",
    2116: "vnctls",
}
NOBODY = 2199


def opened(*ports: int) -> OpenPorts:
    return OpenPorts(spans=tuple(Span(first=port, last=port, state=seen(PortState.OPEN)) for port in sorted(ports)))


def seen(state: PortState) -> Answer[PortState]:
    return Answer[PortState](seen=state)


@pytest.fixture(scope="module")
def heard() -> Greetings:
    address = own_address()
    target = host(address)
    with speaking(address, HABITS):
        output = scan(greetings, target, opened(*HABITS, NOBODY))
    return Greetings.model_validate(read(greetings, output, target))


@pytest.mark.parametrize(
    ("habit", "protocol", "in_clear"),
    [
        ("ftp", Protocol.FTP, True),
        ("ftps", Protocol.FTP, None),
        ("login", Protocol.TELNET, True),
        ("mysql", Protocol.MYSQL, None),
        ("rsync", Protocol.RSYNC, None),
        ("smtp", Protocol.SMTP, None),
        ("ssh", Protocol.SSH, False),
        ("telnet", Protocol.TELNET, True),
        ("vnc", Protocol.VNC, True),
        ("vnc33", Protocol.VNC, True),
        ("vnctls", Protocol.VNC, False),
        ("silent", Protocol.SILENT, None),
        ("script", Protocol.UNKNOWN, None),
    ],
)
def test_a_server_is_known_by_its_first_words(
    heard: Greetings, habit: str, protocol: Protocol, in_clear: bool | None
) -> None:
    """The protocol follows from the greeting; whether it is in clear only from what the server said."""
    port = next(port for port, each in HABITS.items() if each == habit)
    said = heard.said(port).value
    assert (said.protocol, said.in_clear) == (protocol, in_clear)


def test_an_endless_or_dripping_greeting_is_cut(heard: Greetings) -> None:
    """No more than the bound is kept of a server that never stops talking."""
    assert all(len(heard.said(port).value.text) <= GREETING_BYTES for port in (2101, 2102))


def test_hanging_up_and_refusing_are_not_silence(heard: Greetings) -> None:
    """A server that closes without a word, and a port that has closed since, are unseen."""
    assert heard.said(2105).unseen is Cause.RESET
    assert heard.said(NOBODY).unseen is Cause.REFUSED


def test_what_a_server_said_is_shown_as_printable_ascii(heard: Greetings) -> None:
    """Terminal escapes and broken UTF-8 in a greeting are escaped."""
    text = heard.said(2109).value.text
    assert text.isascii()
    assert text.isprintable()
    assert "\\x1b]0;owned" in text


def test_declared_ports_whose_role_does_not_matter_are_not_listened_to() -> None:
    """A declared web port is left in peace; a declared database port is heard."""
    address = own_address()
    target = host(address, 8080, 3306)
    with speaking(address, {8080: "silent", 3306: "mysql"}):
        output = scan(greetings, target, opened(8080, 3306))
    assert [each.port for each in read(greetings, output, target).ports] == [3306]


def test_only_so_many_ports_are_listened_to() -> None:
    """Beyond the bound a port is unseen, not silent."""
    target = host(own_address())
    output = scan(greetings, target, opened(*range(20001, 20001 + PORTS_HEARD + 3)))
    unseen = [each.said.unseen for each in read(greetings, output, target).ports]
    assert unseen.count(Cause.ABORTED) == 3
    assert unseen.count(Cause.REFUSED) == PORTS_HEARD


WORDS = b"\xff\x6a\x04Host '192.0.2.1' is not allowed to connect to this MySQL server"
NOT_ALLOWED = len(WORDS).to_bytes(3, "little") + b"\x00" + WORDS


@pytest.mark.parametrize(
    ("first", "protocol"),
    [
        (b"", Protocol.SILENT),
        (b"220 Welcome\r\n", Protocol.UNKNOWN),
        (b"+OK POP3 ready\r\n", Protocol.POP3),
        (b"* OK IMAP4rev1\r\n", Protocol.IMAP),
        (b"HTTP/1.0 408 Request Time-out\r\n", Protocol.HTTP),
        (b"-DENIED Redis is running in protected mode\r\n", Protocol.REDIS),
        (b"hello\r\nSSH-2.0-x\r\n", Protocol.SSH),
        (NOT_ALLOWED, Protocol.MYSQL),
        (b"\x0a\x00\x00\x00\x0a", Protocol.UNKNOWN),
        (b"Password: please\r\n", Protocol.UNKNOWN),
    ],
)
def test_greetings_are_told_apart(first: bytes, protocol: Protocol) -> None:
    """Hand-made greetings that no server here utters."""
    assert protocol_of(first) is protocol


@pytest.mark.parametrize(
    ("reply", "in_clear"),
    [
        (b"", None),
        (b"421 go away\r\n", None),
        (b"220 second line of the banner\r\n", None),
        (b"500 unknown\r\n", True),
        (b"234 go ahead\r\n", None),
    ],
)
def test_ftp_is_in_clear_only_where_tls_is_refused_for_good(reply: bytes, in_clear: bool | None) -> None:
    """Silence or a temporary refusal of AUTH TLS decides nothing."""
    said = greeting_of(Heard(port=21, first=b"220 FTP\r\n", reply=reply)).said.value
    assert said.in_clear is in_clear


@pytest.mark.parametrize(
    ("reply", "in_clear"),
    [
        (b"", None),
        (b"\x00", None),
        (b"\x02\x13\x02", True),
        (b"\x01\x13", None),
        (b"\x05\x12", None),
        (b"\x02\x12\x05", False),
    ],
)
def test_vnc_is_in_clear_where_such_a_security_type_is_on_offer(reply: bytes, in_clear: bool | None) -> None:
    """An incomplete list, or types that may hide either, decide nothing."""
    said = greeting_of(Heard(port=5900, first=b"RFB 003.008\n", reply=reply)).said.value
    assert said.in_clear is in_clear


def test_a_telnet_port_that_says_nothing_is_inconclusive() -> None:
    """A port number alone never decides about clear-text administration; hand-made."""
    silent = Greetings(ports=(greeting_of(Heard(port=23)),))
    verdict = no_cleartext_administration(opened(23), silent)
    assert (verdict.outcome, verdict.cause) == (Outcome.INCONCLUSIVE, Cause.AMBIGUOUS)


def test_printable_text_keeps_every_byte_apart() -> None:
    """All 256 bytes have an escaped form of their own."""
    assert len({printable(bytes([byte])) for byte in range(256)}) == 256
