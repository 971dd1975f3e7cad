"""What the README shows works as it stands there."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from inspector.cli.exit_code import CLEAN, FAILING, UNSEEN
from inspector.regime.loader import load_all
from inspector.regime.regime import Regime, Requirement
from inspector_profiles import inspector_profiles

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
SERVER = """
import http.server, ssl, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *_):
        pass
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2])
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Page)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def _blocks(language: str, marker: str = "") -> list[str]:
    found = [text for kind, text in BLOCKS if kind == language and marker in text]
    assert found, f"the README has no {language} block with {marker!r}"
    return found


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A web server over TLS on loopback."""
    pem = tmp_path_factory.mktemp("server") / "server.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
            ),
            *("-subj", "/CN=readme", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(pem), "-out", f"{pem}.crt"),
        ],
        check=True,
        capture_output=True,
    )
    pem.write_text(pem.read_text() + Path(f"{pem}.crt").read_text())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(number), str(pem)])
    try:
        for _ in range(200):
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", number)) == 0:
                    break
            time.sleep(0.05)
        yield number
    finally:
        server.terminate()
        server.wait()


def _with_period(text: str, begins: timedelta, ends: timedelta) -> str:
    """The document with a period that begins and ends so long from now."""
    for name, offset in (("valid_from", begins), ("valid_until", ends)):
        instant = (datetime.now(UTC) + offset).isoformat(timespec="seconds")
        text = re.sub(rf"^({name}: )\S+", rf"\g<1>{instant}", text, flags=re.MULTILINE)
    return text


def _granted_today(text: str) -> str:
    return _with_period(text, timedelta(days=-1), timedelta(days=364))


def _ended(text: str) -> str:
    return _with_period(text, timedelta(days=-365), timedelta(days=-1))


def _shell(text: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "XDG_CONFIG_HOME": str(folder / "config"),
        **variables,
    }
    return subprocess.run(
        ["bash", "-uo", "pipefail", "-c", text],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


def _clean(done: subprocess.CompletedProcess[str], *codes: int) -> None:
    assert "Traceback" not in done.stderr
    assert done.returncode in codes, done.stdout + done.stderr


def test_the_two_commands_are_there() -> None:
    """bootstrap knows the words that the README uses."""
    assert "./bootstrap demo" in _blocks("sh")[0]
    script = (ROOT / "bootstrap").read_text()
    assert re.search(r"^\s*demo\)", script, re.MULTILINE)
    assert re.search(r"^\s*test\)", script, re.MULTILINE)


def test_a_first_scan(port: int, tmp_path: Path) -> None:
    """The smoke check of a server on this machine needs no documents."""
    (command,) = _blocks("sh", "https://127.0.0.1:8443/ --level 3 --select smoke")
    done = _shell(command.replace("8443", str(port)), tmp_path, LC_ALL="C.UTF-8")
    _clean(done, FAILING)
    assert "exit code 1: requirements that fail by --fail-on must,high: " in " ".join(done.stdout.split())


def test_the_environment_is_activated_as_written() -> None:
    """After the set-up the line makes inspector a command of the shell."""
    (line,) = _blocks("sh", "activate")
    environment = {**os.environ, "PATH": "/usr/bin:/bin"}
    text = f"{line.replace('.venv', sys.prefix)}\ninspector --version"
    done = subprocess.run(["sh", "-euc", text], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout[:10]) == (0, "inspector ")


def test_documents_plan_run_and_reading(port: int, tmp_path: Path) -> None:
    """Skeletons, documents, plan, run, verify, assess, report and diff, one after the other as written."""
    (init,) = _blocks("sh", "inspector init")
    _clean(_shell(init.replace("8443", str(port)), tmp_path), 0)
    (commands,) = _blocks("sh", "inspector plan documents/declaration.yaml")
    plan, run = commands.strip().splitlines()
    _clean(_shell(plan, tmp_path), 0)
    for document in ("documents/declaration.yaml", "documents/authorisation.yaml"):
        assert (tmp_path / document).is_file()
        (text,) = _blocks("yaml", f"# {document}")
        (tmp_path / document).write_text(_granted_today(text).replace("8443", str(port)), encoding="utf-8")
    _clean(_shell("inspector check documents/*.yaml inspector.toml", tmp_path), 0)
    planned = _shell(plan, tmp_path)
    _clean(planned, 0)
    assert f"https://127.0.0.1:{port}/" in planned.stdout
    _clean(_shell(run, tmp_path), CLEAN, FAILING, UNSEEN)
    (reading,) = _blocks("sh", "inspector verify")
    result = _shell(f"set -e\n{reading.replace('inspector assess', '! inspector assess --fail-on info')}", tmp_path)
    _clean(result, 0)
    assert {path.name for path in (tmp_path / "reports-out").iterdir()} >= {"report.vi.html", "report.sarif"}
    (comparing,) = _blocks("sh", "inspector diff")
    _clean(_shell(comparing, tmp_path), CLEAN, FAILING, UNSEEN)
    assert {path.name for path in (tmp_path / "changes").iterdir()} >= {"difference.vi.html", "difference.json"}


def test_an_authorisation_that_has_ended(port: int, tmp_path: Path) -> None:
    """The document of a reader who copies it after its period is refused at its place, with the remedy."""
    (tmp_path / "documents").mkdir()
    for document in ("documents/declaration.yaml", "documents/authorisation.yaml"):
        (text,) = _blocks("yaml", f"# {document}")
        (tmp_path / document).write_text(_ended(text).replace("8443", str(port)), encoding="utf-8")
    (commands,) = _blocks("sh", "inspector plan documents/declaration.yaml")
    refused = _shell(commands.strip().splitlines()[1], tmp_path, LC_ALL="C.UTF-8")
    _clean(refused, 2)
    assert re.search(r"authorisation\.yaml:\d+:\d+: authorisation 'QĐ-45-2026' expired at .*; ask ", refused.stderr)


def _job(text: str, port: int, folder: Path) -> None:
    ran = _shell(
        text,
        folder,
        STAGING_URL=f"https://127.0.0.1:{port}/",
        GITLAB_USER_NAME="someone",
        GITHUB_ACTOR="someone",
    )
    _clean(ran, CLEAN, FAILING)


def test_the_gitlab_job(port: int, tmp_path: Path) -> None:
    """Its script runs, and writes every file that it names."""
    (text,) = _blocks("yaml", "# .gitlab-ci.yml")
    job: dict[str, Any] = YAML(typ="safe").load(text)["inspect"]
    *install, inspect = job["script"]
    assert install[-1] == 'pip install "level-inspector @ git+$INSPECTOR_REPOSITORY"'
    _job(inspect, port, tmp_path)
    for path in job["artifacts"]["reports"].values():
        assert (tmp_path / path).stat().st_size > 0


def test_the_github_job(port: int, tmp_path: Path) -> None:
    """Its step runs, and writes the file that is uploaded."""
    (text,) = _blocks("yaml", "# .github/workflows/inspect.yml")
    steps: list[dict[str, Any]] = YAML(typ="safe").load(text)["jobs"]["inspect"]["steps"]
    _job(steps[1]["run"], port, tmp_path)
    assert (tmp_path / steps[2]["with"]["sarif_file"]).stat().st_size > 0


def _shown(language: str, path: str) -> str:
    """The one block that shows this file."""
    (text,) = _blocks(language, f"# {path}\n")
    return text.removeprefix(f"# {path}\n")


@pytest.mark.parametrize(
    ("language", "path"),
    [
        ("python", "plugins/inspector_http/checks/referrer_policy_set.py"),
        ("yaml", "tests/plugins/inspector_http/cases/referrer-policy-set.yaml"),
    ],
)
def test_the_check_of_the_example(language: str, path: str) -> None:
    """Check and case are those that ship, which tests/plugins runs; of the cases the first ones are shown."""
    shown, shipped = _shown(language, path), (ROOT / path).read_text(encoding="utf-8")
    assert shown == (shipped[: len(shown)] if language == "yaml" else shipped)
    assert shown.endswith("\n")


def test_the_row_of_the_example(tmp_path: Path) -> None:
    """The row loads as a row of an extension, and asks for the check as the shipped baseline does."""
    row = _shown("yaml", "profiles/inspector_profiles/baseline/requirements/web.yaml")
    folder = tmp_path / "rows"
    (folder / "requirements").mkdir(parents=True)
    (folder / "regime.yaml").write_text(
        "id: rows\nversion: '1'\nextends: [vn-nd331-2026]\ntitle: {vi: Hàng, en: Rows}\nlast_checked: 2026-11-01\n",
        encoding="utf-8",
    )
    (folder / "requirements" / "web.yaml").write_text(row, encoding="utf-8")
    shipped = [each for each in inspector_profiles() if each.name != "baseline"]
    ours = {each.id: each for each in load_all(inspector_profiles())}["vn-nd331-2026"]
    example = {each.id: each for each in load_all([*shipped, folder])}["vn-nd331-2026"]

    def asked(regime: Regime) -> list[Requirement]:
        return [each for each in regime.requirements if each.check == "referrer-policy-set"]

    assert asked(example) == asked(ours)
    assert len(asked(example)) == 1
