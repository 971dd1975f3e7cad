"""The file of an address: what it keeps, whom it refuses, and what counts where it cannot be read."""

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.declare.authorisation import Rates
from inspector.model.base import Cause
from inspector.model.errors import RateLimitError, ScanFailure
from inspector.network.pacing import queued_limiter, state_files
from inspector.network.pacing.address_meter import AddressMeter
from inspector.network.pacing.address_state import AddressStates, MemoryStates, clock
from inspector.network.pacing.queued_limiter import QueuedRateLimiter
from inspector.network.pacing.rate_limit import Permit
from inspector.network.pacing.state_files import StateFiles, boot_id, packed, unpacked

ADDRESS = "192.0.2.1"
FAST = Rates(connections_per_second=128, burst=128, at_once=100, port_questions_per_second=1000)
#: In a test nothing comes back to the bucket at this rate.
SLOW = Rates(connections_per_second=1, burst=3, at_once=3)
OTHER_START = bytes(16)


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """The clock stands still; a call puts it to so many seconds after that instant."""
    instant = clock()

    def put(seconds: float) -> None:
        monkeypatch.setattr(queued_limiter, "clock", lambda: instant + seconds)

    put(0.0)
    return put


def limiter(folder: Path, **options: bytes) -> QueuedRateLimiter:
    """What a process has: a descriptor, and so locks, of its own."""
    return QueuedRateLimiter(StateFiles(folder / "rates", **options))


def use(limiter: QueuedRateLimiter, rates: Rates = SLOW) -> Permit | None:
    """Open and close one connection, if that may be at once."""
    permit = limiter.admit_now(ADDRESS, rates)
    if permit is not None:
        permit.departed()
        permit.ended()
    return permit


def spent(limiter: QueuedRateLimiter, rates: Rates = SLOW) -> int:
    """How many connections may be opened at once, up to the burst; they are."""
    return sum(use(limiter, rates) is not None for _ in range(rates.burst + 1))


@pytest.mark.usefixtures("stopped")
async def test_a_new_address_has_its_whole_burst(tmp_path: Path) -> None:
    """Who asks an address for the first time may open as many as authorised, and the next process none."""
    assert spent(limiter(tmp_path)) == SLOW.burst
    assert spent(limiter(tmp_path)) == 0


async def test_what_is_open_counts_for_all(tmp_path: Path) -> None:
    """Connections that one process has open take the place of those of another one, until it closes them."""
    one, other = limiter(tmp_path), limiter(tmp_path)
    few = FAST.model_copy(update={"at_once": 2})
    held = [one.admit_now(ADDRESS, few), other.admit_now(ADDRESS, few)]
    assert (one.admit_now(ADDRESS, few), other.admit_now(ADDRESS, few)) == (None, None)
    assert held[0] is not None
    held[0].ended()
    assert await asyncio.wait_for(other.admit(ADDRESS, few), 20) is not None


async def test_who_waits_is_served_when_another_process_closes(tmp_path: Path) -> None:
    """A connection that ends in one process lets another process go on."""
    one, other = limiter(tmp_path), limiter(tmp_path)
    single = FAST.model_copy(update={"at_once": 1})
    held = await one.admit(ADDRESS, single)
    waiting = asyncio.create_task(other.admit(ADDRESS, single))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    held.ended()
    (await waiting).ended()


@pytest.mark.usefixtures("stopped")
async def test_what_was_granted_to_a_lost_process_counts_as_sent(tmp_path: Path) -> None:
    """A process that ends between grant and first packet may have sent it; its place is free, its share is spent."""
    one, other = limiter(tmp_path), limiter(tmp_path)
    assert all(one.admit_now(ADDRESS, SLOW) for _ in range(SLOW.burst))
    one.close()  # as the kernel does when it is killed
    assert spent(other) == 0
    meter = unpacked((tmp_path / "rates" / ADDRESS).read_bytes(), boot_id())
    assert meter is not None
    assert (len(meter.slots), sum(meter.counts)) == (0, SLOW.burst)


async def test_the_pause_that_a_server_asked_for_is_shared(tmp_path: Path) -> None:
    """After a 429 in one process no other one connects, also after the first one has ended."""
    one, other = limiter(tmp_path), limiter(tmp_path)
    permit = one.admit_now(ADDRESS, FAST)
    assert permit is not None
    permit.departed()
    permit.back_off(on_request=True, seconds=30)
    permit.ended()
    one.close()
    assert other.admit_now(ADDRESS, FAST) is None


