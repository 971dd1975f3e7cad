"""An estate of a nation in the store: every number equals one that was counted from the recordings alone."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from benchmarks.nation import Nation, differences, pairs_of
from inspector.registry.registry import installed
from inspector.seal.signing import SigningKey
from inspector.store import queries
from inspector.store.database import Location, location_of, opened
from inspector.store.ingest import ingest, rebuild
from tests.line.harness import Line, free_port, serving, system
from tests.line.test_difference import BAD, GOOD, ONLY
from tests.postgresql import PostgreSQL


@pytest.fixture(scope="module")
def recordings(line: Line, certificate: dict[str, str]) -> tuple[Path, Path]:
    """The archives of two inspections of one page, before and after it was mended."""
    port = free_port()
    declared = line.declare(system(f"https://127.0.0.1:{port}/"))
    first, mended = line.new_output(), line.new_output()
    for headers, output in ((BAD, first), (GOOD, mended)):
        with serving({"name": "page", "mode": "page", "port": port, "headers": headers, **certificate}):
            line.call("run", declared, *ONLY, output=output)
    return first, mended


@pytest.mark.parametrize(("database", "bundles"), [("sqlite", 500), ("postgresql", 60)])
def test_every_number_is_the_one_that_was_counted(
    line: Line,
    recordings: tuple[Path, Path],
    tmp_path: Path,
    request: pytest.FixtureRequest,
    database: str,
    bundles: int,
) -> None:
    """Sums by organisation, group and level, what was never inspected, what no list has, and what was fixed.

    The lists come after the inspections: histories that turn out to be one are joined.
    """
    archive, key = line.new_output(), SigningKey.load_or_create(line.folder / "key.pem")
    nation = Nation(bundles, pairs_of(*recordings))
    nation.seal(archive, key)
    place: Location = tmp_path / "store.sqlite3"
    if database == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql")
        place = location_of(server.create())

    def call(*arguments: str) -> None:
        assert line.call(*arguments, output=archive).code == 0

    with opened(place, create=True) as engine:
        take = partial(ingest, engine, archive, installed(), {key.keyid}, lambda _number: None)
        made = take()
        assert (made.counted, made.not_counted.total()) == (bundles, 0)
        assert len(queries.page(engine, size=bundles)) > nation.inspected  # those under two keys
        nation.import_lists(tmp_path, call)
        assert take().counted == 0
        assert differences(engine, nation) == []
        if database == "postgresql":
            lists = {what: queries.export(engine, what, "csv") for what in queries.LISTS}
            rebuild(engine, archive, installed(), {key.keyid}, lambda _number: None)
            assert {what: queries.export(engine, what, "csv") for what in queries.LISTS} == lists
    assert nation.expected_fixed() > 0
