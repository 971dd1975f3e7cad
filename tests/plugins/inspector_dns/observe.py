"""Observes in a network of one's own: ``observe RESOLVER ANCHORS [[PROBE, URI, ADDRESS]]``."""

from __future__ import annotations

import json
import sys

from inspector_dns.delegation import delegation
from inspector_dns.exposure import name_server_exposure
from inspector_dns.mail_hosts import mail_hosts
from inspector_dns.probes import name_server, zone
from tests.plugins.inspector_dns.scanning import read, scan, subject

PROBES = {probe.name: probe for probe in (delegation, mail_hosts, name_server, name_server_exposure, zone)}
#: A name server that is silent stays so.
OPTIONS = {each.name: {"answer_seconds": 1} for each in (name_server, name_server_exposure)}


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
