"""The service that a port is declared with: by an endpoint on the host, or by the name beside the port. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from inspector import Declared
from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.port_roles import NOTABLE
from inspector_services.protocols import IN_TLS, OWN, PAGES, SPEAKS_HTTP, STATES_TLS, protocols_of

_ENDPOINT = re.compile(r"([a-z][a-z0-9+.-]*)://(?:\[[^\]]*\]|[^:/]*)(?::(\d+))?(?:/|\Z)")
#: The ports that a normalised URI leaves out.
_PORTS = {
    "ftp": 21,
    "ftps": 990,
    "http": 80,
    "https": 443,
    "imap": 143,
    "imaps": 993,
    "ldap": 389,
    "ldaps": 636,
    "lmtp": 24,
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
#: The services that a declaration may name: those of the port table, and the schemes of endpoints.
KNOWN = frozenset({each.service for each in NOTABLE.values()} | OWN.keys() | IN_TLS | _PORTS.keys())
#: What shows that a port is open, but not what it speaks.
_NOTHING = frozenset({ServiceProtocol.SILENT, ServiceProtocol.UNKNOWN})
#: An answer to a request in clear text by which servers that expect TLS tell so.
_BAD_REQUEST = "400"
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


def is_spoken(service: str, banner: Banner) -> bool | None:
    """Whether a port speaks the declared service; None where what it sent shows neither that nor another protocol.

    TLS may carry every protocol, and is itself none. HTTP is what many services speak: a page of none that is known may
    be theirs.
    """
    protocol = banner.protocol
    if protocol in _NOTHING:
        return None
    if protocol is ServiceProtocol.TLS:
        return True if service == "tls" else None
    if service in STATES_TLS and not banner.tls:
        is_bad_request = protocol is ServiceProtocol.HTTP and banner.text[9:12] == _BAD_REQUEST
        return None if is_bad_request else False
    if service == "tls" or protocol in protocols_of(service):
        return True
    if protocol is ServiceProtocol.ADMINISTRATION_PAGE and service in PAGES.get(banner.product, ()):
        return True
    return _may_be(service, protocol)


def _may_be(service: str, protocol: ServiceProtocol) -> bool | None:
    """The same, of a protocol that is none of the service's own."""
    if protocol is not ServiceProtocol.HTTP:
        return False
    if service in SPEAKS_HTTP:
        is_recognised_otherwise = bool(protocols_of(service)) or any(service in each for each in PAGES.values())
        return None if is_recognised_otherwise else True
    return False if protocols_of(service) else None
