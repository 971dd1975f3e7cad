"""From a transcript to facts: pure. What the bytes show counts, not in which order or why the questions were asked.

Something was accepted when it was picked, and refused when it stood in an offer that was refused. The refusal of a long
list counts only if the server was seen to read so far, and any refusal only if it took something afterwards. Everything
else is unseen, with the cause of the last failure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any, TypeVar

from inspector import Answer, Cause
from inspector_tls.enumeration import hello_profiles as offers
from inspector_tls.enumeration.hello_profiles import LONG_LIST, SMALL_LIST
from inspector_tls.enumeration.observations import (
    EphemeralPrime,
    Extensions,
    Offer,
    Preference,
    SpokenVersion,
    Tls,
    Tolerance,
    Versions,
)
from inspector_tls.enumeration.reply import REFUSALS, Meaning, Reply, Said, understand
from inspector_tls.enumeration.transcript import Exchange, Mode, Purpose, Transcript
from inspector_tls.wire import client_hello as wire
from inspector_tls.wire.client_hello import Hello, decode
from inspector_tls.wire.code_points import (
    AGES,
    GREASE,
    RENEGOTIATION_SCSV,
    groups,
    primes,
    signatures,
    ssl_2_suites,
    suites,
)
from inspector_tls.wire.key_exchange import EphemeralKey, certificate_curve, read_key
from inspector_tls.wire.server_flight import Flight, ServerHello, read_flight
from inspector_tls.wire.versions import TlsVersion

T = TypeVar("T")

#: The flaw of an answer that was long enough but says nothing of what was asked.
_NOT_ASKED = Cause.NOT_SELECTED


def read_transcript(transcript: Transcript) -> Tls:
    """The facts in a transcript; raises ValueError where a hello in it is none of ours."""
    return _Reader(transcript, _records(transcript)).facts()


def read_heard(transcript: Transcript, heard: Iterable[tuple[Hello, Flight]]) -> Tls:
    """The facts in a transcript of which the hello and the flight of each exchange are at hand."""
    known = zip(transcript.exchanges, heard, strict=True)
    return _Reader(transcript, _weighed([_record(each, hello, flight) for each, (hello, flight) in known])).facts()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# --- One exchange -----------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class _Record:
    """One exchange, read: what was offered, what came back, what that says.

    ``chosen`` is the server's hello where it chose from what was offered, ``key`` its ephemeral key.
    """

    exchange: Exchange
    hello: Hello
    flight: Flight
    said: Said
    purpose: Purpose = field(init=False)
    version: TlsVersion = field(init=False)
    is_chosen: bool = field(init=False)
    chosen: ServerHello | None = field(init=False)
    suite: int | None = field(init=False)
    key: EphemeralKey | None = field(init=False)

    def __post_init__(self) -> None:
        self.purpose = self.exchange.purpose
        self.version = self.hello.version
        self.is_chosen = self.said.meaning is Meaning.CHOSEN
        self.chosen = self.flight.hello if self.is_chosen else None
        self.suite = self.chosen.suite if self.chosen else None
        suite = suites().get(self.suite) if self.suite is not None else None
        body = self.flight.key_exchange
        self.key = read_key(body, suite, self.version) if suite is not None and body is not None else None

    @property
    def is_refused(self) -> bool:
        return self.said.meaning is Meaning.REFUSED

    @property
    def gives_up(self) -> bool:
        """Whether the server chose a suite, and then found that it lacks what the suite needs."""
        return self.is_chosen and any(alert.number in REFUSALS for alert in self.flight.alerts if alert.is_last)

    @property
    def is_downgraded(self) -> bool:
        """Whether the server chose TLS 1.2, and says that it speaks TLS 1.3."""
        return self.flight.hello is not None and self.flight.hello.is_downgraded

    @property
    def cause(self) -> Cause | None:
        """Why something was left unsaid."""
        if self.said.cause is not None or self.exchange.cause is not None:
            return self.said.cause or self.exchange.cause
        return Cause.PROTOCOL_ERROR if self.flight.fault else None

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The certificates that came, leaf first."""
        if not self.is_chosen:
            return ()
        if self.flight.ssl_2 is not None:
            return (self.flight.ssl_2.certificate,) if self.flight.ssl_2.certificate else ()
        return self.flight.certificates or ()


