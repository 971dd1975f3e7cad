"""Which IP addresses of DNS records lead to a server. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

#: The global unicast addresses that IANA assigns (RFC 4291 §2.4).
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
#: Those within that are not globally reachable by IANA's registry (RFC 6890): protocol assignments, documentation.
_SPECIAL_PURPOSE: Final = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20")))

_THIS_NETWORK: Final = IPv4Network("0.0.0.0/8")

#: The addresses of private networks: loopback, RFC 1918, RFC 6598 (carrier-grade NAT); RFC 4193 (unique local).
_PRIVATE_IPV4: Final = tuple(
    map(IPv4Network, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
)
_PRIVATE_IPV6: Final = IPv6Network("fc00::/7")


def is_globally_reachable(text: str) -> bool:
    """Whether an IPv6 address can be reached from other networks over IPv6.

    One of 6to4 can where the IPv4 address in it is a global one (RFC 3056 §2).
    """
    address = IPv6Address(text)
    if address.sixtofour is not None and not address.sixtofour.is_global:
        return False
    return address in _GLOBAL_UNICAST and not any(address in network for network in _SPECIAL_PURPOSE)


def is_server_address(text: str) -> bool:
    """Whether the address can be one of a server: neither link-local, multicast, reserved nor an IPv6 stand-in.

    Private addresses can be, in private networks. RFC 4291 §2.5, RFC 6890; 0.0.0.0/8 is no host's (RFC 1122 §3.2.1.3).
    """
    address = ip_address(text)
    if address.is_unspecified or address.is_link_local or address.is_multicast:
        return False
    if isinstance(address, IPv4Address):
        return not address.is_reserved and address not in _THIS_NETWORK
    return not (address.is_loopback or address.ipv4_mapped)


def is_private(text: str) -> bool:
    """Whether only one private network reaches the address."""
    address = ip_address(text)
    if isinstance(address, IPv4Address):
        return any(address in network for network in _PRIVATE_IPV4)
    return address in _PRIVATE_IPV6
