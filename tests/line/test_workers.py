"""Campaigns on PostgreSQL: workers share the systems of a campaign, and whatever ends is told and goes on."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from inspector.declare.authorisation import Rates
from tests.core.network.addresses import most_in_a_second, needs_raw
from tests.core.network.addresses import serving as sniffing
from tests.line import test_campaigns as events
from tests.line.harness import Line, Servers, authorisation, serving, system, wait_until
from tests.line.test_campaigns import EN, _scans, at, campaign, counts, declared, occupied_in, states, status
from tests.line.test_many_systems import ONE_AT_ONCE
from tests.postgresql import PASSWORD, PostgreSQL
from tests.postgresql import running as own_server

#: A worker that is not heard for so long is dead.
DEAD = ("--dead-after", "3")
BUSY = "127.0.0.82"


@pytest.fixture
def shared(postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Line:
    """An inspecting side whose machines share a database, which is named in a file."""
    return at_database(tmp_path_factory.mktemp("workers"), postgresql.new_database())


def at_database(folder: Path, url: str) -> Line:
    file = folder / "database.url"
    file.write_text(f"{url}\n")
    file.chmod(0o600)
    return Line(folder, settings={"database": str(file)})


@contextmanager
def worker(line: Line, output: Path) -> Iterator[subprocess.Popen[str]]:
    """A worker until the end of the body, at which it is interrupted, unless it was killed."""
    process = line.start("worker", *DEAD, *EN, output=output)
    try:
        yield process
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=120)
    finally:
        killed(process)


def killed(process: subprocess.Popen[str]) -> None:
    if process.returncode is None:
        process.kill()
        process.communicate()


def all_are(line: Line, known: str, state: str = "sealed") -> Callable[[], bool]:
    """Whether the last attempt of each system of a campaign is in this state, in the database itself."""
    url, session = Path(line.settings["database"]).read_text().strip(), ExitStack()
    connection = psycopg.connect(url, autocommit=True)
    session.callback(connection.close)

    def is_so() -> bool:
        rows = connection.execute(
            "SELECT DISTINCT ON (system) state FROM inspector.job WHERE campaign = %s ORDER BY system, attempt DESC",
            [known],
        ).fetchall()
        if {row[0] for row in rows} != {state}:
            time.sleep(0.1)
            return False
        session.close()
        return True

    return is_so


def goes_on(line: Line, output: Path, known: str) -> None:
    """Tick with an archive, as often as it takes, until every system of the campaign is sealed."""
    is_sealed = all_are(line, known)

    def ticked() -> bool:
        assert line.call("tick", output=output).code == 0
        return is_sealed()

    wait_until(ticked)


@contextmanager
def half_done(
    line: Line, name: str, **changes: Any
) -> Iterator[tuple[Servers, Path, subprocess.Popen[str], Callable[[], None]]]:
    """A worker inspects a system: it has recorded its scan of *seen*, and waits for the rate of *busy*.

    Gives the servers, the worker's archive, the worker, and what lets the rate be free.
    """
    output = line.new_output()
    orders = [{"name": "seen", "mode": "page"}, {"name": "busy", "mode": "page", "address": BUSY}]
    with serving(*orders) as servers, ExitStack() as held:
        held.enter_context(occupied_in(line, BUSY))
        endpoints = f"http://127.0.0.1:{servers.ports['seen']}/", f"http://{BUSY}:{servers.ports['busy']}/"
        folder = declared(line, name, system(*endpoints, id="slow"))
        file = campaign(line, name, folder, authorisation(rates=ONE_AT_ONCE), **changes)
        assert line.call("campaign", "start", file, "--no-run", output=output).code == 3
        with worker(line, output) as process:
            wait_until(lambda: len(_scans(output, "slow")) == 1, process)
            yield servers, output, process, held.close


def test_a_campaign_and_its_record_are_as_with_the_embedded_engine(shared: Line) -> None:
    """Plan, start, status, close: each system once, every one in the record."""
    events.test_a_campaign_inspects_each_system_once_and_its_record_has_all(shared)


@pytest.mark.parametrize("ending", ["window", "authorisation"])
def test_no_packet_leaves_after_the_hours(shared: Line, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    """As with the embedded engine."""
    events.test_no_packet_leaves_after_the_hours_and_the_next_window_goes_on(shared, monkeypatch, ending)


def test_after_kill_9_another_worker_of_the_archive_goes_on(shared: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server that was seen is asked again, and the attempt is the first; a second campaign of the id is refused."""
    monkeypatch.setattr("inspector.engine.postgres.DEAD_AFTER_SECONDS", 1.0)
    with half_done(shared, "killed") as (servers, output, process, go):
        assert shared.call("campaign", "start", shared.folder / "killed.yaml", output=output).code == 2
        killed(process)
        assert states(shared, output, "killed") == {"T-1/slow": "running"}
        go()
        goes_on(shared, output, "killed")
        assert counts(servers) == {"seen": 1, "busy": 1}
    found = status(shared, output, "killed")
    assert [each["attempt"] for each in found["units"]["T-1/slow"]["attempts"]] == [1]
    assert found["refused"] == 1


