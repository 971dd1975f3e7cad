"""One look at a server on loopback, through the real door."""

from __future__ import annotations

from inspector.testing import Look, run_probe
from inspector_tls.observations import Tls
from inspector_tls.probes import tls


def looked(
    port: int,
    *,
    host: str = "www.example.vn",
    address: str = "127.0.0.1",
    seconds: int = 2,
    declared: bytes = b"",
    public: bytes = b"",
) -> Look:
    """What one look at a server under this name came to."""
    where = f"[{host}]" if ":" in host else host
    return run_probe(
        tls,
        f"https://{where}:{port}/",
        address=address,
        declared_roots=declared,
        public_roots=public,
        answer_seconds=seconds,
    )


def look(
    port: int,
    *,
    host: str = "www.example.vn",
    address: str = "127.0.0.1",
    seconds: int = 2,
    declared: bytes = b"",
    public: bytes = b"",
) -> Tls:
    """What is seen of a server; raises the look's trouble."""
    there = looked(port, host=host, address=address, seconds=seconds, declared=declared, public=public)
    return there.seen(Tls)
