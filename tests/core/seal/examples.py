"""A small inspection, its evidence and its assessment, for the tests of the bundle."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from inspector.declare.authorisation import Authorisation, AuthorisationKind, Covers
from inspector.declare.declaration import System
from inspector.declare.settings import Vantage
from inspector.model.finding import Finding, Force, Obligation, Severity, finding_id
from inspector.model.observation import Evidence, Raw
from inspector.model.subject import Subject, SubjectKind
from inspector.model.verdict import Message, Outcome
from inspector.record.assessment import Assessment, Coverage
from inspector.record.inspection import Inspection, PluginRecord
from inspector.record.ledger_entry import LedgerEntry
from inspector.record.plan import Plan, ScanTask
from inspector.regime.regime import BilingualText, Regime, Requirement
from inspector.seal import Bundle, CaptureWriter, SigningKey
from inspector.seal.capture_writer import reference_to

WHEN = datetime(2026, 11, 21, 10, 30, 15, tzinfo=UTC)
TRUST = {"declared-roots.pem": b"-----BEGIN CERTIFICATE-----\n", "dnssec-anchors": b". IN DS 20326 8 2 E06D\n"}


def text(words: str) -> BilingualText:
    return BilingualText(vi=words, en=words)


def subject(host: str = "a.example") -> Subject:
    return Subject(
        kind=SubjectKind.ADDRESS, uri=f"https://{host}", scheme="https", host=host, port=443, address="127.0.0.1"
    )


def inspection(
    system: str = "sys-a",
    *,
    id: str = "inspection-1",  # noqa: A002
    host: str = "a.example",
) -> Inspection:
    return Inspection(
        id=id,
        run="run-1",
        begun=WHEN,
        inspector_version="0.1.0",
        system=System(id=system, name=f"Hệ thống {system}", owner="Sở A", level=3, endpoints=(f"https://{host}/",)),
        authorisations=(
            Authorisation(
                id=f"authorisation-of-{system}",
                kind=AuthorisationKind.OWNER_REQUEST,
                granted_by="Sở A",
                covers=Covers(names=(host,)),
                valid_from=WHEN,
                valid_until=WHEN + timedelta(days=1),
            ),
        ),
        vantage=Vantage(name="test"),
        settings={"resolvers": ["127.0.0.1"]},
        regime=regime(),
        plan=Plan(tasks=(ScanTask(probe="tls", subject=subject(host), authorisation=f"authorisation-of-{system}"),)),
        plugins=(PluginRecord(name="tls", distribution="level-inspector", version="0.1.0", digest="0" * 64),),
    )


def regime() -> Regime:
    return Regime(
        id="vn-nd331-2026",
        version="1",
        title=text("Regime"),
        documents={},
        authority=text("Authority"),
        term=text("Level"),
        valid_from=date(2026, 7, 1),
        clauses=(),
        requirements=(requirement(),),
        last_checked=date(2026, 11, 1),
    )


def requirement() -> Requirement:
    return Requirement(
        id="tls-versions",
        check="tls-modern-protocols",
        levels=(1, 2, 3, 4, 5),
        source="RFC 8996",
        force=Force.BASELINE,
        obligation=Obligation.SHOULD,
        severity=Severity.HIGH,
    )


def raw(data: bytes = b"HTTP/1.1 200 OK\r\n" * 40, name: str = "answer") -> Raw:
    return Raw(name=name, data=data, media_type="text/plain")


def evidence(number: int = 0, *raws: Raw, host: str = "a.example") -> Evidence:
    return Evidence(
        probe="tls",
        probe_version="1",
        kind="tls/1",
        subject=subject(host),
        scan=number + 1,
        began=WHEN,
        ended=WHEN + timedelta(seconds=1),
        vantage="test",
        facts={"number": number, "host": host},
        raw=tuple(reference_to(each) for each in raws),
    )


def record(writer: CaptureWriter, number: int = 0, *raws: Raw, host: str = "a.example") -> str:
    """Record example evidence with these raw bytes; the result is its digest."""
    return writer.record(evidence(number, *raws, host=host), raws)


def public_pem(key: SigningKey) -> bytes:
    """The public key in PEM (SubjectPublicKeyInfo), for other tools."""
    return key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def sealed(root: Path, key: SigningKey, *, scans: int = 2, inspected: Inspection | None = None) -> Bundle:
    """A bundle of ``scans`` scans, two raw answers and one ledger line."""
    inspected = inspected or inspection()
    host = inspected.plan.tasks[0].subject.host or ""
    writer = CaptureWriter.create(root, inspected, trust=TRUST)
    for number in range(scans):
        record(writer, number, raw(), raw(b"%d" % number, "count"), host=host)
    entry = LedgerEntry(at=WHEN, address="127.0.0.1", port=443, protocol="tcp", probe="tls", subject=f"https://{host}")
    writer.ledger_path.write_bytes(entry.canonical() + b"\n")
    return writer.seal(key, ended=WHEN + timedelta(seconds=2))


def assessment(bundle: Bundle, outcome: Outcome = Outcome.FAIL, *, version: str = "0.1.0") -> Assessment:
    return Assessment(
        inspection=bundle.inspection.id,
        system=bundle.inspection.system.id,
        level=3,
        as_of=WHEN,
        regime="vn-nd331-2026",
        regime_version="1",
        inspector_version=version,
        requirements=(requirement(),),
        findings=(
            Finding(
                id=finding_id("tls-versions", "https://a.example"),
                system=bundle.inspection.system.id,
                subject="https://a.example",
                address="127.0.0.1",
                requirement="tls-versions",
                check="tls-modern-protocols",
                outcome=outcome,
                obligation=Obligation.SHOULD,
                force=Force.BASELINE,
                severity=Severity.HIGH,
                message=Message(id="still offers {measured}", values={"measured": ("TLS 1.0",)}),
                measured=("TLS 1.0",),
            ),
        ),
        coverage=Coverage(asked=2, seen=2),
    )
