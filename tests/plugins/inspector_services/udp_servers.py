"""UDP servers of Debian in a network namespace of their own, where every port is free, and probes that run in it."""

import ctypes
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.agreement.environment import needs_programs
from tests.plugins.inspector_services.servers import installed

T = TypeVar("T")

#: The address of the servers in their namespace. Some do not start where there is only 127.0.0.1.
ADDRESS = "127.0.0.5"
#: The port of the root of names in that namespace.
ROOT_PORT = 5300
_CLONE_NEWNET = 0x40000000
_SCRIPTED = Path(__file__).with_name("udp_scripted.py")
#: Programs that Debian keeps off the path.
_CHARON = "/usr/lib/ipsec/charon"


def needs_root() -> None:
    """Skip where a namespace without a user of its own may not be made: servers change to their own users in it."""
    if os.geteuid() != 0:
        pytest.skip("a network namespace for servers needs root")


class Namespace:
    """A network namespace, which the process ``pid`` keeps."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def run(self, *command: str) -> str:
        """The output of a command in it, which must succeed."""
        return subprocess.run([*self._enter, *command], check=True, capture_output=True, text=True).stdout

    def start(self, *command: str, **settings: str) -> subprocess.Popen[str]:
        """A process in it, with these settings in its environment."""
        environment = {**os.environ, **settings}
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            [*self._enter, *command],
            stdout=subprocess.PIPE,
            stderr=quiet,
            stdin=subprocess.PIPE,
            text=True,
            env=environment,
        )

    @property
    def _enter(self) -> list[str]:
        return ["nsenter", "--net", "-t", str(self.pid)]

    def call(self, function: Callable[[], T]) -> T:
        """The result of ``function``, called in a thread whose sockets are in this namespace."""
        results: list[T] = []
        errors: list[BaseException] = []

        def go() -> None:
            try:
                with self.entered():
                    results.append(function())
            except BaseException as error:  # noqa: BLE001  # raised below
                errors.append(error)

        thread = threading.Thread(target=go)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The sockets of this thread are in this namespace for the time being."""
        with Path(f"/proc/{self.pid}/ns/net").open("rb") as inner, Path("/proc/thread-self/ns/net").open("rb") as outer:
            assert ctypes.CDLL(None).setns(inner.fileno(), _CLONE_NEWNET) == 0
            try:
                yield
            finally:
                assert ctypes.CDLL(None).setns(outer.fileno(), _CLONE_NEWNET) == 0

    def bound(self, port: int) -> bool:
        """Whether a UDP socket is bound to this port (proc_pid_net(5))."""
        tables = (Path(f"/proc/{self.pid}/net/{name}").read_text() for name in ("udp", "udp6"))
        lines = [line for table in tables for line in table.splitlines()[1:]]
        return any(line.split()[1].endswith(f":{port:04X}") for line in lines)


