"""Jobs: functions run in worker processes, pure ones and scanners whose every connection is granted here."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from inspector.model.base import Cause
from inspector.model.errors import InspectorError, ScanFailure
from inspector.network.access.os_errors import cause_of
from inspector.network.guard.audit_hook import GuardViolation
from inspector.network.pacing.admission import ConnectionLease
from inspector.network.pacing.cancellation import CancelScope, PausableDeadline
from inspector.network.sandbox import log_lines
from inspector.network.sandbox.pool import pool_of, worker_slots
from inspector.network.sandbox.protocol import Kind, pack
from inspector.network.sandbox.worker_process import MEMORY_BYTES, SCANNER_MEMORY_BYTES, WorkerProcess
from inspector.network.session import ProbeSession

#: The logger above all of the core's.
_LOGGER = logging.getLogger("inspector")
#: Waits until a connection to (address, port) may be opened. Raises ScanFailure.
Grant = Callable[[str, int], Awaitable[ConnectionLease]]


class StuckCall(ScanFailure):
    """A job ran the same third-party code for too long, which had been interrupted in vain; its process was killed.

    ``what`` names the code, ``seconds`` is how long it ran at least.
    """

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(Cause.BUG, f"{what} did not end within {seconds:g} s, and its process was killed")
        self.what = what
        self.seconds = seconds


class _Job:
    """One function call in a worker, and the connections that were granted to it."""

    def __init__(
        self,
        worker: WorkerProcess,
        name: str,
        cancel_scope: CancelScope,
        grant: Grant,
        log_fields: Mapping[str, object] | None = None,
    ) -> None:
        self._worker = worker
        self._log_fields = log_fields
        self._name = name
        self._cancel_scope = cancel_scope
        self._grant = grant
        self._leases: dict[int, ConnectionLease] = {}
        self._granting: set[asyncio.Task[None]] = set()
        self._sending = asyncio.Lock()
        self.error: InspectorError | None = None

    @property
    def is_clean(self) -> bool:
        """Whether no connection is open or being granted."""
        return not self._leases and not self._granting

    async def run(self, head: dict[str, Any], payload: bytes, context: bytes) -> bytes | ScanFailure:
        """What the function returned, or the Trouble that it raised. Raises ScanFailure for every other end."""
        try:
            async with self._worker.receiving():
                if context != self._worker.context:
                    await self._send(Kind.CONTEXT, {}, context)
                    self._worker.context = context
                await self._send(Kind.JOB, head, payload)
                while True:
                    result = await self._handle(*await self._worker.receive())
                    if result is not None:
                        return result
        except EOFError:
            raise ScanFailure(Cause.BUG, f"{self._name} ended its process: {self._worker.describe_end()}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise ScanFailure(Cause.BUG, f"{self._name}: its process sent an invalid frame: {error}") from None

    async def _send(self, kind: Kind, head: dict[str, Any], body: bytes = b"") -> None:
        async with self._sending:
            await self._worker.send(pack(kind, head, body))

    async def _handle(self, kind: Kind, head: dict[str, Any], body: bytes) -> bytes | ScanFailure | None:
        match kind:
            case Kind.RESULT:
                return body
            case Kind.TROUBLE:
                return ScanFailure(Cause(head["cause"]), head["message"])
            case Kind.CONNECT_REQUEST:
                task = asyncio.create_task(self._answer(head["id"], head["address"], head["port"]))
                self._granting.add(task)
                task.add_done_callback(self._granting.discard)
            case Kind.CONNECTED:
                self._connected(self._leases[head["id"]], head["errno"])
            case Kind.CLOSED:
                lease = self._leases.pop(head["id"])
                lease.record.sent, lease.record.received = head["sent"], head["received"]
                lease.release()
            case Kind.LOG if self._log_fields is not None:
                log_lines.log(body, self._log_fields)
            case Kind.ERROR:
                raise ScanFailure(Cause.BUG, f"{self._name}: {head['error']}")
            case Kind.VIOLATION:
                raise GuardViolation(head["module"], head["what"])
            case _:
                raise ValueError(kind.name)
        return None

    async def _answer(self, number: int, address: str, port: int) -> None:
        """Grant one connection, or end the whole job: a scanner that misses one would draw the wrong conclusion."""
        try:
            self._leases[number] = await self._grant(address, port)
        except ScanFailure as failure:
            self._cancel_scope.cancel(failure)
            return
        except InspectorError as error:  # nothing more can be sent: it ends the inspection, not only the job
            self.error = error
            self._cancel_scope.cancel(ScanFailure(Cause.ABORTED, str(error)))
            return
        await self._send(Kind.CONNECT_GRANTED, {"id": number})

    def _connected(self, lease: ConnectionLease, code: int) -> None:
        """Record how a connection attempt ended: error number, 0 for success, below 0 for the socket's own timeout."""
        lease.permit.departed()
        if code not in (0, errno.EINPROGRESS):
            error = TimeoutError() if code < 0 else OSError(code, os.strerror(code))
            cause = cause_of(error)
            lease.record.result = cause.value
            lease.refused(ScanFailure(cause, str(error)))
            if cause is Cause.RESET:
                lease.permit.back_off()
        elif code == 0:
            lease.accepted()

    async def end(self) -> None:
        """Cancel what is still being granted, and account for what is still open."""
        for task in self._granting:
            task.cancel()
        if self._granting:
            await asyncio.wait(self._granting)
        for lease in self._leases.values():
            lease.permit.departed()  # the worker may have used it
            lease.release(self._cancel_scope.failure.cause if self._cancel_scope.failure else None)
        self._leases.clear()


#: How often it is read what a worker runs (seconds).
_WATCH_SECONDS = 0.5


