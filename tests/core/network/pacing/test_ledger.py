"""The ledger keeps what left, whatever happens to the one who writes it."""

import subprocess
import sys
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.model.base import Cause
from inspector.model.errors import BundleError
from inspector.network import Ledger
from inspector.network.pacing.ledger import LedgerLine
from inspector.record.ledger_entry import SWEEP, LedgerEntry

AT = datetime(2026, 11, 21, 1, 2, 3, 456000, tzinfo=UTC)


def ledger_line(port: int = 443, protocol: str = "tcp", questions: int = 1) -> LedgerLine:
    return LedgerLine(AT, "127.0.0.1", port, protocol, "p", "s", questions=questions)


@given(
    ledger_line=st.builds(
        LedgerLine,
        at=st.datetimes(timezones=st.just(UTC)),
        address=st.text(),
        port=st.integers(0, 65535),
        protocol=st.text(),
        probe=st.text(),
        subject=st.text(),
        authorisation=st.none() | st.text(),
        infrastructure=st.booleans(),
    ),
    counts=st.tuples(*[st.integers(0, 2**40)] * 3),
    result=st.sampled_from(["open", *(cause.value for cause in Cause)]),
)
def test_lines_are_as_the_model_writes_them(ledger_line: LedgerLine, counts: tuple[int, int, int], result: str) -> None:
    """A line put together from parts is byte for byte the canonical form of its entry, whatever stands in it."""
    questions, sent, received = counts
    known = {
        each.name: getattr(ledger_line, each.name)
        for each in fields(ledger_line)
        if each.init and each.name != "questions"
    }
    whole = LedgerEntry(**known, questions=questions, sent=sent, received=received, result=result)
    assert ledger_line.line(questions, sent, received, result) == whole.canonical() + b"\n"


def test_one_entry_per_connection_with_its_bytes(tmp_path: Path) -> None:
    """A connection has one entry with its bytes and its end, even when another left in the same millisecond."""
    ledger = Ledger(tmp_path / "ledger")
    accounts = [ledger.opened(ledger_line()), ledger.opened(ledger_line(80)), ledger.opened(ledger_line())]
    for number, account in enumerate(accounts, start=1):
        account.sent, account.received = number, 10 * number
        account.close()
        account.close()
    entries = list(ledger.entries())
    assert [(each.port, each.questions, each.sent, each.received) for each in entries] == [
        (443, 1, 1, 10),
        (80, 1, 2, 20),
        (443, 1, 3, 30),
    ]


def test_what_was_not_closed_is_counted_all_the_same(tmp_path: Path) -> None:
    """A connection that is still open, or whose process was killed, stands in the ledger with one question."""
    ledger = Ledger(tmp_path / "ledger")
    ledger.opened(ledger_line())
    (only,) = ledger.entries()
    assert (only.questions, only.sent, only.result) == (1, 0, "open")


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    """After kill -9 every connection that was opened stands in the ledger."""
    code = (
        "import sys; from pathlib import Path; from inspector.network import Ledger;"
        "from tests.core.network.pacing.test_ledger import ledger_line\n"
        "ledger = Ledger(Path(sys.argv[1]))\n"
        "for port in range(1, 51): ledger.opened(ledger_line(port))\n"
        "print('written', flush=True); sys.stdin.read()"
    )
    path = tmp_path / "ledger"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    process.kill()
    process.communicate()
    assert [each.port for each in Ledger(path).entries()] == list(range(1, 51))


def test_a_torn_last_line_is_cut_and_writing_goes_on(tmp_path: Path) -> None:
    """What a kill left of a line is cut off, and entries that follow are whole."""
    path = tmp_path / "ledger"
    Ledger(path).opened(ledger_line(1))
    with path.open("ab") as file:
        file.write(b'{"address":"127.0')
    again = Ledger(path)
    again.opened(ledger_line(2))
    assert [each.port for each in again.entries()] == [1, 2]


def test_a_line_that_is_no_entry_is_named(tmp_path: Path) -> None:
    """A damaged line is an error that names file and line."""
    path = tmp_path / "ledger"
    ledger = Ledger(path)
    ledger.opened(ledger_line(1))
    with path.open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(BundleError, match=r"ledger:2"):
        list(ledger.entries())


def test_sums_over_lines_are_right_at_every_instant(tmp_path: Path) -> None:
    """Questions and bytes summed over raw lines equal those summed over entries; only the owner may read the file."""
    path = tmp_path / "ledger"
    ledger = Ledger(path)
    first = ledger.opened(ledger_line())
    ledger.opened(ledger_line(80))
    sweep = ledger.opened(ledger_line(0, protocol=SWEEP, questions=100))
    first.sent = 5
    first.close()
    sweep.questions = 7
    sweep.close()
    lines = [LedgerEntry.parse(line) for line in path.read_bytes().splitlines()]
    entries = list(ledger.entries())
    assert sum(each.questions for each in lines) == sum(each.questions for each in entries) == 109
    assert sum(each.sent for each in lines) == sum(each.sent for each in entries) == 5
    assert [each.questions for each in entries] == [1, 1, 107]
    assert path.stat().st_mode & 0o777 == 0o600
