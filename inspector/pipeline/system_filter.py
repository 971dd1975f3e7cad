"""Which parts of the documents are about one system: nothing about another system enters its bundle."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence

from inspector.declare.authorisation import Authorisation
from inspector.declare.declaration import System
from inspector.declare.statement import Statement
from inspector.model.subject import HOST, Scheme, UriForm, is_address, parse_uri
from inspector.network.access.special_addresses import special_purpose
from inspector.record.plan import PinnedHost


class SystemFilter:
    """Keeps what is about ``system``, and drops what is about the ``others`` that were declared together with it."""

    def __init__(self, system: System, others: Iterable[System], schemes: Mapping[str, Scheme]) -> None:
        self._id = system.id
        self._schemes = schemes
        self._hosts = set(self._hosts_of(system))
        schemes_used = {parse_uri(text, schemes).scheme for text in system.endpoints}
        self._has_zones = any(each.form is UriForm.NAME and each != HOST for each in schemes_used)
        self._other_hosts = {host for other in others for host in self._hosts_of(other)} - self._hosts

    def _hosts_of(self, system: System) -> Iterator[str]:
        yield from (host.name for host in system.hosts)
        yield from (parse_uri(text, self._schemes).host for text in system.endpoints)

    def without_other_names(self, given: Iterable[Authorisation]) -> tuple[Authorisation, ...]:
        """The authorisations without names of other systems; one that covers nothing else is dropped."""
        return _covering(
            (each, [name for name in each.covers.names if not self._is_of_others(name)], each.covers.blocks)
            for each in given
        )

    def at_own_addresses(self, given: Iterable[Authorisation], pins: Sequence[PinnedHost]) -> tuple[Authorisation, ...]:
        """The authorisations without address blocks that contain no address of the system.

        Special-purpose blocks stay where the system has zones: their name servers, found later, may be there.
        """
        addresses = [address for pin in pins for address in pin.addresses]
        addresses += [host for host in self._hosts if is_address(host)]
        return _covering(
            (each, each.covers.names, [block for block in each.covers.blocks if self._is_own(block, addresses)])
            for each in given
        )

    def _is_own(self, block: str, addresses: Iterable[str]) -> bool:
        return _holds_any(block, addresses) or (
            self._has_zones and special_purpose(block.partition("/")[0]) is not None
        )

    def _is_of_others(self, name: str) -> bool:
        """Whether a covered name, or zone, is about other systems and not about this one."""

        def covers(host: str) -> bool:
            return host.endswith(name[1:]) if name.startswith("*.") else host == name

        return any(map(covers, self._other_hosts)) and not any(map(covers, self._hosts))

    def statements(self, given: Iterable[Statement]) -> tuple[Statement, ...]:
        """The statements about the system."""
        return tuple(each for each in given if each.system == self._id)


def _covering(
    given: Iterable[tuple[Authorisation, Iterable[str], Iterable[str]]],
) -> tuple[Authorisation, ...]:
    """The authorisations with these names and blocks; those that have neither are dropped."""
    kept = []
    for authorisation, names, blocks in given:
        covers = authorisation.covers.model_copy(update={"names": tuple(names), "blocks": tuple(blocks)})
        if covers.names or covers.blocks:
            kept.append(authorisation.model_copy(update={"covers": covers}))
    return tuple(kept)


def _holds_any(block: str, addresses: Iterable[str]) -> bool:
    network = ipaddress.ip_network(block)
    return any(ipaddress.ip_address(address) in network for address in addresses)
