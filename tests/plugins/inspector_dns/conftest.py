"""The estate of zones, served once for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.plugins.inspector_dns import estate
from tests.plugins.inspector_dns.named import Estate, free_port, relay, serve, silence


@dataclass(frozen=True)
class Served:
    """A running estate: ``port`` is the authoritative server's on 127.0.0.1, ``resolver`` a recursive server's."""

    estate: Estate
    folder: Path
    port: int
    resolver: int

    @property
    def anchors(self) -> tuple[str, ...]:
        """The root's trust anchors."""
        return self.estate.anchors()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """All zones on one named, found at several addresses; a lame one; a silent one; and a resolver before them."""
    folder = tmp_path_factory.mktemp("dns")
    built = estate.build(folder)
    port, lame, resolver = free_port(estate.ADDRESSES), free_port(), free_port()
    options = f"recursion yes; forwarders {{ 127.0.0.1 port {port}; }}; forward only;"
    with (
        serve(folder / "authoritative", built.zones, port),
        serve(folder / "lame", {}, lame),
        serve(folder / "resolver", {}, resolver, options),
        relay(estate.GOOD[1], port, port),
        relay(estate.LAME, port, lame),
        silence(estate.SILENT, port),
    ):
        yield Served(built, folder, port, resolver)
