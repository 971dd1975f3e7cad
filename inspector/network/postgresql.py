"""Connections to the database of PostgreSQL that several machines share, and what goes wrong with them.

Its URL has a password, and stands in no message, log line or record: a database is named by its host and its name.
Nothing here reaches a target. The driver is an extra, which is imported when a database is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector.declare.settings import is_database_url
from inspector.model.errors import InspectorError, UsageError
from inspector.model.formatted import FormattedMessage
from inspector.network.guard.audit_hook import allow_database

if TYPE_CHECKING:
    import psycopg

#: Everything of Inspector is in this schema of the database.
SCHEMA = "inspector"
#: Seconds until a database counts as gone that does not answer: to a connection, and to what was sent to it.
_CONNECT_SECONDS, _SILENT_SECONDS = 5, 10
#: What holds of every session; a commit that was confirmed is on the disk, so that nothing is spent twice.
_SESSION = {
    "search_path": SCHEMA,
    "synchronous_commit": "on",
    "lock_timeout": "30s",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
    "TimeZone": "UTC",
}
_MOST_BYTES = 4096


@dataclass(frozen=True, slots=True)
class DatabaseSource:
    """A database: its connection URL, and how it is named to people."""

    url: str = field(repr=False)
    name: str

    @classmethod
    def of(cls, text: str) -> DatabaseSource:
        """The database at a URL, or at the URL in a file. Raises UsageError."""
        try:
            from psycopg import ProgrammingError
            from psycopg.conninfo import conninfo_to_dict
        except ImportError:
            raise UsageError(
                "a database is named, but the driver for PostgreSQL is not installed",
                remedy="install it with: pip install 'level-inspector[postgresql]'",
            ) from None
        url = text if is_database_url(text) else _in_file(Path(text))
        try:
            found = conninfo_to_dict(url)
        except ProgrammingError:  # whose message has the URL
            raise UsageError("the URL of the database is malformed", remedy=_URL_REMEDY) from None
        host = str(found.get("host") or found.get("hostaddr") or "localhost")
        port = f":{found['port']}" if "port" in found else ""
        return cls(url, f"postgresql://{host}{port}/{found.get('dbname') or ''}")

    def connect(self) -> psycopg.Connection[dict[str, Any]]:
        """A session that commits each statement by itself. Raises psycopg.Error."""
        import psycopg
        from psycopg.rows import dict_row

        with allow_database():
            connection: psycopg.Connection[dict[str, Any]] = psycopg.connect(
                self.url,
                autocommit=True,
                row_factory=dict_row,
                connect_timeout=_CONNECT_SECONDS,
                tcp_user_timeout=_SILENT_SECONDS * 1000,
                keepalives_idle=_SILENT_SECONDS,
                keepalives_interval=2,
                keepalives_count=3,
                application_name="inspector",
            )
        try:
            settings = ", ".join("set_config(%s, %s, false)" for _ in _SESSION)
            connection.execute(f"SELECT {settings}", [each for pair in _SESSION.items() for each in pair])
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def errors(self, kind: type[InspectorError], template: str) -> Iterator[None]:
        """Turn an error of the database into one of this kind, with ``{database}`` and ``{reason}`` in its text."""
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            raise kind(
                FormattedMessage(template, database=self.name, reason=_reason(error)),
                remedy="check the database and the way to it; nothing is sent until it is back",
            ) from error


_URL_REMEDY = "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or the path of a file with that line"


def _reason(error: Exception) -> str:
    """The first line of what the driver says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _in_file(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            others_read = path.stat().st_mode & 0o007
            text = file.read(_MOST_BYTES).strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(
            FormattedMessage("{file}: the URL of the database cannot be read: {reason}", file=path, reason=reason),
            remedy=_URL_REMEDY,
        ) from None
    if others_read:
        raise UsageError(
            FormattedMessage("{file}: every user of this machine can read the password of the database", file=path),
            remedy=FormattedMessage("take the permissions of others away: chmod o= {file}", file=path),
        )
    if not is_database_url(text):
        raise UsageError(FormattedMessage("{file}: is no URL of a PostgreSQL database", file=path), remedy=_URL_REMEDY)
    return text
