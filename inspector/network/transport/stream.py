"""One TCP connection under a lease, in clear or under TLS, bounded in bytes and time."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network.access.os_errors import cause_of, failure_from
from inspector.network.pacing.admission import ConnectionLease
from inspector.network.redaction import shown
from inspector.network.transport.sockets import SocketDeadline

T = TypeVar("T")

_CHUNK = 65536
#: Greetings of servers that refuse a client for too many connections: SMTP and FTP 421 (RFC 5321 §3.8, RFC 959 §4.2),
#: OpenSSH's MaxStartups, databases.
_RATE_LIMITED = re.compile(rb"\A421[ -]|Exceeded MaxStartups|[Tt]oo many (connections|requests)|[Rr]ate limit")
_GREETING_BYTES = 512
#: Bytes of a handshake in which a request for a certificate is looked for.
_FLIGHT_BYTES = 65536
_HANDSHAKE, _CERTIFICATE_REQUEST = 22, 13
#: Alerts by which servers refuse a client without a certificate (RFC 5246 §7.2.2).
_CERTIFICATE_ALERTS = re.compile(r"_ALERT_(HANDSHAKE_FAILURE|.*CERTIFICATE)")


#: What the failure says where a server demands a certificate of the client.
DEMANDS_CERTIFICATE = "demands a certificate of the client"


def is_rate_limited(greeting: bytes) -> bool:
    """Whether the greeting refuses the client for too many connections or requests."""
    return _RATE_LIMITED.search(greeting[:_GREETING_BYTES]) is not None


def _requests_certificate(flight: bytes) -> bool:
    """Whether a server's first flight of TLS 1.2 or older has a CertificateRequest (RFC 5246 §7.4.4)."""
    messages = bytearray()
    while len(flight) >= 5 and flight[0] == _HANDSHAKE:
        size = int.from_bytes(flight[3:5], "big")
        messages += flight[5 : 5 + size]
        flight = flight[5 + size :]
    at = 0
    while at + 4 <= len(messages):
        if messages[at] == _CERTIFICATE_REQUEST:
            return True
        at += 4 + int.from_bytes(messages[at + 1 : at + 4], "big")
    return False


