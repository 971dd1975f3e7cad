"""Servers that answer to exhaust or to deceive: the work is bounded, and what they say becomes no good verdict."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from dns.dnssectypes import Algorithm
from dns.rdtypes.ANY.DNSKEY import DNSKEY

from inspector import Cause, Raw, ScanOutput
from inspector.model.base import now
from inspector_dns import dnssec
from inspector_dns.delegation import delegation
from inspector_dns.exposure import name_server_exposure
from inspector_dns.mail_hosts import mail_hosts
from inspector_dns.observations import ChainFlaw, TrustState
from inspector_dns.probes import name_server, names, zone
from tests.plugins.inspector_dns.scanning import read, scan, subject

ZONE = "hostile.test"
#: The questions of one scan, and the bytes of one message.
MOST_QUESTIONS = 128
MOST_BYTES = 65535


# --- What the servers say -------------------------------------------------------------------------------------------


def _answered(query: dns.message.Message, *lines: str, section: str = "answer", aa: bool = True) -> dns.message.Message:
    reply = dns.message.make_response(query)
    if aa:
        reply.flags |= dns.flags.AA
    for line in lines:
        owner, rdtype, text = line.split(" ", 2)
        name = dns.name.from_text(owner)
        rrset = reply.find_rrset(
            getattr(reply, section), name, dns.rdataclass.IN, dns.rdatatype.from_text(rdtype), create=True
        )
        rrset.add(dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rdtype), text), 60)
    return reply


def _wire(reply: dns.message.Message, tcp: bool) -> bytes:
    try:
        return reply.to_wire(max_size=MOST_BYTES if tcp else 1232)
    except dns.exception.TooBig:
        reply.answer, reply.authority, reply.additional = [], [], []
        reply.flags |= dns.flags.TC
        return reply.to_wire()


def huge(query: dns.message.Message, tcp: bool) -> bytes:
    """Answers of almost 64 kB, of records of the type that was asked for."""
    owner = query.question[0].name.to_text()
    rdtype = dns.rdatatype.to_text(query.question[0].rdtype)
    text: Callable[[int], str] = {
        "NS": lambda n: f"ns{n}.{'x' * 40}.test.",
        "MX": lambda n: f"{n} mx{n}.{'x' * 40}.test.",
        "CAA": lambda n: f'0 issue "ca{n}.example"',
        "A": lambda n: f"11.{n // 65536}.{n // 256 % 256}.{n % 256}",
        "DNSKEY": lambda n: f"257 3 13 {'A' * 82}{n:04}==",
    }.get(rdtype, lambda n: "")
    if not text(1):
        return _wire(_answered(query), tcp)
    return _wire(_answered(query, *(f"{owner} {rdtype} {text(n)}" for n in range(600))), tcp)


def chain(query: dns.message.Message, tcp: bool) -> bytes:
    """An alias of an alias, forty times, without an end."""
    owner = query.question[0].name.to_text()
    lines = [f"{owner} CNAME a0.test.", *(f"a{n}.test. CNAME a{n + 1}.test." for n in range(40))]
    return _wire(_answered(query, *lines), tcp)


def loop(query: dns.message.Message, tcp: bool) -> bytes:
    """An alias of an alias of itself."""
    owner = query.question[0].name.to_text()
    return _wire(_answered(query, f"{owner} CNAME b.test.", f"b.test. CNAME {owner}"), tcp)


def referral(query: dns.message.Message, tcp: bool) -> bytes:
    """Always someone else is asked to know: a referral to many names without addresses (NXNSAttack)."""
    owner = query.question[0].name.to_text()
    lines = [f"{owner} NS ns{n}.victim.test." for n in range(400)]
    return _wire(_answered(query, *lines, section="authority", aa=False), tcp)


def other_question(query: dns.message.Message, tcp: bool) -> bytes:
    """The answer to a question that was not asked."""
    asked = dns.message.make_query("other.test", "A", id=query.id)
    return _wire(_answered(asked, "other.test. A 11.0.0.1"), tcp)


def other_id(query: dns.message.Message, tcp: bool) -> bytes:
    """The answer with another id, as a forger who guesses would send it."""
    query.id ^= 1
    return huge(query, tcp)


def compression(query: dns.message.Message, tcp: bool) -> bytes:
    """A name that points to itself."""
    head = query.id.to_bytes(2, "big") + b"\x84\x00\x00\x01\x00\x01\x00\x00\x00\x00"
    question = query.question[0].name.to_wire() + query.question[0].rdtype.to_bytes(2, "big") + b"\x00\x01"
    place = len(head) + len(question)
    return (
        head
        + question
        + (0xC000 | place).to_bytes(2, "big")
        + b"\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0b\x00\x00\x01"
    )


class Hostile:
    """A server on loopback that answers every question by one function; ``asked`` has the questions."""

    def __init__(self, answer: Callable[[dns.message.Message, bool], bytes]) -> None:
        self.asked: list[str] = []
        self.bytes = 0
        outer = self

        def reply(wire: bytes, tcp: bool) -> bytes:
            query = dns.message.from_wire(wire)
            outer.asked.append(query.question[0].to_text())
            data = answer(query, tcp)
            outer.bytes += len(data)
            return data

        class Datagrams(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                wire, sock = self.request
                sock.sendto(reply(wire, False), self.client_address)

        class Connections(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    size = int.from_bytes(self.rfile.read(2), "big")
                    data = reply(self.rfile.read(size), True)
                    self.wfile.write(len(data).to_bytes(2, "big") + data)

        self._tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Connections)
        self.port = self._tcp.server_address[1]
        self._udp = socketserver.ThreadingUDPServer(("127.0.0.1", self.port), Datagrams)
        self._udp.max_packet_size = MOST_BYTES
        for server in (self._tcp, self._udp):
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        for server in (self._tcp, self._udp):
            server.shutdown()
            server.server_close()


KINDS = (huge, chain, loop, referral, other_question, other_id, compression)
#: What is scanned, and the answer of the observation that must not be seen as absent or good.
SCANS: list[tuple[Any, str, str]] = [
    (zone, f"dns:{ZONE}", "chain"),
    (names, f"host:www.{ZONE}", ""),
    (mail_hosts, f"dns:{ZONE}", "hosts"),
    (delegation, f"dns:{ZONE}", "servers"),
]
SERVERS = (name_server, name_server_exposure)


@dataclass(frozen=True)
class Scanned:
    """What a scan of a hostile server stored, what was read from it, and the questions that the server got."""

    output: ScanOutput
    facts: Any
    asked: list[str]


def _scanned(kind: Callable[[dns.message.Message, bool], bytes], probe: Any, uri: str) -> Scanned:
    server = Hostile(kind)
    try:
        about = subject(probe, uri.format(port=server.port), "127.0.0.1" if probe in SERVERS else None)
        options = {"name_server_port": server.port} if probe is delegation else {}
        options |= {"answer_seconds": 1} if probe in SERVERS else {}
        output = scan(probe, about, server.port, **options)
        return Scanned(output, read(probe, output, about), server.asked)
    finally:
        server.close()


@pytest.fixture(scope="module")
def scanned() -> dict[tuple[str, str], Scanned]:
    """By server and probe, all scans, which mostly wait and are done side by side."""
    wanted = [(probe, uri) for probe, uri, _ in SCANS]
    wanted += [(probe, f"ns://ns.test:{{port}}/{ZONE}") for probe in SERVERS]
    with pytest.MonkeyPatch.context() as patched, ThreadPoolExecutor(48) as pool:
        patched.setattr("inspector.network.dns_lookup._SECONDS", 1.0)  # what has no right answer is waited for
        running = {
            (kind.__name__, probe.name): pool.submit(_scanned, kind, probe, uri)
            for kind in KINDS
            for probe, uri in wanted
        }
        return {key: future.result() for key, future in running.items()}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(("probe", "_uri", "unseen"), SCANS, ids=lambda each: getattr(each, "name", ""))
def test_resolvers_cause_bounded_work(
    scanned: dict[tuple[str, str], Scanned], kind: Callable[..., bytes], probe: Any, _uri: str, unseen: str
) -> None:
    """Questions and kept bytes are bounded, the answers are unseen, and few name servers are discovered."""
    found = scanned[kind.__name__, probe.name]
    assert len(found.asked) <= 4 * MOST_QUESTIONS  # over UDP, again, and over TCP
    assert sum(len(each.data) for each in found.output.raw) <= MOST_QUESTIONS * MOST_BYTES
    assert len(found.output.discovered) <= 24
    answer = getattr(found.facts, unseen) if unseen else None
    if probe is zone and answer.is_seen:  # a reply to the root's keys was taken for one, and shows that it is none
        assert (answer.value.state, answer.value.at) == (TrustState.BOGUS, ".")
    else:
        assert answer is None or answer.unseen is not None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("probe", SERVERS, ids=lambda each: each.name)
def test_name_servers_cause_bounded_work(
    scanned: dict[tuple[str, str], Scanned], kind: Callable[..., bytes], probe: Any
) -> None:
    """A name server gets a handful of questions, whatever it answers, and is not authoritative by it."""
    found = scanned[kind.__name__, probe.name]
    assert len(found.asked) <= 24
    assert sum(len(each.data) for each in found.output.raw) <= 8 * MOST_BYTES
    assert not getattr(found.facts, "is_authoritative", False)
    assert not (probe is name_server_exposure and found.facts.transfer.seen)


# --- Signatures -----------------------------------------------------------------------------------------------------


def _keys_with_one_tag(count: int) -> list[DNSKEY]:
    """Keys of ECDSA that have the same key tag, which is a sum of 16-bit words (KeyTrap, CVE-2023-50387)."""
    words = [bytes([n, 255 - n]) for n in range(32)]
    keys = []
    for n in range(count):
        turned = words[n % 32 :] + words[: n % 32]
        keys.append(DNSKEY(dns.rdataclass.IN, dns.rdatatype.DNSKEY, 257, 3, 13, b"".join(turned)))
    assert len({dns.dnssec.key_id(key) for key in keys}) == 1
    return keys


def _stored(name: str, message: dns.message.Message) -> Raw:
    return Raw(name=name, data=message.to_wire(max_size=MOST_BYTES), media_type="application/dns-message")


def _message(name: str, rdtype: str, *rrsets: dns.rrset.RRset, rcode: int = 0, denial: bool = False) -> Raw:
    reply = dns.message.make_response(dns.message.make_query(name, rdtype))
    reply.flags |= dns.flags.AA
    reply.set_rcode(dns.rcode.Rcode(rcode))
    (reply.authority if denial else reply.answer).extend(rrsets)
    return _stored(f"{name.rstrip('.') or '.'} {rdtype}", reply)


def test_many_keys_and_signatures_with_one_tag_end_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 32 keys with one tag and 200 signatures, the validations are as many as the limits say."""
    keys = _keys_with_one_tag(32)
    owner = dns.name.from_text(ZONE)
    rrset = dns.rrset.from_rdata_list(owner, 60, keys)
    at = int(now().timestamp())
    lines = [
        f"DNSKEY 13 2 60 {at + 86400} {at - 3600} {dns.dnssec.key_id(keys[0])} {ZONE}. {'A' * 82}{n:04}=="
        for n in range(200)
    ]
    signatures = dns.rrset.from_text_list(owner, 60, "IN", "RRSIG", lines)
    output = ScanOutput(raw=(_message(ZONE, "DNSKEY", rrset, signatures),))
    done = []
    monkeypatch.setattr(dns.dnssec, "validate_rrsig", lambda *_, **__: done.append(1) or _invalid())
    anchor = f"{ZONE}. IN " + keys[0].to_text().join(("DNSKEY ", ""))
    facts = read(zone, output, subject(zone, f"dns:{ZONE}"), (anchor,))
    assert facts.chain.unseen is Cause.PROTOCOL_ERROR
    assert len(done) <= dnssec.VALIDATIONS


