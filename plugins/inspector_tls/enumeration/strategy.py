"""What is asked, and what next: "the server picks, remove the pick, ask again", for suites, groups and the rest.

Everything here is a line of questions (see ``steps``): no network, no clock. A doubtful answer is asked for once more;
what stays in doubt is left so, and ``context`` will call it unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from inspector import Cause
from inspector_tls.enumeration import hello_profiles as offers
from inspector_tls.enumeration.hello_profiles import LONG_LIST, Form
from inspector_tls.enumeration.question_flow import Line, ask, together
from inspector_tls.enumeration.reply import Meaning, Reply, Said, understand
from inspector_tls.enumeration.transcript import Mode, Purpose
from inspector_tls.wire import client_hello as wire
from inspector_tls.wire.client_hello import Hello
from inspector_tls.wire.code_points import AGES, FALLBACK_SCSV, GREASE, signatures, suites
from inspector_tls.wire.key_exchange import EphemeralKey, certificate_curve, read_key
from inspector_tls.wire.server_flight import Flight
from inspector_tls.wire.versions import TlsVersion

#: The lists in which fast mode asks for the suites of a version side by side.
FAST_LISTS = 8
#: A version number that does not exist, and the length of a hello with a post-quantum key share and room to spare.
FUTURE_VERSION, LONG_HELLO_BYTES = 0x0399, 2048

_RSA_KEYS, _CURVE_KEYS = frozenset({"RSA", "RSA-PSS", "DSA"}), frozenset({"EC", "Ed25519", "Ed448"})


@dataclass(slots=True)
class Case:
    """One server: how it is addressed and asked, and whether it was seen to read a long list to its end."""

    server_name: str | None
    mode: Mode = Mode.ECONOMICAL
    extra: bool = True
    reads_long_lists: bool = False

    def hello(
        self,
        version: TlsVersion,
        offered: Iterable[int],
        form: Form = Form.FULL,
        **details: Sequence[int],
    ) -> Hello:
        """A hello to this server."""
        return offers.hello(version, offered, self.server_name, form, **details)  # type: ignore[arg-type]  # by name


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the first questions about a version came to; ``form``: the hellos in which the server understands it."""

    version: TlsVersion
    said: Said
    flight: Flight
    form: Form = Form.FULL

    @property
    def is_accepted(self) -> bool:
        """Whether the server chose the version."""
        return self.said.meaning is Meaning.CHOSEN

    @property
    def suite(self) -> int:
        """The suite that was chosen first."""
        return self.flight.hello.suite if self.flight.hello else 0


def enumeration(case: Case) -> Line[None]:
    """Everything there is to ask."""
    versions = [version for version in TlsVersion if version is not TlsVersion.SSL_2]
    _, *spoken = yield from together(_ssl_2(case), *(_first(case, version) for version in versions))
    firsts = [each for each in spoken if each is not None]
    if not case.reads_long_lists:
        firsts = yield from together(*(_confirmed(case, each) for each in firsts))
    accepted = [each for each in firsts if each.is_accepted]
    refused = [each for each in firsts if _turns_away(each.said) and not each.said.refuses_version]
    yield from together(
        *(_survey(case, each, accepted) for each in accepted),
        *(_only_named_primes(case, each) for each in refused),
    )
    if accepted:
        # Does it still take what it took at first? Some servers turn everybody away who comes too often.
        yield from _settled(case, Purpose.CONFIRM, _plain(case, accepted[-1]), alone=True)


# --- One question -----------------------------------------------------------------------------------------------------


def _once(case: Case, purpose: Purpose, hello: Hello, *, alone: bool = False) -> Line[tuple[Said, Reply]]:
    reply = yield from ask(purpose, hello, alone=alone)
    said = understand(hello, reply)
    chosen = reply.flight.hello
    if not case.reads_long_lists and said.meaning is Meaning.CHOSEN and chosen is not None:
        case.reads_long_lists = hello.suites.index(chosen.suite) >= LONG_LIST
    return said, reply


def _settled(case: Case, purpose: Purpose, hello: Hello, *, alone: bool = False) -> Line[tuple[Said, Reply]]:
    """Ask, and again if the answer is in doubt; then alone, for some servers turn surplus connections away.

    A reset or a close without a word may still be about the connection before, and is asked about once more.
    """
    said, reply = yield from _once(case, purpose, hello, alone=alone)
    for is_last in (False, True):
        if said.is_settled or not reply.asked or (is_last and not _is_abrupt(said)):
            break
        said, reply = yield from _once(case, purpose, hello, alone=True)
    return said, reply


