"""The demonstration: every outcome but a fault of ours, each right, on this machine alone, and nothing left behind."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from inspector import Outcome
from inspector.cli.exit_code import FAILING
from inspector.declare.document import read
from inspector.demo.environment import running

PORTAL, SHOP, SILENT = "cong-thong-tin", "cua-hang", "van-ban"
#: Words of English sentences that no Vietnamese one holds.
ENGLISH = re.compile(r"\b(the|is|are|of|with|has|was|were|and|every|sends|offers|report|none)\b", re.IGNORECASE)
#: What the hostile certificate and header hold, as it may be shown on a terminal.
HOSTILE = re.compile(r"CN=.*?O=Luu niem|x-powered-by: .*|Apache/2\.2\.15 \(CentOS\)")
SECONDS = 300


@dataclass(frozen=True)
class Shown:
    """One demonstration that came to its end."""

    folder: Path
    scratch: Path
    code: int
    said: str
    noted: str

    def declared(self) -> list[dict[str, Any]]:
        """The systems of the declaration that it wrote."""
        systems: list[dict[str, Any]] = read(self.folder / "demo" / "declaration.yaml").data["systems"]
        return systems

    def endpoints(self, system: str) -> list[str]:
        return next(list(each["endpoints"]) for each in self.declared() if each["id"] == system)

    def bundle(self, system: str) -> Path:
        (found,) = self.folder.glob(f"*/{system}/*")
        return found

    def findings(self, system: str) -> list[dict[str, Any]]:
        (path,) = self.bundle(system).glob("assessments/*/findings.json")
        found: list[dict[str, Any]] = json.loads(path.read_bytes())
        return found

    def outcomes(self, system: str) -> dict[tuple[str, str], set[str]]:
        """By check and subject, the outcomes of what can be observed; usually rows of one check agree."""
        told: dict[tuple[str, str], set[str]] = defaultdict(set)
        for each in self.findings(system):
            if each["outcome"] != Outcome.NOT_OBSERVABLE.value:
                told[each["check"], each["subject"]].add(each["outcome"])
        return dict(told)


def _environment(scratch: Path) -> dict[str, str]:
    """The machine's environment, with a mark that every process of the demonstration inherits, and a trap."""
    scratch.mkdir(exist_ok=True)
    return {**os.environ, "TMPDIR": str(scratch), "NO_COLOR": "1", "INSPECTOR_RESOLVERS": "192.0.2.53"}


