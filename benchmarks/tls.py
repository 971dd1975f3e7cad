"""TLS figures, each a ratio measured in one run: ``make benchmark`` prints them and writes ``docs/performance.md``.

Inspector and sslyze scan the same nginx on loopback in turn, so that the other load of the machine affects both; CPU
time is more reliable than wall time. The authorisation sets no effective rate limit, so waiting for one is not
measured. The raw figures are written to ``out/benchmark.txt``. Nothing here is a test.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.byte_code import compile_installed
from benchmarks.servers import addresses, serving

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
RAW = ROOT / "out" / "benchmark.txt"
PAIRS = 3
MODERN, WEAK, WHOLE, LAGGING, MANY, SYSTEMS = 100, 50, 100, 20, 1000, 50
_SAMPLE_SECONDS = 0.25


@dataclass
class Results:
    """The raw lines, and the rows of the table: figure, goal, measured, whether the goal is met.

    ``without_goal`` has the figures that have no goal: figure, measured.
    """

    raw: list[str] = field(default_factory=list)
    rows: list[tuple[str, str, str, bool]] = field(default_factory=list)
    without_goal: list[tuple[str, str]] = field(default_factory=list)

    def row(self, figure: str, goal: str, measured: str, met: bool) -> None:
        """Add a figure with a goal."""
        self.rows.append((figure, goal, measured, met))

    def log(self, line: str) -> None:
        """Add a raw line and print it."""
        self.raw.append(line)
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


# --- Workloads --------------------------------------------------------------------------------------------------------


def work(results: Results, kind: str, of: str, port: int, count: int) -> dict[str, Any]:
    """Run one workload in its own process."""
    load = os.getloadavg()[0]
    command = [sys.executable, "-m", "benchmarks.tls_work", kind, str(port), str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr[-2000:]}")
    cost: dict[str, Any] = json.loads(done.stdout)
    results.log(f"{of} × {count} {kind} (load {load:.1f}): {json.dumps(cost, sort_keys=True)}")
    return {**cost, "count": count}


def per_minute(done: dict[str, Any]) -> float:
    """Endpoints per minute, without imports."""
    return 60 * float(done["count"]) / float(done["wall"])


def cpu_ms(done: dict[str, Any]) -> float:
    """Milliseconds of CPU time per endpoint, with imports."""
    return 1000 * float(done["cpu"]) / float(done["count"])


def work_ms(done: dict[str, Any]) -> float:
    """Milliseconds of CPU time per endpoint, without imports, as in ``per_minute``."""
    return 1000 * (float(done["cpu"]) - float(done["start_cpu"])) / float(done["count"])


def median(of: Sequence[float]) -> float:
    """The median."""
    return statistics.median(of)


def in_turn(
    results: Results, ours: str, theirs: str, of: str, port: int, count: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both workloads: ours is short, so it runs before and after theirs, and the mean counts."""
    before = work(results, ours, of, port, count)
    between = work(results, theirs, of, port, count)
    after = work(results, ours, of, port, count)
    means = {key: (before[key] + after[key]) / 2 for key in ("wall", "cpu", "start_cpu")}
    return {**after, **means}, between


# --- The enumeration --------------------------------------------------------------------------------------------------


def counts(results: Results, of: str, port: int) -> None:
    """Handshakes against the lower bound, and rounds."""
    economical, fast, extra = (work(results, kind, of, port, 1) for kind in ("economical", "fast", "extra"))
    for name, done, most in (("economical", economical, 1.10), ("fast", fast, 1.35)):
        ratio = done["asked"] / done["floor"]
        words = f"{ratio:.2f} × ({done['asked']} against {done['floor']})"
        results.row(f"handshakes, {of} server, {name} mode", f"≤ {most:.2f} × the lower bound", words, ratio <= most)
    more = extra["asked"] - economical["asked"]
    results.row(f"extra questions, {of} server", "≤ 20 and one per signature scheme", f"{more}", more <= 36)
    if of == "modern":
        rounds = max(economical["rounds"], fast["rounds"], extra["rounds"])
        results.row("rounds, modern server", "≤ 14", str(rounds), rounds <= 14)


