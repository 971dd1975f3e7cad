"""Which suites a version has: one list that is exhausted where the server parses long ones, else several short ones."""

from __future__ import annotations

from collections.abc import Sequence

from inspector_tls.enumeration import hello_profiles as offers
from inspector_tls.enumeration.hello_profiles import HelloSize
from inspector_tls.enumeration.question_flow import Flow, gather
from inspector_tls.enumeration.strategy.asking import Exhausted, ask_until_settled, exhaust, has_answer, suite_of
from inspector_tls.enumeration.strategy.context import ServerContext, VersionResult
from inspector_tls.enumeration.transcript import Mode, Purpose
from inspector_tls.wire.client_hello import Hello
from inspector_tls.wire.code_points import GREASE, suites
from inspector_tls.wire.versions import TlsVersion

#: The lists in which fast mode asks for the suites of a version concurrently.
FAST_LISTS = 8


def ask_suites(context: ServerContext, result: VersionResult) -> Flow[list[int]]:
    """Every suite of the version, in the order in which they were picked."""
    version = result.version
    first = result.suite
    others = [code for code in offers.suites_of(version) if code != first]
    if result.size is not HelloSize.FULL:
        return [first, *(yield from _in_short_lists(context, version, others, result.size))]
    lists = FAST_LISTS if context.mode is Mode.FAST and version is not TlsVersion.TLS_1_3 else 1
    main = yield from gather(*(_exhaust_suites(context, version, others[start::lists]) for start in range(lists)))
    by_kind = yield from _by_key_exchange(context, version, main)
    found = list(dict.fromkeys((first, *(code for each in (*main, *by_kind) for code in each.found))))
    rest = [code for each in main for code in each.remaining if code not in found]
    if rest and version is not TlsVersion.TLS_1_3 and not context.reads_long_lists:
        # Suites that the server accepts, after a long list that it may not parse to the end.
        yield from ask_until_settled(context, Purpose.CONFIRM, context.hello(version, (*GREASE, *rest, *found)))
        if not context.reads_long_lists:
            found += yield from _in_short_lists(context, version, rest, HelloSize.SMALL)
    return found


def _exhaust_suites(
    context: ServerContext, version: TlsVersion, codes: Sequence[int], size: HelloSize = HelloSize.FULL
) -> Flow[Exhausted]:
    return exhaust(context, Purpose.SUITES, codes, lambda some: context.hello(version, some, size), suite_of)


def _by_key_exchange(context: ServerContext, version: TlsVersion, lists: Sequence[Exhausted]) -> Flow[list[Exhausted]]:
    """What remains of a list that ended without a settled answer, asked by the kind of key exchange.

    Some servers choose a kind that they cannot carry out, e.g. DHE without a prime, and close the connection: that does
    not refuse the others.
    """
    remaining = [code for each in lists if each.last and not each.last.is_settled for code in each.remaining]
    kinds: dict[tuple[bool, bool], list[int]] = {}
    for code in remaining:
        known = suites().get(code)
        kinds.setdefault((bool(known and known.on_curve), bool(known and known.key_exchange == "DHE")), []).append(code)
    if version is TlsVersion.TLS_1_3 or len(kinds) < 2:
        return []
    return (yield from gather(*(_exhaust_suites(context, version, some) for some in kinds.values())))


def _in_short_lists(
    context: ServerContext, version: TlsVersion, codes: Sequence[int], size: HelloSize
) -> Flow[list[int]]:
    """The suites of a version in short lists, which every server parses; only the first if that one gets no answer."""
    lists = offers.short_lists(codes, size)
    usual = yield from _exhaust_suites(context, version, lists[0], size)
    if usual.last is not None and not has_answer(usual.last):
        return usual.found
    others = yield from gather(*(_exhaust_suites(context, version, some, size) for some in lists[1:]))
    return [code for each in (usual, *others) for code in each.found]


# --- Groups of RFC 7919 -----------------------------------------------------------------------------------------------


def ask_named_primes(
    context: ServerContext, result: VersionResult, codes: Sequence[int], most: int | None = None
) -> Flow[list[int]]:
    """The suites with a prime that the server picks from a hello with the groups of RFC 7919.

    Some servers have no other primes, and pick such a suite from no other hello; some use these instead of their own
    (§4). A server that supports none of the groups must pick no such suite: all other hellos omit them.
    """
    in_one = result.size is HelloSize.FULL and context.reads_long_lists
    lists = [codes] if in_one and codes else offers.short_lists(codes, result.size)

    def hello_of(some: tuple[int, ...]) -> Hello:
        return hello_with_named_primes(context, result, some)

    exhausted = yield from gather(
        *(exhaust(context, Purpose.NAMED_PRIMES, some, hello_of, suite_of, most) for some in lists)
    )
    return [code for each in exhausted for code in each.found]


def hello_with_named_primes(context: ServerContext, result: VersionResult, codes: Sequence[int]) -> Hello:
    """A hello with these suites that names the groups of RFC 7919."""
    return context.hello(result.version, codes, result.size, of_groups=offers.prime_groups())


def ask_refused_by_named_primes(context: ServerContext, result: VersionResult) -> Flow[list[int]]:
    """Offer those suites with those groups in a version that was refused: until one is picked, then until all are."""
    codes = offers.prime_suites(result.version)
    if not (yield from ask_named_primes(context, result, codes, most=1)):
        return []
    return (yield from ask_named_primes(context, result, codes))
