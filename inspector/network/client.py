"""The interface of a probe to the network, bound to one target, one probe and one authorisation.

Every method raises ``ScanFailure`` only, with a cause from the closed vocabulary. Timeouts do not count the time that
the rate limits make a scan wait.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from inspector.declare.authorisation import Rates
from inspector.model.certificate_flaw import CertificateFlaw
from inspector.model.errors import ScanFailure
from inspector.network.fingerprints import replaced_runs
from inspector.network.transport.round_trip import RoundTripEnd
from inspector.network.transport.stream import Stream
from inspector.plugin.probe import Target

if TYPE_CHECKING:
    import dns.message
    import httpx

    from inspector.model.observation import ScanOutput
    from inspector.network.pacing.admission import ConnectionLog
    from inspector.network.session import ProbeSession

__all__ = ["Identity", "Network", "RoundTripEnd", "Stream"]


@dataclass(frozen=True, slots=True)
class Identity:
    """How probes identify themselves: HTTP User-Agent, SMTP EHLO name, contact address."""

    user_agent: str
    ehlo: str
    contact: str


class PartStore(Protocol):
    """Keeps the parts of a scan that is not recorded yet."""

    def parts(self) -> tuple[bytes, ...]:
        """What was kept, in order."""

    def keep(self, part: bytes) -> None:
        """Keep one more part; it survives the end of the process."""


#: The digits of a fingerprint that may stand for it.
_SHORT = 12


def _keyed(salt: bytes, secret: bytes) -> str:
    return hmac.digest(salt, secret, "sha256").hex()


class Network:
    """What a probe's ``scan`` may do on the network.

    ``answer_bytes`` limits what one connection receives, and one HTTP body; the rest is not read, which shows as
    ``Stream.truncated``, or as ``response.extensions["truncated"]``.
    """

    target: Target
    identity: Identity
    answer_bytes: int

    def __init__(
        self, session: ProbeSession, identity: Identity, salt: bytes, unfinished: PartStore | None = None
    ) -> None:
        self.target = session.target
        self.identity = identity
        self.answer_bytes = session.settings.ceilings.answer_bytes
        self._session = session
        self._salt = salt
        self._unfinished = unfinished

    def fingerprint(self, secret: bytes) -> str:
        """``len=N;sha256=…``, which replaces a secret in raw bytes; the digest is keyed with this inspection's salt.

        Keep it as it is, or the last twelve digits of it: where inspections share a scan, each of them finds these in
        the output, and puts digests of its own in their place.
        """
        log = self._session.log
        keyed = _keyed(self._salt if log is None else log.key, secret)
        if log is not None:
            log.secrets[keyed] = secret
        return f"len={len(secret)};sha256={keyed}"

    async def connect(self, port: int | None = None, *, timeout: float = 10.0) -> Stream:
        """Open TCP to the target's pinned address; ``port`` defaults to the target's."""
        where = self.target.port if port is None else port
        return await self._session.connect(where, timeout=timeout, allowance=self.answer_bytes)

    async def exchange(
        self, sent: bytes, received: Callable[[bytes], bool], *, port: int | None = None, timeout: float = 10.0
    ) -> RoundTripEnd:
        """Send ``sent`` over a connection of its own and pass what comes to ``received``, until that returns True.

        ``received`` runs in the event loop and must return soon. ``timeout`` (seconds) applies to connecting and again
        to the whole answer. It costs a fraction of ``connect``; an answer that is a rate-limit reply of the server
        slows the address down here, too.
        """
        where = self.target.port if port is None else port
        return await self._session.exchange(where, sent, received, timeout=timeout, allowance=self.answer_bytes)

    async def udp(
        self,
        sent: bytes,
        is_answer: Callable[[bytes], bool],
        *,
        port: int | None = None,
        replies: int = 4,
        timeout: float = 2.0,
        from_any_port: bool = False,
    ) -> tuple[bytes, ...]:
        """Send one datagram and return those that came back from the asked address and port, at least one.

        It ends with the first one for which ``is_answer`` is true, with so many ``replies``, with ``answer_bytes``, or
        after ``timeout`` seconds. ``from_any_port`` takes answers from every port of the address, as TFTP sends them.
        The address must be listed. Raises ScanFailure: timeout without any; refused where the target itself says that
        the port is unreachable; blocked where another device does, or says that it may not be reached. A datagram from
        the port wins over either.
        """
        from inspector.network.protocols.udp import ask

        return await ask(
            self._session,
            self.target.port if port is None else port,
            sent,
            is_answer,
            replies=replies,
            timeout=timeout,
            allowance=self.answer_bytes,
            from_any_port=from_any_port,
        )

    def transport(self, *, verify: bool = False) -> httpx.AsyncBaseTransport:
        """An HTTP transport that reaches only the target's pinned address, whatever a URL or redirect names.

        It reuses no connections, accepts any certificate, and limits bytes. Failures are ``ScanFailure``, not errors of
        httpx; a URL of another host is out of scope. With ``verify`` the first handshake with a port verifies the
        certificate, for ``verify_certificate``; where it rejects it, another connection accepts it. Where the server
        refuses what the host's TLS library offers, at most two connections more show whether the library lacks what the
        server demands: tool-missing, with its name.
        """
        from inspector.network.protocols.http import Transport

        return Transport(self._session, self.identity.user_agent, verify=verify)

    def request(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout: float = 10.0,
        verify: bool = False,
        http1: bool = False,
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """One HTTP request over ``transport``: its answer, whose body can be read within the body of ``with``.

        No state is kept: no cookie is stored or sent, no redirect is followed. ``timeout`` (seconds) applies to
        connecting. HTTP/2 is offered as browsers do, unless ``http1``. Raises ScanFailure, and httpx.InvalidURL for a
        malformed URL.
        """
        from inspector.network.protocols.http import request

        transport = self.transport(verify=verify)
        return request(transport, url, method=method, headers=headers, content=content, timeout=timeout, http1=http1)

    async def verify_certificate(self, *, timeout: float = 10.0) -> CertificateFlaw | None:
        """Why a client rejects the certificate of the target's port under the target's name; None when it does not.

        The client trusts the public roots and those that the inspecting side declares; revocation is not looked at. It
        makes one handshake, or three where the issuer is not known, and sends nothing in them; what a request with
        ``verify`` saw needs none, or one where the issuer is not known. A refused
        hello leads to two more. Raises ScanFailure.
        """
        from inspector.network.protocols.certificate import verify

        return await verify(self._session, self.target.port, timeout=timeout)

    async def third_parties(self, url: str) -> tuple[Network, ...]:
        """Access to another host that the scan discovered, one ``Network`` for each of its addresses.

        ``url`` is plain HTTP; each result has that host as its target, for ``transport()``. An authorisation must name
        the host (its name, zone or address); without ``ports`` it covers HTTP's default port. Raises ScanFailure,
        out-of-scope when none does; then nothing was sent.
        """
        from inspector.network.third_parties import sessions_to

        self._session.keep_private()  # what other hosts answer depends on what else the authorisation names
        return tuple(Network(each, self.identity, self._salt) for each in await sessions_to(self._session, url))

    @property
    def has_answered(self) -> bool:
        """Whether any packet has come back from the target's address in this inspection, to whichever scan."""
        return self._session.admission.reachability(self.target.address).is_heard

    @property
    def answered_ports(self) -> tuple[int, ...]:
        """The ports of the target's address that have accepted a connection in this inspection, from any scan."""
        return self._session.admission.reachability(self.target.address).answered_ports

    async def nmap(self, arguments: Sequence[str], *, ports: Sequence[int], timeout: float) -> bytes:
        """The XML of nmap, run against ``ports`` of the pinned address; ``-n -Pn`` and the rate are added."""
        from inspector.network.protocols.nmap import scan

        return await scan(self._session, arguments, ports=ports, timeout=timeout)

    async def common_ports(self, count: int) -> tuple[int, ...]:
        """The ``count`` TCP ports that are open most often by nmap's own statistics, ascending; sends nothing."""
        from inspector.network.protocols.nmap import common_ports, find_nmap

        program = find_nmap(self._session.settings.nmap_search_path)
        return await asyncio.to_thread(common_ports, program, count)

    def kept(self) -> tuple[bytes, ...]:
        """What this scan kept before its inspection was interrupted, in order."""
        return self._unfinished.parts() if self._unfinished is not None else ()

    async def keep(self, part: bytes) -> None:
        """Keep what this scan has seen so far, so that it need not ask again after an interruption."""
        if self._unfinished is not None:
            await asyncio.to_thread(self._unfinished.keep, part)

    async def run_in_worker(self, function: Callable[[bytes], bytes], payload: bytes, *, timeout: float) -> bytes:
        """Run an importable ``function(payload)`` in a killable worker process.

        Its sockets pass the audit guard: only the target's pinned address, at the authorised rate, in the ledger.
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
        recursion: bool = False,
        cookie: bool = False,
        rdclass: str = "IN",
        timeout: float = 5.0,
    ) -> dns.message.Message:
        """Ask one DNS question of a configured resolver, or of a name server at ``server`` (infrastructure).

        ``dnssec`` sets the DO and CD bits, ``recursion`` the RD bit for a name server (resolvers always get it);
        ``cookie`` sends a client cookie (RFC 7873 §4.1). Of a zone transfer (AXFR) the first message is read.
        Truncated UDP answers are asked for again over TCP. What a resolver replied to another scan of the run within a
        minute is taken as the reply, and listed in the ledger as shared. The answer, which must not be changed, is
        returned whatever its RCODE; no answer, a refused connection and malformed messages raise ``ScanFailure``.
        """
        from inspector.network.protocols.dns import query

        return await query(
            self._session,
            name,
            rdtype,
            server=server,
            port=port,
            tcp=tcp,
            dnssec=dnssec,
            recursion=recursion,
            cookie=cookie,
            rdclass=rdclass,
            timeout=timeout,
        )

    # --- for the collector ---

    def within(self, seconds: float) -> AbstractAsyncContextManager[None]:
        """Limit the body to so many seconds, without waits for the rate limits; raises TimeoutError."""
        return self._session.deadline.within(seconds)

    @property
    def violation(self) -> ScanFailure | None:
        """The plugin's attempt to bypass the gateway, even if it caught the exception; None when there was none."""
        return self._session.violation

    @property
    def rates(self) -> Rates | None:
        """The rates that the scan is authorised to; None where it may send nothing to the target."""
        granted = self._session.authorisation
        return granted.rates if granted is not None else None

    def share(self, rates: Rates) -> ConnectionLog:
        """Note the connections, which keep to these rates, for other inspections that may take the result."""
        return self._session.share(rates)

    def end_sharing(self) -> bool:
        """The scan has ended; whether other inspections may take its result."""
        return self._session.end_sharing()

    async def follow(self, ended: asyncio.Future[None]) -> None:
        """Wait for the scan of another inspection, as long as this one may scan. Raises ScanFailure."""
        await self._session.follow(ended)

    def permits(self, rates: Rates) -> bool:
        """Whether a scan at these rates keeps to the authorisation of this one."""
        return self._session.permits(rates)

    def with_own_fingerprints(self, output: ScanOutput, log: ConnectionLog) -> ScanOutput:
        """What a scan that may be shared gave, with the fingerprints in it keyed with this inspection's salt."""
        own = {digest: _keyed(self._salt, secret) for digest, secret in log.secrets.items()}
        own |= {digest[-_SHORT:]: keyed[-_SHORT:] for digest, keyed in own.items()}
        return output if not own else replaced_runs(output, own)

    def adopt(self, log: ConnectionLog) -> bool:
        """Take over the connections of another inspection's scan; whether the authorisation of this one covers each."""
        return self._session.adopt(log)

    async def close(self) -> None:
        """Close every connection that the scan has open."""
        await self._session.close()
