"""Handshakes as they are stored, and the facts in them: pure, so that the same bytes can be parsed again."""

from __future__ import annotations

from collections.abc import Sequence

from inspector import Answer, Cause, Model, ScanFailure
from inspector_tls.resumption.observations import TlsResumption
from inspector_tls.wire.alerts import AlertNumber
from inspector_tls.wire.versions import TlsVersion


class Handshake(Model):
    """One full handshake of a client that offers TLS 1.0 up to ``newest``, and tickets.

    ``version`` and ``suite`` are what the server chose, ``alert`` the last that it sent in clear text;
    ``handshake_done``: both sides finished. ``lifetimes`` are those of the first tickets, in seconds, in their order,
    and the longest of any more; up to TLS 1.2 it is that of the last. ``tickets_read``: after a handshake of TLS 1.3
    the server sent data or closed the TLS connection, so that no ticket is still to come. ``closed``: it closed the
    connection without any answer to the hello. ``cause`` and ``note`` describe what ended the handshake early.

    Tickets are not kept: with one, anyone could try to resume the session.
    """

    newest: TlsVersion
    version: TlsVersion | None = None
    suite: int | None = None
    alert: int | None = None
    handshake_done: bool = False
    lifetimes: tuple[int, ...] = ()
    tickets_read: bool = False
    closed: bool = False
    cause: Cause | None = None
    note: str = ""

    @property
    def is_older(self) -> bool:
        """Whether a version before TLS 1.3 was agreed on."""
        return self.handshake_done and self.version is not TlsVersion.TLS_1_3

    @property
    def declines_tls_1_3(self) -> bool:
        """Whether the server chose an older version though TLS 1.3 was offered (RFC 8446 §4.2.1)."""
        is_older = self.version is not None and self.version is not TlsVersion.TLS_1_3
        return self.newest is TlsVersion.TLS_1_3 and is_older and self.cause is None

    @property
    def is_settled(self) -> bool:
        """Whether every ticket that the server issues was read: up to TLS 1.2 it is part of the handshake."""
        return self.is_older or self.tickets_read


class Handshakes(Model):
    """The handshakes of one scan, in their order."""

    handshakes: tuple[Handshake, ...]


def facts(made: Sequence[Handshake]) -> TlsResumption:
    """The ticket lifetimes that the handshakes show; raises ScanFailure when none was completed."""
    if not any(each.handshake_done for each in made):
        last = made[-1] if made else Handshake(newest=TlsVersion.TLS_1_3, cause=Cause.NOT_REACHED)
        raise ScanFailure(_cause([last]), last.note or "no handshake was made")
    newest = [each for each in made if each.newest is TlsVersion.TLS_1_3 and not each.is_older]
    older = [each for each in made if each.newest is not TlsVersion.TLS_1_3 or each.is_older]
    if not any(each.handshake_done for each in newest) and any(each.newest is TlsVersion.TLS_1_3 for each in older):
        # A server that supports TLS 1.3 chooses it when it is offered (RFC 8446 §4.2.1).
        newest, older = [], list(made)
    if any(each.declines_tls_1_3 for each in made):
        newest = []
    is_alive = made[-1].handshake_done
    return TlsResumption(
        ticket_seconds=_longest(older, is_alive=is_alive),
        psk_seconds=_longest(newest, is_alive=is_alive) if newest else Answer(seen=None),
    )


def _longest(made: Sequence[Handshake], *, is_alive: bool) -> Answer[int | None]:
    """The longest lifetime of a ticket; None where the server issues none."""
    lifetimes = [seconds for each in made for seconds in each.lifetimes]
    if lifetimes:
        return Answer(seen=max(lifetimes))
    if _is_refused(made, is_alive=is_alive) or any(each.is_settled for each in made):
        return Answer(seen=None)
    return Answer(unseen=_cause(made))


def _is_refused(made: Sequence[Handshake], *, is_alive: bool) -> bool:
    """Whether the server refused the versions by an alert, or closed each of several connections at the hello.

    The latter counts only where it completed another handshake afterwards (``is_alive``).
    """
    by_alert = any(each.alert == AlertNumber.PROTOCOL_VERSION for each in made)
    by_end = is_alive and len(made) > 1 and all(each.closed for each in made)
    return (by_alert or by_end) and not any(each.handshake_done for each in made)


def _cause(made: Sequence[Handshake]) -> Cause:
    """The cause for what is unseen."""
    if not made:
        return Cause.NOT_REACHED
    return made[-1].cause or Cause.PROTOCOL_ERROR
