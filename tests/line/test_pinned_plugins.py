"""Under an inspection decision only pinned plugins are loaded, from beginning to seal."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.registry.installing import install
from tests.line.harness import Line, Servers, authorisation, document, serving, system, wait_until

#: A plugin that leaves a mark beside itself when it is imported.
MODULE = "from pathlib import Path\nPath(__file__).with_suffix('.imported').touch()\n"
ONE = ("--only", "no-version-disclosed", "--fail-on", "info", "--lang", "en")


class Pinned:
    """An inspecting side with two plugins of others, one of them pinned."""

    def __init__(self, line: Line, folder: Path) -> None:
        self.line = line
        self.site = folder / "site"
        self.lock = folder / "plugins.lock"
        self.table = self.site / "lock_pinned" / "table.csv"
        install(self.site, "lock_pinned", {"lock_pinned/__init__.py": "", "lock_pinned/table.csv": "1,2\n"})
        install(self.site, "lock_stranger", {"lock_stranger.py": MODULE})
        self.environment = {"PYTHONPATH": os.pathsep.join([str(self.site), os.environ.get("PYTHONPATH", "")])}
        command = [sys.executable, "-m", "inspector.cli", "list", "plugins", "--lock"]
        listed = subprocess.run(command, capture_output=True, check=True, env={**os.environ, **self.environment})
        pins = json.loads(listed.stdout)
        pins["plugins"] = [each for each in pins["plugins"] if each["name"] != "lock_stranger"]
        self.lock.write_text(json.dumps(pins))
        granted = authorisation(kind="inspection-decision", emergency_contact="+84 24 1234 5678")
        self.granted = document(folder / "decision.yaml", granted)

    def declare(self, *endpoints: str) -> Path:
        content = {"organisation": {"code": "T-1", "name": "Cơ quan thử nghiệm"}, "systems": [system(*endpoints)]}
        return document(self.site.parent / "declaration.yaml", content)

    def more(self) -> dict[str, object]:
        return {"env": self.environment, "plugins_lock": str(self.lock), "as_usual": True}


@pytest.fixture
def pinned(line: Line, tmp_path: Path) -> Pinned:
    return Pinned(line, tmp_path)


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with serving({"name": "page", "mode": "page"}) as servers:
        yield servers


def test_no_other_plugin_is_imported(pinned: Pinned, servers: Servers) -> None:
    """A plugin that is not pinned is neither loaded nor asked, and the capture says what was pinned."""
    declaration = pinned.declare(f"http://127.0.0.1:{servers.ports['page']}/")
    result = pinned.line.spawn("run", declaration, "-a", pinned.granted, *ONE, **pinned.more())
    assert result.code == 0, result.err
    assert list(pinned.site.rglob("*.imported")) == []
    [record] = [each for each in result.bundle.inspection.plugins if each.name == "lock_pinned"]
    assert (record.entry_point, record.distribution, record.version) == ("lock_pinned", "lock-pinned", "1.0")


def test_a_changed_plugin_is_refused_before_it_is_imported(pinned: Pinned) -> None:
    """Nothing is loaded, not even for reading the declaration."""
    declaration = pinned.declare("http://127.0.0.1:9/")
    pinned.table.write_text("1,3\n")
    for command in ("run", "plan"):
        result = pinned.line.spawn(
            command, declaration, "-a", pinned.granted, *ONE[:2], "--lang", "en", **pinned.more()
        )
        assert result.code == 2
        assert "is altered: lock_pinned/table.csv is not what was installed" in result.err
    assert list(pinned.site.rglob("*.imported")) == []


def test_rows_of_plugins_that_are_not_pinned_are_not_selected(pinned: Pinned, servers: Servers) -> None:
    """A narrower lock is a smaller inspection: plan and coverage say what it leaves out."""
    pins = json.loads(pinned.lock.read_text())
    needed = ("inspector_http", "inspector_profiles", "inspector_reports")
    pins["plugins"] = [each for each in pins["plugins"] if each["name"] in needed]
    pinned.lock.write_text(json.dumps(pins))
    declaration = pinned.declare(f"http://127.0.0.1:{servers.ports['page']}/")
    arguments = (declaration, "-a", pinned.granted, "--lang", "en")
    shown = " ".join(pinned.line.spawn("plan", *arguments, **pinned.more()).out.split())
    assert "Not selected, because their plugin is not pinned (not pinned: inspector_dns, " in shown
    result = pinned.line.spawn("run", *arguments, "--fail-on", "critical", **pinned.more())
    assert result.code in (0, 1, 3), result.err
    left_out = result.assessment["coverage"]["not_installed"]
    assert {"aead-only", "heartbleed-closed", "declared-ports-open"} <= set(left_out)
    assert "aead-only" not in {each["check"] for each in result.findings}
    assert "no-version-disclosed" in {each["check"] for each in result.findings}


@pytest.mark.parametrize("command", [("run", "--resume"), ("seal",)], ids=["resume", "seal"])
def test_what_is_continued_is_compared_again(pinned: Pinned, command: tuple[str, ...], tmp_path: Path) -> None:
    """With the lock, and with what the inspection began with; the same plugins continue it."""
    line, gate = pinned.line, tmp_path / "gate"
    with serving({"name": "held", "mode": "held", "until": str(gate)}) as held:
        declaration = pinned.declare(f"http://127.0.0.1:{held.ports['held']}/")
        output = line.new_output()
        process = line.start("run", declaration, "-a", pinned.granted, *ONE, output=output, **pinned.more())
        wait_until(lambda: len(held.received()["held"]) == 1, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        gate.touch()
        [folder] = output.glob("2*/portal/*")

        def again() -> tuple[int, str]:
            result = line.spawn(*command, folder, "--fail-on", "info", "--lang", "en", output=output, **pinned.more())
            return result.code, result.err

        lock = pinned.lock.read_bytes()
        pinned.lock.unlink()
        assert "the plugin lock cannot be read" in again()[1]
        pinned.lock.write_bytes(lock)
        install(pinned.site, "lock_pinned", {"lock_pinned/table.csv": "1,3\n", "lock_pinned/__init__.py": ""})
        assert "plugin 'lock_pinned' is pinned as" in again()[1]
        digests = subprocess.run(
            [sys.executable, "-m", "inspector.cli", "list", "plugins", "--lock"],
            capture_output=True,
            check=True,
            env={**os.environ, **pinned.environment},
        )
        pinned.lock.write_bytes(digests.stdout)
        code, said = again()
        assert code == 2
        assert "the inspection began with other plugins: lock_pinned, lock_stranger" in said
        pinned.lock.write_bytes(lock)
        install(pinned.site, "lock_pinned", {"lock_pinned/table.csv": "1,2\n", "lock_pinned/__init__.py": ""})
        code, said = again()
        assert code == (0 if command[0] == "run" else 3), said


def test_a_plugin_that_changes_meanwhile_keeps_the_capture_from_its_seal(pinned: Pinned, tmp_path: Path) -> None:
    """What is sealed under a decision was collected by the plugins that it names."""
    line, gate = pinned.line, tmp_path / "gate"
    with serving({"name": "held", "mode": "held", "until": str(gate)}) as held:
        declaration = pinned.declare(f"http://127.0.0.1:{held.ports['held']}/")
        output = line.new_output()
        process = line.start("run", declaration, "-a", pinned.granted, *ONE, output=output, **pinned.more())
        wait_until(lambda: len(held.received()["held"]) == 1, process)
        pinned.table.write_text("1,3\n")
        gate.touch()
        result = line.ended(process, output)
    assert result.code == 2
    assert "the inspection began with other plugins: lock_pinned" in result.err
    assert result.bundles == []
