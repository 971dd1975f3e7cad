"""Verification of the host name against subject alternative names (RFC 9525)."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

_LABELS_AFTER_WILDCARD = 2


def matches(host: str, *, dns: Collection[str], ip: Collection[str], wildcards: bool = True) -> bool:
    """Whether ``host`` is among the names; the subject's common name is ignored (RFC 9525 §2).

    ``host`` is a lower-case name in A-labels or an address literal; ``dns`` and ``ip`` are a certificate's dNSName and
    iPAddress entries. An address matches address entries only, octet for octet (§6.4). Without ``wildcards`` none of
    them matches.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return any(_same_name(host, name) for name in dns if wildcards or not name.startswith("*"))
    return any(address == _address(entry) for entry in ip)


def _same_name(host: str, name: str) -> bool:
    """Compare label by label ignoring ASCII case; ``*`` matches one whole left-most label (§6.3).

    Not directly below a top-level domain: browsers and OpenSSL refuse a wildcard with fewer than two labels after it
    (CA/Browser Forum Baseline Requirements §3.2.2.6).
    """
    if not (host.isascii() and name.isascii()):
        return False
    wanted, offered = host.lower().split("."), name.lower().split(".")
    if offered[0] == "*" and len(offered) > _LABELS_AFTER_WILDCARD:
        wanted, offered = wanted[1:], offered[1:]
    return wanted == offered and all(offered)


def _address(entry: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(entry)
    except ValueError:
        return None
