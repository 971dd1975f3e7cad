"""The probe of session tickets: one full handshake with TLS 1.3, and one with TLS 1.2 where both are accepted."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from inspector import (
    Cause,
    Cost,
    FailureNote,
    Intrusiveness,
    Network,
    ParseContext,
    Raw,
    ScanOutput,
    Stream,
    SubjectKind,
    Target,
    probe,
)
from inspector_tls.enumeration.probe import HTTPS, TLS
from inspector_tls.resumption.client import ANSWERS, offered_suites, shake_hands
from inspector_tls.resumption.observations import TlsResumption
from inspector_tls.resumption.parsing import Handshake, Handshakes, facts
from inspector_tls.starttls.injection import INJECTED
from inspector_tls.starttls.negotiation import IMPLICIT, SCHEMES, NoTls, needs_negotiation
from inspector_tls.starttls.runner import NEGOTIATION_SECONDS, prepare
from inspector_tls.wire.code_points import suites
from inspector_tls.wire.versions import TlsVersion

_HANDSHAKES: Final = "handshakes.json"
#: Two versions are offered, each once more where the connection fails, and the first once again after the second.
MOST_CONNECTIONS: Final = 2 * 2 + 1
#: Failures of one connection, after which another may succeed.
_TRANSIENT = frozenset({Cause.TIMEOUT, Cause.RESET})
#: Failures after which the scan goes on: they belong to one handshake, all others to the whole scan.
_OF_ONE_HANDSHAKE = frozenset({*_TRANSIENT, Cause.PROTOCOL_ERROR, Cause.AMBIGUOUS, Cause.TOOL_MISSING})
_CLOSING = {scheme.name: injected.closing_command for scheme, injected in INJECTED.items()}


def _cost(target: Target, options: Mapping[str, Any]) -> Cost:
    before = NEGOTIATION_SECONDS if needs_negotiation(target.scheme) else 0
    seconds = (1 + ANSWERS) * int(options.get("answer_seconds", 4)) + int(before)
    return Cost(connections=MOST_CONNECTIONS, seconds=MOST_CONNECTIONS * seconds)


def parse(output: ScanOutput, _context: ParseContext) -> TlsResumption:
    """The ticket lifetimes; raises ScanFailure, with the cause, where no handshake was completed."""
    return facts(Handshakes.parse(output.named(_HANDSHAKES) or b"").handshakes)


@probe(
    "tls-resumption",
    kind=TlsResumption,
    schemes={HTTPS, TLS, *IMPLICIT, *SCHEMES},
    subject_kind=SubjectKind.ADDRESS,
    intrusiveness=Intrusiveness.POLITE,
    cost=_cost,
    parse=parse,
    version="2",
)
async def tls_resumption(target: Target, network: Network, *, answer_seconds: int = 4) -> ScanOutput:
    """Make a full handshake as a client of TLS 1.3 and as one of TLS 1.2, and read the session tickets.

    ``answer_seconds`` bounds the wait for one answer.
    """
    scan = _TicketScan(target, network, answer_seconds)
    await scan.run()
    made = Handshakes(handshakes=tuple(scan.made))
    return ScanOutput(
        raw=(Raw(name=_HANDSHAKES, data=made.canonical(), media_type="application/json"),),
        tools={"openssl": ssl.OPENSSL_VERSION},
        failure=scan.failure,
    )


class _TicketScan:
    """The handshakes with one server."""

    def __init__(self, target: Target, network: Network, seconds: int) -> None:
        self._target = target
        self._network = network
        self._seconds = seconds
        self._server_name = target.server_name
        self.made: list[Handshake] = []
        self.failure: FailureNote | None = None

    async def run(self) -> None:
        """Offer TLS 1.3; then TLS 1.2."""
        newest = await self._offer(TlsVersion.TLS_1_3)
        if self.failure is None:
            # A server that does not tolerate a hello of TLS 1.3 may still answer an older one.
            older = await self._offer(TlsVersion.TLS_1_2)
            self._explain(newest, older)
            if older.closed and newest.handshake_done and self.failure is None:
                await self._shake_hands(TlsVersion.TLS_1_3)  # unless the server refuses everything by now

    def _explain(self, newest: Handshake, older: Handshake) -> None:
        """Name the suite for want of which OpenSSL failed, where the server chose it of the first hello."""
        chosen = suites().get(newest.suite or 0) if newest.declines_tls_1_3 else None
        if chosen is not None and older.cause is Cause.PROTOCOL_ERROR and chosen.code not in offered_suites():
            note = f"{ssl.OPENSSL_VERSION} of this host does not offer the cipher suite {chosen.name}"
            self.made[-1] = older.model_copy(update={"cause": Cause.TOOL_MISSING, "note": note})

    async def _offer(self, newest: TlsVersion) -> Handshake:
        """Make a full handshake, once more where the connection fails or ends at the hello."""
        made = await self._shake_hands(newest)
        if (made.cause in _TRANSIENT or made.closed) and not made.handshake_done and self.failure is None:
            made = await self._shake_hands(newest)
        return made

    async def _shake_hands(self, newest: TlsVersion) -> Handshake:
        made = await shake_hands(
            self._network,
            newest,
            server_name=self._server_name,
            opening=self._open,
            request=self._request,
            seconds=self._seconds,
        )
        self.made.append(made)
        if made.cause is not None and made.cause not in _OF_ONE_HANDSHAKE:
            self.failure = FailureNote(cause=made.cause, detail=made.note)
        return made

    async def _open(self, stream: Stream) -> None:
        """Negotiate TLS in the target's protocol where it does not begin with TLS."""
        try:
            await prepare(stream, self._target.scheme, self._network.identity, host=self._target.host)
        except NoTls as declined:
            self.failure = FailureNote(cause=declined.cause, detail=declined.message)
            raise

    @property
    def _request(self) -> bytes:
        """What makes a server of this protocol answer; empty where no such request is known."""
        if self._target.scheme != HTTPS.name:
            return _CLOSING.get(self._target.scheme, b"")
        where = urlsplit(self._target.uri).netloc
        agent = self._network.identity.user_agent
        return f"HEAD / HTTP/1.1\r\nHost: {where}\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n".encode()
