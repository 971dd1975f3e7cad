"""One line of the connection ledger as a bundle stores it."""

from __future__ import annotations

from inspector.model.base import Instant, Model


class LedgerEntry(Model):
    """One connection or question that this machine sent.

    ``infrastructure`` (resolvers, name servers …) is listed apart; ``result`` is ``open`` or the value of a Cause.
    ``shared``: it was made once for several scans of the run, and is listed as that of another scan, too.
    """

    at: Instant
    address: str
    port: int
    protocol: str
    probe: str
    subject: str
    authorisation: str | None = None
    infrastructure: bool = False
    sent: int = 0
    received: int = 0
    questions: int = 1
    result: str = "open"
    shared: bool = False


#: The protocol of an entry for all port questions of one sweep; an address has one sweep at a time.
SWEEP = "sweep"
