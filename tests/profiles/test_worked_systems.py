"""Three systems as a lawyer would judge them: which regime, which verdicts on their documents, and why.

Only what rests on the declaration is judged here; the network was not asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from inspector.assess.assessor import AssessmentInput, assess
from inspector.declare.declaration import System, load
from inspector.declare.settings import Vantage
from inspector.model.finding import Finding
from inspector.record.inspection import Inspection
from inspector.record.plan import Plan
from inspector.regime.loader import load_all
from inspector.regime.regime import NOT_OBSERVABLE, Regime, resolve
from inspector.regime.selection import regime_for
from inspector.registry.registry import Registry, installed
from inspector_profiles import inspector_profiles

REGIMES = load_all(inspector_profiles())
OLD, NEW = "vn-tt12-2022", "vn-nd331-2026"
FIRST, SECOND, THIRD = date(2026, 12, 1), date(2027, 1, 15), date(2027, 7, 2)

PORTAL = """\
organisation: {code: BX, name: Bộ X}
systems:
  - id: cong
    name: Cổng dịch vụ công của Bộ X
    owner: Bộ X
    operator: Trung tâm Công nghệ thông tin
    level: 3
    stage: operating
    approval: {status: approved, decision: 812/QĐ-BX, date: 2025-06-15, by: owner, body: Bộ X}
    appraisal: {by: specialised-unit, opinion: suitable, date: 2025-06-02, independent: true}
    regulation: {number: 640/QĐ-BX, date: 2025-05-20, by: Bộ X}
    plan: full
    in_operation_from: 2021-03-01
    specialised_unit: Cục Chuyển đổi số
    inspections: [{kind: periodic, date: 2026-03-10, by: Công ty A, licence: 15/GP-BCA}]
    changes: []
    risk_assessed: 2025-05-04
    yearly_reports: [{year: 2025, sent: 2025-12-18}]
    incident_contact_filed: never
    operators_certified: false
    security_budget_percent: 12
    facts:
      state_body: true
      internal_only: false
      users: 250000
      basic_data_subjects: 250000
      sensitive_data_subjects: 0
      administrative_procedures: true
      conditional_business: false
      shared_infrastructure: false
      national_security: false
      nationwide: true
      always_on: true
      information: [public, personal]
"""
SHOP = """\
organisation: {code: CH, name: Công ty Cửa Hàng}
systems:
  - id: shop
    name: Cửa hàng trực tuyến
    owner: Công ty Cửa Hàng
    level: 2
    stage: operating
    approval: {status: none}
    plan: not-started
    in_operation_from: 2026-09-10
    inspections: []
    yearly_reports: []
    risk_assessed: never
    facts:
      state_body: false
      internal_only: false
      basic_data_subjects: 150000
      sensitive_data_subjects: 0
      conditional_business: false
      administrative_procedures: false
      information: [public, personal]
"""
PLATFORM = """\
organisation: {code: BY, name: Bộ Y}
systems:
  - id: nen-tang
    name: Nền tảng dùng chung quốc gia
    owner: Bộ Y
    level: 4
    stage: build
    approval: {status: submitted, investment_from: 2026-05-10, expected: 2026-12-20}
    facts:
      state_body: true
      internal_only: false
      shared_infrastructure: true
      nationwide: true
      always_on: true
      national_security: false
      information: [public, private]
