"""The journal: nothing is enqueued twice, the order is fair, and each system has one result."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from inspector.declare.authorisation import Authorisation, AuthorisationKind, Covers
from inspector.declare.declaration import System
from inspector.engine import journal as journals
from inspector.engine.engine import Job, JobState, NotInspected, Terms
from inspector.engine.journal import Claim, Journal, run_of
from inspector.engine.postgres_journal import PostgresJournal
from inspector.model.base import now
from inspector.model.errors import EngineError
from inspector.network.postgresql import DatabaseSource
from inspector.pipeline.request import InspectionRequest, RegimeRef
from tests.postgresql import PostgreSQL

AT = datetime(2026, 12, 14, 22, tzinfo=UTC)
ALWAYS = 10**6


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "campaigns")
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    """The journal of the embedded engine, and the one that several machines share, as one of its workers."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite")
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    made = PostgresJournal(tmp_path / "campaigns", DatabaseSource.of(server.new_database()), 60)
    with made.working():
        yield made
    made.close()


def request(system: str, blocks: tuple[str, ...] = ("127.0.0.0/8",), granted: str = "a-1") -> InspectionRequest:
    authorisation = Authorisation(
        id=granted,
        kind=AuthorisationKind.OWN_ESTATE,
        granted_by="Chủ quản",
        covers=Covers(names=("*.line.test",), blocks=blocks),
        valid_from=AT - timedelta(days=1),
        valid_until=AT + timedelta(days=400),
    )
    return InspectionRequest(
        run="any",
        system=System(id=system, name=system, owner="o", level=3),
        authorisations=(authorisation,),
        regime=RegimeRef(id="r", version="1", sha256="0" * 64),
        as_of=AT,
    )


REQUEST = request("any")


def job(system: str, **changes: object) -> Job:
    made = Job(system=f"T-1/{system}", rank=4, request=request(system), authorisations=("a-1",))
    return made.model_copy(update=changes)


def claim(journal: Journal, at: datetime | None = None, seconds: float = ALWAYS) -> Claim | None:
    groups = journal.groups([*journal.campaigns()])
    return journal.claim(dict.fromkeys(groups, seconds), at or now())


def claimed(journal: Journal, at: datetime | None = None) -> list[str]:
    """The systems in the order in which they begin."""
    found = []
    while (each := claim(journal, at)) is not None:
        found.append(each.system.removeprefix("T-1/"))
    return found


def test_a_campaign_and_its_jobs_are_enqueued_once(journal: Journal) -> None:
    """What is enqueued again changes nothing, and is counted."""
    terms = Terms(campaign="c")
    assert journal.enqueue(terms, [job("a"), job("b")], b"{}").new == 2
    again = journal.enqueue(terms, [job("a", rank=0), job("c")], b"{}")
    assert (again.new, again.refused) == (0, 2)
    assert journal.campaign("c").refused == 2
    assert [(each.system, each.state) for each in journal.jobs("c")] == [
        ("T-1/a", JobState.WAITING),
        ("T-1/b", JobState.WAITING),
    ]


def test_a_campaign_is_enqueued_whole_or_not_at_all(journal: Journal) -> None:
    """An error in the middle of its jobs leaves no campaign behind."""

    def jobs() -> Iterator[Job]:
        yield job("a")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        journal.enqueue(Terms(campaign="c"), jobs(), b"{}")
    assert journal.campaigns() == {}
    assert journal.enqueue(Terms(campaign="c"), [job("a")], b"{}").new == 1


