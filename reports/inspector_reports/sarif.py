"""sarif: the failures as SARIF 2.1.0, one run for all systems, one rule per check.

Every result has a physical location, which GitLab requires, and a fingerprint that does not depend on the address.

A common cause that no failure reports is a notification of the invocation (SARIF 2.1.0 §3.20.21, "conditions
encountered by the tool"), not a result: no rule was evaluated, and viewers show every result as an alert. The result of
a failure that is a common cause names what follows from it in ``properties``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from inspector import (
    EXCUSING,
    SYSTEM,
    CauseGroup,
    Decision,
    Finding,
    Language,
    Outcome,
    Renderer,
    Severity,
    View,
    display_json,
)
from inspector_reports.causes import NOT_INSPECTED, cause_sentence, consequence
from inspector_reports.locations import location_of, subject_of
from inspector_reports.plain_text import one_line, without_links
from inspector_reports.standings import known

_LEVEL = {
    Severity.INFO: "note",
    Severity.LOW: "note",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "error",
}
#: Scores in GitHub's bands: critical above 9.0, high from 7.0, medium from 4.0, low from 0.1.
_SECURITY = {
    Severity.INFO: "0.0",
    Severity.LOW: "3.0",
    Severity.MEDIUM: "5.5",
    Severity.HIGH: "8.0",
    Severity.CRITICAL: "9.5",
}

#: The project has no public address. SARIF 2.1.0 §3.19.17 asks for an absolute URI: a name is one, and leads nowhere
#: that the project does not own; the version follows.
INFORMATION = "urn:level-inspector"

#: What describes the notifications; GitHub asks for all three texts.
_NOT_INSPECTED = {
    "id": NOT_INSPECTED,
    "shortDescription": {"text": "not everything could be inspected"},
    "fullDescription": {"text": "A service gave no answer, or not all answers, so that requirements stay undecided."},
    "help": {"text": "Find out why the service did not answer this vantage, and inspect again."},
}

ViewFinding = tuple[View, Finding]


def render(views: Sequence[View], _language: Language) -> bytes:
    """One run with the failures of the views; texts in English, in Vietnamese in ``properties``."""
    failed = [(view, each) for view in views for each in view.assessment.findings if each.outcome is Outcome.FAIL]
    checks = sorted({finding.check for _, finding in failed})
    rules = [_rule(check, [each for each in failed if each[1].check == check]) for check in checks]
    version = views[0].assessment.inspector_version if views else "0"
    driver = {
        "name": "Inspector",
        "version": version,
        "informationUri": f"{INFORMATION}:{quote(version)}",
        "language": "en",
        "rules": rules,
        "notifications": [_NOT_INSPECTED],
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "invocations": [{"executionSuccessful": True, **_notifications(views)}],
                "results": [_result(view, finding, checks.index(finding.check)) for view, finding in failed],
                "properties": {"systems": [_system(view) for view in views]},
            }
        ],
    }
    return display_json(log)


def _notifications(views: Sequence[View]) -> dict[str, Any]:
    """The common causes that no failure reports, as notifications; no property where there is none."""
    made = [_notification(view, each) for view in views for each in view.causes() if each.failure is None]
    return {"toolExecutionNotifications": made} if made else {}


def _notification(view: View, group: CauseGroup) -> dict[str, Any]:
    english, vietnamese = (without_links(cause_sentence(view, group, each)) for each in (Language.EN, Language.VI))
    return {
        "descriptor": {"id": NOT_INSPECTED, "index": 0},
        "level": "warning",
        "message": {"text": english},
        "locations": [_location(view, group.followers[0])],
        "properties": {
            "system": view.inspection.system.id,
            "cause": group.cause.cause.value,
            "findings": _ids(group),
            "vi": {"message": vietnamese},
        },
    }


def _ids(*groups: CauseGroup) -> list[str]:
    """The ids of the findings that follow from these causes."""
    return sorted(each.id for group in groups for each in group.followers)


def _system(view: View) -> dict[str, Any]:
    return {
        "id": view.inspection.system.id,
        "level": view.assessment.level,
        "regime": f"{view.assessment.regime} {view.assessment.regime_version}",
        "asOf": view.assessment.as_of.isoformat(),
        "capture": view.head,
        "outcomes": {outcome.value: count for outcome, count in view.counts().items()},
        "tables": [
            {
                "name": each.name,
                "dated": each.dated.isoformat(),
                "stale": each in view.stale_tables,
                "digest": each.digest,
            }
            for each in view.assessment.tables
        ],
        "commonCauses": len(view.causes()),
        "followFromCommonCauses": len(view.followers),
    }


def _rule(check: str, failures: Sequence[ViewFinding]) -> dict[str, Any]:
    view = failures[0][0]
    english, vietnamese = view.translator(Language.EN), view.translator(Language.VI)
    worst = max((finding.severity for _, finding in failures), key=lambda each: each.rank)
    title = english.check(check, "title") or without_links(check)
    return {
        "id": check,
        "name": "".join(word.capitalize() for word in check.split("-")),
        "shortDescription": {"text": title},
        "fullDescription": {"text": english.check(check, "description") or title},
        "help": {"text": english.check(check, "remediation") or title},
        "defaultConfiguration": {"level": _LEVEL[worst]},
        "properties": {
            "security-severity": _SECURITY[worst],
            "tags": ["security"],
            "vi": {part: vietnamese.check(check, part) for part in ("title", "description", "remediation")},
        },
    }


def _result(view: View, finding: Finding, rule: int) -> dict[str, Any]:
    result = {
        "ruleId": finding.check,
        "ruleIndex": rule,
        "level": "note" if finding.not_yet_due else _LEVEL[finding.severity],
        "message": {"text": _message(view, finding, Language.EN)},
        "locations": [_location(view, finding)],
        "partialFingerprints": {"inspectorFinding/v1": _fingerprint(finding)},
        "properties": _properties(view, finding),
    }
    if view.baseline is not None:
        result["baselineState"] = "unchanged" if view.is_known(finding) else "new"
    if suppressions := [*_suppressions(finding), *_known(view, finding)]:
        result["suppressions"] = suppressions
    return result


def _known(view: View, finding: Finding) -> Iterable[dict[str, Any]]:
    """The baseline as a suppression of a failure that it contains."""
    if view.is_known(finding):
        yield {"kind": "external", "status": "accepted", "justification": known(view, Language.EN)}


def _message(view: View, finding: Finding, language: Language) -> str:
    translator = view.translator(language)
    said = f"{translator.message(finding)}{consequence(view, finding, language)}"
    return without_links(f"{translator.verdict(finding)}: {subject_of(finding)}: {said}")


def _location(view: View, finding: Finding) -> dict[str, Any]:
    location = location_of(view, finding)
    uri = quote(location.path, safe="/-._~")
    region = {"startLine": location.line, "startColumn": location.column}
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": f"file://{uri}" if uri.startswith("/") else uri},
            "region": region,
        },
        "logicalLocations": [{"name": one_line(subject_of(finding)), "kind": "resource"}],
    }


def _fingerprint(finding: Finding) -> str:
    """The finding's id, with the system for findings about a whole system."""
    return f"{finding.system}/{finding.id}" if finding.subject == SYSTEM.uri else finding.id


