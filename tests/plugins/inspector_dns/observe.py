"""Observes in a network of one's own: ``observe RESOLVER ANCHORS [[PROBE, URI, ADDRESS]]``."""

from __future__ import annotations

import json
import sys

from inspector_dns.delegation import delegation
from inspector_dns.probes import name_server, zone
from tests.plugins.inspector_dns.scanning import read, scan, subject

PROBES = {probe.name: probe for probe in (delegation, name_server, zone)}
#: A name server that is silent stays so.
OPTIONS = {name_server.name: {"answer_seconds": 1}}


def observe(resolver: str, anchors: tuple[str, ...], wanted: list[tuple[str, str, str | None]]) -> list[str]:
    """The observations as canonical JSON."""
    found = []
    for name, uri, address in wanted:
        probe = PROBES[name]
        about = subject(probe, uri, address)
        output = scan(probe, about, 53, at=resolver, **OPTIONS.get(name, {}))
        found.append(read(probe, output, about, anchors).canonical().decode())
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(observe(sys.argv[1], tuple(json.loads(sys.argv[2])), json.loads(sys.argv[3]))))
