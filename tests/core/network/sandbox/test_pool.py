"""Worker processes: killed at their deadline, guarded, bounded, and without a privilege of their own."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from inspector.declare.authorisation import Rates
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network import run_isolated
from inspector.network.guard.audit_hook import GuardViolation
from inspector.network.sandbox import pool, worker_process
from inspector.network.sandbox.protocol import Kind, pack
from tests.core.network import worker_jobs as jobs
from tests.core.network.addresses import (
    ADDRESS,
    DECOY,
    HOST,
    LocalGateway,
    authorise,
    make_probe,
    needs_raw,
    serving,
    target,
)
from tests.core.plugin.threads import run_in

Job = Callable[[bytes], bytes]


def failure(job: Job, payload: bytes = b"", *, timeout: float = 20.0, memory_bytes: int = 1 << 30) -> ScanFailure:
    with pytest.raises(ScanFailure) as caught:
        asyncio.run(run_isolated(job, payload, timeout=timeout, memory_bytes=memory_bytes))
    return caught.value


def working(folder: Path, job: Job, payload: bytes, port: int, *, timeout: float = 20.0) -> tuple[bytes, LocalGateway]:
    """Run a job with the network of a scan of the test host."""
    on = LocalGateway(folder, f"tcp://{HOST}:{port}")

    async def go() -> bytes:
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port), on.granted)
            return await network.run_in_worker(job, payload, timeout=timeout)

    return asyncio.run(go()), on


# --- pure functions ---


def test_a_function_runs_in_another_process() -> None:
    """Payload and result are any bytes, also more than a pipe buffers."""
    data = os.urandom(3_000_000)
    assert asyncio.run(run_isolated(jobs.reverse, data, timeout=20)) == data[::-1]
    assert int(asyncio.run(run_isolated(jobs.identity, b"", timeout=20))) != os.getpid()


def test_a_worker_has_a_lower_priority() -> None:
    """Workers are nicer than their parent, whose event loop every scan waits for."""
    assert int(asyncio.run(run_isolated(jobs.priority, b"", timeout=20))) == min(19, os.nice(0) + 5)


def test_a_worker_is_used_again_unless_its_function_failed() -> None:
    """The next job of a package gets the worker of the last one, unless that raised an exception."""

    async def pids() -> list[bytes]:
        found = [await run_isolated(jobs.identity, b"", timeout=20) for _ in range(2)]
        with pytest.raises(ScanFailure):
            await run_isolated(jobs.raise_error, b"", timeout=20)
        return [*found, await run_isolated(jobs.identity, b"", timeout=20)]

    one, two, three = asyncio.run(pids())
    assert one == two != three


def test_a_worker_whose_function_raises_trouble_is_used_again() -> None:
    """A Trouble is a result of a pure function like any other."""

    async def pids() -> list[bytes]:
        before = await run_isolated(jobs.identity, b"", timeout=20)
        with pytest.raises(ScanFailure):
            await run_isolated(jobs.raise_trouble, b"", timeout=20)
        return [before, await run_isolated(jobs.identity, b"", timeout=20)]

    before, after = asyncio.run(pids())
    assert before == after


def test_a_worker_outlives_the_thread_that_asked_for_it() -> None:
    """Idle workers belong to the process: the next event loop, in another thread, finds them alive."""
    pool.kill_idle(0)

    def pid() -> bytes:
        return asyncio.run(run_isolated(jobs.identity, b"", timeout=20))

    first = run_in(pid, in_main=False)
    time.sleep(0.2)  # in which the system would kill a child of the ended thread
    assert run_in(pid, in_main=False) == pid() == first


def test_event_loops_in_several_threads_run_jobs_at_once() -> None:
    """Each gets the results of its own jobs, more of them than there are workers."""

    def run(text: bytes) -> list[bytes]:
        async def main() -> list[bytes]:
            return await asyncio.gather(*(run_isolated(jobs.reverse, text, timeout=20) for _ in range(20)))

        return asyncio.run(main())

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(run, [b"ab", b"cd", b"ef", b"gh"]))
    assert results == [[b"ba"] * 20, [b"dc"] * 20, [b"fe"] * 20, [b"hg"] * 20]


_PARENT = """
import asyncio, sys
from inspector.network import run_isolated
from tests.core.network import worker_jobs as jobs

