"""The rate limits in a database: those on one machine, for several; none without the database."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from inspector.declare.authorisation import Rates
from inspector.model.errors import RateLimitError
from inspector.network.guard import audit_hook
from inspector.network.pacing import database_limiter
from inspector.network.pacing.database_limiter import DatabaseRateLimiter
from inspector.network.pacing.rate_limit import Permit
from inspector.network.postgresql import DatabaseSource
from tests.core.network.addresses import needs_raw, serving
from tests.core.network.pacing.test_rates_across_processes import PACE, assert_pace, client, wait_for
from tests.postgresql import PASSWORD, PostgreSQL, running

ADDRESS = "192.0.2.1"
FAST = Rates(connections_per_second=128, burst=128, at_once=3, port_questions_per_second=1000)
#: In a test nothing comes back to the bucket at this rate.
SLOW = Rates(connections_per_second=1, burst=3, at_once=3)


@pytest.fixture
def source(postgresql: PostgreSQL) -> DatabaseSource:
    return DatabaseSource.of(postgresql.new_database())


@pytest.fixture
def killable() -> Iterator[PostgreSQL]:
    """A server that a test may kill."""
    with running() as server:
        yield server


@asynccontextmanager
async def limiters(source: DatabaseSource, number: int = 2) -> AsyncIterator[list[DatabaseRateLimiter]]:
    """What so many processes have."""
    made = [DatabaseRateLimiter(source) for _ in range(number)]
    try:
        yield made
    finally:
        await asyncio.sleep(0)
        for each in made:
            each.close()


async def used(limiter: DatabaseRateLimiter, rates: Rates, number: int) -> list[Permit]:
    """So many connections one after the other, each open and closed."""
    found = []
    for _ in range(number):
        permit = await limiter.admit(ADDRESS, rates)
        permit.departed()
        permit.ended()
        found.append(permit)
    return found


async def waits(limiter: DatabaseRateLimiter, rates: Rates) -> asyncio.Task[Permit]:
    """Who asks for a connection, and has been told to wait."""
    task = asyncio.create_task(limiter.admit(ADDRESS, rates))
    await limiter._ask("another", lambda row, now: None, lambda _: None)  # an exchange later
    await limiter._ask("another", lambda row, now: None, lambda _: None)
    return task


async def test_what_one_process_spends_another_has_not(source: DatabaseSource) -> None:
    """Of a burst of three one opens two and the other one; the fourth waits, for whom else it may be."""
    async with limiters(source, 3) as (one, other, third):
        await used(one, SLOW, 2)
        await used(other, SLOW, 1)
        for each in (one, other, third):
            task = await waits(each, SLOW)
            assert not task.done()
            task.cancel()


async def test_what_is_open_counts_for_all(source: DatabaseSource) -> None:
    """Connections that one process has open take the place of those of another one, until it closes them."""
    async with limiters(source) as (one, other):
        held = [await one.admit(ADDRESS, FAST) for _ in range(3)]
        waiting = await waits(other, FAST)
        assert not waiting.done()
        held[0].departed()
        held[0].ended()
        (await waiting).ended()


async def test_a_pause_that_a_server_asks_for_is_everybodys(source: DatabaseSource) -> None:
    """A connection that is answered with 429 keeps every process from the next one."""
    async with limiters(source) as (one, other):
        permit = await one.admit(ADDRESS, FAST)
        permit.departed()
        permit.back_off(on_request=True, seconds=60)
        permit.ended()
        await one._ask(ADDRESS, lambda row, now: None, lambda _: None)
        waiting = await waits(other, FAST)
        assert not waiting.done()
        waiting.cancel()
        until = await one._ask(ADDRESS, lambda row, now: row.meter.blocked_until - now, lambda _: None)
    assert 30 < until <= 60


async def test_one_sweeps_at_a_time_at_the_strictest_rates(source: DatabaseSource) -> None:
    """The right passes to another process when it is given back, no sooner."""
    async with limiters(source) as (one, other):
        async with one.sweep(ADDRESS, FAST) as held:
            assert held.port_questions_per_second == FAST.port_questions_per_second

            async def sweep() -> Rates:
                strict = FAST.model_copy(update={"port_questions_per_second": 100})
                async with other.sweep(ADDRESS, strict) as held:
                    return held

            waiting = asyncio.create_task(sweep())
            await waits(other, FAST)
            assert not waiting.done()
        assert (await waiting).port_questions_per_second == 100


async def test_what_is_not_wanted_any_more_is_given_back(source: DatabaseSource) -> None:
    """Tasks that are cancelled at any moment hold no connection."""
    async with limiters(source, 1) as (one,):
        for turns in range(40):
            task = asyncio.create_task(one.admit(ADDRESS, FAST.model_copy(update={"burst": 1000})))
            for _ in range(turns):
                await asyncio.sleep(0.0005)
            if task.cancel():
                with pytest.raises(asyncio.CancelledError):
                    await task
            else:
                (await task).ended()
        await asyncio.sleep(0.1)
        slots = await one._ask(ADDRESS, lambda row, now: list(row.holders), lambda _: None)
    assert [each for each in slots if each is not None] == []


async def test_what_a_dead_process_had_is_free_after_its_lease(
    source: DatabaseSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then its connections count as open; what it was granted counts as sent."""
    async with limiters(source) as (one, other):
        for _ in range(3):
            await one.admit(ADDRESS, SLOW)
        one._rows._ended.set()  # it is not heard any more
        waiting = await waits(other, SLOW)
        assert not waiting.done()
        waiting.cancel()
        monkeypatch.setattr(database_limiter, "LEASE_SECONDS", 0.001)
        found = await other._ask(ADDRESS, lambda row, now: (list(row.holders), sum(row.meter.counts)), lambda _: None)
    assert found == ([None, None, None], 3)


