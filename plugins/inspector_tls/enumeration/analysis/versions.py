"""Which versions are accepted, with which suites, and whose order of preference decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from inspector import Answer, Cause
from inspector_tls.enumeration import hello_profiles as offers
from inspector_tls.enumeration.analysis.evidence import LISTING, Evidence, Offered, seen, unseen
from inspector_tls.enumeration.analysis.exchange import ParsedExchange
from inspector_tls.enumeration.transcript import Mode, Purpose
from inspector_tls.observations import Offer, Preference, Versions, VersionSupport
from inspector_tls.wire.code_points import ssl_2_suites, suites
from inspector_tls.wire.versions import TlsVersion

#: The versions whose handshake is in clear text, without SSL 2.0, which has another handshake.
CLEAR = (TlsVersion.SSL_3, TlsVersion.TLS_1_0, TlsVersion.TLS_1_1, TlsVersion.TLS_1_2)
#: Those of them whose hellos have extensions.
EXTENSIBLE = CLEAR[1:]


# --- Versions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AcceptedVersions:
    """Whether each version is accepted."""

    answers: Mapping[TlsVersion, Answer[bool]]

    def __getitem__(self, version: TlsVersion) -> Answer[bool]:
        return self.answers[version]

    @property
    def newest_clear(self) -> TlsVersion | None:
        """The newest accepted version in clear text."""
        accepted = [version for version in CLEAR if self.answers[version].seen]
        return accepted[-1] if accepted else None

    def any_of(self, versions: Iterable[TlsVersion]) -> Answer[bool]:
        """Whether one of these is accepted."""
        answers = [self.answers[version] for version in versions]
        if any(each.seen for each in answers):
            return seen(True)
        return next((each for each in answers if not each.is_seen), seen(False))


def accepted_versions(evidence: Evidence) -> AcceptedVersions:
    """Which versions the server chose, and which it refused."""
    return AcceptedVersions({version: _is_accepted(evidence, version) for version in TlsVersion})


def _is_accepted(evidence: Evidence, version: TlsVersion) -> Answer[bool]:
    exchanges = evidence.by_version[version]
    if any(each.is_chosen for each in exchanges):
        return seen(True)
    if version is TlsVersion.TLS_1_3 and any(each.is_downgraded for each in exchanges):
        return unseen(Cause.PROTOCOL_ERROR)
    return seen(False) if _is_refused(evidence, version) else unseen(evidence.cause(exchanges))


def _is_refused(evidence: Evidence, version: TlsVersion) -> bool:
    """Whether the version itself was refused, or all suites that can exist in it."""
    exchanges = evidence.by_version[version]
    if version is TlsVersion.SSL_2:
        return any(each.is_refused for each in exchanges)
    # The answer to an unknown version is not about a known one.
    if any(each.answer.refuses_version for each in exchanges if each.purpose is not Purpose.FUTURE_VERSION):
        return True
    refused = {code for each in exchanges if evidence.counts(each) for code in evidence.refused_suites(each)}
    return refused.issuperset(offers.suites_of(version))


def versions(evidence: Evidence, accepted: AcceptedVersions) -> Versions:
    """What is known of each version."""
    return Versions.of(_version(evidence, version, accepted[version]) for version in TlsVersion)


def _version(evidence: Evidence, version: TlsVersion, accepted: Answer[bool]) -> VersionSupport:
    if version is TlsVersion.SSL_2:
        found = _ssl_2_suites(evidence, accepted)
        return VersionSupport(version=version, accepted=accepted, suites=found, preference=seen(None))
    exchanges = evidence.by_version[version]
    listing = [each for each in exchanges if each.purpose in LISTING]
    by_name = [each for each in exchanges if each.purpose is Purpose.NAMED_PRIMES]
    listed = {None, *(each.suite for each in listing)}
    in_order = _is_in_one_list(evidence, version) and {each.suite for each in by_name} <= listed
    about = [*_about_suites(evidence, listing), *_about_suites(evidence, by_name)]
    offer = evidence.offer(_suite_names(version), about, accepted, in_order=in_order)
    preference = _preference(evidence, version, accepted, offer)
    ordered = preference.seen is Preference.SERVER and in_order
    return VersionSupport(version=version, accepted=accepted, suites=offer, preference=preference, ordered=ordered)


# --- Suites -----------------------------------------------------------------------------------------------------------


def _about_suites(evidence: Evidence, exchanges: Iterable[ParsedExchange]) -> Iterator[Offered[int]]:
    """What exchanges show of suites; an older version in the answer refuses them in this one."""
    for each in exchanges:
        known = each.without_older()
        if known.aborts_after_choice and known.suite is not None:
            # The pick is refused, and the server did not consider the others.
            yield Offered(known.as_refusal(), (known.suite,))
        elif not known.is_refused:
            yield Offered(known, known.hello.suites, known.suite)
        elif known.purpose is not Purpose.NAMED_PRIMES:
            refused = evidence.refused_suites(known)
            yield Offered(known, refused)
            if others := set(known.hello.suites) - refused:
                yield Offered(known.as_uncertain(), others)


def _ssl_2_suites(evidence: Evidence, accepted: Answer[bool]) -> Offer:
    if accepted.unseen is not None:
        return Offer(complete=unseen(accepted.unseen))
    answers = (each.flight.ssl_2 for each in evidence.by_version[TlsVersion.SSL_2] if each.is_chosen)
    found = next((each.suites for each in answers if each), ())
    names = tuple(ssl_2_suites()[code].name for code in found if code in ssl_2_suites())
    return Offer(accepted=names, complete=seen(True))


@cache
def _suite_names(version: TlsVersion) -> Mapping[int, str]:
    return {code: suites()[code].name for code in offers.suites_of(version)}


# --- Order of preference ----------------------------------------------------------------------------------------------


def _is_in_one_list(evidence: Evidence, version: TlsVersion) -> bool:
    """Whether the suites were picked one after another from one list."""
    return version is TlsVersion.TLS_1_3 or (evidence.mode is Mode.ECONOMICAL and evidence.reads_long_lists)


def _preference(
    evidence: Evidence, version: TlsVersion, accepted: Answer[bool], offer: Offer
) -> Answer[Preference | None]:
    """Compare the pick from what is accepted with the pick from the same in reverse order."""
    if not accepted.seen:
        return seen(None) if accepted.is_seen else unseen(accepted.unseen)
    if len(offer.accepted) < 2 and offer.complete.seen:
        return seen(None)
    exchanges = evidence.by_version[version]
    asked = [each for each in exchanges if each.purpose is Purpose.PREFERENCE]
    reversed_offer = next((each for each in reversed(asked) if each.is_chosen), None)
    if reversed_offer is None:
        return unseen(evidence.cause(asked))
    first = _first_pick([each for each in exchanges if evidence.is_read(each.hello)], reversed_offer)
    if first is None:
        return unseen(Cause.AMBIGUOUS)
    if reversed_offer.suite == first:
        return seen(Preference.SERVER)
    is_clients = reversed_offer.suite == reversed_offer.hello.suites[0]
    return seen(Preference.CLIENT if is_clients else Preference.MIXED)


def _first_pick(exchanges: Sequence[ParsedExchange], reversed_offer: ParsedExchange) -> int | None:
    """What the server picks first of the suites in ``reversed_offer``, offered in another order."""
    others = (
        each.suite
        for each in exchanges
        if each.purpose in LISTING | {Purpose.PREFERENCE}
        and each.suite is not None
        and each.hello.suites != reversed_offer.hello.suites
        and set(reversed_offer.hello.suites) <= set(each.hello.suites)
    )
    return next(others, None)
