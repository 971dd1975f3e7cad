"""Canonical forms of addresses, by which the gateway compares them; an IPv4-mapped IPv6 address is the IPv4 address."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

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
