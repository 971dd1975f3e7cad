"""What test servers need: addresses, keys and certificates, and processes that end in time."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from tests.plugins.inspector_tls.authority import Identity, intermediate, issue, root, rsa_key

HOST = "www.example.vn"
STARTED_SECONDS = 60
ENDED_SECONDS = 1


class Missing(pytest.skip.Exception):
    """What a server or a tool needs is not installed; a test or fixture that raises it is skipped with this reason."""


#: The Debian packages of programs that are called otherwise.
_PACKAGES = {
    "ip": "iproute2",
    "nft": "nftables",
    "named": "bind9",
    "dig": "bind9-dnsutils",
    "delv": "bind9-dnsutils",
    "ldns-signzone": "ldnsutils",
}


def program(name: str) -> str:
    """The path of an installed program; raises Missing."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")
    if path is None:
        raise Missing(f"{name} is not installed (Debian: {_PACKAGES.get(name, name)})")
    return path


def needs_programs(*names: str) -> None:
    """Raise Missing where one of these programs is not installed."""
    for name in names:
        program(name)


# --- Keys and certificates -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Files:
    """Certificate (and what is sent along) and key of one identity, as PEM; the digest of the certificate."""

    certificate: Path
    key: Path
    sha256: str


class Keys:
    """The identities of the servers, made on first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @functools.cached_property
    def _root(self) -> Identity:
        return root()

    @functools.cached_property
    def _between(self) -> Identity:
        return intermediate(self._root)

    @functools.cache  # noqa: B019 - as long-lived as the process
    def __getitem__(self, name: str) -> Files:
        """The files of an identity, by name."""
        identity = self._identity(name)
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate.write_bytes(
            b"".join(Identity(each, identity.key).pem for each in (identity.certificate, *identity.chain))
        )
        key.write_bytes(identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        for each in (certificate, key):
            each.chmod(0o644)  # some servers read them as another user
        return Files(certificate, key, identity.certificate.fingerprint(hashes.SHA256()).hex())

    def _identity(self, name: str) -> Identity:
        if name == "ed25519":
            return self._unusual(ed25519.Ed25519PrivateKey.generate())
        key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
        match name:
            case "rsa-512":
                key = _short_rsa_key()
            case "rsa-1024":
                key = rsa_key(1024)
            case "p384":
                key = ec.generate_private_key(ec.SECP384R1())
            case "p256" | "expired-p256" | "other-p256":
                key = ec.generate_private_key(ec.SECP256R1())
            case _:
                key = rsa_key(2048)
        host = "other.example.vn" if name.startswith("other") else HOST
        days = (-30, -2) if name.startswith("expired") else (-1, 30)
        if name.startswith("self-signed"):
            return issue(host, key=key, dns=[host], days=days)
        return issue(host, self._between, key=key, dns=[host], days=days)

    def _unusual(self, key: ed25519.Ed25519PrivateKey) -> Identity:
        return issue(HOST, self._between, key=key, dns=[HOST])  # type: ignore[arg-type]


def _short_rsa_key() -> rsa.RSAPrivateKey:
    """A key for EXPORT suites, too short for Python's library to generate."""
    made = subprocess.run([program("openssl"), "genrsa", "-traditional", "512"], capture_output=True, check=True)
    key = load_pem_private_key(made.stdout, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


# --- Addresses and processes -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """The address of one server, its folder, and the identities."""

    address: str
    folder: Path
    keys: Keys

    def free_port(self) -> int:
        """A free port at this address."""
        with socket.create_server((self.address, 0)) as probe:
            return int(probe.getsockname()[1])


class ServerPlaces:
    """Allocates a loopback address for each server, so that well-known ports are free."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.chmod(0o755)
        self._keys = Keys(folder)
        self._octets = (random.randint(64, 254), random.randint(1, 254))
        self._numbers = itertools.count(1)

    def place(self, name: str) -> Place:
        """A new place."""
        folder = self._folder / name
        folder.mkdir()
        return Place(f"127.{self._octets[0]}.{self._octets[1]}.{next(self._numbers)}", folder, self._keys)


def listens(address: str, port: int) -> bool:
    """Whether connections are accepted there."""
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    place: Place,
    port: int,
    *,
    user: str | None = None,
    environment: dict[str, str] | None = None,
    end: signal.Signals = signal.SIGTERM,
    stdin_open: bool = False,
) -> Iterator[int]:
    """A server program of our own that listens when the body begins; at its end it and its children are gone.

    ``stdin_open``: its input stays open meanwhile.
    """
    if (port < 1024 or user) and os.geteuid() != 0:
        raise Missing(f"only root may start {Path(command[0]).name} at port {port}")
    log = place.folder / "server.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [program(str(command[0])), *map(str, command[1:])],
            stdin=subprocess.PIPE if stdin_open else subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=place.folder,
            env={**os.environ, **(environment or {})},
            user=user,
            start_new_session=True,
        )
    try:
        _await(process, place, port, log)
        yield port
    finally:
        _end(process, end)


def _await(process: subprocess.Popen[bytes], place: Place, port: int, log: Path) -> None:
    deadline = time.monotonic() + STARTED_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if listens(place.address, port):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} does not listen: {log.read_text('utf-8', 'replace')[-2000:]}")


def _end(process: subprocess.Popen[bytes], end: signal.Signals) -> None:
    """End the process and the session that it leads."""
    for number in (end, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(ENDED_SECONDS)
    if process.stdin:
        process.stdin.close()
