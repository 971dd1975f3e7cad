"""What pip installs for the wheel, without the locked set, finds the same."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.agreement import lab
from tests.packaging.project import ROOT
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import issue, rsa_key

#: The plugins that both have: the extra sslyze is not installed with the wheel.
PLUGINS = ("inspector_tls", "inspector_http")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a clean environment with the wheel of this tree and what pip resolved for it."""
    python = lab.installed_python()
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(build, cwd=ROOT, check=True, timeout=300)
    install = [python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--force-reinstall"]
    subprocess.run([*install, *folder.glob("*.whl")], check=True, timeout=300)
    return python


def findings(python: Path | str, folder: Path, *urls: str) -> dict[str, tuple[Any, ...]]:
    """Outcome, cause and values of every finding about these servers, by id."""
    only = [word for plugin in PLUGINS for word in ("--only", plugin)]
    command = [python, "-I", "-m", "inspector.cli", "run", *urls, "--level", "3", *only, "--format", "json", "--quiet"]
    done = subprocess.run(
        [*command, "--output", folder / "out", "--to", folder / "reports"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode in (0, 1, 3), done.stderr
    found = [each for path in (folder / "reports").glob("*.json") for each in json.loads(path.read_bytes())]
    return {
        f"{each['id']} {each['check']}": tuple(each[name] for name in ("outcome", "cause", "measured", "threshold"))
        for each in found
    }


def test_the_same_findings_as_the_locked_set(installed: Path, tmp_path: Path) -> None:
    """On three servers, one of which agrees keys in a post-quantum group only, every finding is the same."""
    files = issue("127.0.0.1", ip=["127.0.0.1"], key=rsa_key()).write(tmp_path, "server")
    shown = f"ssl_certificate {files[0]}; ssl_certificate_key {files[1]};"
    with ExitStack() as stack:
        ports = (
            stack.enter_context(servers.nginx(tmp_path, f"{shown} ssl_protocols TLSv1.2 TLSv1.3;")),
            stack.enter_context(servers.openssl(files, "-www", "-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0")),
            stack.enter_context(servers.node(tmp_path, files, "minVersion: 'TLSv1.3', ecdhCurve: 'X25519MLKEM768'")),
        )
        urls = [f"https://127.0.0.1:{port}/" for port in ports]
        seen = []
        for name, python in (("locked", sys.executable), ("installed", installed)):
            (tmp_path / name).mkdir()
            seen.append(findings(python, tmp_path / name, *urls))
    locked, resolved = seen
    assert len(locked) > 3 * 30
    assert {each[0] for each in locked.values()} >= {"pass", "fail"}
    assert resolved == locked
