"""The commands' flags, streams and exit codes, on real servers."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.registry.registry import installed
from inspector.seal import SigningKey
from tests.bundles import assessments
from tests.launcher import COMMAND, Launched, launched
from tests.line.harness import Line, RunResult, Servers, document, run_cli, serving, system

SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=31536000",
}


@pytest.fixture(scope="module")
def servers(certificate: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with serving(
        {"name": "secure", "mode": "page", "headers": SAFE, **certificate},
        {"name": "clear", "mode": "page"},
        {"name": "silent", "mode": "silent"},
    ) as servers:
        yield servers


@pytest.fixture(scope="module")
def at(servers: Servers) -> dict[str, str]:
    schemes = {"secure": "https"}
    return {name: f"{schemes.get(name, 'http')}://127.0.0.1:{port}/" for name, port in servers.ports.items()}


@pytest.fixture(scope="module")
def clear(line: Line, at: dict[str, str]) -> RunResult:
    """One inspection of a bad page, whose findings fail."""
    return line.call("run", at["clear"], "--level", 3, "--only", "http", "--lang", "en")


def stated(line: Line, **about: str) -> Path:
    """A document with one statement."""
    said = {"kind": "accepted-risk", "system": "portal", "reason": "r", "author": "a", **about}
    return document(line.folder / "statements.yaml", {"statements": [said]})


def test_a_statement_that_matches_nothing_is_an_error(line: Line, at: dict[str, str]) -> None:
    """A requirement that no regime has is refused before anything is asked, a subject without a finding afterwards."""
    declared = line.declare(system(at["secure"]), name="stated.yaml")
    options = ("run", declared, "--only", "hsts-set", "--lang", "en", "--statements")
    refused = line.call(*options, stated(line, requirement="hsts-sett", subject=at["secure"]))
    assert (refused.code, refused.bundles) == (2, [])
    assert "no regime has requirement 'hsts-sett'; nearest: hsts-set" in refused.err
    wrong = line.call(*options, stated(line, requirement="hsts-set", subject=f"{at['secure']}other"))
    assert wrong.code == 2
    assert "matches nothing; subjects of this requirement here: " in wrong.err
    assert "exit code 2: statements that match nothing: 1" in " ".join(wrong.out.split())
    subject = wrong.finding("hsts-set")["subject"]
    assert f"here: {subject}" in wrong.err
    right = line.call(*options, stated(line, requirement="hsts-set", subject=subject))
    assert (right.code, "matches nothing" in right.err) == (0, False)
    left_out = line.call(*options, stated(line, requirement="tls-modern-protocols", subject=subject))
    assert (left_out.code, "matches nothing" in left_out.err) == (0, False)


# --- streams ---


def words(*arguments: str, shell: str = '"$@"', **env: str) -> subprocess.CompletedProcess[bytes]:
    """A command as a shell runs it: its exit code, and what it says as it says it."""
    command = ["sh", "-c", shell, "sh", sys.executable, "-m", "inspector.cli", *arguments]
    return subprocess.run(command, capture_output=True, check=False, env={**os.environ, **env})


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("arguments", [("list", "checks"), ("schema", "declaration"), ("explain", "hsts-set")])
def test_what_an_encoding_cannot_say_is_escaped(arguments: tuple[str, ...], encoding: str) -> None:
    """No character ends a command: where stdout has no letter for it, it is written out."""
    result = words(*arguments, PYTHONIOENCODING=encoding, INSPECTOR_LANG="vi")
    assert (result.returncode, result.stderr) == (0, b"")
    assert rb"\u" in result.stdout
    if arguments[0] == "schema":
        json.loads(result.stdout.decode(encoding))


@contextlib.contextmanager
def lost(kind: str) -> Iterator[int]:
    """A stream that takes nothing: of a *full* disk, or a pipe whose reader has *left*; or one that takes all."""
    if kind == "left":
        reading, stream = os.pipe()
        os.close(reading)
    else:
        stream = os.open("/dev/full" if kind == "full" else os.devnull, os.O_WRONLY)
    try:
        yield stream
    finally:
        os.close(stream)


@pytest.mark.parametrize("arguments", [("list", "checks"), ("list", "formats"), ("schema", "declaration")])
def test_a_full_disk_behind_stdout_is_reported(arguments: tuple[str, ...]) -> None:
    """Results that go nowhere are a usage error in words, however few they are."""
    with lost("full") as stdout:
        result = launched([*COMMAND, *arguments], stdout=stdout, stderr=subprocess.PIPE)
    assert result.returncode == 2
    assert result.stderr == b"inspector: results cannot be written to stdout: No space left on device; check the disk\n"


@pytest.mark.parametrize("arguments", [("list", "checks"), ("schema", "declaration"), ("run", "--help")])
def test_a_reader_who_leaves_is_distinguished_from_a_failure(arguments: tuple[str, ...]) -> None:
    """The exit code is that of a closed pipe, not 1, also where the parser of the command line prints."""
    with lost("left") as stdout:
        result = launched([*COMMAND, *arguments], stdout=stdout, stderr=subprocess.PIPE)
    assert (result.returncode, result.stderr) == (141, b"")


@pytest.mark.parametrize(
    ("streams", "code"), [("left left", 141), ("left kept", 141), ("kept full", 2), ("full kept", 2)]
)
@pytest.mark.parametrize("level", ["debug", "warning"])
def test_a_stream_that_is_lost_breaks_off_no_inspection(
    line: Line, at: dict[str, str], streams: str, code: int, level: str, tmp_path: Path
) -> None:
    """Everything is scanned, sealed and assessed, and reports are copied; the exit code says that output is lost."""
    output, reports = line.new_output(), line.new_output()
    arguments = ["run", at["clear"], "--level", "3", "--only", "http", "--log-level", level, "--to", str(reports)]
    with contextlib.ExitStack() as opened:
        out, err = (
            opened.enter_context((tmp_path / name).open("wb") if kind == "kept" else lost(kind))
            for name, kind in zip(("out", "err"), streams.split(), strict=True)
        )
        result = launched([*COMMAND, *arguments, *line.options(output)], stdout=out, stderr=err)
    assert result.returncode == code
    assert b"Traceback" not in b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert assessments(output)
    assert list(reports.glob("report.*"))


def test_closed_streams_take_anything() -> None:
    """A command whose streams are closed does its work and says nothing."""
    assert words("list", "checks", shell='"$@" >&-').returncode == 0
    assert words("list", "nothing", shell='"$@" 2>&-').returncode == 2


# --- interpreter ---


def test_python_without_docstrings_starts_again_with_them() -> None:
    """Checks keep their texts in docstrings: the command has them whatever the environment and Python's options say."""
    usual = words("list", "checks").stdout
    assert b"caa-limits-issuers" in usual
    assert words("list", "checks", PYTHONOPTIMIZE="2").stdout == usual
    assert words("list", "checks", shell=f"{sys.executable} -OO -m inspector.cli list checks").stdout == usual


