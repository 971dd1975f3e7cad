"""Which groups, primes and signature schemes the server uses."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache

from inspector import Answer, Cause
from inspector_tls.enumeration import hello_profiles as offers
from inspector_tls.enumeration.analysis.evidence import LISTING, Evidence, Offered, seen, unseen
from inspector_tls.enumeration.analysis.exchange import ParsedExchange
from inspector_tls.enumeration.analysis.versions import EXTENSIBLE, AcceptedVersions
from inspector_tls.enumeration.transcript import Purpose
from inspector_tls.observations import EphemeralPrime, Offer, PrimeFlaw
from inspector_tls.wire.code_points import AGES, Prime, groups, primes, signatures, suites
from inspector_tls.wire.key_exchange import certificate_curve
from inspector_tls.wire.versions import TlsVersion


@cache
def _group_names(version: TlsVersion) -> Mapping[int, str]:
    return {code: groups()[code].name for code in offers.groups_of(version)}


# --- Groups of TLS 1.3 ------------------------------------------------------------------------------------------------


def groups_of_tls_1_3(evidence: Evidence, accepted: AcceptedVersions) -> Offer:
    """The groups of TLS 1.3."""
    version = TlsVersion.TLS_1_3
    exchanges = [each for each in evidence.by_version[version] if each.purpose in LISTING | {Purpose.GROUPS}]
    retries = any(each.chosen.is_retry for each in exchanges if each.chosen)
    about = [offered for each in exchanges for offered in _about_group(each, retries=retries)]
    return evidence.offer(_group_names(version), about, accepted[version])


def _about_group(exchange: ParsedExchange, *, retries: bool) -> Iterator[Offered[int]]:
    """What an exchange shows of groups; ``retries``: the server sends HelloRetryRequests."""
    offered = exchange.hello.groups if exchange.purpose is Purpose.GROUPS else ()
    if exchange.is_refused and not retries:
        # A server that sends no HelloRetryRequest (RFC 8446 §4.1.4) accepts only groups for which it got a share.
        yield Offered(exchange, set(offered).intersection(exchange.hello.shares))
        yield Offered(exchange.as_uncertain(), set(offered).difference(exchange.hello.shares))
    else:
        yield Offered(exchange, offered, exchange.chosen.group if exchange.chosen else None)


# --- Groups before TLS 1.3 --------------------------------------------------------------------------------------------


def curves(evidence: Evidence, accepted: AcceptedVersions, all_suites: Answer[bool]) -> Offer:
    """The groups of the newest version in clear text; ``all_suites``: whether all suites of that version were seen."""
    newest = accepted.newest_clear
    applies = accepted.any_of(EXTENSIBLE)
    if newest is None or not applies.seen:
        return evidence.offer({}, [], applies)
    exchanges = evidence.by_version[newest]
    on_curve = [each for each in exchanges if each.suite is not None and suites()[each.suite].on_curve]
    if not on_curve:
        return Offer(complete=all_suites)
    accepted_suites = {each.suite for each in on_curve if each.suite is not None}
    needed = _needed_curve(on_curve)
    about = [Offered(each, (), _group(each)) for each in on_curve if each.purpose is not Purpose.GROUPS]
    for each in exchanges:
        if each.purpose is Purpose.GROUPS:
            about += _about_curve(each, accepted_suites, needed)
    return evidence.offer(_group_names(newest), about, applies)


def _about_curve(
    exchange: ParsedExchange, accepted_suites: Collection[int], needed: int | None
) -> Iterator[Offered[int]]:
    """What an exchange shows of curves.

    ``accepted_suites``: those on a curve; ``needed``: the curve without which it refuses every hello.
    """
    offered, pick = exchange.hello.groups, _group(exchange)
    offers_accepted = not set(accepted_suites).isdisjoint(exchange.hello.suites)
    if pick is not None and pick == needed == offered[-1]:
        # It was offered last, and still picked: the server accepts no other of these groups.
        yield Offered(exchange, offered, pick)
        yield Offered(exchange.as_refusal(), offered[:-1])
    elif exchange.aborts_after_choice and offers_accepted:
        yield Offered(exchange.as_refusal(), offered)
    elif exchange.is_refused and not (offers_accepted and needed in (None, *offered)):
        yield Offered(exchange, ())
    else:
        yield Offered(exchange, offered, pick)


def _group(exchange: ParsedExchange) -> int | None:
    return exchange.key.group if exchange.key else None


def _needed_curve(on_curve: Sequence[ParsedExchange]) -> int | None:
    """The curve of the certificates, where the server has ECDSA certificates only and refuses a hello without it."""
    signers = {suites()[each.suite].authentication for each in on_curve if each.suite is not None}
    if signers != {"ECDSA"}:
        return None
    found = (certificate_curve(each.chain[0]) for each in on_curve if each.chain)
    return next((curve.code for curve in found if curve is not None), None)


# --- Primes -----------------------------------------------------------------------------------------------------------


def ephemeral_primes(evidence: Evidence) -> Iterator[EphemeralPrime]:
    """The primes that the server used, the shortest first."""
    used: dict[bytes, list[ParsedExchange]] = {}
    for each in evidence.exchanges:
        if each.key is not None and each.key.prime:
            used.setdefault(each.key.prime, []).append(each)
    for prime, exchanges in sorted(used.items(), key=lambda item: (len(item[0]), item[0])):
        digest = hashlib.sha256(prime).hexdigest()
        known = primes().get(digest)
        yield EphemeralPrime(
            bits=int.from_bytes(prime, "big").bit_length(),
            sha256=digest,
            known=known.name if known else None,
            flaw=_flaw(known, exchanges),
            versions=tuple(sorted({each.version for each in exchanges}, key=AGES.__getitem__)),
            suites=tuple(sorted({suites()[each.suite].name for each in exchanges if each.suite is not None})),
        )


def _flaw(known: Prime | None, exchanges: Sequence[ParsedExchange]) -> Answer[PrimeFlaw | None]:
    """Why the group is not safe, as far as no test of the modulus is needed."""
    if any(each.key.is_trivial for each in exchanges if each.key):
        return seen(PrimeFlaw.TRIVIAL_KEY)
    if known is None or known.is_safe is None:
        return unseen(Cause.NOT_SELECTED)
    return seen(None if known.is_safe else PrimeFlaw.UNSAFE)


# --- Signature schemes ------------------------------------------------------------------------------------------------


def signature_schemes(evidence: Evidence, accepted: AcceptedVersions) -> Offer:
    """The schemes of TLS 1.2, or of TLS 1.3 where the server has no 1.2."""
    version = TlsVersion.TLS_1_2 if accepted[TlsVersion.TLS_1_2].seen else TlsVersion.TLS_1_3
    names = {code: signatures()[code].name for code in offers.signatures_of(version)}
    exchanges = evidence.by_version[version]
    asked = [_about_scheme(each) for each in exchanges if each.purpose is Purpose.SIGNATURES]
    if version is TlsVersion.TLS_1_2:
        # Every ephemeral key is signed, whatever the hello asked for.
        asked += [Offered(each, (), _scheme(each)) for each in exchanges if each.purpose is not Purpose.SIGNATURES]
    return evidence.offer(names, asked, accepted[version], in_order=False)


def _about_scheme(exchange: ParsedExchange) -> Offered[int]:
    """What an exchange shows of signature schemes.

    Where no schemes are named for certificates, a refusal may be about the certificate's own signature.
    """
    is_uncertain = exchange.is_refused and not exchange.hello.certificate_signatures
    return Offered(exchange.as_uncertain() if is_uncertain else exchange, exchange.hello.signatures, _scheme(exchange))


def _scheme(exchange: ParsedExchange) -> int | None:
    """The scheme that the server signed with; in TLS 1.3 the only one that was offered."""
    if not exchange.is_chosen:
        return None
    if exchange.version is TlsVersion.TLS_1_3:
        return exchange.hello.signatures[0]
    return exchange.key.signature if exchange.key else None
