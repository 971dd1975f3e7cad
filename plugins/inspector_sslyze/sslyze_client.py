"""sslyze's scan commands on connections that record their bytes and end. Imported in the worker process only."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version as version_of
from types import MethodType
from typing import Any

from nassl._nassl import WantReadError
from nassl.ephemeral_key_info import OpenSslEcNidEnum as Curve
from nassl.ssl_client import SslClient
from sslyze.connection_helpers.tls_connection import SslConnection
from sslyze.plugins.early_data_plugin import EarlyDataImplementation
from sslyze.plugins.heartbleed_plugin import HeartbleedImplementation
from sslyze.plugins.openssl_ccs_injection_plugin import OpenSslCcsInjectionImplementation
from sslyze.plugins.plugin_base import ScanJobResult
from sslyze.plugins.robot._robot_tester import ServerDoesNotSupportRsa
from sslyze.plugins.robot.implementation import RobotImplementation
from sslyze.plugins.session_renegotiation_plugin import SessionRenegotiationImplementation
from sslyze.server_connectivity import ClientAuthRequirementEnum, ServerTlsProbingResult, TlsVersionEnum
from sslyze.server_setting import ServerNetworkConfiguration, ServerNetworkLocation

from inspector import ScanFailure
from inspector_sslyze.recorded_bytes import FirstFlight, is_hello_done, retry_group
from inspector_sslyze.results import NOT_OFFERED, Command, CommandRun, ConnectionEnd, ConnectionTrace, VulnerabilityJob
from inspector_tls.enumeration import hello_profiles as offers
from inspector_tls.starttls.negotiation import Names, Negotiation, needs_negotiation
from inspector_tls.wire.client_hello import encode
from inspector_tls.wire.records import without_text
from inspector_tls.wire.server_flight import FLIGHT_BYTES, Flight
from inspector_tls.wire.versions import TlsVersion

#: The versions as sslyze names them.
SSLYZE = dict(zip(TlsVersion, sorted(TlsVersionEnum, key=lambda each: each.value), strict=True))
_KEPT_BYTES = FLIGHT_BYTES
#: Application data in clear text, which no server accepts at any point of a handshake.
_PROBE_RECORD = b"\x17\x03\x01\x00\x01\x00"
_PROBE_AFTER_SECONDS = 1.0
#: Seconds in which a server may reject a premature ChangeCipherSpec before the next record follows.
_EARLY_ANSWER_SECONDS = 1.0
#: Connections without an answer after which a command is given up: they are inconclusive, and take the longest.
_MAX_TIMEOUTS = 2
#: Seconds without data after which a server has sent everything that it sends unasked, and the most reads of it.
_GREETING_SECONDS, _MAX_GREETING_READS = 1.0, 16
_CHANGE_CIPHER_SPEC = b"\x14"
#: Every suite without a password, those without encryption last, per kind of OpenSSL (True: the legacy one).
_SUITES = {True: "ALL:COMPLEMENTOFALL:-PSK:-SRP:+eNULL", False: "ALL:COMPLEMENTOFALL:-PSK:-SRP:+eNULL:@SECLEVEL=0"}

#: The groups of TLS 1.3 as nassl names them (RFC 8446 §4.2.7).
_GROUPS = {23: Curve.SECP256R1, 24: Curve.SECP384R1, 25: Curve.SECP521R1, 29: Curve.X25519, 30: Curve.X448}

#: The curves of TLS 1.2 (the legacy OpenSSL offers all by itself).
_USUAL_GROUPS = (Curve.X25519, Curve.SECP256R1, Curve.X448, Curve.SECP521R1, Curve.SECP384R1)
_RARE_GROUPS = sorted(Curve.get_supported_by_ssl_client() - {*_USUAL_GROUPS})

#: The scan command, and the field of its result that is kept.
_COMMANDS: dict[Command, tuple[Any, str]] = {
    Command.HEARTBLEED: (HeartbleedImplementation, "is_vulnerable_to_heartbleed"),
    Command.CCS_INJECTION: (OpenSslCcsInjectionImplementation, "is_vulnerable_to_ccs_injection"),
    Command.ROBOT: (RobotImplementation, "robot_result"),
    Command.EARLY_DATA: (EarlyDataImplementation, "supports_early_data"),
}


@cache
def tools() -> dict[str, str]:
    """The versions of sslyze, nassl and OpenSSL."""
    return {name: version_of(name) for name in ("sslyze", "nassl")}


class _RecordingSocket:
    """A connected socket as sslyze uses it; every answer has a deadline, and its bytes and end are recorded."""

    def __init__(self, connected: socket.socket, seconds: float, command: Command) -> None:
        self.socket = connected
        self.deadline = time.monotonic() + 4 * seconds
        self.seconds = seconds
        self.received = bytearray()
        self.end = ConnectionEnd.OPEN
        self.handshake_done = False
        self.probed = False
        self.answered_early = False
        self.drained_bytes = 0
        #: Set where sslyze parses the server's first flight itself.
        self.first_flight: FirstFlight | None = None
        self._command = command
        self._ahead: bytes | None = None

    def recv(self, size: int) -> bytes:
        """The next bytes, as ``socket.recv``, without those that sslyze's parser fails on."""
        while data := self._next(size):
            if self.first_flight is None or (data := self.first_flight.feed(data)):
                break
        return data

    def _next(self, size: int) -> bytes:
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            return ahead
        may_probe = self._command is Command.HEARTBLEED and not self.probed and is_hello_done(bytes(self.received))
        try:
            return self._recv(size, min(_PROBE_AFTER_SECONDS, self.seconds) if may_probe else self.seconds)
        except TimeoutError:
            if not may_probe:
                raise
        self.probed = True
        self.send(_PROBE_RECORD)
        return self._recv(size, self.seconds)

    def recv_soon(self, size: int) -> bytes:
        """The next bytes, at least one; raises TimeoutError where none come soon."""
        data = self._recv(size, min(_GREETING_SECONDS, self.seconds))
        if not data:
            raise ConnectionAbortedError("the server closed the connection")
        return data

    def _recv(self, size: int, seconds: float) -> bytes:
        with self._time_limit(seconds):
            data = self.socket.recv(size)
        self.received += data[: _KEPT_BYTES - len(self.received)]
        self.end = ConnectionEnd.OPEN if data else ConnectionEnd.CLOSED
        return data

    def send(self, data: bytes) -> int:
        """Send all of ``data``; a server that no longer reads may have sent an alert, which is still received."""
        with contextlib.suppress(ConnectionError), self._time_limit(self.seconds):
            self.socket.sendall(data)
        if self._command is Command.CCS_INJECTION and data.startswith(_CHANGE_CIPHER_SPEC):
            self._read_early_answer()
        return len(data)

    def _read_early_answer(self) -> None:
        with contextlib.suppress(TimeoutError):
            self._ahead = self._recv(_KEPT_BYTES, _EARLY_ANSWER_SECONDS)
            self.answered_early = True

    @contextlib.contextmanager
    def _time_limit(self, seconds: float) -> Iterator[None]:
        self.socket.settimeout(max(0.001, min(seconds, self.deadline - time.monotonic())))
        try:
            yield
        except TimeoutError:
            self.end = ConnectionEnd.TIMEOUT
            raise
        except OSError:
            self.end = ConnectionEnd.RESET
            raise

    def settimeout(self, _seconds: float | None) -> None:
        """Ignored: the deadlines are this class's own."""

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    def trace(self) -> ConnectionTrace:
        """The trace of the connection."""
        return ConnectionTrace(
            received=without_text(bytes(self.received)),
            end=self.end,
            handshake_done=self.handshake_done,
            probed=self.probed,
            answered_early=self.answered_early,
            drained_bytes=self.drained_bytes,
        )


