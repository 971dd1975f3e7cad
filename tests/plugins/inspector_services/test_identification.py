"""The identification of services behind open ports, by running servers and by hand-made answers."""

from contextlib import ExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector import Answer, Cause, Outcome, Verdict, masked
from inspector_services.banners import TEXT_BYTES, StoredPort, parse_port, printable
from inspector_services.checks.no_cleartext_administration import no_cleartext_administration
from inspector_services.checks.no_database_reachable import no_database_reachable
from inspector_services.identification import MAX_PORTS, banners, kept_of
from inspector_services.observations import Banner, Banners, OpenPorts, PortGroup, PortState, ServiceProtocol
from inspector_services.port_roles import NOTABLE
from inspector_services.protocols import GRAMMARS, OWN
from inspector_services.protocols.dialogue import GREETING, Grammar, Turn
from tests.plugins.inspector_services.scanning import host, identified, opened, read, scan
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
    2117: "ftp-of-mail",
    2118: "smtp-of-files",
    2119: "third",
    2120: "vmware-auth",
}
CLOSED_PORT = 2199


def said(*pairs: tuple[str, bytes]) -> tuple[Turn, ...]:
    """The turns of one connection."""
    return tuple(Turn(question=question, received=received) for question, received in pairs)


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
        ("mysql", ServiceProtocol.MYSQL, True),
        ("rsync", ServiceProtocol.RSYNC, True),
        ("smtp", ServiceProtocol.SMTP, None),
        ("smtp-of-files", ServiceProtocol.SMTP, None),
        ("third", ServiceProtocol.UNKNOWN, None),
        ("ssh", ServiceProtocol.SSH, False),
        ("telnet", ServiceProtocol.TELNET, True),
        ("vmware-auth", ServiceProtocol.VMWARE_AUTH, False),
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
    assert all(len(recorded.banner_of(port).value.text) <= TEXT_BYTES for port in (2101, 2102))


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


def test_ports_of_which_only_the_number_is_declared_are_read_last() -> None:
    """Telnet may be at a number that is declared, and usual for the web."""
    address = own_address()
    target = host(address, 8080, 3306)
    with speaking(address, {8080: "telnet", 3306: "mysql"}):
        output = scan(banners, target, opened(8080, 3306))
    found = read(banners, output, target)
    assert {each.port for each in found.ports} == {3306, 8080}
    assert no_cleartext_administration(opened(8080, 3306), found).measured == ("8080/tcp (telnet)",)


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
    for received in (banner, masked(banner)):
        stored = StoredPort(port=1, turns=(Turn(received=received),))
        assert parse_port(stored).banner.value.protocol is protocol


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
    turns = said(("", b"220 FTP\r\n"), ("noop", b"200 OK\r\n"), ("ftp auth", masked(reply)))
    banner = parse_port(StoredPort(port=21, turns=turns)).banner.value
    assert banner.protocol is ServiceProtocol.FTP
    assert banner.cleartext is cleartext


#: An answer of which a part says another thing than the whole: question, the whole, and how much of it came.
AMQP_TABLE = b"\x07productS\x00\x00\x00\x08RabbitMQ"
AMQP_START = b"\x00\x0a\x00\x0a\x00\x09" + len(AMQP_TABLE).to_bytes(4, "big") + AMQP_TABLE
AMQP_START += b"\x00\x00\x00\x0fANONYMOUS PLAIN\x00\x00\x00\x05en_US"
AMQP_FRAME = b"\x01\x00\x00" + len(AMQP_START).to_bytes(4, "big") + AMQP_START + b"\xce"