def throughput(results: Results, of: str, port: int, count: int, most: float) -> None:
    """Endpoints per minute and CPU time against sslyze's, for versions, suites and groups."""
    pairs = [in_turn(results, "economical", "sslyze-same", of, port, count) for _ in range(PAIRS)]
    speed = median([per_minute(ours) / per_minute(theirs) for ours, theirs in pairs])
    cpu, with_start = (
        median([of_one(theirs) / of_one(ours) for ours, theirs in pairs]) for of_one in (work_ms, cpu_ms)
    )
    ours, theirs = (median([per_minute(pair[side]) for pair in pairs]) for side in (0, 1))
    spent, their_spent = (median([work_ms(pair[side]) for pair in pairs]) for side in (0, 1))
    words = f"{speed:.1f} × ({ours:.0f}/min against {theirs:.0f}/min)"
    results.row(f"{count} {of} endpoints, same scope", f"≥ {most:.0f} × sslyze", words, speed >= most)
    if of == "modern":
        words = f"1/{cpu:.1f} ({spent:.1f} ms against {their_spent:.0f} ms; with the start of both: 1/{with_start:.1f})"
        results.row("CPU per modern endpoint", "≤ 1/30 of sslyze's", words, cpu >= 30)


# --- The whole inspection ---------------------------------------------------------------------------------------------


def documents(folder: Path, of: str, port: int, count: int, systems: int) -> list[str]:
    """Write a declaration of ``count`` endpoints, an authorisation and settings; the command that inspects them."""
    at = datetime.now(UTC)
    declared = [
        {
            "id": f"b-{number}",
            "name": "B",
            "owner": "B",
            "level": 3,
            "stage": "design",
            "endpoints": [f"https://{address}:{port}/" for address in addresses(count)[number::systems]],
        }
        for number in range(systems)
    ]
    organisation = {"code": "B", "name": "B", "head": "B"}
    authorisation = {
        "id": "benchmark",
        "kind": "own-estate",
        "granted_by": "the benchmark",
        "intrusiveness": "intrusive",
        "covers": {"blocks": ["127.0.0.0/8"], "ports": ["1-65535"]},
        "valid_from": (at - timedelta(hours=1)).isoformat(),
        "valid_until": (at + timedelta(hours=12)).isoformat(),
        "rates": {"connections_per_second": 100_000, "burst": 100_000, "at_once": 50},
    }
    (folder / "declaration.yaml").write_text(json.dumps({"organisation": organisation, "systems": declared}))
    (folder / "authorisation.yaml").write_text(json.dumps(authorisation))
    issued = of == "conforming"
    roots = json.dumps([str(folder / name) for name in (("authority.pem",) if issued else ("ec.pem", "rsa.pem"))])
    public = f'public_roots = "{folder}/authority.pem"\n' if issued else ""
    (folder / "inspector.toml").write_text(
        f'output = "{folder}/out"\nsigning_key = "{folder}/key.pem"\ntrust_roots = {roots}\n{public}'
    )
    return [
        *(sys.executable, "-m", "inspector.cli", "run", str(folder / "declaration.yaml"), "--quiet"),
        *("--authorisation", str(folder / "authorisation.yaml"), "--settings", str(folder / "inspector.toml")),
    ]


