"""codequality: the failures as a GitLab Code Quality report, a list of issues with path, line and fingerprint.

A common cause that no failure reports is one issue of severity info, so that a file without issues does not hide that
nothing was seen; what follows from a cause is counted in its issue. A known failure, in the baseline, is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from inspector import CauseGroup, Finding, Language, Outcome, Renderer, Severity, View, display_json
from inspector_reports.causes import NOT_INSPECTED, cause_sentence, consequence
from inspector_reports.locations import location_of, subject_of
from inspector_reports.plain_text import one_line, without_links

_SEVERITY = {
    Severity.INFO: "info",
    Severity.LOW: "minor",
    Severity.MEDIUM: "major",
    Severity.HIGH: "critical",
    Severity.CRITICAL: "blocker",
}


def render(views: Sequence[View], language: Language) -> bytes:
    """One issue per failed finding that is not in the baseline, and per common cause that none of them reports."""
    issues = [
        _issue(view, finding, language)
        for view in views
        for finding in view.assessment.findings
        if finding.outcome is Outcome.FAIL and not view.is_known(finding)
    ]
    issues += [_cause_issue(view, each, language) for view in views for each in view.causes() if each.failure is None]
    return display_json(issues)


def _issue(view: View, finding: Finding, language: Language) -> dict[str, Any]:
    translator = view.translator(language)
    location = location_of(view, finding)
    claim = f"{view.title(finding, language)} ({translator.verdict(finding)})"
    description = f"{claim}: {subject_of(finding)}: {translator.message(finding)}{consequence(view, finding, language)}"
    return {
        "description": without_links(description),
        "check_name": finding.check,
        "fingerprint": _fingerprint(finding),
        "severity": _SEVERITY[finding.severity],
        "location": {"path": one_line(location.path), "lines": {"begin": location.line}},
    }


def _cause_issue(view: View, group: CauseGroup, language: Language) -> dict[str, Any]:
    location = location_of(view, group.followers[0])
    cause = group.cause
    identity = "\n".join((group.followers[0].system, cause.subject, cause.address or "", cause.cause, *cause.probes))
    return {
        "description": without_links(cause_sentence(view, group, language)),
        "check_name": NOT_INSPECTED,
        "fingerprint": hashlib.sha256(identity.encode()).hexdigest(),
        "severity": _SEVERITY[Severity.INFO],
        "location": {"path": one_line(location.path), "lines": {"begin": location.line}},
    }


def _fingerprint(finding: Finding) -> str:
    """A digest of system, finding id and address: stable between runs and unique in the file."""
    return hashlib.sha256(f"{finding.system}\n{finding.id}\n{finding.address or ''}".encode()).hexdigest()


CODE_QUALITY = Renderer("codequality", ".codequality.json", "application/json", render, joins=True, beside=("json",))
