"""codequality: the failures as a GitLab Code Quality report, a list of issues with path, line and fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from inspector import Finding, Language, Outcome, Renderer, Severity, View, escape_control
from inspector_reports.locations import location_of, subject_of

_SEVERITY = {
    Severity.INFO: "info",
    Severity.LOW: "minor",
    Severity.MEDIUM: "major",
    Severity.HIGH: "critical",
    Severity.CRITICAL: "blocker",
}


def render(views: Sequence[View], language: Language) -> bytes:
    """One issue per failed finding of the views."""
    issues = [
        _issue(view, finding, language)
        for view in views
        for finding in view.assessment.findings
        if finding.outcome is Outcome.FAIL
    ]
    return (json.dumps(issues, indent=2, ensure_ascii=False) + "\n").encode()


def _issue(view: View, finding: Finding, language: Language) -> dict[str, Any]:
    translator = view.translator(language)
    location = location_of(view, finding)
    claim = f"{view.title(finding, language)} ({translator.verdict(finding)})"
    description = f"{claim}: {subject_of(finding)}: {translator.message(finding)}"
    return {
        "description": escape_control(description, keep=""),
        "check_name": finding.check,
        "fingerprint": _fingerprint(finding),
        "severity": _SEVERITY[finding.severity],
        "location": {"path": escape_control(location.path, keep=""), "lines": {"begin": location.line}},
    }


def _fingerprint(finding: Finding) -> str:
    """A digest of system, finding id and address: stable between runs and unique in the file."""
    return hashlib.sha256(f"{finding.system}\n{finding.id}\n{finding.address or ''}".encode()).hexdigest()


CODE_QUALITY = Renderer("codequality", ".codequality.json", "application/json", render, joins=True)
