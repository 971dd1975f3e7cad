"""All questions about one server, and the order in which they depend on one another."""

from __future__ import annotations

from collections.abc import Sequence

from inspector_tls.criteria.cipher_suites import is_strong
from inspector_tls.enumeration import hello_profiles as offers
from inspector_tls.enumeration.hello_profiles import HelloSize
from inspector_tls.enumeration.question_flow import Flow, gather
from inspector_tls.enumeration.strategy.asking import ask_until_settled
from inspector_tls.enumeration.strategy.context import ServerContext, VersionResult
from inspector_tls.enumeration.strategy.extras import (
    ask_extensions,
    ask_fallback,
    ask_future_version,
    ask_many_suites,
    ask_preference,
    ask_tolerance,
)
from inspector_tls.enumeration.strategy.groups import CURVE_KEYS, RSA_KEYS, ask_curves, ask_groups, ask_signatures
from inspector_tls.enumeration.strategy.suites import (
    ask_named_primes,
    ask_refused_by_named_primes,
    ask_suites,
    hello_with_named_primes,
)
from inspector_tls.enumeration.strategy.versions import ask_ssl_2, ask_version, confirm_refusal
from inspector_tls.enumeration.transcript import Purpose
from inspector_tls.observations import Part
from inspector_tls.wire.code_points import AGES, suites
from inspector_tls.wire.versions import TlsVersion


def enumeration(context: ServerContext) -> Flow[None]:
    """Ask for every version, then for the details of the accepted ones."""
    versions = [version for version in TlsVersion if version is not TlsVersion.SSL_2]
    _, *first = yield from gather(ask_ssl_2(context), *(ask_version(context, version) for version in versions))
    results = [each for each in first if each is not None]
    if not context.reads_long_lists:
        results = yield from gather(*(confirm_refusal(context, each) for each in results))
    accepted = [each for each in results if each.is_accepted]
    refused = [each for each in results if each.answer.ends_handshake and not each.answer.refuses_version]
    surveys: list[Flow[list[int] | None]] = [_survey(context, each, accepted) for each in accepted]
    found = yield from gather(*surveys, *(ask_refused_by_named_primes(context, each) for each in refused))
    if not accepted:
        by_name = [(each, codes) for each, codes in zip(refused, found, strict=True) if codes]
        if by_name:
            hello = hello_with_named_primes(context, *by_name[-1])
            yield from ask_until_settled(context, Purpose.CONFIRM, hello, alone=True)
        return
    newest = accepted[-1]
    if context.asks(Part.TOLERANCE) and newest.version is not TlsVersion.SSL_3:
        is_tolerant = yield from ask_tolerance(context, newest)
        if is_tolerant:
            return
    # Refusals count only if the server accepts a hello afterwards: some refuse clients that connect too often.
    yield from ask_until_settled(context, Purpose.CONFIRM, newest.plain_hello(context), alone=True)


def _survey(context: ServerContext, result: VersionResult, accepted: Sequence[VersionResult]) -> Flow[None]:
    """Ask for the details of one accepted version; ``accepted``: all accepted versions, oldest first."""
    version = result.version
    older = [each for each in accepted if each.version is not TlsVersion.TLS_1_3]
    is_newest_clear = bool(older) and result is older[-1]
    flows: list[Flow[None]] = []
    if context.asks(Part.SUITES):
        flows.append(_suites_and_after(context, result, is_newest_clear=is_newest_clear))
    if version is TlsVersion.TLS_1_3:
        has_tls_1_2 = any(each.version is TlsVersion.TLS_1_2 for each in accepted)
        asks_signatures = context.asks(Part.SIGNATURES) and not has_tls_1_2
        if context.asks(Part.GROUPS) or asks_signatures:
            flows.append(ask_groups(context, result, then_signatures=asks_signatures))
    flows += _extras(context, result, accepted, is_newest_clear=is_newest_clear)
    yield from gather(*flows)


def _extras(
    context: ServerContext, result: VersionResult, accepted: Sequence[VersionResult], *, is_newest_clear: bool
) -> list[Flow[None]]:
    """The extra questions about a version that depend on no other answer."""
    version = result.version
    flows: list[Flow[None]] = []
    if version is TlsVersion.TLS_1_2 and context.asks(Part.SIGNATURES, Part.WEAK_SIGNATURES):
        flows += [
            ask_signatures(context, result, RSA_KEYS, ("RSA", "DSS")),
            ask_signatures(context, result, CURVE_KEYS, ("ECDSA",)),
        ]
    if context.asks(Part.TOLERANCE) and is_newest_clear and version is not TlsVersion.SSL_3:
        flows.append(ask_future_version(context, result))
    is_second = len(accepted) > 1 and result is accepted[-2]
    if context.asks(Part.FALLBACK) and is_second and _has_fallback(accepted):
        flows.append(ask_fallback(context, result))
    return flows


def _has_fallback(accepted: Sequence[VersionResult]) -> bool:
    """Whether a client can fall back below TLS 1.2; from TLS 1.3 to 1.2 the random value protects (RFC 8446 §4.1.3)."""
    return any(AGES[each.version] < AGES[TlsVersion.TLS_1_2] for each in accepted)


def _suites_and_after(context: ServerContext, result: VersionResult, *, is_newest_clear: bool) -> Flow[None]:
    """The suites of a version; then the questions that depend on them.

    Of the versions in clear text only the newest is asked for groups and extensions.
    """
    known = suites()
    has_curves = context.asks(Part.CURVES) and is_newest_clear and result.version is not TlsVersion.SSL_3
    starts_on_curve = has_curves and result.suite in known and known[result.suite].on_curve
    primes = offers.prime_suites(result.version)
    flows: list[Flow[list[int]]] = [ask_suites(context, result), ask_named_primes(context, result, primes, most=1)]
    if starts_on_curve:
        flows.append(ask_curves(context, result, [result.suite]))
    found, named, *_ = yield from gather(*flows)
    after: list[Flow[None]] = []
    if named:
        others = [code for code in primes if code not in found and code not in named]
        after.append(_without_result(ask_named_primes(context, result, others)))
    if has_curves and not starts_on_curve and any(known[code].on_curve for code in found):
        after.append(_without_result(ask_curves(context, result, found)))
    if len(found) > 1 and _is_order_asked(context, found):
        after.append(ask_preference(context, result, found))
    reads_all = result.size is HelloSize.FULL and context.reads_long_lists
    if context.asks(Part.EXTENSIONS) and is_newest_clear and not reads_all:
        after.append(ask_extensions(context, result, found))
    if context.asks(Part.TOLERANCE) and is_newest_clear and result.size is HelloSize.SMALL:
        after.append(ask_many_suites(context, result))
    yield from gather(*after)


def _is_order_asked(context: ServerContext, found: Sequence[int]) -> bool:
    """Whether it is asked whose order decides among these suites."""
    are_strong = {is_strong(suites()[code]) for code in found}
    return context.asks(Part.PREFERENCE) or (context.asks(Part.MIXED_PREFERENCE) and len(are_strong) > 1)


def _without_result(flow: Flow[list[int]]) -> Flow[None]:
    yield from flow