@pytest.mark.parametrize(
    "turns",
    [
        said(("amqp", AMQP_FRAME[:45])),
        said(("memcached", b"VERSION 1.6")),
        said(("memcached", b"CLIENT_ERROR unauthenticated")),
        said(("redis", b"-NOAUTH Authentication requ")),
        said(("http docker", b"HTTP/1.1 200 OK\r\nApi-Version: 1.43\r\nDocker-Experimental: false\r\nServ")),
        said(("http", b"HTTP/1.1 200 OK\r\nX-Elastic-Product: Elasticsearch\r\n")),
        # Refused to the anonymous user that is set up, who may read other things.
        said(("http", b"HTTP/1.1 403 Forbidden\r\nX-Elastic-Product: Elasticsearch\r\nContent-Length: 0\r\n\r\n")),
        # Too many clients.
        said(("x11", b"\x00\x26\x0b\x00\x00\x00\x0a\x00" + bytes(40))),
        said(("http consul", b"HTTP/1.1 200 OK\r\nX-Consul-Default-Acl-Policy: deny\r\nVary")),
        said(
            ("http kubernetes", b'HTTP/1.1 200 OK\r\n\r\n{"gitVersion": "v1.30.2"}'),
            ("http kubernetes api", b"HTTP/1.1 200 OK\r\nContent-Ty"),
        ),
        said(
            ("http kubernetes", b'HTTP/1.1 200 OK\r\n\r\n{"gitVersion": "v1.30.2"}'),
            ("http kubernetes api", b"HTTP/1.1 200 OK\r\n\r\n<html>Log in</html>"),
        ),
    ],
)
def test_no_log_in_is_concluded_from_a_part_of_an_answer(turns: tuple[Turn, ...]) -> None:
    """What of the answer is missing may say the opposite."""
    kept = tuple(each.model_copy(update={"received": kept_of(each)}) for each in turns)
    for each in (turns, kept):
        banner = parse_port(StoredPort(port=1, turns=each)).banner.seen
        assert banner is None or banner.authentication is None


@pytest.mark.parametrize(
    ("reply", "cleartext"),
    [
        (b"500-no\r\n", None),
        (b"234-first\r\n500 users are here\r\n", None),
        (b"234-first\r\n500 users are here\r\n234 go ahead\r\n", None),
        (b"530-first\r\n234 users are here\r\n530 log in\r\n", True),
    ],
)
def test_ftp_is_judged_by_a_whole_reply(reply: bytes, cleartext: bool | None) -> None:
    """A line inside a reply of several lines may begin with any number (RFC 959 §4.2)."""
    turns = said(("", b"220 FTP\r\n"), ("noop", b"200 OK\r\n"), ("ftp auth", reply))
    assert parse_port(StoredPort(port=21, turns=turns)).banner.value.cleartext is cleartext


SMB2_REQUIRED = b"\x00\x00\x00\xfe\xfeSMB@\x00\x01\x00" + bytes(56) + b"A\x00\x03\x00\x11\x03\x01\x00" + bytes(40)


_CLOSED = Turn(question="smb1", closed=True)


@pytest.mark.parametrize(
    ("turns", "smb1"),
    [
        ((Turn(question="smb1"),), None),
        ((_CLOSED,), None),
        ((_CLOSED, Turn(question="smb2 after smb1", closed=True)), None),
        ((_CLOSED, Turn(question="smb2 after smb1", cause=Cause.REFUSED)), None),
        ((_CLOSED, Turn(question="smb2 after smb1", received=SMB2_REQUIRED)), False),
    ],
)
def test_smb_1_is_off_where_the_server_closes_on_it_alone(turns: tuple[Turn, ...], smb1: bool | None) -> None:
    """One that closes every connection by now, or did not answer, may offer SMB 1, without required signing."""
    stored = StoredPort(port=445, turns=(Turn(question="smb2", received=SMB2_REQUIRED), *turns))
    smb = parse_port(stored).banner.value.smb
    assert smb is not None
    assert smb.smb1.seen is smb1
    assert smb.signing_required.seen is (None if smb1 is None else True)


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
    stored = StoredPort(port=5900, turns=said(("", b"RFB 003.008\n"), ("vnc types", reply)))
    banner = parse_port(stored).banner.value
    assert banner.cleartext is cleartext


