"""Multicast DNS on port 5353, asked by unicast (RFC 6762 §5.5, §6.7): the types of services (RFC 6763 §9). Pure."""

from __future__ import annotations

from inspector_services.udp_observations import UdpProtocol
from inspector_services.udp_protocols.dns import (
    AUTHORITATIVE,
    IN,
    PTR,
    RCODE,
    RECURSION_AVAILABLE,
    flags_of,
    kept,
    query,
)
from inspector_services.udp_protocols.question import UdpQuestion, require

_NAME = "_services._dns-sd._udp.local"


def _ask(token: bytes) -> bytes:
    return query(token[:2], _NAME, PTR, IN)


def _read(sent: bytes, reply: bytes) -> str:
    """A responder repeats identifier and question for a client that is none of its own kind (RFC 6762 §6.7).

    It has answers, by its own authority, without recursion and without an error (RFC 6762 §6, §18): other servers of
    names do not answer for ``local.`` so.
    """
    flags = flags_of(sent, reply)
    require(flags & (AUTHORITATIVE | RECURSION_AVAILABLE | RCODE) == AUTHORITATIVE and reply[6:8] != bytes(2))
    return ""


def _kept(reply: bytes) -> bytes:
    """Header and question, and that there are answers."""
    without = kept(reply)
    return without[:6] + reply[6:8] + without[8:]


MDNS = UdpQuestion(UdpProtocol.MDNS, 5353, _ask, _read, _kept)
