"""sslyze's scan commands on connections that remember what happened. Imported in the worker process only."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version as version_of
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
from inspector_tls.starttls.negotiation import Names, Preamble, needs_preamble
from inspector_tls.vulnerabilities.results import Command, End, Line, Order, Run
from inspector_tls.wire.recorded_bytes import is_hello_done, retry_group
from inspector_tls.wire.versions import TlsVersion

#: The versions as sslyze names them.
SSLYZE = dict(zip(TlsVersion, sorted(TlsVersionEnum, key=lambda each: each.value), strict=True))
_KEPT_BYTES = 65_536
#: Application data in clear, which no server takes at any point of a handshake.
_PROD = b"\x17\x03\x01\x00\x01\x00"
_PROD_AFTER_SECONDS = 1.0
#: Seconds that a server is given to protest against an early ChangeCipherSpec before the next record follows.
_PROTEST_SECONDS = 1.0
#: Silent connections after which a command is given up: silence decides nothing, and costs the most.
_MOST_TIMEOUTS = 2
#: Seconds of silence after which a server has said all that it says by itself, and the most steps of hearing it.
_GREETING_SECONDS, _MOST_GREETINGS = 1.0, 16
_CHANGE_CIPHER_SPEC = b"\x14"
_SUITES = {True: "ALL:COMPLEMENTOFALL:-eNULL:-PSK:-SRP", False: "ALL:COMPLEMENTOFALL:-eNULL:-PSK:-SRP:@SECLEVEL=0"}

#: The groups of TLS 1.3 as nassl names them (RFC 8446 §4.2.7).
_GROUPS = {23: Curve.SECP256R1, 24: Curve.SECP384R1, 25: Curve.SECP521R1, 29: Curve.X25519, 30: Curve.X448}

#: The scan command, and the field of its result that is kept.
_COMMANDS: dict[Command, tuple[Any, str]] = {
    Command.HEARTBLEED: (HeartbleedImplementation, "is_vulnerable_to_heartbleed"),
    Command.CCS_INJECTION: (OpenSslCcsInjectionImplementation, "is_vulnerable_to_ccs_injection"),
    Command.ROBOT: (RobotImplementation, "robot_result"),
    Command.EARLY_DATA: (EarlyDataImplementation, "supports_early_data"),
}


@cache
def tools() -> dict[str, str]:
    """The versions of what makes the handshakes."""
    return {name: version_of(name) for name in ("sslyze", "nassl")}


class _Wire:
    """A connected socket as sslyze uses it; every answer has a deadline, and what happened is kept."""

    def __init__(self, connected: socket.socket, seconds: float, command: Command) -> None:
        self.socket = connected
        self.deadline = time.monotonic() + 4 * seconds
        self.seconds = seconds
        self.received = bytearray()
        self.end = End.OPEN
        self.shaken = False
        self.prodded = False
        self.protested = False
        self.heard = 0
        self._command = command
        self._ahead: bytes | None = None

    def recv(self, size: int) -> bytes:
        """The next bytes, as ``socket.recv``."""
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            return ahead
        may_prod = self._command is Command.HEARTBLEED and not self.prodded and is_hello_done(bytes(self.received))
        try:
            return self._recv(size, min(_PROD_AFTER_SECONDS, self.seconds) if may_prod else self.seconds)
        except TimeoutError:
            if not may_prod:
                raise
        self.prodded = True
        self.send(_PROD)
        return self._recv(size, self.seconds)

    def recv_soon(self, size: int) -> bytes:
        """The next bytes, never none, if they come before long."""
        data = self._recv(size, min(_GREETING_SECONDS, self.seconds))
        if not data:
            raise ConnectionAbortedError("it ended the connection by itself")
        return data

    def _recv(self, size: int, seconds: float) -> bytes:
        with self._watched(seconds):
            data = self.socket.recv(size)
        self.received += data[: _KEPT_BYTES - len(self.received)]
        self.end = End.OPEN if data else End.CLOSED
        return data

    def send(self, data: bytes) -> int:
        """Send all of ``data``; a server that no longer takes it may have said why, which is there to be read."""
        with contextlib.suppress(ConnectionError), self._watched(self.seconds):
            self.socket.sendall(data)
        if self._command is Command.CCS_INJECTION and data.startswith(_CHANGE_CIPHER_SPEC):
            self._hear_protest()
        return len(data)

    def _hear_protest(self) -> None:
        with contextlib.suppress(TimeoutError):
            self._ahead = self._recv(_KEPT_BYTES, _PROTEST_SECONDS)
            self.protested = True

    @contextlib.contextmanager
    def _watched(self, seconds: float) -> Iterator[None]:
        self.socket.settimeout(max(0.001, min(seconds, self.deadline - time.monotonic())))
        try:
            yield
        except TimeoutError:
            self.end = End.TIMEOUT
            raise
        except OSError:
            self.end = End.RESET
            raise

    def settimeout(self, _seconds: float | None) -> None:
        """Deadlines are this side's."""

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    def told(self) -> Line:
        """What happened."""
        return Line(
            received=bytes(self.received),
            end=self.end,
            shaken=self.shaken,
            prodded=self.prodded,
            protested=self.protested,
            heard=self.heard,
        )


