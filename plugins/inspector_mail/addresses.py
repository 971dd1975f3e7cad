"""Sets of IP addresses of one family. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, summarize_address_range


@dataclass(slots=True)
class Addresses:
    """A set of addresses, as the sorted bounds of half-open ranges of their numbers: start, end, start, end, …"""

    bounds: list[int]

    def __bool__(self) -> bool:
        return bool(self.bounds)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.bounds[::2], self.bounds[1::2], strict=True)

    @property
    def size(self) -> int:
        """The number of addresses."""
        return sum(end - start for start, end in self)

    def copy(self) -> Addresses:
        """Another set of the same addresses."""
        return Addresses(list(self.bounds))

    def take_all(self) -> Addresses:
        """Remove all addresses, and return them."""
        taken = self.copy()
        self.bounds.clear()
        return taken

    def take(self, ranges: Iterable[tuple[int, int]]) -> Addresses:
        """Remove the addresses within the ranges, and return those that were in the set."""
        taken = [bound for start, end in ranges for bound in self._take(start, end)]
        return Addresses(taken)

    def _take(self, start: int, end: int) -> list[int]:
        first, last = bisect_left(self.bounds, start), bisect_right(self.bounds, end)
        begins = [start] if first % 2 else []  # the range begins inside the set
        ends = [end] if last % 2 else []  # the range ends inside the set
        taken = [*begins, *self.bounds[first:last], *ends]
        self.bounds[first:last] = [*begins, *ends]
        return [bound for pair in zip(taken[::2], taken[1::2], strict=True) if pair[0] < pair[1] for bound in pair]


def network_range(address: IPv4Address | IPv6Address, prefix_length: int) -> tuple[int, int]:
    """The half-open range of the network of this prefix length that has the address."""
    kind = IPv4Network if isinstance(address, IPv4Address) else IPv6Network
    network = kind((address.packed, prefix_length), strict=False)
    start = int(network.network_address)
    return start, start + network.num_addresses


def networks_of(addresses: Addresses, family: int) -> Iterator[IPv4Network | IPv6Network]:
    """The networks that the set consists of, in ascending order; ``family`` is 4 or 6."""
    kind: type[IPv4Address | IPv6Address] = IPv4Address if family == 4 else IPv6Address
    for start, end in addresses:
        yield from summarize_address_range(kind(start), kind(end - 1))


def united(sets: Iterable[Addresses]) -> Addresses:
    """The addresses of sets that are disjoint; adjacent ranges are one."""
    bounds: list[int] = []
    for start, end in sorted(each for part in sets for each in part):
        if bounds and bounds[-1] == start:
            bounds[-1] = end
        else:
            bounds += [start, end]
    return Addresses(bounds)
