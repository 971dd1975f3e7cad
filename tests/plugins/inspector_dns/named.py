"""BIND as a child process on loopback, serving zones that a test writes, signed by BIND's own tools or that of ldns."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import dns.exception
import dns.message
import dns.query

from tests.agreement.environment import program

#: Primary server, mailbox, serial, refresh, retry, expire and minimum of a zone.
SOA = "ns1.test. hostmaster.test. 7 3600 600 86400 60"
PROGRAMS = ("named", "dnssec-keygen", "dnssec-dsfromkey", "dnssec-signzone", "dig", "delv", "ldns-signzone")


def programs() -> dict[str, str]:
    """The paths of BIND's programs; raises Missing."""
    return {name: program(name) for name in PROGRAMS}


def run(program: str, *arguments: str) -> str:
    """What a program prints; it must succeed."""
    done = subprocess.run([program, *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def free_port(addresses: Sequence[str] = ("127.0.0.1",)) -> int:
    """A port that is free on all the addresses, for UDP and TCP."""
    for _ in range(100):
        with contextlib.ExitStack() as held:
            port = 0
            try:
                for address in addresses:
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        sock = held.enter_context(socket.socket(socket.AF_INET, kind))
                        sock.bind((address, port))
                        port = sock.getsockname()[1]
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


@dataclass(frozen=True)
class Signing:
    """How a zone is signed: algorithms of its keys, NSEC3 arguments, and validity as dnssec-signzone takes it.

    ``child``: the CDS and CDNSKEY records at the apex: *right*, *stray* (of a key that the zone does not have),
    *delete*, *mixed* (delete beside another), *differing* (CDS of one key, CDNSKEY of another). ``iterations``: of
    NSEC3, by ldns-signzone: dnssec-signzone refuses more than 50 since BIND 9.20.
    """

    algorithm: str = "ECDSAP256SHA256"
    second: str = ""
    separate: bool = False
    nsec3: tuple[str, ...] = ()
    start: str = "now-3600"
    end: str = "now+86400"
    bits: int = 2048
    child: str = ""
    iterations: int | None = None


@dataclass
class ZoneSet:
    """Zones below one folder. Children are added before their parents, so that parents hold their DS records."""

    folder: Path
    programs: dict[str, str] = field(default_factory=programs)
    zones: dict[str, Path] = field(default_factory=dict)
    ds: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, records: str, signing: Signing | None = None, soa: str = SOA, ttl: int = 60) -> None:
        """Write a zone (``.`` is the root), sign it if asked, and remember the DS records that its parent needs.

        A zone that was added before is signed by the same keys.
        """
        path = self.folder / f"zone-{name}"
        origin = name if name == "." else f"{name}."
        soa = f"$ORIGIN {origin}\n$TTL {ttl}\n@ SOA {soa}\n"
        path.write_text(soa + "\n".join(line.strip() for line in records.splitlines()) + "\n")
        if signing is not None:
            path = self._sign(name, origin, path, signing)
        self.zones[name] = path

    def _sign(self, name: str, origin: str, path: Path, signing: Signing) -> Path:
        keys = self.folder / f"keys-{name}"
        has_keys = keys.exists()
        keys.mkdir(exist_ok=True)
        for algorithm in filter(None, () if has_keys else (signing.algorithm, signing.second)):
            for flags in (("-f", "KSK"), ()) if signing.separate else (("-f", "KSK"),):
                bits = ("-b", str(signing.bits)) if algorithm.startswith("RSA") else ()
                run(self.programs["dnssec-keygen"], "-q", "-K", str(keys), "-a", algorithm, *bits, *flags, origin)
        key_files = [str(key) for key in sorted(keys.glob("K*.key"))]
        text = path.read_text() + "".join(Path(key).read_text() for key in key_files)
        path.write_text(text + self._child_records(name, signing.child))
        if signing.iterations is not None:
            self._sign_by_ldns(origin, path, signing, [key.removesuffix(".key") for key in key_files])
            self.ds[name] = self.digests(name, "-2")
            return Path(f"{path}.signed")
        arguments = ["-o", origin, "-d", str(keys), "-f", f"{path}.signed", "-s", signing.start, "-e", signing.end]
        once = [] if signing.separate else ["-z"]
        run(self.programs["dnssec-signzone"], "-q", "-P", *once, *signing.nsec3, *arguments, str(path), *key_files)
        (dsset,) = keys.glob("dsset-*")
        self.ds[name] = dsset.read_text().splitlines()
        return Path(f"{path}.signed")

    def _sign_by_ldns(self, origin: str, path: Path, signing: Signing, keys: Sequence[str]) -> None:
        begin, end = (str(int(time.time()) + int(each.removeprefix("now"))) for each in (signing.start, signing.end))
        arguments = ["-o", origin, "-f", f"{path}.signed", "-i", begin, "-e", end, "-n", "-t", str(signing.iterations)]
        run(self.programs["ldns-signzone"], *arguments, str(path), *keys)

    def _child_records(self, name: str, kind: str) -> str:
        """CDS and CDNSKEY records of a zone whose keys exist."""
        if not kind:
            return ""
        none, stray = "@ CDS 0 0 0 00\n@ CDNSKEY 0 3 0 AA==\n", f"@ CDS 4711 13 2 {'AB' * 32}\n"
        if kind in ("delete", "stray"):
            return none if kind == "delete" else stray
        right = "".join(line.replace(" DS ", " CDS ") + "\n" for line in self.digests(name, "-2"))
        if kind == "mixed":
            return right + "@ CDS 0 0 0 00\n"
        other = "@ CDNSKEY 257 3 13 " + "A" * 85 + "Q==\n"
        if kind == "differing":
            return right + other
        keys = [
            line for path in (self.folder / f"keys-{name}").glob("K*.key") for line in path.read_text().splitlines()
        ]
        own = [line.replace(" DNSKEY ", " CDNSKEY ") for line in keys if " DNSKEY 257 " in line]
        return right + "\n".join(own) + "\n"

    def sha1_ds(self, name: str) -> list[str]:
        """The DS records of a signed zone with SHA-1 digests instead."""
        return self.digests(name, "-1")

    def digests(self, name: str, *options: str) -> list[str]:
        """The DS records of a signed zone, or its CDS records, by the options of ``dnssec-dsfromkey``."""
        key_files = sorted((self.folder / f"keys-{name}").glob("K*.key"))
        keys = [path for path in key_files if " 257 " in path.read_text()]
        printed = "".join(run(self.programs["dnssec-dsfromkey"], *options, str(key)) for key in keys)
        return [line for line in printed.splitlines() if " IN " in line]

    def anchors(self, name: str = ".") -> tuple[str, ...]:
        """Trust anchors in presentation format, made of the zone's DS records."""
        return tuple(self.ds[name])

    def change(self, name: str, old: str, new: str) -> None:
        """Alter the served text of a zone after it was signed."""
        path = self.zones[name]
        text = path.read_text()
        assert re.search(old, text)
        path.write_text(re.sub(old, new, text))


@contextlib.contextmanager
def serve(folder: Path, zones: dict[str, Path], port: int, options: str = "recursion no;") -> Iterator[None]:
    """Run one named for these zones on 127.0.0.1 until the block ends."""
    folder.mkdir(exist_ok=True)
    blocks = "".join(f'zone "{name}" {{ type primary; file "{path}"; }};\n' for name, path in zones.items())
    config = folder / "named.conf"
    config.write_text(
        f'options {{ directory "{folder}"; pid-file none; session-keyfile none; listen-on port {port} {{ 127.0.0.1; }};'
        " listen-on-v6 { none; }; dnssec-validation no; empty-zones-enable no; notify no; allow-transfer { none; };"
        f" {options} }};\ncontrols {{ }};\nlogging {{ category default {{ null; }}; }};\n{blocks}"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([programs()["named"], "-f", "-n", "1", "-c", str(config)], stdout=log, stderr=log)
        try:
            _wait(process, port, folder / "log")
            yield
        finally:
            process.terminate()
            process.wait(30)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    question = dns.message.make_query("version.bind", "TXT", "CH")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError, dns.exception.DNSException):
            dns.query.tcp(question, "127.0.0.1", port=port, timeout=1)
            dns.query.udp(question, "127.0.0.1", port=port, timeout=1)
            return
        time.sleep(0.02)
    raise AssertionError("named does not answer")


@contextlib.contextmanager
def relay(address: str, port: int, to_port: int) -> Iterator[None]:
    """Pass UDP and TCP from ``address`` to 127.0.0.1, so that one named is found at several addresses."""
    with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.create_server((address, port)) as tcp:
        udp.bind((address, port))
        threads = [
            threading.Thread(target=_pass_datagrams, args=(udp, to_port), daemon=True),
            threading.Thread(target=_pass_connections, args=(tcp, to_port), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for sock in (udp, tcp):
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(10)


def _pass_datagrams(udp: socket.socket, to_port: int) -> None:
    with contextlib.suppress(OSError), socket.socket(type=socket.SOCK_DGRAM) as onward:
        onward.settimeout(10)
        onward.connect(("127.0.0.1", to_port))
        while True:
            data, sender = udp.recvfrom(65535)
            if not data:
                return
            onward.send(data)
            udp.sendto(onward.recv(65535), sender)


def _pass_connections(tcp: socket.socket, to_port: int) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = tcp.accept()
            with client, socket.create_connection(("127.0.0.1", to_port), 10) as server:
                client.settimeout(10)
                server.sendall(client.recv(65535))
                client.sendall(server.recv(65535))


@contextlib.contextmanager
def silence(address: str, port: int) -> Iterator[None]:
    """Hold UDP and TCP ports that accept and never answer."""
    with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.create_server((address, port)):
        udp.bind((address, port))
        yield
