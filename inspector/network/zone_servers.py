"""The name servers of zones, as the referrals of a run named them, where names are resolved from the root."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import dns.name

#: Address and port of a name server.
Address = tuple[str, int]
#: The most zones whose servers are remembered, and for how long.
ZONES: Final = 2_000
HOLD_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class ZoneServers:
    """The servers to which a zone is delegated: names with the addresses that came along, and names without."""

    addresses: tuple[tuple[str, Address], ...]
    names: tuple[dns.name.Name, ...] = ()


class KnownZones:
    """The servers of zones; those that were not used longest are forgotten first. Instants are on one clock."""

    def __init__(self) -> None:
        self._servers: OrderedDict[dns.name.Name, tuple[ZoneServers, float]] = OrderedDict()

    def closest(self, name: dns.name.Name, now: float) -> tuple[dns.name.Name, ZoneServers] | None:
        """The closest zone that is known, the name itself or one above it, with its servers."""
        for depth in range(len(name), 0, -1):
            zone = name.split(depth)[1]
            servers, learned = self._servers.get(zone, (None, 0.0))
            if servers is not None and learned + HOLD_SECONDS > now:
                self._servers.move_to_end(zone)
                return zone, servers
        return None

    def learn(self, zone: dns.name.Name, servers: ZoneServers, now: float) -> None:
        """Remember the servers of a zone."""
        self._servers[zone] = servers, now
        while len(self._servers) > ZONES:
            self._servers.popitem(last=False)
