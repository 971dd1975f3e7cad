"""What all exchanges show of an offer: its picks, the refusals that count, and the cause for what is undetermined."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from inspector import Answer, Cause
from inspector_tls.enumeration import hello_profiles as offers
from inspector_tls.enumeration.analysis.exchange import ParsedExchange, with_reliable_answers
from inspector_tls.enumeration.hello_profiles import LONG_LIST, SMALL_LIST
from inspector_tls.enumeration.transcript import Mode, Purpose
from inspector_tls.observations import Offer
from inspector_tls.wire.client_hello import Hello
from inspector_tls.wire.code_points import suites
from inspector_tls.wire.versions import TlsVersion

T = TypeVar("T")

#: The cause for what no hello offered.
NOT_ASKED = Cause.NOT_SELECTED
#: The purposes whose answers show the suites of a version.
LISTING = frozenset({Purpose.VERSION, Purpose.SMALL, Purpose.SUITES, Purpose.CONFIRM})
#: The number of suites in a small hello, signalling values included.
_ALWAYS_READ = SMALL_LIST + 2


# There are many answers with few distinct values: each is made once.


@cache
def seen(value: T) -> Answer[T]:
    """An answer that was seen."""
    return Answer(seen=value)


@cache
def unseen(cause: Cause) -> Answer[Any]:
    """An answer that was not seen, for this cause."""
    return Answer(unseen=cause)


class Offered(NamedTuple, Generic[T]):
    """What one exchange shows of an offer: ``codes`` are those that its hello offered, ``pick`` the server's choice.

    The codes were refused where the exchange is a refusal that counts.
    """

    exchange: ParsedExchange
    codes: Collection[T]
    pick: T | None = None


class Evidence:
    """The exchanges of a transcript with reliable answers, and what their refusals are about."""

    def __init__(self, mode: Mode, exchanges: Iterable[ParsedExchange]) -> None:
        self.mode = mode
        self.exchanges = with_reliable_answers(exchanges)
        self.by_version: dict[TlsVersion, list[ParsedExchange]] = {version: [] for version in TlsVersion}
        for each in self.exchanges:
            self.by_version[each.version].append(each)
        #: Whether the server parses a long list to its end.
        self.reads_long_lists = any(
            each.hello.suites.index(each.suite) >= LONG_LIST for each in self.exchanges if each.suite is not None
        )

    def asked_for(self, *purposes: Purpose) -> list[ParsedExchange]:
        """The exchanges for these purposes."""
        return [each for each in self.exchanges if each.purpose in purposes]

    # --- Refusals that count ---

    def counts(self, exchange: ParsedExchange) -> bool:
        """Whether it refuses all that was offered; some servers do not parse a long list to its end."""
        return exchange.is_refused and self.is_read(exchange.hello)

    def is_read(self, hello: Hello) -> bool:
        """Whether the server parses the list of suites to its end."""
        return self.reads_long_lists or len(hello.suites) <= _ALWAYS_READ

    def refused_suites(self, exchange: ParsedExchange) -> set[int]:
        """The suites that a refusal is about, without those for which the hello lacked a group."""
        if exchange.purpose is Purpose.NAMED_PRIMES:
            return set()
        offered = set(exchange.hello.suites)
        if not self._names_a_group(exchange.hello):
            offered -= _need_a_group()
        return offered - (_with_a_prime(exchange.version) - self._refused_with_named_primes[exchange.version])

    def _names_a_group(self, hello: Hello) -> bool:
        """Whether a hello names all groups, or one that the server used in such a version."""
        if hello.version is TlsVersion.SSL_3 or set(hello.groups).issuperset(offers.groups_of(hello.version)):
            return True
        used = self._groups_of_tls_1_3 if hello.version is TlsVersion.TLS_1_3 else self._curves
        return not used.isdisjoint(hello.groups)

    @cached_property
    def _curves(self) -> frozenset[int]:
        """The groups that the server used before TLS 1.3."""
        return frozenset(each.key.group for each in self.exchanges if each.key and each.key.group)

    @cached_property
    def _groups_of_tls_1_3(self) -> frozenset[int]:
        """The groups that the server used in TLS 1.3."""
        chosen = (each.chosen for each in self.by_version[TlsVersion.TLS_1_3] if each.chosen)
        return frozenset(each.group for each in chosen if each.group)

    @cached_property
    def _refused_with_named_primes(self) -> dict[TlsVersion, frozenset[int]]:
        """The suites with a prime that were refused in a hello that names groups of RFC 7919, too (§4)."""
        refused = dict.fromkeys(TlsVersion, frozenset[int]())
        for each in self.asked_for(Purpose.NAMED_PRIMES):
            if self.counts(each.without_older()):
                refused[each.version] |= frozenset(each.hello.suites)
        return refused

    # --- Causes ---

    def cause(self, exchanges: Iterable[ParsedExchange]) -> Cause:
        """The cause for what these do not show: the last failure, the end of the questions, or that no hello asked."""
        known = list(exchanges)
        causes = [each.cause for each in known if each.cause is not None]
        if causes:
            return causes[-1]
        if any(each.is_refused for each in known):
            return Cause.AMBIGUOUS
        ended = next((each.exchange.cause for each in reversed(self.exchanges) if not each.exchange.asked), None)
        return ended or NOT_ASKED

    # --- An offer with picks and refusals ---

    def offer(
        self,
        names: Mapping[T, str],
        evidence: Sequence[Offered[T]],
        applies: Answer[bool],
        *,
        in_order: bool = True,
    ) -> Offer:
        """What was picked and refused of ``names``, and what is undetermined.

        ``applies``: whether the offer could be made at all. Not ``in_order``: several lists were asked for
        concurrently, so that the order of the picks means nothing.
        """
        if applies.unseen is not None:
            return Offer(complete=unseen(applies.unseen))
        if not applies.seen:
            return Offer(complete=seen(True))
        picked = dict.fromkeys(each.pick for each in evidence if each.pick is not None and each.pick in names)
        open_codes = set(names) - set(picked)
        for each in evidence:
            if self.counts(each.exchange):
                open_codes.difference_update(each.codes)
        accepted = tuple(names[code] for code in (picked if in_order else names) if code in picked)
        if not open_codes:
            return Offer(accepted=accepted, complete=seen(True))
        about = [each.exchange for each in evidence if not open_codes.isdisjoint(each.codes)]
        return Offer(
            accepted=accepted,
            complete=unseen(self.cause(about)),
            open=tuple(name for code, name in names.items() if code in open_codes),
        )


@cache
def _need_a_group() -> frozenset[int]:
    """The suites for which both sides must have a named group in common."""
    return frozenset(code for code, suite in suites().items() if suite.needs_group)


@cache
def _with_a_prime(version: TlsVersion) -> frozenset[int]:
    """The suites of a version that may be refused because no prime was named."""
    return frozenset(offers.prime_suites(version))
