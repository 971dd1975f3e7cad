"""What a run was asked for comes back as it was recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import zstandard

from inspector.declare.authorisation import Authorisation, AuthorisationKind, Covers
from inspector.declare.declaration import System
from inspector.fleet.requests import RunRequests
from inspector.model.errors import BundleError
from inspector.pipeline.request import InspectionRequest, RegimeRef
from inspector.seal import RunIndex
from inspector.seal.layout import REQUESTS

AT = datetime(2026, 12, 14, 22, tzinfo=UTC)


def granted(*blocks: str) -> Authorisation:
    return Authorisation(
        id="a-1",
        kind=AuthorisationKind.OWN_ESTATE,
        granted_by="Chủ quản",
        covers=Covers(names=("*.line.test",), blocks=blocks),
        valid_from=AT,
        valid_until=AT + timedelta(days=1),
    )


def recorded(folder: Path, *given: tuple[Authorisation, ...]) -> tuple[list[InspectionRequest], RunRequests]:
    """Requests under these authorisations, and what was recorded of them."""
    requests = [
        InspectionRequest(
            run="run-1",
            system=System(id=f"s-{number}", name="s", owner="o", level=3),
            authorisations=authorisations,
            regime=RegimeRef(id="r", version="1", sha256="0" * 64),
            as_of=AT,
        )
        for number, authorisations in enumerate(given)
    ]
    systems = [each.system.id for each in requests]
    index = RunIndex(folder, "run-1")
    return requests, RunRequests.record(index, requests, refused={}, systems=systems, is_decided=False)


def test_no_authorisation_gets_the_blocks_of_another_one(tmp_path: Path) -> None:
    """Those of one id keep their own blocks, be it none, in one request or in several."""
    wide, narrow, bare = granted("10.0.0.0/8", "127.0.0.0/8"), granted("10.1.0.0/16"), granted()
    requests, found = recorded(tmp_path, (wide, bare), (narrow,), (bare,), (bare, narrow), ())
    assert list(found) == requests
    assert list(RunRequests(found.folder)) == requests


def test_blocks_that_are_missing_are_named(tmp_path: Path) -> None:
    """A line whose blocks the head does not have is no request without blocks, nor is one with fewer of them."""
    _, found = recorded(tmp_path, (granted("10.0.0.0/8"),))
    file = found.folder / REQUESTS
    head, line, _ = zstandard.ZstdDecompressor().stream_reader(file.read_bytes()).read().split(b"\n")
    [known] = found.head.blocks
    for altered in (line.replace(known.encode(), b"0" * 64), line.replace(f'["{known}"]'.encode(), b"[]")):
        assert altered != line
        file.write_bytes(zstandard.compress(head + b"\n" + altered + b"\n"))
        with pytest.raises(BundleError, match="line 2 does not say which address blocks its authorisations have"):
            list(RunRequests(found.folder))


def test_requests_of_another_format_are_refused(tmp_path: Path) -> None:
    """They are not read as if they were of this one."""
    _, found = recorded(tmp_path, (granted(),))
    file = found.folder / REQUESTS
    content = zstandard.ZstdDecompressor().stream_reader(file.read_bytes()).read()
    file.write_bytes(zstandard.compress(content.replace(b'"format":2', b'"format":1')))
    with pytest.raises(BundleError, match="it has format 1, not 2"):
        RunRequests(found.folder)
