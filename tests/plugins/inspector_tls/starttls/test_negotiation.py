"""The negotiation of TLS in each protocol: without I/O, with replies of real servers and of the RFCs."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector import Cause, ScanFailure
from inspector_tls.starttls.negotiation import DIALOGUES, Names, Negotiation, NotOffered, NotUnderstood, Refused

NAMES = Names(host="www.example.vn", ehlo="inspector.example.vn")
MYSQL = b"\x0a5.7.44\x00\x08\x00\x00\x00saltsalt\x00\xff%c\x08\x02\x00\xff\x81\x15" + bytes(10) + b"salt" * 3 + b"\x00"


def mysql(flags: int) -> bytes:
    packet = MYSQL % flags
    return len(packet).to_bytes(3, "little") + b"\x00" + packet


def rdp(kind: int, number: int) -> bytes:
    return b"\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00" + bytes([kind, 0, 8, 0]) + number.to_bytes(4, "little")


def ldap(code: int) -> bytes:
    return b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01" + bytes([code]) + b"\x04\x00\x04\x00"


STREAM = b"<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
FEATURES = b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"

OFFERED = {
    "smtp": [b"220-a\r\n220 b\r\n", b"250-a\r\n250-STARTTLS\r\n250 SIZE\r\n", b"220 go\r\n"],
    "submission": [b"220 b\r\n", b"250 STARTTLS\r\n", b"220 2.0.0 go\r\n"],
    "lmtp": [b"220 b\r\n", b"250-x\r\n250 starttls\r\n", b"220\r\n"],
    "imap": [b"* OK [CAPABILITY IMAP4rev1]\r\n", b"* CAPABILITY STARTTLS\r\na1 OK x\r\n", b"a2 Ok begin\r\n"],
    "pop3": [b"+OK\r\n", b"+OK\r\nSTLS\r\nUSER\r\n.\r\n", b"+OK begin\r\n"],
    "sieve": [b'"IMPLEMENTATION" "x"\r\n"STARTTLS"\r\nOK "ready"\r\n', b"ok\r\n"],
    "ftp": [b"220 x\r\n", b"500 what?\r\n", b"234 go\r\n"],
    "ldap": [ldap(0)],
    "xmpp-client": [STREAM + FEATURES, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"],
    "xmpp-server": [STREAM + FEATURES, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'></proceed>"],
    "postgresql": [b"S"],
    "mysql": [mysql(0xFF)],
    "rdp": [rdp(2, 1)],
    "nntp": [b"200 x\r\n", b"101 list\r\nSTARTTLS\r\n.\r\n", b"382 go\r\n"],
}
NOT_OFFERED = [
    ("smtp", [b"220 x\r\n", b"250-a\r\n250 SIZE\r\n"]),
    ("smtp", [b"220 x\r\n", b"500 no such command\r\n"]),
    ("submission", [b"220 x\r\n", b"502 not implemented\r\n"]),
    ("smtp", [b"220 x\r\n", b"250-a\r\n250 XSTARTTLS STARTTLS-NOT\r\n"]),
    ("imap", [b"* OK x\r\n", b"* CAPABILITY IMAP4rev1\r\na1 OK x\r\n"]),
    ("pop3", [b"+OK\r\n", b"+OK\r\nUSER\r\n.\r\n"]),
    ("pop3", [b"+OK\r\n", b"-ERR what?\r\n", b"-ERR what?\r\n"]),
    ("sieve", [b'"IMPLEMENTATION" "x"\r\nOK\r\n']),
    ("ftp", [b"220 x\r\n", b"211-x\r\n UTF8\r\n211 End\r\n", b"530 Please login\r\n"]),
    ("ldap", [ldap(2)]),
    ("ldap", [ldap(52)]),
    ("xmpp-client", [STREAM + b"<stream:features/>"]),
    ("postgresql", [b"N"]),
    ("mysql", [mysql(0xF7)]),
    ("rdp", [b"\x03\x00\x00\x0b\x06\xd0\x00\x00\x12\x34\x00"]),
    ("rdp", [rdp(2, 0)]),
    ("rdp", [rdp(3, 2)]),
    ("nntp", [b"200 x\r\n", b"101 list\r\nREADER\r\n.\r\n"]),
]
REFUSED = [
    ("smtp", [b"220 x\r\n", b"250 STARTTLS\r\n", b"501 no\r\n"]),
    ("imap", [b"* OK x\r\n", b"* CAPABILITY STARTTLS\r\na1 OK x\r\n", b"a2 NO no certificate\r\n"]),
    ("pop3", [b"+OK\r\n", b"+OK\r\nSTLS\r\n.\r\n", b"-ERR no\r\n"]),
    ("sieve", [b'"STARTTLS"\r\nOK\r\n', b'NO "no"\r\n']),
    ("ftp", [b"220 x\r\n", b"211-x\r\n AUTH TLS\r\n211 End\r\n", b"534 no\r\n"]),
    ("ftp", [b"220 x\r\n", b"500 x\r\n", b"431 no certificate\r\n"]),
    ("ldap", [ldap(1)]),
    ("xmpp-server", [STREAM + FEATURES, b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"]),
    ("rdp", [rdp(3, 3)]),
    ("nntp", [b"200 x\r\n", b"101 list\r\nSTARTTLS\r\n.\r\n", b"580 no\r\n"]),
]
REJECTED = [
    ("smtp", [b"450 later\r\n"]),
    ("smtp", [b"554 go away\r\n"]),
    ("smtp", [b"220 x\r\n", b"250 STARTTLS\r\n", b"454 later\r\n"]),
    ("smtp", [b"220 x\r\n", b"550 5.7.1 your name is on a list\r\n"]),
    ("submission", [b"220 x\r\n", b"501 5.5.4 a name that resolves, please\r\n"]),
    ("lmtp", [b"220 x\r\n", b"554-no\r\n554 access\r\n"]),
    ("imap", [b"* OK x\r\n", b"* CAPABILITY STARTTLS\r\na1 OK x\r\n", b"a2 NO [UNAVAILABLE] later\r\n"]),
    ("pop3", [b"+OK\r\n", b"+OK\r\nSTLS\r\n.\r\n", b"-ERR [SYS/TEMP] later\r\n"]),
    ("sieve", [b'"STARTTLS"\r\nOK\r\n', b'NO (TRYLATER) "later"\r\n']),
    ("imap", [b"* OK x\r\n", b"a1 NO not now\r\n"]),
    ("imap", [b"* BYE full\r\n"]),
    ("imap", [b"* PREAUTH you\r\n"]),
    ("pop3", [b"-ERR full\r\n"]),
    ("ldap", [ldap(51)]),
    ("postgresql", [b"E"]),
    ("mysql", [b"\x10\x00\x00\x00\xff\x6a\x04Host blocked.."]),
    ("xmpp-client", [STREAM + b"<stream:error><host-unknown/></stream:error>"]),
]
NONSENSE = [
    ("smtp", [b"SSH-2.0-x\r\n"]),
    ("smtp", [b"220 x\r\n", b"220 and welcome again\r\n"]),
    ("smtp", [b"220 x\r\n", b"250 STARTTLS\r\n", b"250 ok\r\n"]),
    ("ftp", [b"220 x\r\n220 again\r\n", b"211-x\r\n AUTH TLS\r\n211 End\r\n", b"234 go\r\n"]),
    ("ftp", [b"220 x\r\n", b"220 welcome again\r\n", b"211-x\r\n AUTH TLS\r\n211 End\r\n"]),
    ("nntp", [b"200 x\r\n", b"101 list\r\nSTARTTLS\r\n.\r\n", b"205 bye\r\n"]),
    ("imap", [b"220 x\r\n"]),
    ("imap", [b"* OK\r\n", b"HTTP/1.1 400\r\n"]),
    ("pop3", [b"hello\r\n"]),
    ("ldap", [b"HTTP"]),
    ("ldap", [b"\x30\x85"]),
    ("ldap", [b"\x30\x03\x02\x01\x01"]),
    ("xmpp-client", [b"220 x\r\n"]),
    ("postgresql", [b"H"]),
    ("postgresql", [b"Sx"]),
    ("mysql", [mysql(0xFF)[:3] + b"\x01" + mysql(0xFF)[4:]]),
    ("mysql", [b"220 hello\r\n"]),
    ("mysql", [b"\x05\x00\x00\x00\x0a5.7\x00"]),
    ("rdp", [b"HTTP"]),
    ("rdp", [b"\x03\x00\x00\x02"]),
    ("rdp", [b"\x03\x00\x00\x0b\x06\x80\x00\x00\x12\x34\x00"]),
    ("smtp", [b"220-" + b"x" * 17_000]),
]


def run(scheme: str, pieces: list[bytes]) -> Negotiation:
    """A negotiation that received these pieces, each after it had sent."""
    negotiation = Negotiation(scheme, NAMES)
    for piece in pieces:
        negotiation.take()
        negotiation.feed(piece)
    return negotiation


def test_every_protocol_is_tried() -> None:
    """For every scheme of the table there is a server here that begins TLS."""
    assert {scheme.name for scheme in DIALOGUES} == set(OFFERED)


@pytest.mark.parametrize("scheme", OFFERED)
def test_ready(scheme: str) -> None:
    """The ClientHello follows the server's consent, and not before."""
    assert not run(scheme, OFFERED[scheme][:-1]).is_ready
    assert run(scheme, OFFERED[scheme]).is_ready


