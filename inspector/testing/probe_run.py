"""One probe run against a server on loopback, through the network gateway."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from inspector.collect.parsing import read
from inspector.declare.authorisation import (
    LOOPBACK_RATES,
    Authorisation,
    AuthorisationKind,
    Covers,
    PortRange,
    is_loopback,
)
from inspector.declare.declaration import System
from inspector.declare.settings import Settings
from inspector.model.base import Cause, now
from inspector.model.declared import Declared
from inspector.model.errors import ScanFailure, UsageError
from inspector.model.observation import FailureNote, Observation, ScanOutput
from inspector.model.subject import HOST, TCP, UDP, Uri, parse_uri, subject_of
from inspector.network import Gateway, Ledger, Scope
from inspector.network.pacing.queued_limiter import QueuedRateLimiter
from inspector.plugin.probe import ParseContext, Probe, Target
from inspector.record.ledger_entry import LedgerEntry
from inspector.record.plan import PinnedHost

T = TypeVar("T", bound=Observation)


@dataclass(frozen=True, slots=True)
class ProbeRun:
    """The result of one probe run: raw bytes, the facts parsed from them or the failure that ended it, the ledger."""

    target: Target
    output: ScanOutput
    facts: Observation | None
    failure: FailureNote | None
    ledger: tuple[LedgerEntry, ...]

    def seen(self, kind: type[T]) -> T:
        """The facts; raises the failure that ended the run when there are none."""
        if isinstance(self.facts, kind):
            return self.facts
        note = self.failure or FailureNote(cause=Cause.BUG, detail="nothing was read")
        raise ScanFailure(note.cause, note.detail)


def run_probe(
    probe: Probe,
    uri: str,
    *needs: Observation,
    address: str = "127.0.0.1",
    declared: Declared | None = None,
    settings: Settings | None = None,
    declared_roots: bytes = b"",
    public_roots: bytes = b"",
    dnssec_anchors: tuple[str, ...] = (),
    authorisation: Authorisation | None = None,
    **options: Any,
) -> ProbeRun:
    """Run a probe once against a server on this machine, through the network gateway, and parse what it received.

    The host that ``uri`` names is pinned to ``address``, a loopback one; ``needs`` are the observations that the probe
    takes, ``options`` its own. Roots are PEM. Without an ``authorisation`` everything on this machine is covered.
    Raises UsageError when ``address`` is not on this machine.
    """
    if not is_loopback(address):
        raise UsageError(f"{address} is not on this machine", remedy="test against a server on a loopback address")
    schemes = {scheme.name: scheme for scheme in (TCP, UDP, HOST, *probe.schemes)}
    endpoint = parse_uri(uri, schemes)
    subject = subject_of(endpoint, probe.subject_kind, address=address if probe.subject_kind.has_address else None)
    target = Target(subject, declared or Declared())
    context = ParseContext(subject, now(), declared_roots, public_roots, dnssec_anchors)
    granted = authorisation or _authorisation(probe)
    return asyncio.run(_run(probe, endpoint, target, needs, address, granted, settings or Settings(), context, options))


async def _run(
    probe: Probe,
    endpoint: Uri,
    target: Target,
    needs: tuple[Observation, ...],
    address: str,
    granted: Authorisation,
    settings: Settings,
    context: ParseContext,
    options: dict[str, Any],
) -> ProbeRun:
    scope = Scope([granted], _system(endpoint), [PinnedHost(name=endpoint.host, addresses=(address,))])
    output, facts, note = ScanOutput(), None, None
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.jsonl")
        try:
            roots = context.public_roots + b"\n" + context.declared_roots
            gateway = Gateway(
                settings, scope, ledger, salt=b"test", run="test", roots=roots, rate_limiter=QueuedRateLimiter()
            )
            async with gateway:
                network = gateway.network(probe, target, granted)
                output = await probe.scan(target, network, *needs, **options)
            note = output.failure
            facts = probe.kind.model_validate(await read(probe, output, context))
        except ScanFailure as failure:
            note = FailureNote(cause=failure.cause, detail=failure.message)
        return ProbeRun(target, output, facts, note, tuple(ledger.entries()))


def _authorisation(probe: Probe) -> Authorisation:
    """Covers everything on this machine, at the probe's intrusiveness."""
    at = now()
    return Authorisation(
        id="test",
        kind=AuthorisationKind.OWN_ESTATE,
        granted_by="the test",
        covers=Covers(blocks=("127.0.0.0/8", "::1/128"), ports=(PortRange(first=1, last=65535),)),
        valid_from=at - timedelta(minutes=1),
        valid_until=at + timedelta(hours=1),
        intrusiveness=probe.intrusiveness,
        rates=LOOPBACK_RATES,
    )


def _system(endpoint: Uri) -> System:
    return System(id="test", name="Test", owner="the test", level=3, endpoints=(str(endpoint),))
