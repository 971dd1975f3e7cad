"""Special-purpose addresses: packets to them may reach this machine, its network, or a cloud's own services.

The tables are the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, as of 2025), plus multicast, blocks
that are reserved, and the addresses of metadata services. An address that contains an IPv4 address is judged by that
one: IPv4-mapped (RFC 4291 §2.5.5), 6to4 (RFC 3056 §2), Teredo (RFC 4380 §4), NAT64 (RFC 6052 §2.1).
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from inspector.network.access.addresses import Address, parse_address

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _table(blocks: dict[str, str]) -> tuple[tuple[Network, str], ...]:
    return tuple((ipaddress.ip_network(block), purpose) for purpose, text in blocks.items() for block in text.split())


#: Services of cloud providers that give credentials to whoever asks from inside; one has a global address.
_METADATA = _table(
    {
        "cloud metadata": "169.254.169.254 169.254.170.2 100.100.100.200 168.63.129.16 192.0.0.192"
        " fd00:ec2::254 fd00:ec2::23 fd20:ce::254"
    }
)
_LINK_LOCAL = _table({"link-local": "169.254.0.0/16 fe80::/10"})
_SPECIAL = (
    *_METADATA,
    *_LINK_LOCAL,
    *_table(
        {
            "unspecified": "0.0.0.0/8 ::/128",
            "loopback": "127.0.0.0/8 ::1/128",
            "private": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fec0::/10",
            "shared": "100.64.0.0/10",
            "protocol assignment": "192.0.0.0/24 192.88.99.0/24 2001::/23 5f00::/16",
            "documentation": "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20",
            "benchmarking": "198.18.0.0/15",
            "multicast": "224.0.0.0/4 ff00::/8",
            "discard-only": "100::/63",
            "local NAT64": "64:ff9b:1::/48",
            "reserved": "240.0.0.0/4",
        }
    ),
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
#: Unicast of the Internet; other IPv6 blocks are reserved (RFC 4291 §2.4).
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address contains, else the address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64 or (address.packed[:12] == bytes(12) and int(address) > 1):  # IPv4-compatible
        return ipaddress.IPv4Address(address.packed[12:])
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


@lru_cache(maxsize=4096)
def special_purpose(text: str) -> str | None:
    """The purpose of a special-purpose address, e.g. ``loopback``; None for one of the Internet, and for a name."""
    address = parse_address(text.partition("%")[0])
    if address is None:
        return None
    inner = _embedded(address)
    found = next((purpose for block, purpose in _SPECIAL if inner.version == block.version and inner in block), None)
    if found is None and isinstance(inner, ipaddress.IPv6Address) and inner not in _GLOBAL_UNICAST:
        return "reserved"
    return found


@lru_cache(maxsize=4096)
def is_never_named(text: str) -> bool:
    """Whether no name may lead to the address, not even where it is listed: link-local, and metadata services."""
    address = parse_address(text.partition("%")[0])
    inner = None if address is None else _embedded(address)
    return inner is not None and any(inner in block for block, _ in (*_METADATA, *_LINK_LOCAL))
