"""Web figures beside the HTTP Observatory's of MDN: ``make benchmark-web`` prints them. Nothing here is a test.

One nginx serves a page with security headers and a script, over TLS and in clear, on many loopback addresses. Inspector
makes a polite visit of each (page, page of a path that does not exist, two requests of other origins, ``security.txt``:
five requests) and judges it by all checks of the plugin, in one process through one gateway without effective rate
limits; the start of that process is left out. What a further request costs is shown by the probe of paths, 15 requests
each. The Observatory's command line takes one host, so that its start is a part of every host; two run at once.
Options: the number of addresses, ``--observatory FOLDER`` where npm installed it, ``--http2``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.servers import HOST, addresses

if TYPE_CHECKING:
    from inspector import Check, Observation

ROOT = Path(__file__).resolve().parents[1]
COUNT, OBSERVATORY_HOSTS, ROUNDS = 200, 20, 3
#: Requests of a polite visit, and of the probe of paths besides those.
VISIT, PATHS = 5, 15
_HEADERS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=()",
    "Set-Cookie": "sid=abcdefghijklmnop; Secure; HttpOnly; SameSite=Lax",
}
_PAGE = (
    "<!doctype html><html lang=vi><head><meta charset=utf-8><title>Cổng</title><script src=/a.js></script>"
    "<link rel=stylesheet href=https://cdn.test/a.css integrity=sha256-x crossorigin></head><body>"
    f"{'<p><a href=/b>chào</a> một đoạn văn</p>' * 200}</body></html>"
)


@contextmanager
def serving(count: int, folder: Path, *, http2: bool) -> Iterator[None]:
    """nginx at the ports of HTTPS and HTTP of so many addresses."""
    names = f"subjectAltName=DNS:{HOST}," + ",".join(f"IP:{each}" for each in addresses(count))
    command = [
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
    ]
    command += ["-subj", f"/CN={HOST}", "-addext", names, "-keyout", str(folder / "key"), "-out", str(folder / "pem")]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "index.html").write_text(_PAGE, "utf-8")
    secure = " ".join(f"listen {each}:443 ssl{' http2' * http2} backlog=1024;" for each in addresses(count))
    clear = " ".join(f"listen {each}:80;" for each in addresses(count))
    fields = " ".join(f'add_header {name} "{value}" always;' for name, value in _HEADERS.items())
    temporary = " ".join(f"{each}_temp_path {folder};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log /dev/null crit; worker_rlimit_nofile 20000;\n"
        f"events {{ worker_connections 10000; }} http {{ access_log off; {temporary} server_tokens off;\n"
        f"root {folder}; types {{ text/html html; }} charset utf-8;\n"
        f"ssl_certificate {folder}/pem; ssl_certificate_key {folder}/key;\n"
        f"server {{ {secure} {fields} location = / {{ try_files /index.html =404; }} location / {{ return 404; }} }}\n"
        f"server {{ {clear} return 301 https://$host$request_uri; }} }}\n",
        "utf-8",
    )
    if os.geteuid() == 0:
        folder.chmod(0o755)
    process = subprocess.Popen(["nginx", "-c", folder / "nginx.conf", "-e", "/dev/null", "-p", folder])
    try:
        time.sleep(1)
        yield
    finally:
        process.terminate()
        process.wait()


# --- Inspector --------------------------------------------------------------------------------------------------------


def _work(kind: str, count: int, roots: Path) -> None:
    """All visits of so many addresses; prints the seconds without the start of the process, and how many verdicts."""
    from benchmarks.tls_work import ScanTask, through_gateway
    from inspector import Network, ParseContext, Target
    from inspector.model.base import now
    from inspector_http import inspector_checks
    from inspector_http.cross_origin import cross_origin
    from inspector_http.exposure import exposure
    from inspector_http.observations import Http, Part
    from inspector_http.probes import http, security_txt
    from inspector_http.urls import HTTPS

    checks = [
        each for each in inspector_checks() if all(wire.kind is not None or wire.optional for wire in each.inputs)
    ]
    outcomes: list[str] = []

    def read(probe: Any, output: Any, target: Target) -> Observation:
        facts: Observation = probe.parse(output, ParseContext(target.subject, now(), b"", b"", ()))
        return facts

    async def visit(_task: ScanTask, target: Target, network: Network) -> None:
        page = read(http, await http.scan(target, network, parts=(Part.CERTIFICATE, Part.ERROR_PAGE)), target)
        if not isinstance(page, Http) or not page.page.is_seen or not page.error_page.is_seen:
            raise RuntimeError(f"not all was seen: {page}")
        seen = [
            page,
            read(cross_origin, await cross_origin.scan(target, network, page, preflight=True), target),
            read(security_txt, await security_txt.scan(target, network), target),
        ]
        outcomes.extend(_verdicts(checks, target, seen))

    async def ask(_task: ScanTask, target: Target, network: Network) -> None:
        read(exposure, await exposure.scan(target, network), target)

    def run(number: int) -> dict[str, Any]:
        tasks = [ScanTask("http", each) for each in addresses(number)]
        scan, probe = (visit, http) if kind == "visit" else (ask, exposure)
        return asyncio.run(through_gateway(443, tasks, scan, probe, HTTPS, roots=roots.read_bytes()))

    run(1)  # what is made once: contexts of TLS, the list of public suffixes
    outcomes.clear()
    done = run(count)
    own = resource.getrusage(resource.RUSAGE_SELF)
    done["cpu"] = own.ru_utime + own.ru_stime - done["start_cpu"]
    sys.stdout.write(json.dumps({**done, "verdicts": len(outcomes)}))


def _verdicts(checks: Sequence[Check], target: Any, seen: Sequence[Observation]) -> Iterator[str]:
    """The outcome of each check whose observations were made."""
    from inspector import Every, SubjectResult
    from inspector.model.table import NoTable

    results = {type(each): SubjectResult(target.subject, each) for each in seen}
    for check in checks:
        if all(wire.kind is None or wire.kind in results for wire in check.inputs):
            given: list[object] = []
            for wire in check.inputs:
                if wire.kind is None:
                    given.append(NoTable(wire.table.kind if wire.table else ""))
                else:
                    result = results[wire.kind]
                    given.append(Every([result]) if wire.every else result)
            yield check.evaluate(given, {}).outcome.value


# --- the tools in turn ------------------------------------------------------------------------------------------------


def _inspector(kind: str, count: int, roots: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.web", "work", kind, str(count), str(roots)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-2000:])
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _observatory(folder: Path, roots: Path, count: int) -> dict[str, float]:
    """The command line about so many hosts, two at once."""
    program = folder / "node_modules" / "@mdn" / "mdn-http-observatory" / "src" / "scan.js"

    def one(address: str) -> None:
        done = subprocess.run(
            ["node", program, address],
            env={**os.environ, "NODE_EXTRA_CA_CERTS": str(roots)},
            capture_output=True,
            check=False,
        )
        if "grade" not in json.loads(done.stdout).get("scan", {}):
            raise RuntimeError(done.stdout.decode()[-500:] + done.stderr.decode()[-500:])

    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, addresses(count)))
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"wall": wall, "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def main() -> None:
    """Measure each in turn and print the medians."""
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int, nargs="?", default=COUNT)
    parser.add_argument("--observatory", type=Path)
    parser.add_argument("--http2", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, serving(chosen.count, folder := Path(name), http2=chosen.http2):
        _print(f"{chosen.count} addresses, {'HTTP/2' if chosen.http2 else 'HTTP/1.1'}, load {os.getloadavg()[0]:.1f}")
        _print("what | ms CPU per endpoint | per request | endpoints/min")
        roots = folder / "pem"
        visits = [_inspector("visit", chosen.count, roots) for _ in range(ROUNDS)]
        _row("polite visit and checks", visits, chosen.count, VISIT)
        _row("paths", [_inspector("paths", chosen.count, roots) for _ in range(ROUNDS)], chosen.count, PATHS)
        if chosen.observatory:
            hosts = min(OBSERVATORY_HOSTS, chosen.count)
            theirs = [_observatory(chosen.observatory, roots, hosts) for _ in range(ROUNDS)]
            _row("mdn-http-observatory", theirs, hosts, 0)
            own, other = _per_minute(visits, chosen.count), _per_minute(theirs, hosts)
            _print(f"the Observatory's throughput times {own / other:.0f}")


def _per_minute(runs: Sequence[dict[str, float]], count: int) -> float:
    return 60 * count / sorted(each["wall"] for each in runs)[len(runs) // 2]


def _row(what: str, runs: Sequence[dict[str, float]], count: int, requests: int) -> None:
    cpu = 1000 * sorted(each["cpu"] for each in runs)[len(runs) // 2] / count
    each = f"{cpu / requests:.2f}" if requests else "-"
    _print(f"{what} | {cpu:.1f} | {each} | {_per_minute(runs, count):.0f}")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        _work(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
