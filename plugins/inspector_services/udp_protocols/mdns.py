"""Multicast DNS on port 5353, asked by unicast (RFC 6762 §5.5, §6.7): the types of services (RFC 6763 §9). Pure."""

from __future__ import annotations

from inspector_services.udp_observations import UdpProtocol
from inspector_services.udp_protocols.dns import IN, PTR, flags_of, kept, query
from inspector_services.udp_protocols.question import UdpQuestion

_NAME = "_services._dns-sd._udp.local"


def _ask(token: bytes) -> bytes:
    return query(token[:2], _NAME, PTR, IN)


def _read(sent: bytes, reply: bytes) -> str:
    """A responder repeats identifier and question for a client that is none of its own kind (RFC 6762 §6.7)."""
    flags_of(sent, reply)
    return ""


MDNS = UdpQuestion(UdpProtocol.MDNS, 5353, _ask, _read, kept)