async def main():
    print((await run_isolated(jobs.identity, b"", timeout=20)).decode(), flush=True)
    await run_isolated(jobs.keep_the_interpreter_lock, b"", timeout=600)

asyncio.run(main())
"""


def test_a_worker_ends_with_its_parent() -> None:
    """After kill -9 of the parent no worker is left, not even one that is inside a call into C."""
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        time.sleep(0.5)  # in which the second job begins
        assert _runs(worker)
        parent.kill()
    for _ in range(200):
        if not _runs(worker):
            return
        time.sleep(0.05)
    raise AssertionError(f"process {worker} still runs")


def _runs(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_jobs_that_wait_share_workers() -> None:
    """More jobs than workers may run at once are all done, and no further worker is started."""

    async def pids() -> list[bytes]:
        return await asyncio.gather(*(run_isolated(jobs.identity, b"", timeout=20) for _ in range(30)))

    assert len(set(asyncio.run(pids()))) <= (os.cpu_count() or 1)


def test_unrequested_output_is_not_buffered() -> None:
    """However much a worker writes, no more than one read of it is buffered; an invalid frame ends the job."""
    with pytest.raises(ScanFailure, match="sent an invalid frame") as caught:
        asyncio.run(run_isolated(jobs.flood, b"", timeout=20))
    assert caught.value.cause is Cause.BUG

    async def buffered() -> int:
        worker = worker_process.WorkerProcess()
        try:
            async with worker.receiving():
                await worker.send(
                    pack(
                        Kind.JOB,
                        {
                            "function": f"{jobs.__name__}:flood",
                            "memory_bytes": worker_process.MEMORY_BYTES,
                            "network": False,
                            "context": False,
                            "log_level": 0,
                        },
                    )
                )
                while not worker._received:  # noqa: ASYNC110  (no event announces it)
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.3)
                return len(worker._received)
        finally:
            worker.kill()

    assert 0 < asyncio.run(buffered()) < 2 * worker_process._READ_BYTES


@pytest.mark.parametrize("warm", [True, False])
def test_no_job_waits_for_a_long_one(monkeypatch: pytest.MonkeyPatch, warm: bool) -> None:
    """A job gets another worker while the only one runs a long job, even if that is its first."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(pool, "FIRST_SECONDS", 0.2)
    pool.kill_idle(0)

    async def go() -> bool:
        if warm:
            await run_isolated(jobs.identity, b"", timeout=20)
        long = asyncio.create_task(run_isolated(jobs.hang, b"", timeout=60))
        await asyncio.sleep(0.1)
        await run_isolated(jobs.identity, b"", timeout=20)
        is_first = not long.done()
        long.cancel()
        await asyncio.gather(long, return_exceptions=True)
        return is_first

    assert asyncio.run(go())


def test_a_job_that_waits_for_a_worker_that_crashes_gets_another() -> None:
    """The jobs queued behind one that crashes its process are done."""

    async def go() -> list[bytes | BaseException]:
        asked = (jobs.crash, *(jobs.reverse for _ in range(5)))
        return await asyncio.gather(*(run_isolated(each, b"ab", timeout=20) for each in asked), return_exceptions=True)

    crashed, *others = asyncio.run(go())
    assert isinstance(crashed, ScanFailure)
    assert others == [b"ba"] * 5


