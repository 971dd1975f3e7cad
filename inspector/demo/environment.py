"""The servers of the demonstration: their addresses and behaviour, and the processes that run them."""

from __future__ import annotations

import errno
import json
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspector.demo import certificates
from inspector.demo.http_pages import MYSQL, TELNET, moved, poor_page, security_txt, sound_page
from inspector.demo.tcp_servers import Behaviour, Service, Tls
from inspector.model.base import now
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.network.guard.audit_hook import allow_program

PORTAL = "cong.bo-mau.test"
SHOP = "cua-hang.luu-niem.test"
SILENT = "van-ban.bo-mau.test"
#: The last number of each server's address in 127.77.x.0/24, a network that little else uses.
NUMBERS = {"portal": 10, "shop": 20, "silent": 30, "name_server": 53, "second_name_server": 54}
NETWORKS = 16
#: The addresses on machines with only one loopback address.
SHARED = dict.fromkeys(NUMBERS, "127.0.0.1")
HTTPS_PORT = 8443
ANY = 0
DNS_PORT = 53

START_SECONDS = 20.0
END_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Ports:
    """The port of each server."""

    portal_https: int
    portal_http: int
    shop_https: int
    shop_http: int
    shop_telnet: int
    shop_database: int
    silent_https: int
    resolver: int


@dataclass(frozen=True, slots=True)
class Environment:
    """The running servers, and what the inspecting side has to know about them.

    ``root`` is the root certificate (PEM), ``anchor`` the DS record of the signed zones. ``serves_zones``: the name
    servers answer on port 53, too.
    """

    addresses: dict[str, str]
    ports: Ports
    root: bytes
    anchor: str
    serves_zones: bool

    @property
    def has_own_addresses(self) -> bool:
        """Whether each server has an address of its own."""
        return self.addresses != SHARED


@contextmanager
def running() -> Iterator[Environment]:
    """Run the servers until the end of the body. Raises UsageError when one cannot start."""
    with ExitStack() as stack:
        with tempfile.TemporaryDirectory(prefix="inspector-demo-") as folder:
            environment = _Builder(stack, Path(folder), _addresses()).build()
        yield environment


def _addresses() -> dict[str, str]:
    """An address for each server, in the first network that no other demonstration uses."""
    networks = [{name: f"127.77.{each}.{last}" for name, last in NUMBERS.items()} for each in range(NETWORKS)]
    free = next((each for each in networks if _can_listen(each["portal"], HTTPS_PORT)), None)
    if free is None and _can_listen(networks[0]["portal"], ANY):
        free = networks[0]
    return free or SHARED