def test_a_telnet_port_without_a_banner_is_inconclusive() -> None:
    """A port number alone never decides about cleartext administration; hand-made."""
    silent = Banners(ports=(parse_port(StoredPort(port=23, turns=(Turn(),))),))
    verdict = no_cleartext_administration(opened(23), silent)
    assert (verdict.outcome, verdict.cause) == (Outcome.INCONCLUSIVE, Cause.AMBIGUOUS)


#: What answers at a database's number, and what the database check says of it.
AT_A_NUMBER = {
    (5432, "hangup"): (Outcome.INCONCLUSIVE, ("5432/tcp (postgresql?)",)),
    (5432, "leaver"): (Outcome.INCONCLUSIVE, ("5432/tcp (postgresql?)",)),
    (5432, "tls"): (Outcome.INCONCLUSIVE, ("5432/tcp (postgresql?)",)),
    (5432, "script"): (Outcome.INCONCLUSIVE, ("5432/tcp (postgresql?)",)),
    (5432, "third"): (Outcome.INCONCLUSIVE, ("5432/tcp (postgresql?)",)),
    (5432, "silent"): (Outcome.INCONCLUSIVE, ("5432/tcp (postgresql?)",)),
    (1521, "silent"): (Outcome.INCONCLUSIVE, ("1521/tcp (oracle?)",)),
    (1434, "silent"): (Outcome.INCONCLUSIVE, ("1434/tcp (mssql-monitor?)",)),
    (5432, "http"): (Outcome.PASS, None),
    (5432, "smtp-of-files"): (Outcome.PASS, None),
    (1433, "http"): (Outcome.PASS, None),
    (3306, "silent"): (Outcome.INCONCLUSIVE, ("3306/tcp (mysql?)",)),
    (3306, "hangup"): (Outcome.INCONCLUSIVE, ("3306/tcp (mysql?)",)),
    (5984, "http"): (Outcome.INCONCLUSIVE, ("5984/tcp (couchdb?)",)),
    (9200, "http"): (Outcome.INCONCLUSIVE, ("9200/tcp (elasticsearch?)",)),
}


def only(port: int) -> OpenPorts:
    """All notable ports, of which this alone is open."""
    return OpenPorts(
        groups=tuple(
            PortGroup(
                listed=str(each),
                state=Answer[PortState](seen=PortState.OPEN if each == port else PortState.CLOSED),
            )
            for each in sorted(NOTABLE)
        )
    )


@pytest.fixture(scope="module")
def at_a_number() -> dict[tuple[int, str], Verdict]:
    """What the database check says where a port is open with this habit."""
    with ExitStack() as stack:
        jobs = []
        for port, habit in AT_A_NUMBER:
            address = own_address()
            stack.enter_context(speaking(address, {port: habit}))
            jobs.append((host(address), only(port)))
        found = identified(*jobs)
    verdicts = [no_database_reachable(ports, facts) for (_, ports), facts in zip(jobs, found, strict=True)]
    return dict(zip(AT_A_NUMBER, verdicts, strict=True))


@pytest.mark.parametrize(("port", "habit"), AT_A_NUMBER)
def test_a_number_alone_names_no_database(at_a_number: dict[tuple[int, str], Verdict], port: int, habit: str) -> None:
    """What the server says decides; silence, at whatever number, is neither the service nor its absence."""
    verdict = at_a_number[port, habit]
    outcome, measured = AT_A_NUMBER[port, habit]
    assert (verdict.outcome, verdict.measured) == (outcome, measured)
    assert verdict.cause is (Cause.AMBIGUOUS if outcome is Outcome.INCONCLUSIVE else None)


def test_printable_text_keeps_every_byte_apart() -> None:
    """All 256 bytes have an escaped form of their own."""
    assert len({printable(bytes([byte])) for byte in range(256)}) == 256


# --- hostile bytes ----------------------------------------------------------------------------------------------------

