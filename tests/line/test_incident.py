"""After an incident one command tells the terms of the law, inspects first in line, and tells what changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.line.harness import Line, RunResult, free_port, serving, system
from tests.line.test_campaigns import EN, campaign, declared, far, status
from tests.line.test_difference import BAD, GOOD

DETECTED = (datetime.now(UTC) - timedelta(hours=30)).replace(microsecond=0)


def incident(line: Line, declaration: Path, *arguments: object, output: Path, lang: tuple[str, ...] = EN) -> RunResult:
    return line.call("incident", declaration, *arguments, *lang, output=output)


def test_a_system_is_inspected_and_compared_with_its_last_inspection(line: Line) -> None:
    """With the terms by the regime's dates, their sources, and the note on who inspects; the same command goes on."""
    port, output = free_port(), line.new_output()
    file = line.declare(system(f"http://127.0.0.1:{port}/"), name="incident.yaml")
    known = ("--system", "portal", "--detected", DETECTED.isoformat())
    with serving({"name": "page", "mode": "page", "port": port, "headers": GOOD}):
        line.call("run", file, output=output)
    with serving({"name": "page", "mode": "page", "port": port, "headers": BAD}):
        waiting = incident(line, file, *known, "--no-run", output=output)
        told = incident(line, file, *known, output=output)
    again = incident(line, file, *known, output=output)
    assert waiting.code == 3, waiting.err
    assert "portal: waiting" in waiting.out
    assert "the same command again goes on with it" in waiting.err
    assert told.code in (0, 1), told.err
    for words in (
        "at once: Report at once of an incident",
        "past for 6 h: First notice of a serious incident (Decree 331/2026/NĐ-CP Art 31.2.d; confidence H)",
        "41 h left: Report on cause, extent and remedy of an incident",
        "to: Ministry of Public Security",
        "Note on Art 31.2.c: Self-assessment is independent of the operator",
        "This inspection from outside does not replace that assessment.",
        "Compared with the inspection of ",
        "discloses",
    ):
        assert words in told.out, told.out
    assert again.out.splitlines()[6:] == told.out.splitlines()[-len(again.out.splitlines()) + 6 :]
    vietnamese = incident(line, file, *known, output=output, lang=("--lang", "vi"))
    assert "Thông báo ban đầu về sự cố nghiêm trọng" in vietnamese.out
    assert "Lưu ý Điều 31.2.c: Tự đánh giá phải độc lập với đơn vị vận hành" in vietnamese.out


def test_the_first_inspection_has_nothing_to_be_compared_with(line: Line) -> None:
    """That is said, and everything is new: the exit code is that of an inspection."""
    output = line.new_output()
    with serving({"name": "page", "mode": "page", "headers": GOOD}) as servers:
        file = line.declare(system(f"http://127.0.0.1:{servers.ports['page']}/"), name="first.yaml")
        told = incident(line, file, "--system", "portal", "--detected", DETECTED.isoformat(), output=output)
        usual = line.call("run", file, *EN)
    assert "There is no earlier inspection of this system to compare with" in told.out
    assert (told.code, usual.code) == (1, 1), told.out


def test_it_comes_before_what_waits(line: Line) -> None:
    """The systems of a campaign that was started before are inspected after it."""
    output = line.new_output()
    with serving({"name": "page", "mode": "page", "headers": GOOD}) as servers:
        page = f"http://127.0.0.1:{servers.ports['page']}/"
        folder = declared(line, "waiting", *(system(page, id=f"s-{number}") for number in range(2)))
        waiting = campaign(line, "waiting", folder, far(), systems_at_once=1)
        line.call("campaign", "start", waiting, "--no-run", output=output, ceilings={"systems": 1})
        file = line.declare(system(page), name="hurry.yaml")
        arguments = ("incident", file, "--system", "portal", "--detected", DETECTED.isoformat(), *EN)
        told = line.call(*arguments, output=output, ceilings={"systems": 1})
    assert told.code == 1, told.err  # the page is in clear text
    begun = {
        key: unit["result"]["begun"]
        for known in ("waiting", next(each.name for each in output.iterdir() if each.name.startswith("incident-")))
        for key, unit in status(line, output, known.partition(".")[0])["units"].items()
    }
    assert len(begun) == 3
    assert min(begun, key=lambda key: begun[key]) == "T-1/portal"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--detected", "yesterday"), "--detected 'yesterday' is no instant with a time zone"),
        (("--detected", "2026-12-01T08:30"), "is no instant with a time zone"),
        (("--detected", "2999-01-01T00:00+07:00"), "is in the future"),
        (("--detected", DETECTED.isoformat(), "--system", "other"), "no system is selected"),
        (("--detected", DETECTED.isoformat(), "-a", "nowhere.yaml"), "nowhere.yaml does not exist"),
    ],
)
def test_what_cannot_be_is_refused(line: Line, arguments: tuple[str, ...], words: str) -> None:
    """With the exit code of misuse, before anything is begun."""
    file = line.declare(system("http://127.0.0.1:9/"), name="refused.yaml")
    output = line.new_output()
    refused = incident(line, file, "--system", "portal", *arguments, output=output)
    assert (refused.code, words in refused.err) == (2, True), refused.err