def test_pause_now_reaches_a_worker_and_survives_it(shared: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scan ends; neither that worker nor another one sends anything until ``resume``, on another machine."""
    monkeypatch.setattr("inspector.engine.postgres.DEAD_AFTER_SECONDS", 1.0)
    with half_done(shared, "paused") as (servers, output, process, go):
        elsewhere = shared.new_output()
        assert shared.call("campaign", "pause", "paused", "--now", output=elsewhere).code == 0
        wait_until(all_are(shared, "paused", "interrupted"), process)
        go()
        before = counts(servers)
        assert shared.call("tick", output=output).code == 0
        assert counts(servers) == before
        killed(process)
        assert shared.call("campaign", "resume", "paused", "--no-run", output=elsewhere).code == 3
        goes_on(shared, output, "paused")
        assert counts(servers) == {"seen": 1, "busy": 1}


def test_ticks_on_several_machines_start_a_round_once(shared: Line) -> None:
    """Of the rounds of four days, all missed, the last is inspected, by one of them."""
    begins, outputs = datetime.now(UTC) - timedelta(days=4), [shared.new_output(), shared.new_output()]
    with serving({"name": "page", "mode": "page"}) as servers:
        folder = declared(shared, "daily", *at(servers, "page"))
        late = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        file = campaign(shared, "daily", folder, starts=late, every={"days": 1})
        assert shared.call("campaign", "start", file, output=outputs[0]).code == 0
        document = json.loads(file.read_text()) | {"starts": begins.isoformat()}
        with psycopg.connect(Path(shared.settings["database"]).read_text().strip()) as session:
            session.execute(
                "UPDATE inspector.schedule SET document = %s WHERE id = 'daily'", [json.dumps(document).encode()]
            )
        ticks = [shared.start("tick", output=each) for each in outputs]
        assert [events._ends(each)[0] for each in ticks] == [0, 0]
        assert counts(servers) == {"page": 1}
    [found] = json.loads(shared.call("campaign", "status", "--format", "json", output=outputs[0]).out)
    assert found["campaign"] == f"daily-{datetime.now(UTC) + timedelta(hours=7):%Y-%m-%d}"
    assert found["systems"]["sealed"] == 1


def test_without_the_database_a_worker_stops_and_with_it_again_goes_on(tmp_path: Path) -> None:
    """It names the database, without its password, sends nothing meanwhile, and finishes what it had begun."""
    with own_server() as server:
        line = at_database(tmp_path, server.new_database())
        with half_done(line, "database") as (servers, output, process, go):
            server.kill()
            refused = line.call("campaign", "status", *EN, output=output)
            assert refused.code == 2
            assert f"postgresql://{server.folder}/" in refused.err
            assert PASSWORD not in refused.err
            assert process.stderr is not None
            said = ""
            while "the journal of campaigns cannot be used" not in said:
                said = process.stderr.readline()
            assert PASSWORD not in said
            assert counts(servers) == {"seen": 1, "busy": 0}
            server.start()
            go()
            wait_until(all_are(line, "database"), process)
            assert counts(servers) == {"seen": 1, "busy": 1}
        unit = status(line, output, "database")["units"]["T-1/slow"]
        assert [each["attempt"] for each in unit["attempts"]] == [1]


def test_the_password_is_shown_nowhere(shared: Line, postgresql: PostgreSQL) -> None:
    """Neither in what commands print and log, nor in any file that they write."""
    output, url = shared.new_output(), Path(shared.settings["database"]).read_text().strip()
    with serving({"name": "page", "mode": "page"}) as servers:
        file = campaign(shared, "secret", declared(shared, "secret", *at(servers, "page")))
        arguments = ("campaign", "start", file, "--database", url, "--log-level", "debug")
        started = shared.call(*arguments, output=output)
        assert started.code == 0, started.err
    wrong = [
        shared.call("tick", "--database", text, output=output)
        for text in (url.replace("postgresql", "mysql"), f"{url}&nonsense=1", url.replace("host=", "host=/nowhere"))
    ]
    assert [each.code for each in wrong] == [2, 2, 2]
    assert not any(PASSWORD in each.out + each.err for each in [started, *wrong])
    written = [each for each in output.rglob("*") if each.is_file()]
    assert len(written) > 5
    assert not any(PASSWORD.encode() in each.read_bytes() for each in written)


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        ("postgresql://u@h/d", 0o644, "every user of this machine can read the password"),
        ("mysql://u@h/d", 0o600, "is no URL of a PostgreSQL database"),
        (None, 0o600, "the URL of the database cannot be read: No such file or directory"),
    ],
    ids=["readable", "other", "missing"],
)
def test_a_file_without_a_usable_url_is_named(line: Line, content: str | None, mode: int, words: str) -> None:
    """With what to do; nothing is connected to."""
    file = line.folder / "database"
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_text(content)
        file.chmod(mode)
    refused = line.call("worker", "--database", file, *EN)
    assert (refused.code, words in refused.err) == (2, True), refused.err


def test_a_worker_needs_a_database(line: Line) -> None:
    """And says how to name it."""
    refused = line.call("worker", *EN)
    assert refused.code == 2
    assert "name it with --database or INSPECTOR_DATABASE" in refused.err


@needs_raw
def test_killed_at_random_instants_workers_and_database_give_one_result_for_each_system(tmp_path: Path) -> None:
    """Two workers with an archive each, and the database; the rate of the one address holds, counted at the servers."""
    number = int(os.environ.get("CAMPAIGN_KILLS", "2"))
    chance = random.Random(number)
    pages = [f"page-{each}" for each in range(max(4, number))]
    rates = Rates(connections_per_second=1, burst=2, at_once=2)
    with (
        own_server() as server,
        serving(*({"name": name, "mode": "page"} for name in pages)) as servers,
        sniffing("sniff", "127.0.0.1") as sniffer,
    ):
        line = at_database(tmp_path, server.new_database())
        archives = [line.new_output(), line.new_output()]
        folder = declared(line, "random", *at(servers, *pages))
        file = campaign(line, "random", folder, authorisation(rates=rates.model_dump()))
        assert line.call("campaign", "start", file, "--no-run", output=archives[0]).code == 3
        with ExitStack() as ended:
            processes = [ended.enter_context(worker(line, each)) for each in archives]
            for turn in range(number):
                time.sleep(chance.uniform(1, 10))
                victim = turn % 3
                if victim == 2:
                    server.kill()
                    server.start()
                else:
                    killed(processes[victim])
                    processes[victim] = ended.enter_context(worker(line, archives[victim]))
            wait_until(all_are(line, "random"), processes[0])
        units = status(line, archives[0], "random")["units"]
        with psycopg.connect((tmp_path / "database.url").read_text().strip()) as session:
            left = session.execute("SELECT count(*) FROM inspector.procrastinate_jobs").fetchone()
        assert min(counts(servers).values()) >= 1
        ports, packets = set(servers.ports.values()), sniffer.report()["packets"]
    assert left == (0,)
    assert len({each["result"]["capture"] for each in units.values()}) == len(pages)
    instants = [at for at, _, port, flags in packets if port in ports and int(flags) & 0x12 == 0x02]
    assert len(instants) >= len(pages)
    assert most_in_a_second(instants) <= rates.burst
    for index, start in enumerate(instants):
        for count, end in enumerate(instants[index:], start=1):
            assert count <= rates.burst + rates.connections_per_second * (end - start) + rates.at_once
