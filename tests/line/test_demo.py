"""The demonstration: every outcome but an error of ours, each right, on this machine alone, and nothing remains."""

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
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from inspector import Outcome
from inspector.cli.exit_code import FAILING
from inspector.declare.document import read
from inspector.demo.environment import running
from inspector.model.finding import Force
from inspector.regime.regime import LEGAL
from inspector.registry.registry import installed
from tests.bundles import content, parsed
from tests.launcher import COMMAND, launched

REGISTRY = installed()
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
        (found,) = self.folder.glob(f"*/{system}/*/")
        return found

    def findings(self, system: str) -> list[dict[str, Any]]:
        (folder,) = self.bundle(system).glob("assessments/*")
        found: list[dict[str, Any]] = parsed(folder, "findings.json")
        return found

    def outcomes_of(self, system: str, check: str) -> set[str]:
        """The outcomes of a check on the subjects of a system."""
        return {each["outcome"] for each in self.findings(system) if each["check"] == check}


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
    command = _command(folder, "--lang", "vi", "--verbose")
    done = subprocess.run(
        command, env=_environment(scratch), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return Shown(folder, scratch, done.returncode, done.stdout, done.stderr)


def test_it_works_and_tells_what_a_run_would_have_returned(shown: Shown) -> None:
    """The demonstration ends well although systems fail, and says which exit code a run gives for that."""
    assert shown.code == 0, shown.noted
    assert f"mã thoát {FAILING}" in shown.said
    assert "Traceback" not in shown.said + shown.noted


def test_the_documents_are_their_owners(shown: Shown) -> None:
    """The folder of the documents is closed to others: it tells which servers run where, and who inspects them."""
    (document,) = shown.folder.rglob("declaration.yaml")
    assert document.parent.stat().st_mode & 0o077 == 0
    assert document.stat().st_mode & 0o022 == 0


def test_every_outcome_occurs_but_a_fault_of_ours(shown: Shown) -> None:
    """Pass, fail, not applicable, inconclusive and not observable are all there; error is not."""
    found = {each["outcome"] for system in (PORTAL, SHOP, SILENT) for each in shown.findings(system)}
    assert found == {outcome.value for outcome in Outcome} - {Outcome.ERROR.value}


# --- Each of them right ---------------------------------------------------------------------------------------------

#: By kind, the checks that tell the two apart: the portal passes, the shop fails. A new check need not be here.
APART = {
    "certificate": (
        "certificate-chains-to-declared-root",
        "certificate-in-date",
        "certificate-key-strong",
        "certificate-names-host",
    ),
    "tls": (
        "aead-only",
        "forward-secrecy-only",
        "no-beast-exposure",
        "no-null-or-anonymous-suites",
        "signature-schemes-strong",
        "tls-modern-protocols",
    ),
    "page": (
        "content-type-nosniff",
        "cookies-flagged",
        "csp-set",
        "framing-restricted",
        "hsts-set",
        "no-version-disclosed",
    ),
    "web": ("every-web-endpoint-encrypted", "http-redirects-to-https"),
    "mail": ("dmarc-enforced", "dmarc-published", "spf-limits-senders", "spf-rejects-others"),
    "host name": ("caa-limits-issuers",),
    "dossier": ("approval-in-place", "level-fits-facts", "plan-carried-out"),
}
#: By kind, the checks that both pass.
SOUND = {
    "certificate": ("certificate-chain-complete",),
    "tls": (
        "dh-strong",
        "early-data-off",
        "encrypt-then-mac-or-no-cbc",
        "extended-master-secret-supported",
        "groups-strong",
        "no-compression",
        "no-drown",
        "no-export-suites",
        "no-poodle",
        "no-rc4",
        "no-sweet32",
        "secure-renegotiation-indicated",
        "ticket-lifetime-limited",
        "tls-1-3-offered",
        "version-and-extension-tolerant",
    ),
    "web": ("https-reachable",),
    "mail": ("spf-published",),
}
#: Certificates that no public authority issued, one address per name, no STARTTLS: none of these applies to either.
NOT_APPLICABLE = (
    "certificate-lifetime-limited",
    "certificate-not-revoked",
    "certificate-profile-conforms",
    "certificate-same-everywhere",
    "certificate-staple-good",
    "certificate-stapled-when-required",
    "certificate-transparency-logged",
    "no-logjam",
    "starttls-offered",
    "tls-same-everywhere",
)
#: Whether the library of the demonstration's servers supports the post-quantum groups.
KNOWS_HYBRID = ssl.OPENSSL_VERSION_INFO >= (3, 5)
#: Open ports are scanned on the shop alone, by nmap.
NEEDS_NMAP = {"declared-ports-open": "pass", "no-cleartext-administration": "fail", "ports-only-declared": "fail"}
FAIL, PASS, INCONCLUSIVE = Outcome.FAIL.value, Outcome.PASS.value, Outcome.INCONCLUSIVE.value
NONE = Outcome.NOT_APPLICABLE.value


def _assert_outcome(shown: Shown, system: str, outcome: str, checks: Iterable[str]) -> None:
    """Each check has this outcome on the system; on some of its subjects it may not be applicable."""
    found = {check: shown.outcomes_of(system, check) for check in checks}
    assert {check: each for check, each in found.items() if each - {NONE} != {outcome} - {NONE} or not each} == {}


@pytest.mark.parametrize("kind", APART)
def test_the_portal_passes_what_the_shop_fails(shown: Shown, kind: str) -> None:
    """For every kind of measure, what is configured well passes and what is configured badly fails."""
    _assert_outcome(shown, PORTAL, PASS, APART[kind])
    _assert_outcome(shown, SHOP, FAIL, APART[kind])


@pytest.mark.parametrize("kind", SOUND)
def test_both_pass_what_both_do_well(shown: Shown, kind: str) -> None:
    """A bad server fails what is bad about it, and nothing else."""
    _assert_outcome(shown, PORTAL, PASS, SOUND[kind])
    _assert_outcome(shown, SHOP, PASS, SOUND[kind])


def test_what_does_not_apply_is_neither_good_nor_bad(shown: Shown) -> None:
    """Checks of what neither system has are not applicable, the sweep of undeclared hosts among them."""
    _assert_outcome(shown, PORTAL, NONE, [*NOT_APPLICABLE, *NEEDS_NMAP, "no-database-reachable"])
    _assert_outcome(shown, SHOP, NONE, NOT_APPLICABLE)


def test_the_zone_counts_where_it_is_served(shown: Shown) -> None:
    """Without a name server on port 53 no zone is declared, and nothing about zones applies."""
    served = "dns:bo-mau.test" in shown.endpoints(PORTAL)
    apart, both = ("dnssec-valid", "name-servers-redundant"), ("name-servers-answer",)
    _assert_outcome(shown, PORTAL, PASS if served else NONE, [*apart, *both])
    _assert_outcome(shown, SHOP, FAIL if served else NONE, apart)
    _assert_outcome(shown, SHOP, PASS if served else NONE, both)


def test_the_portal_keeps_the_law(shown: Shown) -> None:
    """No legal requirement fails but those on IPv6 and its name; all but what it hides is decided; its gaps are found.

    Its authority is in no store but declared; it has neither an IPv6 address nor a name below .vn, which Decree
    224/2026 asks of portals since July 2026, in transition or not, and perhaps no post-quantum groups. Newer
    recommendations may fail, too.
    """
    findings = shown.findings(PORTAL)
    legal = [each for each in findings if each["outcome"] == FAIL and Force(each["force"]) in LEGAL]
    assert {each["requirement"] for each in legal} == {
        "nd224-ipv6-published",
        "nd224-name-in-national-domain",
    }
    undecided = {each["check"]: each["cause"] for each in findings if each["outcome"] == INCONCLUSIVE}
    assert undecided == {
        "web-products-supported": "not-stated",
        "web-no-known-exploited-product": "not-stated",
        # The demonstration has one name server, which serves the parent zone as well.
        "delegation-consistent": "ambiguous",
        "glue-consistent": "ambiguous",
        # Nor does it serve the names of addresses.
        "mail-hosts-have-reverse-names": "refused",
        # What it does not declare: a DKIM selector, and the mail server's own endpoint.
        "dkim-keys-strong": "not-selected",
        "dkim-keys-valid": "not-selected",
        "mail-servers-answer": "out-of-scope",
        "mail-servers-start-tls": "out-of-scope",
    }
    assert any(each["outcome"] == PASS and Force(each["force"]) in LEGAL for each in findings)
    _assert_outcome(shown, PORTAL, FAIL, ["ipv6-published"])
    _assert_outcome(shown, PORTAL, NONE, ["certificate-chains-to-public-root"])
    for system in (PORTAL, SHOP):
        _assert_outcome(shown, system, PASS if KNOWS_HYBRID else FAIL, ["post-quantum-hybrid-offered"])


def test_the_shop_breaks_the_law_and_every_failure_is_confirmed(shown: Shown) -> None:
    """Legal requirements fail; what a second scan can confirm is confirmed; what cannot be decided is left open."""
    failures = [each for each in shown.findings(SHOP) if each["outcome"] == FAIL]
    assert [each for each in failures if Force(each["force"]) in LEGAL]
    assert [each for each in failures if each["evidence"]]
    assert all(each["confirmed"] for each in failures if each["evidence"] and each["force"] != Force.INFO)
    _assert_outcome(shown, SHOP, FAIL, ["certificate-chains-to-public-root", "ipv6-published"])
    # It closes without an alert: of a hello that differs only in the fallback signal that is its refusal.
    _assert_outcome(shown, SHOP, PASS, ["fallback-scsv-honoured", "server-order-preferred"])
    _assert_outcome(shown, SHOP, INCONCLUSIVE, ["no-database-reachable", "no-file-sharing-reachable"])
    swept = shutil.which("nmap") is not None
    for check, outcome in NEEDS_NMAP.items():
        _assert_outcome(shown, SHOP, outcome if swept else INCONCLUSIVE, [check])


def test_the_silent_server_is_neither_good_nor_bad(shown: Shown) -> None:
    """Everything about an endpoint that never answers is inconclusive by timeout; only DNS and the dossier decide."""
    (https,) = (each.rstrip("/") for each in shown.endpoints(SILENT) if each.startswith("https:"))
    observable = [each for each in shown.findings(SILENT) if each["outcome"] != Outcome.NOT_OBSERVABLE]
    endpoint = [each for each in observable if each["subject"].startswith(https)]
    assert {(each["outcome"], each["cause"]) for each in endpoint} == {(INCONCLUSIVE, "timeout")}
    asked = {
        check for kinds in (APART, SOUND) for kind in ("certificate", "tls", "page") for check in kinds.get(kind, ())
    }
    assert asked - {each["check"] for each in endpoint} == {"no-drown"}
    decided = {REGISTRY.package_of(each["check"]) for each in observable if each["outcome"] in (PASS, FAIL)}
    assert decided == {"inspector_dns", "inspector_dossier"}
    _assert_outcome(shown, SILENT, INCONCLUSIVE, ["every-web-endpoint-encrypted", "level-fits-facts", "no-drown"])
    _assert_outcome(shown, SILENT, FAIL, ["approval-in-place", "ipv6-published", "plan-carried-out"])
    _assert_outcome(shown, SILENT, PASS, ["caa-limits-issuers"])


def _measured(shown: Shown, check: str, **where: str) -> Any:
    (found,) = (
        each
        for each in shown.findings(SHOP)
        if each["check"] == check and all(each[name] == value for name, value in where.items())
    )
    return found["measured"]


def test_what_was_measured_is_what_the_shop_serves(shown: Shown) -> None:
    """Versions, dates, names, bits and headers in the findings are those of the server."""
    https, http = (
        next(each for each in shown.endpoints(SHOP) if each.startswith(f"{scheme}:")) for scheme in ("https", "http")
    )
    assert _measured(shown, "tls-modern-protocols") == ["TLSv1.0", "TLSv1.1"]
    assert _measured(shown, "certificate-names-host") == ["localhost.localdomain"]
    assert _measured(shown, "certificate-key-strong") == {"value": 1024, "unit": "bit"}
    assert _measured(shown, "cookies-flagged", subject=https) == ["PHPSESSID: Secure, HttpOnly, SameSite"]
    assert _measured(shown, "every-web-endpoint-encrypted") == [http]
    assert _measured(shown, "level-fits-facts") == ["basic_data_subjects=150000", "internal_only=false"]


@pytest.mark.skipif(shutil.which("nmap") is None, reason="nmap is not installed")
def test_the_undeclared_services_are_found(shown: Shown) -> None:
    """A telnet-like prompt and a database that nobody declared are open, and the prompt is in clear."""
    surplus = " ".join(_measured(shown, "ports-only-declared"))
    (clear,) = _measured(shown, "no-cleartext-administration")
    assert clear.endswith("/tcp (telnet)")
    assert clear.partition("/")[0] in surplus
    assert "mysql" in surplus


def test_a_claim_changes_nothing(shown: Shown) -> None:
    """The owner's statement stands next to the failure, which stays one and is not excused."""
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


def test_every_finding_is_reported_with_its_place(shown: Shown) -> None:
    """With --verbose a line names the subject and its address, or the system where the whole system is meant."""
    lines = [line for line in shown.said.splitlines() if " – " in line]
    places = [_place(each) for system in (PORTAL, SHOP, SILENT) for each in shown.findings(system)]
    assert sorted(line.partition(" – ")[0].split(": ", 2)[2] for line in lines) == sorted(places)


def _place(finding: dict[str, Any]) -> str:
    subject, address = finding["system"] if finding["subject"] == "system:" else finding["subject"], finding["address"]
    return f"{subject} [{address}]" if address and address not in subject else subject


def test_nothing_that_a_server_says_is_obeyed(shown: Shown) -> None:
    """The script and the escapes of the hostile certificate and header reach neither terminal nor page."""
    assert "alert('xin chao')" in shown.said
    assert "\x1b" not in shown.said
    for language in ("vi", "en"):
        (page,) = shown.bundle(SHOP).parent.glob(f"*.report.{language}.html")
        text = page.read_text(encoding="utf-8")
        assert "xin chao" in text
        assert "<script" not in text
        assert "\x1b" not in text


def test_reports_in_both_languages_are_where_it_says(shown: Shown) -> None:
    """The report to begin with, that of the shop, is named in both languages, and is there."""
    named = re.findall(r": (\S+\.report\.(?:vi|en)\.html)$", shown.said, re.MULTILINE)
    assert [Path(each).name.partition(".report.")[2] for each in named] == ["vi.html", "en.html"]
    assert all(Path(each).is_file() and f"/{SHOP}/" in each for each in named)


def test_documents_stay_where_anybody_can_run_them(shown: Shown) -> None:
    """The documents lie in the output folder and still make a plan when the servers are gone."""
    documents = shown.folder / "demo"
    words = [str(documents / "declaration.yaml"), "--authorisation", str(documents / "authorisation.yaml")]
    words += ["--settings", str(documents / "inspector.toml"), "--system", SHOP]
    done = launched(
        [*COMMAND, "plan", *words],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        cwd=shown.folder,
    )
    assert done.returncode == 0, done.stderr
    assert "cua-hang.luu-niem.test" in done.stdout


def test_a_bundle_is_small(shown: Shown) -> None:
    """Each system's bundle has at most 8 files and 115 kB; what they share stands beside them, once."""
    for each in shown.declared():
        files = [path.stat().st_size for path in shown.bundle(each["id"]).rglob("*") if path.is_file()]
        assert len(files) <= 8
        assert sum(files) <= 115_000
    shared = list((shown.folder / "shared").iterdir())
    assert 3 <= len(shared) <= 9
    assert sum(path.stat().st_size for path in shared) <= 300_000


def test_only_this_machine_was_asked(shown: Shown) -> None:
    """The ledgers name loopback addresses alone, whatever resolver the environment asks for."""
    ledgers = [content(path, "ledger.jsonl").splitlines() for path in shown.folder.glob("*/*/*/capture")]
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


needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are not result in /proc")


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
    """A second environment stands at addresses, or at least on ports, of its own."""
    with running() as one, running() as other:
        here, there = (
            {(each.addresses["portal"], each.ports.portal_https), (each.addresses["shop"], each.ports.shop_telnet)}
            for each in (one, other)
        )
    assert here.isdisjoint(there)
