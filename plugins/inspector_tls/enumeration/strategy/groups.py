"""Which groups and signature schemes the server supports."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inspector_tls.enumeration import hello_profiles as offers
from inspector_tls.enumeration.hello_profiles import HelloSize
from inspector_tls.enumeration.question_flow import Flow, gather
from inspector_tls.enumeration.strategy.asking import ask_until_settled, exhaust, key_of, suite_of
from inspector_tls.enumeration.strategy.context import ServerContext, VersionResult
from inspector_tls.enumeration.transcript import Purpose
from inspector_tls.observations import Part
from inspector_tls.wire.client_hello import SHAREABLE, Hello
from inspector_tls.wire.code_points import signatures, suites
from inspector_tls.wire.key_exchange import certificate_curve
from inspector_tls.wire.server_flight import Flight
from inspector_tls.wire.versions import TlsVersion

#: Key shares in one small hello, which is to stay below 512 bytes; the next hellos have those of other groups.
_MOST_SHARES = 3
RSA_KEYS, CURVE_KEYS = frozenset({"RSA", "RSA-PSS", "DSA"}), frozenset({"EC", "Ed25519", "Ed448"})


# --- Groups of TLS 1.3 ------------------------------------------------------------------------------------------------


def ask_groups(context: ServerContext, result: VersionResult, *, then_signatures: bool) -> Flow[None]:
    """The groups of TLS 1.3: without a key share the server names the group it selects (RFC 8446 §4.1.4)."""
    offered = offers.suites_of(TlsVersion.TLS_1_3)
    first = result.flight.hello.group if result.flight.hello else None

    def pick_of(flight: Flight) -> int | None:
        return flight.hello.group if flight.hello else None

    def hello_of(some: tuple[int, ...]) -> Hello:
        shares = [group for group in some if group in SHAREABLE] if result.size is HelloSize.SMALL else []
        return context.hello(TlsVersion.TLS_1_3, offered, result.size, of_groups=some, shares=shares[:_MOST_SHARES])

    others = [group for group in offers.groups_of(TlsVersion.TLS_1_3) if group != first]
    lists = offers.group_lists(others, result.size)
    exhausted = yield from gather(*(exhaust(context, Purpose.GROUPS, some, hello_of, pick_of) for some in lists))
    found = [group for each in exhausted for group in each.found]
    if first is not None and result.size is HelloSize.SMALL:
        # A server that sends no HelloRetryRequest refuses every group without a share; this question shows it.
        without = context.hello(TlsVersion.TLS_1_3, offered, result.size, of_groups=(first,))._replace(shares=())
        yield from ask_until_settled(context, Purpose.GROUPS, without)
    shareable = [group for group in (first, *found) if group in SHAREABLE]
    if then_signatures and shareable:
        yield from _ask_signatures_of_tls_1_3(context, shareable[0])


# --- Groups before TLS 1.3 --------------------------------------------------------------------------------------------


def ask_curves(context: ServerContext, result: VersionResult, found: Sequence[int]) -> Flow[list[int]]:
    """The groups before TLS 1.3, as the ephemeral keys show them; ``found``: suites that were accepted."""
    version, size = result.version, result.size
    known = [suites()[code] for code in found if suites()[code].on_curve]
    offered = offers.curve_suites(version, "RSA", "ECDSA", *{suite.authentication for suite in known})
    if size is not HelloSize.FULL:
        offered = tuple(dict.fromkeys((*offered[-size.list_length + 1 :], known[0].code)))
    others = list(offers.groups_of(version))
    first = key_of(result.flight)
    is_first_seen = first is not None and first.group in others and suite_of(result.flight) in offered
    if first is not None and first.group is not None and is_first_seen:
        others.remove(first.group)
    lists = offers.group_lists(others, size)
    seen = result.flight if is_first_seen else Flight()
    groups = yield from gather(*(_curves_among(context, result, offered, some, seen) for some in lists))
    return [group for some in groups for group in some]


def _curves_among(
    context: ServerContext, result: VersionResult, offered: tuple[int, ...], groups: Sequence[int], seen: Flight
) -> Flow[list[int]]:
    """The server's groups among these; ``seen``: an earlier flight.

    A server that has ECDSA certificates only refuses a hello without the curve of its certificate: then that curve is
    offered last in each hello.
    """
    certificate: list[int] = []

    def pick_of(flight: Flight) -> int | None:
        certificate[:] = _curve_of_certificate(flight)
        key = key_of(flight)
        return key.group if key else None

    def hello_of(kept: Sequence[int]) -> Callable[[tuple[int, ...]], Hello]:
        return lambda some: context.hello(result.version, offered, result.size, of_groups=(*some, *kept))

    pick_of(seen)
    exhausted = yield from exhaust(context, Purpose.GROUPS, groups, hello_of(()), pick_of)
    needed = [code for code in certificate if code not in exhausted.remaining]
    if exhausted.remaining and needed and exhausted.last is not None and exhausted.last.ends_handshake:
        exhausted = yield from exhaust(context, Purpose.GROUPS, exhausted.remaining, hello_of(needed), pick_of)
    return exhausted.found


def _curve_of_certificate(flight: Flight) -> list[int]:
    """The curve of the ECDSA certificate that was presented; empty where another certificate or none was presented."""
    if flight.hello is None or suites()[flight.hello.suite].authentication != "ECDSA" or not flight.certificates:
        return []
    curve = certificate_curve(flight.certificates[0])
    return [curve.code] if curve else []


# --- Signature schemes ------------------------------------------------------------------------------------------------


def ask_signatures(
    context: ServerContext, result: VersionResult, keys: frozenset[str], authentications: tuple[str, ...]
) -> Flow[None]:
    """The schemes with which the server signs its ephemeral keys in TLS 1.2: all, or those with MD5 and SHA-1."""
    offered = offers.signed_suites(result.version, *authentications)
    if result.size is not HelloSize.FULL:
        offered = offered[-result.size.list_length :]
    known = [signatures()[code] for code in offers.signatures_of(result.version)]
    every = context.asks(Part.SIGNATURES)
    schemes = [each.code for each in known if each.key in keys and (every or each.is_forgeable)]

    def pick_of(flight: Flight) -> int | None:
        key = key_of(flight)
        return key.signature if key else None

    def hello_of(some: tuple[int, ...]) -> Hello:
        return context.hello(result.version, offered, result.size, of_signatures=some)

    yield from exhaust(context, Purpose.SIGNATURES, schemes, hello_of, pick_of)


def _ask_signatures_of_tls_1_3(context: ServerContext, group: int) -> Flow[None]:
    """The schemes of TLS 1.3, one by one: the signature is encrypted, but the choice of a suite is not."""
    version = TlsVersion.TLS_1_3
    offered = offers.suites_of(version)
    hellos = (
        context.hello(version, offered, of_groups=(group,), shares=(group,), of_signatures=(scheme,))
        for scheme in offers.signatures_of(version)
    )
    yield from gather(*(ask_until_settled(context, Purpose.SIGNATURES, hello) for hello in hellos))