@pytest.mark.usefixtures("stopped")
async def test_an_address_that_stopped_answering_is_slow_for_all(tmp_path: Path) -> None:
    """Half the rates hold for other processes, too."""
    one, other = limiter(tmp_path), limiter(tmp_path)
    assert use(one, FAST) is not None
    one.slow_down(ADDRESS)
    assert spent(other, FAST) == FAST.burst // 2 - 1


@pytest.mark.usefixtures("stopped")
async def test_the_strictest_rates_of_all_who_ask_hold(tmp_path: Path) -> None:
    """Who asks with a generous authorisation keeps the strict one of another process."""
    strict, generous = limiter(tmp_path), limiter(tmp_path)
    assert use(strict, SLOW) is not None
    assert spent(generous, FAST) == SLOW.burst - 1


@pytest.mark.parametrize("states", [StateFiles, lambda folder: MemoryStates()])
async def test_rates_that_nobody_asks_under_hold_no_more(
    tmp_path: Path, stopped: Callable[[float], None], states: Callable[[Path], AddressStates]
) -> None:
    """Two minutes after the last one with strict rates has asked, those of the others hold; what was spent stays so."""
    shared = QueuedRateLimiter(states(tmp_path / "rates"))
    assert spent(shared, SLOW) == SLOW.burst
    stopped(119)
    assert spent(shared, FAST) == SLOW.burst
    stopped(240)
    assert spent(shared, FAST) == FAST.burst


@given(st.integers(1, 20), st.integers(1, 20))
def test_a_change_of_rates_forgives_no_connection(before: int, after: int) -> None:
    """When stricter rates begin to hold, the connections sent before count against them."""
    meter = AddressMeter()
    meter.demand(Rates(connections_per_second=before, burst=20, at_once=99), 0.0)
    for _ in range(20):
        slot = meter.grant(0.0)
        meter.departed(slot, 0.0)
        meter.ended(slot, 0.0)
    meter.demand(Rates(connections_per_second=after, burst=20, at_once=99), 0.0)
    assert meter.ready_at(0.0) >= 1 / min(before, after) - 1e-9


# --- What cannot be relied on ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("stopped")
async def test_after_another_start_of_the_machine_the_bucket_is_empty(tmp_path: Path) -> None:
    """What was spent before the machine was started again is not known, so everything was."""
    assert use(limiter(tmp_path, start=OTHER_START)) is not None
    assert spent(limiter(tmp_path)) == 0


async def test_a_record_that_is_damaged_means_an_empty_bucket(tmp_path: Path, stopped: Callable[[float], None]) -> None:
    """Whatever is in the file instead of a record, nothing may be sent at once; after a while it goes on."""
    file = tmp_path / "rates" / ADDRESS
    assert use(limiter(tmp_path)) is not None
    meter = unpacked(file.read_bytes(), boot_id())
    assert meter is not None
    whole = packed(meter, boot_id())  # an earlier record that was longer may stand behind it
    assert file.read_bytes().startswith(whole)
    damaged = [whole[:length] for length in range(0, len(whole), 7)]
    damaged += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(0, len(whole), 3)]
    for content in [*damaged, b"\0" * 300, b"\xff" * 5000]:
        file.write_bytes(content)
        assert spent(limiter(tmp_path)) == 0
    stopped(1.2)
    assert spent(limiter(tmp_path)) == 1


async def test_open_connections_count_although_the_record_is_lost(tmp_path: Path) -> None:
    """Their locks say how many there are, in whichever process."""
    one, other, third = (limiter(tmp_path) for _ in range(3))
    few = FAST.model_copy(update={"at_once": 5})
    held = [each.admit_now(ADDRESS, few) for each in (one, other, one, other, one)]
    (tmp_path / "rates" / ADDRESS).write_bytes(b"")
    for asking in (one, third):
        assert asking.admit_now(ADDRESS, few) is None
    meter = unpacked((tmp_path / "rates" / ADDRESS).read_bytes(), boot_id())
    assert meter is not None
    assert len(meter.slots) == len(held)
    for each in held:
        assert each is not None
        each.departed()
        each.ended()
    (await third.admit(ADDRESS, few)).ended()


async def test_a_clock_that_goes_back_gives_nothing(tmp_path: Path, stopped: Callable[[float], None]) -> None:
    """Where the clock goes back no time has passed: nothing comes back, and nobody waits for the old time."""
    one = limiter(tmp_path)
    assert spent(one) == SLOW.burst
    other = limiter(tmp_path)
    for back in (-1.0, -3000.0):
        stopped(back)
        assert (spent(one), spent(other)) == (0, 0)
    stopped(-2998.8)
    assert (spent(one), spent(other)) == (1, 0)


