"""One TLS handshake with sslyze's connection, on a socket that remembers what the server said first.

Imported in the worker process only. What sslyze makes of a failure is not relied upon: the bytes received and the way
the connection ended are kept, and judged elsewhere.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from importlib.metadata import version as version_of
from typing import Any

from nassl import _nassl
from nassl.ssl_client import ClientCertificateRequested
from sslyze.connection_helpers.tls_connection import NoCiphersAvailableBugInSSlyze, SslConnection
from sslyze.errors import ConnectionToServerFailed, TlsHandshakeFailed
from sslyze.server_connectivity import TlsVersionEnum
from sslyze.server_setting import ServerNetworkConfiguration, ServerNetworkLocation

from inspector_tls.observations import TlsVersion
from inspector_tls.replies import KEPT_BYTES, Attempt, End, Stack
from inspector_tls.scan import Order

_SSLYZE = dict(zip(TlsVersion, sorted(TlsVersionEnum, key=lambda each: each.value), strict=True))
#: What a handshake may fail with besides the socket's own troubles.
_FAILURES = (
    ClientCertificateRequested,
    ConnectionToServerFailed,
    NoCiphersAvailableBugInSSlyze,
    TlsHandshakeFailed,
    ValueError,
    _nassl.OpenSSLError,
)
_EVERY_SUITE = {Stack.MODERN: "ALL:COMPLEMENTOFALL:@SECLEVEL=0", Stack.LEGACY: "ALL:COMPLEMENTOFALL"}


def tools() -> dict[str, str]:
    """The versions of what makes the handshakes."""
    return {name: version_of(name) for name in ("sslyze", "nassl")}


class _Line:
    """A connected socket with a deadline over all its reads; it keeps the first bytes and how it ended."""

    def __init__(self, connected: socket.socket, seconds: float) -> None:
        self.socket = connected
        self.deadline = time.monotonic() + seconds
        self.received = b""
        self.end: End | None = None

    def recv(self, size: int) -> bytes:
        """The next bytes, as ``socket.recv``."""
        with self._watched():
            data = self.socket.recv(size)
        self.received += data[: KEPT_BYTES - len(self.received)]
        self.end = None if data else End.CLOSED
        return data

    def send(self, data: bytes) -> int:
        """Send all of ``data``."""
        with self._watched():
            self.socket.sendall(data)
        return len(data)

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        self.socket.settimeout(max(0.001, self.deadline - time.monotonic()))
        try:
            yield
        except TimeoutError:
            self.end = End.TIMEOUT
            raise
        except OSError:
            self.end = End.RESET
            raise

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()


class _Connection(SslConnection):
    """sslyze's connection over a socket that is already open."""

    def __init__(self, line: _Line, **settings: Any) -> None:
        super().__init__(**settings)
        self.line = line

    def _do_pre_handshake(self) -> None:
        self.ssl_client.set_underlying_socket(self.line)  # type: ignore[arg-type]  # it uses send, recv and close


class Client:
    """Makes handshakes with one server."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.seconds_left: float = order.all_seconds

    def shake(self, version: TlsVersion, stack: Stack) -> Attempt:
        """Make one handshake: what was seen."""

        def attempt(end: End, *, received: bytes = b"", note: str = "") -> Attempt:
            return Attempt(version=version, stack=stack, end=end, received=received, note=note)

        seconds = self.order.answer_seconds
        try:
            connected = socket.create_connection((self.order.address, self.order.port), timeout=seconds)
        except TimeoutError:
            self.seconds_left -= seconds
            return attempt(End.TIMEOUT)
        except ConnectionRefusedError:
            return attempt(End.REFUSED)
        except ConnectionError:
            return attempt(End.RESET)
        except OSError as error:
            return attempt(End.UNREACHABLE, note=str(error))
        began = time.monotonic()
        with contextlib.closing(_Line(connected, seconds)) as line:
            connection = self._connection(line, version, stack)
            note = _connect(connection)
            end = line.end or (End.STOPPED if note else End.DONE)
            with contextlib.suppress(*_FAILURES, OSError):
                connection.close()
        self.seconds_left -= time.monotonic() - began
        return attempt(end, received=line.received, note=note)

    def _connection(self, line: _Line, version: TlsVersion, stack: Stack) -> _Connection:
        order = self.order
        connection = _Connection(
            line,
            server_location=ServerNetworkLocation(order.address, order.port, ip_address=order.address),
            network_configuration=ServerNetworkConfiguration(order.server_name or ""),
            tls_version=_SSLYZE[version],
            should_ignore_client_auth=False,
            should_use_legacy_openssl=stack is Stack.LEGACY,
            should_enable_server_name_indication=order.server_name is not None,
        )
        client = connection.ssl_client
        if version is not TlsVersion.SSL_2:
            client.set_cipher_list(_EVERY_SUITE[stack])
        return connection


def _connect(connection: _Connection) -> str:
    """Do the handshake; what went wrong in the words of the library, or nothing."""
    try:
        connection.connect(should_retry_connection=False)
    except _FAILURES as error:
        return f"{type(error).__name__}: {error}".strip()[:300]
    except OSError as error:
        return f"{type(error).__name__}: {error}".strip()[:300]
    return ""
