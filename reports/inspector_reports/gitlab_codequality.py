"""codequality: failures as GitLab's Code Quality report, a list of issues with path, line and fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from inspector import Language, Outcome, Renderer
from inspector.model.escaping import escape_control
from inspector.model.finding import Finding, Severity
from inspector.report.view import View
from inspector_reports.locations import located, subject_of

_SEVERITY = {
    Severity.INFO: "info",
    Severity.LOW: "minor",
    Severity.MEDIUM: "major",
    Severity.HIGH: "critical",
    Severity.CRITICAL: "blocker",
}


def render(views: Sequence[View], language: Language) -> bytes:
    """One issue for each failure; everything else is no matter of quality."""
    issues = [
        _issue(view, finding, language)
        for view in views
        for finding in view.assessment.findings
        if finding.outcome is Outcome.FAIL
    ]
    return (json.dumps(issues, indent=2, ensure_ascii=False) + "\n").encode()


def _issue(view: View, finding: Finding, language: Language) -> dict[str, Any]:
    translator = view.translator(language)
    position = located(view, finding)
    claim = f"{view.title(finding, language)} ({translator.verdict(finding)})"
    told = f"{claim}: {subject_of(finding)}: {translator.message(finding)}"
    return {
        "description": escape_control(told, keep=""),
        "check_name": finding.check,
        "fingerprint": _fingerprint(finding),
        "severity": _SEVERITY[finding.severity],
        "location": {"path": escape_control(position.path, keep=""), "lines": {"begin": position.line}},
    }


def _fingerprint(finding: Finding) -> str:
    """Stable from run to run, and unique in a file: the finding's id in its system, at its address."""
    return hashlib.sha256(f"{finding.system}\n{finding.id}\n{finding.address or ''}".encode()).hexdigest()


CODE_QUALITY = Renderer("codequality", ".codequality.json", "application/json", render, joins=True)
