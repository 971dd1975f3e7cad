"""Canonical forms of addresses, by which the gateway compares them; an IPv4-mapped IPv6 address is the IPv4 address."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Collection
from functools import lru_cache

from inspector.model.base import Same

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address | None:
    """The address in ``text`` (the IPv4 address of an IPv4-mapped one), or None for a name."""
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=4096)
def canonical_address(text: str) -> str:
    """The canonical form of an address; a name is unchanged."""
    address = parse_address(text)
    return text if address is None else str(address)


def sort_key(text: str) -> tuple[int, bytes]:
    """Sorts addresses: IPv4 before IPv6, then by number."""
    address = ipaddress.ip_address(text)
    return address.version, address.packed


def split_server(text: str, port: int = 53) -> tuple[str, int]:
    """Parse ``address``, ``address:port``, ``[v6]`` or ``[v6]:port``; raises ValueError."""
    host, found = text.strip(), port
    if host.startswith("["):
        host, _, rest = host[1:].partition("]")
        found = int(rest.removeprefix(":")) if rest else port
    elif host.count(":") == 1:
        host, _, rest = host.partition(":")
        found = int(rest)
    if parse_address(host) is None or not 0 < found < 65536:
        raise ValueError(f"{text!r} is not address[:port]")
    return host, found


class AddressBlocks:
    """Address blocks, among which those that hold an address are looked up by prefix."""

    def __init__(self, blocks: Collection[str]) -> None:
        self._places: dict[tuple[int, int], dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for place, text in enumerate(blocks):
            block = ipaddress.ip_network(text, strict=False)
            host_bits = block.max_prefixlen - block.prefixlen
            self._places[block.version, host_bits][int(block.network_address) >> host_bits].append(place)

    def holding(self, address: Address) -> list[int]:
        """The places, from 0 and in no order, of the blocks that hold an address."""
        number = int(address)
        return [
            place
            for (version, host_bits), places in self._places.items()
            if version == address.version
            for place in places.get(number >> host_bits, ())
        ]


def address_blocks(blocks: tuple[str, ...]) -> AddressBlocks:
    """These blocks; parsed once for one tuple."""
    return _address_blocks(Same(blocks))


@lru_cache(maxsize=256)
def _address_blocks(blocks: Same[tuple[str, ...]]) -> AddressBlocks:
    return AddressBlocks(blocks.value)
