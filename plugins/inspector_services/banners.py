"""Identifies protocols by banner, and cleartext sessions by the reply to a client's first command. Pure."""

from __future__ import annotations

import re

from inspector import Answer, Cause, Model
from inspector_services.observations import Banner, PortBanner, ServiceProtocol

#: First byte of a telnet negotiation, and the commands that may follow it (RFC 854).
_TELNET = re.compile(rb"\xff[\xfb-\xfe]")
_PROMPT = re.compile(rb"(?:login|user ?name|password)\s*:\s*\Z", re.IGNORECASE)
_SSH = re.compile(rb"^SSH-", re.MULTILINE)
_FTP_CODE = re.compile(rb"^(\d{3}) ", re.MULTILINE)
_RFB = re.compile(rb"RFB (\d{3})\.(\d{3})\n")

#: RFB security types (IANA registry "Remote Framebuffer Security Types") without encryption: None, VNC Authentication.
_RFB_CLEARTEXT = frozenset({1, 2})
#: RFB security types that encrypt the session: RA2, TLS, RA2-256.
_RFB_ENCRYPTED = frozenset({5, 18, 129})

_PREFIXES = (
    (b"RFB ", ServiceProtocol.VNC),
    (b"@RSYNCD:", ServiceProtocol.RSYNC),
    (b"+OK", ServiceProtocol.POP3),
    (b"* OK", ServiceProtocol.IMAP),
    (b"* PREAUTH", ServiceProtocol.IMAP),
    (b"* BYE", ServiceProtocol.IMAP),
    (b"-DENIED Redis", ServiceProtocol.REDIS),
    (b"HTTP/", ServiceProtocol.HTTP),
)


class StoredBanner(Model):
    """The bytes received on one port: the banner, and the reply where a client's first command was sent.

    ``cause`` says why nothing was received; an empty ``banner`` means that the server sent nothing within the timeout.
    """

    port: int
    banner: bytes = b""
    reply: bytes = b""
    cause: Cause | None = None


class StoredBanners(Model):
    """The bytes received on all ports that were read at one address."""

    ports: tuple[StoredBanner, ...] = ()


def protocol_of(banner: bytes) -> ServiceProtocol:
    """The protocol that the banner identifies."""
    if not banner:
        return ServiceProtocol.SILENT
    if _TELNET.match(banner) or _PROMPT.search(banner):
        return ServiceProtocol.TELNET
    for prefix, protocol in _PREFIXES:
        if banner.startswith(prefix):
            return protocol
    if _SSH.search(banner):
        return ServiceProtocol.SSH
    if _is_mysql(banner):
        return ServiceProtocol.MYSQL
    if banner[:4] in (b"220 ", b"220-"):
        if b"SMTP" in banner.upper():
            return ServiceProtocol.SMTP
        if b"FTP" in banner.upper():
            return ServiceProtocol.FTP
    return ServiceProtocol.UNKNOWN


def _is_mysql(banner: bytes) -> bool:
    """Whether this is a MySQL packet numbered 0 with a handshake (version 10) or an error."""
    length = int.from_bytes(banner[:3], "little")
    handshake = banner[3:5] == b"\x00\x0a" and b"\x00" in banner[5:]
    error = banner[3:5] == b"\x00\xff" and length == len(banner) - 4
    return 1 < length < 1024 and (handshake or error)


def client_command(banner: bytes) -> bytes | None:
    """The first command of an ordinary client, where its reply shows whether the session is encrypted; else None."""
    match protocol_of(banner):
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
    protocol = protocol_of(stored.banner)
    banner = Banner(
        text=printable(stored.banner[:512]),
        protocol=protocol,
        cleartext=_cleartext(protocol, stored.banner, stored.reply),
    )
    return PortBanner(port=stored.port, banner=Answer[Banner](seen=banner))
