"""How TLS is negotiated inside each protocol (STARTTLS and similar): one table, without any I/O.

A dialogue is a generator: it yields steps (what to send, and how long the reply to it is) and is sent each complete
reply. ``Negotiation`` runs a dialogue on whatever bytes arrive, from a socket, a stream of the gateway or a recording.
Names are sent, credentials never.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final

from inspector import Cause, ScanFailure, Scheme, masked, u_labels

SMTP: Final = Scheme("smtp", port=25)
SUBMISSION: Final = Scheme("submission", port=587)
LMTP: Final = Scheme("lmtp", port=24)
IMAP: Final = Scheme("imap", port=143)
POP3: Final = Scheme("pop3", port=110)
SIEVE: Final = Scheme("sieve", port=4190)
FTP: Final = Scheme("ftp", port=21)
LDAP: Final = Scheme("ldap", port=389)
XMPP_CLIENT: Final = Scheme("xmpp-client", port=5222)
XMPP_SERVER: Final = Scheme("xmpp-server", port=5269)
POSTGRESQL: Final = Scheme("postgresql", port=5432)
MYSQL: Final = Scheme("mysql", port=3306)
RDP: Final = Scheme("rdp", port=3389)
NNTP: Final = Scheme("nntp", port=119)
LDAPS: Final = Scheme("ldaps", port=636)

#: The schemes of protocols whose TLS begins with the connection (RFC 8314, RFC 4217).
IMPLICIT: Final = frozenset(
    {
        LDAPS,
        *(Scheme(name, port=port) for name, port in (("smtps", 465), ("imaps", 993), ("pop3s", 995), ("ftps", 990))),
    }
)

#: The most bytes that a server may send before TLS.
NEGOTIATION_BYTES: Final = 16_384
_SHOWN_BYTES = 200


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a dialogue sends: ``host`` the server's (empty for a bare address), ``ehlo`` the client's own."""

    host: str
    ehlo: str


class NoTls(ScanFailure):
    """The server answers in its protocol that TLS is not available."""

    def __init__(self, message: str) -> None:
        super().__init__(Cause.PROTOCOL_ERROR, message)


class NotOffered(NoTls):
    """The server does not support the request for TLS."""


class Refused(NoTls):
    """The server supports the request for TLS and rejects it."""


class NotUnderstood(ScanFailure):
    """The server's reply does not conform to the protocol."""

    def __init__(self, data: bytes) -> None:
        super().__init__(Cause.PROTOCOL_ERROR, f"answers {shown(data)}, which is not the protocol")


def shown(data: bytes) -> str:
    """The beginning of some bytes, masked, as printable ASCII, everything else escaped."""
    return masked(data)[:_SHOWN_BYTES].decode("latin-1").encode("unicode_escape").decode("ascii")


#: The length of the first complete reply in some bytes, 0 while it is incomplete; raises ``NotUnderstood``.
ReplyLength = Callable[[bytes], int]


@dataclass(frozen=True, slots=True)
class Step:
    """What to send, and how long the reply to it is (None: TLS follows without one). ``last`` requests TLS."""

    send: bytes
    reply_length: ReplyLength | None
    last: bool = False


#: Yields steps and is sent the complete reply to each; ends where TLS begins.
Dialogue = Generator[Step, bytes, None]


# --- how long a reply is ----------------------------------------------------------------------------------------------

_NUMBERED = re.compile(rb"(\d{3})(?:-[^\n]*\n(?:[^\n]*\n)*?\1(?=[ \r\n])|(?=[ \r\n]))[^\n]*\n")
_NUMBERED_BEGIN = re.compile(rb"\d{3}[- \r\n]")
_STATUS = re.compile(rb"[+-][^\n]*\n")
_SIEVE = re.compile(rb"(?:[^\n]*\n)*?(?:OK|NO|BYE)\b[^\n]*\n", re.IGNORECASE)
_SIEVE_BEGIN = re.compile(rb'["{]|OK\b|NO\b|BYE\b', re.IGNORECASE)


def _line_by(begin: re.Pattern[bytes], complete: re.Pattern[bytes]) -> ReplyLength:
    """Lines that ``complete`` matches, beginning with what ``begin`` matches."""

    def end(data: bytes) -> int:
        if b"\n" in data and not begin.match(data):
            raise NotUnderstood(data)
        found = complete.match(data)
        return found.end() if found else 0

    return end