@pytest.mark.parametrize("scheme", OFFERED)
def test_pieces_do_not_matter(scheme: str) -> None:
    """Replies that arrive byte by byte have the same result."""
    negotiation = Negotiation(scheme, NAMES)
    for piece in OFFERED[scheme]:
        negotiation.take()
        for byte in piece:
            negotiation.feed(bytes([byte]))
    assert negotiation.is_ready


def test_requests() -> None:
    """What is sent is what the RFCs write, with the names given."""
    negotiation = Negotiation("smtp", NAMES)
    sent = [negotiation.take()]
    for piece in OFFERED["smtp"]:
        negotiation.feed(piece)
        sent.append(negotiation.take())
    assert sent == [b"", b"EHLO inspector.example.vn\r\n", b"STARTTLS\r\n", b""]
    assert b"to='www.example.vn'" in Negotiation("xmpp-client", NAMES).take()
    assert b" to=" not in Negotiation("xmpp-client", Names(host="", ehlo="x")).take()
    request = run("mysql", OFFERED["mysql"]).take()
    assert (len(request), request[:4]) == (36, b"\x20\x00\x00\x01")


@pytest.mark.parametrize(("scheme", "pieces"), NOT_OFFERED)
def test_not_offered(scheme: str, pieces: list[bytes]) -> None:
    """A server that does not support the request for TLS is recognised."""
    with pytest.raises(NotOffered):
        run(scheme, pieces)


