"""The plan of many systems: the totals first, then one line for each, and no system stops another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import estate
from inspector.cli.app import call
from inspector.cli.plan import code_of_all
from inspector.plan.totals import PlanTotals
from inspector.record.plan import CostBounds, Plan, ScanTask, Selection
from tests.core.systems import SubjectKind, authorisation


def plan_of(number: int, folder: Path, *options: str) -> int:
    """The exit code of the plan of an estate."""
    estate.write(number, folder)
    documents = [str(folder / "declaration.jsonl"), "--authorisation", str(folder / "authorisation.yaml")]
    return call(["plan", *documents, *options, "--lang", "en"])


def test_totals_come_first_and_then_a_line_for_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Then when each authorised window is filled. Of more than ten systems nothing else is printed."""
    assert plan_of(12, tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("12 systems at 30 addresses: at most ")
    assert lines[1].startswith("At the authorised rates the busiest address, 127.0.")
    assert re.fullmatch(r"From \S+ \S+ to \S+ \S+: 12 systems, which take 0 h \d+ min at the .*", lines[2])
    assert [line.partition(":")[0] for line in lines[3:-1]] == [f"he-thong-{each:05}" for each in range(12)]
    assert all("; in the window from " in line for line in lines[3:-1])
    assert lines[-1] == "'inspector plan … --system ID' prints the plan of a system in full"


def test_a_few_plans_are_printed_in_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Below the totals of several; a single one needs none."""
    assert plan_of(12, tmp_path, "--system", "he-thong-00003", "--system", "he-thong-00004") == 0
    out = capsys.readouterr().out
    assert out.startswith("2 systems at 4 addresses: ")
    assert out.count("Planned scans") == 2
    assert plan_of(1, tmp_path) == 0
    assert capsys.readouterr().out.startswith("he-thong-00000 – ")


def test_a_system_that_cannot_be_planned_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each error is printed, and the command fails."""
    assert plan_of(3, tmp_path, "--as-of", "1990-01-01") == 2
    shown = capsys.readouterr().err
    assert [f"system 'he-thong-{each:05}': no regime is in force" in shown for each in range(3)] == [True] * 3


@pytest.mark.parametrize(("codes", "code"), [([2, 2], 2), ([2, 0], 3), ([3, 2], 3), ([0, 3], 3), ([0, 0], 0), ([2], 2)])
def test_the_code_is_that_of_the_run(codes: list[int], code: int) -> None:
    """A system that is refused beside others is not seen; only where all are refused nothing can be inspected."""
    assert code_of_all(codes) == code


def test_systems_that_share_an_address_share_its_rate() -> None:
    """The busiest address takes what all systems ask there; the sums are of all."""
    given = authorisation()
    totals = PlanTotals()
    for address in ("127.0.0.1", "127.0.0.2", "127.0.0.1"):
        subject = {"kind": SubjectKind.ADDRESS, "uri": f"sensor://{address}", "scheme": "sensor", "address": address}
        bounds = CostBounds(connections=10, port_questions=0, seconds=5)
        task = ScanTask.model_validate({"probe": "p", "subject": subject, "authorisation": given.id, "bounds": bounds})
        plan = Plan(pins=(), tasks=(task,), limits=(), bounds=bounds, selection=Selection())
        totals.add(plan, [given])
    assert (totals.systems, totals.addresses, totals.connections, totals.seconds) == (3, 2, 30, 15)
    assert totals.busiest == ("127.0.0.1", 20)
