"""Totals of the connection ledger, by address and probe."""

from __future__ import annotations

from collections.abc import Iterable

from inspector.model.base import Model
from inspector.record.ledger_entry import SWEEP, LedgerEntry


class LedgerTotal(Model):
    """What this machine sent to one address for one probe."""

    address: str
    probe: str
    authorisation: str | None
    connections: int
    questions: int
    sent: int
    received: int


class LedgerTotals(Model):
    """Totals of the ledger: targets and infrastructure apart."""

    targets: tuple[LedgerTotal, ...] = ()
    infrastructure: tuple[LedgerTotal, ...] = ()


def totals(entries: Iterable[LedgerEntry]) -> LedgerTotals:
    """Sums over the lines of a ledger; the closing line of a connection counts no question."""
    sums: dict[tuple[bool, str, str, str], list[int]] = {}
    for entry in entries:
        row = sums.setdefault(
            (entry.infrastructure, entry.address, entry.probe, entry.authorisation or ""), [0, 0, 0, 0]
        )
        begins = entry.questions > 0 and entry.protocol != SWEEP
        for index, number in enumerate((begins, entry.questions, entry.sent, entry.received)):
            row[index] += number
    rows = {
        key: LedgerTotal(
            address=key[1],
            probe=key[2],
            authorisation=key[3] or None,
            connections=row[0],
            questions=row[1],
            sent=row[2],
            received=row[3],
        )
        for key, row in sorted(sums.items())
    }
    return LedgerTotals(
        targets=tuple(row for key, row in rows.items() if not key[0]),
        infrastructure=tuple(row for key, row in rows.items() if key[0]),
    )
