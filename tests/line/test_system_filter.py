"""Nothing about one system stands in another's bundle, and no secret of a server stands anywhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from inspector.model.finding import finding_id
from inspector.seal import RunIndex, State
from tests.line.harness import Line, RunResult, Servers, document, serving, system

COOKIE = "s3cr3t-session-0123456789abcdef"
TOKEN = "tok-fedcba9876543210"


def every_byte(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below a folder, compressed ones unpacked."""
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            yield path, data
            if path.suffix == ".zst":
                yield path, zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    secrets = {
        "Set-Cookie": f"sid={COOKIE}; Path=/",
        "X-Echo": f"you have {COOKIE}",
        "Location": f"/b?token={TOKEN}",
        "Authorization": f"Bearer {TOKEN}",
    }
    zone = {f"{name}.line.test": {"A": ["127.0.0.1"]} for name in ("alpha", "bravo")}
    with serving(
        {"name": "alpha", "mode": "page"},
        {"name": "bravo", "mode": "page", "status": "302 Found", "headers": secrets, "body": f"{COOKIE} {TOKEN}"},
        {"name": "names", "mode": "dns", "zone": zone},
    ) as servers:
        yield servers


@pytest.fixture(scope="module")
def result(line: Line, servers: Servers) -> RunResult:
    """One run over two systems, declared, authorised and spoken of together."""
    alpha = f"http://alpha.line.test:{servers.ports['alpha']}/"
    bravo = f"http://bravo.line.test:{servers.ports['bravo']}/"
    covers = {"names": ["alpha.line.test", "bravo.line.test"], "blocks": ["127.0.0.0/8"]}
    declaration = line.declare(
        system(alpha, id="alpha", name="Hệ thống Alpha"),
        system(bravo, id="bravo", name="Hệ thống Bravo"),
        covers=covers,
    )
    about_bravo = {"kind": "disputed", "system": "bravo", "author": "Người phụ trách Bravo"}
    statements = document(
        line.folder / "statements.yaml",
        {
            "statements": [
                {**about_bravo, "requirement": "content-type-nosniff", "subject": bravo, "reason": "bravo says no"},
                {**about_bravo, "finding": finding_id("framing-restricted", bravo), "reason": "bravo by finding"},
                {
                    "kind": "disputed",
                    "system": "alpha",
                    "author": "Người phụ trách Alpha",
                    "finding": finding_id("framing-restricted", alpha),
                    "reason": "alpha by finding",
                },
            ]
        },
    )
    return line.call(
        "run",
        declaration,
        *("--statements", statements, "--only", "http", "--format", "sarif,junit,codequality"),
        resolvers=[f"127.0.0.1:{servers.ports['names']}"],
    )


def test_each_system_has_its_own_bundle(result: RunResult) -> None:
    """Two systems, two bundles, and one index that names them both."""
    assert [bundle.inspection.system.id for bundle in result.bundles] == ["alpha", "bravo"]
    run = result.bundles[0].folder.parents[1]
    attempts = sorted(
        RunIndex(run.parent, run.name).attempts(), key=lambda each: each.system
    )  # they are inspected at once
    assert [(each.system, each.state) for each in attempts] == [("alpha", State.SEALED), ("bravo", State.SEALED)]


@pytest.mark.parametrize(("of", "other"), [("alpha", "bravo"), ("bravo", "alpha")])
def test_nothing_of_the_other_system_is_in_a_bundle(result: RunResult, of: str, other: str) -> None:
    """Neither documents nor evidence nor reports name the other system in any way."""
    [bundle] = [each for each in result.bundles if each.inspection.system.id == of]
    files = list(every_byte(bundle.folder.parent))
    assert sum(of.encode() in data for path, data in files if path.suffix == ".zst") == 2
    assert {path.suffix for path, _ in files} >= {".zst", ".html", ".json"}
    for path, data in files:
        assert other.encode() not in data.lower(), path


def test_what_concerns_the_system_stays(result: RunResult) -> None:
    """Its own name is still authorised in its bundle, and its own statement stands next to its finding."""
    [bundle] = [each for each in result.bundles if each.inspection.system.id == "alpha"]
    [granted] = bundle.inspection.authorisations
    assert granted.covers.names == ("alpha.line.test",)
    assert [each.reason for each in bundle.inspection.statements] == ["alpha by finding"]
    found = result.finding("framing-restricted", "http://alpha")
    assert [note["reason"] for note in found["statements"]] == ["alpha by finding"]


def test_secrets_stand_nowhere(result: RunResult, servers: Servers) -> None:
    """Session values and tokens of a server are in no file and on no terminal, though they were received."""
    assert servers.received()["bravo"]
    [bundle] = [each for each in result.bundles if each.inspection.system.id == "bravo"]
    pages = [evidence for _, evidence in bundle.evidence() if evidence.probe == "http"]
    kept = [raw.data for evidence in pages for raw in bundle.output_of(evidence).raw]
    assert kept
    assert all(f"sid=len={len(COOKIE)},sha256=".encode() in each for each in kept)
    for path, data in every_byte(result.output):
        assert COOKIE.encode() not in data, path
        assert TOKEN.encode() not in data, path
    assert COOKIE not in result.out + result.err
    assert TOKEN not in result.out + result.err
