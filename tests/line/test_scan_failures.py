"""Trouble of every sort: each server gets the right words, none stops the inspection, and nobody sees a traceback."""

import json
import platform
import re
import shutil
import ssl
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import pytest

from inspector_http.session import PAGE_BYTES
from tests.line.harness import (
    Line,
    RunResult,
    Servers,
    free_port,
    network,
    run_cli,
    serving,
    small_disk,
    system,
    wait_until,
)
from tests.plugins.inspector_tls import authority

EVIL = "<script>alert(1)</script>\x1b]0;owned\x07\x1b[31m\x9b1m\u202e\r\n"
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _self_issued(folder: Path) -> tuple[Path, Path]:
    """A chain of authorities that all have one name, each signed by another: path building finds no end in it."""
    issuer, sent = authority.root("Loop"), []
    for _ in range(15):
        same_name = authority.Identity(issuer.certificate, issuer.key)
        issuer = authority.issue("Loop", same_name, authority=True, days=(-10, 300))
        sent.append(issuer.certificate)
    return authority.issue("127.0.0.1", issuer, ip=["127.0.0.1"]).write(folder, "loop", chain=sent)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, certificate: dict[str, str]) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("servers")
    evil = authority.issue(authority.name(EVIL), ip=["127.0.0.1"]).write(folder, "evil")
    endless = _self_issued(folder)
    with serving(
        {"name": "clear", "mode": "page"},
        {"name": "secure", "mode": "page", **certificate},
        {"name": "noise", "mode": "noise"},
        {"name": "headers", "mode": "headers"},
        {"name": "body", "mode": "body"},
        {"name": "loop", "mode": "loop"},
        {
            "name": "bytes",
            "mode": "page",
            "headers": {"Server": "\xff\xfe/1.0", "X-Content-Type-Options": "\xc3\x28"},
        },
        {
            "name": "escapes",
            "mode": "page",
            "headers": {"Server": "<script>alert(2)</script>\x1b[2J\x9b31m/1.0"},
            "certificate": str(evil[0]),
            "key": str(evil[1]),
        },
        {"name": "chain", "mode": "page", "certificate": str(endless[0]), "key": str(endless[1])},
        {"name": "names", "mode": "dns", "zone": {}},
    ) as servers:
        servers.ports["closed"] = free_port()
        yield servers


@pytest.fixture(scope="module")
def result(line: Line, servers: Servers) -> RunResult:
    """One inspection of all these servers, side by side."""
    endpoints = [
        *(f"https://127.0.0.1:{servers.ports[name]}/" for name in ("closed", "clear", "noise", "escapes", "chain")),
        *(f"http://127.0.0.1:{servers.ports[name]}/" for name in ("secure", "headers", "body", "bytes")),
        f"http://127.0.0.1:{servers.ports['loop']}/a",
        "https://nowhere.line.test/",
    ]
    return line.call(
        "run",
        line.declare(system(*endpoints)),
        *("--only", "tls", "--only", "http", "--format", "sarif,junit,codequality", "--lang", "en", "--verbose"),
        resolvers=[f"127.0.0.1:{servers.ports['names']}"],
    )


@pytest.fixture(scope="module")
def at(servers: Servers) -> dict[str, str]:
    """The services by name."""
    return {name: f"127.0.0.1:{port}" for name, port in servers.ports.items()}


def test_trouble_is_no_misuse(result: RunResult) -> None:
    """All the trouble together ends with findings and an exit code about them."""
    assert result.code == 1
    assert "bug" not in {finding["cause"] for finding in result.findings}
    assert result.bundle.sealed.predicate.reason == "complete"


def test_refused_port(result: RunResult, at: dict[str, str]) -> None:
    """Nothing is offered there: HTTPS is not reachable, and of TLS nothing was seen."""
    assert result.verdict("https-reachable", f"https://{at['closed']}") == ("fail", None)
    assert result.finding("https-reachable", f"https://{at['closed']}")["confirmed"] is True
    assert result.verdict("tls-modern-protocols", f"https://{at['closed']}") == ("inconclusive", "refused")