_numbered = _line_by(_NUMBERED_BEGIN, _NUMBERED)
_status = _line_by(_STATUS, _STATUS)
_sieve = _line_by(_SIEVE_BEGIN, _SIEVE)


def _dotted(good: bytes) -> ReplyLength:
    """Lines up to a single dot where the first begins with ``good``, else only that line."""

    def end(data: bytes) -> int:
        first = data.find(b"\n") + 1
        if not first or not data.startswith(good):
            return first
        found = re.search(rb"\n\.\r?\n", data[first - 1 :])
        return first - 1 + found.end() if found else 0

    return end


def _tagged(tag: bytes) -> ReplyLength:
    """IMAP's lines up to the one with this tag (RFC 9051 §2.2)."""
    last = re.compile(rb"(?:\*[^\n]*\n)*" + tag + rb" [^\n]*\n")
    return _line_by(re.compile(rb"[*+]|" + tag), last)


def _ldap_message(data: bytes) -> int:
    """One BER sequence of definite length (RFC 4511 §5.1)."""
    if data[:1] not in (b"", b"\x30"):
        raise NotUnderstood(data)
    if len(data) < 2:
        return 0
    extra = data[1] & 0x7F if data[1] & 0x80 else 0
    if extra > 4:
        raise NotUnderstood(data)
    if len(data) < 2 + extra:
        return 0
    length = 2 + extra + (int.from_bytes(data[2 : 2 + extra], "big") if extra else data[1])
    return length if len(data) >= length else 0


def _until(end: re.Pattern[bytes]) -> ReplyLength:
    """XML up to one of these tags."""

    def found(data: bytes) -> int:
        if data.lstrip() and not data.lstrip().startswith(b"<"):
            raise NotUnderstood(data)
        match = end.search(data)
        return match.end() if match else 0

    return found


def _one_byte(data: bytes) -> int:
    return min(len(data), 1)


def _mysql_packet(data: bytes) -> int:
    """A packet: three bytes of length, low byte first, and a sequence number."""
    length = 4 + int.from_bytes(data[:3], "little")
    if len(data) >= 4 and (data[3] != 0 or length > 1024):
        raise NotUnderstood(data)
    return length if 4 < length <= len(data) else 0


def _tpkt(data: bytes) -> int:
    """A TPKT (RFC 1006 §6): version 3, a reserved byte, two bytes of length."""
    if data[:1] not in (b"", b"\x03"):
        raise NotUnderstood(data)
    length = int.from_bytes(data[2:4], "big")
    if len(data) >= 4 and length < 7:
        raise NotUnderstood(data)
    return length if 7 <= length <= len(data) else 0


# --- the dialogues ----------------------------------------------------------------------------------------------------


def _has(token: bytes, data: bytes) -> bool:
    return re.search(rb"(?<!\w)" + token + rb"(?![\w-])", data, re.IGNORECASE) is not None


#: Codes of a temporary failure: RFC 5530 §3, RFC 3206 §4, RFC 5804 §1.3.
_LATER = re.compile(rb"\[(?:UNAVAILABLE|SYS/TEMP)\]|\(TRYLATER\)", re.IGNORECASE)


def _temporary(data: bytes) -> None:
    """Raise when a reply is a temporary failure, by its number (RFC 5321 §4.2.1) or a code: it is inconclusive."""
    if data[:1] == b"4" or _LATER.search(data):
        raise ScanFailure(Cause.REFUSED, f"fails temporarily: {shown(data)}")


def _greeted(data: bytes) -> None:
    """A numbered greeting must be positive (2yz)."""
    _temporary(data)
    if data[:1] != b"2":
        raise ScanFailure(Cause.REFUSED, f"rejects the client: {shown(data)}")


def _declined(data: bytes) -> None:
    """A numbered reply that does not accept must be a refusal (5yz); any other raises."""
    _temporary(data)
    if data[:1] != b"5":
        raise NotUnderstood(data)


#: EHLO is not known (RFC 5321 §4.2.4): the server has no extensions, and so no TLS.
_NO_EXTENSIONS = (b"500", b"502")


def _extended(data: bytes) -> bool:
    """Whether a reply to EHLO lists extensions; raises where it rejects the client, e.g. by 550 (§4.3.2)."""
    if data[:3] == b"250":
        return True
    _declined(data)
    if data[:3] not in _NO_EXTENSIONS:
        raise ScanFailure(Cause.REFUSED, f"rejects the client: {shown(data)}")
    return False


