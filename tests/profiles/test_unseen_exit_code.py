"""An inspection in which no endpoint answered never ends clean: the real checks and rows, any set of causes."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.cli.exit_code import FAILING, UNSEEN, ExitRule, Threshold
from inspector.declare.settings import Settings
from inspector.model.base import Cause
from inspector.model.declared import Approval, ApprovalStatus, Facts, PlanStatus
from inspector.model.observation import Evidence, FailureNote
from inspector.model.verdict import Outcome
from inspector.pipeline.capture import open_capture, seal_capture
from inspector.pipeline.prepare import PlannedInspection
from inspector.pipeline.reassess import AssessmentOptions, assess_bundle
from inspector.pipeline.reporting import view
from inspector.record.plan import ScanTask
from inspector.regime.loader import load_all
from inspector.registry.registry import installed
from inspector.report.view import View
from inspector.seal import SigningKey
from inspector.tables.store import tables_at_hand
from tests.core.systems import Job, job, planned

NOW = datetime(2026, 11, 21, tzinfo=UTC)
REGISTRY = installed()
REGIMES = {each.id: each for each in load_all(REGISTRY.profiles)}
#: One system each; the last one stands alone with what only infrastructure is asked about.
ENDPOINTS = (
    ("https://127.0.0.1/", "https://127.0.0.1/login", "http://127.0.0.2/"),
    ("smtp://127.0.0.3", "imap://127.0.0.3", "tls://127.0.0.1:8443"),
    ("host:127.0.0.1", "tcp://127.0.0.1:22"),
    ("dns:a.invalid", "mail:a.invalid"),
)
#: A declaration that leaves nothing open.
COMPLETE: dict[str, Any] = {
    "approval": Approval(
        status=ApprovalStatus.APPROVED, decision="1/QĐ", date=date(2026, 9, 1), regime="vn-nd331-2026"
    ),
    "plan": PlanStatus.FULL,
    "facts": Facts(
        internal_only=False, users=1, basic_data_subjects=0, sensitive_data_subjects=0, online_public_service=3,
        administrative_procedures=False, conditional_business=False, shared_infrastructure=False, nationwide=False,
        always_on=False, national_security=False, information=("public", "private"),
    ),
}  # fmt: skip


@cache
def prepared(endpoints: tuple[str, ...], complete: bool, regime: str) -> tuple[Job, PlannedInspection]:
    """The plan of a system with these endpoints."""
    folder = Path(tempfile.mkdtemp())
    declared = COMPLETE if complete else {}
    given = job(
        folder, *endpoints, registry=REGISTRY, regime=REGIMES[regime],
        settings=Settings(output=folder / "out", resolvers=("127.0.0.1:1",)), as_of=NOW,
    )  # fmt: skip
    system = given.request.system.model_copy(update=declared)
    given = given.changed(system=system)
    return given, planned(given)


def failed_scan(task: ScanTask, cause: Cause) -> Evidence:
    probe = REGISTRY.probes[task.probe]
    return Evidence(
        probe=task.probe, probe_version=probe.version, kind=probe.kind.kind, subject=task.subject,
        endpoint=task.endpoint, began=NOW, ended=NOW, vantage="v", authorisation=task.authorisation,
        options=task.options, failure=FailureNote(cause=cause, detail=f"{task.probe}: {cause}"),
    )  # fmt: skip


def unanswered(endpoints: tuple[str, ...], complete: bool, regime: str, causes: Sequence[Cause]) -> View:
    """The view of an inspection whose scans all saw nothing, for these causes in turn."""
    given, made = prepared(endpoints, complete, regime)
    with tempfile.TemporaryDirectory() as folder:
        settings = given.context.settings.model_copy(update={"output": Path(folder)})
        context = replace(given.context, settings=settings, tables=tables_at_hand(REGISTRY, settings))
        with open_capture(made, context) as writer:
            for number, task in enumerate(made.plan.tasks):
                writer.record(failed_scan(task, causes[number % len(causes)]), ())
            bundle = seal_capture(writer, made.planner, SigningKey.load_or_create(Path(folder) / "key.pem"))
        assessment = asyncio.run(assess_bundle(bundle, REGISTRY, AssessmentOptions(as_of=NOW)))
        return view(bundle, assessment, REGISTRY)


@pytest.mark.parametrize("complete", [True, False], ids=["complete", "bare"])
@pytest.mark.parametrize("endpoints", ENDPOINTS, ids=lambda each: each[0])
@given(
    causes=st.lists(st.sampled_from(Cause), min_size=1, max_size=5),
    threshold=st.sampled_from(["must", "info", "high", "critical"]),
    regime=st.sampled_from(sorted(REGIMES)),
)
@settings(max_examples=6)
def test_no_answer_is_never_clean(
    complete: bool, endpoints: tuple[str, ...], causes: list[Cause], threshold: str, regime: str
) -> None:
    """Nothing seen gives 3, or 1 where the declaration alone fails; no row passes on evidence that is not there."""
    made = unanswered(endpoints, complete, regime, causes)
    code = ExitRule(Threshold(threshold), frozenset()).code(made)
    fails = [each for each in made.assessment.findings if each.outcome is Outcome.FAIL]
    assert code == UNSEEN if not fails else code in (UNSEEN, FAILING)
    if complete and regime == "vn-nd331-2026":
        assert not fails
    for finding in made.assessment.findings:
        if finding.evidence:
            assert finding.outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR)
    assert all(not each.evidence for each in fails)
    followers = [each for each in made.assessment.findings if each.follows_from]
    assert all(each.cause is each.follows_from.cause for each in followers if each.follows_from)