async def test_a_record_that_others_keep_locked_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was stopped while it had the record makes others give up, after a while."""
    monkeypatch.setattr(queued_limiter, "STALLED_SECONDS", 0.2)
    stopped = StateFiles(tmp_path / "rates").open(ADDRESS)
    assert stopped.lock() is not None
    with pytest.raises(ScanFailure, match="another process has locked") as caught:
        await limiter(tmp_path).admit(ADDRESS, FAST)
    assert caught.value.cause is Cause.TIMEOUT


async def test_an_end_that_cannot_be_written_at_once_is_written_later(tmp_path: Path) -> None:
    """While another process has the record, a connection that ends still counts; then it does not."""
    one, other = limiter(tmp_path), StateFiles(tmp_path / "rates").open(ADDRESS)
    single = FAST.model_copy(update={"at_once": 1})
    permit = await one.admit(ADDRESS, single)
    meter = other.lock()
    assert meter is not None
    permit.departed()
    permit.ended()
    assert one.admit_now(ADDRESS, single) is None
    other.unlock(changed=False)
    (await one.admit(ADDRESS, single)).ended()


def test_a_record_is_read_as_it_was_written() -> None:
    """Every field survives, for large bursts and many connections, too."""
    meter = AddressMeter()
    meter.demand(Rates(connections_per_second=900, burst=5000, at_once=3000), 10.0)
    meter.demand(Rates(connections_per_second=10**9, burst=10**9, at_once=10**9), 10.0)
    for number in range(4000):
        slot = meter.grant(10.0 + number / 4000)
        meter.departed(slot, 10.0 + number / 4000)
        if number % 2:
            meter.ended(slot, 11.0)
    meter.back_off(11.0, on_request=False)
    meter.follow(11.0)
    record = packed(meter, OTHER_START)
    assert len(record) < 5000
    assert unpacked(record, boot_id()) is None
    found = unpacked(record, OTHER_START)
    assert found is not None
    for name in set(AddressMeter.__slots__) - {"_latest", "_latest_values", "_checked_until"}:
        assert getattr(found, name) == getattr(meter, name), name


# --- Sweeps ----------------------------------------------------------------------------------------------------------


async def test_one_sweep_of_an_address_at_a_time(tmp_path: Path) -> None:
    """Over all processes; the next one begins a question's distance after the end, at the strictest rates."""
    one, other = limiter(tmp_path), limiter(tmp_path)
    slow = FAST.model_copy(update={"port_questions_per_second": 4})
    ended = began = 0.0

    async def second() -> Rates:
        nonlocal began
        async with other.sweep(ADDRESS, FAST) as held:
            began = clock()
            return held

    async with one.sweep(ADDRESS, slow):
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.2)
        assert not waiting.done()
        ended = clock()
    assert (await waiting).port_questions_per_second == 4
    assert began - ended >= 0.25


async def test_a_sweep_of_a_lost_process_is_over(tmp_path: Path) -> None:
    """The kernel frees it; since nobody knows when its last question was sent, it may have been just now."""
    one, other = limiter(tmp_path), limiter(tmp_path)
    slow = FAST.model_copy(update={"port_questions_per_second": 4})
    sweep = one.sweep(ADDRESS, slow)
    await sweep.__aenter__()
    one.close()
    found = clock()
    async with other.sweep(ADDRESS, slow):
        assert clock() - found >= 0.25
    with pytest.raises(RateLimitError):  # its file is closed
        await sweep.__aexit__(None, None, None)


# --- Files -----------------------------------------------------------------------------------------------------------


async def test_files_and_folder_are_the_users_own(tmp_path: Path) -> None:
    """Nobody else may read or write them."""
    assert use(limiter(tmp_path / "new" / "er")) is not None
    folder = tmp_path / "new" / "er" / "rates"
    assert [path.stat().st_mode & 0o777 for path in (folder, folder / ADDRESS)] == [0o700, 0o600]


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o720])
async def test_a_folder_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    """Who may write there could give an address its burst back."""
    (tmp_path / "rates").mkdir()
    (tmp_path / "rates").chmod(mode)
    with pytest.raises(RateLimitError, match="accessible to other users"):
        limiter(tmp_path)


@pytest.mark.parametrize("mode", [0o660, 0o606])
async def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    """It is not read, and nothing is sent."""
    assert use(limiter(tmp_path)) is not None
    (tmp_path / "rates" / ADDRESS).chmod(mode)
    with pytest.raises(RateLimitError, match="accessible to other users"):
        use(limiter(tmp_path))


async def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    """Root gives one away; everybody else meets root's."""
    folder = tmp_path / "rates"
    if os.geteuid() == 0:
        folder.mkdir(0o700)
        os.chown(folder, 65534, 65534)
    else:
        folder = Path("/etc")
    with pytest.raises(RateLimitError):
        StateFiles(folder)


