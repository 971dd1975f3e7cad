"""One round trip on a connection of its own: connect, send, receive until it is enough, close; bounded and counted.

What ``Stream`` does in several awaited steps is one here, driven by socket events with one timer and no task: most of
what a TLS enumeration costs is the opening and closing of connections. The lease is the same as for every connection.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from contextvars import copy_context
from enum import Enum, auto

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network.access.addresses import canonical_address
from inspector.network.access.os_errors import failure_from
from inspector.network.guard import audit_hook as guard
from inspector.network.pacing.admission import ConnectionLease
from inspector.network.redaction import shown
from inspector.network.socket_events import SocketEvents
from inspector.network.transport.sockets import is_ready, socket_for
from inspector.network.transport.stream import is_rate_limited

_CHUNK = 16_384
#: What send(2) fails with on a socket that is not connected yet, by system.
_NOT_YET = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOTCONN, errno.EINPROGRESS})


class RoundTripEnd(Enum):
    """How a round trip ended: enough was received, the server closed before, or the bound on bytes was met."""

    ENOUGH = auto()
    CLOSED = auto()
    TRUNCATED = auto()


class RoundTrip:
    """One round trip.

    ``received`` is called with the bytes of every read and returns whether they are enough. Connecting and answering
    may take ``timeout`` seconds each; ``allowance`` bounds the bytes that are read in all. What the socket has when the
    time is up counts, and the time that the event loop was late is added (``sockets.SocketDeadline``).
    """

    __slots__ = (
        "_cause",
        "_connected",
        "_context",
        "_done",
        "_events",
        "_is_put_off",
        "_lease",
        "_left",
        "_loop",
        "_received",
        "_rest",
        "_socket",
        "_timeout",
        "_until",
        "_where",
    )

    def __init__(
        self,
        lease: ConnectionLease,
        socket_events: SocketEvents,
        sent: bytes,
        received: Callable[[bytes], bool],
        *,
        timeout: float,
        allowance: int,
    ) -> None:
        self._lease = lease
        self._events = socket_events
        self._where = ""
        self._rest = sent
        self._received = received
        self._timeout = timeout
        self._left = allowance
        self._connected = False
        self._cause: Cause | None = None
        self._context = copy_context()
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[RoundTripEnd] = self._loop.create_future()
        self._until = 0.0
        self._is_put_off = False
        self._socket: socket.socket | None = None

    async def run(self, address: str, port: int) -> RoundTripEnd:
        """Do the round trip, and close. Raises ScanFailure, and whatever ``received`` raises."""
        cause: Cause | None = Cause.ABORTED
        try:
            try:
                self._begin(address, port)
            except OSError as error:
                self._fail(error)
            ending = await self._done
            cause = None
            return ending
        except ScanFailure as failure:
            cause = self._cause or failure.cause
            raise
        finally:
            self._end(cause)

    def cancel(self) -> None:
        """The gateway cancelled it: close the connection at once."""
        failure = self._lease.cancel_scope.failure or ScanFailure(Cause.ABORTED, f"{self._where}: cancelled")
        if not self._done.done():
            self._done.set_exception(ScanFailure(failure.cause, failure.message))
        self._end(failure.cause)

    async def close(self) -> None:
        """Cancel it because the scan that began it has ended."""
        self._lease.cancel_scope.cancel(ScanFailure(Cause.ABORTED, f"{self._where}: the scan ended"))

    # --- the steps ---

    def _begin(self, address: str, port: int) -> None:
        self._where = f"{address} port {port}"
        self._lease.cancel_scope.check()
        self._lease.cancel_scope.on_cancel(self.cancel)
        sock = self._socket = socket_for(address, socket.SOCK_STREAM)
        code = guard.connect(sock, canonical_address(address), port)
        self._lease.permit.departed()
        if code and code != errno.EINPROGRESS:
            self._fail(OSError(code, os.strerror(code)))
            return
        self._until = self._loop.time() + self._timeout
        self._events.call_at(sock.fileno(), self._until, self._time_is_up)
        self._write()

    def _write(self) -> None:
        """Send what is left; on loopback the connection is established at once."""
        sock = self._socket
        if sock is None:
            return
        try:
            sent = sock.send(self._rest)
        except OSError as error:
            if error.errno not in _NOT_YET:
                self._fail(error)
            else:
                self._events.writable(sock.fileno(), self._writable)
            return
        self._accept()
        self._lease.record.sent += sent
        self._rest = self._rest[sent:]
        if self._rest:
            self._events.writable(sock.fileno(), self._writable)
        else:
            self._events.readable(sock.fileno(), self._readable)

    def _writable(self) -> None:
        sock = self._socket
        if sock is None or self._done.done():
            return
        if not self._connected:
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                self._fail(OSError(code, os.strerror(code)))
                return
            self._accept()
            self._until = self._loop.time() + self._timeout
        self._write()

    def _accept(self) -> None:
        """The server accepted the connection, if that is new."""
        if not self._connected:
            self._connected = True
            self._lease.accepted()

    def _readable(self) -> None:
        sock = self._socket
        if sock is None or self._done.done():
            return
        try:
            data = sock.recv(min(_CHUNK, self._left))
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._fail(error)
            return
        if not data:
            self._done.set_result(RoundTripEnd.CLOSED)
            return
        record = self._lease.record
        is_first = not record.received
        record.received += len(data)
        self._left -= len(data)
        if is_first and data.isascii() and is_rate_limited(data):
            self._lease.permit.back_off(on_request=True)
            failure = ScanFailure(
                Cause.RATE_LIMITED, f"{self._where} refused us for too many connections: {shown(data)}"
            )
            self._done.set_exception(failure)
            return
        try:
            is_enough = self._context.run(self._received, data)
        except Exception as error:  # noqa: BLE001  # raised where the round trip is awaited
            self._done.set_exception(error)
            return
        if is_enough:
            self._done.set_result(RoundTripEnd.ENOUGH)
        elif self._left <= 0:
            self._done.set_result(RoundTripEnd.TRUNCATED)

    def _time_is_up(self) -> None:
        """A timer ran out: that of the connection attempt (the answer has a time of its own), or that of the answer."""
        now, due = self._loop.time(), self._until
        if now >= due and self._look() and now >= self._until and not self._is_put_off:
            self._is_put_off = True
            self._until = now + min(now - due, self._timeout)
        if self._done.done() or self._socket is None:
            return
        if now < self._until:
            self._events.call_at(self._socket.fileno(), self._until, self._time_is_up)
        else:
            what = "sent nothing" if self._connected else "no answer to the connection"
            self._fail_with(ScanFailure(Cause.TIMEOUT, f"{self._where}: {what} within {self._timeout:g} s"))

    def _look(self) -> bool:
        """Go on with what the socket has now; whether there was anything."""
        before = self._state
        while self._socket is not None and not self._done.done():
            to_write, known = not self._connected or bool(self._rest), self._state
            if not is_ready(self._socket.fileno(), to_write=to_write):
                break
            if to_write:
                self._writable()
            else:
                self._readable()
            if self._state == known:
                break
        return self._state != before

    @property
    def _state(self) -> tuple[bool, int, int]:
        """How far it has come: connected, bytes to send, bytes received."""
        return self._connected, len(self._rest), self._lease.record.received

    def _fail(self, error: OSError) -> None:
        if not self._done.done():
            self._fail_with(failure_from(error, self._where))

    def _fail_with(self, failure: ScanFailure) -> None:
        self._cause = failure.cause  # the ledger has what happened, the scan what it means
        self._done.set_exception(failure if self._connected else self._lease.refused(failure))

    # --- the end ---

    def _close(self) -> None:
        sock, self._socket = self._socket, None
        if sock is None:
            return
        self._events.unregister(sock.fileno())
        sock.close()

    def _end(self, cause: Cause | None) -> None:
        self._close()
        self._lease.cancel_scope.on_cancel(None)
        self._lease.release(cause)
