"""Records what the probes observe at running servers: ``python -m tests.plugins.inspector_dns.record NAME``.

Needs named. Names are as in ``zone/good.test``; ``--all`` records every one.
"""

from __future__ import annotations

import json
import socket
import sys
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from inspector import Observation
from inspector.declare.settings import Settings
from inspector.testing import record, run_probe
from inspector_dns.connections import address_connection
from inspector_dns.observations import (
    AddressConnection,
    Delegation,
    MailHosts,
    NameServer,
    NameServerExposure,
    SigningKey,
    Zone,
)
from inspector_dns.probes import name_server, names, zone
from tests.plugins.inspector_dns import zones
from tests.plugins.inspector_dns.internet import HOSTS as INTERNET_HOSTS
from tests.plugins.inspector_dns.internet import Internet, internet, observations
from tests.plugins.inspector_dns.scanning import read, scan, see, subject
from tests.plugins.inspector_dns.zones import Served, serving

FOLDER = Path(__file__).parent

HOSTS = {
    "good": "www.good.test",
    "plain": "www.plain.test",
    "nothing": "www.plain.three",
    "inside": "inside.good.test",
    "dangling": "dangling.good.test",
    "servfail": "a.servfail.test",
    "alias": "alias.good.test",
    "gone": "gone.good.test",
    "binding": "binding.good.test",
    "stale": "stale.good.test",
    "empty": "empty.good.test",
    "modes": "modes.good.test",
    "mixed": "mixed.good.test",
}
ZONES = [
    "good.test",
    "plain.test",
    "plain.opt",
    "plain.bare",
    "sha1.test",
    "expired.test",
    "changed.test",
    "wrongds.test",
    "exotic.test",
    "servfail.test",
    "www.good.test",
    "lost.test",
    "single.test",
    "twins.test",
    "machine.test",
    "local.test",
    "alias.test",
]
SERVERS = {"good": zones.GOOD[0], "lame": zones.LAME, "closed": zones.CLOSED, "silent": zones.SILENT}
#: Of the private internet: zones below vn, delegations, and name servers with the zone that they are asked for.
INTERNET_ZONES = ["clean", "inside", "staleglue", "near", "split", "expire", "retry", "negative", "alllame"]
INTERNET_ZONES += [
    "nsec3",
    "optout",
    "iterations",
    "salt",
    "manyiterations",
    "denial",
    "denial3",
    "rsa1024",
    "sha1digest",
]
INTERNET_ZONES += [
    "ending",
    "cds",
    "cdsdelete",
    "cdsstray",
    "cdsmixed",
    "cdsdiffering",
    "wildcard",
    "wildcard3",
    "rsasha512",
]
INTERNET_MAIL = ["clean", "nullmx", "mxempty", "mxnoname", "mxwrongname", "alllame"]
INTERNET_EXPOSURES = {"clean": "ns1", "gives": "gives", "talks": "talks", "silent": "silent"}
INTERNET_DELEGATIONS = ["clean", "inside", "staleglue", "noglue", "parentmore", "alllame", "sub.clean", "nowhere"]
INTERNET_SERVERS = {
    "clean": ("ns1", "clean"),
    "clean-second": ("ns2", "clean"),
    "more": ("ns1", "childmore"),
    "serial": ("ns1", "serial"),
    "serial-old": ("old", "serial"),
    "mx": ("ns1", "mx"),
    "mx-old": ("old", "mx"),
    "spf": ("ns1", "spf"),
    "spf-old": ("old", "spf"),
    "formerr": ("formerr", "formerr"),
    "droppy": ("droppy", "droppy"),
    "open": ("open", "open"),
    "claims": ("claims", "claims"),
    "plain": ("plain", "plain"),
    "brief": ("ns1", "brief"),
    "long": ("ns1", "long"),
}


