"""Special-purpose addresses: packets to them may reach this machine, its network, or a cloud's own services.

The tables are the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, as of 2025), plus multicast, blocks
that are reserved, and the addresses of metadata services. An address that only carries an IPv4 address is judged by
that one: IPv4-mapped and IPv4-compatible (RFC 4291 §2.5.5), IPv4-translated (RFC 2765 §2.1), 6to4 (RFC 3056 §2), Teredo
(RFC 4380 §4), NAT64 (RFC 6052 §2.1). One that contains it below a prefix of its own is judged by both: ISATAP (RFC 5214
§6.1), local NAT64 (RFC 8215).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
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
#: The prefixes below which the last 32 bits are an IPv4 address: mapped, compatible, translated, NAT64.
_CARRIERS = tuple(map(ipaddress.IPv6Network, ("::ffff:0:0/96", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96")))
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
#: The interface identifier of ISATAP without the bit that says whether its address is unique.
_ISATAP = 0x00005EFE
_UNIQUE = 0x02000000
#: Unicast of the Internet; other IPv6 blocks are reserved (RFC 4291 §2.4).
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")


def _carried(address: Address) -> tuple[Address, ...]:
    """The IPv4 addresses that an IPv6 address stands for; none for one that stands for itself."""
    if isinstance(address, ipaddress.IPv4Address) or int(address) <= 1:
        return ()
    if any(address in block for block in _CARRIERS):
        return (ipaddress.IPv4Address(address.packed[12:]),)
    return (address.sixtofour,) if address.sixtofour else address.teredo or ()


def _contained(address: Address) -> Iterator[Address]:
    """The IPv4 addresses to which a router on the way may send a packet for this IPv6 address."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    data = address.packed
    if int.from_bytes(data[8:12]) & ~_UNIQUE == _ISATAP:
        yield ipaddress.IPv4Address(data[12:])
    if address in _LOCAL_NAT64:  # its owner chooses the length of the prefix (RFC 6052 §2.2)
        yield from map(ipaddress.IPv4Address, (data[6:8] + data[9:11], data[7:8] + data[9:12], data[9:13], data[12:]))


def _judged(text: str) -> tuple[Address, ...]:
    """The addresses by which the one in a text is judged; none for a name."""
    address = parse_address(text.partition("%")[0])
    return () if address is None else (*(_carried(address) or (address,)), *_contained(address))


def _purpose(address: Address) -> str | None:
    for block, purpose in _SPECIAL:
        if address.version == block.version and address in block:
            return purpose
    is_reserved = isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST
    return "reserved" if is_reserved else None


@lru_cache(maxsize=4096)
def special_purpose(text: str) -> str | None:
    """The purpose of a special-purpose address, e.g. ``loopback``; None for one of the Internet, and for a name."""
    return next(filter(None, map(_purpose, _judged(text))), None)


@lru_cache(maxsize=4096)
def is_never_named(text: str) -> bool:
    """Whether no name may lead to the address, not even where it is listed: link-local, and metadata services."""
    return any(each in block for each in _judged(text) for block, _ in (*_METADATA, *_LINK_LOCAL))
