"""A hand-made assessment with every kind of result, and with values that malicious servers could send."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from inspector.cli.exit_code import ExitRule, Threshold
from inspector.compare.baseline import Baseline
from inspector.declare.authorisation import (
    Authorisation,
    AuthorisationKind,
    Covers,
    Document,
    PortRange,
    Rates,
    Window,
)
from inspector.declare.declaration import Host, Organisation, System
from inspector.declare.document import SourceLocation
from inspector.declare.settings import Vantage, VantageKind
from inspector.model.base import Cause, Quantity, Timestamp, Value
from inspector.model.declared import (
    Approval,
    ApprovalStatus,
    DeclaredPort,
    DocumentReference,
    InspectionKind,
    Measure,
    MeasureStatus,
    PlanStatus,
    RecordedInspection,
    Tenancy,
)
from inspector.model.finding import (
    CommonCause,
    EvidenceRef,
    Finding,
    Force,
    Obligation,
    Severity,
    StatementNote,
    finding_id,
)
from inspector.model.observation import Evidence, FailureNote, Gap, RawRef, Sensitivity
from inspector.model.subject import HOST, SYSTEM, Scheme, Subject, SubjectKind, UriForm
from inspector.model.verdict import Message, Outcome
from inspector.record.assessment import Assessment, Coverage, FailedScan, RegimeChange
from inspector.record.inspection import Inspection, PluginRecord
from inspector.record.plan import Plan, Selection, VantageLimit
from inspector.regime.regime import (
    NOT_OBSERVABLE,
    Amount,
    BilingualText,
    Bound,
    Clause,
    DayOfYear,
    Deadline,
    Overlay,
    Regime,
    Requirement,
    Status,
)
from inspector.regime.regime import Document as Source
from inspector.registry.registry import Plugin, Registry, build
from inspector.report.ledger_totals import LedgerTotal, LedgerTotals
from inspector.report.view import View

PACKAGES = Path(__file__).parent / "packages"
WHEN = datetime(2026, 11, 21, 2, 30, 15, tzinfo=UTC)

#: What a malicious server sends: markup, a terminal's escape sequence, a bidirectional override, NUL, a C1 control.
HOSTILE = '<script>alert("ẩn")</script> \x1b[31;1mđỏ\x1b[0m \u202egnp.exe \x00 \x9b2J ]]>&amp;{{7*7}}\nsecond line'
LONG = "a" * 5000


def registry() -> Registry:
    """The registry of the specimen plugin alone, with two schemes."""
    if str(PACKAGES) not in sys.path:
        sys.path.insert(0, str(PACKAGES))
    import specimen_checks

    made = build([(Plugin("specimen_checks", "specimen-checks", "1.0", "specimen_checks"), specimen_checks)])
    schemes = {**made.schemes, "https": Scheme("https", UriForm.PAGE, 443), HOST.name: HOST}
    return Registry(
        plugins=made.plugins,
        probes=made.probes,
        checks=made.checks,
        renderers=made.renderers,
        profiles=made.profiles,
        schemes=schemes,
        kinds=made.kinds,
    )


def _clause(name: str, number: str, vi: str, en: str, force: Force, confidence: str) -> Clause:
    document = "Nghị định 331/2026/NĐ-CP" if name.startswith("nd") else "TCVN 14423:2026"
    title = BilingualText(vi=vi, en=en)
    levels = (1, 2, 3, 4, 5)
    return Clause(
        id=name,
        document=document,
        number=number,
        title=title,
        levels=levels,
        force=force,
        source="S1",
        confidence=confidence,
    )


CLAUSES = (
    _clause("nd331-23", "23.1.c", "Vận hành khi chưa được phê duyệt", "Operating without approval", Force.BINDING, "H"),
    _clause(
        "tcvn-5-12", "5.12.2.4d", "Kiểm soát truy cập từ bên ngoài", "Access from outside", Force.CLAUSE_EVIDENCE, "M"
    ),
    _clause("tcvn-5-4", "5.4.2.4b", "Bảo vệ dữ liệu trên đường truyền", "Data in transit", Force.CLAUSE_EVIDENCE, "M"),
    _clause("tcvn-5-8", "5.8.2.1", "Lưu trữ nhật ký", "Logs are kept", Force.CLAUSE_EVIDENCE, "M"),
)


def _row(name: str, check: str, force: Force, severity: Severity, *clauses: str, **more: Any) -> Requirement:
    legal = force in (Force.BINDING, Force.CLAUSE_EVIDENCE)
    return Requirement(
        id=name,
        check=check,
        levels=(3,),
        force=force,
        obligation=Obligation.MUST if legal else Obligation.SHOULD,
        severity=severity,
        clauses=clauses,
        source="" if legal else "RFC 9325",
        **more,
    )


ROWS = (
    _row(
        "approval", "specimen-approval", Force.BINDING, Severity.CRITICAL, "nd331-23",
        title=BilingualText(vi="Cấp độ đã được phê duyệt", en="Security level is approved"),
    ),
    _row("open-ports", "specimen-ports", Force.CLAUSE_EVIDENCE, Severity.HIGH, "tcvn-5-12"),
    _row("protocols", "specimen-protocols", Force.CLAUSE_EVIDENCE, Severity.HIGH, "tcvn-5-4"),
    _row(
        "certificate-life", "specimen-life", Force.CLAUSE_EVIDENCE, Severity.MEDIUM, "tcvn-5-4",
        title=BilingualText(vi="Thời hạn chứng thư số được giới hạn", en="Certificate lifetime is limited"),
        due_from=date(2027, 7, 1),
    ),
    _row(
        "logs", NOT_OBSERVABLE, Force.CLAUSE_EVIDENCE, Severity.MEDIUM, "tcvn-5-8",
        title=BilingualText(vi="Nhật ký được lưu trữ ít nhất ba tháng", en="Logs are kept for three months at least"),
    ),
    _row("version-hidden", "specimen-header", Force.BASELINE, Severity.LOW),
    _row("protocols-modern", "specimen-protocols", Force.BASELINE, Severity.MEDIUM),
    _row(
        "hint", "specimen-header", Force.INFO, Severity.INFO,
        title=BilingualText(vi="Có thông tin liên hệ về an ninh mạng", en="A security contact is published"),
    ),
    _row(
        "mail", "specimen-mail", Force.BASELINE, Severity.MEDIUM,
        title=BilingualText(vi="Thư điện tử công bố chính sách", en="Mail publishes a policy"),
    ),
)  # fmt: skip


def _deadline(name: str, vi: str, en: str, **more: Any) -> Deadline:
    return Deadline(
        id=name,
        title=BilingualText(vi=vi, en=en),
        **{"clauses": ("nd331-23",), "source": "Decree 331/2026 Art 35", "confidence": "H", **more},
    )


DEADLINES = (
    _deadline(
        "report", "Gửi báo cáo hằng năm", "The yearly report is sent", yearly=DayOfYear(month=12, day=24),
        addressee=BilingualText(vi="Bộ Công an", en="Ministry of Public Security"), binds=Bound.STATE_AND_SERVICES,
        note=BilingualText(vi="Trước ngày 25 tháng 12", en="Before 25 December"),
    ),
    _deadline("first", "Báo cáo sự cố", "An incident is reported", within=Amount(value=24, unit="hour")),
    _deadline("now", "Báo cáo gián đoạn", "An outage is reported", within=Amount(value=0, unit="hour")),
    _deadline("new", "Đáp ứng quy định mới", "The new rules are met", on=date(2027, 6, 30), confidence="M"),
    _deadline("inspection", "Kiểm tra định kỳ", "Periodic inspection", unfixed=True, status=Status.UNCLEAR),
    _deadline("scan", "Rà quét lỗ hổng", "Vulnerability scan", every=Amount(value=6, unit="month"), levels=(4, 5)),
)  # fmt: skip


def regime(name: str = "vn-nd331-2026", **more: Any) -> Regime:
    """A regime with the rows above."""
    given: dict[str, Any] = {
        "id": name,
        "version": "2026.11",
        "title": BilingualText(vi="Nghị định 331/2026 và TCVN 14423:2026", en="Decree 331/2026 and TCVN 14423:2026"),
        "documents": {
            "Nghị định 331/2026/NĐ-CP": Source(
                id="nd331",
                vi="Bảo vệ an ninh mạng theo cấp độ",
                en="Protection by level",
                source="VN",
                confidence="H",
                read=date(2026, 11, 29),
                in_force=date(2026, 8, 19),
            ),
            "TCVN 14423:2026": Source(
                id="tcvn",
                vi="Yêu cầu cơ bản theo cấp độ",
                en="Basic requirements by level",
                source="VN",
                confidence="M",
            ),
        },
        "authority": BilingualText(vi="Bộ Công an", en="Ministry of Public Security"),
        "term": BilingualText(vi="an ninh mạng", en="cybersecurity"),
        "valid_from": date(2026, 8, 19),
        "clauses": CLAUSES,
        "overlays": (
            Overlay(
                id="state-body",
                title=BilingualText(vi="Cơ quan nhà nước", en="State bodies"),
                when={"state_body": True},
                valid_from=date(2026, 7, 1),
            ),
        ),
        "requirements": ROWS,
        "deadlines": DEADLINES,
        "last_checked": date(2026, 11, 1),
        "next": "vn-nd999-2028",
    }
    return Regime(**(given | more))


def _subject(uri: str, host: str, address: str | None = None, port: int | None = None) -> Subject:
    kind = SubjectKind.HOST if uri.startswith("host:") else SubjectKind.URL
    return Subject(kind=kind, uri=uri, scheme=uri.partition(":")[0], host=host, port=port, address=address)


PORTAL = "https://portal.example.vn/"
LEGACY = "https://legacy.example.vn/đăng-nhập"
ADMIN = "https://admin.example.vn/"
PLACES = {
    PORTAL: SourceLocation(source="documents/khai báo.yaml", line=14, column=9),
    LEGACY: SourceLocation(source="documents/khai báo.yaml", line=15, column=9),
}


def system() -> System:
    """The declared system."""
    return System(
        id="portal",
        name="Cổng dịch vụ công trực tuyến tỉnh Ví Dụ",
        owner="Ủy ban nhân dân tỉnh Ví Dụ",
        operator="Trung tâm Công nghệ thông tin và Truyền thông",
        level=3,
        approval=Approval(status=ApprovalStatus.SUBMITTED, investment_from=date(2025, 3, 1)),
        plan=PlanStatus.PARTIAL,
        regulation=DocumentReference(number="7/QĐ-UBND", date=date(2026, 3, 1)),
        specialised_unit="Trung tâm Giám sát",
        changes=(),
        inspections=(RecordedInspection(kind=InspectionKind.PERIODIC, date=date(2026, 5, 1), by="Công ty Kiểm định"),),
        measures=(Measure(clause="5.8.2.1", status=MeasureStatus.DONE),),
        hosts=(
            Host(name="portal.example.vn", ports=(DeclaredPort(port=80), DeclaredPort(port=443, service="https"))),
            Host(name="legacy.example.vn", ports=(DeclaredPort(port=443),), tenancy=Tenancy.SHARED),
        ),
        endpoints=(PORTAL, LEGACY, ADMIN, "host:portal.example.vn"),
    )


def authorisations() -> tuple[Authorisation, ...]:
    """A decision with a document, and a plain request."""
    return (
        Authorisation(
            id="QD-15-2026",
            kind=AuthorisationKind.INSPECTION_DECISION,
            basis="Điều 12 khoản 1 Luật 116/2025/QH15",
            granted_by="Phòng An ninh mạng và phòng, chống tội phạm sử dụng công nghệ cao",
            document=Document(number="15/QĐ-ANM", date=date(2026, 11, 2), sha256="ab" * 32),
            emergency_contact="+84 24 0000 0000",
            covers=Covers(names=("*.example.vn",), blocks=("192.0.2.0/28",), ports=(PortRange(first=1, last=1024),)),
            valid_from=datetime(2026, 11, 15, tzinfo=UTC),
            valid_until=datetime(2026, 12, 15, tzinfo=UTC),
            windows=(Window(days=(6, 7), start="22:00", end="05:00"),),
            rates=Rates(),
        ),
    )


def evidence() -> dict[str, Evidence]:
    """Five scans: a successful one and its confirmation, another successful one, and two that failed."""
    portal = _subject(PORTAL, "portal.example.vn", "192.0.2.5", 443)
    common = {"probe_version": "1", "vantage": "test", "authorisation": "QD-15-2026"}
    raw = RawRef(name="hello", sha256="cd" * 32, size=2048, media_type="application/octet-stream")
    page = RawRef(
        name="page\x1b[2J",
        sha256="ef" * 32,
        size=120_000,
        media_type="text/html",
        sensitivity=Sensitivity.REDACTED,
        truncated=True,
    )
    later = timedelta(minutes=5)
    return {
        "1" * 64: Evidence(
            probe="tls", kind="specimen/1", subject=portal, endpoint=PORTAL, began=WHEN, ended=WHEN, facts={},
            raw=(raw,), **common,
        ),
        "2" * 64: Evidence(
            probe="tls", kind="specimen/1", subject=portal, endpoint=PORTAL, scan=2, began=WHEN + later,
            ended=WHEN + later, facts={}, gaps=(Gap(question="TLS 1.1", cause=Cause.TIMEOUT),), raw=(raw, page),
            **common,
        ),
        "3" * 64: Evidence(
            probe="http", kind="specimen/1", subject=_subject(LEGACY, "legacy.example.vn", "192.0.2.9", 443),
            endpoint=LEGACY, began=WHEN, ended=WHEN, failure=FailureNote(cause=Cause.RESET, detail=HOSTILE), **common,
        ),
        "4" * 64: Evidence(
            probe="ports", kind="specimen-ports/1", endpoint="host:portal.example.vn",
            subject=_subject("host:portal.example.vn", "portal.example.vn", "192.0.2.5"), began=WHEN, ended=WHEN,
            facts={"ports": [
                {"port": 80, "state": {"seen": "closed"}},
                {"port": 443, "state": {"seen": "open"}},
                {"port": 3306, "state": {"seen": "open"}},
            ]},
            **common,
        ),
        "5" * 64: Evidence(
            probe="ports", kind="specimen-ports/1", endpoint=None,
            subject=_subject("host:legacy.example.vn", "legacy.example.vn", "192.0.2.9"), began=WHEN, ended=WHEN,
            failure=FailureNote(cause=Cause.OUTSIDE_WINDOW, detail="the window closed"), **common,
        ),
    }  # fmt: skip


def finding(
    requirement: str,
    outcome: Outcome,
    message: str,
    *,
    subject: str = PORTAL,
    values: dict[str, Value] | None = None,
    **more: Any,
) -> Finding:
    """A finding about one of the rows above."""
    row = next(each for each in ROWS if each.id == requirement)
    known = {each.id: each for each in CLAUSES}
    return Finding(
        id=finding_id(requirement, subject),
        system="portal",
        subject=subject,
        endpoint=subject if subject in PLACES else None,
        requirement=requirement,
        check=row.check,
        outcome=outcome,
        obligation=row.obligation,
        force=row.force,
        severity=row.severity,
        clauses=tuple(known[each].reference() for each in row.clauses),
        message=Message(id=message, values=values or {}),
        measured=(values or {}).get("measured"),
        threshold=(values or {}).get("threshold"),
        **more,
    )


#: A cause that no failure reports, with a hostile name, and one that the failing row ``hint`` reports.
SILENT = CommonCause(subject=ADMIN, address="192.0.2.7", cause=Cause.TIMEOUT, probes=(f"tls{HOSTILE}",))
EXPLAINED = CommonCause(subject=LEGACY, cause=Cause.REFUSED, probes=("tls",), finding=finding_id("hint", LEGACY))


def findings() -> tuple[Finding, ...]:
    """Findings of every outcome and force, with malicious values from servers and documents."""
    seen = {"address": "192.0.2.5", "seen_at": WHEN}
    twice = (EvidenceRef(evidence="1" * 64, raw=("cd" * 32,)), EvidenceRef(evidence="2" * 64, raw=("cd" * 32,), scan=2))
    return (
        finding(
            "approval", Outcome.FAIL, "in operation without an approved level; the proposal is {measured}",
            subject=SYSTEM.uri, values={"measured": "submitted"},
        ),
        finding(
            "open-ports", Outcome.FAIL, "open, but not declared: {measured}", subject="host:portal.example.vn",
            values={"measured": ("3306/tcp", HOSTILE)}, evidence=(EvidenceRef(evidence="4" * 64),), seen_at=WHEN,
            confirmed=False,
            statements=(
                StatementNote(
                    kind="equivalent-measure", decision="claimed", author=f"Trần Thị B {HOSTILE}",
                    reason="Cơ sở dữ liệu chỉ trả lời máy chủ ứng dụng.", until=WHEN + timedelta(days=30),
                    document="Công văn 7/2026",
                ),
            ),
        ),
        finding(
            "protocols", Outcome.FAIL, "offers {measured}, the oldest allowed is {threshold}",
            values={"measured": ("TLS 1.0", "TLS 1.1"), "threshold": "TLS 1.2"}, evidence=twice, confirmed=True,
            attributed_to="cdn", facts=("versions/TLS 1.0",), **seen,
        ),
        finding(
            "protocols", Outcome.INCONCLUSIVE, "no observation: {cause}", subject=LEGACY, values={"cause": "reset"},
            cause=Cause.RESET, evidence=(EvidenceRef(evidence="3" * 64),), address="192.0.2.9", seen_at=WHEN,
            attributed_to="shared",
        ),
        finding(
            "certificate-life", Outcome.FAIL, "the certificate is valid for {measured}, allowed is {threshold}",
            values={"measured": Quantity(value=825, unit="day"), "threshold": Quantity(value=200, unit="day")},
            not_yet_due=True, evidence=(EvidenceRef(evidence="1" * 64),), **seen,
        ),
        finding(
            "certificate-life", Outcome.INCONCLUSIVE,
            "the first scan found a failure ({measured}), the confirmation scan did not",
            subject=LEGACY, values={"measured": Timestamp(at=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))},
            cause=Cause.UNSTABLE,
        ),
        finding(
            "logs", Outcome.NOT_OBSERVABLE, "this cannot be observed from outside; see the declared status",
            subject=SYSTEM.uri, declared_status="done, partial",
        ),
        finding(
            "version-hidden", Outcome.FAIL, "sends {measured}", values={"measured": HOSTILE}, confirmed=True,
            evidence=(EvidenceRef(evidence="1" * 64),),
            statements=(
                StatementNote(kind="accepted-risk", decision="accepted", author="Nguyễn Văn A", reason="Đã xem xét."),
            ),
            excused=True, **seen,
        ),
        finding("version-hidden", Outcome.ERROR, "the check {check} failed: {detail}", subject=LEGACY,
                values={"check": "specimen-header", "detail": LONG}, cause=Cause.BUG),
        finding(
            "protocols-modern", Outcome.PASS, "offers nothing older than {threshold}", values={"threshold": "TLS 1.2"},
            evidence=(EvidenceRef(evidence="1" * 64),), **seen,
        ),
        finding("hint", Outcome.FAIL, "no such service", subject=LEGACY),
        *(
            finding(
                each, Outcome.INCONCLUSIVE, "no observation: {cause}", subject=ADMIN, values={"cause": "timeout"},
                cause=Cause.TIMEOUT, address="192.0.2.7", follows_from=SILENT,
            )
            for each in ("protocols", "certificate-life", "version-hidden")
        ),
        finding(
            "protocols-modern", Outcome.INCONCLUSIVE, "no observation: {cause}", subject=LEGACY,
            values={"cause": "refused"}, cause=Cause.REFUSED, follows_from=EXPLAINED,
        ),
        finding(
            "mail", Outcome.NOT_APPLICABLE, "the declaration lists nothing to which this applies", subject=SYSTEM.uri
        ),
    )  # fmt: skip


def assessment() -> Assessment:
    """The assessment of these findings."""
    legacy = _subject(LEGACY, "legacy.example.vn", "192.0.2.9", 443)
    host = _subject("host:legacy.example.vn", "legacy.example.vn", "192.0.2.9")
    return Assessment(
        inspection="20261121T023015-portal",
        system="portal",
        level=3,
        as_of=WHEN,
        regime="vn-nd331-2026",
        regime_version="2026.11",
        overlays=("state-body",),
        inspector_version="0.1.0",
        requirements=ROWS,
        findings=findings(),
        coverage=Coverage(
            asked=4,
            seen=2,
            missed=(
                FailedScan(probe="http", subject=legacy, cause=Cause.RESET, detail=HOSTILE),
                FailedScan(probe="ports", subject=host, cause=Cause.OUTSIDE_WINDOW, detail="the window closed"),
            ),
            not_selected=("mail", "hint"),
            not_observable=("logs",),
            limits=(
                VantageLimit(
                    id="no-ipv6",
                    detail="this vantage has no route to these addresses",
                    addresses=("2001:db8::5",),
                ),
            ),
        ),
        next_regime="vn-nd999-2028",
        changes=(
            RegimeChange(
                requirement="protocols",
                was="clause-evidence/must/high",
                becomes="binding/must/critical",
                clauses=("nd331-23",),
            ),
            RegimeChange(
                requirement="new-row",
                title=BilingualText(vi="Yêu cầu mới", en="A new requirement"),
                was=None,
                becomes="baseline/should/low",
            ),
            RegimeChange(requirement="mail", was="baseline/should/medium", becomes=None),
        ),
    )


def inspection() -> Inspection:
    """The inspection around it."""
    return Inspection(
        id="20261121T023015-portal",
        run="20261121T023000",
        begun=WHEN - timedelta(minutes=1),
        inspector_version="0.1.0",
        organisation=Organisation(code="H00", name="Ủy ban nhân dân tỉnh Ví Dụ"),
        system=system(),
        endpoint_locations=PLACES,
        authorisations=authorisations(),
        vantage=Vantage(name="Hà Nội 1", kind=VantageKind.INTERNET),
        contact="kiemtra@example.gov.vn",
        regime=regime(),
        overlays=("state-body",),
        next_regime=regime(
            "vn-nd999-2028",
            title=BilingualText(vi="Nghị định 999/2028", en="Decree 999/2028"),
            valid_from=date(2028, 1, 1),
        ),
        plan=Plan(selection=Selection(tags=("smoke",))),
        plugins=(PluginRecord(name="specimen_checks", distribution="specimen-checks", version="1.0", digest="9" * 64),),
        tools={"sslyze": "6.3.1", "nmap": "7.93"},
    )


def view(**more: Any) -> View:
    """The view of all this."""
    made = inspection()
    given: dict[str, Any] = {
        "inspection": made,
        "assessment": assessment(),
        "registry": registry(),
        "regime": made.regime,
        "evidence": evidence(),
        "ledger": LedgerTotals(
            targets=(
                LedgerTotal(
                    address="192.0.2.5", probe="tls", authorisation="QD-15-2026", connections=38, questions=38,
                    sent=12_345, received=234_567,
                ),
                LedgerTotal(
                    address="192.0.2.9", probe="http", authorisation="QD-15-2026", connections=2, questions=2,
                    sent=410, received=0,
                ),
            ),
            infrastructure=(
                LedgerTotal(
                    address="192.0.2.53", probe="dns", authorisation=None, connections=6, questions=6, sent=420,
                    received=1_800,
                ),
            ),
        ),
        "head": "7" * 64,
        "signers": ("5" * 64,),
    }  # fmt: skip
    return View(**(given | more))


def ruled(made: View, threshold: str = "must", baseline: Baseline | None = None) -> View:
    """A view with what its findings do to the exit code under ``--fail-on`` and ``--baseline``."""
    return ExitRule(Threshold(threshold), baseline).marked(made)


def plain() -> View:
    """A nearly empty view: no document files, no evidence, no findings, no known regime."""
    made = inspection().model_copy(
        update={
            "system": System(id="adhoc", name="127.0.0.1", owner="me", level=3),
            "organisation": None,
            "endpoint_locations": {},
            "next_regime": None,
            "plan": Plan(),
            "tools": {},
            "plugins": (),
            "contact": "",
        }
    )
    empty = assessment().model_copy(
        update={"system": "adhoc", "findings": (), "coverage": Coverage(asked=0, seen=0), "changes": (),
                "next_regime": None, "overlays": (), "level": 4}
    )  # fmt: skip
    return View(
        inspection=made,
        assessment=empty,
        registry=registry(),
        regime=None,
        evidence={},
        ledger=LedgerTotals(),
        head="0",
    )
