"""What holds for every test: one event loop, a loopback of its own, and nothing skipped where all is installed."""

import ctypes
import fcntl
import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.postgresql import PostgreSQL, running

# How long an example takes depends on the machine, and decides no test.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

NOTHING_MAY_BE_SKIPPED = os.environ.get("CI") == "true"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio, the only loop that the product runs on."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server of this process; a test makes databases in it, and starts it again where it ended it."""
    with running() as server:
        yield server


# --- Tests that wait run beside tests that compute -------------------------------------------------------------------

#: Folders whose tests mostly wait for servers and for processes that they start.
WAITING = ("agreement", "line", "packaging", "remedies")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the modules so that those that wait and those that compute take turns, evenly over the whole run.

    Several processes share the processors, and each takes the next module when it is done with one. In the order of
    the folders all of them would compute at one time and wait at another.
    """
    tests = Path(__file__).parent
    modules: dict[Path, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.path, []).append(item)
    kinds: dict[bool, list[list[pytest.Item]]] = {True: [], False: []}
    for path, members in modules.items():
        is_waiting = path.is_relative_to(tests) and path.relative_to(tests).parts[0] in WAITING
        kinds[is_waiting].append(members)
    for kind in kinds.values():  # the largest first, so that none is left over at the end
        kind.sort(key=len, reverse=True)
    placed = [(place / len(kind), members) for kind in kinds.values() for place, members in enumerate(kind)]
    items[:] = [item for _, members in sorted(placed, key=lambda each: each[0]) for item in members]


# --- What was sent to an address by one test slows no other one down -------------------------------------------------


@contextmanager
def _own_rate_state(factory: pytest.TempPathFactory) -> Iterator[None]:
    """A state folder, and with it rate limits, that nobody else uses, within the body."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def byte_code() -> Iterator[None]:
    """What a command that loads pinned plugins does to the whole process: no byte code is read, by others either."""
    kept = sys.pycache_prefix, sys.dont_write_bytecode
    yield
    sys.pycache_prefix, sys.dont_write_bytecode = kept


@pytest.fixture(scope="module", autouse=True)
def rate_state_of_the_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What fixtures of the module send counts for these only."""
    with _own_rate_state(tmp_path_factory):
        yield


@pytest.fixture(autouse=True)
def rate_state(rate_state_of_the_module: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a test sends counts for this test only."""
    with _own_rate_state(tmp_path_factory):
        yield


# --- A skipped test is red where CI=true --------------------------------------------------------------------------


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure that names its reason; an expected failure (xfail) is no skip."""
    if not NOTHING_MAY_BE_SKIPPED or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = (
        f"{reason}\nWhere CI=true nothing may be skipped: install what the test needs (./bootstrap --lab)."
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Apply the rule to tests and fixtures that skip while they run."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Apply the rule to modules that skip as a whole."""
    report = yield
    _refuse_skip(report)
    return report


# --- Tests talk to this machine only --------------------------------------------------------------------------------

_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1


def _enter_network_namespace() -> None:
    """Give this process a network of its own: a loopback interface and nothing else.

    Then tests that run side by side never meet at an address or a port, and count no packets but their own. Where that
    is not permitted (who is not root), they share the machine's loopback.
    """
    if ctypes.CDLL(None).unshare(_CLONE_NEWNET) != 0:
        return
    with socket.socket() as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


if sys.platform == "linux":
    _enter_network_namespace()


class ForeignAddress(BaseException):
    """A test reached for an address that is not on this machine. Not an Exception, so that no probe can swallow it."""


def _is_foreign(address: object) -> bool:
    if not isinstance(address, tuple) or not isinstance(address[0], str):
        return False  # a Unix socket, or netlink
    try:
        ip = ipaddress.ip_address(address[0].partition("%")[0])
    except ValueError:
        return address[0] not in {"", "localhost"}
    return not (ip.is_loopback or ip.is_unspecified)


def _watch(event: str, args: tuple[object, ...]) -> None:
    if event not in {"socket.connect", "socket.sendto", "socket.sendmsg"} or not _is_foreign(args[1]):
        return
    sock = args[0]
    if event == "socket.connect" and isinstance(sock, socket.socket) and sock.type == socket.SOCK_DGRAM:
        return  # asks the kernel for a route; sends nothing
    raise ForeignAddress(f"{event} to {args[1]}: tests reach servers on loopback only")


sys.addaudithook(_watch)
