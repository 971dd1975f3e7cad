"""The banner probe against running servers, and the identification of banners."""

import pytest

from inspector import Answer, Cause, Outcome, Target, Verdict, masked
from inspector_services.banners import StoredBanner, parse_banner, printable, protocol_of
from inspector_services.checks.no_cleartext_administration import no_cleartext_administration
from inspector_services.checks.no_database_reachable import no_database_reachable
from inspector_services.identification import BANNER_BYTES, MAX_PORTS, banners
from inspector_services.observations import Banners, OpenPorts, PortState, ServiceProtocol, Span
from inspector_services.port_roles import NOTABLE
from inspector_services.questions import NOOP
from tests.plugins.inspector_services.scanning import host, read, scan
from tests.plugins.inspector_services.servers import own_address, postgresql, redis, speaking, vsftpd

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
    2117: "ftp-of-mail",
    2118: "smtp-of-files",
    2119: "third",
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
        ("ftp-of-mail", ServiceProtocol.FTP, True),
        ("ftps", ServiceProtocol.FTP, None),
        ("login", ServiceProtocol.TELNET, True),
        ("mysql", ServiceProtocol.MYSQL, None),
        ("rsync", ServiceProtocol.RSYNC, None),
        ("smtp", ServiceProtocol.SMTP, None),
        ("smtp-of-files", ServiceProtocol.SMTP, None),
        ("third", ServiceProtocol.UNKNOWN, None),
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
    assert "\\x1b]0;xxxxx" in text


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
        (b"220 Welcome to the FTP server\r\n", ServiceProtocol.UNKNOWN),
        (b"220 mail.example ESMTP\r\n", ServiceProtocol.UNKNOWN),
        (b"SSH-keys are on our web page\r\n", ServiceProtocol.UNKNOWN),
        (b"RFB of the day\r\n", ServiceProtocol.UNKNOWN),
        (b"+OKAY\r\n", ServiceProtocol.UNKNOWN),
        (b"HTTP/ is not spoken here\r\n", ServiceProtocol.UNKNOWN),
        (b"+OK POP3 ready\r\n", ServiceProtocol.POP3),
        (b"* OK IMAP4rev1\r\n", ServiceProtocol.IMAP),
        (b"HTTP/1.0 408 Request Time-out\r\n", ServiceProtocol.HTTP),
        (b"-DENIED Redis is running in protected mode\r\n", ServiceProtocol.REDIS),
        (b"hello\r\nSSH-2.0-x\r\n", ServiceProtocol.SSH),
        (NOT_ALLOWED, ServiceProtocol.MYSQL),
        (b"\x0a\x00\x00\x00\x0a", ServiceProtocol.UNKNOWN),
        (b"Password: please\r\n", ServiceProtocol.UNKNOWN),
        (b"+OK send your login:\r\n", ServiceProtocol.POP3),
        (b"* OK this server wants a password:\r\n", ServiceProtocol.IMAP),
        (b"220 give your username:\r\n", ServiceProtocol.UNKNOWN),
        (b"SSH-2.0-x\r\nlogin: ", ServiceProtocol.TELNET),
    ],
)
def test_handmade_banners_identify_their_protocol(banner: bytes, protocol: ServiceProtocol) -> None:
    """Hand-made banners that no test server sends identify their protocol, also as they are recorded."""
    assert protocol_of(banner) is protocol
    assert protocol_of(masked(banner)) is protocol


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
    stored = StoredBanner(port=21, banner=b"220 FTP\r\n", question=NOOP, answer=b"200 OK\r\n", reply=masked(reply))
    banner = parse_banner(stored).banner.value
    assert banner.protocol is ServiceProtocol.FTP
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
    banner = parse_banner(StoredBanner(port=5900, banner=masked(b"RFB 003.008\n"), reply=masked(reply))).banner.value
    assert banner.cleartext is cleartext


