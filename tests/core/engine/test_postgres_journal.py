"""The journal that several machines share: no job is begun twice, and what a machine that is gone had goes on."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from inspector.engine.engine import JobState, NotInspected, Terms
from inspector.engine.postgres_journal import ARCHIVE_FILE, PostgresJournal
from inspector.model.base import now
from inspector.model.errors import EngineError, UsageError
from inspector.network.postgresql import DatabaseSource
from tests.core.engine.test_journal import ALWAYS, claim, claimed, job
from tests.postgresql import PASSWORD, PostgreSQL


class Machines:
    """Workers on machines with an archive each, or with one that they share."""

    def __init__(self, folder: Path, url: str) -> None:
        self.source = DatabaseSource.of(url)
        self._folder = folder
        self._stack = ExitStack()

    def journal(self, archive: str, dead_after: float = 60.0) -> PostgresJournal:
        made = PostgresJournal(self._folder / archive, self.source, dead_after)
        self._stack.callback(made.close)
        return made

    def worker(self, archive: str, dead_after: float = 60.0) -> PostgresJournal:
        made = self.journal(archive, dead_after)
        self._stack.enter_context(made.working())
        return made

    def die(self, worker: PostgresJournal) -> None:
        """It is not heard any more, and says nothing."""
        with self.source.connect() as session:
            session.execute(
                "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 day' WHERE id = %s",
                [worker._worker],
            )

    def value(self, query: str) -> object:
        with self.source.connect() as session:
            row = session.execute(query.encode()).fetchone()
        return None if row is None else next(iter(row.values()))

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def machines(postgresql: PostgreSQL, tmp_path: Path) -> Iterator[Machines]:
    made = Machines(tmp_path, postgresql.new_database())
    yield made
    made.close()


def test_two_machines_share_the_jobs_and_the_limit_of_a_campaign(machines: Machines) -> None:
    """Each job begins on one of them; together they inspect no more at once than the campaign says."""
    one, other = machines.worker("a"), machines.worker("b")
    one.enqueue(Terms(campaign="c", at_once=3), [job(f"s-{number}") for number in range(5)], b"{}")
    assert other.enqueue(Terms(campaign="c"), [job("s-9")], b"{}").refused == 1
    left = dict.fromkeys(one.groups(["c"]), ALWAYS)
    begun = [journal.claim(left, now()) for journal in (one, other, one, other)]
    assert [None if each is None else each.system for each in begun] == ["T-1/s-0", "T-1/s-1", "T-1/s-2", None]
    assert begun[0] is not None
    assert one.record(begun[0], JobState.SEALED, result=b"x")
    assert claim(other) is not None


def test_what_a_dead_worker_had_goes_on_in_its_archive(machines: Machines) -> None:
    """As the same attempt, at the end of its rank; what the dead one says later of it does not count."""
    dead, other = machines.worker("a"), machines.worker("b")
    dead.enqueue(Terms(campaign="c"), [job("a"), job("b")], b"{}")
    had = claim(dead)
    assert had is not None
    machines.die(dead)
    assert claimed(other) == ["b"]
    assert [each.state for each in other.jobs("c")] == [JobState.INTERRUPTED, JobState.RUNNING]
    again = claim(machines.worker("a"))
    assert again is not None
    assert again.key == had.key
    assert dead.held() == set()
    assert not dead.record(had, JobState.FAILED)
    assert dead.campaign("c").refused == 1
    dead.enqueue(Terms(campaign="d"), [job("c")], b"{}")
    assert claimed(dead) == ["c"]  # it was not dead, and is heard again


def test_what_a_machine_that_is_gone_had_begins_anew_on_another(machines: Machines) -> None:
    """Not before that one has run as long as a worker may be silent; the third attempt is the last one."""
    gone, other = machines.worker("a"), machines.worker("b", dead_after=1.0)
    gone.enqueue(Terms(campaign="c"), [job("a")], b"{}")
    had = claim(gone)
    assert had is not None
    machines.die(gone)
    assert claim(other) is None
    other._since -= 1.0
    for attempt in (2, 3):
        other._looked = float("-inf")
        anew = claim(other)
        assert anew is not None
        assert (anew.attempt, anew.run) == (attempt, f"c.T-1.{attempt}")
        with machines.source.connect() as session:  # its archive is gone, too
            session.execute("UPDATE job SET archive = 'gone' WHERE state = 'running'")
        other.recover("the archive is gone", is_crash=True)
    assert claim(other) is None
    assert [each.state for each in other.jobs("c")] == [JobState.TORN, JobState.TORN, JobState.FAILED]
    assert machines.value("SELECT count(*) FROM procrastinate_jobs") == 0


def test_the_first_complete_result_of_two_holds(machines: Machines) -> None:
    """A worker that was taken for dead and finishes first makes the second attempt count for nothing."""
    slow, other = machines.worker("a"), machines.worker("b")
    slow.enqueue(Terms(campaign="c"), [job("a")], b"{}")
    had = claim(slow)
    assert had is not None
    machines.die(slow)
    other._since = float("-inf")
    anew = claim(other)
    assert anew is not None
    assert anew.attempt == 2
    assert slow.record(had, JobState.SEALED, result=b"first")
    assert not other.record(anew, JobState.SEALED, result=b"second")
    assert other.counts("c")[JobState.SEALED] == 1
    assert [(each.state, each.result) for each in other.jobs("c")] == [
        (JobState.SEALED, b"first"),
        (JobState.TORN, None),
    ]
    assert machines.value("SELECT count(*) FROM procrastinate_jobs") == 0


def test_what_is_stopped_or_withdrawn_has_no_entries(machines: Machines) -> None:
    """Nothing is left in the queue that would be looked at again."""
    one = machines.worker("a")
    one.enqueue(Terms(campaign="c"), [job("a"), job("b")], b"{}")
    one.enqueue(Terms(campaign="d"), [job("a")], b"{}")
    assert one.withdraw("c", "a-1") == 2
    assert one.stop("d") == 1
    assert {each.cause for each in one.jobs("c")} == {NotInspected.WITHDRAWN}
    assert machines.value("SELECT count(*) FROM procrastinate_jobs") == 0


def test_the_database_refuses_a_second_entry_of_a_job(machines: Machines) -> None:
    """Whoever defers it: the queueing lock is the key of the job."""
    one = machines.worker("a")
    one.enqueue(Terms(campaign="c"), [job("a")], b"{}")
    with machines.source.connect() as session, pytest.raises(psycopg.errors.UniqueViolation):
        session.execute(
            "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('1', 'inspect', 0, NULL, 'c/T-1/a/1', '{}', NULL)"
            "::procrastinate_job_to_defer_v1])"
        )


def test_many_machines_begin_and_enqueue_at_the_same_time(machines: Machines) -> None:
    """The tables are made once, and one of them enqueues the campaign."""
    new: list[int] = []

    def enqueue(name: str) -> None:
        journal = machines.journal(name)
        new.append(journal.enqueue(Terms(campaign="c"), [job("a"), job("b")], b"{}").new)

    threads = [threading.Thread(target=enqueue, args=(f"m-{number}",)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(new) == [0, 0, 0, 2]
    assert machines.value("SELECT count(*) FROM procrastinate_jobs") == 2


def test_a_worker_is_heard_while_it_works(machines: Machines) -> None:
    """From a thread, whatever the event loop does; at its end it is no worker any more."""
    journal = machines.journal("a", dead_after=0.05)
    with journal.working():
        before = machines.value("SELECT last_heartbeat FROM procrastinate_workers")
        while machines.value("SELECT last_heartbeat FROM procrastinate_workers") == before:
            time.sleep(0.01)
    assert machines.value("SELECT count(*) FROM procrastinate_workers") == 0


def test_a_database_of_another_version_is_refused(machines: Machines) -> None:
    """It is named by its host, and left as it is."""
    machines.journal("a")
    with machines.source.connect() as session:
        session.execute("UPDATE format SET number = 99")
    with pytest.raises(EngineError, match=r"postgresql://.*: has format 99, not 2") as raised:
        machines.journal("b")
    assert PASSWORD not in str(raised.value)


def test_a_damaged_archive_id_is_named(machines: Machines, tmp_path: Path) -> None:
    """With its file and what to do."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / ARCHIVE_FILE).write_bytes(b"\xff")
    with pytest.raises(EngineError, match="archive-id: is damaged"):
        machines.journal("a")


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is read."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UsageError, match="the driver for PostgreSQL is not installed") as raised:
        DatabaseSource.of("postgresql://h/d")
    assert raised.value.remedy == "install it with: pip install 'level-inspector[postgresql]'"