class _Connection(SslConnection):
    """sslyze's connection over a wire of ours; ``hears_out``: what the server says by itself is heard first."""

    def __init__(self, open_wire: Callable[[], _Wire], *, hears_out: bool, **settings: Any) -> None:
        super().__init__(**settings)
        self._open_wire = open_wire
        self._hears_out = hears_out
        self._wire: _Wire | None = None

    def _do_pre_handshake(self) -> None:
        self._wire = self._open_wire()
        self.ssl_client.set_underlying_socket(self._wire)  # type: ignore[arg-type]  # it uses send, recv and close

    def connect(self, should_retry_connection: bool = False) -> None:  # noqa: ARG002  (the wire is opened once)
        """Connect once and shake hands."""
        super().connect(should_retry_connection=False)
        if self._wire is not None:
            self._wire.shaken = True
            if self._hears_out:
                self._hear_out(self._wire)

    def _hear_out(self, wire: _Wire) -> None:
        """Read data until there is none for a while; what came with the end of the handshake is there already."""
        engine, lower = self.ssl_client._ssl, self.ssl_client._network_bio  # noqa: SLF001  (nassl's read waits first)
        for _ in range(_MOST_GREETINGS):
            try:
                engine.read(_KEPT_BYTES)
            except WantReadError:
                try:
                    lower.write(wire.recv_soon(_KEPT_BYTES))
                except TimeoutError:
                    wire.end = End.OPEN
                    wire.heard = len(wire.received)
                    break