def _command(folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "inspector.cli", "demo", "--output", str(folder), *options]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """A demonstration in Vietnamese."""
    folder, scratch = tmp_path_factory.mktemp("demo"), tmp_path_factory.mktemp("scratch")
    command = _command(folder, "--lang", "vi")
    done = subprocess.run(
        command, env=_environment(scratch), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return Shown(folder, scratch, done.returncode, done.stdout, done.stderr)


def test_it_works_and_tells_what_a_run_would_have_returned(shown: Shown) -> None:
    """The demonstration ends well although systems fail, and says which exit code a run gives for that."""
    assert shown.code == 0, shown.noted
    assert f"mã thoát {FAILING}" in shown.said
    assert "Traceback" not in shown.said + shown.noted


def test_every_outcome_occurs_but_a_fault_of_ours(shown: Shown) -> None:
    """Pass, fail, not applicable, inconclusive and not observable are all there; error is not."""
    found = {each["outcome"] for system in (PORTAL, SHOP, SILENT) for each in shown.findings(system)}
    assert found == {outcome.value for outcome in Outcome} - {Outcome.ERROR.value}


# --- Each of them right ---------------------------------------------------------------------------------------------

UNSWEPT = (
    "declared-ports-open",
    "no-cleartext-administration",
    "no-database-reachable",
    "no-file-sharing-reachable",
    "ports-only-declared",
)
ZONE = ("dnssec-valid", "name-servers-answer", "name-servers-redundant")
MAIL = ("dmarc-enforced", "dmarc-published", "spf-published", "spf-rejects-others")
CERTIFICATE = (
    "certificate-chains-to-declared-root",
    "certificate-chains-to-public-root",
    "certificate-in-date",
    "certificate-key-strong",
    "certificate-names-host",
)
VERSIONS = ("tls-1-3-offered", "tls-modern-protocols")
SUITES = ("aead-only", "forward-secrecy-only", "no-null-or-anonymous-suites", "signature-schemes-strong")
HANDSHAKE = (
    "dh-strong",
    "encrypt-then-mac-or-no-cbc",
    "extended-master-secret-supported",
    "groups-strong",
    "no-compression",
    "no-export-suites",
    "no-poodle",
    "no-rc4",
    "no-sweet32",
    "secure-renegotiation-indicated",
    "version-and-extension-tolerant",
)
#: What depends on which versions and suites stand side by side.
EXPOSURE = ("fallback-scsv-honoured", "no-beast-exposure", "no-logjam", "server-order-preferred")
#: Whether the library beneath the demonstration knows the post-quantum groups.
HYBRID, KNOWS_HYBRID = "post-quantum-hybrid-offered", ssl.OPENSSL_VERSION_INFO >= (3, 5)
STARTTLS = ("starttls-offered",)
SESSIONS = ("early-data-off", "ticket-lifetime-limited")
#: What is asked of certificates of public authorities, or of servers that staple.
PUBLIC = (
    "certificate-lifetime-limited",
    "certificate-not-revoked",
    "certificate-profile-conforms",
    "certificate-staple-good",
    "certificate-stapled-when-required",
    "certificate-transparency-logged",
)
PAGE = ("content-type-nosniff", "cookies-flagged", "framing-restricted", "no-version-disclosed")


def _told(outcome: str, subject: str, *checks: str) -> dict[tuple[str, str], set[str]]:
    return {(check, subject): {outcome} for check in checks}


def _web(shown: Shown, system: str) -> tuple[str, str]:
    """The HTTPS and the HTTP endpoint."""
    endpoints = shown.endpoints(system)
    return (
        next(each for each in endpoints if each.startswith("https:")),
        next((each for each in endpoints if each.startswith("http:")), ""),
    )


def test_the_well_kept_portal_passes_but_for_what_it_really_lacks(shown: Shown) -> None:
    """Its authority is in no store, it has no IPv6 address, and perhaps no post-quantum groups; all else passes."""
    https, http = _web(shown, PORTAL)
    host = "host:cong.bo-mau.test"
    zone = "dns:bo-mau.test" if "dns:bo-mau.test" in shown.endpoints(PORTAL) else None
    assert shown.outcomes(PORTAL) == {
        **_told("pass", https.rstrip("/"), *CERTIFICATE, *VERSIONS, *SUITES, *HANDSHAKE, "no-beast-exposure"),
        **_told("not-applicable", https.rstrip("/"), "fallback-scsv-honoured", "no-logjam", "server-order-preferred"),
        **_told("fail", https.rstrip("/"), "certificate-chains-to-public-root"),
        **_told("pass" if KNOWS_HYBRID else "fail", https.rstrip("/"), HYBRID),
        **_told("pass", https.rstrip("/"), "certificate-chain-complete", *SESSIONS),
        **_told("not-applicable", https.rstrip("/"), *PUBLIC),
        **_told("pass", https, *PAGE, "hsts-set", "https-reachable"),
        **_told("not-applicable", https, "http-redirects-to-https"),
        **_told("not-applicable", http, *PAGE, "hsts-set", "https-reachable"),
        **_told("pass", http, "http-redirects-to-https", "no-version-disclosed"),
        **_told("pass", "mail:bo-mau.test", *MAIL),
        **_told("pass" if zone else "not-applicable", zone or "system:", *ZONE),
        **_told("pass", host, "caa-limits-issuers"),
        **_told("fail", host, "ipv6-published"),
        **_told("not-applicable", host, "certificate-same-everywhere", "tls-same-everywhere"),
        **_told("pass", "system:", "approval-in-place", "plan-carried-out", "level-fits-facts"),
        **_told("pass", "system:", "every-web-endpoint-encrypted", "no-drown"),
        **_told("not-applicable", "system:", *UNSWEPT, *STARTTLS),
    }


def test_the_old_shop_fails_and_every_failure_is_confirmed(shown: Shown) -> None:
    """All that is wrong with it is found; what it does offer passes; what an inside view cannot decide is left open."""
    https, http = _web(shown, SHOP)
    host = "host:cua-hang.luu-niem.test"
    zone = "dns:luu-niem.test" if "dns:luu-niem.test" in shown.endpoints(SHOP) else None
    swept = shutil.which("nmap") is not None
    assert shown.outcomes(SHOP) == {
        **_told("fail", https.rstrip("/"), *CERTIFICATE, "tls-modern-protocols", *SUITES, "no-beast-exposure"),
        **_told("pass" if KNOWS_HYBRID else "fail", https.rstrip("/"), HYBRID),
        **_told("pass", https.rstrip("/"), "tls-1-3-offered", *HANDSHAKE, "server-order-preferred"),
        **_told("not-applicable", https.rstrip("/"), "no-logjam"),
        # It closes without saying why, which may be the refusal of a fallback or anything else.
        **_told("inconclusive", https.rstrip("/"), "fallback-scsv-honoured"),
        **_told("pass", https.rstrip("/"), "certificate-chain-complete", *SESSIONS),
        **_told("not-applicable", https.rstrip("/"), *PUBLIC),
        **_told("fail", https, *PAGE, "hsts-set"),
        **_told("pass", https, "https-reachable"),
        **_told("not-applicable", https, "http-redirects-to-https"),
        **_told("fail", http, *PAGE, "http-redirects-to-https"),
        **_told("not-applicable", http, "hsts-set", "https-reachable"),
        **_told("fail", "mail:luu-niem.test", *MAIL),
        **_told("pass", "mail:luu-niem.test", "spf-published"),
        **_told("fail" if zone else "not-applicable", zone or "system:", *ZONE),
        **_told("pass" if zone else "not-applicable", zone or "system:", "name-servers-answer"),
        **_told("fail", host, "caa-limits-issuers", "ipv6-published"),
        **_told("not-applicable", host, "certificate-same-everywhere", "tls-same-everywhere"),
        **_told("fail" if swept else "inconclusive", host, "no-cleartext-administration", "ports-only-declared"),
        **_told("pass" if swept else "inconclusive", host, "declared-ports-open"),
        **_told("inconclusive", host, "no-database-reachable", "no-file-sharing-reachable"),
        **_told("not-applicable", "system:", *STARTTLS),
        **_told("fail", "system:", "approval-in-place", "plan-carried-out", "level-fits-facts"),
        **_told("fail", "system:", "every-web-endpoint-encrypted"),
        **_told("pass", "system:", "no-drown"),
    }
    failures = [each for each in shown.findings(SHOP) if each["outcome"] == "fail" and each["evidence"]]
    assert failures
    assert all(each["confirmed"] for each in failures)


def test_the_silent_server_is_neither_good_nor_bad(shown: Shown) -> None:
    """Nothing about a server that never answers passes or fails, for it did not answer in time; documents are
    judged.
    """
    https, _ = _web(shown, SILENT)
    host = "host:van-ban.bo-mau.test"
    assert shown.outcomes(SILENT) == {
        **_told("inconclusive", https.rstrip("/"), *CERTIFICATE, *VERSIONS, *SUITES, *HANDSHAKE, *EXPOSURE, HYBRID),
        **_told("inconclusive", https.rstrip("/"), *PUBLIC, "certificate-chain-complete", *SESSIONS),
        **_told("inconclusive", https, *PAGE, "hsts-set", "https-reachable", "http-redirects-to-https"),
        **_told("inconclusive", host, "certificate-same-everywhere", "tls-same-everywhere"),
        **_told("pass", host, "caa-limits-issuers"),
        **_told("fail", host, "ipv6-published"),
        **_told("not-applicable", "system:", *UNSWEPT, *MAIL, *ZONE, *STARTTLS),
        **_told("fail", "system:", "approval-in-place", "plan-carried-out"),
        **_told("inconclusive", "system:", "every-web-endpoint-encrypted", "level-fits-facts", "no-drown"),
    }
    asked = [each for each in shown.findings(SILENT) if each["subject"].startswith(https.rstrip("/"))]
    assert {each["cause"] for each in asked} == {"timeout"}


def _measured(shown: Shown, check: str, **where: str) -> Any:
    (found,) = (
        each
        for each in shown.findings(SHOP)
        if each["check"] == check and all(each[name] == value for name, value in where.items())
    )
    return found["measured"]


def test_what_was_measured_is_what_the_shop_serves(shown: Shown) -> None:
    """Versions, dates, names, bits and headers in the findings are those of the server."""
    https, http = _web(shown, SHOP)
    assert _measured(shown, "tls-modern-protocols") == ["TLSv1.0", "TLSv1.1"]
    assert _measured(shown, "certificate-names-host") == ["localhost.localdomain"]
    assert _measured(shown, "certificate-key-strong") == {"value": 1024, "unit": "bit"}
    assert _measured(shown, "cookies-flagged", subject=https) == ["PHPSESSID: Secure, HttpOnly, SameSite"]
    assert _measured(shown, "every-web-endpoint-encrypted") == [http]
    assert _measured(shown, "level-fits-facts") == ["basic_data_subjects=150000"]


@pytest.mark.skipif(shutil.which("nmap") is None, reason="nmap is not installed")
def test_the_undeclared_services_are_found(shown: Shown) -> None:
    """A telnet-like prompt and a database that nobody declared are open, and the prompt is in clear."""
    surplus = " ".join(_measured(shown, "ports-only-declared"))
    (clear,) = _measured(shown, "no-cleartext-administration")
    assert clear.endswith("/tcp (telnet)")
    assert clear.partition("/")[0] in surplus
    assert "mysql" in surplus


def test_a_claim_changes_nothing(shown: Shown) -> None:
    """The owner's statement stands beside the failure, which stays one and is not excused."""
    (finding,) = (each for each in shown.findings(SHOP) if each["check"] == "tls-modern-protocols")
    assert [each["decision"] for each in finding["statements"]] == ["claimed"]
    assert finding["outcome"] == "fail"
    assert not finding["excused"]


# --- What is printed and written ------------------------------------------------------------------------------------


def test_the_vietnamese_summary_holds_no_english(shown: Shown) -> None:
    """Every sentence of the output is Vietnamese; only what servers say, names and paths are left as they are."""
    lines = (shown.said + shown.noted).splitlines()
    sentences = [HOSTILE.sub("", line) for line in lines if "/" not in line or "–" in line]
    assert [line for line in sentences if ENGLISH.search(line.partition(" – ")[2] or line)] == []
    assert "không đạt" in shown.said


def test_every_failure_is_told_with_its_place(shown: Shown) -> None:
    """A line names the subject and its address, or the system where the whole system is meant."""
    lines = [line for line in shown.said.splitlines() if " – " in line]
    failures = [
        each for system in (PORTAL, SHOP, SILENT) for each in shown.findings(system) if each["outcome"] == "fail"
    ]
    places = [
        " ".join(filter(None, (each["system"] if each["subject"] == "system:" else each["subject"], each["address"])))
        for each in failures
    ]
    assert sorted(line.partition(" – ")[0].split(": ", 2)[2] for line in lines) == sorted(places)


def test_nothing_that_a_server_says_is_obeyed(shown: Shown) -> None:
    """The script and the escapes of the hostile certificate and header reach neither terminal nor page."""
    assert "alert('xin chao')" in shown.said
    assert "\x1b" not in shown.said
    for language in ("vi", "en"):
        (page,) = shown.bundle(SHOP).glob(f"assessments/*/reports/report.{language}.html")
        text = page.read_text(encoding="utf-8")
        assert "xin chao" in text
        assert "<script" not in text
        assert "\x1b" not in text


def test_reports_in_both_languages_are_where_it_says(shown: Shown) -> None:
    """Each system's report is named for both languages, and is there."""
    named = re.findall(r": (\S+/report\.(?:vi|en)\.html)$", shown.said, re.MULTILINE)
    assert len(named) == 6
    assert all(Path(each).is_file() for each in named)


def test_papers_stay_where_anybody_can_run_them(shown: Shown) -> None:
    """The documents lie in the output folder and still make a plan when the servers are gone."""
    documents = shown.folder / "demo"
    words = [str(documents / "declaration.yaml"), "--authorisation", str(documents / "authorisation.yaml")]
    words += ["--settings", str(documents / "inspector.toml"), "--system", SHOP]
    done = subprocess.run(
        [sys.executable, "-m", "inspector.cli", "plan", *words],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        cwd=shown.folder,
    )
    assert done.returncode == 0, done.stderr
    assert "cua-hang.luu-niem.test" in done.stdout


def test_only_this_machine_was_asked(shown: Shown) -> None:
    """The ledgers name loopback addresses alone, whatever resolver the environment asks for."""
    ledgers = [path.read_text().splitlines() for path in shown.folder.glob("*/*/*/capture/ledger.jsonl")]
    assert len(ledgers) == 3
    asked = {json.loads(line)["address"] for lines in ledgers for line in lines}
    assert asked
    assert all(ipaddress.ip_address(each).is_loopback for each in asked)


# --- Nothing is left behind -----------------------------------------------------------------------------------------


def _marked(scratch: Path) -> list[str]:
    """The command lines of processes that inherited the mark."""
    mark = f"TMPDIR={scratch}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are not told in /proc")