def test_a_job_cancelled_in_the_queue_keeps_no_worker() -> None:
    """Workers stay available to later jobs."""

    async def go() -> bytes:
        waiting = [asyncio.create_task(run_isolated(jobs.identity, b"", timeout=20)) for _ in range(10)]
        await asyncio.sleep(0)
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return await run_isolated(jobs.reverse, b"ab", timeout=20)

    assert asyncio.run(go()) == b"ba"


def test_a_function_gets_the_context_of_its_job() -> None:
    """In the same worker as another context or in a new one; without a context it gets none."""

    async def go() -> list[bytes]:
        contexts = (b"one", b"one", b"two", b"one")
        found = [await run_isolated(jobs.third_party, b"in ", timeout=20, context=each) for each in contexts]
        return [*found, await run_isolated(jobs.reverse, b"ab", timeout=20)]

    assert asyncio.run(go()) == [b"in one", b"in one", b"in two", b"in one", b"ba"]


def test_output_of_a_job_is_discarded() -> None:
    """Standard output and error are kept apart from frames and never fill their pipe; standard input is empty."""
    assert asyncio.run(run_isolated(jobs.chatter, b"", timeout=20)) == b"read nothing"


@pytest.mark.parametrize("job", [jobs.hang, jobs.burn, jobs.keep_the_interpreter_lock, jobs.stubborn])
def test_a_worker_is_killed_on_its_deadline(job: Job) -> None:
    """A function that sleeps, uses the CPU, keeps the interpreter lock or catches everything ends as a timeout."""
    assert failure(job, timeout=0.5).cause is Cause.TIMEOUT


def test_a_crash_is_a_bug_with_the_end_of_standard_error() -> None:
    """The message has the exit status and what the process wrote last."""
    found = failure(jobs.crash)
    assert found.cause is Cause.BUG
    assert "last words" in found.message
    assert "-6" in found.message


def test_results_are_bounded() -> None:
    """A result above the bound is not read, and ends as a bug."""
    found = failure(jobs.oversized)
    assert found.cause is Cause.BUG
    assert "invalid frame: a frame of" in found.message


def test_memory_is_bounded() -> None:
    """A function that needs more than its bound ends as a bug."""
    found = failure(jobs.fill_memory, memory_bytes=512 << 20)
    assert found.cause is Cause.BUG
    assert "MemoryError" in found.message


def test_trouble_keeps_its_cause_and_message() -> None:
    """Any other exception is a bug, named in the message."""
    assert (failure(jobs.raise_trouble).cause, failure(jobs.raise_trouble).message) == (
        Cause.PROTOCOL_ERROR,
        "not a certificate",
    )
    assert "KeyError: 'lost'" in failure(jobs.raise_error, b"lost").message
    assert "not bytes" in failure(jobs.wrong_type).message


def test_what_cannot_be_imported_is_refused() -> None:
    """A closure cannot be sent to another process, and the message has the remedy."""
    found = failure(lambda payload: payload)
    assert found.cause is Cause.BUG
    assert "top of a module" in found.message


@needs_raw
@pytest.mark.parametrize(
    "job", [jobs.connect, jobs.swallowing, jobs.datagram, jobs.low_level, jobs.resolve_name, jobs.program]
)
def test_a_pure_function_reaches_nothing(job: Job) -> None:
    """No socket, name lookup or program: the worker is killed, the module named, and no packet is sent."""
    with serving("quiet", DECOY) as decoy, serving("sniff", DECOY) as sniffer:
        found = failure(job, f"{DECOY} {decoy.port}".encode())
        assert sniffer.report()["packets"] == []
    assert isinstance(found, GuardViolation)
    assert found.module == "tests.core.network.worker_jobs"


# --- functions that connect ---


def test_a_granted_connection_is_on_the_ledger(tmp_path: Path) -> None:
    """A connection from the worker succeeds, and the ledger has its bytes."""
    with serving("echo") as server:
        answer, on = working(tmp_path, jobs.connect, f"{ADDRESS} {server.port}".encode(), server.port)
    (entry,) = on.ledger.entries()
    assert answer == b"word"
    assert (entry.address, entry.port, entry.sent, entry.received) == (ADDRESS, server.port, 4, 4)
    assert (entry.probe, entry.authorisation, entry.result) == ("trial", "a-1", "open")


