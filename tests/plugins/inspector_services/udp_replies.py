"""Replies over UDP as servers sent them, with their questions.

``python -m tests.plugins.inspector_services.udp_replies`` records them anew (needs root). Those of CLDAP, QUIC, SSDP
and NTP's mode 7 are of scripted servers.
"""

import json
import socket
from pathlib import Path
from typing import NamedTuple

from inspector_services.udp_protocols import dns, ntp, snmp
from inspector_services.udp_protocols.question import UdpQuestion
from inspector_services.udp_questions import BY_PORT
from tests.plugins.inspector_services.udp_servers import ADDRESS, Namespace, by_the_book, exposed

PATH = Path(__file__).with_name("udp_replies.json")
#: A token that repeats nothing.
TOKEN = bytes(range(0x21, 0x49))
#: Every question, by a name.
QUESTIONS: dict[str, UdpQuestion] = {
    **{f"{each.protocol}-{number}": each for questions in BY_PORT.values() for number, each in enumerate(questions)},
    "recursion": dns.RECURSION,
    "ntp-control": ntp.CONTROL,
    "ntp-monitor": ntp.MONITOR,
    "snmp-v1": snmp.PUBLIC_V1,
    "snmp-v2c": snmp.PUBLIC_V2C,
}


class Exchange(NamedTuple):
    """A question, and what a server replied."""

    sent: bytes
    reply: bytes


def exchanges() -> dict[str, Exchange]:
    """The recorded replies by the names of their questions."""
    stored = json.loads(PATH.read_text())
    return {name: Exchange(*map(bytes.fromhex, pair)) for name, pair in stored.items()}


def _reply(question: UdpQuestion) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(3)
        sock.sendto(question.ask(TOKEN), (ADDRESS, question.port))
        try:
            return sock.recv(65535)
        except (TimeoutError, ConnectionError):
            return b""


def _record(space: Namespace) -> dict[str, list[str]]:
    replies = {name: space.call(lambda each=each: _reply(each)) for name, each in QUESTIONS.items()}
    return {name: [QUESTIONS[name].ask(TOKEN).hex(), reply.hex()] for name, reply in replies.items() if reply}


if __name__ == "__main__":
    with by_the_book() as space:
        found = {name: pair for name, pair in _record(space).items() if QUESTIONS[name].port in (389, 443, 1900, 123)}
    with exposed() as space:
        found |= _record(space)
    PATH.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