#: JSON that computers and their decoders stumble over: depth, long numbers, half of a surrogate pair, what is no JSON.
HOSTILE_JSON = {
    "deep": b"[" * 4000,
    "deep object": b'{"version":' * 300 + b"1" + b"}" * 300,
    "deep lists": b'{"version": ' + b"[" * 900 + b"]" * 900 + b"}",
    "long number": b'{"version": ' + b"9" * 4000 + b"}",
    "longer number": b'{"version": 1' + b"0" * 5000 + b"}",
    "exponent": b'{"version": 1e999999999}',
    "no number": b'{"version": NaN, "kind": -Infinity}',
    "surrogate": b'{"version": "\\ud800", "number": "\\udfff", "tagline": "\\ud800"}',
    "surrogate inside": b'{"version": {"number": "\\ud800"}, "tagline": "x", "gitVersion": "\\udc00"}',
    "surrogate as a name": b'{"\\ud800": {"version": "1"}, "version": {"\\ud800": {"number": "\\ud800"}}}',
    "bytes": b'{"version": "\xff\xfe", "kind": "\x00"}',
    "twice": b'{"version": "1", "version": {"number": []}}',
}


def _replies_with(text: bytes) -> list[Turn]:
    """The text as the body of a page to each question over HTTP, and as what NATS says first."""
    about = text[:-1] + b', "server_id": "A"}' if text.endswith(b"}") else text
    asked = [question for question in QUESTIONS if question.startswith("http")]
    head = b"HTTP/1.1 200 OK\r\nApi-Version: 1\r\nDocker-Experimental: no\r\n\r\n"
    greetings = [Turn(received=b"INFO " + each + b"\r\n") for each in (text, about)]
    return [*(Turn(question=question, received=head + text) for question in asked), *greetings]


@pytest.mark.parametrize("name", sorted(HOSTILE_JSON))
def test_hostile_json_is_a_banner(name: str) -> None:
    """No JSON makes what is stored, or how it is read, fail."""
    for turn in _replies_with(HOSTILE_JSON[name]):
        kept = turn.model_copy(update={"received": kept_of(turn)})
        stored = StoredPort.parse(StoredPort(port=1, turns=(kept,)).canonical())
        for each in (StoredPort(port=1, turns=(turn,)), stored):
            Banners.parse(Banners(ports=(parse_port(each),)).canonical())


def test_hostile_json_at_one_port_hides_no_other() -> None:
    """The ports beside it are identified, and it is a banner itself."""
    address = own_address()
    target = host(address)
    habits = {2201: "hostile-nats", 2202: "hostile-page", 2203: "ssh"}
    with speaking(address, habits):
        facts = Banners.model_validate(read(banners, scan(banners, target, opened(*habits)), target))
    assert {each.port: each.banner.seen and each.banner.seen.protocol for each in facts.ports} == {
        2201: ServiceProtocol.UNKNOWN,
        2202: ServiceProtocol.ELASTICSEARCH,
        2203: ServiceProtocol.SSH,
    }


