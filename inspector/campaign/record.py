"""The sealed record of a campaign: what was asked for, and what became of every system.

::

    <output>/campaigns/<id>/
      campaign.json              the campaign as it was started, its terms, when it was started and closed
      units.jsonl.zst            one Unit a line, by key
      manifest.dsse.json         in-toto Statement over both, signed

It is written once, when the campaign is closed.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ValidationError

from inspector import __version__
from inspector.campaign.result import UnitResult
from inspector.engine.engine import JobState, JobStatus, NotInspected
from inspector.engine.journal import CampaignRow
from inspector.model.base import Instant, Model, canonical, digest, now
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.record.limits import FILE_BYTES
from inspector.seal.atomic_files import make_folder, sync_folder, write_files, writing
from inspector.seal.layout import MANIFEST
from inspector.seal.manifest import Predicate, envelope_of, payload_of, read_statement
from inspector.seal.pack import compressed, decompressed
from inspector.seal.signing import SigningKey
from inspector.seal.untrusted_files import UntrustedFolder

#: The folder of the journal and of the records, below the output folder.
FOLDER = "campaigns"
_CAMPAIGN, _UNITS = "campaign.json", "units.jsonl.zst"


class UnitAttempt(Model):
    """One attempt to inspect a system. ``folder`` is that of its inspection below the output folder, if it has one.

    ``capture`` is the head digest of what was sealed, also where the inspection was interrupted.
    """

    attempt: int
    state: JobState
    folder: str | None = None
    capture: str | None = None
    detail: str = ""


class Unit(Model):
    """A system of a campaign, and what became of it.

    Only one in state *sealed* counts as inspected. ``cause``: why a system was not inspected.
    """

    system: str
    state: JobState
    cause: NotInspected | None = None
    detail: str = ""
    attempts: tuple[UnitAttempt, ...] = ()
    result: UnitResult | None = None


class CampaignSealed(Predicate):
    """The sealed record of a campaign; ``states`` counts its systems by state."""

    uri: ClassVar[str] = "urn:level-inspector:campaign:1"
    campaign: str
    started: Instant
    closed: Instant
    systems: int
    states: dict[str, int]
    refused: int
    inspector_version: str


class CampaignRecord(Model):
    """A record that was read: its head digest, who signed it, and every system."""

    digest: str
    signers: tuple[str, ...]
    sealed: CampaignSealed
    document: dict[str, Any]
    units: tuple[Unit, ...]


def units_of(jobs: Iterable[JobStatus], attempt_of: Callable[[JobStatus], UnitAttempt]) -> list[Unit]:
    """The systems of a campaign from the last states of their jobs, which come sorted by system and attempt."""
    by_system: dict[str, list[JobStatus]] = {}
    for job in jobs:
        by_system.setdefault(job.system, []).append(job)
    return [_unit(attempts, attempt_of) for attempts in by_system.values()]


def _unit(attempts: list[JobStatus], attempt_of: Callable[[JobStatus], UnitAttempt]) -> Unit:
    """A system; of its attempts the sealed one counts, else the last."""
    counted = next((each for each in attempts if each.state is JobState.SEALED), attempts[-1])
    return Unit(
        system=counted.system,
        state=counted.state,
        cause=counted.cause,
        detail=counted.detail,
        attempts=() if counted.tries == 0 and len(attempts) == 1 else tuple(map(attempt_of, attempts)),
        result=None if counted.result is None else UnitResult.parse(counted.result),
    )


def write(folder: Path, row: CampaignRow, units: Iterable[Unit], key: SigningKey) -> str:
    """Seal the record of a campaign in ``folder``, and give its head digest; one that is there already is kept.

    Raises BundleError.
    """
    place = folder / row.terms.campaign
    if (place / MANIFEST).exists():
        return read(folder, row.terms.campaign).digest
    listed = sorted(units, key=lambda each: each.system)
    head = {
        "document": json.loads(row.document or b"{}"),
        "terms": row.terms.model_dump(mode="json"),
        "started": row.at.isoformat(),
    }
    lines = b"".join(canonical(each.model_dump(mode="json", exclude_defaults=True)) + b"\n" for each in listed)
    files = {_CAMPAIGN: canonical(head), _UNITS: compressed(lines)}
    predicate = CampaignSealed(
        campaign=row.terms.campaign,
        started=row.at,
        closed=now(),
        systems=len(listed),
        states=dict(sorted(Counter(each.state.value for each in listed).items())),
        refused=row.refused,
        inspector_version=__version__,
    )
    payload = payload_of({name: digest(data) for name, data in files.items()}, predicate)
    partial = folder / f"partial-{secrets.token_hex(6)}"
    make_folder(partial)
    try:
        write_files(partial, {**files, MANIFEST: envelope_of(payload, key)}, partial=partial)
        with writing(place):
            partial.rename(place)
            sync_folder(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return digest(payload)


def exists(folder: Path, campaign: str) -> bool:
    """Whether the record of a campaign was sealed."""
    return (folder / campaign / MANIFEST).exists()


def read(folder: Path, campaign: str) -> CampaignRecord:
    """The record of a campaign. Raises BundleError where it is altered, or of another campaign."""
    place = UntrustedFolder(folder / campaign)
    sealed = read_statement(place, MANIFEST, CampaignSealed)
    found = {name: place.read(name, FILE_BYTES) for name in (_CAMPAIGN, _UNITS)}
    for name, data in found.items():
        if sealed.files.get(name) != digest(data):
            raise _altered(folder / campaign / name)
    try:
        lines = decompressed(found[_UNITS], FILE_BYTES, _UNITS).splitlines()
        units = tuple(Unit.model_validate_json(line) for line in lines)
        document = json.loads(found[_CAMPAIGN])["document"]
    except (ValidationError, ValueError, KeyError, TypeError):
        raise _altered(folder / campaign) from None
    if sealed.predicate.campaign != campaign or sealed.predicate.systems != len(units):
        raise _altered(folder / campaign)
    return CampaignRecord(
        digest=sealed.digest, signers=sealed.signers, sealed=sealed.predicate, document=document, units=units
    )


def _altered(path: Path) -> BundleError:
    return BundleError(
        FormattedMessage("{name}: is not what was sealed", name=path), remedy="restore the folder from a copy"
    )
