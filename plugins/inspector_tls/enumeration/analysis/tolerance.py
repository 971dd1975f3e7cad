"""Whether unusual hellos are accepted, where plain ones are."""

from __future__ import annotations

from collections.abc import Callable

from inspector import Answer
from inspector_tls.enumeration.analysis.evidence import Evidence, seen, unseen
from inspector_tls.enumeration.analysis.exchange import ParsedExchange
from inspector_tls.enumeration.analysis.versions import AcceptedVersions
from inspector_tls.enumeration.hello_profiles import LONG_LIST
from inspector_tls.enumeration.reply import Meaning
from inspector_tls.enumeration.transcript import Purpose
from inspector_tls.observations import Tolerance
from inspector_tls.wire.client_hello import Hello
from inspector_tls.wire.code_points import GREASE
from inspector_tls.wire.versions import TlsVersion

#: So many failures of the same hello, with successes in between, are no coincidence.
_CONCLUSIVE_FAILURES = 3
_ORDINARY_BYTES = 1024


def tolerance(evidence: Evidence, accepted: AcceptedVersions) -> Tolerance:
    """Whether long lists, unknown values, long hellos and unknown versions are accepted."""

    def accepts(purpose: Purpose, is_unusual: Callable[[Hello], bool]) -> Answer[bool | None]:
        return _accepts(evidence, accepted, purpose, is_unusual)

    return Tolerance(
        many_suites=_accepts_many_suites(evidence),
        unknown_values=accepts(Purpose.GREASE, lambda hello: hello.suites[0] in GREASE),
        long_hello=accepts(Purpose.LONG_HELLO, lambda hello: hello.least_bytes > _ORDINARY_BYTES),
        future_version=accepts(Purpose.FUTURE_VERSION, lambda hello: hello.legacy_version is not None),
    )


def _accepts_many_suites(evidence: Evidence) -> Answer[bool]:
    if evidence.reads_long_lists:
        return seen(True)
    long_lists = (each for each in evidence.exchanges if len(each.hello.suites) > LONG_LIST)
    missed = [each for each in long_lists if _should_be_accepted(evidence, each)]
    if any(each.is_refused for each in missed) or len(missed) >= _CONCLUSIVE_FAILURES:
        return seen(False)
    return unseen(evidence.cause(missed))


def _should_be_accepted(evidence: Evidence, exchange: ParsedExchange) -> bool:
    """Whether a hello was not accepted although it offers a suite that the server accepts in another."""
    same = evidence.by_version[exchange.version]
    return not exchange.is_chosen and any(each.suite in exchange.hello.suites for each in same if each.suite)


def _accepts(
    evidence: Evidence, accepted: AcceptedVersions, purpose: Purpose, is_unusual: Callable[[Hello], bool]
) -> Answer[bool | None]:
    """Whether an unusual hello is accepted, where a plain one is."""
    # A hello that is unusual in two ways shows both where it is accepted, and neither where it is not.
    both = [each for each in evidence.asked_for(Purpose.UNUSUAL) if each.is_chosen]
    exchanges = [*evidence.asked_for(purpose), *both]
    unusual = [each for each in exchanges if is_unusual(each.hello)]
    plain = [each for each in exchanges if not is_unusual(each.hello) and each not in both]
    if any(each.answer.meaning in {Meaning.CHOSEN, Meaning.OLDER} for each in unusual):
        return seen(True)
    is_refused = any(each.is_refused for each in unusual) or len(unusual) >= _CONCLUSIVE_FAILURES
    if is_refused and any(each.is_chosen for each in plain):
        return seen(False)
    if not unusual and not _applies(accepted, purpose):
        return seen(None)
    return unseen(evidence.cause(unusual))


def _applies(accepted: AcceptedVersions, purpose: Purpose) -> bool:
    """Whether a version to which the question applies is, or may be, accepted."""
    versions = [TlsVersion.TLS_1_0, TlsVersion.TLS_1_1, TlsVersion.TLS_1_2]
    if purpose is not Purpose.FUTURE_VERSION:
        versions.append(TlsVersion.TLS_1_3)
    return any(accepted[version].seen or not accepted[version].is_seen for version in versions)