def test_a_fault_of_a_grammar_hides_no_other_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a grammar fails, its port is unseen (bug), and the others are identified."""

    def fails(turn: Turn) -> bool:
        return bool(turn.received) and {b"SSH": False}[turn.received[:3]]

    broken = Grammar(ServiceProtocol.VNC, fails, lambda _turns: Banner(text="", protocol=ServiceProtocol.VNC))
    monkeypatch.setattr("inspector_services.protocols.GRAMMARS", (broken, *GRAMMARS))
    address = own_address()
    target = host(address)
    with speaking(address, {2203: "ssh", 2204: "smtp"}):
        output = scan(banners, target, opened(2203, 2204))
    facts = Banners.model_validate(read(banners, output, target))
    assert facts.banner_of(2203).value.protocol is ServiceProtocol.SSH
    assert facts.banner_of(2204).unseen is Cause.BUG
    unreadable = parse_port(StoredPort(port=1, turns=said(("", b"other"))))
    assert unreadable.banner.unseen is Cause.BUG


QUESTIONS = sorted({ask.name for asks in OWN.values() for ask in asks} | {GREETING, "noop", "tls", "redis info"})
#: What servers really send, each with the question that it answers; cut, and changed in one place.
REAL = [
    (GREETING, b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
    (GREETING, b"220 (vsFTPd 3.0.3)\r\n"),
    (GREETING, b"RFB 003.008\n"),
    (GREETING, b"*\x00\x00\x00\n8.0.36-0ubuntu0\x00" + bytes(30)),
    (GREETING, b'INFO {"server_id": "A", "version": "2.9.10", "auth_required": true}\r\n'),
    ("noop", b"220-late\r\n200 OK\r\n"),
    ("redis", b"+PONG\r\n"),
    ("redis info", b"$40\r\n# Server\r\nredis_version:7.0.15\r\nos:Linux\r\n"),
    ("memcached", b"VERSION 1.6.18_DIST\r\n"),
    ("http", b'HTTP/1.1 200 OK\r\n\r\n{"version": {"number": "7.1"}, "tagline": "x"}'),
    ("http docker", b'HTTP/1.1 200 OK\r\nApi-Version: 1.43\r\nDocker-Experimental: false\r\n\r\n{"Version": "24.0"}'),
    ("http kubernetes", b'HTTP/1.1 403 Forbidden\r\n\r\n{"kind": "Status", "status": "Failure"}'),
    ("rdp", b"\x03\x00\x00\x13\x0e\xd0\x00\x00\x124\x00\x02\x01\x08\x00\x02\x00\x00\x00"),
    ("smb2", b"\x00\x00\x00\xfe\xfeSMB@\x00\x01\x00" + bytes(56) + b"A\x00\x03\x00\x11\x03\x01\x00" + bytes(40)),
    ("mssql", b"\x04\x01\x00\x1a" + bytes((0, 0, 1, 0, 0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 255, 15, 0, 7, 208, 0, 0, 0))),
    ("ldap", b"0\x0c\x02\x01\x01e\x07\n\x01\x00\x04\x00\x04\x00"),
    ("amqp", b"\x01\x00\x00\x00\x00\x00\x6f\x00\n\x00\n\x00\t\x00\x00\x00J\x07productS\x00\x00\x00\x08RabbitMQ"),
    ("cassandra", b"\x84\x00\x00\x00\x06\x00\x00\x00\x02\x00\x00"),
    ("zookeeper", b"Zookeeper version: 3.8.0-5a02a05, built on 2022-02-25 08:49 UTC\nMode: standalone\n"),
    ("oracle", b"\x00\x41\x00\x00\x04\x00\x00\x00\x22\x00\x005(DESCRIPTION=(TMP=)(VSNNUM=0)(ERR=0)(ALIAS=LISTENER))"),
    ("rlogin", b"\x01rlogind: Permission denied.\r\n"),
    ("neo4j-bolt", b"\x00\x00\x04\x05"),
    ("epmap", b"\x05\x00\x0c\x03\x10\x00\x00\x00\x3c\x00\x00\x00PSNI" + bytes(44)),
    ("pptp", b"\x00\x9c\x00\x01\x1a+<M\x00\x02\x00\x00\x01\x00\x01\x00" + bytes(140)),
    ("x11", b"\x01\x00\x0b\x00\x00\x00U\t" + bytes(30)),
]  # fmt: skip


@st.composite
def real_turns(draw: st.DrawFn) -> Turn:
    """A real answer, whole, cut short or with bytes in its middle."""
    question, real = draw(st.sampled_from(REAL))
    at = draw(st.integers(0, len(real)))
    received = draw(st.sampled_from([real, real[:at], real[:at] + draw(st.binary(max_size=12)) + real[at:]]))
    return Turn(question=question, received=received, closed=draw(st.booleans()), tls=draw(st.booleans()))


ANY_TURN = st.builds(
    Turn,
    question=st.sampled_from(QUESTIONS),
    received=st.binary(max_size=300),
    closed=st.booleans(),
    tls=st.booleans(),
)
TURNS = st.lists(real_turns() | ANY_TURN, min_size=1, max_size=4)


def _judged(banner: Banner | None) -> object:
    """What checks judge by."""
    return banner and (banner.protocol, banner.tls, banner.cleartext, banner.authentication, banner.rdp, banner.smb)


@given(turns=TURNS)
@settings(max_examples=400)
def test_no_answer_makes_the_parser_fail(turns: list[Turn]) -> None:
    """Whatever a server sends is a banner; and the same one is read again from what is kept of it."""
    whole = StoredPort(port=1, turns=tuple(turns))
    kept = StoredPort(port=1, turns=tuple(each.model_copy(update={"received": kept_of(each)}) for each in turns))
    first, again = parse_port(whole).banner, parse_port(StoredPort.parse(kept.canonical())).banner
    assert (first.unseen, _judged(first.seen)) == (again.unseen, _judged(again.seen))
    assert again.seen is None or len(again.seen.text) <= TEXT_BYTES


@pytest.mark.parametrize(
    ("title", "product"),
    [
        (b"pve7 - Proxmox Virtual Environment", "Proxmox VE"),
        (b"Plesk Obsidian 18.0.60", "Plesk"),
        (b"iLO 5", "HPE iLO"),
        (b"iDRAC9 - Login", "iDRAC"),
        (b"Plesk hosting in Hanoi", ""),
        (b"What is new in iLO 6?", ""),
        (b"Veeam Backup Enterprise Manager: a review", ""),
    ],
)
def test_a_page_is_named_by_its_whole_title(title: bytes, product: str) -> None:
    """A page about a product is not the product's; what is stored says the same, with the title as it is shown."""
    turn = Turn(question="http", received=b"HTTP/1.1 200 OK\r\n\r\n<html><head><title>" + title + b"</title></head>")
    for each in (turn, turn.model_copy(update={"received": kept_of(turn)})):
        banner = parse_port(StoredPort(port=443, turns=(each,))).banner.value
        assert banner.product == product
        assert (banner.protocol is ServiceProtocol.ADMINISTRATION_PAGE) is bool(product)
        assert banner.title == title.decode()