def _can_listen(address: str, port: int) -> bool:
    try:
        socket.create_server((address, port)).close()
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Builder:
    stack: ExitStack
    folder: Path
    addresses: dict[str, str]

    def build(self) -> Environment:
        """Open the sockets, start the processes that serve them, wait until they are ready."""
        listening = self._listening()
        resolver = self._resolver()
        own_ports = self._on_port_53()
        ports = Ports(resolver=_port(resolver[0]), **{name: _port(each) for name, each in listening.items()})
        names = self._start("dns_server", self._zones((*resolver, *own_ports)), (*resolver, *own_ports))
        root, root_key = certificates.authority()
        services = self._services(listening, ports, certificates.sound(PORTAL, root, root_key))
        servers = self._start("tcp_servers", {"services": [each.to_json() for each in services]}, listening.values())
        servers.wait_ready()
        return Environment(
            addresses=self.addresses,
            ports=ports,
            root=certificates.pem(root),
            anchor=str(names.wait_ready()["anchor"]),
            serves_zones=bool(own_ports),
        )

    def _listening(self) -> dict[str, socket.socket]:
        """The sockets of the TCP servers."""
        portal, shop, silent = (self.addresses[name] for name in ("portal", "shop", "silent"))
        return {
            "portal_https": self._listen(portal, HTTPS_PORT, 9443, 10443, ANY),
            "portal_http": self._listen(portal, 8080, 8081, 8000, ANY),
            "shop_https": self._listen(shop, HTTPS_PORT, 9443, 10443, ANY),
            "shop_http": self._listen(shop, 8080, 8081, 8000, ANY),
            # Undeclared ports from the list that a sweep asks.
            "shop_telnet": self._listen(shop, 2323, 5631, 4899, 1494),
            "shop_database": self._listen(shop, 3306, 33060, 5432, 1433),
            "silent_https": self._listen(silent, HTTPS_PORT, 9443, 10443, ANY),
        }

    def _services(
        self, listening: dict[str, socket.socket], ports: Ports, sound: certificates.Keypair
    ) -> tuple[Service, ...]:
        """The behaviour of each socket."""
        modern = self._tls("portal", sound, suites="ECDHE+AESGCM:ECDHE+CHACHA20")
        ancient = self._tls("shop", certificates.faulty(), oldest="TLSv1", suites="ALL:@SECLEVEL=0")
        contact = {"/.well-known/security.txt": security_txt(PORTAL, now())}
        at = {name: each.fileno() for name, each in listening.items()}
        return (
            Service(at["portal_https"], Behaviour.ANSWERS, sound_page(), modern, contact),
            Service(at["portal_http"], Behaviour.ANSWERS, moved(f"https://{PORTAL}:{ports.portal_https}/")),
            Service(at["shop_https"], Behaviour.ANSWERS, poor_page(), ancient),
            Service(at["shop_http"], Behaviour.ANSWERS, poor_page()),
            Service(at["shop_telnet"], Behaviour.SENDS_BANNER, TELNET),
            Service(at["shop_database"], Behaviour.SENDS_BANNER, MYSQL),
            Service(at["silent_https"], Behaviour.SILENT),
        )

    def _zones(self, sockets: Sequence[socket.socket]) -> dict[str, Any]:
        """The configuration of the name servers."""
        return {
            "addresses": self.addresses,
            "tcp": [each.fileno() for each in sockets if each.type == socket.SOCK_STREAM],
            "udp": [each.fileno() for each in sockets if each.type == socket.SOCK_DGRAM],
        }

    def _listen(self, address: str, *ports: int) -> socket.socket:
        """A listening socket at the first of these ports that is free."""
        for port in ports:
            try:
                return self.stack.enter_context(socket.create_server((address, port), backlog=64))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise UsageError(
                        FormattedMessage(
                            "the demonstration cannot listen at {address} port {port}: {reason}",
                            address=address,
                            port=port,
                            reason=error.strerror,
                        ),
                        remedy="allow this machine to listen on loopback addresses",
                    ) from None
        raise UsageError(
            FormattedMessage(
                "the demonstration found none of the ports {value} of {address} free",
                value=", ".join(map(str, ports)),
                address=address,
            ),
            remedy="stop what listens there on all addresses, then try again",
        )

    def _resolver(self) -> tuple[socket.socket, socket.socket]:
        """Sockets at one port that is free for TCP and UDP."""
        address = self.addresses["name_server"]
        for port in (5300, 5353, 10053, *[ANY] * 8):
            try:
                stream = socket.create_server((address, port))
            except OSError:
                continue
            try:
                datagrams = _datagrams(address, _port(stream))
            except OSError:
                stream.close()
                continue
            return self.stack.enter_context(stream), self.stack.enter_context(datagrams)
        raise UsageError(
            FormattedMessage("the demonstration found no free port for a resolver at {address}", address=address),
            remedy="try again",
        )

    def _on_port_53(self) -> tuple[socket.socket, ...]:
        """Sockets of both name servers at port 53, all or none: binding it may need a privilege."""
        found: list[socket.socket] = []
        try:
            for address in sorted({self.addresses["name_server"], self.addresses["second_name_server"]}):
                found.append(socket.create_server((address, DNS_PORT)))
                found.append(_datagrams(address, DNS_PORT))
        except OSError:
            for each in found:
                each.close()
            return ()
        return tuple(self.stack.enter_context(each) for each in found)

    def _tls(self, name: str, pair: certificates.Keypair, *, oldest: str = "TLSv1_2", suites: str = "DEFAULT") -> Tls:
        chain, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        chain.write_bytes(pair.chain)
        key.write_bytes(pair.key)
        return Tls(chain=str(chain), key=str(key), oldest=oldest, suites=suites)

    def _start(self, module: str, configuration: dict[str, Any], sockets: Collection[socket.socket]) -> _Process:
        """Start a server process with these sockets, which are closed in this process."""
        process = self.stack.enter_context(_process(module, self.folder, [each.fileno() for each in sockets]))
        process.configure(configuration)
        for each in sockets:
            each.close()
        return process


def _port(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


def _datagrams(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock


# --- Processes ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Process:
    """A server process, and the file of its standard error."""

    name: str
    running: subprocess.Popen[bytes]
    log: Path

    def configure(self, configuration: dict[str, Any]) -> None:
        """Send the configuration."""
        assert self.running.stdin is not None  # noqa: S101  (a pipe was asked for)
        self.running.stdin.write(json.dumps(configuration).encode() + b"\n")
        self.running.stdin.flush()

    def wait_ready(self) -> dict[str, Any]:
        """What the process reports once it serves. Raises UsageError when it does not start."""
        assert self.running.stdout is not None  # noqa: S101  (a pipe was asked for)
        readable, _, _ = select.select([self.running.stdout], [], [], START_SECONDS)
        line = self.running.stdout.readline() if readable else b""
        if not line:
            said = self.log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
            raise UsageError(
                FormattedMessage(
                    "the {name} of the demonstration did not start: {said}",
                    name=self.name,
                    said=said or "not ready in time",
                ),
                remedy="try again; report the error if it persists",
            )
        values: dict[str, Any] = json.loads(line)
        return values


@contextmanager
def _process(module: str, folder: Path, descriptors: Sequence[int]) -> Iterator[_Process]:
    """A server process, ended with the body. It is in a session of its own, so Ctrl-C reaches this process only."""
    path = folder / f"{module}.log"
    with path.open("wb") as log, allow_program():
        running = subprocess.Popen(
            [sys.executable, "-P", "-m", f"inspector.demo.{module}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            pass_fds=descriptors,
            start_new_session=True,
        )
    with running:
        try:
            yield _Process(module, running, path)
        finally:
            _end(running)


def _end(running: subprocess.Popen[bytes]) -> None:
    """End a process by closing its standard input; kill it when it does not end."""
    assert running.stdin is not None  # noqa: S101  (a pipe was asked for)
    try:
        running.stdin.close()
        running.wait(END_SECONDS)
    except (subprocess.TimeoutExpired, BrokenPipeError):
        running.kill()
        running.wait()