def test_a_campaign_that_was_half_enqueued_is_not_seen(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the process is killed in between, none of its jobs begins, and it is enqueued again as if it were new."""
    monkeypatch.setattr(journals, "AT_ONCE", 1)
    monkeypatch.setattr(Journal, "_remove", lambda *_: None)  # as after kill -9
    found: list[object] = []

    def killed(journal: Journal, campaign: str, state: str) -> None:
        found.extend((journal.campaigns(), [each.system for each in journal.jobs("c")], claim(journal)))
        raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "_set", killed)
    with pytest.raises(KeyboardInterrupt):
        journal.enqueue(Terms(campaign="c"), [job("a"), job("b")], b"{}")
    monkeypatch.undo()
    assert found == [{}, ["T-1/a", "T-1/b"], None]
    assert journal.enqueue(Terms(campaign="c"), [job("b"), job("c")], b"{}").new == 2
    assert claimed(journal) == ["b", "c"]


def test_requests_come_back_as_they_were_enqueued(sqlite: Journal) -> None:
    """Authorisations with one id and other blocks keep their own; the blocks of all are stored once."""
    many = tuple(f"10.{high}.{low}.0/24" for high in range(20) for low in range(256))
    jobs = [
        *(job(f"s-{number}", request=request(f"s-{number}", many)) for number in range(50)),
        job("narrow", request=request("narrow", ())),
    ]
    sqlite.enqueue(Terms(campaign="c"), jobs, b"{}")
    found = {}
    while (each := claim(sqlite)) is not None:
        found[each.system] = each.request
    for enqueued in jobs:
        assert enqueued.request is not None
        expected = enqueued.request.model_copy(update={"run": "c.T-1.1"})
        assert found[enqueued.system] == expected
    stored = [
        sqlite._db.execute(f"SELECT sum(length({column})) AS bytes FROM {table}").fetchone()["bytes"]
        for table, column in (("content", "data"), ("job", "request"))
    ]
    assert sum(stored) < 300_000


def test_the_order_is_by_rank_then_position_then_how_long_overdue(journal: Journal) -> None:
    """Incident, re-inspection, level 5 … 1; what a campaign puts first; the longest overdue; the rest."""
    jobs = [
        job("level-1", rank=6),
        job("level-5", rank=2),
        job("later", due=date(2026, 11, 1)),
        job("overdue", due=date(2026, 1, 1)),
        job("no-date"),
        job("first", position=-1),
    ]
    journal.enqueue(Terms(campaign="round"), jobs, b"{}")
    journal.enqueue(Terms(campaign="again"), [job("again", rank=1)], b"{}")
    journal.enqueue(Terms(campaign="incident"), [job("incident", rank=0)], b"{}")
    order = ["incident", "again", "level-5", "first", "overdue", "later", "no-date", "level-1"]
    assert claimed(journal) == order


def test_nobody_waits_for_ever(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many incidents come every day, a system of level 1 begins before those that came a week after it."""
    begun: list[str] = []
    monkeypatch.setattr(journals, "now", lambda: AT)
    journal.enqueue(Terms(campaign="round"), [job("patient", rank=6, due=date(2026, 1, 1))], b"{}")
    for day in range(10):
        at = AT + timedelta(days=day)
        monkeypatch.setattr(journals, "now", lambda at=at: at)
        incidents = [job(f"{day}-{number}", rank=0, due=at.date()) for number in range(3)]
        journal.enqueue(Terms(campaign=f"incident-{day}"), incidents, b"{}")
        for _ in range(2):  # fewer than come
            found = claim(journal, at)
            assert found is not None
            begun.append(found.system)
    before = begun[: begun.index("T-1/patient")]
    assert len(before) >= 2 * 5
    assert {int(each.removeprefix("T-1/")[0]) for each in before} <= set(range(7))


def test_a_job_that_needs_more_than_is_left_waits(journal: Journal) -> None:
    """The next one that fits begins instead."""
    journal.enqueue(Terms(campaign="c"), [job("long", rank=0, seconds=100), job("short", seconds=10)], b"{}")
    found = claim(journal, seconds=50)
    assert found is not None
    assert found.system == "T-1/short"
    assert claim(journal, seconds=50) is None
    if isinstance(journal, PostgresJournal):  # when its hours have ended: the clock is the database's
        journal._db.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE scheduled_at > now()")
    assert claim(journal, seconds=100) is not None


def test_what_ran_when_a_process_ended_goes_on_last(journal: Journal) -> None:
    """It may be what ended the process, so that others come first; where a person ended it, the order stays."""
    journal.enqueue(Terms(campaign="c"), [job("a"), job("b"), job("c")], b"{}")
    assert claim(journal) is not None
    assert journal.recover("the process ended", is_crash=True) == 1
    assert journal.counts("c")[JobState.INTERRUPTED] == 1
    assert claimed(journal) == ["b", "c", "a"]
    journal.recover("interrupted by a person", is_crash=False)
    assert claimed(journal) == ["b", "c", "a"]


def test_of_two_results_the_first_holds(journal: Journal) -> None:
    """A second one, of whatever attempt, changes nothing and is counted."""
    journal.enqueue(Terms(campaign="c"), [job("a")], b"{}")
    first = claim(journal)
    assert first is not None
    journal.try_anew(first)
    second = claim(journal)
    assert second is not None
    assert (first.attempt, second.attempt) == (1, 2)
    assert journal.record(second, JobState.SEALED, result=b"second")
    assert not journal.record(first, JobState.SEALED, result=b"first")
    assert not journal.record(first, JobState.FAILED)
    sealed = [each.result for each in journal.jobs("c") if each.state is JobState.SEALED]
    assert sealed == [b"second"]
    assert journal.campaign("c").refused == 2


def test_a_withdrawn_authorisation_is_used_no_more(journal: Journal) -> None:
    """What waits under it is not inspected, what was interrupted does not go on; others are as before."""
    other = job("other", request=request("other", granted="a-2"), authorisations=("a-2",))
    journal.enqueue(Terms(campaign="c"), [job("running", rank=0), job("waiting"), other], b"{}")
    running = claim(journal)
    assert running is not None
    assert journal.withdraw("c", "a-1") == 1
    assert journal.withdrawn() == {("c", "T-1/running")}
    journal.record(running, JobState.INTERRUPTED)
    assert claimed(journal) == ["other"]
    causes = {each.system: each.cause for each in journal.jobs("c")}
    assert causes["T-1/waiting"] is NotInspected.WITHDRAWN


def test_what_was_stopped_or_closed_does_not_begin_again(journal: Journal) -> None:
    """A pause ends by resume; a stop and a close do not."""
    journal.enqueue(Terms(campaign="c"), [job("a")], b"{}")
    journal.set_state("c", "paused", now_too=True)
    assert journal.campaign("c").is_paused_now
    journal.set_state("c", "running")
    assert not journal.campaign("c").is_paused_now
    assert journal.stop("c") == 1
    with pytest.raises(EngineError, match="campaign 'c' was stopped"):
        journal.set_state("c", "running")
    with pytest.raises(EngineError, match="there is no campaign 'd'"):
        journal.campaign("d")


def test_organisations_have_folders_of_their_own() -> None:
    """Codes that are no folder names, or very long, stay apart."""
    codes = ["G01.2", "G01-2", "Bộ Y tế", "x" * 200, "x" * 199, "../a"]
    runs = [run_of("c", f"{code}/portal", 1) for code in codes]
    assert len(set(runs)) == len(codes)
    assert all(each.isascii() and "/" not in each and len(each) < 200 for each in runs)
    assert run_of("c", "T-1/portal", 2) == "c.T-1.2"


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"not a database" * 100, "cannot be used: file is not a database; move the file away"), (b"", "")],
    ids=["damaged", "empty"],
)
def test_a_damaged_journal_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    """With its path and what to do; an empty file, left by a kill, is a new journal."""
    folder = tmp_path / "campaigns"
    folder.mkdir()
    (folder / "journal.sqlite3").write_bytes(content)
    if not words:
        Journal(folder).close()
        return
    with pytest.raises(EngineError) as raised:
        Journal(folder)
    assert words in str(raised.value)
    assert str(folder) in str(raised.value)