@pytest.mark.parametrize("record", [b"damaged", b"InspRate" + bytes(200)])
async def test_a_record_that_cannot_be_read_counts_as_spent(source: DatabaseSource, record: bytes) -> None:
    """Whatever may have been sent was; the connections of others stay theirs."""
    async with limiters(source) as (one, other):
        await one.admit(ADDRESS, SLOW)
        with source.connect() as session:
            session.execute("UPDATE rate SET meter = %s", [record])
        waiting = await waits(other, SLOW)
        assert not waiting.done()
        waiting.cancel()
        holders = await other._ask(ADDRESS, lambda row, now: len(row.holders), lambda _: None)
    assert holders == 1


async def test_without_the_database_nothing_is_opened_and_with_it_again_it_is(killable: PostgreSQL) -> None:
    """The error names the database, not its password; after ``kill -9`` of it what was spent stays spent."""
    source = DatabaseSource.of(killable.new_database())
    async with limiters(source, 1) as (one,):
        await used(one, SLOW, 2)
        held = await one.admit(ADDRESS, SLOW)
        spent = await one._ask(ADDRESS, lambda row, now: row.meter.empty_at, lambda _: None)
        killable.kill()
        held.departed()
        held.ended()
        for _ in range(2):
            with pytest.raises(RateLimitError) as raised:
                await one.admit(ADDRESS, SLOW)
            assert source.name in str(raised.value)
            assert PASSWORD not in str(raised.value)
        killable.start()
        while True:
            try:
                found = await one._ask(ADDRESS, lambda row, now: (row.holders, row.meter.empty_at), lambda _: None)
                break
            except RateLimitError:
                await asyncio.sleep(0.05)
        assert found == ([], spent)


@needs_raw
def test_two_processes_keep_one_pace_over_kills_of_one_and_of_the_database(
    tmp_path: Path, killable: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted at the server: no second and no longer time sees more than authorised, whatever is killed."""
    monkeypatch.setenv("INSPECTOR_DATABASE", killable.new_database())
    monkeypatch.setenv("LEASE", "5")
    with serving("quiet") as server, serving("sniff") as sniffer:
        with client(tmp_path / "a", server, 12) as one:
            with client(tmp_path / "b", server, 1000) as other:
                wait_for(other, 3)
            with client(tmp_path / "c", server, 1000) as last:
                wait_for(last, 3)
                killable.kill()
                last.wait()
                killable.start()
            one.wait()
        with client(tmp_path / "d", server, 10) as again:
            assert again.wait() == 0
        assert len(assert_pace(sniffer.report()["packets"], server.port, PACE)) >= 16


def test_a_database_is_reached_by_its_name_while_the_guard_is_active() -> None:
    """It is the inspecting side's own; what a plugin may not do, this is not."""
    violations: list[audit_hook.GuardViolation] = []
    audit_hook.enable(violations.append)
    try:
        with pytest.raises(psycopg.OperationalError, match=r"127\.0\.0\.1"):
            DatabaseSource.of("postgresql://u@localhost:1/d").connect()
    finally:
        audit_hook.disable(violations.append)
    assert violations == []


def test_the_tables_are_made_once_by_many_at_a_time(source: DatabaseSource) -> None:
    """Processes that begin together do not trip over one another."""

    async def begun() -> None:
        async with limiters(source, 6) as made:
            await asyncio.gather(*(used(each, FAST, 1) for each in made))

    asyncio.run(begun())
    with psycopg.connect(source.url) as session:
        found = session.execute("SELECT count(*) FROM inspector.rate").fetchone()
    assert found == (1,)
