"""Campaigns against servers on loopback: what is promised of each event holds, and each system has one result."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inspector.cli.campaign import _Listener
from inspector.declare.authorisation import Rates
from inspector.model.base import now
from inspector.network.pacing import database_limiter
from inspector.network.postgresql import DatabaseSource
from inspector.seal import Bundle
from tests.bundles import names
from tests.line.harness import (
    Line,
    Servers,
    authorisation,
    document,
    serving,
    small_disk,
    system,
    wait_until,
)
from tests.line.test_many_systems import ONE_AT_ONCE, occupied
from tests.line.test_misbehaving_plugin import having

ONLY = {"only": ["no-version-disclosed"]}
EN = ("--lang", "en")


def declared(line: Line, name: str, *systems: Mapping[str, Any], code: str = "T-1") -> Path:
    """A declaration without an authorisation, in a folder of its own below ``name``."""
    folder = line.folder / name
    folder.mkdir(exist_ok=True)
    content = {"organisation": {"code": code, "name": "Cơ quan thử nghiệm"}, "systems": list(systems)}
    document(folder / f"{code}.yaml", content)
    return folder


def campaign(line: Line, name: str, folder: Path, *granted: Mapping[str, Any], **changes: Any) -> Path:
    """A campaign over the declarations in a folder."""
    permits = document(line.folder / f"{name}-authorisation.yaml", list(granted or [authorisation()]))
    content = {
        "id": name,
        "kind": "periodic",
        "basis": "Kế hoạch 1/KH",
        "selection": {"declarations": [str(folder)]},
        "authorisations": [str(permits)],
        "requirements": ONLY,
        **changes,
    }
    return document(line.folder / f"{name}.yaml", content)


def at(servers: Servers, *names: str, **changes: Any) -> list[dict[str, Any]]:
    """A system for each server, with its name."""
    return [system(f"http://127.0.0.1:{servers.ports[name]}/", id=name, **changes) for name in names]


def status(line: Line, output: Path, known: str) -> dict[str, Any]:
    """The state of a campaign, with its units by system."""
    result = line.call("campaign", "status", known, "--units", "--format", "json", output=output)
    [found] = json.loads(result.out)
    found["units"] = {each["system"]: each for each in found["units"]}
    return dict(found)


def states(line: Line, output: Path, known: str) -> dict[str, str]:
    """The state of each system of a campaign."""
    return {key: unit["state"] for key, unit in status(line, output, known)["units"].items()}


def counts(servers: Servers) -> dict[str, int]:
    return {name: len(each) for name, each in servers.received().items()}


#: Clocks that decide what may be sent.
CLOCKS = (
    "inspector.cli.campaign.now",
    "inspector.collect.collector.now",
    "inspector.engine.embedded.now",
    "inspector.network.gateway.now",
    "inspector.network.session.now",
    "inspector.pipeline.prepare.now",
)
HOUR = timedelta(hours=1)


def set_clock(monkeypatch: pytest.MonkeyPatch, ahead: Callable[[], timedelta]) -> None:
    """Set the clocks of this process ahead."""
    for position in CLOCKS:
        monkeypatch.setattr(position, lambda: now() + ahead())


def hours(until: datetime) -> dict[str, str]:
    """A daily window around now that closes at this instant."""
    return {"start": f"{until - HOUR:%H:%M:%S}", "end": f"{until:%H:%M:%S}", "timezone": "UTC"}


def far(**changes: Any) -> dict[str, Any]:
    """An authorisation for some days."""
    return authorisation(valid_until=(datetime.now(UTC) + timedelta(days=9)).isoformat(), **changes)


def test_a_campaign_inspects_each_system_once_and_its_record_has_all(line: Line) -> None:
    """Systems of two organisations with one id are apart; one without an authorisation is listed with its cause."""
    output = line.new_output()
    with serving(
        {"name": "good", "mode": "page"}, {"name": "leaky", "mode": "page", "headers": {"Server": "nginx/1.2.3"}}
    ) as servers:
        ports = [str(port) for port in servers.ports.values()]
        outside = system(f"http://127.0.0.1:{max(servers.ports.values()) + 1}/", id="outside")
        folder = declared(line, "two", *at(servers, "good"), outside, code="A")
        [leaky] = at(servers, "leaky")
        declared(line, "two", {**leaky, "id": "good"}, system(id="empty"), code="B")
        covers = {"blocks": ["127.0.0.0/8"], "ports": ports}
        file = campaign(line, "two", folder, authorisation(covers=covers))
        planned = line.call("campaign", "plan", file, *EN, output=output)
        assert not any(counts(servers).values())
        started = line.call("campaign", "start", file, *EN, output=output)
        again = line.call("campaign", "start", file, *EN, output=output)
        assert counts(servers) == {"good": 1, "leaky": 2}
    assert (planned.code, started.code, again.code) == (3, 3, 2)
    assert "2 of 4 systems are ready" in planned.out
    assert "B/empty: no endpoint to inspect" in planned.out
    assert "A/outside: no authorisation (http://127.0.0.1:" in planned.out
    assert "campaign 'two' was started before" in again.err
    found = status(line, output, "two")
    assert found["refused"] == 1
    assert {key: (each["state"], each["cause"]) for key, each in found["units"].items()} == {
        "A/outside": ("not-inspected", "no-authorisation"),
        "A/good": ("sealed", None),
        "B/empty": ("not-inspected", "no-endpoint"),
        "B/good": ("sealed", None),
    }
    assert [found["units"][key]["result"]["outcomes"]["fail"] for key in ("A/good", "B/good")] == [0, 1]
    closed = line.call("campaign", "close", "two", *EN, output=output)
    assert closed.code == 0, closed.err
    assert status(line, output, "two")["units"] == found["units"]
    manifest = output / "campaigns/two/manifest.dsse.json"
    was = manifest.read_bytes()
    assert line.call("campaign", "close", "two", output=output).code == 0
    assert manifest.read_bytes() == was
    (output / "campaigns/two/units.jsonl.zst").write_bytes(b"")
    altered = line.call("campaign", "status", "two", "--units", *EN, output=output)
    assert altered.code == 2
    assert "is not what was sealed" in altered.err


SLOWEST = {"connections_per_second": 1, "burst": 1, "at_once": 1, "port_questions_per_second": 1}
AGO, SOON = (f"{datetime.now(UTC) + hours * HOUR:%Y-%m-%dT%H:%M:%SZ}" for hours in (-2, 1))
MINUTE = [{"start": "03:00", "end": "03:01", "timezone": "UTC"}]
LATER = [
    {
        "start": f"{datetime.now(UTC) + 2 * HOUR:%H}:00",
        "end": f"{datetime.now(UTC) + 3 * HOUR:%H}:00",
        "timezone": "UTC",
    }
]


@pytest.mark.parametrize(
    ("cause", "words", "declares", "granted", "asks"),
    [
        ("authorisation-expired", "a-1", {}, {"valid_from": "2026-01-01T00:00:00Z", "valid_until": AGO}, {}),
        ("no-window", "", {}, {}, {"windows": LATER, "deadline": SOON}),
        (
            "too-long-for-window",
            "port questions at 1/s = ",
            {"endpoints": ["host:127.0.0.1"]},
            {"rates": SLOWEST, "valid_until": "2099-01-01T00:00:00Z", "windows": MINUTE},
            {"requirements": {"only": ["ports"]}},
        ),
        ("no-regime", "regime 'other' is not installed", {}, {}, {"requirements": {"regime": "other"}}),
        (
            "invalid",
            "the approval is dated 2099-01-01, which is in the future",
            {"approval": {"status": "approved", "date": "2099-01-01"}},
            {},
            {},
        ),
        ("no-authorisation", "", {"endpoints": ["http://127.0.0.1:9/"]}, {"covers": {"names": ["x.line.test"]}}, {}),
    ],
    ids=lambda each: each if isinstance(each, str) and "-" in each else None,
)
def test_a_system_that_is_not_ready_has_its_cause(
    line: Line, cause: str, words: str, declares: Mapping[str, Any], granted: Mapping[str, Any], asks: Mapping[str, Any]
) -> None:
    """With the arithmetic where it is about time; the exit code is 2 where no system is ready."""
    name = f"plan-{cause}"
    folder = declared(line, name, {**system("http://127.0.0.1:9/"), **declares})
    file = campaign(line, name, folder, authorisation(**granted), **asks)
    planned = line.call("campaign", "plan", file, "--format", "json")
    assert planned.code == 2, planned.err
    [found] = json.loads(planned.out)
    assert (found["cause"], found["ready"]) == (cause, False), found
    assert words in found["detail"]


def test_authorisations_of_one_id_are_refused(line: Line) -> None:
    """By ``run``, ``plan`` and ``campaign plan``, with where both are written: an id in a ledger names one document."""
    names = {"covers": {"names": ["*.line.test"]}}
    one, other = (document(line.folder / f"{name}-permit.yaml", authorisation(**names)) for name in ("one", "other"))
    document(other, authorisation())
    folder = declared(line, "permits", system("http://127.0.0.1:9/"))
    file = campaign(line, "permits", folder, authorisations=[str(one), str(other)])
    both = (folder / "T-1.yaml", "--authorisation", one, "--authorisation", other)
    for arguments in (("run", *both), ("plan", *both), ("campaign", "plan", file)):
        refused = line.call(*arguments, *EN)
        assert refused.code == 2
        assert f"{other}:1:1: authorisation 'a-1' is not the one of the same id in {one}:1:1" in refused.err
    for arguments in (("plan", *both[:3], "--authorisation", one), ("campaign", "plan", file)):
        shutil.copy(one, other)
        assert "is not the one of the same id" not in line.call(*arguments, *EN).err


def occupied_in(line: Line, address: str) -> AbstractContextManager[None]:
    """Within the body the one connection that the address may get is taken, where the line keeps its rates."""
    if "database" not in line.settings:
        return occupied(address)
    return occupied_in_database(Path(line.settings["database"]), address)


@contextmanager
def occupied_in_database(file: Path, address: str) -> Iterator[None]:
    """As by another machine, which is heard all the time."""
    rows = database_limiter._Rows(DatabaseSource.of(str(file)))

    def take(row: database_limiter._Row, now: float) -> int:
        row.meter.demand(Rates(**ONE_AT_ONCE), now)
        slot = row.take(now)
        row.meter.changed_at += HOUR.total_seconds()  # who waits does so as long as the test takes
        return slot

    rows.change({address: [take]})
    assert rows._session is not None
    rows._session.execute("UPDATE rate_holder SET heard = 'infinity' WHERE id = %s", [rows._own])
    rows._ended.set()
    try:
        yield
    finally:
        with rows._source.connect() as session:  # that of before may be lost
            session.execute("DELETE FROM rate_holder WHERE id = %s", [rows._own])
        rows.close()


@contextmanager
def in_flight(
    line: Line, name: str, *more: Mapping[str, Any], most_systems: int = 8, **changes: Any
) -> Iterator[tuple[Servers, subprocess.Popen[str], Path, Callable[[], None]]]:
    """A campaign in a process of its own: *fast* is finished, *slow* has recorded one scan and waits for the rate of
    another server, where no deadline runs. The process inspects ``most_systems`` at once.

    Gives the servers, the process, the output folder, and what lets *slow* go on.
    """
    output, address = line.new_output(), "127.0.0.81"
    orders = [
        {"name": "fast", "mode": "page"},
        {"name": "seen", "mode": "page"},
        {"name": "busy", "mode": "page", "address": address},
    ]
    with serving(*orders, *more) as servers, ExitStack() as held:
        held.enter_context(occupied_in(line, address))
        ports = servers.ports
        endpoints = f"http://127.0.0.1:{ports['seen']}/", f"http://{address}:{ports['busy']}/"
        folder = declared(line, name, *at(servers, "fast"), system(*endpoints, id="slow"))
        file = campaign(line, name, folder, authorisation(rates=ONE_AT_ONCE), **changes)
        process = line.start("campaign", "start", file, *EN, output=output, ceilings={"systems": most_systems})
        try:
            wait_until(lambda: list(output.glob("*/fast/*/assessments/*/manifest.dsse.json")), process)
            wait_until(lambda: len(_scans(output, "slow")) == 1, process)
            yield servers, process, output, held.close
        finally:
            process.kill()
            process.communicate()


def _scans(output: Path, known: str) -> list[str]:
    """The scans of a system that are recorded."""
    return [each for path in output.glob(f"*/{known}/*/capture") for each in names(path, "evidence")]


def _ends(process: subprocess.Popen[str]) -> tuple[int, str]:
    """How a process ended by itself."""
    out, err = process.communicate(timeout=300)
    return process.returncode, out + err


def test_after_kill_9_each_system_goes_on_where_it_stopped(line: Line) -> None:
    """What was finished stays, what was begun is continued: no server that was seen is asked again. A start that is
    repeated is refused, and a tick beside a running one leaves it alone."""
    with in_flight(line, "killed") as (servers, process, output, go):
        beside = line.call("tick", *EN, output=output)
        assert beside.code == 0
        assert "another process runs the campaigns" in beside.err
        file = line.folder / "killed.yaml"
        assert line.call("campaign", "start", file, output=output).code == 2
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert states(line, output, "killed") == {"T-1/fast": "sealed", "T-1/slow": "running"}
        go()
        assert line.call("tick", output=output).code == 0
        assert counts(servers) == {"fast": 1, "seen": 1, "busy": 1}
    found = status(line, output, "killed")
    assert {key: unit["state"] for key, unit in found["units"].items()} == dict.fromkeys(
        ("T-1/fast", "T-1/slow"), "sealed"
    )
    assert found["units"]["T-1/slow"]["attempts"][0]["attempt"] == 1
    assert found["refused"] == 1
    assert len(list(output.glob("*/*/*/capture/manifest.dsse.json"))) == 2


def test_a_torn_capture_is_listed_and_its_system_begun_anew(line: Line) -> None:
    """Where what was recorded is lost, attempt 2 begins anew; the torn one is in the record and does not count."""
    with in_flight(line, "torn") as (servers, process, output, go):
        process.kill()
        process.communicate()
        [torn] = output.glob("*/slow/*")
        (torn / "capture/pack.zst").write_bytes(b"")
        (torn / "ledger.jsonl").write_bytes(b"")
        go()
        assert line.call("tick", output=output).code == 0
        assert counts(servers) == {"fast": 1, "seen": 2, "busy": 1}
    assert line.call("campaign", "close", "torn", output=output).code == 0
    unit = status(line, output, "torn")["units"]["T-1/slow"]
    assert [(each["attempt"], each["state"]) for each in unit["attempts"]] == [(1, "torn"), (2, "sealed")]
    assert "was recorded" in unit["attempts"][0]["detail"]
    assert unit["attempts"][0]["capture"] is None
    assert (unit["state"], unit["result"]["run"]) == ("sealed", "torn.T-1.2")


def test_a_pause_survives_a_restart(line: Line) -> None:
    """``pause --now`` ends the running scan and the process; nothing is sent until ``resume``, which goes on."""
    with in_flight(line, "paused") as (servers, process, output, go):
        assert line.call("campaign", "pause", "paused", "--now", output=output).code == 0
        code, said = _ends(process)
        assert code == 3
        assert "paused/T-1/slow: interrupted: the campaign was paused" in said
        go()
        before = counts(servers)
        assert line.call("tick", output=output).code == 0
        assert counts(servers) == before
        assert states(line, output, "paused") == {"T-1/fast": "sealed", "T-1/slow": "interrupted"}
        assert line.call("campaign", "resume", "paused", output=output).code == 0
        assert counts(servers) == {"fast": 1, "seen": 1, "busy": 1}
    assert set(states(line, output, "paused").values()) == {"sealed"}


def test_a_pause_lets_go_on_what_runs_and_begins_nothing(line: Line) -> None:
    """Without ``--now`` a system that is being inspected is finished; the next one waits."""
    more = {"name": "next", "mode": "page"}
    # One at once: nothing else begins before the pause, however long the commands take.
    with in_flight(line, "soft", more, most_systems=1) as (servers, process, output, go):
        assert line.call("campaign", "pause", "soft", output=output).code == 0
        folder = declared(line, "soft-more", *at(servers, "next"), code="T-2")
        file = campaign(line, "soft-more", folder)
        assert line.call("campaign", "start", file, "--no-run", output=output).code == 3
        assert line.call("campaign", "pause", "soft-more", output=output).code == 0
        go()
        assert _ends(process)[0] == 0
        assert counts(servers) == {"fast": 1, "seen": 1, "busy": 1, "next": 0}
        assert states(line, output, "soft-more") == {"T-2/next": "waiting"}


def test_nothing_is_sent_under_an_authorisation_that_was_withdrawn(line: Line) -> None:
    """What runs stops and does not go on; closing seals it as interrupted, and the record does not count it."""
    with in_flight(line, "withdrawn") as (servers, process, output, go):
        stopped = line.call("campaign", "stop", "withdrawn", "--authorisation", "a-1", output=output)
        assert stopped.code == 0
        assert _ends(process)[0] == 3
        go()
        before = counts(servers)
        assert line.call("tick", output=output).code == 0
        assert line.call("campaign", "close", "withdrawn", output=output).code == 0
        assert counts(servers) == before
    unit = status(line, output, "withdrawn")["units"]["T-1/slow"]
    assert (unit["state"], unit["detail"], unit["result"]) == ("interrupted", "its authorisation was withdrawn", None)
    [attempt] = unit["attempts"]
    bundle = Bundle.open(output / attempt["folder"])
    assert bundle.digest == attempt["capture"]
    assert bundle.sealed.predicate.reason == "closed before it was complete"


@pytest.mark.parametrize("ending", ["window", "authorisation"])
def test_no_packet_leaves_after_the_hours_and_the_next_window_goes_on(
    line: Line, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """At the end of a window the scan is cut and made again in the next one; after the last one the system stays
    interrupted."""
    name, output = f"hours-{ending}", line.new_output()
    never, shift = line.folder / f"{name}-go", [timedelta()]
    with serving({"name": "seen", "mode": "page"}, {"name": "held", "mode": "held", "until": str(never)}) as servers:

        def ahead() -> timedelta:
            if not shift[0] and _scans(output, "slow") and servers.received()["held"]:
                shift[0] = 2 * HOUR
            return shift[0]

        set_clock(monkeypatch, ahead)
        slow = system(*(f"http://127.0.0.1:{servers.ports[each]}/" for each in ("seen", "held")), id="slow")
        folder = declared(line, name, slow)
        closes = datetime.now(UTC) + HOUR
        changes = {"windows": [hours(closes)]} if ending == "window" else {}
        granted = far() if ending == "window" else authorisation(valid_until=closes.isoformat())
        file = campaign(line, name, folder, granted, **changes)
        started = line.call("campaign", "start", file, *EN, output=output)
        assert started.code == 3
        assert counts(servers) == {"seen": 1, "held": 1}
        assert states(line, output, name) == {"T-1/slow": "interrupted"}
        never.touch()
        shift[0] = timedelta(hours=24)
        assert line.call("tick", output=output).code == 0
        if ending == "window":
            assert counts(servers) == {"seen": 1, "held": 2}
            assert states(line, output, name) == {"T-1/slow": "sealed"}
        else:
            assert counts(servers) == {"seen": 1, "held": 1}
            assert line.call("campaign", "close", name, output=output).code == 0
            assert status(line, output, name)["units"]["T-1/slow"]["state"] == "interrupted"


def test_an_incident_comes_first_and_a_limit_of_systems_holds(line: Line) -> None:
    """A campaign that is started while another one runs is inspected by that process, an incident before the rest."""
    with in_flight(
        line, "round", {"name": "low", "mode": "page"}, {"name": "urgent", "mode": "page"}, systems_at_once=1
    ) as (servers, process, output, go):
        low = campaign(line, "low", declared(line, "low", *at(servers, "low"), code="T-2"))
        urgent = declared(line, "urgent", *at(servers, "urgent", level=1), code="T-3")
        assert line.call("campaign", "start", low, "--no-run", output=output).code == 3
        assert line.call("campaign", "pause", "low", output=output).code == 0
        incident = campaign(line, "urgent", urgent, kind="incident")
        assert line.call("campaign", "start", incident, *EN, output=output).code == 3
        wait_until(lambda: states(line, output, "urgent") == {"T-3/urgent": "sealed"}, process)
        assert line.call("campaign", "resume", "low", "--no-run", output=output).code == 3
        go()
        assert _ends(process)[0] == 0
        assert counts(servers) == {"fast": 1, "seen": 1, "busy": 1, "low": 1, "urgent": 1}
    assert states(line, output, "low") == {"T-2/low": "sealed"}


def test_a_plugin_that_hangs_is_named_and_harms_no_other_system(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its system has failed, with the name of the check; the others are sealed."""
    monkeypatch.setattr("inspector.fleet.steps.CALL_SECONDS", 8.0)
    output = line.new_output()
    with (
        having(tmp_path, "inspector_stuck"),
        serving(
            {"name": "page", "mode": "page"}, {"name": "stuck", "mode": "page", "address": "127.0.0.66"}
        ) as servers,
    ):
        stuck = system(f"http://127.0.0.66:{servers.ports['stuck']}/", id="stuck")
        folder = declared(line, "stuck", *at(servers, "page"), stuck)
        file = campaign(line, "stuck", folder, requirements={"only": ["stuck", "no-version-disclosed"]})
        assert line.call("campaign", "start", file, output=output).code == 3
        units = status(line, output, "stuck")["units"]
    assert {key: each["state"] for key, each in units.items()} == {"T-1/page": "sealed", "T-1/stuck": "failed"}
    assert "check stuck-check-ends did not end within 8 s" in units["T-1/stuck"]["detail"]


