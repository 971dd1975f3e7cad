"""Commands injected in clear text together with the request for TLS (CVE-2011-0411), and how to recognise them.

The result does not depend on timing: inside TLS a closing command is sent, and an answer that precedes the one to it
belongs to the injected command.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from inspector import Scheme
from inspector_tls.starttls.negotiation import FTP, IMAP, LMTP, NNTP, POP3, SIEVE, SMTP, SUBMISSION

#: True when the command was carried out inside TLS, False when it was discarded, None while that is undecided.
WasCarriedOut = Callable[[bytes], bool | None]


@dataclass(frozen=True, slots=True)
class InjectedCommand:
    """``command`` is sent in clear text together with the request for TLS, ``closing_command`` inside TLS.

    ``was_carried_out`` decides from the answers inside TLS.
    """

    command: bytes
    closing_command: bytes
    was_carried_out: WasCarriedOut


def _first_is(closing: bytes, answer: bytes) -> WasCarriedOut:
    """Answers are lines that match ``answer``; that of the closing command begins with ``closing``."""
    line = re.compile(rb"^(?:" + answer + rb")[^\n]*\n", re.MULTILINE)

    def was_carried_out(inside: bytes) -> bool | None:
        answers = line.findall(inside)
        if not answers:
            return None
        if answers[0].startswith(closing):
            return False
        return True if any(each.startswith(closing) for each in answers) else None

    return was_carried_out


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


_SMTP = InjectedCommand(b"NOOP\r\n", b"QUIT\r\n", _first_is(b"221", rb"\d{3}[ \r]"))

#: The line-based protocols, in which a buffered command would be carried out.
INJECTED: Final[dict[Scheme, InjectedCommand]] = {
    SMTP: _SMTP,
    SUBMISSION: _SMTP,
    LMTP: _SMTP,
    IMAP: InjectedCommand(b"a8 NOOP\r\n", b"a9 LOGOUT\r\n", _imap),
    POP3: InjectedCommand(b"XNOOP\r\n", b"QUIT\r\n", _first_is(b"+OK", rb"[+-]")),
    SIEVE: InjectedCommand(b"XNOOP\r\n", b"LOGOUT\r\n", _sieve),
    FTP: InjectedCommand(b"NOOP\r\n", b"QUIT\r\n", _first_is(b"221", rb"\d{3}[ \r]")),
    NNTP: InjectedCommand(b"DATE\r\n", b"QUIT\r\n", _first_is(b"205", rb"\d{3}[ \r]")),
}