def _is_abrupt(said: Said) -> bool:
    return said.cause is Cause.RESET or (said.cause is Cause.AMBIGUOUS and said.alert is None)


@dataclass(slots=True)
class _Drained:
    """What one list came to: picks in their order, what was left over, and the last word."""

    found: list[int]
    left: list[int]
    last: Said | None = None


def _drain(
    case: Case,
    purpose: Purpose,
    offered: Iterable[int],
    hello_of: Callable[[tuple[int, ...]], Hello],
    picked: Callable[[Flight], int | None],
    most: int | None = None,
) -> Line[_Drained]:
    """The server picks, the pick is removed, and it is asked again until it refuses, or has picked so many."""
    drained = _Drained([], list(offered))
    while drained.left and len(drained.found) != most:
        drained.last, reply = yield from _settled(case, purpose, hello_of(tuple(drained.left)))
        pick = picked(reply.flight) if drained.last.meaning is Meaning.CHOSEN else None
        if pick is None or not _taken_out(drained.left, pick):
            break
        drained.found.append(pick)
    return drained


def _taken_out(left: list[int], pick: int) -> bool:
    """Whether the pick stood in the list, where it does no more; the likeliest stand at the end."""
    left.reverse()
    try:
        left.remove(pick)
    except ValueError:
        return False
    finally:
        left.reverse()
    return True


def _turns_away(said: Said) -> bool:
    """Whether the last word was a refusal, be it without a word."""
    return said.meaning is Meaning.REFUSED or said.cause is Cause.AMBIGUOUS


def _suite(flight: Flight) -> int | None:
    return flight.hello.suite if flight.hello else None


def _key(flight: Flight) -> EphemeralKey | None:
    chosen = flight.hello
    if chosen is None or chosen.version is None or flight.key_exchange is None or chosen.suite not in suites():
        return None
    return read_key(flight.key_exchange, suites()[chosen.suite], chosen.version)


# --- Versions ---------------------------------------------------------------------------------------------------------


def _ssl_2(case: Case) -> Line[None]:
    """One hello of SSL 2.0 brings all its cipher kinds."""
    yield from _settled(case, Purpose.SSL_2, offers.ssl_2_hello())


def _first(case: Case, version: TlsVersion) -> Line[Spoken]:
    """Offer all of a version at once; where that is in doubt, little of it."""
    is_tls_1_3 = version is TlsVersion.TLS_1_3
    whole = case.hello(version, offers.first_suites(version, Form.FULL))
    said, reply = yield from _once(case, Purpose.VERSION, whole)
    spoken = Spoken(version, said, reply.flight)
    if said.meaning in (Meaning.CHOSEN, Meaning.OLDER) or said.refuses_version or not reply.asked:
        return spoken
    if said.is_settled and not is_tls_1_3:
        return spoken
    small = yield from _small(case, version)
    if not _is_answered(small.said):
        tiny = yield from _tiny(case, version)
        return tiny if _is_answered(tiny.said) else small
    if small.said.refuses_version:
        return small
    # The server is there: was it the hello, or bad luck? Said twice, an ambiguous word is a refusal of the whole list.
    said, reply = yield from _once(case, Purpose.SMALL, whole, alone=True)
    return Spoken(version, said, reply.flight) if said.is_settled and not is_tls_1_3 else small


def _is_answered(said: Said) -> bool:
    return said.is_settled or said.cause is Cause.AMBIGUOUS


def _small(case: Case, version: TlsVersion, offered: Sequence[int] = (), form: Form = Form.SMALL) -> Line[Spoken]:
    hello = case.hello(version, offered or offers.first_suites(version, form), form)
    said, reply = yield from _settled(case, Purpose.SMALL, hello, alone=True)
    return Spoken(version, said, reply.flight, form)


def _tiny(case: Case, version: TlsVersion) -> Line[Spoken]:
    """The last try: some devices bear no hello of more than 255 bytes. Only where it is answered more is asked so."""
    hello = case.hello(version, offers.first_suites(version, Form.TINY), Form.TINY)
    said, reply = yield from _once(case, Purpose.SMALL, hello, alone=True)
    if _is_answered(said) and not said.is_settled:
        said, reply = yield from _once(case, Purpose.SMALL, hello, alone=True)
    return Spoken(version, said, reply.flight, Form.TINY)


