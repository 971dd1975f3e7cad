"""A command sent in clear behind the request for TLS: is it still there when TLS stands (CVE-2011-0411 and its like)?

Nothing rests on waiting: inside TLS a parting command is sent, and whatever was answered before it was not asked there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from inspector import Scheme
from inspector_tls.starttls.negotiation import FTP, IMAP, LMTP, NNTP, POP3, SIEVE, SMTP, SUBMISSION

#: True when the command was carried out inside TLS, False when it was discarded, None while that is open.
Told = Callable[[bytes], bool | None]


@dataclass(frozen=True, slots=True)
class Smuggled:
    """``command`` goes out in clear behind the request for TLS, ``parting`` inside TLS; ``told`` reads the answers."""

    command: bytes
    parting: bytes
    told: Told


def _first_is(parting: bytes, answer: bytes) -> Told:
    """Answers are lines that scan like ``answer``; the parting command's begins with ``parting``."""
    line = re.compile(rb"^(?:" + answer + rb")[^\n]*\n", re.MULTILINE)

    def told(inside: bytes) -> bool | None:
        answers = line.findall(inside)
        if not answers:
            return None
        if answers[0].startswith(parting):
            return False
        return True if any(each.startswith(parting) for each in answers) else None

    return told


def _imap(inside: bytes) -> bool | None:
    """Answers carry the tags of the commands."""
    if re.search(rb"^a8 ", inside, re.MULTILINE):
        return True
    return False if re.search(rb"^a9 [^\n]*\n", inside, re.MULTILINE) else None


def _sieve(inside: bytes) -> bool | None:
    """The server begins with its capabilities and an OK (RFC 5804 §2.2); only an unknown command is answered NO."""
    if re.search(rb"^NO\b", inside, re.MULTILINE | re.IGNORECASE):
        return True
    completed = len(re.findall(rb"^(?:OK|BYE)\b[^\n]*\n", inside, re.MULTILINE | re.IGNORECASE))
    return False if completed >= (2 if inside.startswith(b'"') else 1) else None


_SMTP = Smuggled(b"NOOP\r\n", b"QUIT\r\n", _first_is(b"221", rb"\d{3}[ \r]"))

#: The protocols of lines, in which a command that stays behind would be carried out.
SMUGGLED: Final[dict[Scheme, Smuggled]] = {
    SMTP: _SMTP,
    SUBMISSION: _SMTP,
    LMTP: _SMTP,
    IMAP: Smuggled(b"a8 NOOP\r\n", b"a9 LOGOUT\r\n", _imap),
    POP3: Smuggled(b"XNOOP\r\n", b"QUIT\r\n", _first_is(b"+OK", rb"[+-]")),
    SIEVE: Smuggled(b"XNOOP\r\n", b"LOGOUT\r\n", _sieve),
    FTP: Smuggled(b"NOOP\r\n", b"QUIT\r\n", _first_is(b"221", rb"\d{3}[ \r]")),
    NNTP: Smuggled(b"DATE\r\n", b"QUIT\r\n", _first_is(b"205", rb"\d{3}[ \r]")),
}
