"""junit: one suite for each system, one case for each finding.

A fail is a failure; inconclusive and error are errors; not-applicable and not-observable are skipped with their reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC
from xml.etree import ElementTree

from inspector import Language, Outcome, Renderer
from inspector.model.escaping import escape_control
from inspector.model.finding import Finding
from inspector.report.view import View
from inspector_reports.locations import located, subject_of

#: The element inside a case, by outcome; a pass has none.
_INSIDE = {
    Outcome.FAIL: "failure",
    Outcome.INCONCLUSIVE: "error",
    Outcome.ERROR: "error",
    Outcome.NOT_APPLICABLE: "skipped",
    Outcome.NOT_OBSERVABLE: "skipped",
}


def render(views: Sequence[View], language: Language) -> bytes:
    """The suites of these views."""
    root = ElementTree.Element(
        "testsuites", {"name": "inspector", **_counted([each for view in views for each in _findings(view)])}
    )
    for view in views:
        root.append(_suite(view, language))
    ElementTree.indent(root)
    told: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return told + b"\n"


def _findings(view: View) -> tuple[Finding, ...]:
    return (*view.binding, *view.recommended)


def _counted(findings: Sequence[Finding]) -> dict[str, str]:
    inside = Counter(_INSIDE.get(each.outcome) for each in findings)
    counts = {"tests": len(findings), "failures": inside["failure"], "errors": inside["error"]}
    return {name: str(count) for name, count in {**counts, "skipped": inside["skipped"]}.items()}


def _suite(view: View, language: Language) -> ElementTree.Element:
    findings = _findings(view)
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": escape_control(view.inspection.system.id, keep=""),
            "timestamp": f"{view.inspection.begun.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
            **_counted(findings),
        },
    )
    for finding in findings:
        suite.append(_case(view, finding, language))
    return suite


def _case(view: View, finding: Finding, language: Language) -> ElementTree.Element:
    translator = view.translator(language)
    name = f"{view.title(finding, language)} – {subject_of(finding)}"
    case = ElementTree.Element(
        "testcase",
        classname=escape_control(finding.requirement, keep=""),
        name=escape_control(name, keep=""),
        file=escape_control(located(view, finding).path, keep=""),
    )
    inside = _INSIDE.get(finding.outcome)
    if inside is not None:
        cause = f" ({translator.word(finding.cause)})" if finding.cause else ""
        told = f"{translator.verdict(finding)}{cause}: {translator.message(finding)}"
        made = ElementTree.SubElement(case, inside, message=escape_control(told, keep=""))
        if inside != "skipped":
            made.set("type", finding.cause.value if finding.cause else finding.force.value)
        made.text = _details(view, finding)
    return case


def _details(view: View, finding: Finding) -> str:
    """What to know and what to do, in both languages."""
    lines = []
    for language in Language:
        translator = view.translator(language)
        lines.append(escape_control(translator.message(finding), keep=""))
        if finding.outcome is Outcome.FAIL:
            lines += translator.check(finding.check, "remediation").splitlines()
    lines += [escape_control(f"{each.document} {each.number}", keep="") for each in finding.clauses]
    lines.append(f"finding {finding.id}")
    lines += [f"evidence {each.evidence}" for each in finding.evidence]
    return "\n".join(["", *(line for line in lines if line), ""])


JUNIT = Renderer("junit", ".junit.xml", "application/xml", render, joins=True)
