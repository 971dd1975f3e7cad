"""The gateway of one inspection: the only access to the network, closed at its end, by the clock or on request."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta
from types import TracebackType
from typing import Self

import inspector
from inspector.declare.authorisation import Authorisation
from inspector.declare.settings import Settings
from inspector.model.base import Cause, now
from inspector.model.errors import ScanFailure
from inspector.network.access.scope import Scope
from inspector.network.client import Identity, Network, PartStore
from inspector.network.guard import audit_hook as guard
from inspector.network.pacing.admission import AdmissionControl
from inspector.network.pacing.ledger import Ledger
from inspector.network.pacing.rate_limit import RateLimiter
from inspector.network.pacing.reachability import Reachability
from inspector.network.pacing.shared import shared_rate_limiter
from inspector.network.session import ProbeSession
from inspector.network.shared_questions import SharedQuestions
from inspector.plugin.probe import Probe, Target

#: How often the clock is read, so that a changed system time is noticed too (seconds).
_TICK_SECONDS = 1.0


def _identity(settings: Settings, run: str) -> Identity:
    """How Inspector identifies itself: printable ASCII, because it is part of headers and greetings."""
    contact = "".join(c for c in settings.contact if " " <= c <= "~" and c not in "()\\")
    remarks = "; ".join(part for part in (f"run {run}" if run else "", contact) if part)
    name = socket.gethostname()
    return Identity(
        user_agent=f"Inspector/{inspector.__version__}" + (f" ({remarks})" if remarks else ""),
        ehlo=name if "." in name.strip(".") and name.isascii() else "inspector.invalid",
        contact=contact,
    )


class Gateway:
    """The only access to the network. ``async with`` installs the audit guard and the watch over the time windows.

    ``salt`` keys the fingerprints of secrets, ``run`` names the run to the targets; ``roots`` (PEM) are those that
    certificates are verified with. By default all gateways of this user on the machine share one rate limiter, and
    none shares ``questions`` to resolvers with others.
    """

    def __init__(
        self,
        settings: Settings,
        scope: Scope,
        ledger: Ledger,
        *,
        salt: bytes,
        run: str,
        roots: bytes = b"",
        rate_limiter: RateLimiter | None = None,
        questions: SharedQuestions | None = None,
    ) -> None:
        self.identity = _identity(settings, run)
        self.scope = scope
        self._settings = settings
        self._ledger = ledger
        self._salt = salt
        self._roots = roots
        self._rate_limiter = rate_limiter
        self._questions = questions or SharedQuestions()
        self._admission: AdmissionControl | None = None
        self._shut: ScanFailure | None = None
        self._sessions: set[ProbeSession] = set()
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        rate_limiter = self._rate_limiter or shared_rate_limiter(self._settings)
        self._admission = AdmissionControl(self._ledger, rate_limiter, self._settings.ceilings.connections)
        guard.enable(self._record_violation)
        self._watcher = asyncio.create_task(self._watch(self._admission), name="authorised hours")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.abort()
            if self._watcher is not None:
                self._watcher.cancel()
                await asyncio.wait([self._watcher])
            for session in tuple(self._sessions):
                await session.close()
        finally:
            guard.disable(self._record_violation)

    def network(
        self,
        probe: Probe,
        target: Target,
        authorisation: Authorisation | None,
        unfinished: PartStore | None = None,
        *,
        asks_anew: bool = False,
    ) -> Network:
        """The network of this probe and target; without authorisation, only questions to infrastructure.

        ``unfinished`` keeps parts of the scan until it is recorded. With ``asks_anew`` the scan takes no reply that a
        resolver gave to another one.
        Call it in the task that runs the scan, so that the guard attributes violations to the probe's plugin.
        """
        session = ProbeSession(
            probe,
            target,
            authorisation,
            settings=self._settings,
            scope=self.scope,
            admission=self._opened,
            check_open=self._check_open,
            closed=self._sessions.discard,
            roots=self._roots,
            questions=None if asks_anew else self._questions,
        )
        self._sessions.add(session)
        guard.attribute_to(probe.module, self)
        return Network(session, self.identity, self._salt, unfinished)

    def reachability(self, address: str) -> Reachability:
        """What connections to ``address`` came to in this inspection."""
        return self._opened.reachability(address)

    def resume(self, address: str) -> None:
        """Ask an address again that has stopped answering, at half the rate."""
        reachability = self._opened.reachability(address)
        if reachability.stopped is not None:
            self._opened.rate_limiter.slow_down(reachability.address)
        reachability.resume()

    @property
    def _opened(self) -> AdmissionControl:
        if self._admission is None:
            raise RuntimeError("the gateway is not open: use it in 'async with'")
        return self._admission

    def abort(self, cause: Cause = Cause.ABORTED) -> None:
        """Cancel every connection, and refuse new ones."""
        if self._shut is None:
            self._shut = ScanFailure(cause, "the inspection was ended")
            if self._admission is not None:
                self._admission.cancel(self._shut)

    def _check_open(self) -> None:
        if self._shut is not None:
            raise ScanFailure(self._shut.cause, self._shut.message)

    def _record_violation(self, violation: guard.GuardViolation) -> None:
        """Record a violation at the sessions of the plugin, in case it catches the exception.

        What another gateway's scan did is that gateway's; where it is not known whose scan it was, it may be any.
        """
        if violation.owner not in (None, self):
            return
        package = violation.module.partition(".")[0]
        for session in self._sessions:
            if session.probe.module.partition(".")[0] == package:
                session.violation = violation

    async def _watch(self, admission: AdmissionControl) -> None:
        """Cancel the connections under an authorisation when its time window ends."""
        while True:
            at = now()
            ends = [self.scope.window_closes(at, each) for each in self.scope.authorisations]
            for each, end in zip(self.scope.authorisations, ends, strict=True):
                if end is None:
                    failure = ScanFailure(Cause.OUTSIDE_WINDOW, f"the hours of authorisation {each.id!r} ended")
                    admission.cancel(failure, authorisation=each.id)
            nearest = min((end - at for end in ends if end is not None), default=timedelta(seconds=_TICK_SECONDS))
            await asyncio.sleep(max(0.001, min(_TICK_SECONDS, nearest.total_seconds())))