def _mail(verb: bytes) -> Callable[[Names], Dialogue]:
    """SMTP (RFC 3207) and LMTP (RFC 2033), which differ in the verb of the greeting."""

    def dialogue(names: Names) -> Dialogue:
        _greeted((yield Step(b"", _numbered)))
        reply = yield Step(verb + b" " + names.ehlo.encode() + b"\r\n", _numbered)
        if not _extended(reply) or not _has(b"STARTTLS", reply):
            raise NotOffered(f"answers {shown(reply)}")
        answer = yield Step(b"STARTTLS\r\n", _numbered, last=True)
        if answer[:3] != b"220":
            _declined(answer)
            raise Refused(f"answers {shown(answer)}")

    return dialogue


def _imap(_names: Names) -> Dialogue:
    """RFC 9051 §6.2.1."""
    greeting = yield Step(b"", _line_by(re.compile(rb"\* "), re.compile(rb"[^\n]*\n")))
    if not _has(b"OK", greeting[:6]):
        raise ScanFailure(Cause.REFUSED, f"rejects the client: {shown(greeting)}")
    reply = yield Step(b"a1 CAPABILITY\r\n", _tagged(b"a1"))
    if not re.search(rb"^a1 OK\b", reply, re.MULTILINE | re.IGNORECASE):
        raise ScanFailure(Cause.REFUSED, f"rejects the client: {shown(reply)}")
    if not _has(b"STARTTLS", reply):
        raise NotOffered(f"answers {shown(reply)}")
    answer = yield Step(b"a2 STARTTLS\r\n", _tagged(b"a2"), last=True)
    if not re.search(rb"^a2 OK\b", answer, re.MULTILINE | re.IGNORECASE):
        _temporary(answer)
        raise Refused(f"answers {shown(answer)}")


def _pop3(_names: Names) -> Dialogue:
    """RFC 2595 §4; a server without CAPA (RFC 2449) is asked anyway."""
    greeting = yield Step(b"", _status)
    if not greeting.startswith(b"+OK"):
        raise ScanFailure(Cause.REFUSED, f"rejects the client: {shown(greeting)}")
    reply = yield Step(b"CAPA\r\n", _dotted(b"+OK"))
    if reply.startswith(b"+OK") and not _has(b"STLS", reply):
        raise NotOffered(f"answers {shown(reply)}")
    answer = yield Step(b"STLS\r\n", _status, last=True)
    if not answer.startswith(b"+OK"):
        _temporary(answer)
        raise (Refused if _has(b"STLS", reply) else NotOffered)(f"answers {shown(answer)}")


def _sieve_dialogue(_names: Names) -> Dialogue:
    """RFC 5804 §2.2."""
    reply = yield Step(b"", _sieve)
    if not re.search(rb"^OK\b", reply, re.MULTILINE | re.IGNORECASE):
        raise ScanFailure(Cause.REFUSED, f"rejects the client: {shown(reply)}")
    if not _has(b"STARTTLS", reply):
        raise NotOffered(f"answers {shown(reply)}")
    answer = yield Step(b"STARTTLS\r\n", _sieve, last=True)
    if not answer.upper().startswith(b"OK"):
        _temporary(answer)
        raise Refused(f"answers {shown(answer)}")


def _ftp(_names: Names) -> Dialogue:
    """RFC 4217 §4; FEAT need not name AUTH, so the server's answer to AUTH decides."""
    _greeted((yield Step(b"", _numbered)))
    reply = yield Step(b"FEAT\r\n", _numbered)
    answer = yield Step(b"AUTH TLS\r\n", _numbered, last=True)
    if answer[:3] == b"431":  # "need some unavailable resource to process security": it knows the request
        raise Refused(f"answers {shown(answer)}")
    if answer[:3] != b"234":
        _declined(answer)
        announced = re.search(rb"^ *AUTH\b.*\bTLS\b", reply, re.MULTILINE | re.IGNORECASE)
        raise (Refused if announced else NotOffered)(f"answers {shown(answer)}")


def _nntp(_names: Names) -> Dialogue:
    """RFC 4642."""
    _greeted((yield Step(b"", _numbered)))
    reply = yield Step(b"CAPABILITIES\r\n", _dotted(b"101"))
    if reply.startswith(b"101") and not _has(b"STARTTLS", reply):
        raise NotOffered(f"answers {shown(reply)}")
    answer = yield Step(b"STARTTLS\r\n", _numbered, last=True)
    if answer[:3] != b"382":
        _declined(answer)
        raise (Refused if reply.startswith(b"101") else NotOffered)(f"answers {shown(answer)}")


