"""The end of a campaign: what was interrupted is sealed as it is, and the record of every system is written."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from inspector.campaign import record
from inspector.campaign.record import CampaignRecord, UnitAttempt, units_of
from inspector.campaign.result import UnitResult
from inspector.engine.embedded import JournalEngine
from inspector.engine.engine import JobState, JobStatus, NotInspected
from inspector.engine.journal import CampaignState
from inspector.model.base import now
from inspector.model.errors import BundleError, InspectorError
from inspector.seal import Bundle
from inspector.seal.layout import CAPTURE, MANIFEST
from inspector.seal.signing import SigningKey

_log = logging.getLogger(__name__)

#: What may have left a capture behind that is not sealed.
_UNFINISHED = (JobState.INTERRUPTED, JobState.TORN, JobState.FAILED)


def close(
    engine: JournalEngine, campaign: str, output: Path, key: SigningKey, seal: Callable[[Path], object]
) -> CampaignRecord:
    """Close a campaign, and give its record; a second call gives the same.

    Systems that wait are not inspected; ``seal`` seals the capture of an inspection that was interrupted, in whose
    folder it is. Raises EngineError where another process runs the campaigns, BundleError.
    """
    folder = output / record.FOLDER
    row = engine.journal.campaign(campaign)
    if row.state != CampaignState.CLOSED:
        if row.state != CampaignState.STOPPED:
            engine.journal.set_state(campaign, CampaignState.STOPPED)  # from now on none of its jobs begins
        engine.check_idle(campaign)
        is_late = row.terms.deadline is not None and row.terms.deadline <= now()
        engine.journal.leave_out(campaign, NotInspected.DEADLINE if is_late else NotInspected.CLOSED)
        jobs = list(engine.journal.jobs(campaign))
        for job in jobs:
            if job.state in _UNFINISHED:
                _seal(output, job, seal)
        record.write(folder, row, units_of(jobs, lambda job: attempt_of(output, job)), key)
        engine.journal.set_state(campaign, CampaignState.CLOSED)
    return record.read(folder, campaign)


def inspection_folder(output: Path, job: JobStatus) -> Path | None:
    """The folder of the newest inspection of an attempt; None where none has begun."""
    place = output / job.run / job.system.rpartition("/")[2]
    if not place.is_dir():
        return None
    return max((each for each in place.iterdir() if (each / CAPTURE).is_dir()), default=None)


def _seal(output: Path, job: JobStatus, seal: Callable[[Path], object]) -> None:
    """Seal what was interrupted; what cannot be sealed stays as it is, and the record says so."""
    folder = inspection_folder(output, job)
    if folder is None or (folder / CAPTURE / MANIFEST).exists():
        return
    try:
        seal(folder)
    except InspectorError as error:
        _log.warning("it cannot be sealed", extra={"path": folder, "detail": error.message})


def attempt_of(output: Path, job: JobStatus) -> UnitAttempt:
    """An attempt as the record has it."""
    if job.result is not None:
        known = UnitResult.parse(job.result)
        place = f"{known.run}/{known.system}/{known.inspection}"
        return UnitAttempt(attempt=job.attempt, state=job.state, folder=place, capture=known.capture)
    folder = inspection_folder(output, job)
    capture = None
    if folder is not None:
        try:
            capture = Bundle.open(folder).digest
        except BundleError:
            capture = None
    return UnitAttempt(
        attempt=job.attempt,
        state=job.state,
        folder=None if folder is None else str(folder.relative_to(output)),
        capture=capture,
        detail=job.detail,
    )