def _properties(view: View, finding: Finding) -> dict[str, Any]:
    return {
        "finding": finding.id,
        "system": finding.system,
        "subject": one_line(finding.subject),
        "address": finding.address,
        "requirement": finding.requirement,
        "obligation": finding.obligation.value,
        "force": finding.force.value,
        "severity": finding.severity.value,
        "security-severity": _SECURITY[finding.severity],
        "clauses": [one_line(f"{each.document} {each.number}") for each in finding.clauses],
        "confirmed": finding.confirmed,
        "notYetDue": finding.not_yet_due,
        "evidence": [each.evidence for each in finding.evidence],
        "vi": {
            "title": without_links(view.title(finding, Language.VI)),
            "message": _message(view, finding, Language.VI),
        },
        "explains": _ids(*(each for each in view.causes() if each.failure is finding)),
    }


def _suppressions(finding: Finding) -> Iterable[dict[str, Any]]:
    """The accepted statements that excuse a failure, as SARIF suppressions."""
    kinds = {kind.value for kind in EXCUSING}
    for each in finding.statements if finding.excused else ():
        if each.decision == Decision.ACCEPTED.value and each.kind in kinds:
            justification = one_line(f"{each.kind}, {each.author}: {each.reason}")
            yield {"kind": "external", "status": "accepted", "justification": justification}


SARIF = Renderer("sarif", ".sarif", "application/sarif+json", render, joins=True, beside=("json",))
