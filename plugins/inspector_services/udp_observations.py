"""The observations that the UDP probes record: what UDP ports answer, and what becomes of intrusive questions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

from inspector import Answer, Cause, Model, Observation
from inspector_services.observations import PortNumber


class UdpProtocol(StrEnum):
    """A protocol over UDP that a reply identifies. ``unknown``: the reply is of none that was asked for."""

    CLDAP = "cldap"
    COAP = "coap"
    DNS = "dns"
    IKE = "ike"
    MDNS = "mdns"
    MEMCACHED = "memcached"
    NETBIOS = "netbios-ns"
    NTP = "ntp"
    PORTMAP = "rpcbind"
    QUIC = "quic"
    SIP = "sip"
    SNMP = "snmp"
    SSDP = "ssdp"
    TFTP = "tftp"
    UNKNOWN = "unknown"


class UdpState(StrEnum):
    """The state of a UDP port as seen from the vantage.

    ``open``: a datagram came back. ``closed``: the target itself says by ICMP that the port is unreachable.
    ``filtered``: a device on the path rejects the packet by ICMP. A port that stays silent is unseen: it may be open.
    """

    OPEN = "open"
    CLOSED = "closed"
    FILTERED = "filtered"


class UdpReply(Model):
    """What a port answered to one question.

    ``protocol`` is what the reply identifies, None of a port that is not open; ``detail`` says what else it shows, as
    printable ASCII. ``sent`` and ``received`` are the bytes of the question, and of what came back until its answer.
    """

    state: UdpState
    protocol: UdpProtocol | None = None
    detail: str = ""
    sent: int = 0
    received: int = 0


class UdpPort(Model):
    """One UDP port and its answer; unseen (timeout) when it stayed silent, (rate-limited) when ICMP is limited."""

    port: PortNumber
    answer: Answer[UdpReply]


class UdpServices(Observation):
    """The UDP ports that were asked at one address, ascending."""

    kind: ClassVar[str] = "udp-services/1"
    #: Of which protocol the ports are, for the comparison with the declaration.
    transport: ClassVar[str] = "udp"

    ports: tuple[UdpPort, ...] = ()

    def answer(self, port: int) -> Answer[UdpReply]:
        """The answer of ``port``; unseen (not-selected) when it was not asked."""
        found = next((each.answer for each in self.ports if each.port == port), None)
        return found or Answer[UdpReply](unseen=Cause.NOT_SELECTED)

    def state(self, port: int) -> Answer[UdpState]:
        """The state of ``port``."""
        answer = self.answer(port)
        return Answer[UdpState](seen=None if answer.seen is None else answer.seen.state, unseen=answer.unseen)

    @property
    def open(self) -> tuple[int, ...]:
        """The ports that answered, ascending."""
        return tuple(each.port for each in self.ports if self.state(each.port).seen is UdpState.OPEN)

    def identified(self, *protocols: UdpProtocol) -> tuple[int, ...]:
        """The open ports whose reply identifies one of these protocols."""
        return tuple(port for port in self.open if self.answer(port).value.protocol in protocols)

    @property
    def asked(self) -> tuple[int, ...]:
        """The ports that were asked, ascending."""
        return tuple(each.port for each in self.ports)

    def is_unidentified(self, port: int) -> bool:
        """Whether the port is open, and its reply identifies no protocol."""
        reply = self.answer(port).seen
        return reply is not None and reply.protocol is UdpProtocol.UNKNOWN

    def unseen(self, among: Iterable[int]) -> dict[int, Cause]:
        """Those of ``among`` whose state was not seen, with the cause."""
        answers = {port: self.answer(port) for port in sorted(among)}
        return {port: answer.unseen for port, answer in answers.items() if answer.unseen is not None}

    def label(self, port: int) -> str:
        """A port as messages show it: ``53/udp (dns)`` where the reply identifies it, else ``53/udp``."""
        reply = self.answer(port).seen
        if reply is None or reply.protocol in (None, UdpProtocol.UNKNOWN):
            return f"{port}/udp"
        return f"{port}/udp ({reply.protocol.value})"

    def sized_label(self, port: int) -> str:
        """The label of an open port with the sizes of question and answer, e.g. ``111/udp (rpcbind), 40 → 28 B``."""
        reply = self.answer(port).value
        return f"{self.label(port)}, {reply.sent} → {reply.received} B"


class Handling(StrEnum):
    """What became of an intrusive question.

    ``answered``: the service did what was asked. ``refused``: it answered that it does not. ``ignored``: it stayed
    silent, while it answered an ordinary question right after. ``closed``: no service can be reached at the port.
    """

    ANSWERED = "answered"
    REFUSED = "refused"
    IGNORED = "ignored"
    CLOSED = "closed"


#: What each intrusive question is about, and the port that belongs to it, by the name of its fact.
INTRUSIVE_QUESTIONS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "recursion": ("dns", 53),
        "ntp_control": ("ntp, mode 6", 123),
        "ntp_monitor": ("ntp, mode 7", 123),
        "snmp_v1": ("snmp, v1", 161),
        "snmp_v2c": ("snmp, v2c", 161),
    }
)


class UdpExposureElsewhere(Model):
    """What became of an intrusive question at a declared port that is not the one of its protocol.

    ``question`` is the name of the fact about that one.
    """

    port: PortNumber
    question: str
    handling: Answer[Handling]


class UdpExposure(Observation):
    """How the services at one address handle questions beyond those of an ordinary client.

    ``recursion``: resolving a name for a stranger. ``ntp_control`` and ``ntp_monitor``: modes 6 and 7 of NTP.
    ``snmp_v1`` and ``snmp_v2c``: reading with the community ``public``. ``elsewhere``: the same at declared ports.
    """

    kind: ClassVar[str] = "udp-exposure/1"

    recursion: Answer[Handling]
    ntp_control: Answer[Handling]
    ntp_monitor: Answer[Handling]
    snmp_v1: Answer[Handling]
    snmp_v2c: Answer[Handling]
    elsewhere: tuple[UdpExposureElsewhere, ...] = ()

    def answers(self, *questions: str) -> dict[str, Answer[Handling]]:
        """What became of these questions at every port, by what messages show, e.g. ``123/udp (ntp, mode 6)``."""
        found: dict[str, Answer[Handling]] = {}
        for question in questions:
            what, port = INTRUSIVE_QUESTIONS[question]
            found[f"{port}/udp ({what})"] = getattr(self, question)
            found |= {
                f"{each.port}/udp ({what})": each.handling for each in self.elsewhere if each.question == question
            }
        return found
