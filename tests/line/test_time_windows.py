"""Nothing leaves but while it is permitted: hours, validity, and plans that need more time than was granted."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inspector.model.base import now
from inspector.seal import RunIndex, State
from tests.bundles import recorded
from tests.line.harness import Line, authorisation, document, serving, system, wait_until

HOUR = timedelta(hours=1)
FAR = (datetime.now(UTC) + timedelta(days=9)).isoformat()


def hours(until: datetime) -> dict[str, str]:
    """A daily window around now that closes at this instant."""
    zone = {"timezone": "UTC"}
    return {"start": f"{until - HOUR:%H:%M:%S}", "end": f"{until:%H:%M:%S}", **zone}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Lets two hours pass, for whoever asks what may be asked now, as soon as a condition holds."""

    def passing(condition: Callable[[], object]) -> None:
        def later() -> datetime:
            return now() + (2 * HOUR if condition() else timedelta())

        for position in (
            "inspector.network.gateway.now",
            "inspector.network.session.now",
            "inspector.pipeline.prepare.now",
        ):
            monkeypatch.setattr(position, later)

    return passing


def test_closed_window_ends_a_running_inspection_cleanly(
    line: Line, clock: Callable[[Callable[[], object]], None]
) -> None:
    """Running scans are cancelled, later ones do not begin; what was seen before stands, and the bundle is whole."""
    output = line.new_output()
    with serving(
        {"name": "page", "mode": "page", "headers": {"Server": "cake/1.2"}},
        {"name": "held", "mode": "held", "until": str(line.folder / "never")},
    ) as servers:
        page, held = (f"http://127.0.0.1:{servers.ports[name]}/" for name in ("page", "held"))

        def one_was_seen_and_one_is_waited_for() -> bool:
            return bool(recorded(output)) and bool(servers.received()["held"])

        clock(one_was_seen_and_one_is_waited_for)
        closes = datetime.now(UTC) + HOUR
        declaration = line.declare(system(page, held), name="window.yaml", windows=[hours(closes)], valid_until=FAR)
        result = line.call("run", declaration, "--only", "no-version-disclosed", "--fail-on", "info", output=output)
        received = servers.received()
    assert result.code == 1
    found = result.finding("no-version-disclosed", page)
    assert (found["outcome"], found["confirmed"]) == ("fail", False)
    assert result.verdict("no-version-disclosed", held) == ("inconclusive", "outside-window")
    assert {name: len(each) for name, each in received.items()} == {"page": 1, "held": 1}
    assert result.bundle.sealed.predicate.reason == "complete"
    again = result.scan("http", page, scan=2)
    assert again.failure is not None
    assert again.failure.cause == "outside-window"


def test_interrupted_inspection_is_not_resumed_after_its_time(
    line: Line, clock: Callable[[Callable[[], object]], None]
) -> None:
    """Resuming needs a permission that still holds; closing needs none."""
    output, closes = line.new_output(), datetime.now(UTC) + HOUR
    with serving({"name": "held", "mode": "held", "until": str(line.folder / "late")}) as servers:
        endpoint = f"http://127.0.0.1:{servers.ports['held']}/"
        declaration = line.declare(system(endpoint), name="late.yaml", windows=[hours(closes)], valid_until=FAR)
        process = line.start("run", declaration, "--only", "no-version-disclosed", output=output)
        wait_until(lambda: servers.received()["held"], process)
        process.kill()
        process.communicate()
        [folder] = [path.parent for path in output.glob("*/*/*/capture")]
        clock(lambda: True)
        refused = line.call("run", "--resume", folder, output=output)
        assert len(servers.received()["held"]) == 1
    assert refused.code == 2
    assert "the authorised hours are over" in refused.err
    assert "resume it from " in refused.err
    assert line.call("seal", folder, "--fail-on", "info", output=output).code == 3


def test_plan_that_does_not_fit_is_refused_with_the_arithmetic(line: Line) -> None:
    """Before anything is asked, the words say how many questions at which rate take how long, and what is granted."""
    result = line.call(
        "run",
        line.declare(
            system("host:127.0.0.1"),
            name="short.yaml",
            valid_until=(datetime.now(UTC) + timedelta(seconds=60)).isoformat(),
            rates={"connections_per_second": 1, "burst": 1, "at_once": 1, "port_questions_per_second": 1},
        ),
        *("--only", "ports"),
    )
    assert result.code == 2
    assert re.search(r"\d+ port questions at 1/s = \d+ s; \d+ s needed, \d+ s granted", result.err)
    assert "ask for a longer window or a higher rate" in result.err
    [run] = [each for each in result.output.iterdir() if each.name not in ("chains", "shared")]
    [attempt] = RunIndex(result.output, run.name).attempts()
    assert (attempt.state, attempt.folder) == (State.FAILED, None)
    assert "does not fit the authorised time" in attempt.detail


