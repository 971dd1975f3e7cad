"""What of the documents is about one system: nothing about another one enters its bundle."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence

from inspector.declare.authorisation import Authorisation
from inspector.declare.declaration import System
from inspector.declare.statement import Statement
from inspector.model.finding import finding_id
from inspector.model.subject import BadUri, Scheme, is_address, parse_uri
from inspector.record.plan import PinnedHost
from inspector.regime.regime import Requirement


class Part:
    """One system among those that were declared together with it."""

    def __init__(self, system: System, others: Iterable[System], schemes: Mapping[str, Scheme]) -> None:
        self._schemes = schemes
        self._subjects = set(self._subjects_of(system))
        self._hosts = set(self._hosts_of(system))
        self._foreign_subjects = {uri for other in others for uri in self._subjects_of(other)} - self._subjects
        self._foreign_hosts = {host for other in others for host in self._hosts_of(other)} - self._hosts

    def _hosts_of(self, system: System) -> Iterator[str]:
        yield from (host.name for host in system.hosts)
        yield from (parse_uri(text, self._schemes).host for text in system.endpoints)

    def _subjects_of(self, system: System) -> Iterator[str]:
        yield from (f"host:{host}" for host in self._hosts_of(system))
        for text in system.endpoints:
            uri = parse_uri(text, self._schemes)
            yield str(uri)
            yield uri.service

    def authorisations(self, given: Iterable[Authorisation], pins: Sequence[PinnedHost]) -> tuple[Authorisation, ...]:
        """The authorisations that cover something of the system, cut to names that are not another system's, and to
        blocks that hold an address of this one.
        """
        addresses = [address for resolve_and_pin in pins for address in resolve_and_pin.addresses]
        addresses += [host for host in self._hosts if is_address(host)]
        kept = []
        for each in given:
            names = tuple(name for name in each.covers.names if not self._is_foreign(name))
            blocks = tuple(block for block in each.covers.blocks if _holds_any(block, addresses))
            if names or blocks:
                covers = each.covers.model_copy(update={"names": names, "blocks": blocks})
                kept.append(each.model_copy(update={"covers": covers}))
        return tuple(kept)

    def _is_foreign(self, name: str) -> bool:
        """Whether a covered name, or zone, is about other systems and not about this one."""

        def covers(host: str) -> bool:
            return host.endswith(name[1:]) if name.startswith("*.") else host == name

        return any(map(covers, self._foreign_hosts)) and not any(map(covers, self._hosts))

    def statements(self, given: Iterable[Statement], requirements: Iterable[Requirement]) -> tuple[Statement, ...]:
        """The statements but for those about another system's findings."""
        foreign = {finding_id(row.id, uri) for row in requirements for uri in self._foreign_subjects}
        return tuple(
            each for each in given if each.finding not in foreign and not self._is_about_another(each.subject or "")
        )

    def _is_about_another(self, subject: str) -> bool:
        try:
            return subject in self._foreign_subjects or parse_uri(subject, self._schemes).host in self._foreign_hosts
        except BadUri:
            return False


def _holds_any(block: str, addresses: Iterable[str]) -> bool:
    network = ipaddress.ip_network(block)
    return any(ipaddress.ip_address(address) in network for address in addresses)
