"""Questions to resolvers that the scans of a run have in common: asked once, listed in the ledger of each inspection.

The keys of a top-level domain, the addresses of its name servers, or the SPF record that many domains include are the
same question for all zones of a run. It goes to a resolver, under no authorisation, and depends on nothing that one
inspection has or may do (ADR 39).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inspector.network.pacing.admission import AdmissionControl, ConnectionLog, RequestContext
from inspector.network.pacing.cancellation import PausableDeadline
from inspector.network.zone_servers import KnownZones

if TYPE_CHECKING:
    import dns.message

#: How long a reply is taken by others, counted from when its question was asked.
HOLD_SECONDS = 60.0
#: Bytes of replies that are kept, and how many.
_BYTES, _REPLIES = 1_000_000, 2_000
#: RCODEs that are kept (RFC 6895 §2.3): NOERROR, NXDOMAIN. With any other one the next scan asks itself.
_KEPT = frozenset({0, 3})


@dataclass(frozen=True, slots=True)
class ResolverQuestion:
    """All that the reply of a resolver depends on."""

    name: str
    rdtype: str
    rdclass: str
    dnssec: bool
    tcp: bool


@dataclass(eq=False, slots=True)
class _Asked:
    """A question, the connections that it took, and its reply: None until it has come, and when it may not be taken."""

    log: ConnectionLog
    began: float
    ended: asyncio.Future[None]
    reply: dns.message.Message | None = field(default=None)


class SharedQuestions:
    """The questions to resolvers of one run, in one event loop."""

    def __init__(self) -> None:
        self._asked: OrderedDict[ResolverQuestion, _Asked] = OrderedDict()
        self._bytes = 0
        #: The servers of zones that referrals named, where names are resolved from the root.
        self.zones = KnownZones()

    async def reply(
        self,
        question: ResolverQuestion,
        request_context: RequestContext,
        admission: AdmissionControl,
        deadline: PausableDeadline,
        ask: Callable[[ConnectionLog], Awaitable[dns.message.Message]],
    ) -> dns.message.Message:
        """The reply that another scan got within ``HOLD_SECONDS``, or is about to get; otherwise that of ``ask``.

        ``ask`` notes its connections in the given log. Who waited for a question that failed asks itself, so that one
        failure is never that of many. Raises ScanFailure.
        """
        loop = asyncio.get_running_loop()
        known = self._asked.get(question)
        if known is not None and known.began + HOLD_SECONDS > loop.time():
            await _ended(known, request_context, admission, deadline)
            if known.reply is not None:
                request_context.taken(admission.ledger, known.log)
                return known.reply
        asked = _Asked(ConnectionLog(request_context.rates), loop.time(), loop.create_future())
        self._forget(question)
        self._asked[question] = asked
        try:
            reply = await ask(asked.log)
            if reply.rcode() in _KEPT and self._asked.get(question) is asked:
                asked.reply = reply
                self._bytes += len(reply.wire or b"")
        finally:
            asked.ended.set_result(None)
            if asked.reply is None and self._asked.get(question) is asked:
                del self._asked[question]
            self._trim(loop.time() - HOLD_SECONDS)
        return reply

    def _trim(self, before: float) -> None:
        """Forget what was asked before this instant, and the oldest of what is too much."""
        while self._asked:
            question, oldest = next(iter(self._asked.items()))
            if oldest.began > before and self._bytes <= _BYTES and len(self._asked) <= _REPLIES:
                return
            self._forget(question)

    def _forget(self, question: ResolverQuestion) -> None:
        asked = self._asked.pop(question, None)
        if asked is not None and asked.reply is not None:
            self._bytes -= len(asked.reply.wire or b"")


async def _ended(
    asked: _Asked, request_context: RequestContext, admission: AdmissionControl, deadline: PausableDeadline
) -> None:
    """Wait until another scan has its reply, or none. Raises ScanFailure when this scan is cancelled."""
    if asked.ended.done():
        return
    cancel_scope = admission.cancel_scope(request_context)
    try:
        with deadline.paused():
            async with cancel_scope.within(None, ""):
                await asyncio.wait({asked.ended})
    finally:
        admission.drop(cancel_scope)
