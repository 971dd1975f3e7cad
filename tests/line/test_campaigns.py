"""Campaigns against servers on loopback: what is promised of each event holds, and each system has one result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.line.harness import FAST, Line, RunResult, Servers, authorisation, document, serving, system

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


def test_a_campaign_inspects_each_system_once_and_its_record_has_all(line: Line) -> None:
    """Systems of two organisations with one id are apart; one without an authorisation is listed with its cause."""
    output = line.new_output()
    with serving({"name": "good", "mode": "page"}, {"name": "leaky", "mode": "page", "headers": {"Server": "nginx/1.2.3"}}) as servers:
        folder = declared(line, "two", *at(servers, "good"), system("http://192.0.2.7/", id="elsewhere"), code="A")
        [leaky] = at(servers, "leaky")
        declared(line, "two", {**leaky, "id": "good"}, system(id="empty"), code="B")
        file = campaign(line, "two", folder)
        planned = line.call("campaign", "plan", file, *EN, output=output)
        assert not any(counts(servers).values())
        started = line.call("campaign", "start", file, *EN, output=output)
        again = line.call("campaign", "start", file, *EN, output=output)
        assert counts(servers) == {"good": 1, "leaky": 2}
    assert (planned.code, started.code, again.code) == (3, 3, 2), planned.out + planned.err + started.out + started.err
    assert "2 of 4 systems are ready" in planned.out
    assert "B/empty: no endpoint to inspect" in planned.out
    assert "A/elsewhere: no authorisation (http://192.0.2.7/: " in planned.out
    assert "campaign 'two' was started before" in again.err
    found = status(line, output, "two")
    assert found["refused"] == 1
    assert {key: (each["state"], each["cause"]) for key, each in found["units"].items()} == {
        "A/elsewhere": ("not-inspected", "no-authorisation"),
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
