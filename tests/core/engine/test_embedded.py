"""What the embedded engine gives a fleet next, and how often it tries again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from inspector.engine import embedded
from inspector.engine.embedded import MOST_REFUSALS, EngineListener, _Queue, _Refusals
from inspector.engine.engine import JobState, Terms
from inspector.engine.journal import Journal
from inspector.model.base import now
from inspector.model.errors import BundleInUse, InspectorError, NotAuthorised
from inspector.pipeline.request import InspectionRequest
from tests.core.engine.test_journal import AT, job

CLOCKS = ("inspector.engine.embedded.now", "inspector.engine.journal.now")


class Clock:
    """The clock of the engine, which stands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = AT
        for name in CLOCKS:
            monkeypatch.setattr(name, lambda: self.at)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "campaigns")
    yield made
    made.close()


def queue(journal: Journal, *, is_decided: bool = False, refusals: _Refusals | None = None) -> _Queue:
    made = _Queue(journal, EngineListener(), refusals or _Refusals(), is_decided=is_decided)
    made.archive = journal.path.parent
    return made


def begun(made: _Queue) -> InspectionRequest | None:
    """What a queue gives now; None where it has nothing."""
    found = asyncio.run(made.next())
    return None if found is None else found[0]


@pytest.mark.parametrize(
    ("error", "resumes"),
    [
        (NotAuthorised("the authorised hours are over"), "in the next hours"),
        (BundleInUse("busy"), "by a later process"),
    ],
    ids=["not-authorised", "in-use"],
)
def test_what_cannot_go_on_is_tried_again_a_bounded_number_of_times(
    journal: Journal, clock: Clock, error: InspectorError, resumes: str
) -> None:
    """After ever longer waits; then it stays interrupted, and the engine ends with nothing to wait for."""
    windows = [{"start": "21:00", "end": "23:59", "timezone": "UTC"}]
    journal.enqueue(Terms.model_validate({"campaign": "c", "windows": windows}), [job("a")], b"{}")
    made, tries = queue(journal), 0
    for _ in range(400):
        made._looked = float("-inf")
        if made.has_next() and (claimed := journal.claim(made._open(clock.at), clock.at)) is not None:
            made._running[claimed.run, claimed.request.system.id] = embedded._Running(claimed, None)  # type: ignore[arg-type]
            made.ended(claimed.request, error)
            tries += 1
        clock.at += timedelta(seconds=5)
    [status] = journal.jobs("c")
    assert (status.state, status.detail) == (JobState.INTERRUPTED, error.message)
    if resumes == "in the next hours":
        assert tries == MOST_REFUSALS + 1
        clock.at = AT.replace(hour=21, minute=30) + timedelta(days=1)
    else:
        assert tries == MOST_REFUSALS + 2
        clock.at += timedelta(minutes=15)
    later = queue(journal)
    found = begun(later)
    assert found is not None
    assert found.system.id == "a"


def test_an_incident_comes_first_under_another_kind_of_authorisation(journal: Journal, clock: Clock) -> None:
    """Of a process that has pinned plugins, or others, nothing more begins until the incident has."""
    journal.enqueue(Terms(campaign="decided", is_decided=True), [job("a", rank=2), job("b", rank=2)], b"{}")
    decided, others = queue(journal, is_decided=True), queue(journal)
    assert not others.has_next()
    first = begun(decided)
    assert first is not None
    assert first.system.id == "a"
    journal.enqueue(Terms(campaign="incident"), [job("urgent", rank=0)], b"{}")
    decided._looked = others._looked = float("-inf")  # groups are looked for once a second
    decided.ended(first, InspectorError("it failed"))
    assert begun(decided) is None
    assert others.has_next()
    urgent = begun(others)
    assert urgent is not None
    assert urgent.system.id == "urgent"
    others.ended(urgent, b"")
    decided._looked = others._looked = float("-inf")
    assert not others.has_next()
    last = begun(decided)
    assert last is not None
    assert last.system.id == "b"


def test_a_kind_whose_hours_are_closed_holds_up_no_other(journal: Journal, clock: Clock) -> None:
    """An incident that may not begin yet, and one whose job is too long for what is left, leave the others alone."""
    later = Terms(campaign="incident", starts=AT + timedelta(hours=1))
    soon = Terms(campaign="long", deadline=AT + timedelta(hours=1))
    journal.enqueue(later, [job("urgent", rank=0)], b"{}")
    journal.enqueue(soon, [job("long", rank=0, seconds=7200)], b"{}")
    journal.enqueue(Terms(campaign="decided", is_decided=True), [job("a", rank=2)], b"{}")
    assert not queue(journal).has_next() or begun(queue(journal)) is None
    found = begun(queue(journal, is_decided=True))
    assert found is not None
    assert found.system.id == "a"


@pytest.mark.parametrize("looks", range(1, 5))
def test_a_clock_that_is_set_at_any_instant_is_told(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    """Also where it is set right after it was looked at."""
    told: list[str] = []
    seen: list[datetime] = []
    enough = asyncio.Event()

    def clock() -> datetime:
        seen.append(now() + timedelta(minutes=20) * (len(seen) >= looks))
        if len(seen) == 10:
            enough.set()
        return seen[-1]

    monkeypatch.setattr(embedded, "now", clock)
    monkeypatch.setattr(embedded, "POLL_SECONDS", 0.001)
    made = queue(journal)
    monkeypatch.setattr(made.listener, "note", told.append)

    async def watched() -> None:
        async with made.active():
            await enough.wait()

    asyncio.run(watched())
    assert told == ["the clock of this machine was set by +1200 s"]