def _confirmed(case: Case, spoken: Spoken) -> Line[Spoken]:
    """Where no long list was read to its end, a version is refused when all its suites are, in short lists."""
    if not _turns_away(spoken.said) or spoken.said.refuses_version:
        return spoken
    version = spoken.version
    likeliest = spoken if spoken.form is not Form.FULL else (yield from _small(case, version))
    if not _turns_away(likeliest.said):
        return likeliest
    form = likeliest.form
    others = yield from together(
        *(_small(case, version, some, form) for some in offers.short_lists(offers.suites_of(version), form)[1:])
    )
    return next((each for each in others if each.is_accepted), likeliest)


# --- One version ------------------------------------------------------------------------------------------------------


def _survey(case: Case, spoken: Spoken, accepted: Sequence[Spoken]) -> Line[None]:
    """Ask for all that belongs to one version that the server speaks."""
    version = spoken.version
    older = [each for each in accepted if each.version is not TlsVersion.TLS_1_3]
    is_newest_clear = bool(older) and spoken is older[-1]
    lines: list[Line[None]] = [_suites_and_after(case, spoken, in_clear=is_newest_clear)]
    if version is TlsVersion.TLS_1_3:
        lines.append(_groups_and_after(case, spoken, signs=case.extra and not _has_tls_1_2(accepted)))
    if case.extra:
        if version is TlsVersion.TLS_1_2:
            lines += [
                _signatures(case, spoken, _RSA_KEYS, ("RSA", "DSS")),
                _signatures(case, spoken, _CURVE_KEYS, ("ECDSA",)),
            ]
        if is_newest_clear and version is not TlsVersion.SSL_3:
            lines.append(_future(case, spoken))
        if len(accepted) > 1 and spoken is accepted[-2] and _has_fallback(accepted):
            lines.append(_fallback(case, spoken))
        if spoken is accepted[-1] and version is not TlsVersion.SSL_3:
            lines += [_grease(case, spoken), _long_hello(case, spoken)]
    yield from together(*lines)


def _has_fallback(accepted: Sequence[Spoken]) -> bool:
    """Whether a client can fall back below TLS 1.2; from TLS 1.3 to 1.2 the random value protects (RFC 8446 §4.1.3)."""
    return any(AGES[each.version] < AGES[TlsVersion.TLS_1_2] for each in accepted)


def _has_tls_1_2(accepted: Sequence[Spoken]) -> bool:
    return any(each.version is TlsVersion.TLS_1_2 for each in accepted)


def _suites_and_after(case: Case, spoken: Spoken, *, in_clear: bool) -> Line[None]:
    """The suites of a version; then what can only be asked when they are known."""
    known = suites()
    on_curve = in_clear and spoken.version is not TlsVersion.SSL_3
    starts_on_curve = on_curve and spoken.suite in known and known[spoken.suite].on_curve
    primes = offers.prime_suites(spoken.version)
    lines: list[Line[list[int]]] = [_suites(case, spoken), _named_primes(case, spoken, primes, most=1)]
    if starts_on_curve:
        lines.append(_curves(case, spoken, [spoken.suite]))
    found, named, *_ = yield from together(*lines)
    after: list[Line[None]] = []
    if named:
        left = [code for code in primes if code not in found and code not in named]
        after.append(_without_result(_named_primes(case, spoken, left)))
    if on_curve and not starts_on_curve and any(known[code].on_curve for code in found):
        after.append(_without_result(_curves(case, spoken, found)))
    if case.extra:
        if len(found) > 1:
            after.append(_preference(case, spoken, found))
        if in_clear and not (spoken.form is Form.FULL and case.reads_long_lists):
            after.append(_extensions(case, spoken, found))
        if in_clear and spoken.form is Form.SMALL:
            after.append(_many_suites(case, spoken))
    yield from together(*after)


def _without_result(line: Line[list[int]]) -> Line[None]:
    yield from line