class Stream:
    """A connection to read from and write to, each step bounded in bytes and seconds.

    ``allowance`` bounds the bytes that are read in all; ``truncated`` is set when it was met and more is left unread.
    Every step raises ScanFailure: timeout, reset, rate-limited, blocked where the server demands a certificate of the
    client, or the cause for which the gateway cancelled it.
    """

    def __init__(self, sock: socket.socket, lease: ConnectionLease, where: str, allowance: int) -> None:
        self.truncated = False
        self._socket = sock
        self._lease = lease
        self._where = where
        self._left = allowance
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._flight = bytearray()
        lease.cancel_scope.on_cancel(self._shut)

    # --- reading and writing ---

    async def read(self, limit: int = 65536, *, timeout: float = 10.0) -> bytes:
        """At most ``limit`` bytes as soon as some arrive; ``b""`` at the end of the stream."""
        if self._left <= 0:
            self.truncated = True
            return b""
        is_greeting = not self._lease.record.sent
        async with self._lease.cancel_scope.within(None, f"{self._where} sent nothing for {timeout:g} s"):
            data = await self._receive(min(limit, self._left), SocketDeadline(timeout))
        self._left -= len(data)
        if is_greeting and is_rate_limited(data):
            self._lease.permit.back_off(on_request=True)
            raise ScanFailure(Cause.RATE_LIMITED, f"{self._where} refused us for too many connections: {shown(data)}")
        return data

    async def write(self, data: bytes, *, timeout: float = 10.0) -> None:
        """Send all of ``data``; ``timeout`` bounds the whole of it."""
        deadline = SocketDeadline(timeout)
        async with self._lease.cancel_scope.within(None, f"{self._where} accepted no data for {timeout:g} s"):
            if self._tls is None:
                await self._send(data, deadline)
                return
            rest = memoryview(data)
            while rest:
                rest = rest[await self._run_step(partial(self._tls.write, rest), deadline) :]

    async def _receive(self, limit: int, deadline: SocketDeadline) -> bytes:
        tls = self._tls
        if tls is None:
            return await self._recv(limit, deadline)
        try:
            return await self._run_step(partial(tls.read, limit), deadline)
        except ScanFailure as failure:
            if isinstance(failure.__cause__, ssl.SSLZeroReturnError | ssl.SSLEOFError):
                return b""
            raise

    async def _recv(self, limit: int, deadline: SocketDeadline) -> bytes:
        while True:
            try:
                data = self._socket.recv(limit)
            except (BlockingIOError, InterruptedError):
                await deadline.readable(self._socket)
            except OSError as error:
                raise self._failed(error) from None
            else:
                self._lease.record.received += len(data)
                return data

    async def _send(self, data: bytes, deadline: SocketDeadline) -> None:
        rest = memoryview(data)
        while rest:
            try:
                sent = self._socket.send(rest)
            except (BlockingIOError, InterruptedError):
                await deadline.writable(self._socket)
            except OSError as error:
                raise self._failed(error) from None
            else:
                rest = rest[sent:]
                self._lease.record.sent += sent

    def _failed(self, error: OSError) -> ScanFailure:
        self._lease.cancel_scope.check()
        cause = cause_of(error)
        self._lease.record.result = cause.value
        if cause is Cause.RESET:
            self._lease.permit.back_off()
        return failure_from(error, self._where)

    def slow_down(self, seconds: float = 0.0) -> None:
        """Back off for at least so many seconds: the server asked for fewer requests, in its own protocol."""
        self._lease.permit.back_off(on_request=True, seconds=seconds)

    # --- TLS ---

    async def start_tls(self, context: ssl.SSLContext, server_name: str | None, *, timeout: float = 10.0) -> None:
        """Do a TLS handshake; ``server_name``, in A-labels, is sent as SNI unless it is an address (RFC 6066 §3)."""
        if self._tls is not None:
            raise ScanFailure(Cause.BUG, f"{self._where}: TLS was started twice")
        try:
            # As bytes: of text, the ssl module makes A-labels of IDNA 2003, which may be another host's.
            name = None if server_name is None else server_name.encode("ascii")
            tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        except ValueError as error:
            raise ScanFailure(Cause.BUG, f"{server_name!r} cannot be sent as SNI: {error}") from None
        async with self._lease.cancel_scope.within(None, f"{self._where}: no TLS handshake within {timeout:g} s"):
            await self._run_step(tls.do_handshake, SocketDeadline(timeout))
        self._tls = tls

    async def _run_step(self, step: Callable[[], T], deadline: SocketDeadline) -> T:
        """Repeat a TLS step until it is done, and move bytes between the TLS engine and the socket meanwhile."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                await self._flush(deadline)
                data = await self._recv(_CHUNK, deadline)
                if data:
                    if self._tls is None:
                        self._flight += data[: _FLIGHT_BYTES - len(self._flight)]
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError as error:
                await self._flush(deadline, last=True)
                reason = error.reason or str(error)
                if self._demands_certificate(reason):
                    self._lease.record.result = Cause.BLOCKED.value
                    raise ScanFailure(Cause.BLOCKED, f"{self._where} {DEMANDS_CERTIFICATE}: {reason}") from error
                self._lease.record.result = Cause.PROTOCOL_ERROR.value
                raise ScanFailure(Cause.PROTOCOL_ERROR, f"{self._where}: TLS: {reason}") from error
            else:
                await self._flush(deadline)
                return result

    def _demands_certificate(self, reason: str) -> bool:
        """Whether an alert ended TLS because the client has no certificate.

        In TLS 1.3 an alert of its own says so (RFC 8446 §6.2); before, a refusal after the request for one does.
        """
        if reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED":
            return True
        is_refusal = self._tls is None and _CERTIFICATE_ALERTS.search(reason) is not None
        return is_refusal and _requests_certificate(bytes(self._flight))

    async def _flush(self, deadline: SocketDeadline, *, last: bool = False) -> None:
        if self._outgoing.pending:
            try:
                await self._send(self._outgoing.read(), deadline)
            except (ScanFailure, TimeoutError):
                if not last:
                    raise

    @property
    def ssl_object(self) -> ssl.SSLObject | None:
        """The TLS state after ``start_tls``, None before."""
        return self._tls

    # --- ending ---

    def _shut(self) -> None:
        """The gateway cancelled it: shut the socket down in both directions."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        failure = self._lease.cancel_scope.failure
        self._lease.release(failure.cause if failure else None)

    async def close(self) -> None:
        """Close the connection; never raises."""
        if self._socket.fileno() < 0:
            return
        try:
            if self._tls is not None and self._lease.cancel_scope.failure is None:
                self._send_close_notify(self._tls)
        finally:
            self._socket.close()
            self._lease.cancel_scope.on_cancel(None)
            self._lease.release()

    def _send_close_notify(self, tls: ssl.SSLObject) -> None:
        """Send a close_notify alert if the socket accepts it at once (RFC 8446 §6.1)."""
        with suppress(ssl.SSLError, ValueError):
            tls.unwrap()
        with suppress(OSError):
            if self._outgoing.pending:
                self._lease.record.sent += self._socket.send(self._outgoing.read())
