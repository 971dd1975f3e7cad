"""Examines several servers at a time, each in a worker process: the gateway's guard watches the whole process it is
in.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

from tests.agreement.comparison import Examination, examine
from tests.agreement.environment import ServerPlaces
from tests.agreement.expected import Server
from tests.agreement.servers import SERVERS

Examined = dict[str, Future[Examination]]
_SERVERS = {server.name: server for server in SERVERS}
_server_places: list[ServerPlaces] = []


def _begin(folder: str) -> None:
    """Give this worker addresses of its own."""
    _server_places.append(ServerPlaces(Path(tempfile.mkdtemp(dir=folder))))


def _examine(name: str, sources: Sequence[str]) -> Examination:
    return examine(_SERVERS[name], _server_places[0], sources)


@contextlib.contextmanager
def examining(servers: Iterable[Server], sources: Sequence[str], jobs: int) -> Iterator[Examined]:
    """The examinations of these servers by their names, ``jobs`` at a time."""
    # Short, since some servers put sockets in it.
    with tempfile.TemporaryDirectory(prefix="servers-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # some servers run as another user
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_begin, initargs=(folder,)) as pool:
            yield {server.name: pool.submit(_examine, server.name, tuple(sources)) for server in servers}
            pool.shutdown(cancel_futures=True)
