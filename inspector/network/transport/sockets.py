"""Non-blocking sockets, connected under a lease."""

from __future__ import annotations

import asyncio
import errno
import os
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
        async with lease.cancel_scope.within(timeout, f"{where}: no answer to the connection within {timeout:g} s"):
            with allow_socket(sock):
                code = sock.connect_ex((canonical_address(address), port))
            lease.permit.departed()
            if code == errno.EINPROGRESS:
                await writable(sock.fileno())
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
