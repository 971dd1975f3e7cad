"""One exchange, parsed; and which answers are reliable, which only the other exchanges show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from inspector import Cause
from inspector_tls.enumeration.reply import Interpretation, Meaning, Reply, interpret
from inspector_tls.enumeration.transcript import Exchange, Purpose, Transcript
from inspector_tls.wire.alerts import OFFER_REFUSALS
from inspector_tls.wire.client_hello import Hello, decode
from inspector_tls.wire.code_points import suites
from inspector_tls.wire.key_exchange import EphemeralKey, read_key
from inspector_tls.wire.server_flight import Flight, ServerHello, read_flight
from inspector_tls.wire.versions import TlsVersion


@dataclass(slots=True, eq=False)
class ParsedExchange:
    """The hello, the flight that answers it, and its meaning.

    ``chosen`` is the server's hello where it chose from what was offered, ``key`` its ephemeral key.
    """

    exchange: Exchange
    hello: Hello
    flight: Flight
    answer: Interpretation
    purpose: Purpose = field(init=False)
    version: TlsVersion = field(init=False)
    is_chosen: bool = field(init=False)
    chosen: ServerHello | None = field(init=False)
    suite: int | None = field(init=False)
    key: EphemeralKey | None = field(init=False)

    def __post_init__(self) -> None:
        self.purpose = self.exchange.purpose
        self.version = self.hello.version
        self.is_chosen = self.answer.meaning is Meaning.CHOSEN
        self.chosen = self.flight.hello if self.is_chosen else None
        self.suite = self.chosen.suite if self.chosen else None
        suite = suites().get(self.suite) if self.suite is not None else None
        body = self.flight.key_exchange
        self.key = read_key(body, suite, self.version) if suite is not None and body is not None else None

    @property
    def is_refused(self) -> bool:
        """Whether the server refused all that was offered."""
        return self.answer.meaning is Meaning.REFUSED

    @property
    def aborts_after_choice(self) -> bool:
        """Whether the server chose a suite, and then refused because it lacks what the suite needs."""
        return self.is_chosen and any(alert.number in OFFER_REFUSALS for alert in self.flight.alerts if alert.is_last)

    @property
    def is_downgraded(self) -> bool:
        """Whether the server chose TLS 1.2 with the downgrade marker of a server with TLS 1.3 (RFC 8446 §4.1.3)."""
        return self.flight.hello is not None and self.flight.hello.is_downgraded

    @property
    def cause(self) -> Cause | None:
        """Why the question has no answer."""
        if self.answer.cause is not None or self.exchange.cause is not None:
            return self.answer.cause or self.exchange.cause
        return Cause.PROTOCOL_ERROR if self.flight.fault else None

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The certificates (DER) sent in clear text, leaf first."""
        if not self.is_chosen:
            return ()
        if self.flight.ssl_2 is not None:
            return (self.flight.ssl_2.certificate,) if self.flight.ssl_2.certificate else ()
        return self.flight.certificates or ()

    def as_refusal(self) -> ParsedExchange:
        """The same, as a refusal of what was offered."""
        return replace(self, answer=Interpretation(Meaning.REFUSED))

    def as_uncertain(self, cause: Cause = Cause.AMBIGUOUS) -> ParsedExchange:
        """The same, as a refusal for an unknown reason."""
        return replace(self, answer=Interpretation(Meaning.UNCERTAIN, cause))

    def without_older(self) -> ParsedExchange:
        """The same, where an answer in an older version is a refusal of the suites in this one."""
        return self.as_refusal() if self.answer.meaning is Meaning.OLDER else self


def parse_exchanges(transcript: Transcript) -> list[ParsedExchange]:
    """The exchanges of a transcript; raises ValueError where a hello is not one that ``encode`` wrote."""
    return [parse_exchange(each, decode(each.sent), read_flight(each.received)) for each in transcript.exchanges]


def parse_exchange(exchange: Exchange, hello: Hello, flight: Flight) -> ParsedExchange:
    """An exchange whose hello and flight are known."""
    reply = Reply(flight, exchange.closed, exchange.cause, exchange.asked)
    return ParsedExchange(exchange, hello, flight, interpret(hello, reply))


# --- Which answers are reliable ---------------------------------------------------------------------------------------


def with_reliable_answers(exchanges: Iterable[ParsedExchange]) -> list[ParsedExchange]:
    """The exchanges, each with the answer that is reliable given the others."""
    return _with_late_refusals_uncertain(_with_repeated_as_refusals(list(exchanges)))


def _with_repeated_as_refusals(exchanges: list[ParsedExchange]) -> list[ParsedExchange]:
    """An ambiguous answer is a refusal if the same hello got it at least twice, and no other."""
    if all(each.answer.cause is not Cause.AMBIGUOUS for each in exchanges):
        return exchanges
    by_hello: dict[Hello, list[ParsedExchange]] = {}
    for each in exchanges:
        by_hello.setdefault(each.hello, []).append(each)

    def is_repeated(each: ParsedExchange) -> bool:
        same = by_hello[each.hello]
        return len(same) > 1 and all(other.answer.cause is Cause.AMBIGUOUS for other in same)

    return [each.as_refusal() if is_repeated(each) else each for each in exchanges]


def _with_late_refusals_uncertain(exchanges: list[ParsedExchange]) -> list[ParsedExchange]:
    """Refusals after the last ServerHello are uncertain: the server may have begun to refuse every client."""
    answered = (at for at, each in enumerate(exchanges) if each.answer.meaning in {Meaning.CHOSEN, Meaning.OLDER})
    last = max(answered, default=-1)
    after = exchanges[last + 1 :]
    cause = next((each.cause for each in reversed(after) if each.cause is not None), Cause.AMBIGUOUS)
    return exchanges[: last + 1] + [each.as_uncertain(cause) if each.is_refused else each for each in after]
