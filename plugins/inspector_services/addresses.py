"""The open ports of a host's addresses, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inspector import Cause, Every
from inspector_services.observations import OpenPorts, PortState


@dataclass(frozen=True, slots=True)
class Reach:
    """The ports of one address: open, seen not to be, and undetermined, with the cause of the first of these."""

    opened: frozenset[int]
    hidden: frozenset[int]
    unseen: frozenset[int]
    cause: Cause | None

    @classmethod
    def of(cls, ports: OpenPorts) -> Reach:
        """The reach of an address."""
        hidden = {*ports.in_state(PortState.CLOSED), *ports.in_state(PortState.FILTERED)}
        return cls(frozenset(ports.open), frozenset(hidden), frozenset(ports.undetermined), ports.undetermined_cause)


def by_family(ports: Every[OpenPorts]) -> dict[int, dict[str, Reach | None]]:
    """The reach of each address, None where it was not seen, by version of IP."""
    found: dict[int, dict[str, Reach | None]] = {4: {}, 6: {}}
    for item in ports.all:
        address = item.subject.address or ""
        found[6 if ":" in address else 4][address] = None if item.observation is None else Reach.of(item.observation)
    return found


def seen(addresses: Mapping[str, Reach | None]) -> dict[str, Reach]:
    """Those addresses that were seen."""
    return {address: reach for address, reach in addresses.items() if reach is not None}


def unseen_ports(reaches: Iterable[Reach]) -> tuple[int, Cause]:
    """How many ports were not seen at one of the addresses at least, and why."""
    several = tuple(reaches)
    asked = frozenset[int]().union(*(each.opened | each.hidden | each.unseen for each in several))
    count = len(frozenset[int]().union(*(asked - each.opened - each.hidden for each in several)))
    return count, next((each.cause for each in several if each.cause is not None), Cause.NOT_SELECTED)
