"""Records what the probes see at running servers: ``python -m tests.plugins.inspector_services.record``.

Needs root (for ports below 1024), nmap, redis-server and sshd. Rewrites ``recorded/*.json``.
"""

import json
from contextlib import ExitStack
from pathlib import Path

from inspector_services.observations import OpenPorts
from inspector_services.probes import banners, ports
from tests.plugins.inspector_services.scanning import host, read, scan
from tests.plugins.inspector_services.servers import own_address, redis, speaking, sshd

FOLDER = Path(__file__).with_name("recorded")

#: By name: declared ports, habits of the speakers, and the ports of a real Redis and a real sshd.
SCENES: dict[str, tuple[tuple[int, ...], dict[int, str], int | None, int | None]] = {
    "orderly": ((2222, 8443), {8443: "silent"}, None, 2222),
    "behind-a-firewall": ((2222, 8443), {8443: "silent", 5432: "deaf", 23: "deaf"}, None, 2222),
    "redirecting": ((443,), {80: "silent", 443: "silent"}, None, None),
    "exposed": (
        (8443, 9443),
        {21: "ftp", 23: "telnet", 873: "rsync", 2049: "silent", 3306: "mysql", 5900: "vnc", 8443: "silent"},
        6379,
        2222,
    ),
    "doubtful": ((8443, 9443), {21: "ftps", 8443: "silent", 9200: "silent", 9443: "deaf", 24007: "silent"}, None, None),
    "disguised": ((443, 5432), {23: "ssh", 443: "silent", 445: "smtp", 5432: "ssh"}, None, None),
    "nothing": ((443,), {}, None, None),
}


def record(name: str) -> None:
    """Record one scene."""
    declared, habits, redis_port, sshd_port = SCENES[name]
    address = own_address()
    target = host(address, *declared)
    with ExitStack() as stack:
        stack.enter_context(speaking(address, habits))
        if redis_port:
            stack.enter_context(redis(address, redis_port))
        if sshd_port:
            stack.enter_context(sshd(address, sshd_port))
        seen: OpenPorts = read(ports, scan(ports, target), target)
        heard = read(banners, scan(banners, target, seen), target)
    scene = {"declared": declared, "ports": seen.model_dump(mode="json"), "banners": heard.model_dump(mode="json")}
    lines = ",\n".join(f'"{key}": {json.dumps(value, ensure_ascii=False)}' for key, value in scene.items())
    (FOLDER / f"{name}.json").write_text("{\n" + lines + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for scene in SCENES:
        record(scene)
