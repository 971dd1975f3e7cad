"""What an answer means for its hello: used to choose the next question and to analyse a transcript."""

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
    """What an answer means: a choice of what was offered, an older version, a refusal, or uncertain."""

    CHOSEN = auto()
    OLDER = auto()
    REFUSED = auto()
    UNCERTAIN = auto()


@dataclass(slots=True, eq=False)
class Reply:
    """The reply to one hello: the flight, and how it ended (see ``Exchange``)."""

    flight: Flight = field(default_factory=Flight)
    closed: bool = False
    cause: Cause | None = None
    asked: bool = True


class Interpretation(NamedTuple):
    """The meaning of a reply; the cause where it is uncertain, the number of an alert."""

    meaning: Meaning
    cause: Cause | None = None
    alert: int | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the reply answers the question."""
        return self.meaning is not Meaning.UNCERTAIN

    @property
    def refuses_version(self) -> bool:
        """Whether the version is refused whatever else was offered."""
        is_about_version = self.alert == AlertNumber.PROTOCOL_VERSION
        return self.meaning is Meaning.OLDER or (self.meaning is Meaning.REFUSED and is_about_version)

    @property
    def ends_handshake(self) -> bool:
        """Whether the server ended the handshake, by an alert or by closing the connection."""
        return self.meaning is Meaning.REFUSED or self.cause is Cause.AMBIGUOUS


_CHOSEN, _OLDER = Interpretation(Meaning.CHOSEN), Interpretation(Meaning.OLDER)
_UNEXPECTED = Interpretation(Meaning.UNCERTAIN, Cause.PROTOCOL_ERROR)
#: Most picks are among so many suites at the end of a hello, where the common ones are.
_USUAL = 48
#: Values in the list of suites that are no suites: a server must not choose one.
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
    return Interpretation(Meaning.UNCERTAIN, Cause.AMBIGUOUS if reply.cause is None else reply.cause)


def _of_alert(alert: Alert) -> Interpretation:
    if alert.number in OFFER_REFUSALS:
        return Interpretation(Meaning.REFUSED, alert=alert.number)
    return Interpretation(Meaning.UNCERTAIN, _CAUSES.get(alert.number, Cause.AMBIGUOUS), alert.number)


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
        # The downgrade marker (RFC 8446 §4.1.3) contradicts a refusal of TLS 1.3: the hello was truncated or misparsed.
        is_contradicted = chosen.is_downgraded and hello.version is TlsVersion.TLS_1_3
        return _UNEXPECTED if is_contradicted else _OLDER
    if chosen.version is TlsVersion.TLS_1_3 and chosen.group not in hello.groups:
        return _UNEXPECTED
    return _CHOSEN
