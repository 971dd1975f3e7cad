"""What is written down of resumption."""

from __future__ import annotations

from typing import ClassVar

from inspector import Answer, Observation


class TlsResumption(Observation):
    """How one port at one address takes up sessions again, and how long its tickets last, in seconds.

    ``by_session_id`` (RFC 5246 §7.4.1.2) and ``by_ticket`` (RFC 5077) are about TLS 1.0 to 1.2, ``by_psk`` about TLS
    1.3 (RFC 8446 §2.2). False: the server gives nothing to resume by, or twice did not resume by what it gave; so also
    where it accepts no such version.

    ``ticket_seconds`` is the lifetime hint of TLS up to 1.2 (RFC 5077 §3.3), where 0 leaves it to the client;
    ``psk_seconds`` the lifetime in TLS 1.3 (RFC 8446 §4.6.1). Each is the longest of the tickets seen, None where the
    server gives none.
    """

    kind: ClassVar[str] = "tls-resumption/1"

    by_session_id: Answer[bool]
    by_ticket: Answer[bool]
    by_psk: Answer[bool]
    ticket_seconds: Answer[int | None]
    psk_seconds: Answer[int | None]
