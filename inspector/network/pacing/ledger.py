"""The ledger: every connection and question sent from this machine, on disk before its first packet."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from inspector.model.base import canonical
from inspector.model.errors import BundleError, LimitExceeded
from inspector.model.formatted import FormattedMessage
from inspector.model.line_file import LineFile
from inspector.record.ledger_entry import SWEEP, LedgerEntry
from inspector.record.limits import FILE_BYTES, LINE_BYTES, too_long

_REMEDY = "free disk space there, then resume the inspection"

_Key = tuple[object, ...]


def _key(entry: LedgerEntry) -> _Key:
    return (entry.at, entry.address, entry.port, entry.protocol, entry.probe, entry.subject)


def merged(written: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """One entry per connection, from the lines of a ledger: its first line and, where there is one, its last."""
    entries: list[LedgerEntry] = []
    waiting: dict[_Key, deque[int]] = defaultdict(deque)
    for entry in written:
        open_ones = waiting[_key(entry)]
        if open_ones and (entry.questions == 0 or entry.protocol == SWEEP):
            index = open_ones.popleft()
            questions = entries[index].questions + entry.questions
            entries[index] = entry.model_copy(update={"questions": questions})
            continue
        open_ones.append(len(entries))
        entries.append(entry)
    return entries


@dataclass(slots=True)
class LedgerLine:
    """The two lines of one connection or question in the ledger (``at`` in UTC).

    They are assembled from cached parts, byte for byte as ``LedgerEntry`` serialises them, because every connection
    writes two.
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
        """The entry in canonical JSON with a newline. ``result`` is ``open`` or a Cause's value."""
        before, behind = self._frame or self._framed()
        return f'{before}{questions},"received":{received},"result":"{result}","sent":{sent}{behind}'.encode()

    def _framed(self) -> tuple[str, str]:
        """The text before and after the counts."""
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
    """What the lines of one scan of one port share: the text before the instant, after it, and after the counts."""
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
        f',"shared":false,"subject":{_text(subject)}}}\n',
    )


def _text(value: str) -> str:
    return canonical(value).decode()


class Ledger:
    """A file of ``LedgerEntry`` lines in canonical JSON, only ever appended to.

    A connection has two lines: ``open`` before its first packet (its question, no bytes), and one when it ends (no
    question, its bytes, its result). So sums over lines are right at every instant, and a killed process loses only
    byte counts. A sweep opens with one question per port and ends with those it repeated; an interrupted one counts in
    full.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._writing():
            self._file = LineFile(path)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn an OSError of the body into a BundleError."""
        try:
            yield
        except OSError as error:
            raise BundleError(
                FormattedMessage("{path}: cannot be written: {reason}", path=self.path, reason=error.strerror),
                remedy=_REMEDY,
            ) from error

    def write(self, entry: LedgerEntry) -> None:
        """Append one entry from another ledger. Raises BundleError."""
        self.append(entry.canonical() + b"\n")

    def append(self, line: bytes) -> None:
        """Append one whole line; the operating system has it when this returns. Raises BundleError.

        A line that does not fit on the disk is taken back; one beyond the limits of a ledger is refused.
        """
        if len(line) > LINE_BYTES:
            raise too_long(self.path, LINE_BYTES)
        if self._file.size + len(line) > FILE_BYTES:
            raise LimitExceeded(
                FormattedMessage("{path}: the ledger is full: {limit} bytes", path=self.path, limit=FILE_BYTES),
                remedy="close it with 'inspector seal'",
            )
        with self._writing():
            self._file.append(line)

    def opened(self, ledger_line: LedgerLine) -> LedgerRecord:
        """Write the first line of a connection; the result is its record, which writes the last."""
        self.append(ledger_line.line(ledger_line.questions))
        return LedgerRecord(self, ledger_line)

    def entries(self) -> Iterator[LedgerEntry]:
        """One entry per connection, in the order of first lines; one without a last line has no byte counts."""
        yield from merged(self._written())

    def _written(self) -> Iterator[LedgerEntry]:
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield LedgerEntry.parse(line)
                except ValidationError as error:
                    raise BundleError(
                        FormattedMessage(
                            "{path}:{number}: is not a ledger entry: {error}",
                            path=self.path,
                            number=number,
                            error=error.errors()[0]["msg"],
                        )
                    ) from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __del__(self) -> None:
        if hasattr(self, "_file"):  # otherwise it could not be opened
            self.close()


class LedgerRecord:
    """Bytes and result of one connection."""

    __slots__ = ("_closed", "_ledger", "_ledger_line", "questions", "received", "result", "sent")

    def __init__(self, ledger: Ledger, ledger_line: LedgerLine) -> None:
        self._ledger = ledger
        self._ledger_line = ledger_line
        self._closed = False
        self.sent = 0
        self.received = 0
        self.questions = 0
        self.result = "open"

    @property
    def at(self) -> datetime:
        """The instant before its first packet."""
        return self._ledger_line.at

    @property
    def is_sweep(self) -> bool:
        """Whether these are the questions of a sweep."""
        return self._ledger_line.protocol == SWEEP

    @property
    def is_udp(self) -> bool:
        """Whether this is a datagram."""
        return self._ledger_line.protocol == "udp"

    @property
    def is_infrastructure(self) -> bool:
        """Whether it goes to infrastructure."""
        return self._ledger_line.infrastructure

    def copy(self, authorisation: str | None, *, shared: bool = True) -> LedgerEntry:
        """The connection as another inspection lists it that shares the scan, under its own authorisation."""
        line = self._ledger_line
        return LedgerEntry(
            at=line.at,
            address=line.address,
            port=line.port,
            protocol=line.protocol,
            probe=line.probe,
            subject=line.subject,
            authorisation=None if line.infrastructure else authorisation,
            infrastructure=line.infrastructure,
            sent=self.sent,
            received=self.received,
            questions=line.questions + self.questions,
            result=self.result,
            shared=shared,
        )

    def for_scan(self, probe: str, subject: str) -> LedgerRecord:
        """The same connection, which has ended, as a connection of another scan that takes its result."""
        taken = LedgerRecord(self._ledger, replace(self._ledger_line, probe=probe, subject=subject))
        taken.sent, taken.received, taken.questions, taken.result = (
            self.sent,
            self.received,
            self.questions,
            self.result,
        )
        taken._closed = True
        return taken

    def close(self) -> None:
        """Write the last line; further calls do nothing."""
        if self._closed:
            return
        self._closed = True
        self._ledger.append(self._ledger_line.line(self.questions, self.sent, self.received, self.result))
