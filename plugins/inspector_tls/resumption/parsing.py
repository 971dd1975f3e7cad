"""What was tried and what came of it, and the facts in that: pure, so that it can be read again."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from inspector import Answer, Cause, Model, ScanFailure
from inspector_tls.resumption.observations import TlsResumption
from inspector_tls.wire.versions import TlsVersion

#: The alert that refuses a version, whatever else was offered (RFC 8446 §6.2).
PROTOCOL_VERSION = 70
#: Full handshakes in answer to a resumption, after which the server is taken not to resume: one may be the answer of
#: another machine behind the same address.
DECLINED = 2


class By(StrEnum):
    """What a session is asked for by: a ticket that the server gave, or the session's identifier."""

    TICKET = "ticket"
    IDENTIFIER = "identifier"


class Visit(Model):
    """One handshake of a client that offers TLS 1.0 up to ``newest``, and tickets or not.

    ``by``: the client came back to a session; None: it asked for a new one. ``version`` is what the server chose,
    ``alert`` the last that it sent in clear; ``stands``: the handshake was made, and ``resumed`` the session;
    ``declined``: up to TLS 1.2 the server asked for a full handshake instead, which was left there (RFC 5246 §7.3).
    ``lifetimes`` are those of the first tickets given, in seconds, in their order, and the longest of any more; of
    several in one record OpenSSL shows the last. ``identified``: there is no ticket, but an identifier. ``heard_out``:
    after the handshake the server spoke, or took its leave, so that nothing it sends by itself is still to come.
    ``cause`` and ``note`` tell what ended the visit early.

    Identifiers and tickets are not kept: whoever holds one could try to use it.
    """

    newest: TlsVersion
    tickets: bool = True
    by: By | None = None
    version: TlsVersion | None = None
    alert: int | None = None
    stands: bool = False
    declined: bool = False
    resumed: bool = False
    identified: bool = False
    lifetimes: tuple[int, ...] = ()
    heard_out: bool = False
    cause: Cause | None = None
    note: str = ""

    @property
    def is_older(self) -> bool:
        """Whether a version before TLS 1.3 was agreed on."""
        return (self.stands or self.declined) and self.version is not TlsVersion.TLS_1_3

    @property
    def gave(self) -> bool:
        """Whether the server gave something to come back by."""
        return bool(self.lifetimes) or self.identified

    @property
    def is_settled(self) -> bool:
        """Whether all was heard that the server gives: up to TLS 1.2 it comes within the handshake."""
        return self.is_older or self.heard_out


class Visits(Model):
    """The visits of one scan, in their order."""

    made: tuple[Visit, ...]


def facts(made: Sequence[Visit]) -> TlsResumption:
    """What the visits come to; raises ScanFailure when no handshake was made at all."""
    if not any(visit.stands for visit in made):
        last = made[-1] if made else Visit(newest=TlsVersion.TLS_1_3, cause=Cause.NOT_REACHED)
        raise ScanFailure(_cause([last]), last.note or "no handshake was made")
    newest = [visit for visit in made if visit.newest is TlsVersion.TLS_1_3 and not visit.is_older]
    older = [visit for visit in made if visit.newest is not TlsVersion.TLS_1_3 or visit.is_older]
    if not any(visit.stands for visit in newest) and any(visit.newest is TlsVersion.TLS_1_3 for visit in older):
        # A server that knows TLS 1.3 chooses it when it is offered (RFC 8446 §4.2.1).
        newest, older = [], list(made)
    ticketed = [visit for visit in older if visit.tickets and visit.by is not By.IDENTIFIER]
    identified = [
        visit
        for visit in older
        if visit.by is By.IDENTIFIER or (visit.by is None and (visit.identified or not visit.tickets))
    ]
    return TlsResumption(
        by_session_id=_resumes(identified or (ticketed if _refused(ticketed) else []), By.IDENTIFIER),
        by_ticket=_resumes(ticketed, By.TICKET),
        by_psk=_resumes(newest, By.TICKET) if newest else Answer(seen=False),
        ticket_seconds=_longest(ticketed),
        psk_seconds=_longest(newest) if newest else Answer(seen=None),
    )


def _refused(made: Sequence[Visit]) -> bool:
    """Whether the server refused the versions in words."""
    return any(visit.alert == PROTOCOL_VERSION for visit in made) and not any(visit.stands for visit in made)


def _resumes(made: Sequence[Visit], by: By) -> Answer[bool]:
    """Whether sessions are resumed by what the server gave for it."""
    if any(visit.resumed for visit in made):
        return Answer(seen=True)
    full = [visit for visit in made if visit.by is None]
    given = any(visit.lifetimes if by is By.TICKET else visit.identified for visit in full)
    if not given and (_refused(made) or any(visit.is_settled for visit in full)):
        return Answer(seen=False)
    declined = sum(visit.stands or visit.declined for visit in made if visit.by is by)
    return Answer(seen=False) if declined >= DECLINED else Answer(unseen=_cause(made))


def _longest(made: Sequence[Visit]) -> Answer[int | None]:
    """The longest lifetime of a ticket; None where none is given."""
    lifetimes = [seconds for visit in made for seconds in visit.lifetimes]
    if lifetimes:
        return Answer(seen=max(lifetimes))
    if _refused(made) or any(visit.is_settled for visit in made if visit.by is None):
        return Answer(seen=None)
    return Answer(unseen=_cause(made))


def _cause(made: Sequence[Visit]) -> Cause:
    """Why nothing more is known."""
    if not made:
        return Cause.NOT_REACHED
    return made[-1].cause or Cause.PROTOCOL_ERROR
