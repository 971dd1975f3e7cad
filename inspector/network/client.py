"""The gateway as one scan sees it: bound to one target, one probe and one authorisation.

Every method raises ``ScanFailure`` with the closed vocabulary of causes; nothing else leaves it. Timeouts do not count
the time that the authorised pace makes a scan wait.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inspector.model.errors import ScanFailure
from inspector.network.transport.round_trip import RoundTripEnd
from inspector.network.transport.stream import Stream
from inspector.plugin.probe import Target

if TYPE_CHECKING:
    import dns.message
    import httpx

    from inspector.network.session import ProbeSession

__all__ = ["Identity", "Network", "RoundTripEnd", "Stream"]


@dataclass(frozen=True, slots=True)
class Identity:
    """How probes say who they are: HTTP User-Agent, SMTP EHLO name, contact address."""

    user_agent: str
    ehlo: str
    contact: str


class Network:
    """What a probe's ``scan`` may do on the network.

    ``answer_bytes``: what one connection may bring in, and one HTTP body hold; what lies beyond is left unread and
    shows as ``Stream.truncated``, or as ``response.extensions["truncated"]``.
    """

    target: Target
    identity: Identity
    answer_bytes: int

    def __init__(self, session: ProbeSession, identity: Identity, salt: bytes) -> None:
        self.target = session.target
        self.identity = identity
        self.answer_bytes = session.settings.ceilings.answer_bytes
        self._session = session
        self._salt = salt

    def fingerprint(self, secret: bytes) -> str:
        """``len=N;sha256=…``: length and salted digest (salt of this inspection) that replace a secret in raw bytes."""
        return f"len={len(secret)};sha256={hmac.new(self._salt, secret, hashlib.sha256).hexdigest()}"

    async def connect(self, port: int | None = None, *, timeout: float = 10.0) -> Stream:
        """Open TCP to the target's pinned address (``port``: the target's own)."""
        where = self.target.port if port is None else port
        return await self._session.connect(where, timeout=timeout, allowance=self.answer_bytes)

    async def exchange(
        self, sent: bytes, received: Callable[[bytes], bool], *, port: int | None = None, timeout: float = 10.0
    ) -> RoundTripEnd:
        """Ask one question on a connection of its own: open TCP, send, hand what comes to ``received``, close.

        It ends when ``received`` returns True, which it must soon: it runs in the event loop. Connecting may take
        ``timeout`` seconds, and so may the whole answer. It costs a fraction of ``connect`` with its steps; a server
        that answers with the words of one that turns clients away is rate-limited here, too.
        """
        where = self.target.port if port is None else port
        return await self._session.exchange(where, sent, received, timeout=timeout, allowance=self.answer_bytes)

    def transport(self) -> httpx.AsyncBaseTransport:
        """An HTTP transport that reaches only the target's pinned address, whatever a URL or redirect names.

        It keeps no connections, does not judge certificates (that is another probe's work), and bounds bytes. Trouble
        leaves it as ``ScanFailure``, not as an error of httpx; another host's URL is out of scope.
        """
        from inspector.network.protocols.http import Transport

        return Transport(self._session, self.identity.user_agent)

    async def third_parties(self, url: str) -> tuple[Network, ...]:
        """The gateway to another host that the scan brought to light, one for each of its addresses.

        ``url`` is plain HTTP; each door has that host as its target, and ``transport()`` reaches it. An authorisation
        must name the host (its name, its zone or its address); without ``ports`` it covers HTTP's own port there.
        Raises ScanFailure: out-of-scope where none does, and then nothing was sent.
        """
        from inspector.network.third_parties import ways

        return tuple(Network(way, self.identity, self._salt) for way in await ways(self._session, url))

    async def nmap(self, arguments: Sequence[str], *, ports: Sequence[int], timeout: float) -> bytes:
        """Run nmap against the pinned address over ``ports`` and give its XML; ``-n -Pn`` and the pace are added."""
        from inspector.network.protocols.nmap import scan

        return await scan(self._session, arguments, ports=ports, timeout=timeout)

    async def run_in_worker(self, function: Callable[[bytes], bytes], payload: bytes, *, timeout: float) -> bytes:
        """Run an importable ``function(payload)`` in a killable worker process of its own.

        Sockets opened there pass the audit guard: only the target's pinned address, at the authorised pace, on the
        ledger.
        """
        from inspector.network.sandbox.jobs import run_in_worker

        return await run_in_worker(self._session, function, payload, timeout=timeout)

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
        its RCODE; only silence, refusal of the connection and malformed messages are ``ScanFailure``.
        """
        from inspector.network.protocols.dns import query

        return await query(
            self._session, name, rdtype, server=server, port=port, tcp=tcp, dnssec=dnssec, timeout=timeout
        )

    # --- for the one who runs the scan ---

    def within(self, seconds: float) -> AbstractAsyncContextManager[None]:
        """Bound the body to so many seconds, waits for the authorised pace not counted; raises TimeoutError."""
        return self._session.deadline.within(seconds)

    @property
    def violation(self) -> ScanFailure | None:
        """What the probe's plugin tried past the gateway, even if it swallowed the refusal; None when it kept to it."""
        return self._session.violation

    async def close(self) -> None:
        """Close every connection that the scan left open."""
        await self._session.close()
