"""Servers of Debian's packages, each at a well-known port of a loopback address; those below 1024 need root."""

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
from tests.agreement.environment import Keys, Place
from tests.agreement.expected import Start
from tests.plugins.inspector_services.servers import installed, postgresql, redis, running, vsftpd

#: What starts a server at an address.
Server = Callable[[str], AbstractContextManager[None]]
#: What writes a program's settings into a folder, and its command line.
Command = Callable[[str, Path], list[str]]


@contextlib.contextmanager
def _folder(owner: str | None = None) -> Iterator[Path]:
    """A folder that other users can enter, as servers drop their privileges."""
    with tempfile.TemporaryDirectory(prefix="services-", dir="/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        if owner is not None:
            shutil.chown(name, owner)
        yield Path(name)


def _at(port: int, start: Callable[[str, int], AbstractContextManager[None]]) -> Server:
    return lambda address: start(address, port)


def _placed(start: Start) -> Server:
    """A server of the comparison with other tools."""

    @contextlib.contextmanager
    def server(address: str) -> Iterator[None]:
        with _folder() as folder:
            own = folder / "server"
            own.mkdir()
            with start(Place(address, own, Keys(folder))):
                yield

    return server


def _program(port: int, command: Command, user: str | None = None) -> Server:
    """A program in the foreground, as ``user`` where root starts it."""

    @contextlib.contextmanager
    def server(address: str) -> Iterator[None]:
        owner = user if os.geteuid() == 0 else None
        with _folder(owner) as folder, running(command(address, folder), address, port, user=owner):
            yield

    return server


def _memcached(address: str, _folder: Path) -> list[str]:
    return [installed("memcached"), "-l", address, "-p", "11211", "-U", "0", "-u", "nobody"]


def _mosquitto(anonymous: str) -> Command:
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


def _samba(settings: str, port: int = 445) -> Command:
    def command(address: str, folder: Path) -> list[str]:
        path = folder / "smb.conf"
        folders = "".join(
            f"{name} = {folder}\n"
            for name in ("private dir", "lock directory", "state directory", "cache directory", "pid directory")
        )
        path.write_text(
            f"[global]\ninterfaces = {address}/8\nbind interfaces only = yes\nsmb ports = {port}\n{folders}"
            f"ncalrpc dir = {folder}\nlog file = {folder}/log\nload printers = no\n{settings}\n"
        )
        return [installed("smbd"), "-F", "--no-process-group", "-s", str(path)]

    return command


def _self_signed(folder: Path) -> tuple[str, str]:
    """The paths of a certificate and its key."""
    certificate, key = str(folder / "certificate.pem"), str(folder / "key.pem")
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=server", "-days", "2"]
    made = [installed("openssl"), *request, "-keyout", key, "-out", certificate]
    subprocess.run(made, check=True, capture_output=True)
    return certificate, key


def _xrdp(security: str) -> Command:
    def command(address: str, folder: Path) -> list[str]:
        keys, path = folder / "rsakeys.ini", folder / "xrdp.ini"
        certificate, key = _self_signed(folder)
        subprocess.run([installed("xrdp-keygen"), "xrdp", str(keys)], check=True, capture_output=True)
        path.write_text(
            f"[Globals]\nini_version=1\nfork=true\nport=tcp://{address}:3389\nsecurity_layer={security}\n"
            f"crypt_level=high\ncertificate={certificate}\nkey_file={key}\nrsakeys_ini={keys}\n[Logging]\n"
            f"LogFile={folder}/log\nLogLevel=ERROR\nEnableSyslog=false\n[Xorg]\nname=Xorg\nlib=libxup.so\n"
        )
        return [installed("xrdp"), "--nodaemon", "--config", str(path)]

    return command


def _tigervnc(types: str) -> Command:
    def command(address: str, folder: Path) -> list[str]:
        password = folder / "passwd"
        password.write_bytes(bytes(8))
        display = [":1", "-nolock", "-nolisten", "tcp", "-nolisten", "local"]
        vnc = ["-rfbport", "5900", "-interface", address, "-SecurityTypes", types, "-rfbauth", str(password)]
        return [installed("Xtigervnc"), *display, *vnc]

    return command


def _x11(address: str, _folder: Path) -> list[str]:
    """An X server that anybody may use; it listens at every address, and at another port for VNC."""
    display = [":0", "-nolock", "-listen", "tcp", "-nolisten", "local", "-ac"]
    return [installed("Xtigervnc"), *display, "-rfbport", "5999", "-interface", address, "-SecurityTypes", "None"]


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
        "import socket, subprocess\n"
        f"listener = socket.create_server(({address!r}, 23))\n"
        "while True:\n"
        "    client, _ = listener.accept()\n"
        "    with client:\n"
        f"        subprocess.Popen([{installed('telnetd')!r}, '-h'], stdin=client, stdout=client, stderr=client)\n"
    )
    return [sys.executable, "-c", script]


