"""FTP and SMTP, whose greetings share the code 220: the reply to NOOP tells them apart.

NOOP: 200 in FTP (RFC 959 §5.4) and 250 in SMTP (RFC 5321 §4.1.1.9). An FTP server that wants a login first replies 530,
which SMTP never does to NOOP (RFC 3207 §4, RFC 4954 §6).
"""

from __future__ import annotations

import re

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import GREETING, Ask, Grammar, Turn, Turns, answer_to, was_asked
from inspector_services.protocols.texts import Software, software_in

_CODE = re.compile(rb"(\d{3})([ -])")
_POSTFIX = re.compile(rb"E?SMTP Postfix\b")


def codes_of(received: bytes) -> list[bytes]:
    """The codes of whole replies; inside one of several lines others may begin with any number (RFC 959 §4.2)."""
    found: list[bytes] = []
    began = b""
    for line in received.split(b"\n")[:-1]:
        code = _CODE.match(line)
        if code is None or (began and code[1] != began):
            continue
        began = code[1] if code[2] == b"-" else b""
        found += [] if began else [code[1]]
    return found


def _codes(received: bytes) -> list[bytes]:
    """The codes of whole replies, without late lines of the greeting."""
    return [code for code in codes_of(received) if code != b"220"]


def _is_answered(received: bytes) -> bool:
    return bool(_codes(received))


NOOP = Ask("noop", b"NOOP\r\n", _is_answered)
#: What shows whether an FTP server offers TLS (RFC 4217 §4).
AUTH_TLS = Ask("ftp auth", b"AUTH TLS\r\n", _is_answered)


def needs_noop(greeting: bytes) -> bool:
    """Whether the reply to NOOP tells the protocol of this greeting."""
    return greeting[:4] in (b"220 ", b"220-")


def _answers(turn: Turn, *codes: bytes) -> bool:
    return turn.question == NOOP.name and _codes(turn.received)[:1] in [[code] for code in codes]


def _ftp_is_cleartext(turns: Turns) -> bool | None:
    """True where TLS is refused permanently; silence or a temporary refusal decides nothing."""
    if turns[-1].tls:
        return False
    codes = _codes(answer_to(turns, AUTH_TLS.name))
    return True if codes and codes[-1][:1] == b"5" else None


def _describe_ftp(turns: Turns) -> Banner:
    software = software_in(answer_to(turns, GREETING))
    return Banner(text="", protocol=ServiceProtocol.FTP, cleartext=_ftp_is_cleartext(turns), **software._asdict())


def _describe_smtp(turns: Turns) -> Banner:
    greeting = answer_to(turns, GREETING)
    software = Software("Postfix") if _POSTFIX.search(greeting) else software_in(greeting)
    return Banner(text="", protocol=ServiceProtocol.SMTP, **software._asdict())


FTP = Grammar(
    ServiceProtocol.FTP,
    lambda turn: _answers(turn, b"200", b"530"),
    _describe_ftp,
    then=lambda turns: None if was_asked(turns, AUTH_TLS.name) or turns[-1].tls else AUTH_TLS,
)
SMTP = Grammar(ServiceProtocol.SMTP, lambda turn: _answers(turn, b"250"), _describe_smtp)
