"""A skipped test is red where CI=true, and only there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.project import ROOT

SKIPPING = {
    "test": "import pytest\n\ndef test_it():\n    pytest.skip('no server')\n",
    "fixture": (
        "import pytest\n\n@pytest.fixture\ndef server():\n    pytest.skip('no server')\n\n"
        "def test_it(server):\n    pass\n"
    ),
    "mark": "import pytest\n\n@pytest.mark.skipif(True, reason='no server')\ndef test_it():\n    pass\n",
    "module": "import pytest\n\npytest.skip('no server', allow_module_level=True)\n",
}


def run(folder: Path, body: str, ci: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "test_it.py").write_text(f"{body}\ndef test_other():\n    pass\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"]
    environment = {**os.environ, "CI": ci}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("how", SKIPPING)
def test_skip_is_red_in_ci_and_says_why(tmp_path: Path, how: str) -> None:
    done = run(tmp_path, SKIPPING[how], ci="true")
    assert done.returncode != 0
    assert "no server" in done.stdout


@pytest.mark.parametrize("how", ["test", "fixture", "mark"])
def test_skip_is_no_failure_elsewhere(tmp_path: Path, how: str) -> None:
    assert run(tmp_path, SKIPPING[how], ci="").returncode == 0


def test_expected_failure_is_no_skip(tmp_path: Path) -> None:
    body = "import pytest\n\n@pytest.mark.xfail\ndef test_it():\n    raise AssertionError\n"
    assert run(tmp_path, body, ci="true").returncode == 0


def test_foreign_address_is_refused_before_a_packet_leaves(tmp_path: Path) -> None:
    body = "import socket\n\ndef test_it():\n    socket.socket().connect(('192.0.2.1', 80))\n"
    done = run(tmp_path, body, ci="")
    assert done.returncode != 0
    assert "ForeignAddress: socket.connect to ('192.0.2.1', 80)" in done.stdout