def _suites(case: Case, spoken: Spoken) -> Line[list[int]]:
    """Every suite of the version, in the order in which they were picked."""
    version = spoken.version
    first = spoken.suite
    left = [code for code in offers.suites_of(version) if code != first]
    if spoken.form is not Form.FULL:
        return [first, *(yield from _in_short_lists(case, version, left, spoken.form))]
    lists = FAST_LISTS if case.mode is Mode.FAST and version is not TlsVersion.TLS_1_3 else 1
    drains = yield from together(
        *(
            _drain(case, Purpose.SUITES, left[start::lists], lambda some: case.hello(version, some), _suite)
            for start in range(lists)
        )
    )
    drains = [*drains, *(yield from _apart(case, version, drains))]
    found = list(dict.fromkeys((spoken.suite, *(code for drained in drains for code in drained.found))))
    rest = [code for drained in drains[:lists] for code in drained.left if code not in found]
    if rest and version is not TlsVersion.TLS_1_3 and not case.reads_long_lists:
        # Ballast in front, what it surely takes at the end: does it read so far?
        ballast = case.hello(version, (*GREASE, *rest, *found))
        yield from _settled(case, Purpose.CONFIRM, ballast)
        if not case.reads_long_lists:
            found += yield from _in_short_lists(case, version, rest, Form.SMALL)
    return found


def _named_primes(case: Case, spoken: Spoken, codes: Sequence[int], most: int | None = None) -> Line[list[int]]:
    """The suites with a prime that the server picks from a hello that names the groups of RFC 7919.

    Some servers have no other primes, and pick such a suite from no other hello; some use these in place of their own
    (§4). A server that knows none of the groups must pick no such suite: so all else is asked without them.
    """
    in_one = spoken.form is Form.FULL and case.reads_long_lists
    lists = [codes] if in_one and codes else offers.short_lists(codes, spoken.form)

    def hello_of(some: tuple[int, ...]) -> Hello:
        return case.hello(spoken.version, some, spoken.form, of_groups=offers.prime_groups())

    drains = yield from together(*(_drain(case, Purpose.NAMED_PRIMES, some, hello_of, _suite, most) for some in lists))
    return [code for drained in drains for code in drained.found]


def _only_named_primes(case: Case, spoken: Spoken) -> Line[None]:
    """A version that was refused, asked once more by those suites and groups; if it is taken, all of it is."""
    codes = offers.prime_suites(spoken.version)
    if (yield from _named_primes(case, spoken, codes, most=1)):
        yield from _named_primes(case, spoken, codes)


def _apart(case: Case, version: TlsVersion, drains: Sequence[_Drained]) -> Line[Sequence[_Drained]]:
    """What is left of a list whose end was no word at all, asked by the kind of key exchange.

    Some servers pick a kind that they cannot carry out, e.g. DHE without a prime, and close: that says nothing of the
    others.
    """
    left = [code for drained in drains if drained.last and not drained.last.is_settled for code in drained.left]
    kinds: dict[tuple[bool, bool], list[int]] = {}
    for code in left:
        known = suites().get(code)
        kinds.setdefault((bool(known and known.on_curve), bool(known and known.key_exchange == "DHE")), []).append(code)
    if version is TlsVersion.TLS_1_3 or len(kinds) < 2:
        return ()
    return (
        yield from together(
            *(
                _drain(case, Purpose.SUITES, some, lambda offered: case.hello(version, offered), _suite)
                for some in kinds.values()
            )
        )
    )


def _in_short_lists(case: Case, version: TlsVersion, left: Sequence[int], form: Form) -> Line[list[int]]:
    """The suites of a version in lists that no server chokes on; if the likeliest bring no answer, no others do."""
    lists = offers.short_lists(left, form)

    def drain(some: Sequence[int]) -> Line[_Drained]:
        return _drain(case, Purpose.SUITES, some, lambda offered: case.hello(version, offered, form), _suite)

    likeliest = yield from drain(lists[0])
    if likeliest.last is not None and not _is_answered(likeliest.last):
        return likeliest.found
    others = yield from together(*(drain(some) for some in lists[1:]))
    return [code for drained in (likeliest, *others) for code in drained.found]


# --- Groups -----------------------------------------------------------------------------------------------------------


