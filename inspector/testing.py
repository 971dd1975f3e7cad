"""The kit that plugin authors test with: one scan for real, and copies of an observation with one answer unseen."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable, Iterator
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
from inspector.model.base import Answer, Cause, Model, now
from inspector.model.declared import Declared
from inspector.model.errors import ScanFailure, UsageError
from inspector.model.observation import FailureNote, Observation, ScanOutput
from inspector.model.subject import HOST, TCP, UDP, Uri, parse_uri, subject_of
from inspector.network import Gateway, Ledger, Scope
from inspector.plugin.probe import ParseContext, Probe, Target
from inspector.record.ledger_entry import LedgerEntry
from inspector.record.plan import PinnedHost

T = TypeVar("T", bound=Observation)


# --- One scan ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scan:
    """What one scan came to: raw bytes, the facts read from them or the trouble that ended it, and the ledger."""

    target: Target
    output: ScanOutput
    facts: Observation | None
    failure: FailureNote | None
    ledger: tuple[LedgerEntry, ...]

    def seen(self, kind: type[T]) -> T:
        """The facts; raises the scan's trouble when there are none."""
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
) -> Scan:
    """Look once at a server of this machine, through the real door, and read what was seen.

    The host that ``uri`` names is pinned to ``address``, a loopback one; ``needs`` are the observations that the scan
    rests on, ``options`` its own. Roots are PEM. Without an ``authorisation`` everything on this machine is covered.
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
    return asyncio.run(
        _scan(probe, endpoint, target, needs, address, granted, settings or Settings(), context, options)
    )


async def _scan(
    probe: Probe,
    endpoint: Uri,
    target: Target,
    needs: tuple[Observation, ...],
    address: str,
    granted: Authorisation,
    settings: Settings,
    context: ParseContext,
    options: dict[str, Any],
) -> Scan:
    scope = Scope([granted], _system(endpoint), [PinnedHost(name=endpoint.host, addresses=(address,))])
    output, facts, note = ScanOutput(), None, None
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.jsonl")
        try:
            async with Gateway(settings, scope, ledger, salt=b"test", run="test") as gateway:
                network = gateway.network(probe, target, granted)
                output = await probe.scan(target, network, *needs, **options)
            note = output.failure
            facts = probe.kind.model_validate(await read(probe, output, context))
        except ScanFailure as failure:
            note = FailureNote(cause=failure.cause, detail=failure.message)
        return Scan(target, output, facts, note, tuple(ledger.entries()))


def _authorisation(probe: Probe) -> Authorisation:
    """Everything on this machine, as hard as the probe touches it."""
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


# --- One answer unseen ------------------------------------------------------------------------------------------------


def unseen_variants(observation: T, cause: Cause = Cause.TIMEOUT) -> Iterator[T]:
    """Every copy of ``observation`` in which exactly one answer that was seen is unseen for ``cause``.

    Answers are found wherever they stand: in nested models, tuples, dictionaries and in other answers. With this a test
    shows that no verdict turns to *pass* or *not-applicable* because something was not seen.
    """
    yield from _variants(observation, cause)


def _variants(value: Any, cause: Cause) -> Iterator[Any]:
    if isinstance(value, Answer) and value.is_seen:
        yield type(value)(unseen=cause)
    for place, part in _parts(value):
        for variant in _variants(part, cause):
            yield _with(value, place, variant)


def _parts(value: Any) -> Iterable[tuple[Any, Any]]:
    """What a value is made of, each part with its place."""
    if isinstance(value, Model):
        return [(name, getattr(value, name)) for name in type(value).model_fields]
    if isinstance(value, tuple):
        return enumerate(value)
    return value.items() if isinstance(value, dict) else ()


def _with(value: Any, place: Any, part: Any) -> Any:
    """A copy of ``value`` that holds ``part`` in this place."""
    if isinstance(value, Model):
        return value.model_copy(update={place: part})
    if isinstance(value, tuple):
        return (*value[:place], part, *value[place + 1 :])
    return {**value, place: part}
