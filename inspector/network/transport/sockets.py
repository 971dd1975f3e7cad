"""Non-blocking sockets, connected under a lease, and how long a step waits for one.

A busy event loop comes late to its sockets: an answer may lie unread when the timer of its step runs out. So a timeout
is believed only after a last look at the socket. Time limits of ``asyncio`` cannot do that: they cancel the task that
waits, and with it what it has just received.
"""

from __future__ import annotations

import asyncio
import errno
import os
import select
import socket

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network.access.addresses import canonical_address, parse_address
from inspector.network.access.os_errors import cause_of, failure_from
from inspector.network.guard.audit_hook import allow_socket
from inspector.network.pacing.admission import ConnectionLease

#: Set when the socket is made where the system can, which saves a call.
_NON_BLOCKING: int = getattr(socket, "SOCK_NONBLOCK", 0)


def socket_for(address: str, kind: socket.SocketKind) -> socket.socket:
    """A non-blocking socket of the address's family. Raises ScanFailure (bug) when it is no address."""
    found = parse_address(address)
    if found is None:
        raise ScanFailure(Cause.BUG, f"{address!r} is no address")
    sock = socket.socket(socket.AF_INET6 if found.version == 6 else socket.AF_INET, kind | _NON_BLOCKING)
    if not _NON_BLOCKING:
        sock.setblocking(False)
    return sock


async def connect(
    lease: ConnectionLease, address: str, port: int, kind: socket.SocketKind, *, timeout: float
) -> socket.socket:
    """A connected socket. Raises ScanFailure; the lease has then been released."""
    where = f"{address} port {port}"
    sock = None
    try:
        sock = socket_for(address, kind)
        async with lease.cancel_scope.within(None, f"{where}: no answer to the connection within {timeout:g} s"):
            with allow_socket(sock):
                code = sock.connect_ex((canonical_address(address), port))
            lease.permit.departed()
            if code == errno.EINPROGRESS:
                await SocketDeadline(timeout).writable(sock)
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, os.strerror(code))
    except BaseException as error:
        if sock is not None:
            sock.close()
        if isinstance(error, OSError):
            lease.release(cause_of(error))
            raise lease.refused(failure_from(error, where)) from None
        if not isinstance(error, ScanFailure):
            lease.release(Cause.ABORTED)
            raise
        lease.release(error.cause)
        raise lease.refused(error) from None
    lease.accepted()
    return sock


def is_ready(descriptor: int, *, to_write: bool) -> bool:
    """Whether ``descriptor`` can be read from, or written to, at once; also at its end, and where it has an error."""
    look = select.poll()
    look.register(descriptor, select.POLLOUT if to_write else select.POLLIN)
    return bool(look.poll(0))


class SocketDeadline:
    """How long one step may wait for its socket: so many seconds from now.

    What the socket has when the time is up counts, however late the event loop is. As the peer may then have to answer
    once more, the time that the loop was late is added, once, and at most as many seconds again.
    """

    __slots__ = ("_at", "_is_put_off", "_loop", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._at = self._loop.time() + seconds
        self._is_put_off = False

    async def readable(self, sock: socket.socket) -> None:
        """Return when ``sock``, which had nothing to read, has something. Raises TimeoutError."""
        await self._wait(sock.fileno(), to_write=False)

    async def writable(self, sock: socket.socket) -> None:
        """Return when ``sock``, which took no data, takes some or has an error. Raises TimeoutError."""
        await self._wait(sock.fileno(), to_write=True)

    async def _wait(self, descriptor: int, *, to_write: bool) -> None:
        loop = self._loop
        if loop.time() >= self._at:  # the caller has just looked
            raise TimeoutError
        ready = loop.create_future()
        watch, unwatch = (loop.add_writer, loop.remove_writer) if to_write else (loop.add_reader, loop.remove_reader)
        watch(descriptor, _wake, ready)
        timer = loop.call_at(self._at, _look, ready, descriptor, to_write)
        try:
            await ready
        finally:
            timer.cancel()
            unwatch(descriptor)
        now = loop.time()
        if now > self._at and not self._is_put_off:
            self._is_put_off = True
            self._at = now + min(now - self._at, self._seconds)


def _look(ready: asyncio.Future[None], descriptor: int, to_write: bool) -> None:
    """The time is up: look at the descriptor once more."""
    if ready.done():
        return
    if is_ready(descriptor, to_write=to_write):
        ready.set_result(None)
    else:
        ready.set_exception(TimeoutError())


async def writable(descriptor: int) -> None:
    """Return when ``descriptor`` can be written to or has an error."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_writer(descriptor, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_writer(descriptor)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
