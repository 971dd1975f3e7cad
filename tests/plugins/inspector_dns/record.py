"""Record the observations in ``recorded/`` from running servers: ``python -m tests.plugins.inspector_dns.record``.

Files whose names begin with ``handmade-`` are not written here: nobody's server said what stands in them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from inspector_dns.probes import name_server, names, zone
from tests.plugins.inspector_dns import zones as estate
from tests.plugins.inspector_dns.cases import write
from tests.plugins.inspector_dns.scanning import read, scan, subject
from tests.plugins.inspector_dns.zones import Served, serving

HERE = Path(__file__).parent

HOSTS = {
    "good": "www.good.test",
    "plain": "www.plain.test",
    "nothing": "www.plain.three",
    "servfail": "a.servfail.test",
}
ZONES = [
    "good.test",
    "plain.test",
    "plain.opt",
    "plain.bare",
    "expired.test",
    "changed.test",
    "wrongds.test",
    "exotic.test",
    "servfail.test",
    "www.good.test",
    "lost.test",
    "single.test",
    "twins.test",
]
SERVERS = {"good": estate.GOOD[0], "lame": estate.LAME, "closed": estate.CLOSED, "silent": estate.SILENT}


def record(served: Served) -> None:
    """Look at everything that a case is about."""
    for case, host in HOSTS.items():
        about = subject(names, f"host:{host}")
        write(HERE, f"names-{case}", read(names, scan(names, about, served.resolver), about))
    for name in ZONES:
        about = subject(zone, f"dns:{name}")
        write(HERE, f"zone-{name}", read(zone, scan(zone, about, served.resolver), about, served.anchors))
    about = subject(zone, "dns:test")
    wrong = served.estate.anchors("good.three")[0].replace("good.three.", "test.")
    write(HERE, "zone-wrong-anchor", read(zone, scan(zone, about, served.resolver), about, (wrong,)))
    for case, address in SERVERS.items():
        about = subject(name_server, f"ns://ns.test:{served.port}/good.test", address)
        output = scan(name_server, about, served.port, answer_seconds=1)
        write(HERE, f"name-server-{case}", read(name_server, output, about))


if __name__ == "__main__":
    (HERE / "recorded").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as running:
        record(running)
