"""UDP client: one datagram to a port of the target, and the datagrams that come back from there."""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network.access.addresses import canonical_address
from inspector.network.access.os_errors import failure_from
from inspector.network.guard.audit_hook import allow_socket
from inspector.network.transport.sockets import SocketDeadline, connect, socket_for

if TYPE_CHECKING:
    from inspector.network.pacing.admission import ConnectionLease
    from inspector.network.session import ProbeSession

#: The protocol of a UDP question in the ledger.
UDP: Final = "udp"
#: Datagrams read for one question, those of other senders included.
_DATAGRAMS = 64
#: How long a datagram is waited for that comes behind a rejection: one of a device on the way overtakes the target.
_AFTER_REJECTION_SECONDS: Final = 0.25
#: Rejections by a device on the path: ICMP type 3 (RFC 792, RFC 1812 §5.2.7.1) and ICMPv6 type 1 (RFC 4443 §3.1).
_PROHIBITED = {socket.AF_INET: frozenset({9, 10, 13}), socket.AF_INET6: frozenset({1, 5, 6})}
#: Level, option and type of the ICMP message that is put into a socket's error queue (Linux: ip(7), ipv6(7)).
_QUEUES = {socket.AF_INET: (0, 11, 3), socket.AF_INET6: (41, 25, 1)}
#: ``struct sock_extended_err``: error, origin, type, code, three more; the address of the sender follows.
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
#: Where a sender's address begins in ``sockaddr_in`` and ``sockaddr_in6``, and its length.
_SENDER = {socket.AF_INET: (4, 4), socket.AF_INET6: (8, 16)}


class _Icmp(NamedTuple):
    """An ICMP error: its code, and who sent it."""

    code: int
    sender: str


async def ask(
    session: ProbeSession,
    port: int,
    sent: bytes,
    is_answer: Callable[[bytes], bool],
    *,
    replies: int,
    timeout: float,
    allowance: int,
    from_any_port: bool,
) -> tuple[bytes, ...]:
    """``Network.udp``: one question for a scan.

    A datagram wins over a rejection before or after it: only what listens at the port sends one, and anybody rejects.
    """
    lease = await session.acquire(port, protocol=UDP)
    address = canonical_address(session.target.address)
    where = f"{address} port {port}/udp"
    reachability = session.admission.reachability(address)
    sock = await _opened(lease, address, port, timeout, connected=not from_any_port)
    cause: Cause | None = None
    received: list[bytes] = []
    rejection: ScanFailure | None = None
    deadline = SocketDeadline(timeout)
    try:
        async with lease.cancel_scope.within(None, f"{where}: no answer within {timeout:g} s"):
            lease.record.sent += _send(sock, sent, address, port, connected=not from_any_port)
            for _event in range(_DATAGRAMS):
                try:
                    data, sender, sender_port = await _received(sock, deadline)
                except TimeoutError:
                    break
                except OSError as error:
                    if rejection is None:
                        rejection = _rejected(sock, error, address, where)
                        deadline = SocketDeadline(min(timeout, _AFTER_REJECTION_SECONDS))
                    continue
                if canonical_address(sender) != address or (sender_port != port and not is_answer(data)):
                    continue
                reachability.swept((), heard=True)
                lease.record.received += len(data)
                received.append(data)
                if is_answer(data) or len(received) >= replies or lease.record.received >= allowance:
                    break
        if not received:
            if rejection is not None:
                reachability.swept((), heard=rejection.cause is Cause.REFUSED)
            raise rejection or ScanFailure(Cause.TIMEOUT, f"{where}: no answer within {timeout:g} s")
        return tuple(received)
    except OSError as error:
        failure = failure_from(error, where)
        cause = failure.cause
        raise failure from None
    except ScanFailure as failure:
        cause = failure.cause
        raise
    finally:
        sock.close()
        lease.release(cause)


async def _opened(lease: ConnectionLease, address: str, port: int, timeout: float, *, connected: bool) -> socket.socket:
    """A socket that reports ICMP errors with their senders where the system can; connected, or free to hear any port.

    Raises ScanFailure; the lease has then been released.
    """
    if connected:
        sock = await connect(lease, address, port, socket.SOCK_DGRAM, timeout=timeout)
    else:
        sock = socket_for(address, socket.SOCK_DGRAM)
        lease.permit.departed()
    if sys.platform == "linux":
        level, option, _type = _QUEUES[sock.family]
        sock.setsockopt(level, option, 1)
    return sock


def _send(sock: socket.socket, sent: bytes, address: str, port: int, *, connected: bool) -> int:
    if connected:
        return sock.send(sent)
    with allow_socket(sock):
        return sock.sendto(sent, (address, port))


async def _received(sock: socket.socket, deadline: SocketDeadline) -> tuple[bytes, str, int]:
    """The next datagram, and its sender's address and port. Raises OSError."""
    while True:
        try:
            data, sender = sock.recvfrom(65535)
            return data, str(sender[0]), int(sender[1])
        except (BlockingIOError, InterruptedError):
            await deadline.readable(sock)


def _rejected(sock: socket.socket, error: OSError, address: str, where: str) -> ScanFailure:
    """The failure that an error of the socket stands for.

    Only the target itself can say that nothing listens: from any other device a rejection is that of a filter.
    """
    icmp = _icmp_error(sock)
    if icmp is None:
        return failure_from(error, where)
    if icmp.code in _PROHIBITED[sock.family]:
        return ScanFailure(Cause.BLOCKED, f"{where}: {icmp.sender} rejects the packet (ICMP code {icmp.code})")
    if error.errno == errno.ECONNREFUSED and icmp.sender != address:
        return ScanFailure(Cause.BLOCKED, f"{where}: {icmp.sender} rejects the packet in place of the target")
    return failure_from(error, where)


def _icmp_error(sock: socket.socket) -> _Icmp | None:
    """The ICMP error in the error queue of the socket, or None."""
    if sys.platform != "linux":
        return None
    level, option, unreachable = _QUEUES[sock.family]
    try:
        _data, ancillary, _flags, _address = sock.recvmsg(0, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
    except OSError:
        return None
    for each_level, each_option, value in ancillary:
        begin, length = (_EXTENDED_ERROR.size + _SENDER[sock.family][0], _SENDER[sock.family][1])
        if (each_level, each_option) != (level, option) or len(value) < begin + length:
            continue
        _errno, _origin, kind, code, *_rest = _EXTENDED_ERROR.unpack_from(value)
        if kind == unreachable:
            return _Icmp(code, str(ipaddress.ip_address(value[begin : begin + length])))
    return None
