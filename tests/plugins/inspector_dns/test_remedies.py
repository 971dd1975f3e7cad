"""The settings and records that remedies give for BIND, applied where a check of names fails: it then passes."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype
import pytest

from inspector import Every, Observation, Outcome, Probe, SubjectResult, Verdict
from inspector.registry.registry import installed
from inspector.report.remedies import Remedy, remedies_of
from inspector_dns.exposure import name_server_exposure
from inspector_dns.probes import name_server, names, zone
from tests.plugins.inspector_dns.named import Signing, ZoneSet, _wait, free_port, programs, run
from tests.plugins.inspector_dns.scanning import see, subject

CHECKS = installed().checks
#: ``test_services`` in ``tests/remedies`` tries this one.
_ELSEWHERE = frozenset({"name-servers-refuse-recursion"})
REMEDIES: Mapping[str, Remedy] = {
    check: remedy
    for check in CHECKS
    if installed().package_of(check) == "inspector_dns" and check not in _ELSEWHERE
    for remedy in remedies_of("inspector_dns", check).values()
}
#: Of a server's options: those with which a check fails.
OPTIONS = {
    "zone-transfer-refused": "allow-transfer { any; };",
    "name-server-version-hidden": "",
    "name-servers-support-cookies": "answer-cookie no;",
}
#: Of a zone ``example.vn``: its records with which a check fails, beside or in place of those that all have.
RECORDS = {
    "caa-limits-issuers": "",
    "caa-records-well-formed": 'example.vn. IN CAA 0 issue "ca.example.net, other.example.net"',
    "ipv6-published": "",
    "ns-ttl-sound": "example.vn. 60 IN NS ns1.example.vn.",
    "soa-values-sound": "example.vn. IN SOA ns1.example.vn. hostmaster.example.vn. 1 14400 3600 86400 3600",
    "name-servers-redundant": "example.vn. IN NS ns1.example.vn.",
    "name-servers-in-several-networks": "example.vn. IN NS ns1.example.vn.",
}
_SOA = "example.vn. IN SOA ns1.example.vn. hostmaster.example.vn. 1 14400 3600 1209600 3600"
_NS = "example.vn. IN NS ns1.example.vn."
_HOSTS = ("ns1.example.vn. IN A 11.1.0.1", "ns2.example.vn. IN A 11.2.0.1", "www.example.vn. IN A 11.3.0.1")
#: Of a zone ``example.vn``: how it is signed where a check fails; None: not at all.
SIGNINGS: Mapping[str, Signing | None] = {
    "dnssec-valid": None,
    "dnssec-algorithms-strong": Signing(algorithm="RSASHA256", bits=1024),
    "dnssec-denial-valid": Signing(),
    "dnssec-signatures-fresh": Signing(start="now-2592000", end="now+72000"),
    "nsec3-parameters-sound": Signing(nsec3=("-3", "-", "-H", "10")),
}
#: What is replaced in the signed zone.
CHANGES = {"dnssec-denial-valid": ("NS SOA RRSIG", "A NS SOA RRSIG")}


def zone_text(lines: tuple[str, ...]) -> str:
    """A zone with these records, which take the place of those that every zone has of the same name and type."""
    own = [_SOA, _NS, *_HOSTS]
    given = {(each.split()[0], kind) for each in lines for kind in ("SOA", "NS", "A") if f" IN {kind} " in each}
    kept = [each for each in own if not any(each.startswith(f"{name} IN {kind} ") for name, kind in given)]
    ordered = sorted([*kept, *lines], key=lambda each: " IN SOA " not in each)
    return "$TTL 7200\n" + "\n".join(ordered) + "\n"


@contextlib.contextmanager
def serving(folder: Path, zones: Mapping[str, str], options: str = "") -> Iterator[int]:
    """BIND on loopback with zones, each by the lines of its block; gives the port."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    blocks = "".join(f'zone "{name}" {{ type primary; {lines} }};\n' for name, lines in zones.items())
    (folder / "named.conf").write_text(
        f'options {{ directory "{folder}"; pid-file none; session-keyfile none; listen-on port {port} {{ 127.0.0.1; }};'
        f" listen-on-v6 {{ none; }}; recursion no; dnssec-validation no; empty-zones-enable no; notify no;\n{options}\n"
        f"}};\ncontrols {{ }};\nlogging {{ category default {{ null; }}; }};\n{blocks}"
    )
    with (folder / "log").open("wb") as log:
        command = [programs()["named"], "-f", "-n", "1", "-c", str(folder / "named.conf")]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait(process, port, folder / "log")
            yield port
        finally:
            process.terminate()
            process.wait(30)


def seen_by(probe: Probe, uri: str, port: int, anchors: tuple[str, ...] = ()) -> SubjectResult[Observation]:
    """What a probe observes."""
    address = "127.0.0.1" if probe.subject_kind.has_address or uri.startswith("ns:") else None
    return SubjectResult(subject(probe, uri, address), see(probe, uri, port, anchors, address))