def test_a_telnet_port_without_a_banner_is_inconclusive() -> None:
    """A port number alone never decides about cleartext administration; hand-made."""
    silent = Banners(ports=(parse_banner(StoredBanner(port=23)),))
    verdict = no_cleartext_administration(opened(23), silent)
    assert (verdict.outcome, verdict.cause) == (Outcome.INCONCLUSIVE, Cause.AMBIGUOUS)


#: What answers at a database's number, and what the database check says of it.
AT_A_NUMBER = {
    (5432, "hangup"): (Outcome.INCONCLUSIVE, ("5432/tcp (postgresql?)",)),
    (5432, "leaver"): (Outcome.INCONCLUSIVE, ("5432/tcp (postgresql?)",)),
    (5432, "tls"): (Outcome.INCONCLUSIVE, ("5432/tcp (postgresql?)",)),
    (5432, "script"): (Outcome.INCONCLUSIVE, ("5432/tcp (postgresql?)",)),
    (5432, "third"): (Outcome.INCONCLUSIVE, ("5432/tcp (postgresql?)",)),
    (5432, "silent"): (Outcome.FAIL, ("5432/tcp (postgresql?)",)),
    (5432, "http"): (Outcome.PASS, None),
    (5432, "smtp-of-files"): (Outcome.PASS, None),
    (1433, "http"): (Outcome.PASS, None),
    (3306, "silent"): (Outcome.INCONCLUSIVE, ("3306/tcp (mysql?)",)),
    (3306, "hangup"): (Outcome.INCONCLUSIVE, ("3306/tcp (mysql?)",)),
    (5984, "http"): (Outcome.FAIL, ("5984/tcp (couchdb?)",)),
    (9200, "http"): (Outcome.INCONCLUSIVE, ("9200/tcp (elasticsearch?)",)),
}


def _database_verdict(target: Target, port: int) -> Verdict:
    """What the database check says where only this port is open."""
    everything = OpenPorts(
        spans=tuple(
            Span(first=each, last=each, state=seen(PortState.OPEN if each == port else PortState.CLOSED))
            for each in sorted(NOTABLE)
        )
    )
    found = read(banners, scan(banners, target, everything), target)
    return no_database_reachable(everything, Banners.model_validate(found))


@pytest.mark.parametrize(("port", "habit"), AT_A_NUMBER)
def test_a_number_alone_names_no_database(port: int, habit: str) -> None:
    """What the server says decides; silence counts only where the registered service waits for its client, too."""
    address = own_address()
    with speaking(address, {port: habit}):
        verdict = _database_verdict(host(address), port)
    outcome, measured = AT_A_NUMBER[port, habit]
    assert (verdict.outcome, verdict.measured) == (outcome, measured)
    assert verdict.cause is (Cause.AMBIGUOUS if outcome is Outcome.INCONCLUSIVE else None)


def test_a_database_is_named_by_its_answer() -> None:
    """PostgreSQL answers an SSLRequest, Redis a PING, whether or not it lets the client in."""
    address = own_address()
    with postgresql(address, 5432):
        assert _database_verdict(host(address), 5432).measured == ("5432/tcp (postgresql)",)
    with redis(address, 16379):
        verdict = _database_verdict(host(address), 16379)
    assert (verdict.outcome, verdict.measured) == (Outcome.INCONCLUSIVE, ("16379/tcp (redis-cluster?)",))
    with redis(address, 6379):
        assert _database_verdict(host(address), 6379).measured == ("6379/tcp (redis)",)


def test_a_real_ftp_server_is_named_by_its_reply() -> None:
    """vsftpd wants a login before NOOP and refuses AUTH TLS."""
    address = own_address()
    with vsftpd(address, 2021):
        found = read(banners, scan(banners, host(address), opened(2021)), host(address))
    banner = Banners.model_validate(found).banner_of(2021).value
    assert (banner.protocol, banner.cleartext) == (ServiceProtocol.FTP, True)


def test_printable_text_keeps_every_byte_apart() -> None:
    """All 256 bytes have an escaped form of their own."""
    assert len({printable(bytes([byte])) for byte in range(256)}) == 256