def _invalid() -> None:
    raise dns.dnssec.ValidationFailure


def test_iterations_of_nsec3_are_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """NSEC3 records with 65,535 iterations are never hashed (CVE-2023-50868): the zone below counts as unsigned."""
    key = Ed25519PrivateKey.generate()
    dnskey = dns.dnssec.make_dnskey(key.public_key(), Algorithm.ED25519, flags=257)
    parent, child = dns.name.from_text("test"), f"{ZONE}"

    def signed(rrset: dns.rrset.RRset) -> list[dns.rrset.RRset]:
        signature = dns.dnssec.sign(
            rrset, key, parent, dnskey, inception=now() - timedelta(hours=1), expiration=now() + timedelta(days=1)
        )
        return [rrset, dns.rrset.from_rdata(rrset.name, 60, signature)]

    owner = dns.name.from_text(f"{'0' * 32}.test.")
    nsec3 = dns.rrset.from_text(owner, 60, "IN", "NSEC3", f"1 0 65535 aabb {'V' * 32} A")
    raw = (
        _message("test", "DNSKEY", *signed(dns.rrset.from_rdata(parent, 60, dnskey))),
        _message(child, "DS", *signed(nsec3), denial=True),
    )
    hashed: list[int] = []
    monkeypatch.setattr(dns.dnssec, "nsec3_hash", lambda *_: hashed.append(1))
    anchor = f"test. IN DNSKEY {dnskey.to_text()}"
    facts = read(zone, ScanOutput(raw=raw), subject(zone, f"dns:{child}"), (anchor,))
    assert (facts.chain.seen.state, facts.chain.seen.flaw) == (TrustState.INSECURE, ChainFlaw.ITERATIONS)
    assert not hashed