def verdict(check: str, port: int, anchors: tuple[str, ...] = ()) -> Verdict:
    """The verdict of a check about ``example.vn`` and ``www.example.vn``, at a server that answers for them."""
    (wired,) = CHECKS[check].inputs
    probe, uri = {
        names.kind: (names, "host:www.example.vn"),
        zone.kind: (zone, "dns:example.vn"),
        name_server.kind: (name_server, f"ns://ns1.example.vn:{port}/example.vn"),
        name_server_exposure.kind: (name_server_exposure, f"ns://ns1.example.vn:{port}/example.vn"),
    }[wired.kind]
    seen = seen_by(probe, uri, port, anchors)
    return CHECKS[check].evaluate([Every([seen]) if wired.every else seen], {})


@pytest.mark.parametrize("check", OPTIONS)
def test_an_option_makes_the_check_pass(check: str, tmp_path: Path) -> None:
    """The line of the remedy in place of the option with which the check fails."""
    (tmp_path / "zone").write_text(zone_text(()))
    block = {"example.vn": f'file "{tmp_path}/zone";'}
    with serving(tmp_path / "failing", block, OPTIONS[check]) as port:
        assert verdict(check, port).outcome is Outcome.FAIL
    with serving(tmp_path / "mended", block, "\n".join(REMEDIES[check].lines)) as port:
        assert verdict(check, port).outcome is Outcome.PASS


@pytest.mark.parametrize("check", RECORDS)
def test_records_make_the_check_pass(check: str, tmp_path: Path) -> None:
    """The records of the remedy in place of those with which the check fails."""
    outcomes = []
    (tmp_path / "top").write_text(
        "$TTL 60\nvn. IN SOA a.dns.vn. b.vn. 1 1 1 1 1\nvn. IN NS a.dns.vn.\na.dns.vn. A 11.9.9.9\n"
    )
    for number, lines in enumerate(((RECORDS[check],) if RECORDS[check] else (), REMEDIES[check].lines)):
        (tmp_path / f"zone{number}").write_text(zone_text(lines))
        blocks = {"example.vn": f'file "{tmp_path}/zone{number}";', "vn": f'file "{tmp_path}/top";'}
        with serving(tmp_path / f"served{number}", blocks) as port:
            outcomes.append(verdict(check, port).outcome)
    assert outcomes == [Outcome.FAIL, Outcome.PASS]


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The port of BIND that signs ``example.vn`` by the lines of the remedies, and the anchor of ``vn`` above it."""
    folder = tmp_path_factory.mktemp("signed")
    (folder / "zone").write_text(zone_text(()))
    lines = dict.fromkeys(line for check in SIGNINGS for line in REMEDIES[check].lines)
    block = f'file "{folder}/zone"; key-directory "{folder}";\n' + "\n".join(lines) + "\n"
    with serving(folder / "named", {"example.vn": block}) as port:
        wait_until_signed(port)
    tops = ZoneSet(folder)
    keys = [run(programs()["dnssec-dsfromkey"], "-2", str(path)) for path in folder.glob("Kexample.vn.*.key")]
    tops.add(
        "vn", "@ NS ns1.example.vn.\nexample NS ns1.example.vn.\nns1.example A 11.1.0.1\n" + "".join(keys), Signing()
    )
    blocks = {"example.vn": block, "vn": f'file "{tops.zones["vn"]}";'}
    with serving(folder / "named", blocks, "check-integrity no;") as port:
        wait_until_signed(port)
        yield port, tops.anchors("vn")


def wait_until_signed(port: int) -> None:
    """Return when BIND serves signatures."""
    question = dns.message.make_query("example.vn", "NS", want_dnssec=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = dns.query.udp(question, "127.0.0.1", port=port, timeout=10).answer
        if any(rrset.rdtype == dns.rdatatype.RRSIG for rrset in answer):
            return
        time.sleep(0.05)
    raise AssertionError("named does not sign")


@pytest.mark.parametrize("check", SIGNINGS)
def test_a_signing_policy_makes_the_check_pass(check: str, signed: tuple[int, tuple[str, ...]], tmp_path: Path) -> None:
    """A zone that fails, and the same zone signed by BIND itself."""
    zone_set, how = ZoneSet(tmp_path), SIGNINGS[check]
    zone_set.add("example.vn", "@ NS ns1\nns1 A 11.1.0.1\n", how)
    if check in CHANGES:
        zone_set.change("example.vn", *CHANGES[check])
    ds = "\n".join(zone_set.ds.get("example.vn", ()))
    zone_set.add("vn", f"@ NS ns1.example.vn.\nexample NS ns1.example.vn.\nns1.example A 11.1.0.1\n{ds}\n", Signing())
    blocks = {name: f'file "{path}";' for name, path in zone_set.zones.items()}
    with serving(tmp_path / "named", blocks, "check-integrity no;") as port:
        before = verdict(check, port, zone_set.anchors("vn"))
    assert before.outcome is Outcome.FAIL, before
    after = verdict(check, *signed)
    assert after.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE), after


def test_every_remedy_is_applied() -> None:
    """None is said to have been tried that no test here applies."""
    assert set(REMEDIES) == {*OPTIONS, *RECORDS, *SIGNINGS}
    assert all(remedy.tried for remedy in REMEDIES.values())
