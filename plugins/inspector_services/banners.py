"""Identifies protocols by banner or reply, and cleartext sessions by the reply to a client's first command. Pure.

Only what the server sent in the form that its protocol prescribes identifies it: neither a port number nor a word in
the text of a greeting, which its operator chooses.
"""

from __future__ import annotations

import re

from inspector import Answer, Cause, Model
from inspector_services.observations import Banner, PortBanner, ServiceProtocol
from inspector_services.questions import identified_by

#: A telnet negotiation: IAC, then WILL, WON'T, DO or DON'T, then an option (RFC 854).
_TELNET = re.compile(rb"\xff[\xfb-\xfe].", re.DOTALL)
_PROMPT = re.compile(rb"(?:login|user ?name|password)\s*:\s*\Z", re.IGNORECASE)
#: The identification string, which other lines may precede (RFC 4253 §4.2, §5.1).
_SSH = re.compile(rb"^SSH-(2\.0|1\.\d{1,2})-", re.MULTILINE)
_FTP_CODE = re.compile(rb"^(\d{3}) ", re.MULTILINE)
_RFB = re.compile(rb"RFB (\d{3})\.(\d{3})\n")

#: RFB security types (IANA registry "Remote Framebuffer Security Types") without encryption: None, VNC Authentication.
_RFB_CLEARTEXT = frozenset({1, 2})
#: RFB security types that encrypt the session: RA2, TLS, RA2-256.
_RFB_ENCRYPTED = frozenset({5, 18, 129})

#: Greetings that only one protocol prescribes: RFC 6143 §7.1.1, rsync's daemon protocol, RFC 1939 §4,
#: RFC 3501 §7.1, Redis in protected mode, RFC 9112 §4.
_GREETINGS = (
    (_RFB, ServiceProtocol.VNC),
    (re.compile(rb"@RSYNCD: \d+(\.\d+)?"), ServiceProtocol.RSYNC),
    (re.compile(rb"\+OK[ \r]"), ServiceProtocol.POP3),
    (re.compile(rb"\* (OK|PREAUTH|BYE) "), ServiceProtocol.IMAP),
    (re.compile(rb"-DENIED Redis "), ServiceProtocol.REDIS),
    (re.compile(rb"HTTP/1\.[01] \d{3}"), ServiceProtocol.HTTP),
)


class StoredBanner(Model):
    """The bytes received on one port: the banner, and replies to what a client sent.

    ``question`` was sent to learn the protocol and ``answer`` came back; ``reply`` is that to a client's first command.
    ``cause`` says why nothing was received; an empty ``banner`` means that the server sent nothing within the timeout.
    ``hung_up``: the server closed the connection on the question of the very service that the port is registered for.
    """

    port: int
    banner: bytes = b""
    question: bytes = b""
    answer: bytes = b""
    reply: bytes = b""
    hung_up: bool = False
    cause: Cause | None = None


class StoredBanners(Model):
    """The bytes received on all ports that were read at one address."""

    ports: tuple[StoredBanner, ...] = ()


def protocol_of(banner: bytes) -> ServiceProtocol:
    """The protocol that the banner alone identifies.

    A greeting with code 220 is FTP's, SMTP's and others': it identifies none (``needs_noop``).
    """
    if not banner:
        return ServiceProtocol.SILENT
    for greeting, protocol in _GREETINGS:
        if greeting.match(banner):
            return protocol
    if _TELNET.match(banner) or (_PROMPT.search(banner) and not needs_noop(banner)):
        return ServiceProtocol.TELNET
    if _SSH.search(banner):
        return ServiceProtocol.SSH
    return ServiceProtocol.MYSQL if _is_mysql(banner) else ServiceProtocol.UNKNOWN


def needs_noop(banner: bytes) -> bool:
    """Whether the reply to NOOP tells the protocol of this greeting."""
    return banner[:4] in (b"220 ", b"220-")


def identified(stored: StoredBanner) -> ServiceProtocol:
    """The protocol of one port, by its banner or by its answer to a question."""
    if stored.answer:
        return identified_by(stored.question, stored.answer)
    return ServiceProtocol.UNKNOWN if stored.hung_up else protocol_of(stored.banner)


def _is_mysql(banner: bytes) -> bool:
    """Whether this is a MySQL packet numbered 0 with a handshake (version 10, server version) or an error."""
    length = int.from_bytes(banner[:3], "little")
    handshake = re.match(rb"\x00\x0a[ -~]+\x00", banner[3:]) is not None
    error = banner[3:5] == b"\x00\xff" and length == len(banner) - 4
    return 1 < length < 1024 and (handshake or error)


def client_command(protocol: ServiceProtocol, banner: bytes) -> bytes | None:
    """The first command of an ordinary client, where its reply shows whether the session is encrypted; else None."""
    match protocol:
        case ServiceProtocol.FTP:
            return b"AUTH TLS\r\n"
        case ServiceProtocol.VNC:
            version = _RFB.match(banner)
            return version.group() if version and int(version[2]) >= 7 else None
    return None


def is_complete(protocol: ServiceProtocol, reply: bytes) -> bool:
    """Whether the reply to ``client_command`` is complete enough to decide."""
    if protocol is ServiceProtocol.FTP:
        return any(code != b"220" for code in _FTP_CODE.findall(reply)) and reply.endswith(b"\n")
    return bool(reply) and len(reply) > reply[0]


def _cleartext(protocol: ServiceProtocol, banner: bytes, reply: bytes) -> bool | None:
    match protocol:
        case ServiceProtocol.TELNET:
            return True
        case ServiceProtocol.SSH:
            return False
        case ServiceProtocol.FTP:
            codes = [code for code in _FTP_CODE.findall(reply) if code != b"220"]
            return True if codes and codes[-1][:1] == b"5" else None
        case ServiceProtocol.VNC:
            return _vnc_cleartext(banner, reply)
    return None


def _vnc_cleartext(banner: bytes, reply: bytes) -> bool | None:
    """RFB 3.3 has no encryption; later versions list the offered security types (RFC 6143 §7.1.2)."""
    version = _RFB.match(banner)
    if version is None:
        return None
    if int(version[1]) == 3 and int(version[2]) < 7:
        return True
    offered = set(reply[1 : 1 + reply[0]]) if reply and len(reply) > reply[0] else set()
    if offered & _RFB_CLEARTEXT:
        return True
    return False if offered and offered <= _RFB_ENCRYPTED else None


def printable(data: bytes) -> str:
    """The bytes as printable ASCII, with all others escaped."""
    return data.decode("latin-1").encode("unicode_escape").decode("ascii")


def parse_banner(stored: StoredBanner) -> PortBanner:
    """The banner of one port, identified; unseen when nothing could be received."""
    if stored.cause is not None:
        return PortBanner(port=stored.port, banner=Answer[Banner](unseen=stored.cause))
    protocol = identified(stored)
    banner = Banner(
        text=printable((stored.banner or stored.answer)[:512]),
        protocol=protocol,
        cleartext=_cleartext(protocol, stored.banner, stored.reply),
    )
    return PortBanner(port=stored.port, banner=Answer[Banner](seen=banner))
