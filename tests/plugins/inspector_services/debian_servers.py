"""Servers of Debian's packages, each on a loopback address of its own, with what their identity must be."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from tests.agreement import programs
from tests.agreement.environment import ServerPlaces
from tests.agreement.expected import Start
from tests.plugins.inspector_services.servers import installed, own_address, postgresql, redis, running, vsftpd

#: A started server: its address and port.
Started = tuple[str, int]
Server = Callable[[], AbstractContextManager[Started]]


@contextlib.contextmanager
def _folder(owner: str | None = None) -> Iterator[Path]:
    """A folder that other users can enter, as servers drop their privileges."""
    with tempfile.TemporaryDirectory(prefix="services-", dir="/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        if owner is not None and os.geteuid() == 0:
            shutil.chown(name, owner)
        yield Path(name)


def _user(name: str = "nobody") -> str | None:
    return name if os.geteuid() == 0 else None


def _simple(start: Callable[[str, int], AbstractContextManager[None]], port: int) -> Server:
    """A server of the other tests, on this port."""

    @contextlib.contextmanager
    def server() -> Iterator[Started]:
        address = own_address()
        with start(address, port):
            yield address, port

    return server


def _placed(start: Start) -> Server:
    """A server of the comparison with other tools, without its TLS."""

    @contextlib.contextmanager
    def server() -> Iterator[Started]:
        with _folder() as folder:
            place = ServerPlaces(folder).place("server")
            with start(place) as port:
                yield place.address, port

    return server


def _with_files(port: int, command: Callable[[str, Path], list[str]], user: str | None = None) -> Server:
    """A program with a folder of its own, in the foreground; ``command`` writes its settings."""

    @contextlib.contextmanager
    def server() -> Iterator[Started]:
        address = own_address()
        with _folder(user) as folder, running(command(address, folder), address, port, user=user and _user(user)):
            yield address, port

    return server


def _memcached(address: str, _folder: Path) -> list[str]:
    return [installed("memcached"), "-l", address, "-p", "11211", "-U", "0", "-u", "nobody"]


def _mosquitto(anonymous: str) -> Callable[[str, Path], list[str]]:
    def command(address: str, folder: Path) -> list[str]:
        path = folder / "mosquitto.conf"
        path.write_text(f"listener 1883 {address}\nallow_anonymous {anonymous}\n")
        return [installed("mosquitto"), "-c", str(path)]

    return command


def _etcd(address: str, folder: Path) -> list[str]:
    client, peer = f"http://{address}:2379", f"http://{address}:2380"
    return [
        *(installed("etcd"), "--data-dir", str(folder / "data"), "--initial-cluster", f"default={peer}"),
        *("--listen-client-urls", client, "--advertise-client-urls", client),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
    ]


def _samba(settings: str, port: int = 445) -> Callable[[str, Path], list[str]]:
    def command(address: str, folder: Path) -> list[str]:
        path = folder / "smb.conf"
        folders = "".join(
            f"{name} = {folder}\n"
            for name in ("private dir", "lock directory", "state directory", "cache directory", "pid directory")
        )
        path.write_text(
            f"[global]\ninterfaces = {address}/8\nbind interfaces only = yes\nsmb ports = {port}\n{folders}"
            f"ncalrpc dir = {folder}\nlog file = {folder}/log\ndisable netbios = no\nload printers = no\n{settings}\n"
        )
        return [installed("smbd"), "-F", "--no-process-group", "-s", str(path)]

    return command


def _xrdp(security: str) -> Callable[[str, Path], list[str]]:
    def command(address: str, folder: Path) -> list[str]:
        key, certificate, keys = folder / "key.pem", folder / "cert.pem", folder / "rsakeys.ini"
        subprocess.run([installed("xrdp-keygen"), "xrdp", str(keys)], check=True, capture_output=True)
        self_signed = ["-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=rdp", "-days", "2"]
        made = [installed("openssl"), "req", *self_signed, "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(made, check=True, capture_output=True)
        path = folder / "xrdp.ini"
        path.write_text(
            f"[Globals]\nini_version=1\nfork=false\nport=tcp://{address}:3389\nsecurity_layer={security}\n"
            f"crypt_level=high\ncertificate={certificate}\nkey_file={key}\nrsakeys_ini={keys}\n[Logging]\n"
            f"LogFile={folder}/log\nLogLevel=ERROR\nEnableSyslog=false\n[Xorg]\nname=Xorg\nlib=libxup.so\n"
        )
        return [installed("xrdp"), "--nodaemon", "--config", str(path)]

    return command


def _tigervnc(types: str) -> Callable[[str, Path], list[str]]:
    def command(address: str, folder: Path) -> list[str]:
        password = folder / "passwd"
        password.write_bytes(bytes(8))
        return [
            *(installed("Xtigervnc"), ":1", "-nolock", "-rfbport", "5900", "-interface", address),
            *("-SecurityTypes", types, "-rfbauth", str(password), "-nolisten", "tcp", "-nolisten", "local"),
        ]

    return command


@contextlib.contextmanager
def x11() -> Iterator[Started]:
    """An X server that anybody may use over TCP; it listens at every address."""
    address = own_address()
    command = [installed("Xtigervnc"), ":0", "-nolock", "-rfbport", "-1", "-listen", "tcp", "-ac", "-nolisten", "local"]
    with running(command, address, 6000):
        yield address, 6000


def _rsync(address: str, folder: Path) -> list[str]:
    path = folder / "rsyncd.conf"
    path.write_text(f"use chroot = no\npid file = {folder}/pid\n")
    return [installed("rsync"), "--daemon", "--no-detach", f"--config={path}", f"--address={address}", "--port=873"]


def _rpcbind(address: str, _folder: Path) -> list[str]:
    """In a file system of its own: the machine's lock allows one."""
    script = f"mount -t tmpfs none /run && exec {installed('rpcbind')} -f -h {address}"
    return [installed("unshare"), "-m", "sh", "-c", script]


