"""The probe of resumption: six connections to a server that has every way, fewer to others."""

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
    SubjectKind,
    Target,
    probe,
)
from inspector.model.subject import is_address
from inspector.network import Stream
from inspector_tls.enumeration.probe import HTTPS, TLS
from inspector_tls.resumption.client import ANSWERS, Offer, visit
from inspector_tls.resumption.observations import TlsResumption
from inspector_tls.resumption.parsing import DECLINED, Visit, Visits, facts
from inspector_tls.starttls.injection import SMUGGLED
from inspector_tls.starttls.negotiation import SCHEMES, NoTls, needs_preamble
from inspector_tls.starttls.runner import PREAMBLE_SECONDS, prepare
from inspector_tls.wire.versions import TlsVersion

_VISITS: Final = "visits.json"
_NEWEST, _OLDER = Offer(TlsVersion.TLS_1_3), Offer(TlsVersion.TLS_1_2)
_WITHOUT_TICKETS = Offer(TlsVersion.TLS_1_2, tickets=False)
#: Each way is tried by a full handshake, once more where the line fails, and by resumptions.
MOST_CONNECTIONS: Final = 3 * (2 + DECLINED)
#: The connection's own troubles, after which another may fare better.
_PASSING = frozenset({Cause.TIMEOUT, Cause.RESET})
#: What the scan goes on after: these say something of one handshake, all others of the scan.
_OF_ONE_VISIT = frozenset({*_PASSING, Cause.PROTOCOL_ERROR, Cause.AMBIGUOUS})
_PARTING = {scheme.name: smuggled.parting for scheme, smuggled in SMUGGLED.items()}


def _cost(target: Target, options: Mapping[str, Any]) -> Cost:
    before = PREAMBLE_SECONDS if needs_preamble(target.scheme) else 0
    seconds = (1 + ANSWERS) * int(options.get("answer_seconds", 4)) + int(before)
    return Cost(connections=MOST_CONNECTIONS, seconds=MOST_CONNECTIONS * seconds)


def parse(output: ScanOutput, _context: ParseContext) -> TlsResumption:
    """By which ways sessions are resumed; raises ScanFailure where no handshake was made, which tells why."""
    return facts(Visits.parse(output.named(_VISITS) or b"").made)


@probe(
    "tls-resumption",
    kind=TlsResumption,
    schemes={HTTPS, TLS, *SCHEMES},
    subject_kind=SubjectKind.ADDRESS,
    intrusiveness=Intrusiveness.POLITE,
    cost=_cost,
    parse=parse,
)
async def tls_resumption(target: Target, network: Network, *, answer_seconds: int = 4) -> ScanOutput:
    """Shake hands as a client of TLS 1.3 and as an older one, with tickets and without, and come back to each session.

    ``answer_seconds`` bounds the wait for one answer.
    """
    scan = _Scan(target, network, answer_seconds)
    await scan.ask_all()
    visits = Visits(made=tuple(scan.made))
    return ScanOutput(
        raw=(Raw(name=_VISITS, data=visits.canonical(), media_type="application/json"),),
        tools={"openssl": ssl.OPENSSL_VERSION},
        failure=scan.failure,
    )


class _Scan:
    """The visits to one server."""

    def __init__(self, target: Target, network: Network, seconds: int) -> None:
        self._target = target
        self._network = network
        self._seconds = seconds
        self._server_name = None if is_address(target.host) else target.host
        self.made: list[Visit] = []
        self.failure: FailureNote | None = None

    async def ask_all(self) -> None:
        """Ask for every way of resuming that the versions leave open."""
        first = await self._ask(_NEWEST)
        if self.failure is not None:
            return
        # Who bears no hello of TLS 1.3 may still answer an older one.
        older = first if first is not None and first.is_older else await self._ask(_OLDER)
        if older is not None and not older.identified and self.failure is None:
            await self._ask(_WITHOUT_TICKETS)

    async def _ask(self, offer: Offer) -> Visit | None:
        """A full handshake and resumptions of it; give the full one if it stood."""
        full, session = await self._visit(offer)
        if full.cause in _PASSING and not full.stands and self.failure is None:
            full, session = await self._visit(offer)
        if not full.stands:
            return None
        for _ in range(DECLINED if full.gave else 0):
            again, _session = await self._visit(offer, session)
            if again.resumed or self.failure is not None:
                break
        return full

    async def _visit(self, offer: Offer, session: ssl.SSLSession | None = None) -> tuple[Visit, ssl.SSLSession | None]:
        made, given = await visit(
            self._network,
            offer,
            server_name=self._server_name,
            session=session,
            opening=self._open,
            words=self._words,
            seconds=self._seconds,
        )
        self.made.append(made)
        if made.cause is not None and made.cause not in _OF_ONE_VISIT:
            self.failure = FailureNote(cause=made.cause, detail=made.note)
        return made, given

    async def _open(self, stream: Stream) -> None:
        """Get to where TLS begins."""
        try:
            await prepare(stream, self._target.scheme, self._network.identity, host=self._target.host)
        except NoTls as declined:
            self.failure = FailureNote(cause=declined.cause, detail=declined.message)
            raise

    @property
    def _words(self) -> bytes:
        """What makes a server of this protocol speak; empty where nothing is known that does."""
        if self._target.scheme != HTTPS.name:
            return _PARTING.get(self._target.scheme, b"")
        where = urlsplit(self._target.uri).netloc
        agent = self._network.identity.user_agent
        return f"HEAD / HTTP/1.1\r\nHost: {where}\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n".encode()