def _groups_and_after(case: Case, spoken: Spoken, *, signs: bool) -> Line[None]:
    """The groups of TLS 1.3: without a key share the server names the one it wants (RFC 8446 §4.1.4)."""
    offered = offers.suites_of(TlsVersion.TLS_1_3)
    first = spoken.flight.hello.group if spoken.flight.hello else None

    def picked(flight: Flight) -> int | None:
        return flight.hello.group if flight.hello else None

    def hello_of(some: tuple[int, ...]) -> Hello:
        shares = [group for group in some if group in wire.SHAREABLE] if spoken.form is Form.SMALL else []
        return case.hello(TlsVersion.TLS_1_3, offered, spoken.form, of_groups=some, shares=shares)

    left = [group for group in offers.groups_of(TlsVersion.TLS_1_3) if group != first]
    lists = offers.group_lists(left, spoken.form)
    drains = yield from together(*(_drain(case, Purpose.GROUPS, some, hello_of, picked) for some in lists))
    found = [group for drained in drains for group in drained.found]
    if first is not None and spoken.form is Form.SMALL:
        # Would it ask for a share? Else it refuses whatever it got none for.
        without = case.hello(TlsVersion.TLS_1_3, offered, spoken.form, of_groups=(first,))._replace(shares=())
        yield from _settled(case, Purpose.GROUPS, without)
    shareable = [group for group in (first, *found) if group in wire.SHAREABLE]
    if signs and shareable:
        yield from _signatures_of_tls_1_3(case, shareable[0])


def _curves(case: Case, spoken: Spoken, found: Sequence[int]) -> Line[list[int]]:
    """The groups before TLS 1.3, as the ephemeral keys show them; ``found``: suites that were accepted."""
    version, form = spoken.version, spoken.form
    known = [suites()[code] for code in found if suites()[code].on_curve]
    offered = offers.curve_suites(version, "RSA", "ECDSA", *{suite.authentication for suite in known})
    if form is not Form.FULL:
        offered = tuple(dict.fromkeys((*offered[-form.list_length + 1 :], known[0].code)))
    left = list(offers.groups_of(version))
    first = _key(spoken.flight)
    is_first_seen = first is not None and first.group in left and _suite(spoken.flight) in offered
    if first is not None and first.group is not None and is_first_seen:
        left.remove(first.group)
    lists = offers.group_lists(left, form)
    seen = spoken.flight if is_first_seen else Flight()
    found_groups = yield from together(*(_curves_among(case, spoken, offered, some, seen) for some in lists))
    return [group for some in found_groups for group in some]


def _curves_among(
    case: Case, spoken: Spoken, offered: tuple[int, ...], left: Sequence[int], seen: Flight
) -> Line[list[int]]:
    version, form = spoken.version, spoken.form
    certificate: list[int] = []

    def picked(flight: Flight) -> int | None:
        if flight.hello is not None and suites()[flight.hello.suite].authentication == "ECDSA" and flight.certificates:
            curve = certificate_curve(flight.certificates[0])
            certificate[:] = [curve.code] if curve else []
        else:
            certificate.clear()
        key = _key(flight)
        return key.group if key else None

    def hello_of(kept: Sequence[int]) -> Callable[[tuple[int, ...]], Hello]:
        return lambda some: case.hello(version, offered, form, of_groups=(*some, *kept))

    picked(seen)
    drained = yield from _drain(case, Purpose.GROUPS, left, hello_of(()), picked)
    needed = [code for code in certificate if code not in drained.left]
    if drained.left and needed and drained.last is not None and _turns_away(drained.last):
        # A server with nothing but this certificate leaves when its curve is not offered: keep that one, last.
        drained = yield from _drain(case, Purpose.GROUPS, drained.left, hello_of(needed), picked)
    return drained.found


# --- Signatures -------------------------------------------------------------------------------------------------------


def _signatures(case: Case, spoken: Spoken, keys: frozenset[str], authentications: tuple[str, ...]) -> Line[None]:
    """The schemes with which the server signs its ephemeral keys in TLS 1.2."""
    offered = offers.signed_suites(spoken.version, *authentications)
    if spoken.form is not Form.FULL:
        offered = offered[-spoken.form.list_length :]
    schemes = [code for code in offers.signatures_of(spoken.version) if signatures()[code].key in keys]

    def picked(flight: Flight) -> int | None:
        key = _key(flight)
        return key.signature if key else None

    def hello_of(some: tuple[int, ...]) -> Hello:
        return case.hello(spoken.version, offered, spoken.form, of_signatures=some)

    yield from _drain(case, Purpose.SIGNATURES, schemes, hello_of, picked)


def _signatures_of_tls_1_3(case: Case, group: int) -> Line[None]:
    """The schemes of TLS 1.3, one by one: which one signs is encrypted, but not whether one does."""
    version = TlsVersion.TLS_1_3
    yield from together(
        *(
            _settled(
                case,
                Purpose.SIGNATURES,
                case.hello(
                    version, offers.suites_of(version), of_groups=(group,), shares=(group,), of_signatures=(scheme,)
                ),
            )
            for scheme in offers.signatures_of(version)
        )
    )


