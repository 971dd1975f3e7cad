"""Iterative resolution: from the root servers down to the servers of a zone (RFC 1034 §5.3.3), in place of a resolver.

The reply to a question is composed of the replies of authoritative servers, as a resolver composes it: the aliases in
order, then the records. It is not validated here; signatures and proofs are kept. Work is bounded, whatever servers
send: questions, referrals, aliases, name servers without addresses (CVE-2020-8616) and how deep these are looked up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final
from zlib import crc32

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.NS
import dns.rrset

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network.zone_servers import Address, KnownZones, ZoneServers

#: The most questions for one name, referrals, aliases, addresses asked of one zone, and name servers whose addresses
#: are looked up for it.
QUESTIONS: Final = 64
#: The most questions without a response.
SILENCES: Final = 8
REFERRALS: Final = 16
ALIASES: Final = 16
ADDRESSES: Final = 8
LOOKED_UP: Final = 3
#: How deep the addresses of name servers are looked up: those of the servers of their own zones in turn.
DEPTH: Final = 3
#: The most name servers of a referral that are kept.
SERVERS: Final = 24
#: Seconds for one server.
_SECONDS: Final = 2.0
_ADDRESS_TYPES: Final = (dns.rdatatype.A, dns.rdatatype.AAAA)
_PORT: Final = 53

#: Sends one question to one server; raises ScanFailure.
Ask = Callable[[dns.name.Name, dns.rdatatype.RdataType, Address, float], Awaitable[dns.message.Message]]
#: Raises ScanFailure where a name server, by name and address, may not be asked.
Admit = Callable[[str, str], None]


class _Kind(Enum):
    """What a server's reply is: the answer, a referral to a zone below, or neither."""

    ANSWER = auto()
    REFERRAL = auto()
    LAME = auto()


class _Unresolved(Exception):
    """No server of a zone gives an answer: a resolver says SERVFAIL. ``failure``: why, where none responded at all."""

    def __init__(self, failure: ScanFailure | None) -> None:
        super().__init__()
        self.failure = failure


@dataclass(slots=True)
class Iteration:
    """The resolution of one question from ``roots``. Waiting for the rates of servers takes as long as it takes."""

    ask: Ask
    admit: Admit
    roots: tuple[Address, ...]
    zones: KnownZones
    _left: int = field(default=QUESTIONS)
    _silences: int = field(default=0)

    async def resolve(self, question: dns.message.Message) -> dns.message.Message:
        """The reply as a resolver gives it, SERVFAIL where servers respond and none answers. Raises ScanFailure."""
        asked = question.question[0]
        reply = dns.message.make_response(question, recursion_available=True)
        name = asked.name
        try:
            for _ in range(ALIASES + 1):
                message, zone = await self._answer(name, asked.rdtype, DEPTH)
                following = _take(reply, message, zone, name, asked.rdtype)
                if following is None:
                    reply.set_rcode(message.rcode())
                    reply.authority = [each for each in message.authority if each.name.is_subdomain(zone)]
                    break
                name = following
            else:
                reply = _servfail(question)
        except _Unresolved as unresolved:
            if unresolved.failure is not None:
                raise unresolved.failure from None
            reply = _servfail(question)
        try:
            return dns.message.from_wire(reply.to_wire(max_size=65535))
        except (dns.exception.DNSException, ValueError):  # replies that fit a message each, and none together
            return dns.message.from_wire(_servfail(question).to_wire())

    async def _answer(
        self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, depth: int
    ) -> tuple[dns.message.Message, dns.name.Name]:
        """The answer of a server of the name's zone, and that zone. Raises _Unresolved, ScanFailure."""
        # DS records are the parent's (RFC 4035 §3.1.4.1).
        above = name.parent() if rdtype == dns.rdatatype.DS and name != dns.name.root else name
        known = self.zones.closest(above, asyncio.get_running_loop().time())
        zone, servers = known or (dns.name.root, ZoneServers(tuple(("", root) for root in self.roots)))
        for _ in range(REFERRALS):
            message, kind = await self._of_zone(name, rdtype, zone, servers, depth)
            if kind is _Kind.ANSWER:
                return message, zone
            zone, servers = _referred(message, zone, name)
            self.zones.learn(zone, servers, asyncio.get_running_loop().time())
        raise _Unresolved(None)

    async def _of_zone(
        self,
        name: dns.name.Name,
        rdtype: dns.rdatatype.RdataType,
        zone: dns.name.Name,
        servers: ZoneServers,
        depth: int,
    ) -> tuple[dns.message.Message, _Kind]:
        """The reply of the first server of the zone that answers or refers. Raises _Unresolved, ScanFailure."""
        failure: ScanFailure | None = None
        has_responded = False
        tried: set[Address] = set()
        async for host, address in self._addresses(name, servers, depth):
            if address in tried or len(tried) >= ADDRESSES:
                continue
            tried.add(address)
            try:
                message = await self._ask_one(name, rdtype, host, address)
            except ScanFailure as found:
                if found.cause in _ENDS:
                    raise
                failure = found
                continue
            kind = _kind(message, zone, name)
            if kind is not _Kind.LAME:
                return message, kind
            has_responded = True
        raise _Unresolved(None if has_responded else failure)

    async def _addresses(
        self, name: dns.name.Name, servers: ZoneServers, depth: int
    ) -> AsyncIterator[tuple[str, Address]]:
        """The addresses of a zone's servers: those that came with the referral, then those that are looked up."""
        first = crc32(name.to_digestable()) % (
            len(servers.addresses) or 1
        )  # names of one zone are spread over its servers
        for each in servers.addresses[first:] + servers.addresses[:first]:
            yield each
        if not depth:
            return
        for host in servers.names[:LOOKED_UP]:
            for rdtype in _ADDRESS_TYPES:
                try:
                    message, zone = await self._answer(host, rdtype, depth - 1)
                except _Unresolved:
                    continue
                rrset = message.get_rrset(message.answer, host, dns.rdataclass.IN, rdtype)
                if rrset is not None and host.is_subdomain(zone):
                    for record in list(rrset)[:ADDRESSES]:
                        yield _text(host), (str(record), _PORT)

    async def _ask_one(
        self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, host: str, address: Address
    ) -> dns.message.Message:
        if not self._left:
            raise ScanFailure(Cause.ABORTED, f"the resolution of {_text(name)} took {QUESTIONS} questions")
        if self._silences >= SILENCES:
            raise ScanFailure(Cause.TIMEOUT, f"{SILENCES} questions of the resolution of {_text(name)} got no response")
        self._left -= 1
        if address not in self.roots:
            self.admit(host, address[0])
        try:
            return await self.ask(name, rdtype, address, _SECONDS)
        except ScanFailure as failure:
            self._silences += failure.cause is Cause.TIMEOUT
            raise


