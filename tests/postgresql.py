"""A PostgreSQL server for tests, with databases of their own; it listens on a Unix socket only."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.agreement.environment import program

#: Who owns the cluster; a test never asks for a password but where it says so.
OWNER = "postgres"
#: A killed server loses nothing that the operating system has; only a machine that loses its power would.
_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "100", "shared_buffers": "64MB"}
_SECONDS = 60
#: A password, which the server does not ask for, and which nothing may show.
PASSWORD = "mat-khau-0a1b2c3d"


def programs() -> Path:
    """The folder of PostgreSQL's programs, which Debian keeps by version and off the path; skips without one."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name))
    return folders[-1] if folders else Path(program("postgres")).resolve().parent


@dataclass(slots=True)
class PostgreSQL:
    """A cluster in a folder: ``start``, ``stop`` and ``kill`` it, ``create`` databases in it."""

    folder: Path
    user: str | None
    _process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def url(self, database: str = OWNER) -> str:
        """The address of a database, as SQLAlchemy and libpq read it."""
        return f"postgresql://{OWNER}@/{database}?host={self.folder}"

    def create(self, encoding: str = "UTF8") -> str:
        """The address of a new, empty database."""
        name = f"test{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}'")
        return self.url(name)

    def new_database(self) -> str:
        """The address, with a password, of a new, empty database."""
        return self.create().replace(f"{OWNER}@", f"{OWNER}:{PASSWORD}@", 1)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {_name(url)} WITH (FORCE)")

    def execute(self, statement: str, url: str | None = None) -> str:
        """What psql prints for a statement: a line for each row, without headings."""
        command = [str(programs() / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url or self.url()]
        return subprocess.run(
            [*command, "-c", statement], check=True, stdout=subprocess.PIPE, text=True, cwd="/"
        ).stdout

    def start(self) -> None:
        """Start the server and return when it takes connections."""
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        command = [str(programs() / "postgres"), "-D", str(self.folder / "data"), "-h", "", "-k", str(self.folder)]
        until = time.monotonic() + _SECONDS
        while True:
            with (self.folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    [*command, *settings], user=self.user, stdout=log, stderr=log, start_new_session=True
                )
            if self._answers(until):
                return
            # Backends of a killed server may hold its shared memory for a moment.
            assert time.monotonic() < until, (self.folder / "log").read_text(errors="replace")[-2000:]
            time.sleep(0.1)

    def _answers(self, until: float) -> bool:
        """Whether the server takes connections before it ends."""
        assert self._process is not None
        ready = [str(programs() / "pg_isready"), "-q", "-h", str(self.folder)]
        while self._process.poll() is None and time.monotonic() < until:
            if subprocess.run(ready, check=False, cwd="/").returncode == 0:
                return True
            time.sleep(0.05)
        self.kill()
        return False

    def stop(self) -> None:
        """End the server in order: connections are cut, nothing is lost."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_SECONDS)
            self._process = None

    def kill(self) -> None:
        """Kill the server and its backends with SIGKILL."""
        if self._process is None:
            return
        backends = _children(self._process.pid)
        self._process.kill()
        self._process.wait(_SECONDS)
        for each in backends:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self._process = None


def _name(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


def _children(process: int) -> list[int]:
    return [int(each) for task in Path(f"/proc/{process}/task").glob("*/children") for each in task.read_text().split()]


@contextmanager
def running() -> Iterator[PostgreSQL]:
    """A server with an empty cluster until the end of the body; as root it runs as the package's user."""
    user = "postgres" if os.geteuid() == 0 else None
    # The path of a Unix socket has at most 107 octets, and those of pytest's folders are long.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        initdb = [str(programs() / "initdb"), "--auth=trust", "--no-sync", f"--username={OWNER}"]
        locale = ["--encoding=UTF8", "--locale=C", "-D", str(folder / "data")]
        subprocess.run([*initdb, *locale], check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)
        (folder / "log").touch()
        server = PostgreSQL(folder, user)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
