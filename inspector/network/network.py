"""The door as one look sees it: bound to one target, one probe and one authorisation.

Every method raises ``Trouble`` with the closed vocabulary of causes; nothing else leaves it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inspector.probing import Target

if TYPE_CHECKING:
    import dns.message
    import httpx


@dataclass(frozen=True, slots=True)
class Identity:
    """How probes say who they are: HTTP User-Agent, SMTP EHLO name, contact address."""

    user_agent: str
    ehlo: str
    contact: str


class Stream:
    """A connection that went through the door; reads are bounded in bytes and time."""

    async def read(self, limit: int = 65536, *, timeout: float = 10.0) -> bytes:
        """At most ``limit`` bytes as soon as some arrive; ``b""`` at the end of the stream."""
        raise NotImplementedError

    async def read_quietly(self, limit: int = 4096, *, timeout: float = 3.0) -> bytes:
        """What the server says by itself within ``timeout`` seconds; ``b""`` when it stays silent."""
        raise NotImplementedError

    async def write(self, data: bytes, *, timeout: float = 10.0) -> None:
        """Send all of ``data``."""
        raise NotImplementedError

    async def start_tls(self, context: ssl.SSLContext, server_name: str | None, *, timeout: float = 10.0) -> None:
        """Do a TLS handshake on this connection."""
        raise NotImplementedError

    @property
    def ssl_object(self) -> ssl.SSLObject | None:
        """The TLS state after ``start_tls``."""
        raise NotImplementedError

    async def close(self) -> None:
        """Close it; never raises."""
        raise NotImplementedError


class Network:
    """What a probe's ``look`` may do on the network."""

    target: Target
    identity: Identity
    answer_bytes: int

    def fingerprint(self, secret: bytes) -> str:
        """``len=N;sha256=…``: length and salted digest (salt of this inspection) that replace a secret in raw bytes."""
        raise NotImplementedError

    async def connect(self, port: int | None = None, *, timeout: float = 10.0) -> Stream:
        """Open TCP to the target's pinned address (``port``: the target's own)."""
        raise NotImplementedError

    def transport(self) -> httpx.AsyncBaseTransport:
        """An HTTP transport that reaches only the target's pinned address, whatever a URL or redirect names.

        It keeps no connections, does not judge certificates (that is another probe's work), and bounds bytes.
        """
        raise NotImplementedError

    async def nmap(self, arguments: Sequence[str], *, ports: Sequence[int], timeout: float) -> bytes:
        """Run nmap against the pinned address over ``ports`` and give its XML; ``-n -Pn`` and the pace are added."""
        raise NotImplementedError

    async def work(self, function: Callable[[bytes], bytes], payload: bytes, *, timeout: float) -> bytes:
        """Run an importable ``function(payload)`` in a killable worker process of its own.

        Sockets opened there pass the audit guard: only the target's pinned address, at the authorised pace, on the
        ledger.
        """
        raise NotImplementedError

    async def query(
        self,
        name: str,
        rdtype: str,
        *,
        server: str | None = None,
        port: int = 53,
        tcp: bool = False,
        dnssec: bool = False,
        timeout: float = 5.0,
    ) -> dns.message.Message:
        """Ask one DNS question of a configured resolver, or of a name server at ``server`` (infrastructure).

        With ``dnssec`` the DO and CD bits are set. UDP falls back to TCP on truncation. The answer is returned whatever
        its RCODE; only silence, refusal of the connection and malformed messages are ``Trouble``.
        """
        raise NotImplementedError
