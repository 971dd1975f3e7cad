"""The kit for plugin authors."""

from __future__ import annotations

from typing import ClassVar

import pytest

from inspector import (
    Answer,
    Cause,
    Model,
    Network,
    Observation,
    ParseContext,
    Raw,
    ScanOutput,
    Scheme,
    SubjectKind,
    Target,
    probe,
)
from inspector.model.errors import ScanFailure, UsageError
from inspector.testing import run_probe, unseen_variants


class Inner(Model):
    """A model with an answer."""

    fact: Answer[str | None]


class Outer(Observation):
    """Answers in every kind of place."""

    kind: ClassVar[str] = "outer/1"

    plain: int = 1
    one: Answer[bool]
    several: tuple[Inner, ...]
    named: dict[str, Inner]
    nested: Answer[Inner]


def test_each_seen_answer_is_unseen_once() -> None:
    """Every answer that was seen gives one variant, wherever it stands, and nothing else changes."""
    inner = Inner(fact=Answer(seen=None))
    unseen = Inner(fact=Answer(unseen=Cause.RESET))
    outer = Outer(one=Answer(seen=True), several=(inner, unseen), named={"a": inner}, nested=Answer[Inner](seen=inner))
    variants = list(unseen_variants(outer))
    late = Inner(fact=Answer(unseen=Cause.TIMEOUT))
    assert variants == [
        outer.model_copy(update={"one": Answer(unseen=Cause.TIMEOUT)}),
        outer.model_copy(update={"several": (late, unseen)}),
        outer.model_copy(update={"named": {"a": late}}),
        outer.model_copy(update={"nested": Answer[Inner](unseen=Cause.TIMEOUT)}),
        outer.model_copy(update={"nested": Answer[Inner](seen=late)}),
    ]


class Banner(Observation):
    """What a server says first."""

    kind: ClassVar[str] = "test-banner/1"

    text: str


def _read(output: ScanOutput, context: ParseContext) -> Banner:
    return Banner(text=(output.named("banner") or b"").decode())


@probe("test-banner", kind=Banner, schemes={Scheme("tcp")}, subject_kind=SubjectKind.ADDRESS, parse=_read)
async def banner(target: Target, network: Network, *, limit: int = 10) -> ScanOutput:
    """Take what a server says first."""
    stream = await network.connect()
    return ScanOutput(raw=(Raw(name="banner", data=await stream.read(limit)),))


def test_a_scan_through_the_real_door() -> None:
    """A probe scans a real server, its options count, and the ledger has its connection."""
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _peer = listener.accept()
            with connection:
                connection.sendall(b"hello, world")

        server = threading.Thread(target=serve)
        server.start()
        port = listener.getsockname()[1]
        scan = run_probe(banner, f"tcp://www.example.vn:{port}", limit=5)
        server.join()
    assert scan.seen(Banner).text == "hello"
    assert [(each.address, each.port) for each in scan.ledger] == [("127.0.0.1", port)]
    with pytest.raises(ScanFailure) as failure:
        run_probe(banner, f"tcp://www.example.vn:{port}").seen(Banner)
    assert failure.value.cause is Cause.REFUSED


def test_only_this_machine_is_looked_at() -> None:
    """The kit refuses an address that is not a loopback one."""
    with pytest.raises(UsageError, match=r"192\.0\.2\.1"):
        run_probe(banner, "tcp://www.example.vn:80", address="192.0.2.1")