def test_a_clock_that_is_set_is_named_and_harms_nothing(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process tells by how much, and the system is sealed."""
    output, go, told = line.new_output(), line.folder / "clock-go", _Listener.note
    with serving({"name": "held", "mode": "held", "until": str(go)}) as servers:

        def note(listener: _Listener, message: str) -> None:
            told(listener, message)
            go.touch()

        # The system's only answer comes once the clock was looked at.
        monkeypatch.setattr(_Listener, "note", note)
        set_clock(monkeypatch, lambda: timedelta(minutes=20) if servers.received()["held"] else timedelta())
        folder = declared(line, "clock", *at(servers, "held"))
        result = line.call("campaign", "start", campaign(line, "clock", folder), *EN, output=output)
    assert result.code == 0
    assert "the clock of this machine was set by +1200 s" in result.err
    assert states(line, output, "clock") == {"T-1/held": "sealed"}


def test_an_archive_without_space_is_named_and_nothing_is_lost(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing begins, and the command says why and what to do; afterwards a tick goes on."""
    output = line.new_output()
    with serving({"name": "page", "mode": "page"}) as servers:
        file = campaign(line, "full", declared(line, "full", *at(servers, "page")))
        with monkeypatch.context() as patch:
            patch.setattr("inspector.engine.embedded.LEAST_FREE_BYTES", 1 << 60)
            refused = line.call("campaign", "start", file, *EN, output=output)
        assert refused.code == 2
        assert f"{output}: the archive cannot be written: " in refused.err
        assert "make it available again; 'inspector tick' goes on with what waits" in refused.err
        assert counts(servers) == {"page": 0}
        assert states(line, output, "full") == {"T-1/page": "waiting"}
        assert line.call("tick", output=output).code == 0
    assert states(line, output, "full") == {"T-1/page": "sealed"}


def test_an_archive_that_goes_away_is_named_and_its_systems_go_on_when_it_is_back(line: Line) -> None:
    """Its folder is moved while a system is inspected: the process ends with its name, and a tick goes on later."""
    with in_flight(line, "away") as (servers, process, output, go):
        away = output.with_name("moved")
        output.rename(away)
        go()
        code, said = _ends(process)
        assert code == 2
        assert f"{output}: the archive cannot be written: " in said
        shutil.rmtree(output, ignore_errors=True)  # what may have been written to the place where it was
        away.rename(output)
        assert line.call("tick", output=output).code == 0
        assert counts(servers)["fast"] == 1
    assert set(states(line, output, "away").values()) == {"sealed"}


def test_a_repeated_campaign_is_started_once_and_a_missed_round_once_and_late(line: Line) -> None:
    """Of the rounds of four days, all missed, the last is inspected, however many processes tick at once."""
    output = line.new_output()
    begins = datetime.now(UTC) - timedelta(days=4)
    with serving({"name": "page", "mode": "page"}) as servers:
        folder = declared(line, "daily", *at(servers, "page"))
        file = campaign(line, "daily", folder, starts=(datetime.now(UTC) + HOUR).isoformat(), every={"days": 1})
        ahead = line.call("campaign", "start", file, *EN, output=output)
        assert ahead.code == 0
        assert "Campaign daily begins at" in ahead.out
        assert line.call("campaign", "stop", "daily", output=output).code == 0
        file = campaign(line, "daily", folder, starts=begins.isoformat(), every={"days": 1})
        assert line.call("campaign", "start", file, "--no-run", output=output).code == 3
        ticks = [line.start("tick", output=output) for _ in range(3)]
        assert [_ends(each)[0] for each in ticks] == [0, 0, 0]
        assert line.call("tick", output=output).code == 0
        assert counts(servers) == {"page": 1}
    result = line.call("campaign", "status", "--format", "json", output=output)
    [found] = json.loads(result.out)
    assert found["campaign"] == f"daily-{datetime.now(UTC) + timedelta(hours=7):%Y-%m-%d}"
    assert found["systems"]["sealed"] == 1


def test_after_the_journal_was_moved_away_a_closed_campaign_is_not_started_again(line: Line) -> None:
    """Its record is known: the start is refused, and leaves no campaign without systems in the new journal."""
    output = line.new_output()
    file = campaign(line, "recorded", declared(line, "recorded", system(id="empty")))
    assert line.call("campaign", "start", file, "--no-run", output=output).code == 3
    assert line.call("campaign", "close", "recorded", output=output).code == 0
    for each in (output / "campaigns").glob("journal.sqlite3*"):
        each.rename(line.folder / each.name)
    refused = line.call("campaign", "start", file, *EN, output=output)
    assert (refused.code, "campaign 'recorded' was started before" in refused.err) == (2, True)
    assert json.loads(line.call("campaign", "status", "--format", "json", output=output).out) == []


def test_after_the_journal_was_moved_away_a_closed_round_is_not_due_again(line: Line) -> None:
    """The campaign is repeated again from its next round on; no tick fails for the round that was closed."""
    output, begins = line.new_output(), datetime.now(UTC) - HOUR
    file = campaign(
        line,
        "rounds",
        declared(line, "rounds", system(id="empty")),
        starts=begins.isoformat(),
        every={"days": 1},
    )
    assert line.call("campaign", "start", file, "--no-run", output=output).code == 3
    [found] = json.loads(line.call("campaign", "status", "--format", "json", output=output).out)
    assert line.call("campaign", "close", found["campaign"], output=output).code == 0
    for each in (output / "campaigns").glob("journal.sqlite3*"):
        each.rename(line.folder / f"rounds-{each.name}")
    line.call("campaign", "start", file, "--no-run", output=output)
    ticked = line.call("tick", *EN, output=output)
    assert (ticked.code, ticked.err) == (0, "")


def test_a_record_by_a_stranger_does_not_close_a_campaign(line: Line) -> None:
    """A record that lies there before the campaign is closed is read only where its signer is trusted."""
    stranger, output = Line(line.folder / "stranger"), line.new_output()
    stranger.folder.mkdir()
    file = campaign(line, "taken", declared(line, "taken", system(id="empty")))
    elsewhere = stranger.new_output()
    for each, place in ((line, output), (stranger, elsewhere)):
        assert each.call("campaign", "start", file, "--no-run", output=place).code == 3
    assert stranger.call("campaign", "close", "taken", output=elsewhere).code == 0
    shutil.copytree(elsewhere / "campaigns/taken", output / "campaigns/taken")
    refused = line.call("campaign", "close", "taken", *EN, output=output)
    assert (refused.code, "is not a trusted signer" in refused.err) == (2, True), refused.out
    shutil.rmtree(output / "campaigns/taken")
    assert status(line, output, "taken")["state"] != "closed"
    assert line.call("campaign", "close", "taken", output=output).code == 0


def test_a_re_inspection_selects_what_failed_before(line: Line) -> None:
    """Only the systems in which a mandatory requirement failed in the campaign that is named."""
    output = line.new_output()
    with serving({"name": "good", "mode": "page"}, {"name": "bad", "mode": "page"}) as servers:
        folder = declared(line, "first", *at(servers, "good", "bad"))
        content = json.loads((folder / "T-1.yaml").read_text())
        facts = ("state_body", "shared_infrastructure", "nationwide", "always_on")
        content["systems"][1]["facts"] = dict.fromkeys(facts, True)
        document(folder / "T-1.yaml", content)  # which calls for level 4
        asked = {"only": ["no-version-disclosed", "level-fits-facts"]}
        line.call("campaign", "start", campaign(line, "first", folder, requirements=asked), output=output)
        again = campaign(
            line, "again", folder, kind="re-inspection", selection={"declarations": [str(folder)], "failed_in": "first"}
        )
        planned = line.call("campaign", "plan", again, "--format", "json", output=output)
    assert [each["system"] for each in json.loads(planned.out)] == ["T-1/bad"]


def test_killed_at_random_instants_a_campaign_gives_one_result_for_each_system(line: Line) -> None:
    """Whenever the process is killed, each system ends sealed, with one bundle that counts."""
    number = int(os.environ.get("CAMPAIGN_KILLS", "3"))
    chance = random.Random(number)
    output = line.new_output()
    pages = [f"page-{each}" for each in range(6)]
    with serving(*({"name": name, "mode": "page"} for name in pages)) as servers:
        file = campaign(line, "random", declared(line, "random", *at(servers, *pages)))
        assert line.call("campaign", "start", file, "--no-run", output=output).code == 3
        for _ in range(number):
            process = line.start("tick", output=output)
            try:
                process.wait(chance.uniform(0.5, 6))
            except subprocess.TimeoutExpired:
                process.kill()
            process.communicate()
        assert line.call("tick", output=output).code == 0
        assert min(counts(servers).values()) >= 1
    units = status(line, output, "random")["units"]
    assert {each["state"] for each in units.values()} == {"sealed"}
    captures = {each["result"]["capture"] for each in units.values()}
    assert len(captures) == len(pages)


def test_a_disk_that_fills_up_ends_with_its_name(line: Line) -> None:
    """On a small disk the process ends in order; what is recorded of every system is one of the known states."""
    disk = line.folder / "disk"
    disk.mkdir()
    with small_disk(disk, "66m") as (wrap, seen), serving({"name": "page", "mode": "page"}) as servers:
        output = disk / "out"
        systems = [system(f"http://127.0.0.1:{servers.ports['page']}/", id=f"s-{number}") for number in range(4)]
        file = campaign(line, "small", declared(line, "small", *systems))
        line.spawn("campaign", "start", file, "--no-run", output=output, wrap=wrap)
        (seen / "filler").write_bytes(b"x" * (4 << 20))
        ended = line.spawn("tick", *EN, output=output, wrap=wrap)
        assert ended.code == 2
        assert "the archive cannot be written: " in ended.err
        (seen / "filler").unlink()
        assert servers.received()["page"] == []