#: ExtendedRequest 1.3.6.1.4.1.1466.20037 as message 1 (RFC 4511 §4.14).
_LDAP_START_TLS = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
_LDAP_RESULT = re.compile(rb"\x30.{1,5}?\x02\x01\x01\x78.{1,5}?\x0a\x01(.)", re.DOTALL)
_LDAP_SUCCESS, _LDAP_PROTOCOL_ERROR, _LDAP_BUSY, _LDAP_UNAVAILABLE = 0, 2, 51, 52


def _ldap(_names: Names) -> Dialogue:
    answer = yield Step(_LDAP_START_TLS, _ldap_message, last=True)
    found = _LDAP_RESULT.match(answer)
    if found is None:
        raise NotUnderstood(answer)
    code = found[1][0]
    if code == _LDAP_BUSY:
        raise ScanFailure(Cause.REFUSED, "is busy (result code 51)")
    if code in (_LDAP_PROTOCOL_ERROR, _LDAP_UNAVAILABLE):
        raise NotOffered(f"answers with result code {code}")  # RFC 4511 §4.14.1: not supported, or not configured
    if code != _LDAP_SUCCESS:
        raise Refused(f"answers with result code {code}")


_XMPP_END = rb"|</(?:\w+:)?(?:error|stream)\s*>"
_XMPP_FEATURES = re.compile(rb"</(?:\w+:)?features\s*>|<(?:\w+:)?features\s*/>" + _XMPP_END)
_XMPP_ANSWER = re.compile(rb"<proceed\b[^>]*/>|</proceed\s*>|<failure\b[^>]*>" + _XMPP_END)


