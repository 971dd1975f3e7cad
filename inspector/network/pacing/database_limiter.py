"""The rate limiter that several machines share: a row for each address in a database of PostgreSQL.

A row has the meter of its address (``AddressMeter``, the same arithmetic as on one machine), on the clock of the
database, and whose each connection is. It is changed under its lock, in a thread of its own for each event loop, for
all addresses that are due at once; what has departed or ended is written soon, and counts as granted until then.

A process is heard while it lives. What one has that was not heard for ``LEASE_SECONDS``, nor since the database started
less than that ago, counts as sent when that is noticed, and is free then. Without the database no connection is
permitted.
"""

from __future__ import annotations

import asyncio
import atexit
import math
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psycopg

from inspector.declare.authorisation import Rates
from inspector.model.base import Cause
from inspector.model.errors import RateLimitError, ScanFailure
from inspector.network.pacing.address_meter import FREE, GRANTED, AddressMeter
from inspector.network.pacing.address_record import packed, unpacked
from inspector.network.pacing.rate_limit import Permit, sweep_delay_ms
from inspector.network.postgresql import SCHEMA, DatabaseSource

T = TypeVar("T")

#: Where all open connections of an address stay open for so long while others wait, one waits for itself, and is ended.
STALLED_SECONDS = 120.0
#: A process that was not heard for so long has no connections any more; how often it is heard.
LEASE_SECONDS, _HEARD_SECONDS = 15.0, 3.0
#: How long a change that nobody waits for may wait for company.
_LINGER_SECONDS = 0.02
#: How soon an address is looked at again whose connections others may end; how late at most.
_POLL_SECONDS, _LOOK_SECONDS = 0.1, 20.0
#: Seconds after which a database that failed is tried again.
_AGAIN_SECONDS = 1.0
#: How often rows of addresses are removed that nobody asked for a day (seconds).
_TIDY_SECONDS = 3600.0
#: The clock of the record has no start of a machine.
_START = bytes(16)
_LOCK = 0x1A5C
_GONE = "{database}: the rate limits cannot be kept, and no connection is opened: {reason}"

_TABLES = f"""
CREATE SCHEMA IF NOT EXISTS {SCHEMA};
CREATE TABLE IF NOT EXISTS rate_holder (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, heard TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS rate (
    address TEXT PRIMARY KEY, meter BYTEA NOT NULL DEFAULT '', holders BIGINT[] NOT NULL DEFAULT '{{}}', sweeper BIGINT,
    changed TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
"""


@dataclass(slots=True)
class _Row:
    """What is known of an address: its meter, who has each slot (None: nobody), and who sweeps it."""

    meter: AddressMeter
    holders: list[int | None]
    sweeper: int | None
    own: int

    def take(self, now: float) -> int:
        """Grant one more; gives its slot."""
        slot = self.meter.grant(now)
        self.holders += [None] * (slot + 1 - len(self.holders))
        self.holders[slot] = self.own
        return slot

    def release(self, slot: int, now: float) -> None:
        """The connection with this slot has ended."""
        if slot < len(self.holders) and self.holders[slot] == self.own:
            self.meter.ended(slot, now)
            self.holders[slot] = None

    def departed(self, slot: int, now: float) -> None:
        """The connection with this slot has been opened."""
        if slot < len(self.holders) and self.holders[slot] == self.own:
            self.meter.departed(slot, now)

    def reclaim(self, heard: set[int], now: float) -> None:
        """Free what processes had that are not heard any more."""
        for slot, holder in enumerate(self.holders):
            if holder is not None and holder not in heard:
                self.meter.lost(slot, now)
                self.holders[slot] = None
        if self.sweeper is not None and self.sweeper not in heard:
            self.sweeper = None  # the meter says that a sweep had begun

    def delay(self, ready: float, now: float) -> float:
        """The seconds after which it is worth asking again. Raises ScanFailure when no connection ends any more."""
        if not math.isinf(ready):
            return min(ready - now, _LOOK_SECONDS)
        stalled = self.meter.changed_at + STALLED_SECONDS
        if stalled <= now:
            at_once = self.meter.rates.at_once if self.meter.rates else 0
            in_use = f"all {at_once} connections that may be open at once are in use"
            raise ScanFailure(Cause.TIMEOUT, f"{in_use}, and none has ended for {STALLED_SECONDS:g} s")
        return min(stalled - now, _POLL_SECONDS)


