"""What a campaign needs of whoever runs its jobs. A job is the inspection of one system, under one key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from inspector.declare.authorisation import Window
from inspector.model.base import Instant, Model
from inspector.pipeline.request import InspectionRequest


class JobState(StrEnum):
    """The state of a job; INTERRUPTED goes on where it stopped, TORN cannot be continued and is tried anew."""

    WAITING = "waiting"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    SEALED = "sealed"
    FAILED = "failed"
    TORN = "torn"
    NOT_INSPECTED = "not-inspected"


class NotInspected(StrEnum):
    """Why a system is not inspected."""

    NO_AUTHORISATION = "no-authorisation"
    EXPIRED = "authorisation-expired"
    WITHDRAWN = "authorisation-withdrawn"
    NO_ENDPOINT = "no-endpoint"
    NO_REGIME = "no-regime"
    TOO_LONG = "too-long-for-window"
    NO_WINDOW = "no-window"
    DEADLINE = "deadline-passed"
    STOPPED = "campaign-stopped"
    CLOSED = "campaign-closed"
    INVALID = "invalid"


class Terms(Model):
    """What holds for all jobs of a campaign.

    Packets leave within ``windows`` (none: at any time) from ``starts`` until ``deadline``; at most ``at_once`` systems
    are inspected at the same time. ``is_decided``: under an inspection decision, with pinned plugins only.
    ``inventory`` is the digest of the snapshot that the systems were selected from, if one was.
    """

    campaign: str
    windows: tuple[Window, ...] = ()
    starts: Instant | None = None
    deadline: Instant | None = None
    at_once: int | None = None
    is_decided: bool = False
    inventory: str | None = None


class Job(Model):
    """The inspection of one system, or why it is not inspected; ``system`` is its id in the campaign.

    Jobs are run by ``rank`` (0 first), then by ``position``, then longest overdue first (``due``). ``seconds`` is the
    least time that it takes in one window, ``authorisations`` the ids of those that it sends packets under.
    """

    system: str
    attempt: int = 1
    rank: int = 9
    due: date | None = None
    position: int = 0
    seconds: int = 0
    authorisations: tuple[str, ...] = ()
    request: InspectionRequest | None = None
    cause: NotInspected | None = None
    detail: str = ""

    def key(self, campaign: str) -> str:
        """The key, under which a job is enqueued once."""
        return f"{campaign}/{self.system}/{self.attempt}"


@dataclass(frozen=True, slots=True)
class JobStatus:
    """The last state of a job. ``result`` is what the caller keeps of a sealed inspection."""

    system: str
    attempt: int
    state: JobState
    cause: NotInspected | None = None
    detail: str = ""
    run: str = ""
    tries: int = 0
    changed: datetime | None = None
    result: bytes | None = None


@dataclass(frozen=True, slots=True)
class Enqueued:
    """How many jobs are new, and how many were refused because their key was known."""

    new: int
    refused: int


class Engine(Protocol):
    """Runs jobs: each to its end at least once, whatever ends a process, and counts one result of each system.

    Every method may be called from any process at any time, and raises EngineError where the queue cannot be reached.
    """

    def enqueue(self, terms: Terms, jobs: Iterable[Job], document: bytes = b"") -> Enqueued:
        """Add a campaign with its jobs, all of them or none; what is known already is refused and counted."""

    def run(self) -> None:
        """Run what may run now, until nothing may any more. Raises KeyboardInterrupt after an interrupt."""

    def pause(self, campaign: str, *, now: bool = False) -> None:
        """Begin no further system; with ``now`` those that are inspected stop at their next connection, too."""

    def resume(self, campaign: str) -> None:
        """End a pause."""

    def abort(self, campaign: str, authorisation: str | None = None) -> int:
        """Inspect no system any more, or none under this authorisation; gives how many were still to come.

        Those that are inspected stop at their next connection.
        """

    def watch(self, campaign: str) -> Iterator[JobStatus]:
        """The last state of every job, in the order of their systems."""