def _telnetd(address: str, _folder: Path) -> list[str]:
    """telnetd with the part of inetd that it needs: a connection as its standard input and output."""
    script = (
        "import socket, subprocess, sys\n"
        f"listener = socket.create_server(({address!r}, 23))\n"
        "while True:\n"
        "    client, _ = listener.accept()\n"
        "    with client:\n"
        f"        subprocess.Popen([{installed('telnetd')!r}, '-h'], stdin=client, stdout=client, stderr=client)\n"
    )
    return [sys.executable, "-c", script]


@contextlib.contextmanager
def redis_with_password() -> Iterator[Started]:
    """A Redis that answers nobody who does not log in."""
    address = own_address()
    options = ["--bind", address, "--port", "6379", "--requirepass", "none", "--save", "", "--dir", "/"]
    with running([installed("redis-server"), *options], address, 6379):
        yield address, 6379


#: By name.
SERVERS: dict[str, Server] = {
    "dovecot-imap": _placed(programs.dovecot("imap", 143)),
    "dovecot-pop3": _placed(programs.dovecot("pop3", 110)),
    "etcd": _with_files(2379, _etcd),
    "mariadb": _placed(programs.mariadb()),
    "memcached": _with_files(11211, _memcached),
    "mosquitto": _with_files(1883, _mosquitto("true"), "nobody"),
    "mosquitto-password": _with_files(1883, _mosquitto("false"), "nobody"),
    "postfix": _placed(programs.postfix()),
    "postgresql": _simple(postgresql, 5432),
    "redis": _simple(redis, 6379),
    "redis-password": redis_with_password,
    "rpcbind": _with_files(111, _rpcbind),
    "rsync": _with_files(873, _rsync),
    "samba": _with_files(445, _samba("server signing = mandatory")),
    "samba-netbios": _with_files(139, _samba("server signing = auto", 139)),
    "samba-old": _with_files(445, _samba("server min protocol = NT1\nserver signing = auto")),
    "slapd": _placed(programs.slapd()),
    "telnetd": _with_files(23, _telnetd),
    "tigervnc": _with_files(5900, _tigervnc("TLSVnc")),
    "tigervnc-open": _with_files(5900, _tigervnc("None")),
    "vsftpd": _simple(vsftpd, 21),
    "x11": x11,
    "xrdp": _with_files(3389, _xrdp("tls")),
    "xrdp-negotiating": _with_files(3389, _xrdp("negotiate")),
}