def _records(transcript: Transcript) -> list[_Record]:
    return _weighed([_record(each, decode(each.sent), read_flight(each.received)) for each in transcript.exchanges])


def _record(exchange: Exchange, hello: Hello, flight: Flight) -> _Record:
    said = understand(hello, Reply(flight, exchange.closed, exchange.cause, exchange.asked))
    return _Record(exchange, hello, flight, said)


def _weighed(records: list[_Record]) -> list[_Record]:
    """The records, each believed as far as the others allow."""
    return _trusted(_settled(records))


def _settled(records: list[_Record]) -> list[_Record]:
    """What is ambiguous is a refusal when it was said twice to the same hello, and nothing else was."""
    if all(each.said.cause is not Cause.AMBIGUOUS for each in records):
        return records
    by_hello: dict[Hello, list[_Record]] = {}
    for each in records:
        by_hello.setdefault(each.hello, []).append(each)

    def settled(each: _Record) -> _Record:
        same = by_hello[each.hello]
        is_twice = len(same) > 1 and all(other.said.cause is Cause.AMBIGUOUS for other in same)
        return replace(each, said=Said(Meaning.REFUSED)) if is_twice else each

    return [settled(each) for each in records]


def _trusted(records: list[_Record]) -> list[_Record]:
    """What is refused after the last hello of the server is in doubt: it may have begun to turn everybody away."""
    answered = (place for place, each in enumerate(records) if each.said.meaning in {Meaning.CHOSEN, Meaning.OLDER})
    last = max(answered, default=-1)
    after = records[last + 1 :]
    cause = next((each.cause for each in reversed(after) if each.cause is not None), Cause.AMBIGUOUS)
    return records[: last + 1] + [_in_doubt(each, cause) if each.is_refused else each for each in after]


# Answers say little and are many: each is made once.


@cache
def _seen(value: T) -> Answer[T]:
    return Answer(seen=value)


@cache
def _unseen(cause: Cause) -> Answer[Any]:
    return Answer(unseen=cause)


_Applies = Callable[[_Record], bool]


def _always(_record: _Record) -> bool:
    return True


# --- The whole --------------------------------------------------------------------------------------------------------


