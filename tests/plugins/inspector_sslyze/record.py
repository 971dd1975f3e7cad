"""Record vulnerable and sound servers: ``python -m tests.plugins.inspector_sslyze.record KIND/NAME``."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from inspector import Observation, Probe
from inspector.testing import record, run_probe
from inspector_sslyze.probes import tls_attacks, tls_sessions
from tests.plugins.inspector_sslyze.heartbeats import Habit, with_heartbeats
from tests.plugins.inspector_sslyze.test_probes import _mute_after_hello, own
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import issue, rsa_key

Server = AbstractContextManager[int]


def recorders(folder: Path) -> dict[str, Callable[[], Observation]]:
    """By name, what records an observation alone; ``folder`` holds certificate and key of the servers."""
    files = issue("www.example.vn", dns=["www.example.vn"], key=rsa_key(1024)).write(folder, "vulnerable")
    strong = issue("www.example.vn", dns=["www.example.vn"], key=rsa_key()).write(folder, "strong")
    common = f"ssl_certificate {strong[0]}; ssl_certificate_key {strong[1]}; ssl_protocols TLSv1.3;"
    flaws = ("early-ccs", "robot", "renegotiate")
    attacked: dict[str, Callable[[], Server]] = {
        "sound": lambda: servers.openssl(strong),
        "flawed": lambda: servers.answering(with_heartbeats(own(files, *flaws), Habit.BLEEDS)),
        "mute": lambda: servers.answering(_mute_after_hello(files)),
        "no-rsa": lambda: servers.openssl(strong, "-tls1_2", "-cipher", "ECDHE"),
        "only-tls-1-3": lambda: servers.openssl(strong, "-tls1_3"),
    }
    sessions: dict[str, Callable[[], Server]] = {
        "early-data-on": lambda: servers.nginx(folder, f"{common} ssl_early_data on;"),
        "early-data-off": lambda: servers.nginx(folder, f"{common} ssl_early_data off;"),
        "no-http": lambda: servers.openssl(strong, "-tls1_3", "-max_early_data", "1024"),
    }
    return {
        **{f"tls-attacks/{name}": partial(_observed, tls_attacks, server) for name, server in attacked.items()},
        **{f"tls-sessions/{name}": partial(_observed, tls_sessions, server) for name, server in sessions.items()},
    }


def _observed(probe: Probe, server: Callable[[], Server]) -> Observation:
    with server() as port:
        return run_probe(probe, f"https://www.example.vn:{port}/", answer_seconds=2).seen(probe.kind)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        record(Path(__file__).parent, recorders(Path(scratch)), sys.argv[1:])