def test_one_cause_is_one_finding(result: RunResult, at: dict[str, str]) -> None:
    """What was not seen of a port that refuses connections, or speaks another protocol, follows from one finding."""
    for name, cause in (("closed", "refused"), ("clear", "protocol-error")):
        service = f"https://{at[name]}"
        root = result.finding("https-reachable", service)
        unseen = [each for each in result.findings if each["subject"].startswith(service) and each["cause"] == cause]
        assert len(unseen) > 30
        assert {json.dumps(each["follows_from"]) for each in unseen} == {json.dumps(unseen[0]["follows_from"])}
        assert unseen[0]["follows_from"]["finding"] == root["id"]
        assert root["follows_from"] is None


def test_one_name_without_addresses_is_one_cause(result: RunResult) -> None:
    """Nothing was seen of a name that does not exist, for one cause."""
    unseen = [each for each in result.findings if each["subject"].startswith("https://nowhere.line.test")]
    assert {each["outcome"] for each in unseen} == {"inconclusive"}
    assert len({json.dumps(each["follows_from"]) for each in unseen}) == 1
    assert unseen[0]["follows_from"]["cause"] == "not-reached"


def test_name_that_does_not_exist(result: RunResult, servers: Servers) -> None:
    """It is not reached, says why, and was asked for once in each family."""
    assert result.verdict("https-reachable", "https://nowhere.line.test") == ("inconclusive", "not-reached")
    assert result.verdict("tls-modern-protocols", "https://nowhere.line.test") == ("inconclusive", "not-reached")
    failure = result.scan("tls", "https://nowhere").failure
    assert failure is not None
    assert "NXDOMAIN" in failure.detail
    asked = [each for each in servers.received()["names"] if not each.endswith(" CAA")]  # those of all names above it
    assert sorted(asked) == ["nowhere.line.test A", "nowhere.line.test AAAA"]


def test_tls_port_that_speaks_http(result: RunResult, at: dict[str, str]) -> None:
    """It is reported as what it is: content in clear where HTTPS was declared."""
    assert result.verdict("https-reachable", f"https://{at['clear']}") == ("fail", None)
    assert result.verdict("tls-modern-protocols", f"https://{at['clear']}") == ("inconclusive", "protocol-error")
    assert f"https://{at['clear']}/" in result.finding("every-web-endpoint-encrypted")["measured"]


def test_http_port_that_speaks_tls(result: RunResult, at: dict[str, str]) -> None:
    """Nothing is offered in clear there, and what the page says was not seen."""
    assert result.verdict("http-redirects-to-https", f"http://{at['secure']}") == ("pass", None)
    assert result.verdict("content-type-nosniff", f"http://{at['secure']}") == ("inconclusive", "protocol-error")
    assert f"http://{at['secure']}/" not in result.finding("every-web-endpoint-encrypted")["measured"]


def test_noise_instead_of_tls(result: RunResult, at: dict[str, str]) -> None:
    """No verdict rests on bytes that mean nothing."""
    for check in ("https-reachable", "tls-modern-protocols", "certificate-in-date", "no-version-disclosed"):
        assert result.verdict(check, f"https://{at['noise']}") == ("inconclusive", "protocol-error")


def test_endless_headers(result: RunResult, at: dict[str, str]) -> None:
    """A head without end is cut off, and nothing is said of it."""
    assert result.verdict("content-type-nosniff", f"http://{at['headers']}") == ("inconclusive", "protocol-error")
    [entry, *_] = [each for each in result.ledger if each.subject.startswith(f"http://{at['headers']}")]
    assert entry.received < 10_000_000