async def test_links_are_not_followed(tmp_path: Path) -> None:
    """Neither where the folder nor where a file should be; nor is anything but a regular file used."""
    assert use(limiter(tmp_path)) is not None
    (tmp_path / "link").symlink_to(tmp_path / "rates")
    with pytest.raises(RateLimitError):
        StateFiles(tmp_path / "link")
    file = tmp_path / "rates" / ADDRESS
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RateLimitError):
        use(limiter(tmp_path))
    file.unlink()
    os.mkfifo(file, 0o600)
    with pytest.raises(RateLimitError):
        use(limiter(tmp_path))


async def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """With its path, the reason, and what to do."""
    (tmp_path / "rates").write_text("")
    with pytest.raises(RateLimitError, match=r"rates: the state .* cannot be kept") as caught:
        limiter(tmp_path)
    assert "INSPECTOR_RATE_STATE" in caught.value.remedy


_FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from inspector.model.errors import RateLimitError
from tests.core.network.pacing.test_state_files import limiter, use

async def go():
    shared = limiter(Path(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    try:
        print(use(shared))
    except RateLimitError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    try:
        print(use(shared))
    except RateLimitError as error:
        print(error)

asyncio.run(go())
"""


@pytest.mark.usefixtures("stopped")
@pytest.mark.parametrize("size", [0, 40])
def test_on_a_full_disk_nothing_is_sent(tmp_path: Path, size: int) -> None:
    """Where the grant cannot be written there is none, in this process for good; the next one begins with none left."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    said = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(tmp_path), str(size)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[4],
    ).stdout.splitlines()
    assert len(said) == 2
    assert all("cannot be kept" in line and "free some space" in line for line in said)
    assert asyncio.run(_spent(tmp_path)) == 0


async def _spent(folder: Path) -> int:
    return spent(limiter(folder))


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.usefixtures("stopped")
async def test_few_files_are_open_however_many_addresses_are_asked(tmp_path: Path) -> None:
    """An address without connections is closed, and known when it is asked again."""
    shared = limiter(tmp_path)
    before = open_files()
    for number in range(300):
        permit = await shared.admit(f"192.0.2.{number}", SLOW)
        permit.departed()
        permit.ended()
    assert open_files() - before <= 70
    assert sum(shared.admit_now("192.0.2.0", SLOW) is not None for _ in range(4)) == SLOW.burst - 1


async def test_files_of_addresses_that_nobody_asks_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day after the last connection; who still has such a file open goes on with the new one, as all others do."""
    one, other = limiter(tmp_path), limiter(tmp_path)
    held = one.admit_now("192.0.2.9", SLOW)
    assert use(one) is not None
    states = StateFiles(tmp_path / "rates")
    names = {"192.0.2.9", ADDRESS}

    def remaining() -> set[str]:
        for path in (tmp_path / "rates").iterdir():
            os.utime(path, (0, 0))
        states.remove_old()
        return {path.name for path in (tmp_path / "rates").iterdir()}

    assert remaining() == names  # the machine's own clock says that they are new
    monkeypatch.setattr(state_files, "clock", lambda: clock() + 2 * 86_400)
    monkeypatch.setattr(queued_limiter, "clock", lambda: clock() + 2 * 86_400)
    assert remaining() == {"192.0.2.9"}  # with a connection
    assert held is not None
    assert spent(other) == SLOW.burst
    assert spent(one) == 0


def test_an_event_loop_that_ended_keeps_no_connection(tmp_path: Path) -> None:
    """Who waits in another thread of this process gets what was in use in a loop that has ended."""
    few = Rates(connections_per_second=128, burst=128, at_once=1)

    async def one() -> None:
        permit = await limiter(tmp_path).admit(ADDRESS, few)
        permit.departed()
        permit.ended()

    for _ in range(3):
        asyncio.run(asyncio.wait_for(one(), 10))


async def test_a_departure_counts_from_its_instant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However late it is written, so that the next connection waits no longer than it must."""
    instants = [1000.0]
    monkeypatch.setattr(queued_limiter, "clock", lambda: instants[0])
    one = limiter(tmp_path)
    permit = one.admit_now(ADDRESS, FAST)
    assert permit is not None
    permit.departed()
    instants[0] += 0.5
    permit.ended()
    one.admit_now(ADDRESS, FAST)
    meter = unpacked((tmp_path / "rates" / ADDRESS).read_bytes(), boot_id())
    assert meter is not None
    assert list(meter.times) == [1000.0]
