"""SSH servers on loopback, each with keys and a configuration of its own, started and ended by the test."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from tests.plugins.inspector_dns.named import free_port
from tests.plugins.inspector_services.servers import installed, running
from tests.plugins.inspector_ssh.scripts import SCRIPTS, Script

ADDRESS = "127.0.0.1"
#: Key types and their bits; the keys themselves are new at each start.
DEFAULT_KEYS: Mapping[str, int] = {"rsa": 3072, "ecdsa": 256, "ed25519": 256}
#: Every group of Debian's moduli has 2048 bits or more.
MODERN = {
    "KexAlgorithms": "sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org",
    "Ciphers": "aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes128-ctr",
    "MACs": "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com",
    "HostKeyAlgorithms": "ssh-ed25519",
}
#: What OpenSSH 9.2 can still be made to offer.
OLD = {
    "KexAlgorithms": "+diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1",
    "Ciphers": "+3des-cbc,aes128-cbc,aes256-cbc",
    "MACs": "+hmac-md5,hmac-md5-96,hmac-sha1-96,hmac-md5-etm@openssh.com",
    "HostKeyAlgorithms": "+ssh-rsa,ssh-dss",
    "RequiredRSASize": "1024",
}
CBC_WITH_ETM = {
    "Ciphers": "aes128-cbc,aes256-ctr",
    "MACs": "hmac-sha2-256-etm@openssh.com",
}
KEYS_ONLY = {"PasswordAuthentication": "no", "KbdInteractiveAuthentication": "no"}
SECOND_FACTOR = {"AuthenticationMethods": "publickey,password"}
OLD_KEYS: Mapping[str, int] = {"rsa": 1024, "dsa": 1024, "ecdsa": 521}


@contextmanager
def openssh(
    settings: Mapping[str, str] | None = None, keys: Mapping[str, int] = DEFAULT_KEYS, log: Path | None = None
) -> Iterator[int]:
    """An OpenSSH server that lets nobody in, with these settings, which writes to ``log``; its port."""
    without = () if _knows_dsa() else ("dsa",)
    with tempfile.TemporaryDirectory() as folder:
        files = [_openssh_key(Path(folder), kind, bits) for kind, bits in keys.items() if kind not in without]
        port = free_port()
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        lines = [f"ListenAddress {ADDRESS}", f"Port {port}", "PidFile none", "UsePAM no", "MaxStartups 100"]
        lines += [f"HostKey {path}" for path in files]
        for name, value in (settings or {}).items():
            lines.append(f"{name} {value.replace(',ssh-dss', '') if without else value}")
        configuration = Path(folder) / "sshd_config"
        configuration.write_text("\n".join(lines) + "\n")
        logging = [] if log is None else ["-E", str(log)]
        with running([installed("sshd"), "-D", "-f", str(configuration), *logging], ADDRESS, port):
            yield port


@cache
def _knows_dsa() -> bool:
    """Whether this OpenSSH has DSA, which release 10 removed."""
    listed = subprocess.run([installed("ssh"), "-Q", "key"], check=True, capture_output=True, text=True)
    return "ssh-dss" in listed.stdout.split()


def _openssh_key(folder: Path, kind: str, bits: int) -> Path:
    path = folder / kind
    command = [installed("ssh-keygen"), "-q", "-t", kind, "-b", str(bits), "-N", "", "-f", str(path)]
    subprocess.run(command, check=True)
    return path


@contextmanager
def dropbear(keys: Mapping[str, int] = DEFAULT_KEYS, options: Sequence[str] = ()) -> Iterator[int]:
    """A Dropbear server with these options; its port."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        words = []
        for kind, bits in keys.items():
            path = str(Path(folder) / kind)
            size = [] if kind == "ed25519" else ["-s", str(bits)]
            subprocess.run([installed("dropbearkey"), "-t", kind, *size, "-f", path], check=True, capture_output=True)
            words += ["-r", path]
        with running([installed("dropbear"), "-F", "-E", "-p", f"{ADDRESS}:{port}", *options, *words], ADDRESS, port):
            yield port


@contextmanager
def scripted(name: str, address: str = ADDRESS) -> Iterator[int]:
    """The scripted server of this name; its port."""
    with served(SCRIPTS[name], address) as port:
        yield port


@contextmanager
def served(script: Script, address: str = ADDRESS) -> Iterator[int]:
    """A server that follows a script; its port."""
    with socket.create_server((address, 0)) as listener:
        threading.Thread(target=_serve, args=(listener, script), daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # ends accept()


def _serve(listener: socket.socket, script: Script) -> None:
    number = 0
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        number += 1
        threading.Thread(target=_run, args=(connection, script, number), daemon=True).start()


def _run(connection: socket.socket, script: Script, number: int) -> None:
    with connection, suppress(OSError, struct.error):
        script(connection, number)