class _Reader:
    def __init__(self, transcript: Transcript, records: list[_Record]) -> None:
        self.transcript = transcript
        self.records = records
        self.by_version = {version: self._about(version) for version in TlsVersion}
        self.reads_long_lists = self._reads_long_lists()
        self.accepted = {version: self._is_accepted(version) for version in TlsVersion}

    def facts(self) -> Tls:
        return Tls(
            server_name=self.transcript.server_name,
            versions=self.versions,
            groups=self._groups(),
            curves=self._curves(),
            signatures=self._signatures(),
            primes=tuple(self._primes()),
            short_rsa_bits=tuple(
                sorted({each.key.rsa_bits for each in self.records if each.key and each.key.rsa_bits})
            ),
            extensions=self._extensions(),
            tolerance=self._tolerance(),
            served=self._served(),
        )

    @cached_property
    def versions(self) -> Versions:
        return Versions.of(map(self._version, TlsVersion))

    # --- evidence ---

    def _about(self, version: TlsVersion) -> list[_Record]:
        """The records about a version."""
        return [each for each in self.records if each.version is version]

    def _of(self, *purposes: Purpose) -> list[_Record]:
        return [each for each in self.records if each.purpose in purposes]

    def _reads_long_lists(self) -> bool:
        """Whether the server was seen to read a long list to its end."""
        return any(each.hello.suites.index(each.suite) >= LONG_LIST for each in self.records if each.suite is not None)

    def _counts(self, record: _Record) -> bool:
        """Whether a refusal is one of all that was offered; some servers do not read a long list to its end."""
        return record.is_refused and self._is_read(record.hello)

    def _is_read(self, hello: Hello) -> bool:
        """Whether the server surely reads the list of suites to its end."""
        return self.reads_long_lists or len(hello.suites) <= SMALL_LIST + 2

    def _refused_suites(self, record: _Record) -> set[int]:
        """The suites that a refusal is about: not those for which something else was missing in the hello."""
        if record.purpose is Purpose.NAMED_PRIMES:
            return set()
        offered = set(record.hello.suites)
        if not self._names_a_group(record.hello):
            offered -= _need_a_group()
        return offered - (_with_a_prime(record.version) - self.refused_by_name[record.version])

    def _names_a_group(self, hello: Hello) -> bool:
        """Whether a hello names all groups, or one that the server was seen to use in such a version."""
        if hello.version is TlsVersion.SSL_3 or set(hello.groups).issuperset(offers.groups_of(hello.version)):
            return True
        return not self.groups_used[hello.version is TlsVersion.TLS_1_3].isdisjoint(hello.groups)

    @cached_property
    def groups_used(self) -> tuple[frozenset[int], frozenset[int]]:
        """The groups that the server used before TLS 1.3, and in it."""
        older = (each.key.group for each in self.records if each.key)
        newest = (each.chosen.group for each in self.by_version[TlsVersion.TLS_1_3] if each.chosen)
        return frozenset(filter(None, older)), frozenset(filter(None, newest))

    @cached_property
    def refused_by_name(self) -> dict[TlsVersion, frozenset[int]]:
        """The suites with a prime that were refused to a hello that names groups for it, too (RFC 7919 §4)."""
        refused = dict.fromkeys(TlsVersion, frozenset[int]())
        for each in self._of(Purpose.NAMED_PRIMES):
            if self._counts(_without_older(each)):
                refused[each.version] |= frozenset(each.hello.suites)
        return refused

    def _cause(self, records: Iterable[_Record]) -> Cause:
        """Why something was not seen: the last failure, or why asking came to an end, or nobody asked."""
        known = list(records)
        causes = [each.cause for each in known if each.cause is not None]
        if causes:
            return causes[-1]
        if any(each.is_refused for each in known):
            return Cause.AMBIGUOUS
        ended = next((each.exchange.cause for each in reversed(self.records) if not each.exchange.asked), None)
        return ended or _NOT_ASKED

    # --- versions ---

    def _is_accepted(self, version: TlsVersion) -> Answer[bool]:
        records = self.by_version[version]
        if any(each.is_chosen for each in records):
            return _seen(True)
        if version is TlsVersion.TLS_1_3 and any(each.is_downgraded for each in records):
            return _unseen(Cause.PROTOCOL_ERROR)
        if version is TlsVersion.SSL_2:
            refused = any(each.is_refused for each in records)
        else:
            # A version that does not exist stands for none that does.
            refused = any(each.said.refuses_version for each in records if each.purpose is not Purpose.FUTURE_VERSION)
            if not refused:
                about = {code for each in records if self._counts(each) for code in self._refused_suites(each)}
                refused = about.issuperset(offers.suites_of(version))
        return _seen(False) if refused else _unseen(self._cause(records))

    def _version(self, version: TlsVersion) -> SpokenVersion:
        records = self.by_version[version]
        accepted = self.accepted[version]
        if version is TlsVersion.SSL_2:
            offer = self._ssl_2_suites(accepted)
            return SpokenVersion(version=version, accepted=accepted, suites=offer, preference=_seen(None))
        listing = [each for each in records if each.purpose in _LISTING]
        by_name = [each for each in records if each.purpose is Purpose.NAMED_PRIMES]
        in_order = self._is_in_one_list(version) and {each.suite for each in by_name} <= {
            None,
            *(each.suite for each in listing),
        }
        offer = self._offer(
            _suite_names(version),
            [*self._about_suites(listing), *self._about_suites(by_name)],
            accepted,
            in_order=in_order,
        )
        preference = self._preference(version, offer)
        ordered = preference.seen is Preference.SERVER and in_order
        return SpokenVersion(version=version, accepted=accepted, suites=offer, preference=preference, ordered=ordered)

    def _about_suites(self, records: Iterable[_Record]) -> Iterator[tuple[_Record, Collection[int], int | None]]:
        """What records say of suites; an older version in the answer refuses them in this one."""
        for record in map(_without_older, records):
            if record.gives_up and record.suite is not None:
                # The pick is worth nothing, and the others were not tried.
                yield replace(record, said=Said(Meaning.REFUSED)), (record.suite,), None
            elif not record.is_refused:
                yield record, record.hello.suites, record.suite
            elif record.purpose is not Purpose.NAMED_PRIMES:
                refused = self._refused_suites(record)
                yield record, refused, None
                if left := set(record.hello.suites) - refused:
                    yield _in_doubt(record), left, None

    def _ssl_2_suites(self, accepted: Answer[bool]) -> Offer:
        records = self.by_version[TlsVersion.SSL_2]
        if accepted.unseen is not None:
            return Offer(complete=_unseen(accepted.unseen))
        found = next((each.flight.ssl_2.suites for each in records if each.is_chosen and each.flight.ssl_2), ())
        names = tuple(ssl_2_suites()[code].name for code in found if code in ssl_2_suites())
        return Offer(accepted=names, complete=_seen(True))

    def _offer(
        self,
        names: Mapping[T, str],
        evidence: Sequence[tuple[_Record, Collection[T], T | None]],
        applies: Answer[bool],
        *,
        in_order: bool = True,
    ) -> Offer:
        """What was picked, refused and left open of ``names``; ``evidence``: record, what it offered, its pick."""
        if applies.unseen is not None:
            return Offer(complete=_unseen(applies.unseen))
        if not applies.seen:
            return Offer(complete=_seen(True))
        picked = dict.fromkeys(pick for _record, _offered, pick in evidence if pick is not None and pick in names)
        open_codes = set(names) - set(picked)
        for record, offered, _pick in evidence:
            if self._counts(record):
                open_codes.difference_update(offered)
        # Where several lists were asked for side by side, the order of the picks means nothing.
        accepted = tuple(names[code] for code in (picked if in_order else names) if code in picked)
        if not open_codes:
            return Offer(accepted=accepted, complete=_seen(True))
        cause = self._cause([record for record, offered, _pick in evidence if not open_codes.isdisjoint(offered)])
        return Offer(
            accepted=accepted,
            complete=_unseen(cause),
            open=tuple(name for code, name in names.items() if code in open_codes),
        )

    def _is_in_one_list(self, version: TlsVersion) -> bool:
        """Whether the suites were picked one after another from one list."""
        return version is TlsVersion.TLS_1_3 or (self.transcript.mode is Mode.ECONOMICAL and self.reads_long_lists)

    def _preference(self, version: TlsVersion, offer: Offer) -> Answer[Preference | None]:
        """Compare the pick from what is accepted with the pick from the same the other way round."""
        if not self.accepted[version].seen:
            return _unseen(self.accepted[version].unseen)
        if len(offer.accepted) < 2 and offer.complete.seen:
            return _seen(None)
        asked = [each for each in self.by_version[version] if each.purpose is Purpose.PREFERENCE]
        turned = next((each for each in reversed(asked) if each.is_chosen), None)
        if turned is None:
            return _unseen(self._cause(asked))
        first = _first_pick([each for each in self.by_version[version] if self._is_read(each.hello)], turned)
        if first is None:
            return _unseen(Cause.AMBIGUOUS)
        if turned.suite == first:
            return _seen(Preference.SERVER)
        is_clients = turned.suite == turned.hello.suites[0]
        return _seen(Preference.CLIENT if is_clients else Preference.MIXED)

    # --- groups and signatures ---

    def _groups(self) -> Offer:
        records = [each for each in self.by_version[TlsVersion.TLS_1_3] if each.purpose in _LISTING | {Purpose.GROUPS}]
        retries = any(each.chosen.is_retry for each in records if each.chosen)

        def evidence() -> Iterator[tuple[_Record, Collection[int], int | None]]:
            for each in records:
                offered = each.hello.groups if each.purpose is Purpose.GROUPS else ()
                if each.is_refused and not retries:
                    # Who asks for no other share (RFC 8446 §4.1.4) takes a group with one, or not at all.
                    yield each, set(offered).intersection(each.hello.shares), None
                    yield _in_doubt(each), set(offered).difference(each.hello.shares), None
                else:
                    yield each, offered, each.chosen.group if each.chosen else None

        return self._offer(_group_names(TlsVersion.TLS_1_3), list(evidence()), self.accepted[TlsVersion.TLS_1_3])

    @cached_property
    def newest_clear(self) -> TlsVersion | None:
        """The newest version that the server speaks in clear text."""
        spoken = [version for version in _CLEAR if self.accepted[version].seen]
        return spoken[-1] if spoken else None

    @cached_property
    def clear(self) -> list[_Record]:
        """The records of hellos in which the server chose a version before TLS 1.3."""
        return [each for version in _CLEAR for each in self.by_version[version] if each.chosen]

    @cached_property
    def speaks_clear(self) -> Answer[bool]:
        """Whether a version before TLS 1.3 is spoken."""
        return self._is_any_clear()

    def _is_any_clear(self, without: Collection[TlsVersion] = ()) -> Answer[bool]:
        """Whether a version before TLS 1.3 is spoken."""
        answers = [self.accepted[version] for version in _CLEAR if version not in without]
        if any(each.seen for each in answers):
            return _seen(True)
        return next((each for each in answers if not each.is_seen), _seen(False))

    def _curves(self) -> Offer:
        newest = self.newest_clear
        applies = self._is_any_clear({TlsVersion.SSL_3})
        if newest is None or not applies.seen:
            return self._offer({}, [], applies)
        on_curve = [
            each for each in self.by_version[newest] if each.suite is not None and suites()[each.suite].on_curve
        ]
        offer = self.versions[newest].suites
        if not on_curve:
            return Offer(complete=offer.complete)
        names = _group_names(newest)
        asked = [each for each in self.by_version[newest] if each.purpose is Purpose.GROUPS]
        needed = _needed_curve(on_curve)
        takes = {each.suite for each in on_curve}
        evidence: list[tuple[_Record, Collection[int], int | None]] = [
            (each, (), each.key.group if each.key else None) for each in on_curve if each.purpose is not Purpose.GROUPS
        ]
        for each in asked:
            pick = each.key.group if each.key else None
            offered = each.hello.groups
            if pick is not None and pick == needed and pick == offered[-1]:
                # It was kept last, and still taken: nothing else that was offered is.
                evidence += [(each, offered, pick), (replace(each, said=Said(Meaning.REFUSED)), offered[:-1], None)]
            elif each.gives_up and takes.intersection(each.hello.suites):
                evidence.append((replace(each, said=Said(Meaning.REFUSED)), offered, None))
            elif each.is_refused and not (takes.intersection(each.hello.suites) and needed in (None, *offered)):
                evidence.append((each, (), None))
            else:
                evidence.append((each, offered, pick))
        return self._offer(names, evidence, applies)

    def _signatures(self) -> Offer:
        is_old = self.accepted[TlsVersion.TLS_1_2].seen
        version = TlsVersion.TLS_1_2 if is_old else TlsVersion.TLS_1_3
        known = offers.signatures_of(version)
        asked = [each for each in self.by_version[version] if each.purpose is Purpose.SIGNATURES]
        named = {code: signatures()[code].name for code in known}

        def pick(each: _Record) -> int | None:
            if not each.is_chosen:
                return None
            if version is TlsVersion.TLS_1_3:
                return each.hello.signatures[0]
            return each.key.signature if each.key else None

        # Where no schemes are named for certificates, a refusal may be about these.
        evidence = [
            (
                _in_doubt(each) if each.is_refused and not each.hello.certificate_signatures else each,
                each.hello.signatures,
                pick(each),
            )
            for each in asked
        ]
        return self._offer(named, evidence, self.accepted[version], in_order=False)

    # --- keys and certificates ---

    def _primes(self) -> Iterator[EphemeralPrime]:
        seen: dict[bytes, list[_Record]] = {}
        for each in self.records:
            if each.key is not None and each.key.prime:
                seen.setdefault(each.key.prime, []).append(each)
        for prime, records in sorted(seen.items(), key=lambda item: (len(item[0]), item[0])):
            digest = _sha256(prime)
            known = primes().get(digest)
            yield EphemeralPrime(
                bits=int.from_bytes(prime, "big").bit_length(),
                sha256=digest,
                known=known.name if known else None,
                versions=_versions(records),
                suites=tuple(sorted({suites()[each.suite].name for each in records if each.suite is not None})),
            )

    def _served(self) -> tuple[tuple[str, ...], ...]:
        chains = {each.chain for each in self.records if each.chain}
        return tuple(sorted(tuple(map(_sha256, chain)) for chain in chains))

    # --- extensions ---

    def _extensions(self) -> Extensions:
        def echoed(number: int, applies: _Applies = _always) -> Answer[bool | None]:
            return self._shown(
                lambda each: number in each.hello.extensions,
                lambda hello: number in hello.extensions,
                applies=applies,
                always=True,
            )

        return Extensions(
            secure_renegotiation=self._shown(
                lambda each: wire.RENEGOTIATION in each.hello.extensions or RENEGOTIATION_SCSV in each.hello.suites,
                lambda hello: wire.RENEGOTIATION in hello.extensions,
                always=True,
            ),
            extended_master_secret=echoed(wire.MASTER_SECRET),
            encrypt_then_mac=echoed(
                wire.ENCRYPT_THEN_MAC, lambda each: each.suite is not None and suites()[each.suite].mode == "CBC"
            ),
            compression=self._shown(lambda each: any(each.hello.compressions), lambda hello: hello.compression != 0),
            fallback_refused=self._fallback(),
        )

    def _shown(
        self,
        offered: _Applies,
        holds: Callable[[ServerHello], bool],
        *,
        applies: _Applies = _always,
        always: bool = False,
    ) -> Answer[bool | None]:
        """Whether something holds in some (or in every) hello before TLS 1.3 that answers one which offered it.

        None where no such version is spoken, or where it ``applies`` to none of the answers, offered or not.
        """
        spoken = self.speaks_clear
        if not spoken.seen:
            return _unseen(spoken.unseen)
        records = [each for each in self.clear if offered(each)]
        if not records:
            cause = self._cause(self._of(Purpose.EXTENSIONS))
            return _seen(None) if self.newest_clear is TlsVersion.SSL_3 else _unseen(cause)
        held = [holds(each.chosen) for each in records if each.chosen and applies(each)]
        if not held:
            others = (each for each in self.clear if each.version is not TlsVersion.SSL_3 and each.chosen)
            causes = [each.cause for each in records if each.cause is not None]
            return _unseen((*causes, Cause.AMBIGUOUS)[0]) if any(map(applies, others)) else _seen(None)
        return _seen(all(held) if always else any(held))

    def _fallback(self) -> Answer[bool | None]:
        asked = self._of(Purpose.FALLBACK)
        for each in asked:
            if each.is_chosen:
                return _seen(False)
            if each.said.alert == _INAPPROPRIATE_FALLBACK:
                return _seen(True)
        older = self._is_any_clear({TlsVersion.TLS_1_2})
        if older.unseen is not None:
            return _unseen(older.unseen)
        spoken = [answer for version, answer in self.accepted.items() if version is not TlsVersion.SSL_2]
        is_only_one = all(each.is_seen for each in spoken) and sum(bool(each.seen) for each in spoken) < 2
        return _unseen(self._cause(asked)) if asked or (older.seen and not is_only_one) else _seen(None)

    # --- tolerance ---

    def _tolerance(self) -> Tolerance:
        return Tolerance(
            many_suites=self._many_suites(),
            unknown_values=self._takes(Purpose.GREASE, lambda hello: hello.suites[0] in GREASE),
            long_hello=self._takes(Purpose.LONG_HELLO, lambda hello: hello.least_bytes > _ORDINARY_BYTES),
            future_version=self._takes(Purpose.FUTURE_VERSION, lambda hello: hello.legacy_version is not None),
        )

    def _many_suites(self) -> Answer[bool]:
        if self.reads_long_lists:
            return _seen(True)
        tried = [each for each in self.records if len(each.hello.suites) > LONG_LIST and self._should_take(each)]
        if any(each.is_refused for each in tried) or len(tried) >= _FIRM:
            return _seen(False)
        return _unseen(self._cause(tried))

    def _should_take(self, record: _Record) -> bool:
        """Whether a hello was not taken that offers what the server takes otherwise."""
        same = self.by_version[record.version]
        return not record.is_chosen and any(each.suite in record.hello.suites for each in same if each.suite)

    def _takes(self, purpose: Purpose, is_odd: Callable[[Hello], bool]) -> Answer[bool | None]:
        """Whether an odd hello is taken, where a plain one is."""
        records = self._of(purpose)
        odd = [each for each in records if is_odd(each.hello)]
        plain = [each for each in records if not is_odd(each.hello)]
        if any(each.said.meaning in {Meaning.CHOSEN, Meaning.OLDER} for each in odd):
            return _seen(True)
        is_there = any(each.is_chosen for each in plain)
        if is_there and (any(each.is_refused for each in odd) or len(odd) >= _FIRM):
            return _seen(False)
        if not odd and not self._might_be_asked(purpose):
            return _seen(None)
        return _unseen(self._cause(odd))

    def _might_be_asked(self, purpose: Purpose) -> bool:
        """Whether a version is spoken, or may be, in which the question makes sense."""
        makes_sense = [TlsVersion.TLS_1_0, TlsVersion.TLS_1_1, TlsVersion.TLS_1_2]
        if purpose is not Purpose.FUTURE_VERSION:
            makes_sense.append(TlsVersion.TLS_1_3)
        return any(self.accepted[version].seen or not self.accepted[version].is_seen for version in makes_sense)


