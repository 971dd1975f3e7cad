"""The log-ins that servers announce before TLS, from their replies; written from the RFCs' examples."""

from __future__ import annotations

import pytest

from inspector import Cause
from inspector_tls.starttls.logins import logins_before_tls

_XMPP = b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>"


@pytest.mark.parametrize(
    ("scheme", "received", "logins"),
    [
        ("smtp", b"220 mx ESMTP\r\n250-STARTTLS\r\n250 AUTH plain CRAM-MD5\r\n", ("CRAM-MD5", "PLAIN")),
        ("submission", b"220 mx\r\n250-mx\r\n250-AUTH=LOGIN\r\n250 STARTTLS\r\n220 go\r\n", ("LOGIN",)),
        ("smtp", b"220 mx\r\n250-mx\r\n250-XAUTH PLAIN\r\n250 STARTTLS\r\n", ()),
        ("smtp", b"220 mx\r\n502 no\r\n", ()),
        ("lmtp", b"220 mx\r\n250-mx\r\n250 STARTTLS\r\n220 go\r\n", ()),
        ("imap", b"* OK hi\r\n* CAPABILITY IMAP4rev2 STARTTLS AUTH=PLAIN LOGINDISABLED\r\na1 OK\r\n", ("PLAIN",)),
        ("imap", b"* OK hi\r\n* CAPABILITY IMAP4rev1 STARTTLS logindisabled\r\na1 OK\r\n", ()),
        ("imap", b"* OK hi\r\n* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK\r\n", ("LOGIN",)),
        ("pop3", b"+OK hi\r\n+OK list\r\nUSER\r\nSASL PLAIN CRAM-MD5\r\n.\r\n", ("CRAM-MD5", "PLAIN", "USER")),
        ("pop3", b"+OK hi\r\n+OK list\r\nSTLS\r\nSASL\r\n.\r\n", ()),
        ("sieve", b'"IMPLEMENTATION" "x"\r\n"SASL" "PLAIN LOGIN"\r\n"STARTTLS"\r\nOK\r\n', ("LOGIN", "PLAIN")),
        ("sieve", b'"IMPLEMENTATION" "x"\r\n"SASL" ""\r\n"STARTTLS"\r\nOK\r\n', ()),
        ("nntp", b"200 hi\r\n101 list\r\nSTARTTLS\r\nAUTHINFO USER SASL\r\nSASL PLAIN\r\n.\r\n", ("PLAIN", "USER")),
        ("nntp", b"200 hi\r\n101 list\r\nSTARTTLS\r\nAUTHINFO\r\n.\r\n", ()),
        ("xmpp-client", _XMPP + b"<required/></starttls></stream:features>", ()),
        (
            "xmpp-client",
            _XMPP + b"</starttls><mechanisms><mechanism>PLAIN</mechanism></mechanisms></stream:features>",
            ("PLAIN",),
        ),
    ],
)  # fmt: skip
def test_what_is_announced(scheme: str, received: bytes, logins: tuple[str, ...]) -> None:
    """Each protocol's list is read, and a command to log in counts where the server says that it accepts it."""
    assert logins_before_tls(scheme, received).seen == logins


@pytest.mark.parametrize(
    ("scheme", "received", "cause"),
    [
        ("imap", b"* OK hi\r\na1 OK\r\n", Cause.PROTOCOL_ERROR),
        ("pop3", b"+OK hi\r\n-ERR what\r\n+OK go\r\n", Cause.PROTOCOL_ERROR),
        ("nntp", b"200 hi\r\n500 what\r\n382 go\r\n", Cause.PROTOCOL_ERROR),
        ("ftp", b"220 hi\r\n211 End\r\n234 go\r\n", Cause.NOT_SELECTED),
    ],
)
def test_a_server_that_lists_nothing_is_unseen(scheme: str, received: bytes, cause: Cause) -> None:
    """Without a list, and in a protocol that has none, it is not known which log-ins are accepted."""
    assert logins_before_tls(scheme, received).unseen is cause
