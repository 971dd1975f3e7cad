"""The observation of session tickets."""

from __future__ import annotations

from typing import ClassVar

from inspector import Answer, Observation


class TlsResumption(Observation):
    """The lifetimes, in seconds, of the session tickets that one port at one address issues.

    ``ticket_seconds`` is the lifetime hint of TLS 1.0 to 1.2 (RFC 5077 §3.3), where 0 leaves it to the client;
    ``psk_seconds`` the lifetime in TLS 1.3 (RFC 8446 §4.6.1). Each is the longest of the tickets seen; None where the
    server issues none, or accepts no such version.
    """

    kind: ClassVar[str] = "tls-resumption/1"

    ticket_seconds: Answer[int | None]
    psk_seconds: Answer[int | None]
