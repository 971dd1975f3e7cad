"""The ledger: every connection and question that left this machine, on disk before its first packet does."""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from inspector.model.base import canonical
from inspector.model.errors import BundleError
from inspector.record.ledger_entry import SWEEP, LedgerEntry

_REMEDY = "make room there, then resume the inspection"

_Key = tuple[object, ...]


def _key(entry: LedgerEntry) -> _Key:
    return (entry.at, entry.address, entry.port, entry.protocol, entry.probe, entry.subject)


def merged(written: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """One entry per connection, from the lines of a ledger: its beginning and, where it was written, its ending."""
    whole: list[LedgerEntry] = []
    waiting: dict[_Key, deque[int]] = defaultdict(deque)
    for entry in written:
        places = waiting[_key(entry)]
        if places and (entry.questions == 0 or entry.protocol == SWEEP):
            place = places.popleft()
            questions = whole[place].questions + entry.questions
            whole[place] = entry.model_copy(update={"questions": questions})
            continue
        places.append(len(whole))
        whole.append(entry)
    return whole


@dataclass(slots=True)
class LedgerLine:
    """Something that leaves now: what a ``LedgerEntry`` says of it in its first line (``at`` in UTC).

    Every connection writes two lines, so they are put together from parts, byte for byte as the model writes them.
    """

    at: datetime
    address: str
    port: int
    protocol: str
    probe: str
    subject: str
    authorisation: str | None = None
    infrastructure: bool = False
    questions: int = 1
    _frame: tuple[str, str] | None = field(default=None, init=False, repr=False, compare=False)

    def line(self, questions: int, sent: int = 0, received: int = 0, result: str = "open") -> bytes:
        """The entry in canonical JSON, with the end of its line. ``result`` is ``open`` or a Cause's value."""
        before, behind = self._frame or self._framed()
        return f'{before}{questions},"received":{received},"result":"{result}","sent":{sent}{behind}'.encode()

    def _framed(self) -> tuple[str, str]:
        """What stands before and behind the counts."""
        address, request_context, subject = _parts(
            self.address, self.port, self.protocol, self.probe, self.subject, self.authorisation, self.infrastructure
        )
        at = self.at.isoformat().replace("+00:00", "Z")
        self._frame = f"{address}{at}{request_context}", subject
        return self._frame


@lru_cache(maxsize=1024)
def _parts(
    address: str, port: int, protocol: str, probe: str, subject: str, authorisation: str | None, infrastructure: bool
) -> tuple[str, str, str]:
    """What the lines of one scan of one port have in common: before the instant, after it, and behind the counts."""
    known = {
        "authorisation": authorisation,
        "infrastructure": infrastructure,
        "port": port,
        "probe": probe,
        "protocol": protocol,
    }
    request_context = canonical(known).decode()[1:-1]
    return (
        f'{{"address":{_text(address)},"at":"',
        f'",{request_context},"questions":',
        f',"subject":{_text(subject)}}}\n',
    )


def _text(value: str) -> str:
    return canonical(value).decode()


class Ledger:
    """A file of ``LedgerEntry`` lines in canonical JSON, only ever appended to.

    A connection has two lines: ``open`` before it leaves (its question, no bytes), and one when it ends (no question,
    its bytes, how it went). So sums over lines are right at every instant, and a kill loses nothing but byte counts.
    A sweep opens with one question per port and ends with those it asked again; one cut short is counted whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tear()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _tear(self) -> None:
        """Cut off what a kill left of a last line."""
        if self.path.exists():
            with self.path.open("rb+") as file:
                file.truncate(file.read().rfind(b"\n") + 1)

    def write(self, entry: LedgerEntry) -> None:
        """Append one entry, as another ledger had it. Raises BundleError."""
        self.append(entry.canonical() + b"\n")

    def append(self, line: bytes) -> None:
        """Append one line, whole; it is with the operating system when this returns. Raises BundleError."""
        try:
            written = os.write(self._file, line)
        except OSError as error:
            raise BundleError(f"{self.path}: cannot be written: {error.strerror}", remedy=_REMEDY) from error
        if written < len(line):
            raise BundleError(f"{self.path}: cannot be written: no space is left", remedy=_REMEDY)

    def opened(self, ledger_line: LedgerLine) -> LedgerRecord:
        """Write that something leaves now; its account takes down the rest."""
        self.append(ledger_line.line(ledger_line.questions))
        return LedgerRecord(self, ledger_line)

    def entries(self) -> Iterator[LedgerEntry]:
        """One entry per connection, in the order in which they left; one without an ending has no byte counts."""
        yield from merged(self._written())

    def _written(self) -> Iterator[LedgerEntry]:
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield LedgerEntry.parse(line)
                except ValidationError as error:
                    raise BundleError(f"{self.path}:{number}: no ledger entry: {error.errors()[0]['msg']}") from None

    def close(self) -> None:
        """Close the file; what was written stays."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __del__(self) -> None:
        self.close()


class LedgerRecord:
    """The bytes and the ending of one connection."""

    __slots__ = ("_closed", "_ledger", "_ledger_line", "questions", "received", "result", "sent")

    def __init__(self, ledger: Ledger, ledger_line: LedgerLine) -> None:
        self._ledger = ledger
        self._ledger_line = ledger_line
        self._closed = False
        self.sent = 0
        self.received = 0
        self.questions = 0
        self.result = "open"

    def close(self) -> None:
        """Write how it ended; further calls do nothing."""
        if self._closed:
            return
        self._closed = True
        self._ledger.append(self._ledger_line.line(self.questions, self.sent, self.received, self.result))
