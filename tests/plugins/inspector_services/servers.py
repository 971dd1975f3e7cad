"""Servers on loopback addresses of their own, started and ended by the test."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.agreement.environment import program
from tests.postgresql import programs

_ROOT = Path(__file__).parents[3]
_SPEAKERS = "tests.plugins.inspector_services.scripted_servers"
_numbers = count(1)
#: How vsftpd writes a flag.
_YES = {True: "YES", False: "NO"}


def own_address() -> str:
    """A loopback address that no other test run uses, so that well-known ports are free on it."""
    process = os.getpid() % 65000
    return f"127.{64 + next(_numbers) % 128}.{process >> 8}.{process & 255 or 1}"


@contextmanager
def speaking(address: str, habits: Mapping[int, str]) -> Iterator[None]:
    """Ports that answer by these habits (see ``scripted_servers``)."""
    command = [sys.executable, "-m", _SPEAKERS, address, *(f"{port}={habit}" for port, habit in habits.items())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.terminate()


installed = program


@contextmanager
def redis(address: str, port: int = 6379) -> Iterator[None]:
    """A Redis that anybody may ask."""
    options = ["--bind", address, "--port", str(port), "--protected-mode", "no", "--save", "", "--dir", "/"]
    with running([installed("redis-server"), *options], address, port):
        yield


@contextmanager
def sshd(address: str, port: int = 2222) -> Iterator[None]:
    """An OpenSSH server that lets nobody in."""
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "key"
        subprocess.run([installed("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        options = {"ListenAddress": address, "Port": port, "HostKey": key, "PidFile": "none", "UsePAM": "no"}
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        with running([installed("sshd"), "-D", "-f", "/dev/null", *words], address, port):
            yield


@contextmanager
def vsftpd(address: str, port: int, *, guests: bool = False, tls: tuple[str, str] | None = None) -> Iterator[None]:
    """An FTP server with local users, which may admit guests; with certificate and key all log in inside TLS."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"listen": "YES", "listen_address": address, "listen_port": port, "anonymous_enable": _YES[guests]}
        settings |= {"local_enable": "YES", "secure_chroot_dir": folder, "background": "NO"}
        if guests:
            settings |= {"anon_root": folder, "seccomp_sandbox": "NO"}
            Path(folder).chmod(0o755)
        if tls is not None:
            forced = ("ssl_enable", "allow_anon_ssl", "force_anon_logins_ssl", "force_local_logins_ssl")
            settings |= {**dict.fromkeys(forced, "YES"), "rsa_cert_file": tls[0], "rsa_private_key_file": tls[1]}
        path = Path(folder) / "vsftpd.conf"
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        with running([installed("vsftpd"), str(path)], address, port):
            yield


@contextmanager
def postgresql(address: str, port: int) -> Iterator[None]:
    """An empty PostgreSQL; it refuses to run as root."""
    user = "postgres" if os.geteuid() == 0 else None
    folder_of_programs = programs()
    with tempfile.TemporaryDirectory() as folder:
        if user is not None:
            shutil.chown(folder, user)
        data = Path(folder) / "data"
        initdb = [str(folder_of_programs / "initdb"), "--auth=reject", "--no-sync", "-D", str(data)]
        subprocess.run(initdb, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)
        command = [str(folder_of_programs / "postgres"), "-D", str(data), "-h", address, "-p", str(port), "-k", folder]
        with running(command, address, port, user=user):
            yield


@contextmanager
def running(command: list[str], address: str, port: int, user: str | None = None) -> Iterator[None]:
    """A server from when its port answers until the end of the body."""
    quiet = subprocess.DEVNULL
    # A session of its own: some servers signal their whole process group when they end.
    with subprocess.Popen(command, user=user, stdout=quiet, stderr=quiet, start_new_session=True) as process:
        try:
            _await(process, address, port)
            yield
        finally:
            process.terminate()


def _await(process: subprocess.Popen[bytes], address: str, port: int) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection((address, port), timeout=1).close()
        except OSError:
            assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
            assert time.monotonic() < until, f"{process.args!r} does not answer"
            time.sleep(0.05)
        else:
            return