class Server:
    """What sslyze's commands know of a server, without its own scan of it: they ask at ``version``.

    They name the server, since another may answer whoever names none at its address. When they ask ``again``, they name
    it only where sslyze would, since some old servers bear no name with an attack, and hear a greeting before they ask
    for a renegotiation. Stands for ``sslyze.ServerConnectivityInfo``.
    """

    def __init__(self, order: Order, version: TlsVersion, command: Command, *, again: bool) -> None:
        self._order = order
        self._command = command
        self._again = again
        self.is_named = True
        self.lines: list[Line] = []
        self._wires: list[_Wire] = []
        self.server_location = ServerNetworkLocation(
            order.server_name or order.address, order.port, ip_address=order.address
        )
        self.network_configuration = ServerNetworkConfiguration(
            order.server_name or "", http_user_agent=order.user_agent or None, network_timeout=order.answer_seconds
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
        """A connection that has not begun."""
        version = override_tls_version or self.tls_probing_result.highest_tls_version_supported
        modern = version in (TlsVersionEnum.TLS_1_2, TlsVersionEnum.TLS_1_3) and not should_use_legacy_openssl
        named = should_enable_server_name_indication or not self._again
        self.is_named &= named or self._order.server_name is None
        connection = _Connection(
            self._open,
            hears_out=self._again and self._command is Command.RENEGOTIATION,
            server_location=self.server_location,
            network_configuration=self.network_configuration,
            tls_version=version,
            should_ignore_client_auth=True,
            ca_certificates_path=ca_certificates_path,
            should_use_legacy_openssl=not modern,
            should_enable_server_name_indication=named and self._order.server_name is not None,
        )
        if version is not TlsVersionEnum.TLS_1_3:
            connection.ssl_client.set_cipher_list(_SUITES[not modern])
        elif self._command is Command.EARLY_DATA and self._wires and isinstance(connection.ssl_client, SslClient):
            # Early data dies of a second hello (RFC 8446 §4.2.10): the share is in the group that was asked for before.
            group = _GROUPS.get(retry_group(bytes(self._wires[-1].received)) or 0)
            if group is not None:
                connection.ssl_client.set_groups([group])
        return connection

    def _open(self) -> _Wire:
        order = self._order
        if sum(wire.end is End.TIMEOUT for wire in self._wires) >= _MOST_TIMEOUTS:
            raise ConnectionAbortedError("it was silent too often")
        try:
            connected = socket.create_connection((order.address, order.port), timeout=order.answer_seconds)
        except OSError as error:
            self.lines.append(Line(end=_end_of(error)))
            raise
        wire = _Wire(connected, order.answer_seconds, self._command)
        try:
            self._prepare(wire)
        except (ScanFailure, OSError) as error:
            end = wire.end if isinstance(error, OSError) else End.NO_TLS
            self.lines.append(Line(end=end))
            connected.close()
            raise ConnectionAbortedError(str(error)) from None
        self._wires.append(wire)
        return wire

    def _prepare(self, wire: _Wire) -> None:
        if not needs_preamble(self._order.scheme):
            return
        preamble = Preamble(self._order.scheme, Names(host=self._order.server_name or "", ehlo=self._order.ehlo))
        while True:
            outgoing = preamble.take()
            if outgoing:
                wire.send(outgoing)
            if preamble.is_ready:
                break
            data = wire.recv(4096)
            if not data:
                raise ConnectionAbortedError
            preamble.feed(data)
        wire.received.clear()

    def told(self) -> tuple[Line, ...]:
        """Every connection, those that failed to open last."""
        return (*(wire.told() for wire in self._wires), *self.lines)

    def close(self) -> None:
        """Close what a command left open."""
        for wire in self._wires:
            wire.close()


def _end_of(error: OSError) -> End:
    match error:
        case TimeoutError():
            return End.TIMEOUT
        case ConnectionRefusedError():
            return End.REFUSED
        case ConnectionError():
            return End.RESET
    return End.UNREACHABLE


def run(order: Order, command: Command, version: TlsVersion, *, again: bool = False) -> Run:
    """Run one command at one version, or run it ``again``, which is not quite as before."""
    server = Server(order, version, command, again=again)
    try:
        if command is Command.VERSION:
            result, number = _shake(server)
        elif command is Command.RENEGOTIATION:
            result, number = _renegotiate(server)
        else:
            result, number = _scan(server, command)
        error = ""
    except Exception as failure:  # noqa: BLE001  (sslyze and nassl raise many; what was received is judged)
        result, number, error = "", 0, f"{type(failure).__name__}: {failure}".strip()[:300]
    finally:
        server.close()
    return Run(
        command=command,
        version=version,
        named=server.is_named,
        result=result,
        number=number,
        error=error,
        lines=server.told(),
    )


def _shake(server: Server) -> tuple[str, int]:
    connection = server.get_preconfigured_tls_connection()
    try:
        connection.connect()
    finally:
        _close(connection)
    return "", 0


def _close(connection: SslConnection) -> None:
    with contextlib.suppress(Exception):
        connection.close()


def _renegotiate(server: Server) -> tuple[str, int]:
    """Only sslyze's second question: whether renegotiation is secure, its first, is known from the enumeration."""
    implementation: Any = SessionRenegotiationImplementation
    *_, asking = implementation.scan_jobs_for_scan_command(server)
    _kind, (accepted, number) = asking.function_to_call(*asking.function_arguments)
    return str(accepted), number


def _scan(server: Server, command: Command) -> tuple[str, int]:
    implementation, field = _COMMANDS[command]
    jobs = implementation.scan_jobs_for_scan_command(server)
    results: list[ScanJobResult] = []
    for job in jobs:
        try:
            value = job.function_to_call(*job.function_arguments)
        except ServerDoesNotSupportRsa as error:
            # sslyze asks twice more, and believes the first refusal all the same.
            results += [ScanJobResult(None, error)] * (len(jobs) - len(results))
            break
        except Exception as error:  # noqa: BLE001  (it is the command's own affair what it makes of it)
            results.append(ScanJobResult(None, error))
        else:
            results.append(ScanJobResult(value, None))
    told = getattr(implementation.result_for_completed_scan_jobs(server, results), field)
    return str(getattr(told, "value", told)), 0
