"""Which UDP ports are asked what. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from inspector_services.udp_observations import UdpProtocol
from inspector_services.udp_protocols.cldap import CLDAP
from inspector_services.udp_protocols.coap import COAP
from inspector_services.udp_protocols.dns import DNS
from inspector_services.udp_protocols.ike import IKE, IKE_V1
from inspector_services.udp_protocols.mdns import MDNS
from inspector_services.udp_protocols.memcached import MEMCACHED
from inspector_services.udp_protocols.netbios import NETBIOS
from inspector_services.udp_protocols.ntp import NTP
from inspector_services.udp_protocols.portmap import PORTMAP
from inspector_services.udp_protocols.question import MalformedReply, UdpQuestion
from inspector_services.udp_protocols.quic import QUIC
from inspector_services.udp_protocols.sip import SIP
from inspector_services.udp_protocols.snmp import SNMP
from inspector_services.udp_protocols.ssdp import SSDP
from inspector_services.udp_protocols.tftp import TFTP

#: What a port is asked, in the order of attempts; the last one again where there are more attempts.
_QUESTIONS = (
    (TFTP,),
    (DNS,),
    (PORTMAP,),
    (NTP,),
    (NETBIOS,),
    (SNMP,),
    (CLDAP,),
    (QUIC,),
    (IKE, IKE_V1),
    (SSDP,),
    (SIP,),
    (MDNS,),
    (COAP,),
    (MEMCACHED,),
)
BY_PORT: Mapping[int, tuple[UdpQuestion, ...]] = MappingProxyType({each[0].port: each for each in _QUESTIONS})
#: The ports that checks are about; the others are asked at levels that want the whole list.
CHECKED_PORTS = frozenset({53, 69, 111, 123, 137, 161, 389, 1900, 5353, 11211})
#: Protocols whose short questions are known to get long answers, by the port that is asked: a forged sender turns such
#: a server against others.
AMPLIFIERS: Mapping[int, UdpProtocol] = MappingProxyType(
    {each.port: each.protocol for each in (TFTP, PORTMAP, NETBIOS, CLDAP, SSDP, MDNS, MEMCACHED)}
)
#: What declarations call a service, where that is not the name of the protocol here.
_SERVICES = MappingProxyType(
    {
        "domain": UdpProtocol.DNS,
        "http3": UdpProtocol.QUIC,
        "isakmp": UdpProtocol.IKE,
        "portmap": UdpProtocol.PORTMAP,
        "portmapper": UdpProtocol.PORTMAP,
        "sunrpc": UdpProtocol.PORTMAP,
    }
)


def _read_nothing(_sent: bytes, _reply: bytes) -> str:
    raise MalformedReply


def _kept_nothing(_reply: bytes) -> bytes:
    return b""


#: An empty datagram, for a port of which nothing is known but its number: it is no question of any protocol.
EMPTY = UdpQuestion(UdpProtocol.UNKNOWN, 0, lambda _token: b"", _read_nothing, _kept_nothing)


def _questions_of(service: str | None) -> tuple[UdpQuestion, ...] | None:
    name = (service or "").lower()
    wanted = _SERVICES.get(name, name)
    return next((each for each in _QUESTIONS if each[0].protocol == wanted), None)


def protocol_of(service: str | None) -> UdpProtocol | None:
    """The protocol that a declared service stands for; None for one that has no question."""
    questions = _questions_of(service)
    return None if questions is None else questions[0].protocol


def questions_for(port: int, service: str | None = None) -> tuple[UdpQuestion, ...]:
    """What a port is asked: the protocol of its declared service, else that of its number, else an empty datagram."""
    return _questions_of(service) or BY_PORT.get(port) or (EMPTY,)


def control_port(asked: Collection[int]) -> int:
    """A port that nothing is expected at, from those that nobody registers (RFC 6335 §6)."""
    return next(port for port in range(61_621, 65_535) if port not in asked)