def test_endless_body(result: RunResult, at: dict[str, str]) -> None:
    """The head was whole, so it is assessed; of the body only the beginning is read."""
    assert result.verdict("content-type-nosniff", f"http://{at['body']}") == ("fail", None)
    stored = result.bundle.output_of(result.scan("http", f"http://{at['body']}")).named("exchanges.json")
    assert stored is not None
    [exchange] = json.loads(stored)["followed"]
    assert exchange["body_complete"] is False
    assert 0 < exchange["body_bytes"] <= PAGE_BYTES
    connections = [each for each in result.ledger if each.subject.startswith(f"http://{at['body']}")]
    assert max(each.received for each in connections) < 2 * PAGE_BYTES


def test_redirect_loop(result: RunResult, at: dict[str, str]) -> None:
    """The loop is followed once around and no further."""
    assert result.verdict("http-redirects-to-https", f"http://{at['loop']}") == ("inconclusive", "protocol-error")
    gaps = result.scan("http", f"http://{at['loop']}").gaps
    assert [gap.detail for gap in gaps] == ["redirect loop"]


def test_invalid_utf_8_in_headers(result: RunResult, at: dict[str, str]) -> None:
    """Bytes that are no text are reported in escapes, and assessed for what they are."""
    assert result.finding("no-version-disclosed", f"http://{at['bytes']}")["measured"] == [r"server: \xff\xfe/1.0"]
    assert result.verdict("content-type-nosniff", f"http://{at['bytes']}") == ("fail", None)


def test_chain_of_self_issued_intermediates(result: RunResult, at: dict[str, str]) -> None:
    """Path building gives up in good time: trust is unseen, the rest of the certificate is assessed."""
    chain = f"https://{at['chain']}"
    assert result.verdict("certificate-chains-to-public-root", chain) == ("inconclusive", "protocol-error")
    assert result.verdict("certificate-in-date", chain) == ("pass", None)
    scan = result.scan("certificates", chain)
    assert scan.ended - scan.began < timedelta(seconds=60)


# --- nothing that a server says is obeyed -----------------------------------------------------------------------------


def test_escapes_reach_no_terminal(result: RunResult, at: dict[str, str]) -> None:
    """What the hostile certificate says is on the terminal, in escapes; the header is redacted."""
    assert f"https://{at['escapes']}/" in result.out
    assert "alert(1)" in result.out
    assert "alert(2)" not in result.out
    assert CONTROL.search(result.out) is None
    assert CONTROL.search(result.err) is None


def test_escapes_reach_no_file(result: RunResult) -> None:
    """No report file of any format, and no finding, holds a control or direction character."""
    files = {name: data.decode() for name, data in result.reports().items()}
    assert {"report.vi.html", "report.en.html", "findings.json", "report.sarif", "report.junit.xml"} <= files.keys()
    for name, text in files.items():
        assert "alert(1)" in text, name
        assert CONTROL.search(text) is None, name
    assert CONTROL.search(json.dumps(result.findings, ensure_ascii=False)) is None


def test_script_reaches_no_page(result: RunResult) -> None:
    """HTML and XML show a script as text; every structured format can be read back."""
    for name, data in result.reports().items():
        if name.endswith((".html", ".xml")):
            assert b"<script" not in data, name
        if name.endswith(".xml"):
            ET.fromstring(data)
        if name.endswith((".json", ".sarif")):
            json.loads(data)


def test_report_writes_what_was_sealed(result: RunResult, tmp_path: Path) -> None:
    """``report`` gives the very bytes that the inspection wrote."""
    again = run_cli("report", result.bundle.folder, "--format", "html, sarif", "--to", tmp_path)
    assert again.code == 0
    assert len(list(tmp_path.iterdir())) == 4  # with the findings, to which SARIF may point
    for path in tmp_path.iterdir():
        assert path.read_bytes() == result.reports()[path.name]
    nothing = run_cli("report", result.bundle.folder, "--format", " ", "--to", tmp_path)
    assert (nothing.code, nothing.out) == (2, "")
    assert "--format names no format" in nothing.err


