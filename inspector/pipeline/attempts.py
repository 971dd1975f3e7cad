"""The state of each attempt to inspect a system, in the run's index."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from inspector.model.base import now
from inspector.model.errors import BundleError, InspectionStopped, InspectorError
from inspector.model.escaping import storable
from inspector.pipeline.event_loop import CANCELLED, in_thread
from inspector.plugin.interrupts import happened
from inspector.record.inspection import Inspection
from inspector.seal import Attempt, Bundle, RunIndex, SigningKey, State, without_inspection
from inspector.seal.atomic_files import check_in_place

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AttemptLog:
    """Records the states of one attempt in the run's index."""

    index: RunIndex
    system: str

    @contextmanager
    def failure(self) -> Iterator[None]:
        """Record an error in the body as an attempt that failed before its capture was opened."""
        try:
            yield
        except InspectionStopped:
            raise  # it begins later
        except InspectorError as error:
            _log.info("failed before collecting", extra={"system": self.system, "detail": error.message})
            with suppress(BundleError):  # the first error says more
                self.record_failed(error.message)
            raise

    def record_failed(self, detail: str) -> None:
        """Record that the system could not be inspected."""
        self.index.add(
            Attempt(
                at=now(),
                system=self.system,
                inspection=without_inspection(self.system),
                state=State.FAILED,
                detail=_storable(detail),
            )
        )

    @asynccontextmanager
    async def collecting(self, inspection: Inspection) -> AsyncIterator[None]:
        """Record that collecting began, and whatever ends the body early as an interruption."""
        await in_thread(partial(self.record, State.BEGUN, inspection))
        try:
            yield
        except InspectorError as error:
            await in_thread(partial(self.record, State.INTERRUPTED, inspection, detail=error.message))
            raise
        except asyncio.CancelledError:
            if happened():
                self.record(State.INTERRUPTED, inspection, detail="interrupted by a person")
            else:
                self.record(State.INTERRUPTED, inspection, detail=CANCELLED)
            raise
        except KeyboardInterrupt:
            self.record(State.INTERRUPTED, inspection, detail="interrupted by a person")
            raise

    def record(self, state: State, inspection: Inspection, *, detail: str = "") -> None:
        """Record a state of an inspection that has a folder."""
        if state is State.INTERRUPTED:
            about = {"system": self.system, "inspection": inspection.id}
            _log.info("collecting interrupted", extra={**about, "detail": detail})
        check_in_place(self.index.path.parent / inspection.system.id / inspection.id)
        self.index.add(self._attempt(state, inspection, detail=detail))

    def record_unfinished(self, folder: Path, inspection: Inspection, detail: str) -> None:
        """Record that the steps after the collection ended early: the capture is sealed, or still to be sealed."""
        try:
            digest = Bundle.open(folder).digest
        except BundleError:
            self.record(State.INTERRUPTED, inspection, detail=detail)
        else:
            self.index.add(self._attempt(State.SEALED, inspection, digest=digest, detail=detail))

    def record_sealed(
        self, bundle: Bundle, key: SigningKey | None, assessment: str | None = None, *, is_synced: bool = True
    ) -> None:
        """Record a sealed capture, or the ``assessment`` of this name in it, and sign the index with ``key``."""
        sealed = self._attempt(State.SEALED, bundle.inspection, digest=bundle.digest)
        if assessment is not None:
            head = bundle.assessment_digest(assessment)
            sealed = sealed.model_copy(update={"assessment": assessment, "assessment_digest": head})
        self.index.add(sealed, key, is_synced=is_synced)

    def _attempt(self, state: State, inspection: Inspection, *, digest: str | None = None, detail: str = "") -> Attempt:
        return Attempt(
            at=now(),
            system=self.system,
            inspection=inspection.id,
            state=state,
            folder=f"{inspection.system.id}/{inspection.id}",
            digest=digest,
            detail=_storable(detail),
        )


def _storable(text: str) -> str:
    """A text for the index: of bounded length, and Unicode."""
    return storable(text[:2000])
