"""The extra questions: order of preference, extensions in short hellos, fallback, and tolerance of unusual hellos."""

from __future__ import annotations

from collections.abc import Sequence

from inspector_tls.enumeration import hello_profiles as offers
from inspector_tls.enumeration.hello_profiles import HelloSize
from inspector_tls.enumeration.question_flow import Flow, gather
from inspector_tls.enumeration.reply import Meaning
from inspector_tls.enumeration.strategy.asking import ask_once, ask_until_settled
from inspector_tls.enumeration.strategy.context import ServerContext, VersionResult
from inspector_tls.enumeration.transcript import Purpose
from inspector_tls.wire.client_hello import Hello
from inspector_tls.wire.code_points import FALLBACK_SCSV, GREASE, suites
from inspector_tls.wire.versions import TlsVersion

#: A version number that does not exist.
FUTURE_VERSION = 0x0399
#: The length of a hello with a post-quantum key share, and more.
LONG_HELLO_BYTES = 2048


def ask_preference(context: ServerContext, result: VersionResult, found: Sequence[int]) -> Flow[None]:
    """Offer the accepted suites in reverse order, to see whether the server still picks the same.

    Some servers with an order of their own prefer ChaCha20 when a client puts it first: so it is offered last.
    """
    few = found[: result.size.list_length]
    reversed_suites = few[::-1]
    chacha20_last = sorted(reversed_suites, key=lambda code: suites()[code].cipher == "CHACHA20")
    if chacha20_last[0] != found[0]:
        reversed_suites = chacha20_last
    if result.size is not HelloSize.FULL or not context.reads_long_lists:
        # Short lists did not offer them all at once.
        hello = context.hello(result.version, few, result.size)
        yield from ask_until_settled(context, Purpose.PREFERENCE, hello)
    yield from ask_until_settled(
        context, Purpose.PREFERENCE, context.hello(result.version, reversed_suites, result.size)
    )


def ask_extensions(context: ServerContext, result: VersionResult, found: Sequence[int]) -> Flow[None]:
    """Offer the extensions of full hellos in a short one; once with CBC suites only, which show encrypt-then-MAC."""
    most = result.size.list_length
    in_cbc = [code for code in found if suites()[code].mode == "CBC"]
    lists = [codes for codes in (found, in_cbc) if codes and result.version is not TlsVersion.SSL_3]
    hellos = (
        context.hello(result.version, codes[:most], result.size)._replace(
            compressions=offers.COMPRESSIONS, extensions=offers.EXTENSIONS
        )
        for codes in lists
    )
    yield from gather(*(ask_until_settled(context, Purpose.EXTENSIONS, hello) for hello in hellos))


def ask_fallback(context: ServerContext, result: VersionResult) -> Flow[None]:
    """Mark the hello as a fallback from a newer version: a server that supports one must refuse (RFC 7507 §3)."""
    hello = context.hello(result.version, (*result.usual_suites, FALLBACK_SCSV), result.size)
    yield from ask_until_settled(context, Purpose.FALLBACK, hello)


# --- Tolerance --------------------------------------------------------------------------------------------------------


def _contrast(context: ServerContext, purpose: Purpose, unusual: Hello, plain: Hello) -> Flow[None]:
    """Send an unusual hello; if it is not accepted, a plain one, to see that the server answers, and it again."""
    answer, reply = yield from ask_until_settled(context, purpose, unusual)
    if answer.meaning is Meaning.CHOSEN or not reply.asked:
        return
    yield from ask_until_settled(context, purpose, plain, alone=True)
    if not answer.is_settled:
        yield from ask_once(context, purpose, unusual, alone=True)


def ask_many_suites(context: ServerContext, result: VersionResult) -> Flow[None]:
    """Repeat the full hello whose answer was uncertain, and a plain one, to see whether the length is the reason."""
    full = context.hello(result.version, offers.suites_of(result.version))
    yield from _contrast(context, Purpose.CONFIRM, full, result.plain_hello(context))


def ask_tolerance(context: ServerContext, result: VersionResult) -> Flow[bool]:
    """Send a long hello with reserved values; whether it is accepted. Where it is not, each by itself shows why.

    Reserved values must be ignored (RFC 8701 §3.1); a hello with post-quantum key shares is as long.
    """
    plain = result.plain_hello(context)
    if result.size is HelloSize.FULL:
        both = _greased(plain)._replace(least_bytes=LONG_HELLO_BYTES)
        answer, _ = yield from ask_once(context, Purpose.UNUSUAL, both, alone=True)
        if answer.meaning is Meaning.CHOSEN:
            return True
    yield from gather(
        _contrast(context, Purpose.GREASE, _greased(plain), plain),
        _contrast(context, Purpose.LONG_HELLO, plain._replace(least_bytes=LONG_HELLO_BYTES), plain),
    )
    return False


def _greased(plain: Hello) -> Hello:
    return plain._replace(
        suites=(GREASE[5], *plain.suites),
        groups=(GREASE[6], *plain.groups),
        extensions=(GREASE[7], *plain.extensions, GREASE[8]),
        signatures=(GREASE[9], *plain.signatures) if plain.signatures else (),
    )


def ask_future_version(context: ServerContext, result: VersionResult) -> Flow[None]:
    """Announce a version that does not exist: the server must answer with its own newest (RFC 5246 §E.1)."""
    plain = result.plain_hello(context)
    yield from _contrast(context, Purpose.FUTURE_VERSION, plain._replace(legacy_version=FUTURE_VERSION), plain)
