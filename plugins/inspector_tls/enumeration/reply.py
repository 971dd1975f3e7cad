"""What an answer means for its hello: pure, used to choose the next question and to read a transcript."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from inspector import Cause
from inspector_tls.wire.alerts import OFFER_REFUSALS, Alert, AlertNumber
from inspector_tls.wire.client_hello import Hello
from inspector_tls.wire.code_points import AGES, FALLBACK_SCSV, GREASE, RENEGOTIATION_SCSV
from inspector_tls.wire.server_flight import Flight
from inspector_tls.wire.versions import TlsVersion

#: Alerts that have a cause of their own; any other may be about the server's own failure and is ambiguous.
_CAUSES: dict[int, Cause] = {
    AlertNumber.ACCESS_DENIED: Cause.BLOCKED,
    AlertNumber.UNRECOGNIZED_NAME: Cause.PROTOCOL_ERROR,
}


class Meaning(Enum):
    """What an answer means: a choice of what was offered, an older version, a refusal, or nothing certain."""

    CHOSEN = auto()
    OLDER = auto()
    REFUSED = auto()
    DOUBT = auto()


@dataclass(slots=True, eq=False)
class Reply:
    """What came back to one hello: the flight, and how it ended (see ``Exchange``)."""

    flight: Flight = field(default_factory=Flight)
    closed: bool = False
    cause: Cause | None = None
    asked: bool = True


class Interpretation(NamedTuple):
    """The meaning of a reply; with a doubt its cause, with an alert its number."""

    meaning: Meaning
    cause: Cause | None = None
    alert: int | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the reply answers the question."""
        return self.meaning is not Meaning.DOUBT

    @property
    def refuses_version(self) -> bool:
        """Whether the version is refused whatever else was offered."""
        is_about_version = self.alert == AlertNumber.PROTOCOL_VERSION
        return self.meaning is Meaning.OLDER or (self.meaning is Meaning.REFUSED and is_about_version)

    @property
    def turns_away(self) -> bool:
        """Whether the server ended the handshake, be it by an alert or by closing the connection."""
        return self.meaning is Meaning.REFUSED or self.cause is Cause.AMBIGUOUS


_CHOSEN, _OLDER = Interpretation(Meaning.CHOSEN), Interpretation(Meaning.OLDER)
_UNEXPECTED = Interpretation(Meaning.DOUBT, Cause.PROTOCOL_ERROR)
#: Most picks are among so many suites at the end of a hello, where the usual ones stand.
_USUAL = 48
#: What stands among the suites of a hello and is none: a server must not choose it.
_NO_SUITES = frozenset({RENEGOTIATION_SCSV, FALLBACK_SCSV, *GREASE})


def interpret(hello: Hello, reply: Reply) -> Interpretation:
    """What ``reply`` means for ``hello``. A timeout or a reset means nothing."""
    flight = reply.flight
    if flight.has_chosen:
        return _of_hello(hello, flight)
    alert = next((each for each in reversed(flight.alerts)), None)
    if alert is not None and (alert.is_last or reply.closed):
        return _of_alert(alert)
    if flight.fault:
        refused = hello.version is TlsVersion.SSL_2 and flight.fault == "SSL 2.0 error 1"
        return Interpretation(Meaning.REFUSED) if refused else _UNEXPECTED
    return Interpretation(Meaning.DOUBT, Cause.AMBIGUOUS if reply.cause is None else reply.cause)


def _of_alert(alert: Alert) -> Interpretation:
    if alert.number in OFFER_REFUSALS:
        return Interpretation(Meaning.REFUSED, alert=alert.number)
    return Interpretation(Meaning.DOUBT, _CAUSES.get(alert.number, Cause.AMBIGUOUS), alert.number)


def _of_hello(hello: Hello, flight: Flight) -> Interpretation:
    if flight.ssl_2 is not None:
        return _CHOSEN if hello.version is TlsVersion.SSL_2 else _UNEXPECTED
    chosen = flight.hello
    if chosen is None or chosen.version is None or AGES[chosen.version] > AGES[hello.version]:
        return _UNEXPECTED
    if chosen.suite not in hello.suites[-_USUAL:] and chosen.suite not in hello.suites:
        return _UNEXPECTED
    if chosen.suite in _NO_SUITES or (chosen.is_retry and chosen.version is not TlsVersion.TLS_1_3):
        return _UNEXPECTED
    if chosen.version is not hello.version:
        # The downgrade mark (RFC 8446 §4.1.3) contradicts a refusal of TLS 1.3: the hello was cut, or not understood.
        is_contradicted = chosen.is_downgraded and hello.version is TlsVersion.TLS_1_3
        return _UNEXPECTED if is_contradicted else _OLDER
    if chosen.version is TlsVersion.TLS_1_3 and chosen.group not in hello.groups:
        return _UNEXPECTED
    return _CHOSEN