def _servfail(question: dns.message.Message) -> dns.message.Message:
    reply = dns.message.make_response(question, recursion_available=True)
    reply.set_rcode(dns.rcode.SERVFAIL)
    return reply


#: Failures after which no other server is asked.
_ENDS: Final = frozenset({Cause.ABORTED, Cause.OUTSIDE_WINDOW, Cause.BUG})


def _kind(message: dns.message.Message, zone: dns.name.Name, name: dns.name.Name) -> _Kind:
    """What the reply of a server of ``zone`` about ``name`` is."""
    if message.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return _Kind.LAME
    has_soa = any(rrset.rdtype == dns.rdatatype.SOA for rrset in message.authority)
    below = message.rcode() == dns.rcode.NOERROR and not message.answer and not has_soa
    if below and next(_cuts(message, zone, name), None) is not None:
        return _Kind.REFERRAL
    return _Kind.ANSWER if message.flags & dns.flags.AA else _Kind.LAME


def _cuts(message: dns.message.Message, zone: dns.name.Name, name: dns.name.Name) -> Iterator[dns.rrset.RRset]:
    """The NS records of zones between ``zone`` and the name, below the former (RFC 2181 §5.4.1)."""
    for rrset in message.authority:
        is_below = rrset.name != zone and rrset.name.is_subdomain(zone) and name.is_subdomain(rrset.name)
        if rrset.rdtype == dns.rdatatype.NS and is_below:
            yield rrset


def _referred(
    message: dns.message.Message, zone: dns.name.Name, name: dns.name.Name
) -> tuple[dns.name.Name, ZoneServers]:
    """The zone of a referral, and its servers; glue counts where the referring zone is above it."""
    rrset = next(_cuts(message, zone, name))
    names = sorted({each.target for each in rrset if isinstance(each, dns.rdtypes.ANY.NS.NS)})[:SERVERS]
    glue = [
        (_text(host), (str(record), _PORT))
        for rdtype in _ADDRESS_TYPES
        for host in names
        if host.is_subdomain(zone)
        for found in [message.get_rrset(message.additional, host, dns.rdataclass.IN, rdtype)]
        for record in found or ()
    ]
    located = {host for host, _ in glue}
    return rrset.name, ZoneServers(tuple(glue), tuple(host for host in names if _text(host) not in located))


def _take(
    reply: dns.message.Message,
    message: dns.message.Message,
    zone: dns.name.Name,
    name: dns.name.Name,
    rdtype: dns.rdatatype.RdataType,
) -> dns.name.Name | None:
    """Add the records about ``name`` in an answer of the zone's server to the reply; the name to ask for next, if any.

    Records about names outside the zone are left out: another server is asked for them.
    """
    for hops in range(ALIASES + 1):
        if not name.is_subdomain(zone):
            return name
        if _copy(reply, message, name, rdtype) is not None:
            return None
        alias = _copy(reply, message, name, dns.rdatatype.CNAME)
        target = next((each.target for each in alias or () if isinstance(each, dns.rdtypes.ANY.CNAME.CNAME)), None)
        if target is None:
            has_soa = any(rrset.rdtype == dns.rdatatype.SOA for rrset in message.authority)
            is_final = not hops or has_soa or message.rcode() == dns.rcode.NXDOMAIN
            return None if is_final else name
        name = target
    return name


def _copy(
    reply: dns.message.Message, message: dns.message.Message, name: dns.name.Name, rdtype: dns.rdatatype.RdataType
) -> dns.rrset.RRset | None:
    """Add a record set of an answer, with its signatures, to the reply."""
    rrset = message.get_rrset(message.answer, name, dns.rdataclass.IN, rdtype)
    if rrset is not None and rrset not in reply.answer:
        signatures = message.get_rrset(message.answer, name, dns.rdataclass.IN, dns.rdatatype.RRSIG, rdtype)
        reply.answer += [rrset, *([signatures] if signatures is not None else [])]
    return rrset


def _text(name: dns.name.Name) -> str:
    return name.canonicalize().to_text(omit_final_dot=True)