"""


@cache
def registry() -> Registry:
    return installed()


def declared(text: str, folder: Path, **changes: Any) -> System:
    """The system of a declaration, read from a file as a user writes it."""
    file = folder / "declaration.yaml"
    file.write_text(text, encoding="utf-8")
    declaration, _ = load(file, registry().schemes)
    return declaration.systems[0].model_copy(update=changes)


def judged(system: System, day: date) -> tuple[Regime, Mapping[str, Finding]]:
    """The regime of a system on a day, and its findings about the whole system by requirement."""
    regime = regime_for(REGIMES, system, day)
    at = datetime.combine(day, time(5), tzinfo=UTC)
    inspection = Inspection(
        id="i",
        run="r",
        begun=at,
        inspector_version="0",
        system=system,
        authorisations=(),
        vantage=Vantage(name="here"),
        regime=regime,
        plan=Plan(),
    )
    assessment = assess(
        AssessmentInput(
            inspection=inspection,
            registry=registry(),
            regime=regime,
            requirements=resolve(regime, system, as_of=at),
            evidence=(),
            as_of=at,
        )
    )
    return regime, {each.requirement: each for each in assessment.findings if each.subject == "system:"}


def documents_of(finding: Finding) -> set[str]:
    return {clause.document for clause in finding.clauses}


def expect(findings: Mapping[str, Finding], **expected: str) -> None:
    """Each verdict as ``outcome force obligation``."""
    shown = {
        name: f"{findings[name.replace('_', '-')].outcome.value} {findings[name.replace('_', '-')].force.value} "
        f"{findings[name.replace('_', '-')].obligation.value}"
        for name in expected
    }
    assert shown == expected


def test_a_ministrys_portal_approved_in_2025(tmp_path: Path) -> None:
    """It keeps its level and the old measures until 30 June 2027, and has the new duties from 19 August 2026."""
    portal = declared(PORTAL, tmp_path)
    regime, found = judged(portal, FIRST)
    assert (regime.id, regime.duties_of.id if regime.duties_of else None) == (OLD, NEW)
    # The approval is judged by the law under which it was given, the measures by the old standard.
    assert documents_of(found["approval-in-place"]) == {"85/2016/NĐ-CP"}
    assert documents_of(found["logs-kept"]) == {"TCVN 11930:2017"}
    assert not any("TCVN 14423:2026" in documents_of(each) for each in found.values())
    # The duties are those of the law and of Decree 331/2026: the report goes to the Ministry of Public Security.
    assert {"116/2025/QH15", "331/2026/NĐ-CP"} <= documents_of(found["yearly-report-sent"])
    assert "12/2022/TT-BTTTT" not in documents_of(found["yearly-report-sent"])
    expect(
        found,
        approval_in_place="pass binding must",
        approved_by_right_body="pass binding must",
        appraisal_favourable="pass binding must",
        regulation_before_approval="pass binding must",
        plan_carried_out="pass binding must",
        level_fits_facts="pass clause-evidence must",
        level_redetermined="pass binding must",
        risk_assessed="pass binding must",
        inspection_recorded="pass clause-evidence must",
        security_unit_named="pass binding must",
        incident_contact_filed="fail clause-evidence must",
        budget_share_met="fail binding must",
        operators_certified="fail binding must",
        yearly_report_in_window="not-applicable binding must",
    )
    # No decree before 2026 asked for an appraiser apart from the operator.
    assert "appraiser-apart" not in found
    # Certificates are due in August 2029 only.
    assert found["operators-certified"].not_yet_due
    assert not found["budget-share-met"].not_yet_due


def test_the_portal_after_its_transition(tmp_path: Path) -> None:
    """In January 2027 the report of 2026 is not stated; in July 2027 the new measures apply, and the level is kept."""
    portal = declared(PORTAL, tmp_path)
    regime, found = judged(portal, SECOND)
    assert regime.id == OLD
    expect(found, yearly_report_in_window="inconclusive binding must")
    regime, found = judged(portal, THIRD)
    assert (regime.id, regime.duties_of) == (NEW, None)
    assert documents_of(found["logs-kept"]) == {"TCVN 14423:2026"}
    expect(found, level_fits_facts="pass clause-evidence must", approval_in_place="pass binding must")
    # A level 2 that was approved in 2025 is kept, too, until the system changes.
    low = portal.model_copy(update={"level": 2})
    expect(judged(low, THIRD)[1], level_fits_facts="pass clause-evidence must")
    unknown = low.model_copy(update={"changes": None})
    expect(judged(unknown, THIRD)[1], level_fits_facts="inconclusive clause-evidence must")


def test_a_private_shop_that_started_in_september_2026(tmp_path: Path) -> None:
    """Decree 331/2026 binds an online service for people; its level is too low, and it runs without approval."""
    shop = declared(SHOP, tmp_path)
    regime, found = judged(shop, FIRST)
    assert (regime.id, regime.duties_of) == (NEW, None)
    expect(
        found,
        # Decree 330/2026 Art 24.1 names no level.
        approval_in_place="fail binding must",
        # 100,000 people or more, in a service for people: level 3 (Art 13.2.c).
        level_fits_facts="fail clause-evidence must",
        plan_carried_out="fail binding must",
        risk_assessed="fail binding must",
        # Nothing was approved yet, so who approved and what came first are no questions.
        approved_by_right_body="not-applicable binding must",
        regulation_before_approval="not-applicable binding must",
        # No interval is fixed, so an empty list of inspections is no failure.
        inspection_recorded="inconclusive clause-evidence must",
        yearly_report_in_window="not-applicable binding must",
        # Silence is not stated.
        incident_contact_filed="inconclusive clause-evidence must",
        # Measures of level 2 are the owner's choice (Law 116/2025 Art 10.3).
        logs_kept="not-observable baseline should",
    )
    assert found["level-fits-facts"].measured == ("basic_data_subjects=150000", "internal_only=false")
    # Duties of state bodies do not bind it.
    assert not {"security-unit-named", "budget-share-met", "operators-certified"} & set(found)
    expect(judged(shop, SECOND)[1], yearly_report_in_window="fail binding must")


def test_the_same_shop_for_its_own_staff_alone(tmp_path: Path) -> None:
    """A system for internal use of a private owner is encouraged only, and its data alone do not raise its level."""
    shop = declared(SHOP, tmp_path)
    inner = shop.model_copy(update={"facts": shop.facts.model_copy(update={"internal_only": True})})
    _, found = judged(inner, FIRST)
    expect(
        found,
        approval_in_place="fail baseline should",
        level_fits_facts="inconclusive baseline should",
        # The tasks of the law itself bind every owner (Law 116/2025 Art 10.1).
        risk_assessed="fail binding must",
    )


def test_whether_it_serves_people_is_not_stated(tmp_path: Path) -> None:
    """Where nothing says whether the decree binds the system, nothing fails by it, and nothing is a recommendation."""
    shop = declared(SHOP, tmp_path)
    unknown = shop.model_copy(update={"facts": shop.facts.model_copy(update={"internal_only": None})})
    _, found = judged(unknown, FIRST)
    expect(
        found,
        approval_in_place="inconclusive binding must",
        plan_carried_out="inconclusive binding must",
        risk_assessed="fail binding must",
    )
    assert "does not state whether the rule binds" in found["approval-in-place"].message.id


@pytest.mark.parametrize(("day", "regime"), [(FIRST, OLD), (SECOND, NEW), (THIRD, NEW)])
def test_a_level_4_system_under_construction(tmp_path: Path, day: date, regime: str) -> None:
    """Until the end of 2026 it may be approved under Decree 85/2016; without that the new rules apply in full."""
    platform = declared(PLATFORM, tmp_path)
    applied, found = judged(platform, day)
    assert applied.id == regime
    assert (applied.duties_of is not None) is (regime == OLD)
    expect(
        found,
        # It is not in operation, and the level fits: shared, nationwide, around the clock.
        approval_in_place="not-applicable binding must",
        level_fits_facts="pass clause-evidence must",
        plan_carried_out="not-applicable binding must",
        yearly_report_in_window="not-applicable binding must",
    )


def test_the_level_4_system_once_it_is_approved(tmp_path: Path) -> None:
    """Approved under Decree 85/2016 on 20 December 2026, it has the old measures until 30 June 2027, duties at once."""
    waiting = declared(PLATFORM, tmp_path)
    assert waiting.approval is not None
    approval = {"status": "approved", "decision": "99/QĐ-BY", "date": date(2026, 12, 20), "by": "owner", "regime": OLD}
    platform = System.model_validate(
        waiting.model_dump()
        | {
            "stage": "operating",
            "plan": "full",
            "in_operation_from": date(2027, 1, 5),
            "approval": waiting.approval.model_dump() | approval,
        }
    )
    regime, found = judged(platform, SECOND)
    assert (regime.id, regime.duties_of.id if regime.duties_of else None) == (OLD, NEW)
    expect(
        found,
        approval_in_place="pass binding must",
        approved_by_right_body="pass binding must",
        plan_carried_out="pass binding must",
        # It began after the period of the report of 2026.
        yearly_report_in_window="not-applicable binding must",
    )
    late = resolve(regime, platform, as_of=SECOND)
    assert {row.strength for row in late if row.id == "tls-modern-protocols"} == {"baseline/should/high"}
    regime, found = judged(platform, THIRD)
    assert (regime.id, regime.duties_of) == (NEW, None)
    new = resolve(regime, platform, as_of=THIRD)
    assert {row.strength for row in new if row.id == "tls-modern-protocols"} == {"clause-evidence/must/high"}
    assert "TCVN 14423:2026" in documents_of(found["logs-kept"])
    # A level given after 1 July 2026 is not kept: the new criteria apply, and it fits them.
    expect(found, level_fits_facts="pass clause-evidence must")


def test_a_kept_system_has_no_measure_of_the_new_regime(tmp_path: Path) -> None:
    """In transition every row is a measure of the older regime or a duty of the newer one."""
    regime = regime_for(REGIMES, declared(PORTAL, tmp_path), FIRST)
    older, newer = ({(row.id, row.kind) for row in each.requirements} for each in REGIMES)
    for row in regime.requirements:
        assert (row.id, row.kind) in (newer if row.kind == "duty" else older)
        if row.check != NOT_OBSERVABLE:
            assert row.check in registry().checks or row.plugin
    assert regime.version.startswith(f"{REGIMES[0].version}+{NEW}.")
