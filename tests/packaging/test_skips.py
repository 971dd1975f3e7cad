"""A skipped test is red where CI=true, and only there; a test that reaches for a foreign address is red everywhere."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.project import ROOT

SPECIMENS = {
    "test_body.py": "def test_body():\n    pytest.skip('no server')\n",
    "test_fixture.py": (
        "@pytest.fixture\ndef server():\n    pytest.skip('no server')\n\ndef test_fixture(server):\n    pass\n"
    ),
    "test_mark.py": "@pytest.mark.skipif(True, reason='no server')\ndef test_mark():\n    pass\n",
    "test_module.py": "pytest.skip('no server', allow_module_level=True)\n",
    "test_xfail.py": "@pytest.mark.xfail\ndef test_xfail():\n    raise AssertionError\n",
    "test_pass.py": "def test_pass():\n    pass\n",
    "test_foreign.py": "import socket\n\ndef test_foreign():\n    socket.socket().connect(('192.0.2.1', 80))\n",
}


def outcomes(folder: Path, ci: str, *options: str) -> tuple[int, dict[str, str], str]:
    """Run the specimens under this project's conftest: exit code, outcome by file, everything printed."""
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for name, body in SPECIMENS.items():
        (folder / name).write_text(f"import pytest\n\n{body}", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "--continue-on-collection-errors"]
    command += options
    environment = {**os.environ, "CI": ci}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    seen = re.findall(r"^(PASSED|FAILED|ERROR|SKIPPED|XFAIL)(?: \[1\])? (\w+\.py)", done.stdout, flags=re.MULTILINE)
    return done.returncode, {name: outcome for outcome, name in seen}, done.stdout


@pytest.fixture(scope="module", params=[("true",), ("true", "--numprocesses", "2"), ("",)], ids=" ".join)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str], str]:
    ci, *options = request.param
    code, seen, printed = outcomes(tmp_path_factory.mktemp("specimens"), ci, *options)
    assert code != 0  # the foreign address alone is reason enough
    return ci, seen, printed


def test_skip_is_red_in_ci_only(run: tuple[str, dict[str, str], str]) -> None:
    ci, seen, _ = run
    red = {"test_body.py": "FAILED", "test_fixture.py": "ERROR", "test_mark.py": "ERROR", "test_module.py": "ERROR"}
    expected = red if ci else dict.fromkeys(red, "SKIPPED")
    assert {name: seen.get(name) for name in red} == expected


def test_red_skip_keeps_its_reason(run: tuple[str, dict[str, str], str]) -> None:
    ci, _, printed = run
    assert "no server" in printed
    assert ("Where CI=true nothing may be skipped" in printed) is bool(ci)


def test_pass_and_expected_failure_are_left_alone(run: tuple[str, dict[str, str], str]) -> None:
    _, seen, _ = run
    assert (seen["test_pass.py"], seen["test_xfail.py"]) == ("PASSED", "XFAIL")


def test_foreign_address_is_refused_before_a_packet_leaves(run: tuple[str, dict[str, str], str]) -> None:
    _, seen, printed = run
    assert seen["test_foreign.py"] == "FAILED"
    assert "ForeignAddress: socket.connect to ('192.0.2.1', 80)" in printed


@pytest.mark.skipif(os.geteuid() != 0, reason="a network of one's own needs privileges: run as root")
def test_there_is_no_way_to_a_foreign_address() -> None:
    """As root the tests have a network without a route, so that no program that they start reaches anybody either."""
    program = "import socket; socket.socket(type=socket.SOCK_DGRAM).connect(('192.0.2.1', 9))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)
    assert "Network is unreachable" in done.stderr