# --- Extra questions --------------------------------------------------------------------------------------------------


def _preference(case: Case, spoken: Spoken, found: Sequence[int]) -> Line[None]:
    """Offer what is accepted the other way round: does the server still pick the same?

    Some servers with an order of their own give way to a client that puts ChaCha20 first: then it stands last.
    """
    few = found[: spoken.form.list_length]
    turned = few[::-1]
    without_chacha = sorted(turned, key=lambda code: suites()[code].cipher == "CHACHA20")
    if without_chacha[0] != found[0]:
        turned = without_chacha
    if spoken.form is not Form.FULL or not case.reads_long_lists:
        # Short lists never showed them all together.
        yield from _settled(case, Purpose.PREFERENCE, case.hello(spoken.version, few, spoken.form))
    yield from _settled(case, Purpose.PREFERENCE, case.hello(spoken.version, turned, spoken.form))


def _extensions(case: Case, spoken: Spoken, found: Sequence[int]) -> Line[None]:
    """Offer in a short hello what full ones carry; a suite in CBC mode shows whether it encrypts before the MAC."""
    most = spoken.form.list_length
    in_cbc = [code for code in found if suites()[code].mode == "CBC"]
    yield from together(
        *(
            _settled(
                case,
                Purpose.EXTENSIONS,
                case.hello(spoken.version, codes[:most], spoken.form)._replace(
                    compressions=offers.COMPRESSIONS, extensions=offers.EXTENSIONS
                ),
            )
            for codes in (found, in_cbc)
            if codes and spoken.version is not TlsVersion.SSL_3
        )
    )


def _many_suites(case: Case, spoken: Spoken) -> Line[None]:
    """Send the full hello that was in doubt once more, in contrast to a plain one: is it the length that offends?"""
    whole = case.hello(spoken.version, offers.suites_of(spoken.version))
    yield from _contrasted(case, Purpose.CONFIRM, whole, _plain(case, spoken))


def _fallback(case: Case, spoken: Spoken) -> Line[None]:
    """Say that this is a fallback from a newer version: a server that speaks one must refuse (RFC 7507 §3)."""
    hello = case.hello(spoken.version, (*_likely(spoken), FALLBACK_SCSV), spoken.form)
    yield from _settled(case, Purpose.FALLBACK, hello)


def _likely(spoken: Spoken) -> tuple[int, ...]:
    """The suite that was surely accepted, and the likeliest others."""
    form = Form.TINY if spoken.form is Form.TINY else Form.SMALL
    return tuple(dict.fromkeys((*offers.common_suites(spoken.version, form), spoken.suite)))


def _contrasted(case: Case, purpose: Purpose, odd: Hello, plain: Hello) -> Line[None]:
    """Send an odd hello; if it is not taken, a plain one, to see that the server is there, and the odd one again."""
    said, reply = yield from _settled(case, purpose, odd)
    if said.meaning is Meaning.CHOSEN or not reply.asked:
        return
    yield from _settled(case, purpose, plain, alone=True)
    if not said.is_settled:
        yield from _once(case, purpose, odd, alone=True)


def _plain(case: Case, spoken: Spoken) -> Hello:
    return case.hello(spoken.version, _likely(spoken), spoken.form)


def _grease(case: Case, spoken: Spoken) -> Line[None]:
    """Offer values that nobody knows: they must be passed over (RFC 8701)."""
    plain = _plain(case, spoken)
    odd = plain._replace(
        suites=(GREASE[5], *plain.suites),
        groups=(GREASE[6], *plain.groups),
        extensions=(GREASE[7], *plain.extensions, GREASE[8]),
        signatures=(GREASE[9], *plain.signatures) if plain.signatures else (),
    )
    yield from _contrasted(case, Purpose.GREASE, odd, plain)


def _long_hello(case: Case, spoken: Spoken) -> Line[None]:
    """Send a hello of the length that post-quantum key shares bring."""
    plain = _plain(case, spoken)
    yield from _contrasted(case, Purpose.LONG_HELLO, plain._replace(least_bytes=LONG_HELLO_BYTES), plain)


def _future(case: Case, spoken: Spoken) -> Line[None]:
    """Announce a version that does not exist: the server must answer with its own newest (RFC 5246 §E.1)."""
    plain = _plain(case, spoken)
    yield from _contrasted(case, Purpose.FUTURE_VERSION, plain._replace(legacy_version=FUTURE_VERSION), plain)