@pytest.mark.parametrize(
    ("validity", "words"),
    [
        ((-3 * HOUR, -HOUR), "authorisation 'a-1' expired at"),
        ((HOUR, 3 * HOUR), "authorisation 'a-1' is not valid before"),
    ],
)
def test_authorisation_that_does_not_hold_now(line: Line, validity: tuple[timedelta, timedelta], words: str) -> None:
    """Expired or not valid yet: a usage error with the location of the authorisation."""
    at = datetime.now(UTC)
    begins, ends = ((at + each).isoformat() for each in validity)
    inside = line.declare(system("http://127.0.0.1:9/"), name="invalid.yaml", valid_from=begins, valid_until=ends)
    apart, flags = located(line, valid_from=begins, valid_until=ends)
    for declaration, position, *more in ((inside, f"{inside}:"), (apart, f"{flags[1]}:1:1: ", *flags)):
        result = line.call("run", declaration, *more, "--only", "http")
        assert result.code == 2
        (message,) = result.err.splitlines()
        assert re.match(rf"inspector: {re.escape(position)}(\d+:\d+: )?authorisation '[^']*' ", message)
        assert words in message
        assert result.bundles == []


@pytest.mark.parametrize(
    ("approval", "words"),
    [
        ({"date": "9999-12-31"}, "the approval is dated 9999-12-31, which is in the future; correct the date"),
        (
            {"regime": "vn-nd331-2062"},
            "the approval names regime 'vn-nd331-2062', which is not installed; write one of",
        ),
    ],
)
def test_an_approval_that_cannot_be_is_located(line: Line, approval: dict[str, str], words: str) -> None:
    """A slip of the pen in what chooses the regime is a usage error, and never silently another regime."""
    given = {"status": "approved", "decision": "1/QĐ", "date": "2025-03-14", **approval}
    declaration = line.declare(system("http://127.0.0.1:9/", approval=given), name="approval.yaml")
    result = line.call("plan", declaration)
    assert result.code == 2
    assert re.match(rf"inspector: {re.escape(str(declaration))}:\d+:\d+: {re.escape(words)}", result.err)


def located(line: Line, **changes: Any) -> tuple[Path, list[str]]:
    """A declaration of two endpoints on two addresses, and the flags that name an authorisation with these changes."""
    declaration = {
        "organisation": {"code": "T-1", "name": "Cơ quan thử nghiệm"},
        "systems": [system("http://127.0.0.1:9/", "http://127.0.0.2/")],
    }
    paths = (
        document(line.folder / "declaration-b.yaml", declaration),
        document(line.folder / "authorisation-b.yaml", authorisation(**changes)),
    )
    return paths[0], ["--authorisation", str(paths[1])]


def test_uncovered_endpoint_is_located(line: Line) -> None:
    """The line of the endpoint in the declaration, what is wrong, and what to do."""
    declaration, flags = located(line, covers={"blocks": ["127.0.0.1"]})
    number = declaration.read_text().splitlines().index('        "http://127.0.0.2/"') + 1
    result = line.call("run", declaration, *flags, "--only", "http")
    assert result.code == 2
    assert f"{declaration}:{number}:9: no authorisation covers endpoint http://127.0.0.2/" in result.err
    assert "'inspector plan' shows what is covered" in result.err
    assert result.err.count("no authorisation covers endpoint") == 1


def test_a_plan_says_what_a_run_would_refuse(line: Line) -> None:
    """Whoever plans learns it before the day comes; a plan that is permitted says nothing of the kind."""
    declaration, flags = located(line, covers={"blocks": ["127.0.0.1"]})
    result = line.call("plan", declaration, *flags, "--only", "http", "--lang", "en")
    assert result.code == 2
    assert "'inspector run' would refuse this plan:\n" in result.err
    assert "no authorisation covers endpoint http://127.0.0.2/ of system 'portal' now" in result.err
    declaration, flags = located(line, covers={"blocks": ["127.0.0.0/8"]})
    assert "refuse" not in line.call("plan", declaration, *flags, "--only", "http", "--lang", "en").err


def test_closed_hours_are_located(line: Line) -> None:
    """Outside the authorised hours nothing begins."""
    closed = datetime.now(UTC) - HOUR
    declaration, flags = located(line, windows=[hours(closed)])
    result = line.call("run", declaration, *flags, "--only", "http")
    assert result.code == 2
    assert "is outside its hours" in result.err
    assert result.bundles == []