async def _watch(worker: WorkerProcess, cancel_scope: CancelScope, seconds: float) -> None:
    """Cancel the job when one call that it names lasts longer than so many seconds."""
    loop = asyncio.get_running_loop()
    known, since = worker.current_call(), loop.time()
    while True:
        await asyncio.sleep(min(_WATCH_SECONDS, seconds / 4))
        running = worker.current_call()
        if running != known or not running[1]:
            known, since = running, loop.time()
        elif loop.time() - since > seconds:
            cancel_scope.cancel(StuckCall(running[1], seconds))


@asynccontextmanager
async def _watching(worker: WorkerProcess, cancel_scope: CancelScope, seconds: float | None) -> AsyncIterator[None]:
    """Within the body, the calls of the worker's job are limited to so many seconds each."""
    if seconds is None:
        yield
        return
    watching = asyncio.create_task(_watch(worker, cancel_scope, seconds), name="watch a worker")
    try:
        yield
    finally:
        watching.cancel()


async def _run(
    function: Callable[..., bytes],
    payload: bytes,
    *,
    context: bytes = b"",
    seconds: float,
    memory_bytes: int,
    cancel_scope: CancelScope,
    deadline: PausableDeadline,
    grant: Grant,
    network: bool,
    pool_name: str | None = None,
    call_seconds: float | None = None,
    log_fields: Mapping[str, object] | None = None,
) -> bytes:
    name = f"{function.__module__}.{function.__qualname__}"
    if function.__module__ == "__main__" or "<" in function.__qualname__:
        raise ScanFailure(Cause.BUG, f"{name} cannot be imported by a worker process: put it at the top of a module")
    head = {
        "function": f"{function.__module__}:{function.__qualname__}",
        "memory_bytes": memory_bytes,
        "network": network,
        "context": bool(context),
        "goes_on": pool_name is not None,
        "log_level": 0 if log_fields is None else _LOGGER.getEffectiveLevel(),
    }
    pool = pool_of(pool_name or function.__module__.partition(".")[0])
    slots = worker_slots(network=network, pool=pool_name)
    async with cancel_scope.within(None, ""):
        with deadline.paused():
            await slots.acquire()
    try:
        async with cancel_scope.within(None, ""):
            with deadline.paused():
                worker = await pool.take()
        job = _Job(worker, name, cancel_scope, grant, log_fields)
        is_reusable = False
        try:
            async with (
                deadline.within(seconds),
                _watching(worker, cancel_scope, call_seconds),
                cancel_scope.within(None, ""),
            ):
                result = await job.run(head, payload, context)
            # A scanner that gave up may have left threads behind, which would connect in the name of the next job.
            is_reusable = job.is_clean and not (network and isinstance(result, ScanFailure))
        except TimeoutError:
            raise ScanFailure(Cause.TIMEOUT, f"{name} did not end within {seconds:g} s") from None
        except ScanFailure:
            if job.error is not None:
                raise job.error from None
            if isinstance(cancel_scope.failure, StuckCall):
                raise cancel_scope.failure from None
            raise
        finally:
            if is_reusable:
                pool.give_back(worker)
            else:
                pool.end(worker)
            await job.end()
    finally:
        slots.release()
    if isinstance(result, ScanFailure):
        raise result
    return result


async def _no_grant(address: str, port: int) -> ConnectionLease:
    raise GuardViolation("a pure function", f"connect to {address} port {port}")


async def run_isolated(
    function: Callable[..., bytes],
    payload: bytes,
    *,
    timeout: float,
    memory_bytes: int = MEMORY_BYTES,
    context: bytes = b"",
    pool: str | None = None,
    call_seconds: float | None = None,
    log_fields: Mapping[str, object] | None = None,
) -> bytes:
    """Run an importable, pure ``function(payload)`` in a process that is killed at the timeout and opens no socket.

    With a ``context`` it is ``function(payload, context)``: what many jobs have in common is sent to a worker once.
    The jobs of a ``pool`` have one process of their own, in which no other job runs; there code that reaches for the
    network gets an exception, and the job goes on. ``call_seconds`` limits each call that the job names
    (``inspector.plugin.time_limits.named``), StuckCall is raised then. With ``log_fields`` what the core logs there is
    logged here, with those fields.
    Raises ScanFailure: timeout after ``timeout`` seconds, whatever Trouble the function raises, bug for every other
    exception, a crash, or a socket.
    """
    return await _run(
        function,
        payload,
        context=context,
        seconds=timeout,
        memory_bytes=memory_bytes,
        cancel_scope=CancelScope(),
        deadline=PausableDeadline(),
        grant=_no_grant,
        network=False,
        pool_name=pool,
        call_seconds=call_seconds,
        log_fields=log_fields,
    )


async def run_in_worker(
    session: ProbeSession, function: Callable[[bytes], bytes], payload: bytes, *, timeout: float
) -> bytes:
    """``Network.run_in_worker``: like ``run_isolated``, with connections to the target granted one by one. Raises
    ScanFailure.
    """
    session.check_gateway()
    deadline = PausableDeadline(session.deadline)
    module = function.__module__

    async def grant(address: str, port: int) -> ConnectionLease:
        if not session.is_target(address):
            violation = GuardViolation(
                module, f"connect to {address} port {port}, which is not the target's pinned address,"
            )
            session.violation = violation
            raise violation
        return await session.acquire(port, deadline)

    cancel_scope = session.admission.cancel_scope(session.request_context)
    try:
        return await _run(
            function,
            payload,
            seconds=timeout,
            memory_bytes=SCANNER_MEMORY_BYTES,
            cancel_scope=cancel_scope,
            deadline=deadline,
            grant=grant,
            network=True,
        )
    except GuardViolation as violation:
        session.violation = violation
        raise
    finally:
        session.admission.drop(cancel_scope)
