"""A host that is declared and whose ports nobody asks about."""

from __future__ import annotations

import pytest

from tests.line.harness import Line, free_port, system

SWEPT = ("ports-only-declared", "no-database-reachable", "no-cleartext-administration", "no-file-sharing-reachable")


@pytest.mark.parametrize("name", ["127.0.0.1", "127.0.0.2"])
def test_a_declared_host_that_no_endpoint_sweeps_is_not_selected(name: str, line: Line) -> None:
    """Its ports were not asked about: inconclusive for every check that needs them, never not applicable."""
    hosts = [{"name": "127.0.0.1", "ports": [443]}, {"name": "127.0.0.2"}]
    other = f"tcp://127.0.0.1:{free_port()}"
    document = line.declare(system(other, hosts=hosts), name="hosts.yaml")
    only = [word for check in SWEPT for word in ("--only", check)]
    result = line.call("run", document, *only)
    for check in SWEPT:
        found = result.finding(check, f"host:{name}")
        assert (found["outcome"], found["cause"]) == ("inconclusive", "not-selected")
    assert result.code == 3


def test_a_swept_host_says_nothing_for_another(line: Line) -> None:
    """Of two declared hosts the one that is swept is judged, and the other is not selected."""
    hosts = [{"name": "127.0.0.1"}, {"name": "127.0.0.2"}]
    document = line.declare(
        system("host:127.0.0.2", hosts=hosts), name="one.yaml", covers={"ports": ["9-19"], "blocks": ["127.0.0.0/8"]}
    )
    result = line.call("run", document, "--only", "ports-only-declared")
    assert result.finding("ports-only-declared", "host:127.0.0.2")["cause"] != "not-selected"
    other = result.finding("ports-only-declared", "host:127.0.0.1")
    assert (other["outcome"], other["cause"]) == ("inconclusive", "not-selected")