#: What tells of the suites of a version.
_LISTING = frozenset({Purpose.VERSION, Purpose.SMALL, Purpose.SUITES, Purpose.CONFIRM})
_CLEAR = tuple(version for version in TlsVersion if version not in (TlsVersion.SSL_2, TlsVersion.TLS_1_3))
_INAPPROPRIATE_FALLBACK = 86
#: So many failures, with successes in between, are no accident.
_FIRM = 3
_ORDINARY_BYTES = 1024


@cache
def _need_a_group() -> frozenset[int]:
    """The suites for which both sides must have a named group in common."""
    return frozenset(code for code, suite in suites().items() if suite.needs_group)


@cache
def _with_a_prime(version: TlsVersion) -> frozenset[int]:
    """The suites of a version that may be refused for want of a named prime."""
    return frozenset(offers.prime_suites(version))


@cache
def _suite_names(version: TlsVersion) -> Mapping[int, str]:
    return {code: suites()[code].name for code in offers.suites_of(version)}


@cache
def _group_names(version: TlsVersion) -> Mapping[int, str]:
    return {code: groups()[code].name for code in offers.groups_of(version)}


def _without_older(record: _Record) -> _Record:
    """The record, with an answer in an older version as the refusal that it is of the suites in this one."""
    return replace(record, said=Said(Meaning.REFUSED)) if record.said.meaning is Meaning.OLDER else record


def _in_doubt(record: _Record, cause: Cause = Cause.AMBIGUOUS) -> _Record:
    """The record, with its refusal as one of which the reason is not known."""
    return replace(record, said=Said(Meaning.DOUBT, cause))


def _versions(records: Iterable[_Record]) -> tuple[TlsVersion, ...]:
    return tuple(sorted({each.version for each in records}, key=AGES.__getitem__))


def _first_pick(records: Sequence[_Record], turned: _Record) -> int | None:
    """What the server picks first of the suites in ``turned``, offered in another order."""
    others = [
        each
        for each in records
        if each.purpose in _LISTING | {Purpose.PREFERENCE}
        and each.suite is not None
        and each.hello.suites != turned.hello.suites
        and set(turned.hello.suites) <= set(each.hello.suites)
    ]
    return others[0].suite if others else None


def _needed_curve(on_curve: Sequence[_Record]) -> int | None:
    """The curve without which a server with nothing but ECDSA certificates leaves."""
    signers = {suites()[each.suite].authentication for each in on_curve if each.suite is not None}
    if signers != {"ECDSA"}:
        return None
    curves = [certificate_curve(each.chain[0]) for each in on_curve if each.chain]
    return next((curve.code for curve in curves if curve is not None), None)