#: What is done to a row at an instant of the database's clock.
_Change = Callable[[_Row, float], T]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A change that is to be made; ``future``: who waits for its result; ``undo``: how it is taken back."""

    change: _Change[Any]
    future: asyncio.Future[Any] | None = None
    undo: Callable[[Any], _Change[Any] | None] | None = None


class _Rows:
    """The rows of addresses, for one event loop; used in one thread. Methods raise psycopg.Error."""

    def __init__(self, source: DatabaseSource) -> None:
        self._source = source
        self._session: psycopg.Connection[dict[str, Any]] | None = None
        self._own: int | None = None
        self._ended = threading.Event()

    def _connected(self) -> psycopg.Connection[dict[str, Any]]:
        if self._session is None or self._session.closed:
            self._session = self._source.connect()
            if self._own is None:
                with self._session.transaction():
                    self._session.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
                    self._session.execute(_TABLES)
                row = self._session.execute("INSERT INTO rate_holder DEFAULT VALUES RETURNING id").fetchone()
                assert row is not None  # noqa: S101  (what was inserted is returned)
                self._own = int(row["id"])
                hearing = threading.Thread(target=self.be_heard, args=(self._ended,), name="rate_holder", daemon=True)
                hearing.start()
        return self._session

    def be_heard(self, ended: threading.Event) -> None:
        """Say that this process lives, until the end, on a session of its own; now and then remove old rows."""
        session: psycopg.Connection[dict[str, Any]] | None = None
        tidied = -math.inf
        while not ended.wait(_HEARD_SECONDS):
            with suppress(psycopg.Error):  # told to who asks for a connection
                if session is None or session.closed:
                    session = self._source.connect()
                session.execute("UPDATE rate_holder SET heard = clock_timestamp() WHERE id = %s", [self._own])
                if time.monotonic() > tidied + _TIDY_SECONDS:
                    tidied = time.monotonic()
                    for table, column in (("rate", "changed"), ("rate_holder", "heard")):
                        session.execute(f"DELETE FROM {table} WHERE {column} < now() - interval '1 day'")  # noqa: S608
        if session is not None:
            session.close()

    def change(self, changes: dict[str, list[_Change[Any]]]) -> dict[str, list[object]]:
        """Make the changes of each address, all of them or none; gives what each came to, errors of scans included."""
        session, addresses = self._connected(), sorted(changes)
        assert self._own is not None  # noqa: S101  (who is connected is registered)
        found: dict[str, list[object]] = {}
        with session.transaction():
            session.execute(
                "INSERT INTO rate (address) SELECT unnest(%s::text[]) ORDER BY 1 ON CONFLICT DO NOTHING", [addresses]
            )
            rows = session.execute(
                "SELECT * FROM rate WHERE address = ANY(%s) ORDER BY address FOR UPDATE", [addresses]
            ).fetchall()
            at = session.execute(  # after the locks
                "SELECT extract(epoch FROM clock_timestamp())::float8 AS now, "
                "array(SELECT id FROM rate_holder WHERE greatest(heard, pg_postmaster_start_time()) "
                ">= clock_timestamp() - %s * interval '1 s') AS heard",
                [LEASE_SECONDS],
            ).fetchone()
            assert at is not None  # noqa: S101  (a query without a table)
            written = []
            for stored in rows:
                row = self._read(stored)
                row.meter.follow(at["now"])
                row.reclaim({*at["heard"], self._own}, at["now"])
                found[stored["address"]] = [_tried(change, row, at["now"]) for change in changes[stored["address"]]]
                written.append((*self._written(row), stored["address"]))
            with session.cursor() as cursor:
                cursor.executemany(
                    "UPDATE rate SET meter = %s, holders = %s, sweeper = %s, changed = clock_timestamp() "
                    "WHERE address = %s",
                    written,
                )
        return found

    def _read(self, stored: dict[str, Any]) -> _Row:
        assert self._own is not None  # noqa: S101  (who reads is connected)
        record = stored["meter"]
        meter = unpacked(record, _START) if record else AddressMeter()
        if meter is None or len(meter.slots) != len(stored["holders"]):  # damaged: whatever may have been sent was
            meter = AddressMeter(is_unknown=True)
            meter.slots = bytearray(FREE if each is None else GRANTED for each in stored["holders"])
        return _Row(meter, list(stored["holders"]), stored["sweeper"], self._own)

    @staticmethod
    def _written(row: _Row) -> tuple[bytes, list[int | None], int | None]:
        del row.holders[len(row.meter.slots) :]
        return packed(row.meter, _START) if row.meter.rates is not None else b"", row.holders, row.sweeper

    def close(self) -> None:
        """Give everything back, and close the session."""
        self._ended.set()
        with suppress(psycopg.Error):
            if self._session is not None and self._own is not None and not self._session.closed:
                self._session.execute("DELETE FROM rate_holder WHERE id = %s", [self._own])
        if self._session is not None:
            self._session.close()


def _tried(change: _Change[Any], row: _Row, now: float) -> object:
    try:
        return change(row, now)
    except ScanFailure as failure:
        return failure


@dataclass(slots=True)
class _Queue:
    """Those of this event loop that wait for one address."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    sweeping: asyncio.Lock = field(default_factory=asyncio.Lock)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    users: int = 0