def test_a_full_disk_is_named_and_loses_nothing(sqlite: Journal) -> None:
    """What cannot be recorded is refused whole, and what was recorded before stays."""
    sqlite.enqueue(Terms(campaign="c"), [job("a")], b"{}")
    with closing(sqlite3.connect(sqlite.path)) as other:
        (pages,) = other.execute("PRAGMA page_count").fetchone()
    sqlite._db.execute(f"PRAGMA max_page_count = {pages}")
    many = [job(f"s-{number}") for number in range(500)]
    with pytest.raises(EngineError, match="database or disk is full; check the disk"):
        sqlite.enqueue(Terms(campaign="d"), many, b"{}")
    assert [*sqlite.campaigns()] == ["c"]
    assert claim(sqlite) is not None


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE campaign SET terms = x'00'",
        "UPDATE campaign SET state = 'rvnning'",
        "UPDATE campaign SET at = '2026'",
        "UPDATE campaign SET document = x'7b22'",
        "UPDATE job SET state = 'rvnning'",
        "UPDATE job SET changed = 'x'",
        "UPDATE job SET cause = 'x'",
        "UPDATE job SET request = x'00'",
        "UPDATE job SET authorisations = 'x'",
        "UPDATE content SET data = x'00'",
    ],
)
def test_a_damaged_record_is_an_error_of_the_file(sqlite: Journal, damage: str) -> None:
    """SQLite has no checksums: a flipped bit may stand in any value."""
    sqlite.enqueue(Terms(campaign="c"), [job("a")], b"{}")
    with closing(sqlite3.connect(sqlite.path, isolation_level=None)) as other:
        other.execute(damage)
    with pytest.raises(EngineError, match="malformed") as raised:
        every_read(sqlite)
    assert raised.value.remedy is not None
    assert "move the file away" in raised.value.remedy