# --- servers that say nothing -----------------------------------------------------------------------------------------


def test_server_that_never_answers(line: Line, certificate: dict[str, str]) -> None:
    """Silence is a timeout, in HTTP and in TLS, and never a verdict."""
    with serving({"name": "silent", "mode": "silent"}) as servers:
        there = f"127.0.0.1:{servers.ports['silent']}"
        document = line.declare(system(f"https://{there}/", f"http://{there}/"), name="silent.yaml")
        result = line.call(
            "run",
            document,
            *("--only", "tls-modern-protocols", "--only", "https-reachable", "--fail-on", "high"),
            ceilings={"scan_seconds": 2},
        )
    assert result.code == 3
    assert result.verdict("https-reachable", f"https://{there}") == ("inconclusive", "timeout")
    assert result.verdict("https-reachable", f"http://{there}") == ("inconclusive", "timeout")
    assert result.verdict("tls-modern-protocols") == ("inconclusive", "timeout")


def test_an_inspection_in_which_no_endpoint_answers_is_not_clean(line: Line) -> None:
    """The only endpoint refuses connections: its encryption was not seen, and the exit code is 3, not 0."""
    declared = line.declare(system(f"https://127.0.0.1:{free_port()}/"), name="closed.yaml")
    result = line.call("run", declared, "--only", "http", "--only", "tls", "--lang", "en")
    assert result.verdict("every-web-endpoint-encrypted", "system:") == ("inconclusive", "refused")
    assert result.code == 3
    below = ("--only", "content-type-nosniff", "--fail-on", "critical")
    assert line.call("run", declared, *below, "--lang", "en").code == 3, "no finding counts, but nothing answered"


def test_an_inspection_of_a_host_with_closed_ports_is_clean(line: Line) -> None:
    """Every port refuses: that is an answer."""
    declared = line.declare(system("host:127.0.0.2"), name="closed-host.yaml")
    only = ("--only", "ports-only-declared", "--fail-on", "critical")
    assert line.call("run", declared, *only, "--lang", "en").code == 0


def test_unreachable_host_and_family_without_route(line: Line, certificate: dict[str, str]) -> None:
    """An unreachable host is not reached; a family without a route is one limit of the vantage, not n findings."""
    beside = [
        "ip link set lo up",
        "ip link add near type veth peer name far",
        "ip addr add 192.0.2.1/24 dev near",
        "ip link set near up",
        "ip link set far up",
        "ip ntable change name arp_cache dev near retrans 100",
    ]
    zone = {
        "gone.line.test": {"A": ["192.0.2.9"]},
        "both.line.test": {"A": ["127.0.0.1"], "AAAA": ["2001:db8::1"]},
    }
    orders = [{"name": "page", "mode": "page", **certificate}, {"name": "names", "mode": "dns", "zone": zone}]
    with network(*beside) as inside, serving(*orders, wrap=inside) as servers:
        both = f"https://both.line.test:{servers.ports['page']}/"
        result = line.spawn(
            "run",
            line.declare(
                system("https://gone.line.test/", both),
                name="unreachable.yaml",
                covers={"names": ["*.line.test"], "blocks": ["127.0.0.0/8", "192.0.2.0/24"]},
            ),
            *("--only", "https-reachable", "--only", "tls-1-3-offered", "--fail-on", "info"),
            wrap=inside,
            resolvers=[f"127.0.0.1:{servers.ports['names']}"],
        )
    assert result.verdict("https-reachable", "https://gone.line.test") == ("inconclusive", "not-reached")
    assert result.verdict("tls-1-3-offered", "https://gone.line.test") == ("inconclusive", "not-reached")
    assert result.verdict("https-reachable", both) == ("pass", None)
    assert result.verdict("tls-1-3-offered", both.rstrip("/")) == ("pass", None)
    assert {finding["address"] for finding in result.findings if "both" in finding["subject"]} == {"127.0.0.1"}
    [limit] = result.bundle.inspection.plan.limits
    assert (limit.id, limit.addresses) == ("no-ipv6", ("2001:db8::1",))
    assert result.code == 3


