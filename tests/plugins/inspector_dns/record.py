"""Records what the probes observe at running servers: ``python -m tests.plugins.inspector_dns.record NAME``.

Needs named. Names are as in ``zone/good.test``; ``--all`` records every one.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from inspector import Observation
from inspector.testing import record
from inspector_dns.probes import name_server, names, zone
from tests.plugins.inspector_dns import zones
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


def recorders(served: Served) -> dict[str, Callable[[], Observation]]:
    """By name, what records a host, a zone or a name server of the running servers."""
    wrong = (served.zone_set.anchors("good.three")[0].replace("good.three.", "test."),)
    return {
        **{f"names/{name}": partial(see, names, f"host:{host}", served.resolver) for name, host in HOSTS.items()},
        **{f"zone/{name}": partial(_zone, served, name, served.anchors) for name in ZONES},
        "zone/wrong-anchor": partial(_zone, served, "test", wrong),
        **{f"name-server/{name}": partial(_name_server, served, address) for name, address in SERVERS.items()},
    }


def _zone(served: Served, name: str, anchors: tuple[str, ...]) -> Observation:
    """The observation of a zone, with its keys numbered: each start of the servers makes new ones."""
    facts = see(zone, f"dns:{name}", served.resolver, anchors)
    assert isinstance(facts, Observation)
    return type(facts).parse(json.dumps(_numbered(facts.model_dump(mode="json"), {})))


def _numbered(value: Any, tags: dict[int, int]) -> Any:
    """A JSON value with each key tag replaced by the number of its first occurrence."""
    if isinstance(value, list):
        return [_numbered(each, tags) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: tags.setdefault(each, len(tags) + 1) if key == "key_tag" else _numbered(each, tags)
        for key, each in value.items()
    }


def _name_server(served: Served, address: str) -> Observation:
    about = subject(name_server, f"ns://ns.test:{served.port}/good.test", address)
    facts = read(name_server, scan(name_server, about, served.port, answer_seconds=1), about)
    assert isinstance(facts, Observation)
    return facts


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as running:
        record(FOLDER, recorders(running), sys.argv[1:])