@pytest.mark.parametrize(
    ("body", "title"),
    [
        (b"<TITLE lang='vi'>\n C\xe1\xbb\x95ng  VPN &amp; more\n</TITLE>", "Cổng VPN & more"),
        (b"<title>a</title><title>b</title>", "a"),
        (b"<title>\xff\x1b]0;owned\x07</title>", "\\xff\\x1b]0;owned\\x07"),
        (b"<title>password=hunter2 here</title>", "password=xxxxxx0 here"),
        (b"<title>&#x202e;evil&lt;script&gt;</title>", "\\x202eevil<script>"),
        (b"<title>" + b"x" * 4000, "x" * 160),
        (b"<title" + b" x" * 2000, ""),
        (b"<titles>no</titles>", ""),
        (b'{"title": "no"}', ""),
    ],
)
def test_a_title_is_read_in_bounds(body: bytes, title: str) -> None:
    """Whatever stands there, it is short, printable and the same when it is read again from what is stored."""
    turn = Turn(question="http", received=b"HTTP/1.1 200 OK\r\n\r\n" + body)
    for each in (turn, turn.model_copy(update={"received": kept_of(turn)})):
        assert parse_port(StoredPort(port=443, turns=(each,))).banner.value.title == title


@pytest.mark.parametrize("certificate", [b"", b"no certificate", b"\x30\x84\xff\xff\xff\xff", bytes(8192)])
def test_a_certificate_that_cannot_be_read_has_no_subject(certificate: bytes) -> None:
    """The banner stands without it."""
    stored = StoredPort(
        port=443, turns=(Turn(question="tls", received=b"handshake", tls=True),), certificate=certificate
    )
    banner = parse_port(stored).banner.value
    assert (banner.protocol, banner.subject) == (ServiceProtocol.TLS, ())