def of_internet(running: Internet) -> dict[str, Callable[[], Observation]]:
    """By name, what records a zone, a delegation or a name server of the private internet."""
    wanted: dict[str, tuple[type[Observation], str, str, str | None]] = {
        **{f"zone/{name}.vn": (Zone, "zone", f"dns:{name}.vn", None) for name in INTERNET_ZONES},
        **{
            f"delegation/{name}.vn": (Delegation, "delegation", f"dns:{name}.vn", None) for name in INTERNET_DELEGATIONS
        },
        **{f"mail-hosts/{name}.vn": (MailHosts, "mail-hosts", f"dns:{name}.vn", None) for name in INTERNET_MAIL},
        **{
            f"name-server-exposure/{name}": (
                NameServerExposure,
                "name-server-exposure",
                f"ns://{host}.host.vn/gives.vn",
                INTERNET_HOSTS[host][0],
            )
            for name, host in INTERNET_EXPOSURES.items()
        },
        **{
            f"name-server/{name}": (NameServer, "name-server", f"ns://{host}.host.vn/{at}.vn", INTERNET_HOSTS[host][0])
            for name, (host, at) in INTERNET_SERVERS.items()
        },
    }

    @cache
    def found() -> dict[str, str]:
        return dict(zip(wanted, observations(running, [each[1:] for each in wanted.values()]), strict=True))

    def one(name: str) -> Observation:
        return _with_numbered_keys(wanted[name][0].parse(found()[name].encode()))

    return {name: partial(one, name) for name in wanted}


def recorders(served: Served) -> dict[str, Callable[[], Observation]]:
    """By name, what records a host, a zone or a name server of the running servers."""
    wrong = (served.zone_set.anchors("good.three")[0].replace("good.three.", "test."),)
    return {
        **{f"names/{name}": partial(see, names, f"host:{host}", served.resolver) for name, host in HOSTS.items()},
        **{f"zone/{name}": partial(_zone, served, name, served.anchors) for name in ZONES},
        "zone/wrong-anchor": partial(_zone, served, "test", wrong),
        **{f"name-server/{name}": partial(_name_server, served, address) for name, address in SERVERS.items()},
        "address-connection/accepted": partial(_connection, served, "good", is_open=True),
        "address-connection/refused": partial(_connection, served, "good", is_open=False),
        "address-connection/without-ipv6": partial(_connection, served, "plain", is_open=True),
    }


def _zone(served: Served, name: str, anchors: tuple[str, ...]) -> Observation:
    """The observation of a zone, with its keys numbered: each start of the servers makes new ones."""
    facts = see(zone, f"dns:{name}", served.resolver, anchors)
    assert isinstance(facts, Observation)
    return _with_numbered_keys(facts)


def _with_numbered_keys(facts: Observation) -> Observation:
    return type(facts).parse(json.dumps(_numbered(facts.model_dump(mode="json"), {})))


def _numbered(value: Any, tags: dict[int, int]) -> Any:
    """A JSON value with each key tag replaced by the number of its first occurrence."""
    if isinstance(value, list):
        numbered = [_numbered(each, tags) for each in value]
        by_tag = all(isinstance(each, dict) and each.keys() == SigningKey.model_fields.keys() for each in numbered)
        return sorted(numbered, key=lambda each: int(each["key_tag"])) if by_tag else numbered
    if not isinstance(value, dict):
        return value
    return {
        key: tags.setdefault(each, len(tags) + 1) if key == "key_tag" else _numbered(each, tags)
        for key, each in value.items()
    }


def _connection(served: Served, name: str, *, is_open: bool) -> Observation:
    settings = Settings(resolvers=(f"127.0.0.1:{served.resolver}",))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not is_open:
            server.close()
        return run_probe(address_connection, f"https://{HOSTS[name]}:{port}/", settings=settings).seen(
            AddressConnection
        )


def _name_server(served: Served, address: str) -> Observation:
    about = subject(name_server, f"ns://ns.test:{served.port}/good.test", address)
    facts = read(name_server, scan(name_server, about, served.port, answer_seconds=1), about)
    assert isinstance(facts, Observation)
    return _with_numbered_keys(facts)


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as other,
        serving(Path(folder)) as running,
        internet(Path(other)) as away,
    ):
        record(FOLDER, {**recorders(running), **of_internet(away)}, sys.argv[1:])
