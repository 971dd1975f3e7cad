"""The log-ins that a server announces before TLS: one function per protocol that announces them, without any I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from inspector import Answer, Cause

#: The names of the log-ins that a reply announces; None where the server does not list its capabilities.
Announced = Callable[[bytes], Iterator[bytes] | None]


def _after(begin: bytes) -> Callable[[bytes], Iterator[bytes]]:
    """The words that follow ``begin`` on every line that begins with it."""
    line = re.compile(rb"^" + begin + rb"([^\r\n]*)", re.MULTILINE | re.IGNORECASE)

    def words(received: bytes) -> Iterator[bytes]:
        return (word for found in line.finditer(received) for word in re.findall(rb"[^\s\"]+", found[1]))

    return words


#: RFC 4954 §3; ``AUTH=`` is how clients of before it expect the same list.
_smtp = _after(rb"250[- ]AUTH[ =]")
_imap_capabilities = _after(rb"\* CAPABILITY ")
_pop3_mechanisms, _pop3_user = _after(rb"SASL "), re.compile(rb"^USER[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_nntp_arguments, _nntp_mechanisms = _after(rb"AUTHINFO "), _after(rb"SASL ")
_xmpp_mechanism = re.compile(rb"<(?:\w+:)?mechanism>\s*([\w-]+)\s*<")


def _imap(received: bytes) -> Iterator[bytes] | None:
    """RFC 9051 §6.2.3: the command LOGIN is accepted unless the capability LOGINDISABLED is listed."""
    listed = [word.upper() for word in _imap_capabilities(received)]
    if not listed:
        return None
    command = [] if b"LOGINDISABLED" in listed else [b"LOGIN"]
    return iter([*command, *(word.removeprefix(b"AUTH=") for word in listed if word.startswith(b"AUTH="))])


def _pop3(received: bytes) -> Iterator[bytes] | None:
    """RFC 2449 §6.3, RFC 5034 §3; the reply to CAPA follows the greeting, which is one line."""
    _greeting, _, listed = received.partition(b"\n")
    if not listed.startswith(b"+OK"):
        return None
    user = [b"USER"] if _pop3_user.search(listed) else []
    return iter([*user, *_pop3_mechanisms(listed)])


def _nntp(received: bytes) -> Iterator[bytes] | None:
    """RFC 4643 §2.1: USER as an argument of AUTHINFO, mechanisms after SASL."""
    if not re.search(rb"^101\b", received, re.MULTILINE):
        return None
    user = [word for word in _nntp_arguments(received) if word.upper() == b"USER"]
    return iter([*user, *_nntp_mechanisms(received)])


def _xmpp(received: bytes) -> Iterator[bytes]:
    """RFC 6120 §6.3.3."""
    return (found[1] for found in _xmpp_mechanism.finditer(received))


_ANNOUNCED: Final[dict[str, Announced]] = {
    "smtp": _smtp,
    "submission": _smtp,
    "lmtp": _smtp,
    "imap": _imap,
    "pop3": _pop3,
    "sieve": _after(rb"\"SASL\" "),
    "nntp": _nntp,
    "xmpp-client": _xmpp,
}
#: The protocols whose servers say before TLS which log-ins they accept. FTP, LDAP and databases do not.
ANNOUNCING: Final = frozenset(_ANNOUNCED)


def logins_before_tls(scheme: str, received: bytes) -> Answer[tuple[str, ...]]:
    """The log-ins in what a server sent before TLS, in upper case; unseen where it does not list them.

    ``received`` holds the replies up to the one to the request for TLS. ``USER`` and IMAP's ``LOGIN`` are commands; the
    others are SASL mechanisms.
    """
    if scheme not in _ANNOUNCED:
        return Answer(unseen=Cause.NOT_SELECTED)
    names = _ANNOUNCED[scheme](received)
    if names is None:
        return Answer(unseen=Cause.PROTOCOL_ERROR)
    return Answer(seen=tuple(sorted({name.decode("latin-1").upper() for name in names})))