@pytest.mark.parametrize(("scheme", "pieces"), REFUSED)
def test_refused(scheme: str, pieces: list[bytes]) -> None:
    """A server that announces TLS and refuses it is recognised."""
    with pytest.raises(Refused):
        run(scheme, pieces)


@pytest.mark.parametrize(("scheme", "pieces"), REJECTED)
def test_rejected(scheme: str, pieces: list[bytes]) -> None:
    """A server that rejects this client, temporarily or not, has not answered about TLS."""
    with pytest.raises(ScanFailure) as caught:
        run(scheme, pieces)
    assert type(caught.value) is ScanFailure
    assert caught.value.cause is Cause.REFUSED


@pytest.mark.parametrize(("scheme", "pieces"), NONSENSE)
def test_other_protocols(scheme: str, pieces: list[bytes]) -> None:
    """Bytes of another protocol, and oversized replies, are never an answer."""
    with pytest.raises(NotUnderstood):
        run(scheme, pieces)


@given(scheme=st.sampled_from(sorted(OFFERED)), pieces=st.lists(st.binary(min_size=1, max_size=60), max_size=5))
def test_hostile_bytes_end_in_an_answer(scheme: str, pieces: list[bytes]) -> None:
    """Whatever a server sends ends in an answer, in a wait or in ScanFailure."""
    with contextlib.suppress(ScanFailure):
        run(scheme, pieces)


@pytest.mark.parametrize("scheme", ["xmpp-client", "xmpp-server"])
def test_the_domain_of_an_xmpp_stream_has_u_labels(scheme: str) -> None:
    """Servers know themselves by them (RFC 7622 §3.2.1)."""
    dialogues = {known.name: dialogue for known, dialogue in DIALOGUES.items()}
    step = next(dialogues[scheme](Names(host="xn--strae-oqa.test", ehlo="inspector.invalid")))
    assert " to='straße.test'" in step.send.decode()
