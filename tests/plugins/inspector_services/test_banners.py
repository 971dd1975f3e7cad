"""The banner probe against running servers, and the identification of banners."""

import pytest

from inspector import Answer, Cause, Outcome
from inspector_services.banners import StoredBanner, parse_banner, printable, protocol_of
from inspector_services.checks.no_cleartext_administration import no_cleartext_administration
from inspector_services.observations import Banners, OpenPorts, PortState, ServiceProtocol, Span
from inspector_services.probes import BANNER_BYTES, MAX_PORTS, banners
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
CLOSED_PORT = 2199


def opened(*ports: int) -> OpenPorts:
    return OpenPorts(spans=tuple(Span(first=port, last=port, state=seen(PortState.OPEN)) for port in sorted(ports)))


def seen(state: PortState) -> Answer[PortState]:
    return Answer[PortState](seen=state)


@pytest.fixture(scope="module")
def recorded() -> Banners:
    address = own_address()
    target = host(address)
    with speaking(address, HABITS):
        output = scan(banners, target, opened(*HABITS, CLOSED_PORT))
    return Banners.model_validate(read(banners, output, target))


@pytest.mark.parametrize(
    ("habit", "protocol", "cleartext"),
    [
        ("ftp", ServiceProtocol.FTP, True),
        ("ftps", ServiceProtocol.FTP, None),
        ("login", ServiceProtocol.TELNET, True),
        ("mysql", ServiceProtocol.MYSQL, None),
        ("rsync", ServiceProtocol.RSYNC, None),
        ("smtp", ServiceProtocol.SMTP, None),
        ("ssh", ServiceProtocol.SSH, False),
        ("telnet", ServiceProtocol.TELNET, True),
        ("vnc", ServiceProtocol.VNC, True),
        ("vnc33", ServiceProtocol.VNC, True),
        ("vnctls", ServiceProtocol.VNC, False),
        ("silent", ServiceProtocol.SILENT, None),
        ("script", ServiceProtocol.UNKNOWN, None),
    ],
)
def test_a_banner_identifies_the_protocol(
    recorded: Banners, habit: str, protocol: ServiceProtocol, cleartext: bool | None
) -> None:
    """The protocol follows from the banner, cleartext only from what the server sent."""
    port = next(port for port, each in HABITS.items() if each == habit)
    banner = recorded.banner_of(port).value
    assert (banner.protocol, banner.cleartext) == (protocol, cleartext)


def test_an_endless_or_slow_banner_is_truncated(recorded: Banners) -> None:
    """No more than the limit is kept of a server that never stops sending."""
    assert all(len(recorded.banner_of(port).value.text) <= BANNER_BYTES for port in (2101, 2102))


def test_a_closed_or_refused_connection_is_not_silence(recorded: Banners) -> None:
    """A server that closes before any byte, and a port that has closed since, are unseen."""
    assert recorded.banner_of(2105).unseen is Cause.RESET
    assert recorded.banner_of(CLOSED_PORT).unseen is Cause.REFUSED


def test_a_banner_is_stored_as_printable_ascii(recorded: Banners) -> None:
    """Terminal escapes and broken UTF-8 in a banner are escaped."""
    text = recorded.banner_of(2109).value.text
    assert text.isascii()
    assert text.isprintable()
    assert "\\x1b]0;owned" in text


def test_declared_ports_without_a_notable_role_are_not_read() -> None:
    """The banner of a declared web port is not read, that of a declared database port is."""
    address = own_address()
    target = host(address, 8080, 3306)
    with speaking(address, {8080: "silent", 3306: "mysql"}):
        output = scan(banners, target, opened(8080, 3306))
    assert [each.port for each in read(banners, output, target).ports] == [3306]


def test_the_number_of_ports_read_is_limited() -> None:
    """Beyond the limit a port is unseen, not silent."""
    target = host(own_address())
    output = scan(banners, target, opened(*range(20001, 20001 + MAX_PORTS + 3)))
    unseen = [each.banner.unseen for each in read(banners, output, target).ports]
    assert unseen.count(Cause.ABORTED) == 3
    assert unseen.count(Cause.REFUSED) == MAX_PORTS


MYSQL_ERROR = b"\xff\x6a\x04Host '192.0.2.1' is not allowed to connect to this MySQL server"
NOT_ALLOWED = len(MYSQL_ERROR).to_bytes(3, "little") + b"\x00" + MYSQL_ERROR


@pytest.mark.parametrize(
    ("banner", "protocol"),
    [
        (b"", ServiceProtocol.SILENT),
        (b"220 Welcome\r\n", ServiceProtocol.UNKNOWN),
        (b"+OK POP3 ready\r\n", ServiceProtocol.POP3),
        (b"* OK IMAP4rev1\r\n", ServiceProtocol.IMAP),
        (b"HTTP/1.0 408 Request Time-out\r\n", ServiceProtocol.HTTP),
        (b"-DENIED Redis is running in protected mode\r\n", ServiceProtocol.REDIS),
        (b"hello\r\nSSH-2.0-x\r\n", ServiceProtocol.SSH),
        (NOT_ALLOWED, ServiceProtocol.MYSQL),
        (b"\x0a\x00\x00\x00\x0a", ServiceProtocol.UNKNOWN),
        (b"Password: please\r\n", ServiceProtocol.UNKNOWN),
    ],
)
def test_handmade_banners_identify_their_protocol(banner: bytes, protocol: ServiceProtocol) -> None:
    """Hand-made banners that no test server sends identify their protocol."""
    assert protocol_of(banner) is protocol


@pytest.mark.parametrize(
    ("reply", "cleartext"),
    [
        (b"", None),
        (b"421 go away\r\n", None),
        (b"220 second line of the banner\r\n", None),
        (b"500 unknown\r\n", True),
        (b"234 go ahead\r\n", None),
    ],
)
def test_ftp_is_cleartext_only_where_tls_is_refused_permanently(reply: bytes, cleartext: bool | None) -> None:
    """Silence or a temporary refusal of AUTH TLS decides nothing."""
    banner = parse_banner(StoredBanner(port=21, banner=b"220 FTP\r\n", reply=reply)).banner.value
    assert banner.cleartext is cleartext


@pytest.mark.parametrize(
    ("reply", "cleartext"),
    [
        (b"", None),
        (b"\x00", None),
        (b"\x02\x13\x02", True),
        (b"\x01\x13", None),
        (b"\x05\x12", None),
        (b"\x02\x12\x05", False),
    ],
)
def test_vnc_is_cleartext_where_such_a_security_type_is_offered(reply: bytes, cleartext: bool | None) -> None:
    """An incomplete list, or types that may hide either, decide nothing."""
    banner = parse_banner(StoredBanner(port=5900, banner=b"RFB 003.008\n", reply=reply)).banner.value
    assert banner.cleartext is cleartext


def test_a_telnet_port_without_a_banner_is_inconclusive() -> None:
    """A port number alone never decides about cleartext administration; hand-made."""
    silent = Banners(ports=(parse_banner(StoredBanner(port=23)),))
    verdict = no_cleartext_administration(opened(23), silent)
    assert (verdict.outcome, verdict.cause) == (Outcome.INCONCLUSIVE, Cause.AMBIGUOUS)


def test_printable_text_keeps_every_byte_apart() -> None:
    """All 256 bytes have an escaped form of their own."""
    assert len({printable(bytes([byte])) for byte in range(256)}) == 256
