"""A re-inspection asks only what failed before, says that the rest was not selected, and leaves its history alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from inspector.cli.diff import print_difference
from inspector.seal import Bundle
from tests.line.harness import Line, RunResult, free_port, serving, system
from tests.line.test_campaigns import EN, campaign, declared, status
from tests.line.test_difference import BAD, GOOD, ONLY
from tests.line.test_store import everything, exported, rebuilt

#: What makes a mandatory requirement fail, without a packet: the facts call for level 4.
FACTS = dict.fromkeys(("state_body", "shared_infrastructure", "nationwide", "always_on"), True)


class Round(NamedTuple):
    """A whole inspection, a re-inspection after one page was mended and a header of the other was spoilt, and both."""

    output: Path
    whole: RunResult
    again: RunResult
    bad: str
    good: str
    asked: dict[str, list[str]]
    states: list[list[dict[str, Any]]]


def ingested(line: Line, output: Path) -> list[dict[str, Any]]:
    assert line.call("store", "ingest", output=output).code == 0
    return exported(line, "findings", output / "store.sqlite3")


@pytest.fixture(scope="module")
def rounds(line: Line) -> Round:
    ports = (free_port(), free_port())
    bad, good = (f"http://127.0.0.1:{port}/" for port in ports)
    output, file = line.new_output(), line.declare(system(bad, good, facts=FACTS), name="again.yaml")

    def pages(*headers: dict[str, str]) -> list[dict[str, Any]]:
        return [
            {"name": str(port), "mode": "page", "port": port, "headers": each}
            for port, each in zip(ports, headers, strict=True)
        ]

    first = {name: value for name, value in GOOD.items() if name != "Set-Cookie"} | {"X-Frame-Options": "DENY"}
    with serving(*pages(BAD, first)):
        whole = line.call("run", file, *ONLY, output=output)
    states = [ingested(line, output)]
    with serving(*pages({**GOOD, "X-Powered-By": "PHP/5.4.16"}, BAD)) as servers:
        again = line.call("run", file, "--failed-in", whole.bundle.folder, "--lang", "en", output=output)
        asked = servers.received()
    states.append(ingested(line, output))
    return Round(output, whole, again, bad, good, asked, states)


def by_key(rows: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["requirement"], each["subject"]): each for each in rows}


def newest(line: Line, rounds: Round) -> Bundle:
    before = rounds.whole.bundle.folder
    (folder,) = {each.parent for each in rounds.output.glob("*/portal/*/capture")} - {before}
    return Bundle.open(folder)


def test_only_failures_are_asked_about(line: Line, rounds: Round) -> None:
    """Every finding is one that failed before, with fewer connections; the summary and the page say so."""
    failed = {(each["requirement"], each["subject"]) for each in rounds.whole.findings if each["outcome"] == "fail"}
    bundle = newest(line, rounds)
    found = bundle.assessments()[-1].assessment
    assert {(each.requirement, each.subject) for each in found.findings} == failed
    assert bundle.inspection.plan.bounds.connections < rounds.whole.bundle.inspection.plan.bounds.connections
    assert set(found.coverage.not_selected) == {each.id for each in found.requirements} - {
        name for name, _ in failed
    } - {*found.coverage.not_observable}
    assert f"Only {len(failed)} earlier failures were asked about; everything else was not selected" in rounds.again.out


def test_the_rest_is_as_it_was(rounds: Round) -> None:
    """What passed before and was spoilt is not told, what failed and was mended is fixed; nothing else changes."""
    before, after = map(by_key, rounds.states)
    changed = {key for key, row in after.items() if before.get(key, {}).get("state") != row["state"]}
    assert ("content-type-nosniff", rounds.bad) in changed
    assert after["content-type-nosniff", rounds.bad]["state"] == "fixed"
    assert after["no-version-disclosed", rounds.bad]["state"] == "still"
    assert {after[key]["state"] for key in changed} <= {"fixed", "still"}
    assert "not-seen-again" not in {row["state"] for row in after.values()}
    assert ("content-type-nosniff", rounds.good) not in after


def test_a_rebuilt_store_is_equal(line: Line, rounds: Round, tmp_path: Path) -> None:
    """With a re-inspection in it; its row says that it is partial."""
    store = tmp_path / "store.sqlite3"
    assert rebuilt(line, rounds.output, store).code == 0
    assert everything(line, store) == everything(line, rounds.output / "store.sqlite3")
    assert [each["is_partial"] for each in exported(line, "inspections", store)] == [True, True]


def test_diff_says_what_was_not_selected(line: Line, rounds: Round, capsys: pytest.CaptureFixture[str]) -> None:
    """Against a whole inspection nothing is lost: the exit code counts only what was asked about."""
    folder = newest(line, rounds).folder
    print_difference(rounds.whole.bundle.folder, folder, "must", "", Path())
    assert "passed before and not seen now" not in capsys.readouterr().out


def test_nothing_failed_is_told(line: Line, rounds: Round, tmp_path: Path) -> None:
    """An inspection of nothing would resemble a clean result."""
    (tmp_path / "findings.json").write_text("[]")
    file = line.declare(system(rounds.bad), name="none.yaml")
    refused = line.call("plan", file, "--failed-in", tmp_path / "findings.json", *EN)
    assert (refused.code, "no chosen system failed there" in refused.err) == (2, True)
    missing = line.call("plan", file, "--failed-in", tmp_path / "nowhere", *EN)
    assert (missing.code, "no findings can be read" in missing.err) == (2, True)


def test_a_campaign_of_re_inspection_asks_what_failed_in_another(line: Line) -> None:
    """Its plan shows fewer connections; a server without a failure gets no request."""
    output = line.new_output()
    with serving(
        {"name": "good", "mode": "page", "headers": GOOD}, {"name": "bad", "mode": "page", "headers": BAD}
    ) as servers:
        pages = [f"http://127.0.0.1:{servers.ports[name]}/" for name in ("good", "bad")]
        folder = declared(line, "rounds", system(*pages, facts=FACTS))
        asked = {"only": ["no-version-disclosed", "level-fits-facts"]}
        first = campaign(line, "round-1", folder, requirements=asked)
        again = campaign(
            line,
            "round-2",
            folder,
            kind="re-inspection",
            requirements={},
            selection={"declarations": [str(folder)], "failed_in": "round-1"},
        )
        before = json.loads(line.call("campaign", "plan", first, "--format", "json", output=output).out)[0]
        line.call("campaign", "start", first, output=output)
        counted = {name: len(each) for name, each in servers.received().items()}
        after = json.loads(line.call("campaign", "plan", again, "--format", "json", output=output).out)[0]
        planned = line.call("campaign", "plan", again, *EN, output=output)
        assert line.call("campaign", "start", again, *EN, output=output).code == 0
        now = {name: len(each) for name, each in servers.received().items()}
    assert (after["ready"], after["findings"]) == (True, 2)
    assert 0 < after["connections"] < before["connections"]
    assert f"ready; 2 earlier failures, at most {after['connections']} connections" in planned.out
    assert now["good"] == counted["good"]
    assert now["bad"] > counted["bad"]
    [unit] = status(line, output, "round-2")["units"].values()
    assert (unit["state"], unit["result"]["outcomes"]["fail"]) == ("sealed", 2)
    [unit] = status(line, output, "round-1")["units"].values()
    pack = output / unit["attempts"][0]["folder"] / "capture/pack.zst"
    pack.write_bytes(pack.read_bytes()[:-1])
    refused = line.call("campaign", "plan", again, "--format", "json", output=output)
    [altered] = json.loads(refused.out)
    assert (refused.code, altered["cause"]) == (2, "invalid")
    assert "capture" in altered["detail"]


def test_a_re_inspection_names_the_campaign_that_it_follows(line: Line) -> None:
    """Without it the document is refused with its place."""
    file = campaign(line, "nothing", declared(line, "nothing", system("http://127.0.0.1:9/")), kind="re-inspection")
    refused = line.call("campaign", "plan", file, *EN)
    assert refused.code == 2
    assert f"{file}:" in refused.err
    assert "a re-inspection has no earlier campaign whose failures it asks about" in refused.err