def test_missing_scanner(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without nmap the questions about ports stay open, and plan, screen and report say what is missing."""
    monkeypatch.setenv("INSPECTOR_NMAP_SEARCH_PATH", "")
    declaration = line.declare(system("host:127.0.0.1"), name="sweep.yaml")
    result = line.call("run", declaration, "--only", "ports", vantage={"kind": "internet"})
    assert result.code == 3
    judged = {finding["check"]: (finding["outcome"], finding["cause"]) for finding in result.findings}
    assert len(judged) >= 4
    assert set(judged.values()) == {("inconclusive", "tool-missing")}
    missing = "nmap was not found on this host, so that no ports are scanned of these addresses; install it: 127.0.0.1"
    assert missing in " ".join(result.out.split())
    assert "nmap" not in result.bundle.inspection.tools
    planned = line.call("plan", declaration, "--only", "ports")
    assert missing in " ".join(planned.out.split())
    assert " 0 port questions" in planned.out


def test_versions_of_everything_that_scans(result: RunResult) -> None:
    """A capture names the versions of Python, of both TLS libraries and of nmap: what a scan sees depends on them."""
    tools = result.bundle.inspection.tools
    assert tools["python"] == platform.python_version()
    assert tools["openssl"] == ssl.OPENSSL_VERSION
    assert tools["cryptography"] == version("cryptography")
    assert tools["cryptography-openssl"].startswith("OpenSSL ")
    assert re.fullmatch(r"\d+\.\d+\S*", tools["nmap"])


# --- trouble on the inspecting side -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(servers: Servers) -> str:
    return f"http://127.0.0.1:{servers.ports['clear']}/"


def test_output_folder_that_cannot_be_written(line: Line, page: str) -> None:
    """It is a usage error, with the remedy, before anything is asked."""
    output = line.folder / "a-file"
    output.write_text("in the way")
    result = line.call("run", page, "--level", 3, "--only", "https-reachable", output=output)
    assert result.code == 2
    assert "a-file" in result.err
    assert "choose another output folder" in result.err


def test_disk_that_is_full(line: Line) -> None:
    """The inspection stops with the remedy and unsealed, and continues once space is free, as does its run."""
    output, gate = line.folder / "small", line.folder / "gate"
    output.mkdir()
    with (
        serving({"name": "held", "mode": "held", "until": str(gate)}) as servers,
        small_disk(output, "4m") as (inside, seen),
    ):
        there = f"http://127.0.0.1:{servers.ports['held']}/"
        arguments = ("run", there, "--level", 3, "--only", "https-reachable")
        process = line.start(*arguments, output=output, wrap=inside)
        wait_until(lambda: servers.received()["held"], process)
        with suppress(OSError), (seen / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))
        gate.touch()
        stopped = line.ended(process, output)
        (seen / "ballast").unlink()
        [folder] = [path.parent.relative_to(seen) for path in seen.glob("*/*/*/capture")]
        resumed = line.spawn("run", "--resume", output / folder, output=output, wrap=inside)
        sealed = (seen / folder / "capture" / "manifest.dsse.json").exists()
        shutil.rmtree(seen / folder / "assessments")  # as when the disk was full after sealing
        again = line.spawn("run", "--resume", output / folder.parents[1], output=output, wrap=inside)
        assessed = (seen / folder / "assessments").exists()
    assert stopped.code == 2
    assert "No space left on device" in stopped.err
    assert "a run goes on with 'inspector run --resume out/RUN'" in stopped.err
    assert (resumed.code, sealed) == (0, True)
    assert (again.code, assessed) == (0, True)