class DatabaseRateLimiter:
    """The rate limits of one event loop; those of all processes with the same database are one."""

    def __init__(self, source: DatabaseSource) -> None:
        self._source = source
        self._rows = _Rows(source)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rate_limits")
        self._loop = asyncio.get_running_loop()
        self._pending: dict[str, list[_Asked]] = {}
        self._due: asyncio.TimerHandle | None = None
        self._exchange: asyncio.Task[None] | None = None
        self._queues: dict[str, _Queue] = {}
        self._failed: tuple[RateLimitError, float] | None = None
        self.waiting = 0
        atexit.register(self.close)

    # --- the exchange with the database ---

    def _note(self, address: str, asked: _Asked) -> None:
        """Make a change with the next exchange: at once where somebody waits for it."""
        if self._loop.is_closed():
            return  # the row says it when this limiter is closed
        self._pending.setdefault(address, []).append(asked)
        if self._exchange is None:
            if self._due is not None:
                self._due.cancel()
            self._due = self._loop.call_later(_LINGER_SECONDS if asked.future is None else 0, self._begin)

    def _begin(self) -> None:
        self._due = None
        if self._exchange is None and self._pending:
            self._exchange = self._loop.create_task(self._exchange_all(), name="rate limits")

    async def _exchange_all(self) -> None:
        try:
            while self._pending:
                pending, self._pending = self._pending, {}
                try:
                    found = await self._exchanged({at: [each.change for each in pending[at]] for at in pending})
                except RateLimitError as error:
                    await self._fail(pending, error)
                else:
                    for address, listed in pending.items():
                        for asked, result in zip(listed, found[address], strict=True):
                            self._tell(address, asked, result)
        finally:
            self._exchange = None

    async def _exchanged(self, changes: dict[str, list[_Change[Any]]]) -> dict[str, list[object]]:
        """What changes come to. Raises RateLimitError: for a moment, without trying again."""
        if self._failed is not None and self._loop.time() < self._failed[1]:
            raise self._failed[0]
        try:
            with self._source.errors(RateLimitError, _GONE):
                return await self._loop.run_in_executor(self._thread, self._rows.change, changes)
        except RateLimitError as error:
            self._failed = error, self._loop.time() + _AGAIN_SECONDS
            raise

    async def _fail(self, pending: dict[str, list[_Asked]], error: RateLimitError) -> None:
        """Nobody gets a connection; what has departed or ended is kept until it can be written."""
        for address, listed in pending.items():
            if kept := [each for each in listed if each.future is None]:
                self._pending[address] = kept + self._pending.get(address, [])
            for each in listed:
                if each.future is not None and not each.future.done():
                    each.future.set_exception(error)
        if all(each.future is None for listed in self._pending.values() for each in listed):
            await asyncio.sleep(_AGAIN_SECONDS)

    def _tell(self, address: str, asked: _Asked, result: object) -> None:
        if asked.future is None:
            return
        if asked.future.cancelled():
            self._take_back(address, asked, result)
        elif isinstance(result, ScanFailure):
            asked.future.set_exception(result)
        else:
            asked.future.set_result(result)

    def _take_back(self, address: str, asked: _Asked, result: object) -> None:
        """Nobody wants any more what was granted."""
        change = None if asked.undo is None else asked.undo(result)
        if change is not None:
            self._note(address, _Asked(change))

    async def _ask(self, address: str, change: _Change[T], undo: Callable[[Any], _Change[Any] | None]) -> T:
        """What a change comes to. Raises RateLimitError, ScanFailure."""
        asked = _Asked(change, self._loop.create_future(), undo)
        assert asked.future is not None  # noqa: S101  (it was made here)
        self._note(address, asked)
        try:
            result: T = await asked.future
        except asyncio.CancelledError:
            if not asked.future.cancelled() and asked.future.exception() is None:
                self._take_back(address, asked, asked.future.result())
            raise
        return result

    # --- connections ---

    def _queue(self, address: str) -> _Queue:
        return self._queues.setdefault(address, _Queue())

    def admit_now(self, address: str, rates: Rates) -> Permit | None:  # noqa: ARG002  (that would be to wait)
        """None: to ask the database is to wait."""
        return None

    async def admit(self, address: str, rates: Rates) -> Permit:
        """Wait until one more connection to ``address`` may be opened.

        Raises ScanFailure when that will never be, RateLimitError when the database cannot be reached.
        """

        def grant(row: _Row, now: float) -> _Granted | float:
            row.meter.demand(rates, now)
            ready = row.meter.ready_at(now)
            return row.delay(ready, now) if ready > now else _Granted(row.take(now))

        def undo(found: _Granted | float) -> _Change[None] | None:
            return None if isinstance(found, float) else lambda row, now: row.release(found.slot, now)

        queue = self._queue(address)
        self.waiting += 1
        queue.users += 1
        try:
            async with queue.turn:
                while isinstance(found := await self._ask(address, grant, undo), float):
                    queue.ended.clear()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(found):
                            await queue.ended.wait()
            queue.users += 1
            return _Permit(self, address, found.slot)
        finally:
            self.waiting -= 1
            self._leave(address, queue)

    def _leave(self, address: str, queue: _Queue) -> None:
        queue.users -= 1
        if not queue.users:
            self._queues.pop(address, None)

    def changed(self, address: str, change: Callable[[AddressMeter, float], object]) -> None:
        """Change the meter of an address, soon."""
        self._note(address, _Asked(lambda row, now: change(row.meter, now)))

    def departed(self, address: str, slot: int) -> None:
        """The connection with this slot has been opened."""
        self._note(address, _Asked(lambda row, now: row.departed(slot, now)))

    def ended(self, address: str, slot: int, *, well: bool) -> None:
        """The connection with this slot has ended; ``well``: the address took it without complaint."""

        def end(row: _Row, now: float) -> None:
            row.release(slot, now)
            if well:
                row.meter.succeeded()

        self._note(address, _Asked(end))
        queue = self._queue(address)
        queue.ended.set()
        self._leave(address, queue)

    def slow_down(self, address: str) -> None:
        """Halve the rates of an address that has stopped answering."""
        self.changed(address, AddressMeter.slow_down)

    # --- sweeps ---

    @asynccontextmanager
    async def sweep(self, address: str, rates: Rates) -> AsyncIterator[Rates]:
        """Within the body, the right to sweep the ports of ``address``, at the rates that it gives: one at a time."""

        def begin(row: _Row, now: float) -> tuple[Rates, float] | None:
            row.meter.demand(rates, now)
            if row.sweeper is not None:
                return None
            held = row.meter.rates.rates() if row.meter.rates else rates
            if row.meter.is_swept:  # by a process that has ended, at an instant that nobody knows
                row.meter.swept_until = now + sweep_delay_ms(held) / 1000
            row.sweeper, row.meter.is_swept = row.own, True
            return held, row.meter.swept_until - now

        def end(row: _Row, now: float) -> None:
            if row.sweeper == row.own:
                row.sweeper, row.meter.is_swept = None, False
                row.meter.swept_until = now + sweep_delay_ms(rates) / 1000

        queue = self._queue(address)
        queue.users += 1
        try:
            async with queue.sweeping:
                while (begun := await self._ask(address, begin, lambda found: found and end)) is None:  # noqa: ASYNC110  (others sweep)
                    await asyncio.sleep(_POLL_SECONDS)
                try:
                    await asyncio.sleep(max(0.0, begun[1]))
                    yield begun[0]
                finally:
                    self._note(address, _Asked(end))
        finally:
            self._leave(address, queue)

    def close(self) -> None:
        """Give back every connection and right; the event loop has ended."""
        atexit.unregister(self.close)
        self._thread.shutdown(wait=True)
        self._rows.close()


@dataclass(frozen=True, slots=True)
class _Granted:
    """A connection was granted, with this slot."""

    slot: int


class _Permit:
    __slots__ = ("_address", "_ended", "_is_well", "_left", "_limiter", "_slot")

    def __init__(self, limiter: DatabaseRateLimiter, address: str, slot: int) -> None:
        self._limiter = limiter
        self._address = address
        self._slot = slot
        self._left = False
        self._ended = False
        self._is_well = True

    def departed(self) -> None:
        if not self._left and not self._ended:
            self._left = True
            self._limiter.departed(self._address, self._slot)

    def back_off(self, *, on_request: bool = False, seconds: float = 0.0) -> None:
        if self._is_well:
            self._is_well = False
            self._limiter.changed(
                self._address, lambda meter, now: meter.back_off(now, on_request=on_request, seconds=seconds)
            )

    def ended(self) -> None:
        if not self._ended:
            self._ended = True
            self._limiter.ended(self._address, self._slot, well=self._left and self._is_well)