@needs_proc
def test_no_process_and_no_file_outlives_it(shown: Shown) -> None:
    """Servers and workers have ended, and the temporary folder is empty: no private key stays."""
    assert _marked(shown.scratch) == []
    assert list(shown.scratch.iterdir()) == []


@contextmanager
def _begun(folder: Path, scratch: Path) -> Iterator[subprocess.Popen[str]]:
    """A demonstration whose servers run."""
    with subprocess.Popen(
        _command(folder), env=_environment(scratch), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as begun:
        try:
            assert begun.stderr is not None
            assert "127." in begun.stderr.readline()
            yield begun
        finally:
            begun.kill()


def _until_gone(scratch: Path) -> Iterator[list[str]]:
    """What is left, again and again for some seconds."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        yield _marked(scratch)
        time.sleep(0.05)


@needs_proc
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_servers_end_with_the_demonstration(tmp_path: Path, blow: signal.Signals) -> None:
    """Ctrl-C, a polite and a rude end of the demonstration end its servers too, and leave no private key."""
    scratch = tmp_path / "scratch"
    with _begun(tmp_path / "out", scratch) as begun:
        assert any("inspector.demo" in each for each in _marked(scratch))
        begun.send_signal(blow)
        begun.communicate(timeout=SECONDS)
    assert [] in _until_gone(scratch)
    assert list(scratch.rglob("*.key")) == []


def test_two_demonstrations_do_not_meet() -> None:
    """A second estate stands at addresses, or at least on ports, of its own."""
    with running() as one, running() as other:
        here, there = (
            {(each.addresses["portal"], each.ports.portal_https), (each.addresses["shop"], each.ports.shop_telnet)}
            for each in (one, other)
        )
    assert here.isdisjoint(there)
