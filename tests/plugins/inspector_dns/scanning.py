"""Runs one DNS probe through the network gateway, with a resolver on loopback."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from inspector import Declared, Observation, ParseContext, Probe, ScanOutput, Scheme, Subject, Target, UriForm
from inspector.declare.authorisation import own_estate
from inspector.declare.declaration import System
from inspector.declare.settings import Settings
from inspector.model.base import now
from inspector.model.subject import HOST, Uri, parse_uri, subject_of
from inspector.network import Gateway, Ledger, Scope

SYSTEM = System(id="test", name="Test", owner="Tester", level=3)
#: Lists the addresses of the name servers, which are this machine's.
AUTHORISATION = own_estate([Uri(HOST, "localhost")], "Tester")


def subject(probe: Probe, uri: str, address: str | None = None) -> Subject:
    """The subject of the probe for this URI."""
    schemes = {scheme.name: scheme for scheme in probe.schemes} | {"host": Scheme("host", UriForm.NAME)}
    return subject_of(parse_uri(uri, schemes), probe.subject_kind, address=address)


def scan(probe: Probe, about: Subject, resolver: int, *, at: str = "127.0.0.1", **options: Any) -> ScanOutput:
    """The output of the probe, with the resolver at this port."""

    async def through_the_gateway() -> ScanOutput:
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(resolvers=(f"{at}:{resolver}",))
            scope = Scope([AUTHORISATION], SYSTEM, [])
            async with Gateway(
                settings, scope, Ledger(Path(folder) / "ledger.jsonl"), salt=b"salt", run="test"
            ) as gateway:
                target = Target(about, Declared())
                return await probe.scan(target, gateway.network(probe, target, None), **options)

    return asyncio.run(through_the_gateway())


def read(
    probe: Probe, output: ScanOutput, about: Subject, anchors: tuple[str, ...] = (), seen_at: datetime | None = None
) -> Any:
    """The observation in the output of a probe."""
    return probe.parse(output, ParseContext(about, seen_at or now(), dnssec_anchors=anchors))


def see(probe: Probe, uri: str, resolver: int, anchors: tuple[str, ...] = (), address: str | None = None) -> Any:
    """Scan once and parse."""
    about = subject(probe, uri, address)
    facts = read(probe, scan(probe, about, resolver), about, anchors)
    assert isinstance(facts, Observation)
    assert type(facts).parse(facts.canonical()) == facts
    return facts
