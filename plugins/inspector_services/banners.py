"""What a server's first words show: pure."""

from __future__ import annotations

import re

from inspector import Answer, Cause, Model
from inspector_services.observations import Greeting, Protocol, Said

#: First byte of a telnet negotiation, and the commands that may follow it (RFC 854).
_TELNET = re.compile(rb"\xff[\xfb-\xfe]")
_PROMPT = re.compile(rb"(?:login|user ?name|password)\s*:\s*\Z", re.IGNORECASE)
_SSH = re.compile(rb"^SSH-", re.MULTILINE)
_FTP_CODE = re.compile(rb"^(\d{3}) ", re.MULTILINE)
_RFB = re.compile(rb"RFB (\d{3})\.(\d{3})\n")

#: RFB security types (IANA registry "Remote Framebuffer Security Types") whose session is in clear …
_RFB_CLEAR = frozenset({1, 2})
#: … and those whose session is encrypted: RA2, TLS, RA2-256.
_RFB_ENCRYPTED = frozenset({5, 18, 129})

_PREFIXES = (
    (b"RFB ", Protocol.VNC),
    (b"@RSYNCD:", Protocol.RSYNC),
    (b"+OK", Protocol.POP3),
    (b"* OK", Protocol.IMAP),
    (b"* PREAUTH", Protocol.IMAP),
    (b"* BYE", Protocol.IMAP),
    (b"-DENIED Redis", Protocol.REDIS),
    (b"HTTP/", Protocol.HTTP),
)


class Heard(Model):
    """What was received on one port: first words, and the reply where an ordinary client's next word was said.

    ``cause`` says why nothing could be heard; silence for the whole time of listening is empty ``first`` words.
    """

    port: int
    first: bytes = b""
    reply: bytes = b""
    cause: Cause | None = None


class Hearing(Model):
    """Everything that was listened to at one address."""

    ports: tuple[Heard, ...] = ()


def protocol_of(first: bytes) -> Protocol:
    """Which protocol greets like this."""
    if not first:
        return Protocol.SILENT
    if _TELNET.match(first) or _PROMPT.search(first):
        return Protocol.TELNET
    for prefix, protocol in _PREFIXES:
        if first.startswith(prefix):
            return protocol
    if _SSH.search(first):
        return Protocol.SSH
    if _is_mysql(first):
        return Protocol.MYSQL
    if first[:4] in (b"220 ", b"220-"):
        if b"SMTP" in first.upper():
            return Protocol.SMTP
        if b"FTP" in first.upper():
            return Protocol.FTP
    return Protocol.UNKNOWN


def _is_mysql(first: bytes) -> bool:
    """Whether this is a MySQL packet numbered 0 that holds a handshake (version 10) or an error."""
    length = int.from_bytes(first[:3], "little")
    handshake = first[3:5] == b"\x00\x0a" and b"\x00" in first[5:]
    error = first[3:5] == b"\x00\xff" and length == len(first) - 4
    return 1 < length < 1024 and (handshake or error)


def next_word(first: bytes) -> bytes | None:
    """What an ordinary client says next where only that shows whether the session will be encrypted; else None."""
    match protocol_of(first):
        case Protocol.FTP:
            return b"AUTH TLS\r\n"
        case Protocol.VNC:
            version = _RFB.match(first)
            return version.group() if version and int(version[2]) >= 7 else None
    return None


def is_complete(protocol: Protocol, reply: bytes) -> bool:
    """Whether the reply to the next word holds what decides."""
    if protocol is Protocol.FTP:
        return any(code != b"220" for code in _FTP_CODE.findall(reply)) and reply.endswith(b"\n")
    return bool(reply) and len(reply) > reply[0]


def _in_clear(protocol: Protocol, first: bytes, reply: bytes) -> bool | None:
    match protocol:
        case Protocol.TELNET:
            return True
        case Protocol.SSH:
            return False
        case Protocol.FTP:
            codes = [code for code in _FTP_CODE.findall(reply) if code != b"220"]
            return True if codes and codes[-1][:1] == b"5" else None
        case Protocol.VNC:
            return _vnc_in_clear(first, reply)
    return None


def _vnc_in_clear(first: bytes, reply: bytes) -> bool | None:
    """RFB 3.3 knows no encryption; later versions list the security types on offer (RFC 6143 §7.1)."""
    version = _RFB.match(first)
    if version is None:
        return None
    if int(version[1]) == 3 and int(version[2]) < 7:
        return True
    offered = set(reply[1 : 1 + reply[0]]) if reply and len(reply) > reply[0] else set()
    if offered & _RFB_CLEAR:
        return True
    return False if offered and offered <= _RFB_ENCRYPTED else None


def printable(data: bytes) -> str:
    """The bytes as printable ASCII, everything else escaped: safe to show anywhere."""
    return data.decode("latin-1").encode("unicode_escape").decode("ascii")


def greeting_of(heard: Heard) -> Greeting:
    """The greeting that was heard on one port."""
    if heard.cause is not None:
        return Greeting(port=heard.port, said=Answer[Said](unseen=heard.cause))
    protocol = protocol_of(heard.first)
    said = Said(
        text=printable(heard.first[:512]),
        protocol=protocol,
        in_clear=_in_clear(protocol, heard.first, heard.reply),
    )
    return Greeting(port=heard.port, said=Answer[Said](seen=said))