def test_a_program_without_docstrings_is_refused() -> None:
    """Where another program calls the command line it cannot start again, and says why."""
    source = "from inspector.cli.app import call; raise SystemExit(call(['list', 'checks', '--lang', 'en']))"
    result = subprocess.run([sys.executable, "-OO", "-c", source], capture_output=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith(b"inspector: Python runs without docstrings (-OO or PYTHONOPTIMIZE=2)")


def test_nobody_else_may_change_what_is_written(tmp_path: Path) -> None:
    """Where the system lets everybody write new files, the files of a command are still their owner's."""
    shell = f'umask 000 && cd {tmp_path} && "$@"'
    options = (
        "--organisation",
        "o",
        "--system",
        "s",
        "--name",
        "n",
        "--level",
        "1",
        "--endpoint",
        "https://a.example/",
    )
    result = words("init", "new", *options, "--granted-by", "g", "--contact", "c@example.vn", shell=shell)
    assert result.returncode == 0, result.stderr
    written = [tmp_path / "new", *(tmp_path / "new").iterdir(), tmp_path / "inspector.toml"]
    assert len(written) == 5
    assert [path.name for path in written if path.stat().st_mode & 0o022] == []


# --- languages ---


@pytest.mark.parametrize(
    "command",
    [("list", "checks"), ("explain", "hsts-set"), ("seal", "."), ("assess", "."), ("report", "."), ("demo",)],
)
def test_a_language_that_nothing_speaks_is_misuse(command: tuple[str, ...]) -> None:
    """Every command that prints in a language says which there are."""
    result = run_cli(*command, "--lang", "fr")
    assert result.code == 2
    assert "Invalid value for '--lang': 'fr' is not one of 'vi', 'en'" in result.err


@pytest.mark.parametrize("command", ["run", "plan"])
def test_declared_roots_that_cannot_be_read_are_misuse(line: Line, at: dict[str, str], command: str) -> None:
    """Before anything is asked, the file and the line are named, and no output is begun."""
    roots = line.folder / "roots.pem"
    roots.write_text("A root\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    result = line.call(command, at["secure"], "--level", 3, trust_roots=[str(roots)])
    assert result.code == 2
    assert f"{roots}:2: the certificate cannot be read; replace it" in result.err
    assert not result.output.exists()


# --- exit codes -------------------------------------------------------------------------------------------------------


def test_0_where_nothing_fails(line: Line, at: dict[str, str]) -> None:
    """What must hold, holds."""
    result = line.call("run", at["secure"], "--level", 3, "--only", "every-web-endpoint-encrypted")
    assert result.code == 0
    assert result.verdict("every-web-endpoint-encrypted") == ("pass", None)


def test_1_where_something_fails(clear: RunResult) -> None:
    """What must hold, does not."""
    assert clear.code == 1
    found = clear.finding("every-web-endpoint-encrypted")
    assert (found["outcome"], found["obligation"]) == ("fail", "must")


def test_2_for_misuse(line: Line, at: dict[str, str]) -> None:
    """The command cannot run as it was asked: words on stderr, nothing on stdout, nothing written."""
    for arguments in (
        (),
        (at["clear"],),
        (at["clear"], "--level", 9),
        (at["clear"], "--level", 3, "--only", "no-such-check"),
        (at["clear"], "--level", 3, "--fail-on", "sometimes"),
        (at["clear"], "--level", 3, "--format", "papyrus"),
        (at["clear"], "--level", 3, "--lang", "fr"),
        (at["clear"], "--level", 3, "--log-level", "loud"),
        (at["clear"], "--level", 3, "--baseline", "no-such-file"),
        (at["clear"], "--level", 3, "--authorised-by", "\udcff"),
        (at["clear"], "--level", 3, "--regime", "no-such-regime"),
        ("no-such-file.yaml",),
        ("gopher://127.0.0.1/", "--level", 3),
        ("https://192.0.2.1/", "--level", 3),
    ):
        result = line.call("run", *arguments)
        assert (result.code, result.out) == (2, ""), arguments
        assert result.err, arguments
        assert result.bundles == [], arguments


def test_3_where_something_was_not_seen(line: Line, at: dict[str, str]) -> None:
    """Nothing fails, but what must hold could not be seen."""
    options = ("--level", 3, "--only", "every-web-endpoint-encrypted")
    result = line.call("run", at["silent"], *options, ceilings={"scan_seconds": 1})
    assert result.code == 3
    assert result.verdict("every-web-endpoint-encrypted") == ("inconclusive", "timeout")


# --- what is asked ----------------------------------------------------------------------------------------------------


def test_only_names_plugins_probes_and_checks(line: Line, at: dict[str, str]) -> None:
    """Each of the three narrows the inspection; the rest is not selected, in the coverage and not in the exit code."""
    judged: dict[str, set[str]] = {}
    both = {"http", "security-txt", "cross-origin"}
    for name, probes in (("inspector_http", both), ("http", both), ("https-reachable", {"http"})):
        result = line.call("run", at["secure"], "--level", 3, "--only", name)
        assert result.code == 0
        judged[name] = {finding["check"] for finding in result.findings}
        coverage = result.assessment["coverage"]
        assert "tls-modern-protocols" in coverage["not_selected"]
        assert {evidence.probe for evidence in result.evidence} == probes
    assert judged["https-reachable"] == {"https-reachable"}
    assert judged["http"] == judged["inspector_http"] > judged["https-reachable"]


def test_unknown_name_is_refused_with_a_remedy(line: Line, at: dict[str, str]) -> None:
    """A typing error never becomes an empty inspection."""
    result = line.call("run", at["secure"], "--level", 3, "--only", "htpt")
    assert result.code == 2
    assert "--only htpt: no plugin, probe or check has this name; did you mean 'http'?" in result.err


def test_smoke_in_a_pipeline(line: Line, at: dict[str, str], tmp_path: Path) -> None:
    """A pipeline's one command: smoke rows of one URL, SARIF and JUnit beside the bundle and where ``--to`` says."""
    result = line.call(
        *("run", at["secure"], "--level", 3, "--select", "smoke", "--format", "sarif,junit"),
        *("--to", tmp_path, "--fail-on", "must"),
    )
    assert result.code == 0
    assert "failing, but not counted: " in result.out
    sarif = json.loads((tmp_path / "report.sarif").read_bytes())
    assert sarif["version"] == "2.1.0"
    suite = ET.parse(tmp_path / "report.junit.xml").getroot()
    observable = [each for each in result.findings if each["outcome"] != "not-observable"]
    assert int(suite.get("tests", "0")) == len(observable) < len(result.findings)
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")  # as exit code 0 says
    for path in tmp_path.iterdir():
        assert path.read_bytes() == result.reports()[path.name]
        assert str(path) in result.out
    assert {"tls-modern-protocols", "https-reachable", "hsts-set"} <= {each["check"] for each in result.findings}
    left_out = result.assessment["coverage"]["not_selected"]
    assert "approval-in-place" in left_out
    assert not {each["requirement"] for each in result.findings} & set(left_out)


def test_reports_of_many_systems_are_made_on_demand(
    line: Line, at: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the limit a run writes none and prints the command, which makes the same bytes as below the limit."""
    systems = [system(at["clear"], id=name) for name in ("one", "two")]
    arguments = ("run", line.declare(*systems, name="two.yaml"), "--only", "http", "--lang", "en")
    few = line.call(*arguments)
    assert len(list(few.output.glob("*/*/*.html"))) == 4
    monkeypatch.setattr("inspector.cli.run.SYSTEMS_WITH_REPORTS", 1)
    many = line.call(*arguments)
    assert many.code == few.code
    assert not list(many.output.glob("*/*/*.*"))
    [run] = {bundle.folder.parents[1] for bundle in many.bundles}
    assert f"Write the report of a system: inspector report {run}/SYSTEM/INSPECTION --to FOLDER" in many.out
    for bundle in few.bundles:
        place = tmp_path / bundle.inspection.system.id
        assert run_cli("report", bundle.folder, "--format", "html,json", "--to", place).code == 0
        written = {path.name.partition(".")[2]: path.read_bytes() for path in bundle.folder.parent.glob("*.*")}
        assert {path.name: path.read_bytes() for path in place.iterdir()} == written
    wanted = line.call(*arguments, "--format", "sarif")
    written = sorted(path.suffix for path in wanted.output.glob("*/*/*.*"))
    assert written == [".json", ".json", ".sarif", ".sarif"]  # the findings, to which SARIF points


def test_reports_are_kept_when_asked_for(line: Line, at: dict[str, str]) -> None:
    """With --keep-reports they stand in the bundle, under its signature, and not beside it."""
    kept = line.call("run", at["clear"], "--level", 3, "--only", "http", "--keep-reports", "--lang", "en")
    [folder] = assessments(kept.output)
    assert sorted(path.name for path in (folder / "reports").iterdir()) == [
        *("findings.json", "report.en.html", "report.vi.html")
    ]
    assert f"Report: {folder / 'reports' / 'report.en.html'}" in kept.out
    assert not list(kept.output.glob("*/*/*.*"))
    page = folder / "reports" / "report.vi.html"
    page.write_bytes(page.read_bytes() + b" ")
    answer = line.call("verify", kept.bundles[0].folder, "--lang", "en", output=kept.output)
    assert answer.code == 1
    assert "reports/report.vi.html: is not what was sealed" in answer.out


def test_an_exported_bundle_is_verified_anywhere(line: Line, clear: RunResult, tmp_path: Path) -> None:
    """One file holds all of it; what is altered in it is named, and another name of the file is refused."""
    bundle, file = clear.bundles[0].folder, tmp_path / "clear.tar.zst"
    made = run_cli("bundle", "export", bundle, "-o", file, "--lang", "en")
    assert (made.code, made.out.splitlines()) == (
        0,
        [f"Exported: {file}", f"Check a sealed bundle: inspector verify {file}"],
    )
    here, there = line.call("verify", bundle, "--lang", "en"), line.call("verify", file, "--lang", "en")
    assert there.code == here.code == 0
    assert set(there.out.splitlines()) - set(here.out.splitlines()) == {
        "no signed index of the run lies beside it: whether an assessment was removed is not known"
    }
    file.write_bytes(file.read_bytes()[:-20])
    broken = line.call("verify", file, "--lang", "en")
    assert (broken.code, broken.out.splitlines()[0]) == (1, "not intact:")
    assert "clear.tar.zst: ends too early" in broken.out
    refused = run_cli("bundle", "export", bundle, "-o", tmp_path / "clear.zip", "--lang", "en")
    assert (refused.code, refused.out) == (2, "")
    assert "write --output" in refused.err


def test_within_ends_asking_in_time(line: Line, at: dict[str, str]) -> None:
    """What --within leaves out is not selected: inconclusive, listed, and no reason for exit code 3."""
    result = line.call("run", at["silent"], "--level", 3, "--only", "every-web-endpoint-encrypted", "--within", 1)
    assert result.code == 0
    assert result.verdict("every-web-endpoint-encrypted") == ("inconclusive", "not-selected")
    [missed] = result.assessment["coverage"]["missed"]
    assert (missed["probe"], missed["cause"]) == ("http", "not-selected")


# --- what counts ------------------------------------------------------------------------------------------------------


def test_fail_on_sets_the_threshold(line: Line, clear: RunResult) -> None:
    """A severity counts recommendations too, from itself upwards."""
    codes = {
        threshold: line.call("assess", clear.bundle.folder, "--fail-on", threshold).code
        for threshold in ("must", "critical", "high", "medium", "low", "info")
    }
    assert codes == {"must": 1, "critical": 0, "high": 1, "medium": 1, "low": 1, "info": 1}


def test_baseline_lets_known_failures_pass(line: Line, at: dict[str, str], clear: RunResult, tmp_path: Path) -> None:
    """Findings of an earlier run do not count again; their ids are the same on every run."""
    known = min(clear.output.glob("*/*/*.findings.json"))
    options = (at["clear"], "--level", 3, "--only", "http", "--fail-on", "low")
    assert line.call("run", *options, "--baseline", known).code == 0
    fewer = [each for each in json.loads(known.read_bytes()) if each["check"] != "content-type-nosniff"]
    (tmp_path / "fewer.json").write_text(json.dumps(fewer))
    assert line.call("run", *options, "--baseline", tmp_path / "fewer.json").code == 1


def test_without_documents_a_high_failure_counts(line: Line, at: dict[str, str]) -> None:
    """A pipeline that gives a URL is red for a certificate that nobody trusts; with a declaration only duties count."""
    only = ("--only", "certificate-chains-to-public-root", "--lang", "en")
    result = line.call("run", at["secure"], "--level", 3, *only)
    assert result.code == 1
    assert "exit code 1: requirements that fail by --fail-on must,high: 1" in " ".join(result.out.split())
    assert line.call("run", line.declare(system(at["secure"]), name="own.yaml"), *only).code == 0
    assert line.call("assess", result.bundle.folder).code == 1


# --- streams ----------------------------------------------------------------------------------------------------------


def test_copies_of_reports_are_their_owners(clear: RunResult, tmp_path: Path) -> None:
    """``--to`` writes for nobody else to read, also over an older file, and through no link."""
    folder = tmp_path / "reports"
    for _ in range(2):
        assert run_cli("report", clear.bundle.folder, "--format", "json", "--to", folder).code == 0
        [file] = folder.iterdir()
        assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
        json.loads(file.read_bytes())
        file.write_bytes(b"x" * 10**7)
        file.chmod(0o666)
    file.unlink()
    file.symlink_to(tmp_path / "elsewhere")
    refused = run_cli("report", clear.bundle.folder, "--format", "json", "--to", folder)
    assert refused.code == 2
    assert f"{file}: cannot be written" in refused.err
    assert not (tmp_path / "elsewhere").exists()


def test_progress_is_on_stderr_and_results_on_stdout(clear: RunResult, at: dict[str, str]) -> None:
    """Whoever pipes the results gets nothing else."""
    assert re.fullmatch(r"(127\.0\.0\.1: \d+/\d+ (http|cross-origin) 127\.0\.0\.1\n)+", clear.err)
    assert "no-version" not in clear.err
    assert "over plain HTTP" in clear.out
    assert "report.en.html" in clear.out
    assert "1/" not in clear.out.splitlines()[0]


def test_quiet_says_results_only(line: Line, at: dict[str, str]) -> None:
    """No progress; results and errors stay."""
    result = line.call("run", at["clear"], "--level", 3, "--only", "http", "--quiet")
    assert result.err == ""
    assert "report.en.html" in result.out
    assert result.code == 1


def test_output_without_a_terminal_has_no_escape(clear: RunResult) -> None:
    """In a pipe there is no escape sequence at all."""
    assert "\x1b" not in clear.out + clear.err


def test_no_color_on_a_terminal(line: Line) -> None:
    """With NO_COLOR a terminal is sent no colour either."""
    reading, terminal = pty.openpty()
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "xterm-256color"}
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
    launched([*COMMAND, "list", "formats"], **streams, env=environment, check=True, timeout=300)
    shown = os.read(reading, 65536).decode()
    os.close(reading)
    os.close(terminal)
    assert "sarif" in shown
    assert re.search(r"\x1b\[[0-9;]*(3|4|9|10)[0-9](;|m)", shown) is None


@pytest.mark.parametrize(
    ("what", "columns", "shown"),
    [
        (("list", "probes"), 40, "Name: tls\n"),
        (("list", "probes"), 120, " Name  "),
        (("tables", "list"), 80, "Name: known-exploited\n"),
    ],
)
def test_a_wide_table_on_a_narrow_terminal_is_lines(what: tuple[str, str], columns: int, shown: str) -> None:
    """No word stands letter under letter, and no line is wider than the terminal but where one word is."""
    reading, terminal = pty.openpty()
    command = [*COMMAND, *what, "--lang", "en"]
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(columns)}
    process = Launched(command, stdout=terminal, stderr=terminal, stdin=terminal, env=environment)
    os.close(terminal)
    said = b""
    with contextlib.suppress(OSError):  # the other side is closed
        while data := os.read(reading, 65536):
            said += data
    os.close(reading)
    assert process.wait(300) == 0
    lines = re.sub(r"\x1b\[[0-9;]*m", "", said.decode()).replace("\r\n", "\n")
    assert shown in lines
    assert max(map(len, lines.splitlines())) <= columns


def test_log_level_debug_adds_to_stderr_alone(line: Line, at: dict[str, str]) -> None:
    """More words for a technician change nothing on stdout but the names of files."""
    options = ("run", at["clear"], "--level", 3, "--only", "https-reachable", "--quiet")
    usual, loud = line.call(*options), line.spawn(*options, "--log-level", "debug")
    assert usual.err == ""
    assert "DEBUG" in loud.err
    assert (usual.code, loud.code) == (0, 0)
    assert usual.out.split("Report:")[0] == loud.out.split("Report:")[0]


def test_language_changes_words_alone(line: Line, clear: RunResult) -> None:
    """The same findings in Vietnamese, with the same exit code."""
    result = line.call("assess", clear.bundle.folder, "--lang", "vi")
    assert result.code == clear.code
    assert "yêu cầu chưa đạt" in result.out
    assert "not met" not in result.out


# --- the other commands -----------------------------------------------------------------------------------------------


def test_plan_sends_the_target_nothing(line: Line, servers: Servers, at: dict[str, str]) -> None:
    """Who would be asked what, how many connections, for how long; and nothing leaves."""
    before = servers.received()
    result = line.call("plan", at["secure"], "--level", 3, "--lang", "en")
    assert result.code == 0
    assert "https://127.0.0.1" in result.out
    assert re.search(
        r"In all at most \d+ connections, 0 port questions, \d+ questions to resolvers and name servers, and \d+ s",
        " ".join(result.out.split()),
    )
    assert "resolving the names" in result.err
    assert servers.received() == before


def test_run_needs_a_name_for_what_is_not_this_machine(line: Line) -> None:
    """Whoever inspects another machine without documents says who answers for it."""
    result = line.call("plan", "https://192.0.2.1/", "--level", 3)
    assert result.code == 2
    assert "--authorised-by" in result.err


def test_templates_from_init_are_documents_for_plan(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ``init`` writes from flags is read back without a fault."""
    monkeypatch.chdir(tmp_path)
    result = run_cli(
        *("init", tmp_path, "--organisation", "Cơ quan", "--system", "portal", "--name", "Cổng", "--level", 2),
        *("--endpoint", "http://127.0.0.1:9/", "--granted-by", "Chủ quản", "--contact", "a@example.vn"),
    )
    assert result.code == 0
    planned = line.call("plan", tmp_path / "declaration.yaml", "-a", tmp_path / "authorisation.yaml", "--lang", "en")
    assert planned.code == 0
    assert "http://127.0.0.1:9/" in planned.out


def test_key_is_made_once_and_is_its_owners(line: Line, clear: RunResult) -> None:
    """Every bundle of this side has the same signer, and nobody else can read the key."""
    path = line.folder / "key.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    key = SigningKey.existing(path)
    assert key is not None
    assert clear.bundle.signers == (key.keyid,)
    assert {path.stat().st_mode & 0o077 for path in clear.output.rglob("*")} == {0}


@pytest.mark.parametrize(
    "document", ["declaration", "declaration-line", "authorisation", "statements", "settings", "findings"]
)
def test_schema_of_every_document(document: str, clear: RunResult) -> None:
    """Each is JSON Schema; findings are what theirs says."""
    import jsonschema

    result = run_cli("schema", document)
    schema = json.loads(result.out)
    jsonschema.Draft202012Validator.check_schema(schema)
    if document == "findings":
        jsonschema.validate(clear.findings, schema)


@pytest.mark.parametrize("what", ["plugins", "probes", "checks", "regimes", "formats", "schemes"])
def test_lists(what: str) -> None:
    """Each list has rows in both languages."""
    for lang in ("vi", "en"):
        result = run_cli("list", what, "--lang", lang)
        assert result.code == 0
        assert len(result.out.splitlines()) > 4


def test_explain_tells_what_rests_on_a_clause() -> None:
    """A clause is shown with whom it binds, where it was read, its deadlines and rows, or why it is not judged."""
    text = run_cli("explain", "nd331-35.4", "--lang", "en").out
    for words in (
        "331/2026/NĐ-CP: Decree on the cybersecurity of information systems",
        "Read: full text from a private law site",
        "In force from: 2026-08-19 · Status: in force",
        "Binds: state bodies, and online services for people and businesses",
        "vn-nd331-2026 · Deadline: The owner sends the yearly report",
        "check yearly-report-in-window",
    ):
        assert words in text
    assert "Not judged, because: used as the condition" in run_cli("explain", "nd331-2", "--lang", "en").out
    assert "Left to the owner at level 1" in run_cli("explain", "tcvn14423-3.8", "--lang", "en").out
    assert "Không đánh giá, vì" in run_cli("explain", "nd331-2", "--lang", "vi").out


def test_explain_lists_all_clauses_of_a_document() -> None:
    """A document is named by its id or its number; its clauses follow in the order of their numbers."""
    by_id, by_number = (run_cli("explain", name, "--lang", "en") for name in ("nd331", "331/2026/NĐ-CP"))
    assert by_id.out == by_number.out
    assert by_id.out.index("nd331-9.2.e ") < by_id.out.index("nd331-10.2 ") < by_id.out.index("nd331-35.4 ")


def test_explain_knows_what_was_meant() -> None:
    mistyped = run_cli("explain", "tls-modrn-protocols", "--lang", "en")
    assert (mistyped.code, mistyped.err.rpartition("; ")[2]) == (2, "did you mean 'tls-modern-protocols'?\n")
    assert "see 'inspector list checks'" in run_cli("explain", "zzz", "--lang", "en").err


def test_explain_tells_a_check_and_who_asks_for_it() -> None:
    """Claim, reasons, remediation, and the rows of the regimes with their clauses."""
    result = run_cli("explain", "tls-modern-protocols", "--lang", "en")
    assert result.code == 0
    assert "Remediation: " in result.out
    assert "vn-nd331-2026" in result.out
    assert "vn-tt12-2022" in result.out
    assert run_cli("explain", "no-such-check").code == 2


def test_version_and_help() -> None:
    """Both work without a command; no command at all is a usage error."""
    assert re.fullmatch(r"inspector \d+\.\d+\.\d+\n", run_cli("--version").out)
    result = run_cli("--help")
    assert result.code == 0
    for command in ("init", "plan", "run", "seal", "assess", "report", "verify", "list", "explain", "schema", "demo"):
        assert command in result.out
    assert run_cli("-h").out == result.out
    assert run_cli("-V").out == run_cli("--version").out
    assert "..." not in result.out.partition("Commands:")[2]
    assert run_cli().code == 2
    assert run_cli("no-such-command").code == 2


def test_help_names_formats_and_probes() -> None:
    """Of every option the values are described in words, and those that plugins contribute are listed."""
    shown = " ".join(run_cli("run", "-h").out.split())
    for text in ("--system ID", "--as-of DATE", "INSPECTOR_LANG"):
        assert text in shown
    registry = installed()
    for names in (registry.renderers, registry.probes):
        assert f": {', '.join(sorted(names))}" in shown.replace("- ", "-")
    assert re.search(r"list\[|<str>|<path>|int range", shown) is None


def test_a_shell_completes_commands_and_options() -> None:
    """The shell's question is answered on stdout; no plugin is loaded for it, and nothing else is printed."""
    for words, found in (("inspector pl", "plan"), ("inspector run --fail-", "--fail-on")):
        asked = {"_INSPECTOR_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        answered = subprocess.run(
            [sys.executable, "-c", "import sys; sys.argv[0] = 'inspector'; from inspector.cli import main; main()"],
            env={**os.environ, **asked},
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        assert (answered.stdout.split(), answered.stderr) == ([found], "")


def test_plan_ends_as_run_would(line: Line, at: dict[str, str]) -> None:
    """2 for what run refuses, 3 where nothing can be asked, because no name leads anywhere."""
    outside = line.declare(system("https://127.0.0.1:1/"), name="outside.yaml", covers={"blocks": ["127.0.0.2"]})
    assert {line.call(command, outside).code for command in ("plan", "run")} == {2}
    nowhere = ("http://nowhere.line.test/", "--level", 3, "--authorised-by", "A", "--only", "http", "--lang", "en")
    # Questions to resolvers and name servers are no questions to the endpoint.
    for whole in ([], ["--select", "smoke"], ["--only", "ipv6-published"]):
        planned = line.call("plan", "https://nowhere.line.test/", *nowhere[1:5], *whole, resolvers=["127.0.0.1:9"])
        assert (planned.code, "can be asked" in planned.err) == (3, True), whole
    planned = line.call("plan", *nowhere, resolvers=["127.0.0.1:9"])
    assert (planned.code, "can be asked" in planned.err) == (3, True)
    run = line.call("run", "https://nowhere.line.test/", *nowhere[1:5], *whole, resolvers=["127.0.0.1:9"])
    assert run.code == 3
    run = line.call("run", *nowhere, resolvers=["127.0.0.1:9"])
    assert run.code == 3
    assert "nowhere.line.test: " in run.out.partition("Undecided:")[2].partition("nowhere.line.test/")[0]


@pytest.mark.parametrize("target", ["inventory.csv", ".", "www.example.vn"])
def test_what_is_neither_a_declaration_nor_an_endpoint_is_named(line: Line, target: str) -> None:
    """Whatever else is missing."""
    result = line.call("plan", target, "--lang", "en")
    assert (result.code, f"'{target}' is neither a declaration nor an endpoint" in result.err) == (2, True)


def test_a_table_is_told_to_be_none(line: Line) -> None:
    """An inventory that is there is no declaration, and how to write one of many systems is said."""
    path = line.folder / "inventory.csv"
    path.write_text("id,name,level\na,b,1\n")
    result = line.call("plan", path, "--lang", "en")
    assert result.code == 2
    assert "tables become declarations with 'inspector inventory import'" in result.err
    assert line.call("plan", "https://127.0.0.1/", "--level", 1, "--only", "tsl", "--lang", "en").err.endswith(
        "--only tsl: no plugin, probe or check has this name; did you mean 'tls'?\n"
    )


@pytest.mark.parametrize(
    ("target", "meant"),
    [("http//www.example.vn/a", "http://www.example.vn/a"), ("www.example.vn", "https://www.example.vn/")],
)
def test_a_mistyped_endpoint_is_told_as_it_was_meant(line: Line, target: str, meant: str) -> None:
    """A scheme without its colon, and a name without a scheme."""
    assert f"did you mean {meant}?" in line.call("plan", target, "--lang", "en").err
