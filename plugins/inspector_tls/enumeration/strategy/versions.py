"""Which versions the server accepts, and in hellos of which size."""

from __future__ import annotations

from collections.abc import Sequence

from inspector_tls.enumeration import hello_profiles as offers
from inspector_tls.enumeration.hello_profiles import HelloSize
from inspector_tls.enumeration.question_flow import Flow, gather
from inspector_tls.enumeration.reply import Meaning
from inspector_tls.enumeration.strategy.asking import ask_once, ask_until_settled, has_answer
from inspector_tls.enumeration.strategy.context import ServerContext, VersionResult
from inspector_tls.enumeration.transcript import Purpose
from inspector_tls.wire.versions import TlsVersion


def ask_ssl_2(context: ServerContext) -> Flow[None]:
    """Ask for SSL 2.0: one answer names all its cipher kinds."""
    yield from ask_until_settled(context, Purpose.SSL_2, offers.ssl_2_hello())


def ask_version(context: ServerContext, version: TlsVersion) -> Flow[VersionResult]:
    """Offer all suites of a version at once; where the answer is uncertain, few in a small hello."""
    is_tls_1_3 = version is TlsVersion.TLS_1_3
    full = context.hello(version, offers.first_suites(version, HelloSize.FULL))
    answer, reply = yield from ask_once(context, Purpose.VERSION, full)
    result = VersionResult(version, answer, reply.flight)
    if answer.meaning in (Meaning.CHOSEN, Meaning.OLDER) or answer.refuses_version or not reply.asked:
        return result
    if answer.is_settled and not is_tls_1_3:
        return result
    small = yield from _small(context, version)
    if not has_answer(small.answer):
        minimal = yield from _minimal(context, version)
        return minimal if has_answer(minimal.answer) else small
    if small.answer.refuses_version:
        return small
    # The server answers the small hello. The full one is repeated: the same ambiguous answer twice refuses its list.
    answer, reply = yield from ask_once(context, Purpose.SMALL, full, alone=True)
    return VersionResult(version, answer, reply.flight) if answer.is_settled and not is_tls_1_3 else small


def _small(
    context: ServerContext, version: TlsVersion, offered: Sequence[int] = (), size: HelloSize = HelloSize.SMALL
) -> Flow[VersionResult]:
    hello = context.hello(version, offered or offers.first_suites(version, size), size)
    answer, reply = yield from ask_until_settled(context, Purpose.SMALL, hello, alone=True)
    return VersionResult(version, answer, reply.flight, size)


def _minimal(context: ServerContext, version: TlsVersion) -> Flow[VersionResult]:
    """The last attempt, as some devices drop every hello of more than 255 bytes; its size is used from then on."""
    hello = context.hello(version, offers.first_suites(version, HelloSize.TINY), HelloSize.TINY)
    answer, reply = yield from ask_once(context, Purpose.SMALL, hello, alone=True)
    if has_answer(answer) and not answer.is_settled:
        answer, reply = yield from ask_once(context, Purpose.SMALL, hello, alone=True)
    return VersionResult(version, answer, reply.flight, HelloSize.TINY)


def confirm_refusal(context: ServerContext, result: VersionResult) -> Flow[VersionResult]:
    """Where no long list was read to its end, a version is refused when all its suites are, in short lists."""
    if not result.answer.ends_handshake or result.answer.refuses_version:
        return result
    version = result.version
    usual = result if result.size is not HelloSize.FULL else (yield from _small(context, version))
    if not usual.answer.ends_handshake:
        return usual
    size = usual.size
    others = yield from gather(
        *(_small(context, version, some, size) for some in offers.short_lists(offers.suites_of(version), size)[1:])
    )
    return next((each for each in others if each.is_accepted), usual)