@contextmanager
def namespace(*setup: str) -> Iterator[Namespace]:
    """A network namespace with a loopback interface, and what ``setup`` (shell commands) adds."""
    needs_root()
    needs_programs("ip")
    script = " && ".join(["ip link set lo up", f"ip address add {ADDRESS}/8 dev lo", *setup, "echo ready", "exec cat"])
    pipe = subprocess.PIPE
    with subprocess.Popen(["unshare", "--net", "sh", "-c", script], stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield Namespace(process.pid)
        finally:
            process.kill()


@contextmanager
def _running(space: Namespace, port: int, *command: str, **settings: str) -> Iterator[None]:
    """A server in the namespace, from when its port is bound until the end of the body."""
    process = space.start(*command, **settings)
    try:
        until = time.monotonic() + 60
        while not space.bound(port):
            assert process.poll() is None, f"{command!r} ended with {process.returncode}"
            assert time.monotonic() < until, f"{command!r} does not bind port {port}"
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.communicate()


def _in_own_run(*command: str) -> list[str]:
    """The command with an empty ``/run``, for servers of which a machine runs one by a lock there."""
    own = 'mount -t tmpfs tmpfs /run && mkdir /run/avahi-daemon && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", own, "sh", *command]


class Scripted:
    """The process of scripted servers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def report(self) -> dict[int, int]:
        """How many datagrams came to each port."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return {int(port): count for port, count in json.loads(self._process.stdout.readline()).items()}


@contextmanager
def scripted(space: Namespace, habits: Mapping[int, str], address: str = ADDRESS) -> Iterator[Scripted]:
    """Ports that answer by these habits (see ``udp_scripted``)."""
    pairs = [f"{port}={habit}" for port, habit in habits.items()]
    process = space.start(sys.executable, str(_SCRIPTED), address, *pairs)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Scripted(process)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _folder(name: str, text: str) -> Iterator[Path]:
    """A configuration file in a folder of its own that servers may write to under any user."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        path = Path(folder) / name
        path.write_text(text.replace("FOLDER", folder))
        yield path


@contextmanager
def snmpd(space: Namespace, *, community: str | None) -> Iterator[None]:
    """Net-SNMP's agent, readable by everybody with a community, or by a user of version 3 only."""
    access = f"rocommunity {community}" if community else "rouser nobody priv"
    with _folder("snmpd.conf", f"agentaddress udp:{ADDRESS}:161\n{access}\n") as path:
        command = [installed("snmpd"), "-f", "-Ln", "-C", "-c", str(path), "-p", f"{path}.pid"]
        with _running(space, 161, *command, SNMP_PERSISTENT_DIR=str(path.parent)):
            yield


@contextmanager
def ntpd(space: Namespace, *, query: bool) -> Iterator[None]:
    """NTPsec, which answers control questions of everybody, or as Debian restricts it."""
    open_to_all = "restrict default\nrestrict 127.0.0.1"
    restriction = open_to_all if query else "restrict default kod nomodify nopeer noquery"
    text = f"{restriction}\nserver 127.127.1.0\nfudge 127.127.1.0 stratum 8\n"
    with _folder("ntp.conf", text) as path:
        command = [installed("ntpd"), "-n", "-c", str(path), "-p", f"{path}.pid", "-I", ADDRESS]
        with _running(space, 123, *command):
            yield


_NAMED = """
options {{
  directory "FOLDER"; pid-file none; session-keyfile none; listen-on port {port} {{ {address}; }};
  listen-on-v6 {{ none; }}; dnssec-validation no; allow-query {{ any; }}; {options}
}};
controls {{}};
{zones}
"""


def zone(name: str) -> str:
    """A zone that a server of names is authoritative for, with nothing in it."""
    return f'zone "{name}" {{ type primary; file "FOLDER/empty.zone"; }};'


ROOT_ZONE = zone(".")
_EMPTY_ZONE = "$TTL 60\n@ SOA ns.test. host.test. 1 60 60 60 60\n@ NS ns.test.\nns.test. A 127.0.0.1\n"


@contextmanager
def named(space: Namespace, port: int, options: str, *zones: str) -> Iterator[None]:
    """BIND with these options and zones."""
    text = _NAMED.format(address=ADDRESS, port=port, options=options, zones="\n".join(zones))
    with _folder("named.conf", text) as path:
        (path.parent / "empty.zone").write_text(_EMPTY_ZONE)
        with _running(space, port, installed("named"), "-f", "-n", "1", "-c", str(path)):
            yield


_UNBOUND = """
server:
  interface: {address}@{port}
  access-control: 127.0.0.0/8 {access}
  do-not-query-localhost: no
  chroot: ""
  username: ""
  directory: "FOLDER"
  pidfile: ""
  use-syslog: no
  module-config: "iterator"
  num-threads: 1
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: {address}@{root}
"""


@contextmanager
def unbound(space: Namespace, access: str, port: int = 53) -> Iterator[None]:
    """Unbound, which forwards to the root of names, with this rule for strangers."""
    text = _UNBOUND.format(address=ADDRESS, port=port, access=access, root=ROOT_PORT)
    with _folder("unbound.conf", text) as path, _running(space, port, installed("unbound"), "-d", "-c", str(path)):
        yield


@contextmanager
def dnsmasq(space: Namespace, *options: str) -> Iterator[None]:
    """dnsmasq without files of the system."""
    command = [installed("dnsmasq"), "-k", "-C", "/dev/null", "-R", "-h", "-u", "root", "-x", ""]
    bound = [f"--listen-address={ADDRESS}", "--bind-interfaces", *options]
    with _running(space, 53, *command, *bound):
        yield


@contextmanager
def open_resolver(space: Namespace) -> Iterator[None]:
    """BIND, which resolves for everybody, and the root of names that it asks."""
    forwarding = f"forwarders {{ {ADDRESS} port {ROOT_PORT}; }}; forward only;"
    with (
        named(space, ROOT_PORT, "recursion no;", ROOT_ZONE),
        named(space, 53, f"recursion yes; allow-recursion {{ any; }}; {forwarding}"),
    ):
        yield


@contextmanager
def closed_resolver(space: Namespace) -> Iterator[None]:
    """BIND, which resolves for networks that nobody asks from."""
    with named(space, 53, "recursion yes; allow-recursion { 192.0.2.0/24; };"):
        yield


@contextmanager
def memcached(space: Namespace, address: str = ADDRESS) -> Iterator[None]:
    """memcached with UDP, which is off unless asked for."""
    with _running(space, 11211, installed("memcached"), "-u", "nobody", "-l", address, "-p", "11211", "-U", "11211"):
        yield


@contextmanager
def tftpd(space: Namespace) -> Iterator[None]:
    """tftpd-hpa with an empty folder; a script where it is of release 5.3, which answers at 127.0.0.1 alone."""
    version = subprocess.run([installed("in.tftpd"), "-V"], capture_output=True, text=True, check=False).stdout
    if " 5.3" in version:
        with scripted(space, {69: "tftp"}):
            yield
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [installed("in.tftpd"), "-L", "-4", "--secure", "--user", "root", folder]
        with _running(space, 69, *command):
            yield


@contextmanager
def rpcbind(space: Namespace) -> Iterator[None]:
    """The port mapper."""
    with _running(space, 111, *_in_own_run(installed("rpcbind"), "-f", "-h", ADDRESS)):
        yield


@contextmanager
def nmbd(space: Namespace) -> Iterator[None]:
    """Samba's server of NetBIOS names."""
    folders = "".join(f"{name} directory = FOLDER\n" for name in ("lock", "state", "cache", "pid", "private"))
    text = f"[global]\nworkgroup = TEST\nnetbios name = LAB\ninterfaces = {ADDRESS}/8\nlog file = FOLDER/log\n{folders}"
    text += "nmbd:socket dir = FOLDER/nmbd\n"
    with _folder("smb.conf", text) as path:
        command = [installed("nmbd"), "-F", "--no-process-group", "-s", str(path)]
        with _running(space, 137, *command):
            yield


@contextmanager
def avahi(space: Namespace) -> Iterator[None]:
    """Avahi without D-Bus, which announces a workstation."""
    text = (
        "[server]\nhost-name=lab\nuse-ipv6=no\nallow-interfaces=lo\nenable-dbus=no\n"
        "[publish]\npublish-workstation=yes\n"
    )
    with _folder("avahi.conf", text) as path:
        command = [installed("avahi-daemon"), "--no-drop-root", "--no-rlimits", "--no-chroot", "-f", str(path)]
        with _running(space, 5353, *_in_own_run(*command)):
            yield


@contextmanager
def coap(space: Namespace) -> Iterator[None]:
    """libcoap's example server."""
    with _running(space, 5683, installed("coap-server-notls"), "-A", ADDRESS):
        yield


@contextmanager
def kamailio(space: Namespace) -> Iterator[None]:
    """A SIP server that says 200 to every request."""
    text = 'loadmodule "sl.so"\nloadmodule "pv.so"\nchildren=1\nrequest_route {\n  sl_send_reply("200", "OK");\n}\n'
    with _folder("kamailio.cfg", text) as path:
        command = [installed("kamailio"), "-DD", "-E", "-m", "32", "-l", f"udp:{ADDRESS}:5060", "-f", str(path)]
        with _running(space, 5060, *command):
            yield


@contextmanager
def charon(space: Namespace) -> Iterator[None]:
    """strongSwan's IKE daemon without any connection."""
    if not Path(_CHARON).exists():
        pytest.skip("strongSwan is not installed")
    plugins = "random nonce openssl aes sha1 sha2 hmac gmp kdf kernel-netlink socket-default stroke"
    stroke = "plugins { stroke { socket = unix://FOLDER/ctl } }"
    text = f"charon {{\n load = {plugins}\n install_routes = no\n {stroke}\n}}\n"
    command = _in_own_run(_CHARON)
    with _folder("strongswan.conf", text) as path, _running(space, 500, *command, STRONGSWAN_CONF=str(path)):
        yield


@contextmanager
def exposed() -> Iterator[Namespace]:
    """Every server of Debian that answers over UDP, each as open as it gets."""
    with namespace() as space, ExitStack() as stack:
        stack.enter_context(snmpd(space, community="public"))
        stack.enter_context(ntpd(space, query=True))
        for server in (open_resolver, memcached, tftpd, rpcbind, nmbd, avahi, coap, kamailio, charon):
            stack.enter_context(server(space))
        yield space


@contextmanager
def orderly() -> Iterator[Namespace]:
    """Servers that are meant to be asked by everybody, each as closed as it can be."""
    with namespace() as space, ExitStack() as stack:
        stack.enter_context(closed_resolver(space))
        stack.enter_context(ntpd(space, query=False))
        stack.enter_context(snmpd(space, community=None))
        yield space


#: Answers to what a standard says, and to what none does.
HABITS = {123: "old-ntp", 137: "garbage", 161: "silent", 389: "cldap", 443: "quic", 1900: "ssdp", 5353: "echo"}


@contextmanager
def by_the_book() -> Iterator[Namespace]:
    """Scripted servers of the protocols of which Debian has none, and some that speak none."""
    with namespace() as space, scripted(space, HABITS):
        yield space


@contextmanager
def behind(rule: str) -> Iterator[Namespace]:
    """Nothing but a rule of nftables for what comes in."""
    needs_programs("nft")
    chain = "nft 'add chain inet t c { type filter hook input priority 0; }'"
    with namespace("nft add table inet t", chain, f"nft add rule inet t c {rule}") as space:
        yield space


def silent() -> AbstractContextManager[Namespace]:
    """A firewall that drops what comes over UDP."""
    return behind("meta l4proto udp drop")


def prohibited() -> AbstractContextManager[Namespace]:
    """A firewall that says so when it drops what comes over UDP."""
    return behind("meta l4proto udp reject with icmpx type admin-prohibited")


#: By name: what the probes are pointed at.
SCENES: dict[str, Callable[[], AbstractContextManager[Namespace]]] = {
    "by-the-book": by_the_book,
    "exposed": exposed,
    "nothing": namespace,
    "orderly": orderly,
    "prohibited": prohibited,
    "silent": silent,
}
