"""The service that a port is declared with: by an endpoint on the host, or by the name beside the port. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from inspector import Declared

_ENDPOINT = re.compile(r"([a-z][a-z0-9+.-]*)://(?:\[[^\]]*\]|[^:/]*)(?::(\d+))?(?:/|\Z)")
#: The ports that a normalised URI leaves out.
_PORTS = {
    "ftp": 21,
    "http": 80,
    "https": 443,
    "imap": 143,
    "imaps": 993,
    "ldap": 389,
    "ldaps": 636,
    "mysql": 3306,
    "pop3": 110,
    "pop3s": 995,
    "postgresql": 5432,
    "rdp": 3389,
    "smtp": 25,
    "smtps": 465,
    "ssh": 22,
    "submission": 587,
    "submissions": 465,
}
#: Schemes that say nothing of the protocol.
_ANY = frozenset({"tcp", "udp"})


def declared_services(declared: Declared) -> Mapping[int, str]:
    """The service of each TCP port for which the declaration states one, by port.

    An endpoint's scheme is preferred to the name beside the port, any to ``tls``, which may carry every protocol.
    """
    named = {each.port: each.service.lower() for each in declared.ports if each.protocol == "tcp" and each.service}
    for uri in sorted(declared.endpoints_here, key=lambda uri: not uri.startswith("tls:")):
        found = _ENDPOINT.match(uri)
        port = int(found[2]) if found and found[2] else _PORTS.get(found[1]) if found else None
        if found and port and found[1] not in _ANY:
            named[port] = found[1]
    return named