def test_a_damaged_name_is_an_error_of_the_file(sqlite: Journal) -> None:
    """SQLite quotes it in its message, which then is no text either."""
    sqlite.close()
    data = sqlite.path.read_bytes()
    assert data.count(b"ON job (state, campaign)") == 1
    sqlite.path.write_bytes(data.replace(b"ON job (state, campaign)", b"ON job (state, campaig\xe4)"))
    with pytest.raises(EngineError, match="move the file away"):
        Journal(sqlite.path.parent)


def every_read(journal: Journal) -> None:
    """Read all that the engine and the commands read."""
    [known] = journal.campaigns()
    journal.campaign(known)
    journal.counts(known)
    list(journal.jobs(known))
    groups = journal.groups([known])
    for each in groups:
        journal.hours(each.key)
    claim(journal)


def steps(journal: Journal, what: Callable[[], object]) -> int:
    """How many hundred instructions of SQLite's virtual machine something takes; the processor does not matter."""
    count = 0

    def progress() -> int:
        nonlocal count
        count += 1
        return 0

    journal._db._db.set_progress_handler(progress, 100)
    try:
        what()
    finally:
        journal._db._db.set_progress_handler(None, 0)
    return count


def test_a_claim_does_not_look_at_every_job(sqlite: Journal) -> None:
    """It is made in the event loop: of 3,000 jobs that wait it takes as much as of 30, and counting them little."""
    small = [job(f"s-{number}", rank=2 + number % 5, request=REQUEST) for number in range(30)]
    large = [job(f"l-{number}", rank=2 + number % 5, request=REQUEST) for number in range(3000)]
    sqlite.enqueue(Terms(campaign="small"), small, b"{}")
    few = steps(sqlite, lambda: claim(sqlite))
    sqlite.enqueue(Terms(campaign="large"), large, b"{}")
    assert steps(sqlite, lambda: claim(sqlite)) <= 3 * few + 3
    assert steps(sqlite, lambda: sqlite.groups(["large"])) <= 10
    assert steps(sqlite, lambda: sqlite.counts("large")) <= 3000 * 12 // 100


def test_counts_are_of_the_last_attempts(journal: Journal) -> None:
    """Each system counts once, whatever became of its earlier attempts; jobs of other campaigns do not count."""
    journal.enqueue(Terms(campaign="c"), [job("a"), job("b"), job("none", request=None)], b"{}")
    journal.enqueue(Terms(campaign="d"), [job("a", rank=9)], b"{}")
    for _ in range(2):
        torn = claim(journal)
        assert torn is not None
        assert torn.system == "T-1/a"
        journal.record(torn, JobState.TORN)
        journal.try_anew(torn)
    found = journal.counts("c")
    assert {state: number for state, number in found.items() if number} == {
        JobState.WAITING: 2,
        JobState.NOT_INSPECTED: 1,
    }


def test_others_write_while_a_large_campaign_is_read(sqlite: Journal) -> None:
    """The process that runs jobs does not wait for one that enqueues many: only what is ready is written, at once."""
    other = Journal(sqlite.path.parent)
    other._db.execute("PRAGMA busy_timeout = 0")

    def jobs() -> Iterator[Job]:
        yield job("a")
        assert other.count_refusal("run") == 1
        yield job("b")

    assert sqlite.enqueue(Terms(campaign="c"), jobs(), b"{}").new == 2
    other.close()
