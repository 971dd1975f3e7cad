"""One look at a server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from inspector.declared import Declared
from inspector.model import now
from inspector.network.network import Network
from inspector.observation import Capture
from inspector.probing import Reading, Target
from inspector.subject import Aim, parse_uri, subject_of
from inspector_tls.observations import Tls
from inspector_tls.probes import HTTPS, read, tls


class _Worker(Network):
    """Carries a worker's function out in this process: these tests are about what it sees, not about where it runs."""

    def __init__(self) -> None:
        """Without a passage: nothing else is asked of it."""

    async def work(self, function: Callable[[bytes], bytes], payload: bytes, *, timeout: float) -> bytes:
        return function(payload)


def target(port: int, *, host: str = "www.example.vn", address: str = "127.0.0.1") -> Target:
    """The service at this port, under this name."""
    uri = parse_uri(f"https://[{host}]:{port}/" if ":" in host else f"https://{host}:{port}/", {"https": HTTPS})
    return Target(subject_of(uri, Aim.ADDRESS, address=address), Declared())


def capture(aim: Target, *, seconds: int = 2) -> Capture:
    """What one look brings back."""
    return asyncio.run(tls.look(aim, _Worker(), answer_seconds=seconds))


def look(
    port: int,
    *,
    host: str = "www.example.vn",
    address: str = "127.0.0.1",
    seconds: int = 2,
    declared: bytes = b"",
    public: bytes = b"",
    seen_at: datetime | None = None,
) -> Tls:
    """Look at a server and read what was seen."""
    aim = target(port, host=host, address=address)
    reading = Reading(aim.subject, seen_at or now(), declared_roots=declared, public_roots=public)
    return read(capture(aim, seconds=seconds), reading)