@needs_raw
@pytest.mark.parametrize(
    "job", [jobs.connect, jobs.swallowing, jobs.datagram, jobs.low_level, jobs.resolve_name, jobs.program]
)
def test_a_worker_reaches_only_the_target(tmp_path: Path, job: Job) -> None:
    """Another address, a datagram, a name lookup or a program: killed and named, and no packet is sent."""
    with serving("quiet", DECOY) as decoy, serving("sniff", DECOY) as sniffer:
        with pytest.raises(ScanFailure) as caught:
            working(tmp_path, job, f"{DECOY} {decoy.port}".encode(), decoy.port)
        assert sniffer.report()["packets"] == []
    assert caught.value.cause is Cause.BUG
    assert "tests.core.network.worker_jobs" in caught.value.message


def test_a_port_that_is_not_covered_ends_the_job(tmp_path: Path) -> None:
    """A worker cannot mistake our refusal of an undeclared port for the server's."""
    with serving("quiet") as server:
        with pytest.raises(ScanFailure) as caught:
            working(tmp_path, jobs.swallowing, f"{ADDRESS} {server.port}".encode(), server.port + 1)
        assert server.report()["accepted"] == []
    assert caught.value.cause is Cause.OUT_OF_SCOPE


def test_a_refused_connection_is_in_the_ledger(tmp_path: Path) -> None:
    """The job gets the server's refusal, and the ledger has it, too."""
    with serving("quiet") as server:
        server.stop()
        answer, on = working(tmp_path, jobs.refused, f"{ADDRESS} {server.port}".encode(), server.port)
    assert int(answer) != 0
    assert [entry.result for entry in on.ledger.entries()] == ["refused"]


def test_a_job_that_leaks_a_connection_loses_its_worker(tmp_path: Path) -> None:
    """A connection left open is closed with its process, and the next job gets another worker."""
    with serving("quiet") as server:
        payload = f"{ADDRESS} {server.port}".encode()
        first, on = working(tmp_path, jobs.leak, payload, server.port)
        second, _ = working(tmp_path / "..", jobs.identity, b"", server.port)
    assert first != second
    assert not Path(f"/proc/{int(first)}").exists()
    assert [entry.questions for entry in on.ledger.entries()][:1] == [1]


def test_a_connection_closed_by_the_malformed_collector_is_counted(tmp_path: Path) -> None:
    """It no longer counts against the limit of connections at once."""

    async def go(port: int) -> bytes:
        rates = Rates(connections_per_second=100, burst=100, at_once=1)
        on = LocalGateway(tmp_path, f"tcp://{HOST}:{port}", granted=authorise(rates=rates))
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port), on.granted)
            return await network.run_in_worker(jobs.forgetful, f"{ADDRESS} {port}".encode(), timeout=20)

    with serving("quiet") as server:
        assert asyncio.run(go(server.port)) == b"done"


def test_waiting_for_the_rate_does_not_use_up_the_deadline(tmp_path: Path) -> None:
    """The deadline of a job is paused while it waits for the rate limiter."""
    slow = Rates(connections_per_second=4, burst=4, at_once=4)

    async def go(port: int) -> bytes:
        on = LocalGateway(tmp_path, f"tcp://{HOST}:{port}", granted=authorise(rates=slow))
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port), on.granted)
            await network.run_in_worker(jobs.identity, b"", timeout=20)  # start the process
            done = await network.run_in_worker(jobs.many, f"{ADDRESS} {port} 12".encode(), timeout=1.5)
        assert sum(entry.questions for entry in on.ledger.entries()) == 12
        return done

    with serving("quiet") as server:
        assert asyncio.run(go(server.port)) == b"0"
