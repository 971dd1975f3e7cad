"""The process of the name servers: a good, signed zone and a bad one below a signed ``test.``

It answers for these zones only, both as resolver and as authoritative server. RFC 1034 §4.3.2, RFC 4035 §3.1 (NSEC).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.node
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec
from dns.dnssectypes import Algorithm, DSDigest

from inspector.demo.child_process import read_configuration, report_ready

TOP = dns.name.from_text("test.")
UDP_BYTES = 1232
LIFETIME_SECONDS = 7 * 86_400
CLIENT_SECONDS = 30.0

_TOP = """
@ 300 IN SOA ns1.bo-mau.test. quan-tri.bo-mau.test. 1 3600 600 86400 300
@ 300 IN NS ns1.bo-mau.test.
@ 300 IN NS ns2.bo-mau.test.
bo-mau 300 IN NS ns1.bo-mau.test.
bo-mau 300 IN NS ns2.bo-mau.test.
luu-niem 300 IN NS ns1.bo-mau.test.
"""

_GOOD = """
@ 300 IN SOA ns1 quan-tri 1 3600 600 86400 300
@ 300 IN NS ns1
@ 300 IN NS ns2
@ 300 IN MX 10 thu
@ 300 IN TXT "v=spf1 mx -all"
@ 300 IN CAA 0 issue "ca.bo-mau.test"
_dmarc 300 IN TXT "v=DMARC1; p=reject; rua=mailto:dmarc@bo-mau.test"
ns1 300 IN A {name_server}
ns2 300 IN A {second_name_server}
thu 300 IN A {portal}
cong 300 IN A {portal}
van-ban 300 IN A {silent}
"""

_POOR = """
@ 300 IN SOA ns1.bo-mau.test. quan-tri 1 3600 600 86400 300
@ 300 IN NS ns1.bo-mau.test.
@ 300 IN MX 10 cua-hang
@ 300 IN TXT "v=spf1 mx +all"
cua-hang 300 IN A {shop}
"""


class Zones:
    """The zones and their answers."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self._top = dns.zone.from_text(_TOP, origin=TOP, relativize=False)
        good = dns.zone.from_text(_GOOD.format(**addresses), origin="bo-mau.test.", relativize=False)
        poor = dns.zone.from_text(_POOR.format(**addresses), origin="luu-niem.test.", relativize=False)
        delegation = _sign(good)
        with self._top.writer() as change:
            change.add(good.origin, 300, delegation)
        self.anchor = f"{TOP} IN DS {_sign(self._top)}"
        self._zones = (good, poor, self._top)
        self._names = {zone.origin: sorted(_secured(zone)) for zone in self._zones}

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """The answer to a query; REFUSED outside these zones."""
        reply = dns.message.make_response(query)
        question = query.question[0]
        zone = self._of(question.name, question.rdtype)
        if zone is None:
            reply.set_rcode(dns.rcode.REFUSED)
            return reply
        reply.flags |= dns.flags.AA
        signed = bool(query.ednsflags & dns.flags.DO)
        found = zone.get_rrset(question.name, question.rdtype)
        if found is not None:
            _add(reply.answer, zone, found, signed=signed)
            return reply
        exists = any(name.is_subdomain(question.name) for name in zone)
        if not exists:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        _add(reply.authority, zone, zone.get_rrset(zone.origin or TOP, dns.rdatatype.SOA), signed=signed)
        if signed:
            self._deny(reply, zone, question.name, exists=exists)
        return reply

    def _of(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> dns.zone.Zone | None:
        """The zone that answers; DS records are in the parent zone."""
        if rdtype == dns.rdatatype.DS and name != TOP and name in {zone.origin for zone in self._zones}:
            return self._top
        return next((zone for zone in self._zones if name.is_subdomain(zone.origin or TOP)), None)

    def _deny(self, reply: dns.message.Message, zone: dns.zone.Zone, name: dns.name.Name, *, exists: bool) -> None:
        """Add the NSEC records that deny a name, or its records of a type, if the zone is signed."""
        names = self._names[zone.origin]
        wanted = [name] if exists else [name, dns.name.Name((b"*", *_closest(name, zone).labels))]
        owners = {names[bisect_right(names, each) - 1] for each in wanted} if names else set()
        for owner in sorted(owners):
            _add(reply.authority, zone, zone.get_rrset(owner, dns.rdatatype.NSEC), signed=True)


def _sign(zone: dns.zone.Zone) -> Any:
    """Sign a zone with a new key; the result is its DS record."""
    private = ec.generate_private_key(ec.SECP256R1())
    key = dns.dnssec.make_dnskey(private.public_key(), Algorithm.ECDSAP256SHA256, flags=257)
    begins = int(time.time()) - 3600
    dns.dnssec.sign_zone(zone, keys=[(private, key)], inception=begins, expiration=begins + LIFETIME_SECONDS)
    return dns.dnssec.make_ds(zone.origin or TOP, key, DSDigest.SHA256)


def _secured(zone: dns.zone.Zone) -> Iterable[dns.name.Name]:
    return (name for name in zone if zone.get_rrset(name, dns.rdatatype.NSEC) is not None)


def _closest(name: dns.name.Name, zone: dns.zone.Zone) -> dns.name.Name:
    """The closest encloser (RFC 4592 §3.3.1)."""
    while not any(each.is_subdomain(name) for each in zone):
        name = name.parent()
    return name


def _add(section: list[dns.rrset.RRset], zone: dns.zone.Zone, found: dns.rrset.RRset | None, *, signed: bool) -> None:
    if found is None:
        return
    section.append(found)
    signature = zone.get_rrset(found.name, dns.rdatatype.RRSIG, found.rdtype)
    if signed and signature is not None:
        section.append(signature)


# --- Transport ------------------------------------------------------------------------------------------------------


class _Responder:
    """Answers wire-format queries."""

    def __init__(self, zones: Zones) -> None:
        self._zones = zones

    def answer(self, wire: bytes, most_bytes: int) -> bytes | None:
        """The reply in wire format, truncated when longer than ``most_bytes``; None when ``wire`` is not a query."""
        try:
            query = dns.message.from_wire(wire)
        except (dns.exception.DNSException, ValueError):
            return None
        if query.flags & dns.flags.QR or len(query.question) != 1:
            return None
        reply = self._zones.answer(query)
        whole = reply.to_wire()
        if len(whole) <= most_bytes:
            return whole
        cut = dns.message.make_response(query, recursion_available=True)
        cut.flags |= dns.flags.TC
        return cut.to_wire()


async def _datagrams(responder: _Responder, sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    sock.setblocking(False)
    while True:
        wire, client = await loop.sock_recvfrom(sock, 65_535)
        reply = responder.answer(wire, UDP_BYTES)
        if reply is not None:
            with contextlib.suppress(OSError):
                await loop.sock_sendto(sock, reply, client)


async def _serve(responder: _Responder, configuration: dict[str, Any]) -> None:
    async def serve_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError, TimeoutError):
            async with asyncio.timeout(CLIENT_SECONDS):
                while True:
                    size = int.from_bytes(await reader.readexactly(2), "big")
                    reply = responder.answer(await reader.readexactly(size), 65_535)
                    if reply is None:
                        break
                    writer.write(len(reply).to_bytes(2, "big") + reply)
                    await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()

    servers = [
        await asyncio.start_server(serve_client, sock=socket.socket(fileno=each)) for each in configuration["tcp"]
    ]
    async with asyncio.TaskGroup() as serving:
        for server in servers:
            serving.create_task(server.serve_forever())
        for each in configuration["udp"]:
            serving.create_task(_datagrams(responder, socket.socket(fileno=each)))


def main() -> None:
    """Answer until the parent ends."""
    configuration = read_configuration()
    zones = Zones(configuration["addresses"])
    report_ready(anchor=zones.anchor)
    asyncio.run(_serve(_Responder(zones), configuration))


if __name__ == "__main__":
    main()
