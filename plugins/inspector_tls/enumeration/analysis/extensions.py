"""Which extensions the server supports, and whether it refuses a fallback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inspector import Answer, Cause
from inspector_tls.enumeration.analysis.evidence import Evidence, seen, unseen
from inspector_tls.enumeration.analysis.exchange import ParsedExchange
from inspector_tls.enumeration.analysis.versions import CLEAR, EXTENSIBLE, AcceptedVersions
from inspector_tls.enumeration.transcript import Purpose
from inspector_tls.observations import Extensions, Versions
from inspector_tls.wire import client_hello as wire
from inspector_tls.wire.alerts import AlertNumber
from inspector_tls.wire.code_points import RENEGOTIATION_SCSV, suites
from inspector_tls.wire.server_flight import ServerHello
from inspector_tls.wire.versions import TlsVersion

#: The versions to which a client can be downgraded without protection by TLS 1.3 (RFC 8446 §4.1.3).
_BELOW_TLS_1_2 = (TlsVersion.SSL_3, TlsVersion.TLS_1_0, TlsVersion.TLS_1_1)

_Condition = Callable[[ParsedExchange], bool]


def extensions(evidence: Evidence, accepted: AcceptedVersions, known: Versions) -> Extensions:
    """The extensions of TLS 1.2 and older, and whether a fallback is refused; ``known``: the suites of each version."""
    hellos = _ClearHellos(evidence, accepted)
    return Extensions(
        secure_renegotiation=hellos.shown(
            lambda each: wire.RENEGOTIATION in each.hello.extensions or RENEGOTIATION_SCSV in each.hello.suites,
            lambda hello: wire.RENEGOTIATION in hello.extensions,
        ),
        extended_master_secret=hellos.echoed(wire.MASTER_SECRET),
        encrypt_then_mac=_encrypt_then_mac(hellos, known),
        compression=hellos.shown(
            lambda each: any(each.hello.compressions), lambda hello: hello.compression != 0, quantifier=any
        ),
        fallback_refused=_fallback(evidence, accepted),
    )


def _encrypt_then_mac(hellos: _ClearHellos, known: Versions) -> Answer[bool | None]:
    """Whether every hello with a suite in CBC mode has the extension; None only if all suites were seen."""
    found = hellos.echoed(wire.ENCRYPT_THEN_MAC, _is_cbc)
    suites_seen = (known[version].suites.complete for version in EXTENSIBLE if known[version].accepted.seen)
    missing = next((each.unseen for each in suites_seen if each.unseen is not None), None)
    return found if missing is None or found.seen is not None or not found.is_seen else unseen(missing)


def _is_cbc(exchange: ParsedExchange) -> bool:
    return exchange.suite is not None and suites()[exchange.suite].mode == "CBC"


def _always(_exchange: ParsedExchange) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class _ClearHellos:
    """The server's hellos in clear text, and what they show."""

    evidence: Evidence
    accepted: AcceptedVersions

    def echoed(self, number: int, applies: _Condition = _always) -> Answer[bool | None]:
        """Whether every hello has the extension, where it was offered."""
        return self.shown(
            lambda each: number in each.hello.extensions, lambda hello: number in hello.extensions, applies=applies
        )

    def shown(
        self,
        is_offered: _Condition,
        condition: Callable[[ServerHello], bool],
        *,
        applies: _Condition = _always,
        quantifier: Callable[[list[bool]], bool] = all,
    ) -> Answer[bool | None]:
        """Whether a condition is met by all (or by ``any``) of the hellos that answer one which offered it.

        None where no such version is accepted, or where it ``applies`` to none of the answers, offered or not.
        """
        any_clear = self.accepted.any_of(CLEAR)
        if not any_clear.seen:
            return seen(None) if any_clear.is_seen else unseen(any_clear.unseen)
        chosen = [each for version in CLEAR for each in self.evidence.by_version[version] if each.chosen]
        offered = [each for each in chosen if is_offered(each)]
        if not offered:
            cause = self.evidence.cause(self.evidence.asked_for(Purpose.EXTENSIONS))
            return seen(None) if self.accepted.newest_clear is TlsVersion.SSL_3 else unseen(cause)
        found = [condition(each.chosen) for each in offered if each.chosen and applies(each)]
        if found:
            return seen(quantifier(found))
        others = (each for each in chosen if each.version is not TlsVersion.SSL_3)
        causes = [each.cause for each in offered if each.cause is not None]
        return unseen((*causes, Cause.AMBIGUOUS)[0]) if any(map(applies, others)) else seen(None)


def _fallback(evidence: Evidence, accepted: AcceptedVersions) -> Answer[bool | None]:
    """Whether a hello that is marked as a fallback is refused by the alert for it, or repeatedly by the end of the
    connection; any other alert is ambiguous.
    """
    asked = evidence.asked_for(Purpose.FALLBACK)
    for each in asked:
        if each.is_chosen:
            return seen(False)
        if each.answer.alert == AlertNumber.INAPPROPRIATE_FALLBACK or (each.is_refused and not each.flight.alerts):
            return seen(True)
    older = accepted.any_of(_BELOW_TLS_1_2)
    if older.unseen is not None:
        return unseen(older.unseen)
    answers = [answer for version, answer in accepted.answers.items() if version is not TlsVersion.SSL_2]
    is_only_one = all(each.is_seen for each in answers) and sum(bool(each.seen) for each in answers) < 2
    return unseen(evidence.cause(asked)) if asked or (older.seen and not is_only_one) else seen(None)
