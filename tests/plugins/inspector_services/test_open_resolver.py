"""Which DNS servers count as open resolvers: servers of Debian in a namespace of their own, each with its habit."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import pytest

from inspector import Answer, Cause
from inspector_services.udp_observations import Handling, UdpServices
from inspector_services.udp_probes import udp_exposure
from tests.plugins.inspector_services.scanning import INTRUSIVE, host, read, scan
from tests.plugins.inspector_services.udp_servers import (
    ADDRESS,
    ROOT_PORT,
    ROOT_ZONE,
    Namespace,
    dnsmasq,
    named,
    namespace,
    unbound,
    zone,
)

_TO_ROOT = f"forwarders {{ {ADDRESS} port {ROOT_PORT}; }}; forward only;"
_RESOLVER_PORT = 5301
_STRANGERS_ALLOWED = "recursion yes; allow-recursion { any; };"


@contextmanager
def _with_root(server: Callable[[Namespace], AbstractContextManager[None]], space: Namespace) -> Iterator[None]:
    """A server, and the root of names that it asks."""
    with named(space, ROOT_PORT, "recursion no;", ROOT_ZONE), server(space):
        yield


Server = Callable[[Namespace], AbstractContextManager[None]]


def _resolver(server: Server) -> Server:
    return partial(_with_root, server)


def _named(options: str, *zones: str) -> Server:
    return lambda space: named(space, 53, options, *zones)


def _unbound(access: str) -> Server:
    return lambda space: unbound(space, access)


def _dnsmasq(*options: str) -> Server:
    return lambda space: dnsmasq(space, *options)


@contextmanager
def _behind_dnsmasq(space: Namespace) -> Iterator[None]:
    with unbound(space, "allow", _RESOLVER_PORT), dnsmasq(space, f"--server={ADDRESS}#{_RESOLVER_PORT}"):
        yield


#: By what the server does for a stranger.
OPEN: dict[str, Server] = {
    "BIND, which forwards": _resolver(_named(f"{_STRANGERS_ALLOWED} {_TO_ROOT}")),
    "Unbound": _resolver(_unbound("allow")),
    "dnsmasq, which forwards to a resolver": _resolver(_behind_dnsmasq),
}
CLOSED: dict[str, Server] = {
    "BIND, which refuses": _named("recursion yes; allow-recursion { 192.0.2.0/24; };"),
    "BIND, authoritative for the root": _named("recursion no;", ROOT_ZONE),
    "BIND, authoritative for the zone that is asked about": _named("recursion no;", zone("example.com")),
    "BIND, which answers from its cache": _named("recursion no; allow-query-cache { any; };"),
    "Unbound, which answers local names alone": _unbound("refuse_non_local"),
    "Unbound, which refuses": _unbound("refuse"),
}
UNDECIDED: dict[str, Server] = {
    "BIND, which resolves, but is authoritative for the name": _named(_STRANGERS_ALLOWED, zone("example.com")),
    "BIND, whose forwarder is silent": _named(
        f"{_STRANGERS_ALLOWED} forwarders {{ {ADDRESS} port 9; }}; forward only;"
    ),
    "dnsmasq, which gives every name one address": _dnsmasq("--address=/#/192.0.2.1"),
}


def _recursion(server: Server) -> Answer[Handling]:
    target = host(ADDRESS)
    with namespace() as space, server(space):
        output = space.call(lambda: scan(udp_exposure, target, UdpServices(), authorisation=INTRUSIVE))
    found: Answer[Handling] = read(udp_exposure, output, target).recursion
    return found


@pytest.mark.parametrize("server", OPEN.values(), ids=OPEN)
def test_who_resolves_for_a_stranger_is_found(server: Server) -> None:
    """A denial that the server got from the zone of the name, and has no authority for."""
    assert _recursion(server).seen is Handling.ANSWERED


@pytest.mark.parametrize("server", CLOSED.values(), ids=CLOSED)
def test_own_answers_are_none_of_a_resolver(server: Server) -> None:
    """Local zones, the zone itself, the root, hints and caches are what a server has without asking anybody."""
    assert _recursion(server).seen is Handling.REFUSED


@pytest.mark.parametrize("server", UNDECIDED.values(), ids=UNDECIDED)
def test_what_does_not_tell_is_ambiguous(server: Server) -> None:
    """The flag for recursion alone is no proof, nor is an address for a name that does not exist."""
    assert _recursion(server).unseen in (Cause.AMBIGUOUS, Cause.TIMEOUT)