def _xmpp(namespace: bytes) -> Callable[[Names], Dialogue]:
    """RFC 6120 §5."""

    def dialogue(names: Names) -> Dialogue:
        # The domain of an XMPP address has U-labels (RFC 7622 §3.2.1).
        to = b" to='" + u_labels(names.host).encode() + b"'" if names.host else b""
        opening = (
            b"<?xml version='1.0'?><stream:stream xmlns='" + namespace + b"'"
            b" xmlns:stream='http://etherx.jabber.org/streams' version='1.0'" + to + b">"
        )
        reply = yield Step(opening, _until(_XMPP_FEATURES))
        if not re.search(rb"features\s*/?>\Z", reply):
            raise ScanFailure(Cause.REFUSED, f"rejects the client: {shown(reply)}")
        if b"urn:ietf:params:xml:ns:xmpp-tls" not in reply:
            raise NotOffered(f"answers {shown(reply)}")
        answer = yield Step(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", _until(_XMPP_ANSWER), last=True)
        if not answer.lstrip().startswith(b"<proceed"):
            raise Refused(f"answers {shown(answer)}")

    return dialogue


#: SSLRequest: length 8, code 80877103 (PostgreSQL's protocol, "SSL Session Encryption").
_POSTGRESQL_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


def _postgresql(_names: Names) -> Dialogue:
    answer = yield Step(_POSTGRESQL_SSL_REQUEST, _one_byte, last=True)
    if answer == b"N":
        raise NotOffered("answers N")
    if answer == b"E":  # an error message follows: a server of before 7.4, or one that rejects the client
        raise ScanFailure(Cause.REFUSED, "answers with an error")
    if answer != b"S":
        raise NotUnderstood(answer)


#: CLIENT_PROTOCOL_41, CLIENT_SSL, CLIENT_SECURE_CONNECTION; packets up to 16 MiB; character set utf8mb4.
_MYSQL_SSL_REQUEST = b"\x20\x00\x00\x01" + (0x8A00).to_bytes(4, "little") + b"\x00\x00\x00\x01\x2d" + bytes(23)
_MYSQL_TLS = 0x0800


def _mysql(_names: Names) -> Dialogue:
    """The server's first packet (protocol version 10) has its capabilities; TLS follows the request at once."""
    reply = (yield Step(b"", _mysql_packet))[4:]
    if reply[:1] == b"\xff":
        raise ScanFailure(Cause.REFUSED, f"rejects the client: {shown(reply[3:])}")
    _version, nul, rest = reply[1:].partition(b"\x00")
    if reply[:1] != b"\x0a" or not nul or len(rest) < 15:
        raise NotUnderstood(reply)
    if not int.from_bytes(rest[13:15], "little") & _MYSQL_TLS:
        raise NotOffered("lacks the capability CLIENT_SSL")
    yield Step(_MYSQL_SSL_REQUEST, None, last=True)


#: X.224 Connection Request with RDP_NEG_REQ for TLS and CredSSP (MS-RDPBCGR §2.2.1.1).
_RDP_REQUEST = b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00"
_RDP_RESPONSE, _RDP_FAILURE = 2, 3
_RDP_TLS_NOT_ALLOWED = 2


def _rdp(_names: Names) -> Dialogue:
    """The confirm selects a protocol (MS-RDPBCGR §2.2.1.2): 0 is RDP's own encryption, all others begin with TLS."""
    answer = yield Step(_RDP_REQUEST, _tpkt, last=True)
    if answer[5:6] != b"\xd0":
        raise NotUnderstood(answer)
    negotiated = answer[11:19]
    if len(negotiated) < 8:
        raise NotOffered("does not negotiate")
    selected = int.from_bytes(negotiated[4:8], "little")
    if negotiated[0] == _RDP_FAILURE:
        raise (NotOffered if selected == _RDP_TLS_NOT_ALLOWED else Refused)(f"answers with failure code {selected}")
    if negotiated[0] != _RDP_RESPONSE:
        raise NotUnderstood(answer)
    if selected == 0:
        raise NotOffered("selects RDP's own encryption")


#: How each scheme negotiates TLS.
DIALOGUES: Final[dict[Scheme, Callable[[Names], Dialogue]]] = {
    SMTP: _mail(b"EHLO"),
    SUBMISSION: _mail(b"EHLO"),
    LMTP: _mail(b"LHLO"),
    IMAP: _imap,
    POP3: _pop3,
    SIEVE: _sieve_dialogue,
    FTP: _ftp,
    LDAP: _ldap,
    XMPP_CLIENT: _xmpp(b"jabber:client"),
    XMPP_SERVER: _xmpp(b"jabber:server"),
    POSTGRESQL: _postgresql,
    MYSQL: _mysql,
    RDP: _rdp,
    NNTP: _nntp,
}
#: The schemes whose TLS follows a negotiation in clear text.
SCHEMES: Final = frozenset(DIALOGUES)
_BY_NAME = {scheme.name: dialogue for scheme, dialogue in DIALOGUES.items()}


def needs_negotiation(scheme: str) -> bool:
    """Whether TLS is requested in the protocol of this scheme, instead of beginning with the first byte."""
    return scheme in _BY_NAME


class Negotiation:
    """One run of a scheme's dialogue: ``take`` what is to be sent, ``feed`` what arrives, until ``is_ready`` for TLS.

    ``extra`` bytes go out in one write with the request for TLS. ``feed`` raises ``NotOffered``, ``Refused``,
    ``NotUnderstood``, or ``ScanFailure`` with its cause.
    """

    def __init__(self, scheme: str, names: Names, *, extra: bytes = b"") -> None:
        self.is_ready = False
        self._extra = extra
        self._buffer = b""
        self._received = 0
        self._dialogue = _BY_NAME[scheme](names)
        self._outgoing = b""
        self._reply_length: ReplyLength | None = None
        self._enter(next(self._dialogue))

    def _enter(self, step: Step) -> None:
        self._outgoing = step.send + (self._extra if step.last else b"")
        self._reply_length = step.reply_length
        if step.reply_length is None:
            self._answer(b"")

    def _answer(self, data: bytes) -> None:
        try:
            step = self._dialogue.send(data)
        except StopIteration:
            self.is_ready = True
            if self._buffer:
                raise NotUnderstood(self._buffer) from None
        else:
            self._enter(step)

    def take(self) -> bytes:
        """What is to be sent now."""
        outgoing, self._outgoing = self._outgoing, b""
        return outgoing

    def feed(self, data: bytes) -> None:
        """Take in what arrived."""
        self._received += len(data)
        if self._received > NEGOTIATION_BYTES:
            raise NotUnderstood(data)
        self._buffer += data
        while not self.is_ready and self._reply_length is not None and (end := self._reply_length(self._buffer)):
            answer, self._buffer = self._buffer[:end], self._buffer[end:]
            self._answer(answer)
            if self._outgoing:
                return