class _NoEarlyDataOffered(Exception):
    """The session that a client would resume permits no early data."""


class _Connection(SslConnection):
    """sslyze's connection over a recording socket; ``drains_first``: data that the server sends unasked is read.

    ``needs_early_data``: it is opened only where its session, if it has one, permits early data.
    """

    def __init__(
        self,
        open_socket: Callable[[], _RecordingSocket],
        *,
        drains_first: bool,
        needs_early_data: bool,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self._open_socket = open_socket
        self._drains_first = drains_first
        self._needs_early_data = needs_early_data
        self._socket: _RecordingSocket | None = None

    def _do_pre_handshake(self) -> None:
        session: Any = self.ssl_client.get_session() if self._needs_early_data else None
        if session is not None and not session.get_max_early_data():
            raise _NoEarlyDataOffered
        self._socket = self._open_socket()
        if getattr(self.ssl_client.do_handshake, "__func__", None) is not type(self.ssl_client).do_handshake:
            self._socket.first_flight = FirstFlight()  # sslyze replaced OpenSSL's handshake by its own
        self.ssl_client.set_underlying_socket(self._socket)  # type: ignore[arg-type]  # it uses send, recv and close

    def connect(self, should_retry_connection: bool = False) -> None:  # noqa: ARG002  (the socket is opened once)
        """Connect once and shake hands."""
        super().connect(should_retry_connection=False)
        if self._socket is not None:
            self._socket.handshake_done = True
            if self._drains_first:
                self._drain(self._socket)

    def _drain(self, recorded: _RecordingSocket) -> None:
        """Read data until none arrives for a while; data that arrived with the handshake is buffered already."""
        engine, lower = self.ssl_client._ssl, self.ssl_client._network_bio  # noqa: SLF001  (nassl's read waits first)
        for _ in range(_MAX_GREETING_READS):
            try:
                engine.read(_KEPT_BYTES)
            except WantReadError:
                try:
                    lower.write(recorded.recv_soon(_KEPT_BYTES))
                except TimeoutError:
                    recorded.end = ConnectionEnd.OPEN
                    recorded.drained_bytes = len(recorded.received)
                    break


class Server:
    """Replaces ``sslyze.ServerConnectivityInfo``: what sslyze's commands know of a server, at ``version``.

    They send the server's name, since another server may answer clients that send none. When they are run ``again``,
    they send it only where sslyze would, since some old servers do not tolerate a name with an attack, and read a
    greeting before they request a renegotiation.
    """

    def __init__(self, job: VulnerabilityJob, version: TlsVersion, command: Command, *, again: bool) -> None:
        self._job = job
        self._command = command
        self._again = again
        self.is_named = True
        self.server_name = job.server_name
        self.traces: list[ConnectionTrace] = []
        self._sockets: list[_RecordingSocket] = []
        self.server_location = ServerNetworkLocation(job.server_name or job.address, job.port, ip_address=job.address)
        self.network_configuration = ServerNetworkConfiguration(
            job.server_name or "", http_user_agent=job.user_agent or None, network_timeout=job.answer_seconds
        )
        self.tls_probing_result = ServerTlsProbingResult(
            highest_tls_version_supported=SSLYZE[version],
            cipher_suite_supported="",
            client_auth_requirement=ClientAuthRequirementEnum.DISABLED,
            supports_ecdh_key_exchange=True,
        )

    def get_preconfigured_tls_connection(
        self,
        override_tls_version: TlsVersionEnum | None = None,
        ca_certificates_path: None = None,
        should_use_legacy_openssl: bool | None = None,
        should_enable_server_name_indication: bool = True,
    ) -> SslConnection:
        """A connection that is not yet open."""
        version = override_tls_version or self.tls_probing_result.highest_tls_version_supported
        modern = version in (TlsVersionEnum.TLS_1_2, TlsVersionEnum.TLS_1_3) and not should_use_legacy_openssl
        named = should_enable_server_name_indication or not self._again
        self.is_named &= named or self._job.server_name is None
        connection = _Connection(
            self._open,
            drains_first=self._again and self._command is Command.RENEGOTIATION,
            needs_early_data=self._command is Command.EARLY_DATA,
            server_location=self.server_location,
            network_configuration=self.network_configuration,
            tls_version=version,
            should_ignore_client_auth=True,
            ca_certificates_path=ca_certificates_path,
            should_use_legacy_openssl=not modern,
            should_enable_server_name_indication=named and self._job.server_name is not None,
        )
        if version is not TlsVersionEnum.TLS_1_3:
            connection.ssl_client.set_cipher_list(_SUITES[not modern])
            if isinstance(connection.ssl_client, SslClient):
                connection.ssl_client.set_groups([*_USUAL_GROUPS, *_RARE_GROUPS])
        elif self._command is Command.EARLY_DATA and self._sockets and isinstance(connection.ssl_client, SslClient):
            # A HelloRetryRequest discards early data (RFC 8446 §4.2.10): the key share uses the group requested before.
            group = _GROUPS.get(retry_group(bytes(self._sockets[-1].received)) or 0)
            if group is not None:
                connection.ssl_client.set_groups([group])
        return connection

    def _open(self) -> _RecordingSocket:
        job = self._job
        if sum(recorded.end is ConnectionEnd.TIMEOUT for recorded in self._sockets) >= _MAX_TIMEOUTS:
            raise ConnectionAbortedError("too many connections without an answer")
        try:
            connected = socket.create_connection((job.address, job.port), timeout=job.answer_seconds)
        except OSError as error:
            self.traces.append(ConnectionTrace(end=_end_of(error)))
            raise
        recorded = _RecordingSocket(connected, job.answer_seconds, self._command)
        try:
            self._prepare(recorded)
        except (ScanFailure, OSError) as error:
            end = recorded.end if isinstance(error, OSError) else ConnectionEnd.NO_TLS
            self.traces.append(ConnectionTrace(end=end))
            connected.close()
            raise ConnectionAbortedError(str(error)) from None
        self._sockets.append(recorded)
        return recorded

    def _prepare(self, recorded: _RecordingSocket) -> None:
        if not needs_negotiation(self._job.scheme):
            return
        negotiation = Negotiation(self._job.scheme, Names(host=self._job.server_name or "", ehlo=self._job.ehlo))
        while True:
            outgoing = negotiation.take()
            if outgoing:
                recorded.send(outgoing)
            if negotiation.is_ready:
                break
            data = recorded.recv(4096)
            if not data:
                raise ConnectionAbortedError
            negotiation.feed(data)
        recorded.received.clear()

    def all_traces(self) -> tuple[ConnectionTrace, ...]:
        """Every connection, those that failed to open last."""
        return (*(recorded.trace() for recorded in self._sockets), *self.traces)

    def close(self) -> None:
        """Close the connections that a command did not close."""
        for recorded in self._sockets:
            recorded.close()


def _end_of(error: OSError) -> ConnectionEnd:
    match error:
        case TimeoutError():
            return ConnectionEnd.TIMEOUT
        case ConnectionRefusedError():
            return ConnectionEnd.REFUSED
        case ConnectionError():
            return ConnectionEnd.RESET
    return ConnectionEnd.UNREACHABLE


def run(job: VulnerabilityJob, command: Command, version: TlsVersion, *, again: bool = False) -> CommandRun:
    """Run one command at one version; ``again``: in the slightly different way of the second run."""
    server = Server(job, version, command, again=again)
    try:
        if command is Command.VERSION:
            result, number = _handshake(server)
        elif command is Command.RENEGOTIATION:
            result, number = _renegotiate(server)
        else:
            result, number = _scan(server, command)
        error = ""
    except _NoEarlyDataOffered:
        result, number, error = NOT_OFFERED, 0, ""
    except Exception as failure:  # noqa: BLE001  (sslyze and nassl raise many; what was received is assessed)
        result, number, error = "", 0, f"{type(failure).__name__}: {failure}".strip()[:300]
    finally:
        server.close()
    return CommandRun(
        command=command,
        version=version,
        named=server.is_named,
        result=result,
        number=number,
        error=error,
        traces=server.all_traces(),
    )


def _handshake(server: Server) -> tuple[str, int]:
    connection = server.get_preconfigured_tls_connection()
    if server.tls_probing_result.highest_tls_version_supported is TlsVersionEnum.TLS_1_3:
        # sslyze's OpenSSL has not every group of TLS 1.3: it could be refused by a server that accepts the version.
        hello = encode(offers.hello(TlsVersion.TLS_1_3, offers.suites_of(TlsVersion.TLS_1_3), server.server_name))
        client: Any = connection.ssl_client
        client.do_handshake = MethodType(_exchange(hello), client)  # as sslyze's own commands do
    try:
        connection.connect()
    finally:
        _close(connection)
    return "", 0


def _exchange(hello: bytes) -> Callable[[Any], None]:
    """What replaces OpenSSL's handshake: send a hello, and read until the server has answered or ended."""

    def do_handshake(client: Any) -> None:
        recorded, flight = client.get_underlying_socket(), Flight()
        recorded.first_flight = None
        recorded.send(hello)
        while not flight.is_over and (data := recorded.recv(_KEPT_BYTES)):
            flight.feed(data)

    return do_handshake


def _close(connection: SslConnection) -> None:
    with contextlib.suppress(Exception):
        connection.close()


def _renegotiate(server: Server) -> tuple[str, int]:
    """Only sslyze's second job: whether renegotiation is secure, its first, is known from the enumeration."""
    implementation: Any = SessionRenegotiationImplementation
    *_, attempt = implementation.scan_jobs_for_scan_command(server)
    _kind, (accepted, number) = attempt.function_to_call(*attempt.function_arguments)
    return str(accepted), number


def _scan(server: Server, command: Command) -> tuple[str, int]:
    implementation, field = _COMMANDS[command]
    jobs = implementation.scan_jobs_for_scan_command(server)
    results: list[ScanJobResult] = []
    for job in jobs:
        try:
            value = job.function_to_call(*job.function_arguments)
        except ServerDoesNotSupportRsa as error:
            # sslyze asks twice more, though the first refusal decides its result.
            results += [ScanJobResult(None, error)] * (len(jobs) - len(results))
            break
        except _NoEarlyDataOffered:
            raise
        except Exception as error:  # noqa: BLE001  (the command itself interprets it)
            results.append(ScanJobResult(None, error))
        else:
            results.append(ScanJobResult(value, None))
    result = getattr(implementation.result_for_completed_scan_jobs(server, results), field)
    return str(getattr(result, "value", result)), 0
