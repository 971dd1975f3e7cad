"""Which parts of the documents are about one system: nothing about another system enters its bundle."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from inspector.declare.authorisation import Authorisation
from inspector.declare.declaration import System
from inspector.declare.statement import Statement
from inspector.model.base import Same
from inspector.model.intrusiveness import Intrusiveness
from inspector.model.subject import HOST, Scheme, UriForm, is_address, parse_uri
from inspector.network.access.addresses import address_blocks
from inspector.network.access.special_addresses import special_purpose
from inspector.record.plan import PinnedHost


def _hosts_of(system: System, schemes: Mapping[str, Scheme]) -> set[str]:
    """The hosts that a system declares."""
    hosts = {host.name for host in system.hosts}
    return hosts | {parse_uri(text, schemes).host for text in system.endpoints}


def _names_over(host: str) -> Iterator[str]:
    """The names of an authorisation that cover a host: itself, and the zones that it is below."""
    yield host
    _, dot, zone = host.partition(".")
    while dot:
        yield f"*.{zone}"
        _, dot, zone = zone.partition(".")


class SystemFilter:
    """Keeps what is about one of the systems that were declared together, and drops what is about the others.

    All systems and statements are visited once; for each system, what is about it and what is about none of them.
    """

    def __init__(
        self, systems: Iterable[System], statements: Iterable[Statement], schemes: Mapping[str, Scheme]
    ) -> None:
        self._schemes = schemes
        self._declared = {name for each in systems for host in _hosts_of(each, schemes) for name in _names_over(host)}
        self._statements: dict[str, list[Statement]] = defaultdict(list)
        for statement in statements:
            self._statements[statement.system].append(statement)
        self._names: dict[Same[tuple[str, ...]], _CoveredNames] = {}

    def authorisations(self, system: System, given: Iterable[Authorisation]) -> tuple[Authorisation, ...]:
        """The authorisations without names of other systems; one that covers nothing else is dropped."""
        hosts = _hosts_of(system, self._schemes)
        return _covering((each, self._covered(each.covers.names).about(hosts), each.covers.blocks) for each in given)

    def statements(self, system: System) -> tuple[Statement, ...]:
        """The statements about a system."""
        return tuple(self._statements.get(system.id, ()))

    def _covered(self, names: tuple[str, ...]) -> _CoveredNames:
        if Same(names) not in self._names:
            self._names[Same(names)] = _CoveredNames(names, self._declared)
        return self._names[Same(names)]


class _CoveredNames:
    """The names of one authorisation, by place: those that cover a declared host, and those that cover none."""

    def __init__(self, names: Sequence[str], declared: set[str]) -> None:
        self._names = names
        self._places: dict[str, list[int]] = defaultdict(list)
        self._of_none: list[int] = []
        for place, name in enumerate(names):
            (self._places[name] if name in declared else self._of_none).append(place)

    def about(self, hosts: Iterable[str]) -> tuple[str, ...]:
        """The names that cover one of these hosts, or no declared host, in their order."""
        own = {place for host in hosts for name in _names_over(host) for place in self._places.get(name, ())}
        return tuple(self._names[place] for place in sorted({*self._of_none, *own}))


def at_own_addresses(
    given: Iterable[Authorisation], system: System, pins: Sequence[PinnedHost], schemes: Mapping[str, Scheme]
) -> tuple[Authorisation, ...]:
    """The authorisations without address blocks that contain no address of the system.

    Where the system has zones, their name servers, found later, may be in any block: special-purpose blocks stay, and
    all blocks of an authorisation for intrusive scans, without which name servers are asked nothing intrusive.
    """
    addresses = {address for pin in pins for address in pin.addresses}
    addresses |= {host for host in _hosts_of(system, schemes) if is_address(host)}
    used = {parse_uri(text, schemes).scheme for text in system.endpoints}
    has_zones = any(each.form is UriForm.NAME and each != HOST for each in used)

    def blocks(each: Authorisation) -> tuple[str, ...]:
        if has_zones and each.intrusiveness is Intrusiveness.INTRUSIVE:
            return each.covers.blocks
        return _own_blocks(each.covers.blocks, addresses, has_zones=has_zones)

    return _covering((each, each.covers.names, blocks(each)) for each in given)


def _own_blocks(blocks: tuple[str, ...], addresses: Iterable[str], *, has_zones: bool) -> tuple[str, ...]:
    """The blocks that hold one of the addresses, and for zones the special-purpose ones, in their order."""
    known = address_blocks(blocks)
    places = {place for address in addresses for place in known.holding(ipaddress.ip_address(address))}
    if has_zones:
        places |= _special_blocks(Same(blocks))
    return tuple(blocks[place] for place in sorted(places))


@lru_cache(maxsize=256)
def _special_blocks(blocks: Same[tuple[str, ...]]) -> frozenset[int]:
    """The places of the special-purpose blocks."""
    return frozenset(
        place for place, block in enumerate(blocks.value) if special_purpose(block.partition("/")[0]) is not None
    )


def _covering(
    given: Iterable[tuple[Authorisation, tuple[str, ...], tuple[str, ...]]],
) -> tuple[Authorisation, ...]:
    """The authorisations with these names and blocks; those that have neither are dropped."""
    return tuple(
        each.model_copy(update={"covers": each.covers.model_copy(update={"names": names, "blocks": blocks})})
        for each, names, blocks in given
        if names or blocks
    )