def inspect(
    results: Results, folder: Path, port: int, count: int, only: str, *, systems: int = 1, of: str = "modern"
) -> dict[str, Any]:
    """One complete run of the command: collect, confirmation scans, seal, assess, report."""
    command = [*documents(folder, of, port, count, systems), "--only", only]
    before = _children()
    load = os.getloadavg()[0]
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    memory: list[int] = []
    while process.poll() is None:
        memory.append(_resident_mb(process.pid))
        time.sleep(_SAMPLE_SECONDS)
    wall = time.monotonic() - began
    _out, errors = process.communicate()
    if process.returncode not in (0, 1, 3):
        raise RuntimeError(f"{command}: {errors[-2000:]}")
    cost = {
        "wall": wall,
        "cpu": _children() - before,
        "memory_mb": max(memory),
        "memory_over_time_mb": memory[:: max(1, len(memory) // 12)],
    }
    words = f"{of} × {count} in {systems} systems, inspector run --only {only} (load {load:.1f})"
    results.log(f"{words}: {json.dumps(cost, sort_keys=True)}")
    return {**cost, "count": count}


def html(results: Results, folder: Path, count: int) -> dict[str, float]:
    """What the HTML report in two languages takes of the newest run: that of the command without that of JSON alone."""
    bundle = max((folder / "out").glob("*/*/*/capture")).parent
    spent: dict[str, tuple[float, float]] = {}
    for name in ("html", "json"):
        before, began = _children(), time.monotonic()
        command = [sys.executable, "-m", "inspector.cli", "report", str(bundle), "--format", name]
        subprocess.run([*command, "--to", str(folder / "report")], check=True, stdout=subprocess.DEVNULL)
        spent[name] = time.monotonic() - began, _children() - before
    wall, cpu = (of_html - of_json for of_html, of_json in zip(spent["html"], spent["json"], strict=True))
    results.log(f"HTML report of {count} endpoints: {json.dumps({'wall': wall, 'cpu': cpu})}")
    return {"wall": wall, "cpu": cpu}


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _resident_mb(process: int) -> int:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * resource.getpagesize() // 2**20


def whole(results: Results, folder: Path, port: int) -> None:
    """The whole TLS inspection against plain sslyze: all scans, parses and checks; and the complete command."""
    rounds = []
    for _ in range(PAIRS):
        ours, theirs = in_turn(results, "scans", "sslyze-all", "modern", port, WHOLE)
        line = inspect(results, folder, port, WHOLE, "tls")
        reports = html(results, folder, WHOLE)
        without = {**line, **{key: line[key] - reports[key] for key in reports}}
        rounds.append((ours, theirs, without, {**reports, "count": WHOLE}))
    words = f"{median([cpu_ms(each[3]) for each in rounds]):.0f} ms of CPU per endpoint"
    results.without_goal.append(("HTML report in two languages", words))
    for position, what in ((0, "all scans, parses and checks"), (2, "from the command to findings.json")):
        ratio = median([per_minute(each[position]) / per_minute(each[1]) for each in rounds])
        speed, their_speed = (median([per_minute(each[side]) for each in rounds]) for side in (position, 1))
        words = f"{ratio:.1f} × ({speed:.0f}/min against {their_speed:.0f}/min)"
        results.row(f"whole TLS inspection, {what}", "≥ 6 × plain sslyze", words, ratio >= 6)
        results.row(f"whole TLS inspection, {what}", "≥ 800/min", f"{speed:.0f}/min", speed >= 800)
        spent, their_spent = (median([cpu_ms(each[side]) for each in rounds]) for side in (position, 1))
        words = f"{spent:.0f} ms against {their_spent:.0f} ms"
        results.row(f"CPU per endpoint, {what}", "≤ 1/6 of plain sslyze's", words, spent * 6 <= their_spent)
        if position == 2:
            results.row(f"CPU per endpoint, {what}", "≤ 70 ms", f"{spent:.0f} ms", spent <= 70)


def conforming(results: Results, folder: Path, port: int) -> None:
    """The whole TLS inspection of servers that need no confirmation scan."""
    done = inspect(results, folder, port, WHOLE, "tls", of="conforming")
    words = f"{per_minute(done):.0f}/min, {cpu_ms(done):.0f} ms of CPU per endpoint"
    results.without_goal.append(("whole TLS inspection of servers that conform (no confirmation scans)", words))


def memory(results: Results, folder: Path, port: int) -> None:
    """The memory of the main process at a thousand endpoints."""
    done = inspect(results, folder, port, MANY, "tls-modern-protocols", systems=SYSTEMS)
    most = done["memory_mb"]
    results.row(
        f"memory of the main process, {MANY} endpoints in {SYSTEMS} systems",
        "≤ 150 MB, flat",
        f"{most} MB",
        most <= 150,
    )


def lag(results: Results, port: int) -> None:
    """The lag of the event loop during all scans, and that of a thread of another process that only sleeps."""
    idle: list[float] = []
    over = threading.Event()

    def sleeper() -> None:
        while not over.is_set():
            began = time.monotonic()
            time.sleep(0.005)
            idle.append(1000 * (time.monotonic() - began - 0.005))

    thread = threading.Thread(target=sleeper)
    thread.start()
    done = work(results, "scans", "modern", port, WHOLE)
    over.set()
    thread.join()
    reference = sorted(idle)[int(len(idle) * 0.99)]
    late = done["lag"].get("p99", float("inf"))
    words = f"{late:.0f} ms (a sleeping thread: {reference:.0f} ms)"
    results.row("event-loop lag, 99th percentile, all scans", "≤ 20 ms", words, late <= 20)
    steps = work(results, "scans-timed", "modern", port, LAGGING)["steps"]
    words = f"{steps['p99']:.1f} ms, at most {steps['most']:.0f} ms"
    results.without_goal.append(("CPU of one step of the event loop, 99th percentile, all scans", words))


# --- The page ---------------------------------------------------------------------------------------------------------

_METHOD = f"""# Performance

`make benchmark` (`benchmarks/tls.py`) measures these figures and writes this page; the raw figures are in
`out/benchmark.txt`. All servers are one nginx process on loopback, on the machine that also inspects. Inspector and
sslyze run in turn, and each figure is a ratio within one run (medians of {PAIRS} pairs for throughput; Inspector's
is the mean of a run before sslyze's and one after it). The authorisation allows 100,000 connections per second and
50 at once; with a real one the rate limit decides the time. CPU time is more reliable than wall time: a shared
machine does the same work in half or in twice the time within an hour.

- *Same scope*: versions, cipher suites and groups, without the start of the two processes unless stated.
- *Lower bound*: the handshakes of an ideal client, which learns one version, suite or group from each.
- *Whole*: enumeration with all extra questions, certificates, vulnerabilities and resumption, with all parses and
  checks; throughput without the imports of the two commands, but with the start of our worker processes.
- *From the command to findings.json*: one `inspector run --only tls`, with its start, confirmation scans (which every
  endpoint gets here because its certificates are self-signed and for another name), the seal and the assessment. The
  HTML report in two languages, which the command writes, too, is measured apart, and is not in it.
- Python's byte code is there before, as an installation has it.
- *Conforming* servers have certificates of an authority for the right names.
- All servers of a kind share one pair of certificates. The lint result of a certificate is cached by its bytes, so
  certificates of many different servers would take 10 ms each.
"""

#: What tests assert, so that it is not measured here.
_COUNTS = """Tests assert the numbers of connections and rounds (`tests/plugins/inspector_tls`,
`tests/line/test_connections.py`), never times. An inspection asks only what its rows need; to one port of a modern
server, with an RSA and an ECDSA certificate of a known authority, it opens:

| profile | connections | of them for TLS versions, suites, groups |
|---|---|---|
| default, levels 1–3 | 44 | 35 |
| default, levels 4–5, `dh-strong` fails and is confirmed | 71 | 62 |
| `--select smoke` | 11 | 7 |"""


def page(results: Results) -> str:
    """The text of the page."""
    missed = [row for row in results.rows if not row[3]]
    lines = [
        _METHOD,
        "| figure | goal | measured | met |",
        "|---|---|---|---|",
        *(
            f"| {figure} | {goal} | {measured} | {'yes' if met else '**no**'} |"
            for figure, goal, measured, met in results.rows
        ),
        "",
        f"{len(results.rows) - len(missed)} of {len(results.rows)} figures meet their goals.",
        "",
        "| figure without a goal | measured |",
        "|---|---|",
        *(f"| {figure} | {measured} |" for figure, measured in results.without_goal),
        "",
        _COUNTS,
        "",
        "## Machine and versions",
        "",
        *(f"- {line}" for line in _versions()),
        "",
    ]
    return "\n".join(lines)


def _versions() -> list[str]:
    def first_line(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return (done.stdout + done.stderr).splitlines()[0]

    packages = ", ".join(f"{name} {version(name)}" for name in ("level-inspector", "sslyze", "nassl", "pydantic"))
    return [
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors, {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, {packages}",
        f"{first_line('nginx', '-v')}, {first_line('openssl', 'version')}",
        "command: `make benchmark`",
    ]


def main() -> None:
    """Measure everything, and write the page and the raw figures."""
    results = Results()
    compile_installed()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_STATE_HOME"] = name  # the rates of earlier commands would hold for these addresses, too
        with serving("weak", WEAK, folder) as port:
            counts(results, "weak", port)
            throughput(results, "weak", port, WEAK, 10)
        with serving("modern", MANY, folder) as port:
            counts(results, "modern", port)
            throughput(results, "modern", port, MODERN, 30)
            whole(results, folder, port)
            lag(results, port)
            memory(results, folder, port)
        with serving("conforming", WHOLE, folder) as port:
            conforming(results, folder, port)
    PAGE.write_text(page(results), encoding="utf-8")
    RAW.parent.mkdir(exist_ok=True)
    RAW.write_text("\n".join((*results.raw, "")), encoding="utf-8")
    for figure, goal, measured, met in results.rows:
        sys.stdout.write(f"{'   ' if met else 'no '} {figure}: {measured} (goal {goal})\n")


if __name__ == "__main__":
    main()