def _redis(*options: str) -> Command:
    return lambda address, _folder: [
        *(installed("redis-server"), "--bind", address, "--port", "6379", "--save", "", "--dir", "/"),
        *options,
    ]


def _redis_in_tls(address: str, folder: Path) -> list[str]:
    certificate, key = _self_signed(folder)
    tls = ["--tls-port", "6379", "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no"]
    return [*_redis("--protected-mode", "no", *tls)(address, folder), "--port", "0"]


def _vsftpd_in_tls(*, guests: bool) -> Server:
    @contextlib.contextmanager
    def server(address: str) -> Iterator[None]:
        with _folder() as folder, vsftpd(address, 21, guests=guests, tls=_self_signed(folder)):
            yield

    return server


#: Port and start by name.
SERVERS: dict[str, tuple[int, Server]] = {
    "dovecot-imap": (143, _placed(programs.dovecot("imap", 143))),
    "dovecot-pop3": (110, _placed(programs.dovecot("pop3", 110))),
    "etcd": (2379, _program(2379, _etcd)),
    "mariadb": (3306, _placed(programs.mariadb())),
    "memcached": (11211, _program(11211, _memcached)),
    "mosquitto": (1883, _program(1883, _mosquitto("true"), "nobody")),
    "mosquitto-password": (1883, _program(1883, _mosquitto("false"), "nobody")),
    "postfix": (25, _placed(programs.postfix())),
    "postfix-relay": (25, _placed(programs.postfix("mynetworks = 0.0.0.0/0"))),
    "postgresql": (5432, _at(5432, postgresql)),
    "redis": (6379, _at(6379, redis)),
    "redis-in-tls": (6379, _program(6379, _redis_in_tls)),
    "redis-password": (6379, _program(6379, _redis("--requirepass", "none"))),
    "rpcbind": (111, _program(111, _rpcbind)),
    "rsync": (873, _program(873, _rsync)),
    "samba": (445, _program(445, _samba("server signing = mandatory"))),
    "samba-netbios": (139, _program(139, _samba("server signing = auto", 139))),
    "samba-old": (445, _program(445, _samba("server min protocol = NT1\nserver signing = auto"))),
    "slapd": (389, _placed(programs.slapd())),
    "telnetd": (23, _program(23, _telnetd)),
    "tigervnc": (5900, _program(5900, _tigervnc("TLSVnc"))),
    "tigervnc-open": (5900, _program(5900, _tigervnc("None"))),
    "vsftpd": (21, _at(21, vsftpd)),
    "vsftpd-guests": (21, lambda address: vsftpd(address, 21, guests=True)),
    "vsftpd-guests-in-tls": (21, _vsftpd_in_tls(guests=True)),
    "vsftpd-in-tls": (21, _vsftpd_in_tls(guests=False)),
    "x11": (6000, _program(6000, _x11)),
    "xrdp": (3389, _program(3389, _xrdp("tls"))),
    "xrdp-negotiating": (3389, _program(3389, _xrdp("negotiate"))),
}


@contextlib.contextmanager
def started(address: str, *names: str) -> Iterator[dict[str, int]]:
    """These servers at one address, and the port of each."""
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(SERVERS[name][1](address))
        yield {name: SERVERS[name][0] for name in names}
