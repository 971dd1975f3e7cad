"""junit: one test suite per system, one test case per finding and per common cause that no failure reports.

A fail is a failure; inconclusive and error are errors; not-applicable and not-observable are skipped with a reason. A
common cause is an error; what follows from it is skipped, as test runners report tests that depend on a failed one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC
from xml.etree import ElementTree

from inspector import CauseGroup, Finding, Language, Outcome, Renderer, View
from inspector_reports.causes import NOT_INSPECTED, cause_sentence, consequence, followed_cause
from inspector_reports.locations import location_of, subject_of
from inspector_reports.plain_text import one_line

#: The child element of a test case by outcome; a pass has none.
_RESULT_ELEMENTS = {
    Outcome.FAIL: "failure",
    Outcome.INCONCLUSIVE: "error",
    Outcome.ERROR: "error",
    Outcome.NOT_APPLICABLE: "skipped",
    Outcome.NOT_OBSERVABLE: "skipped",
}


def render(views: Sequence[View], language: Language) -> bytes:
    """The JUnit XML of the views."""
    root = ElementTree.Element("testsuites", {"name": "inspector", **_counts(*views)})
    for view in views:
        root.append(_suite(view, language))
    ElementTree.indent(root)
    xml: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"


def _findings(view: View) -> tuple[Finding, ...]:
    return (*view.binding, *view.recommended)


def _causes(view: View) -> tuple[CauseGroup, ...]:
    return tuple(each for each in view.causes() if each.failure is None)


def _element(finding: Finding) -> str | None:
    return "skipped" if finding.follows_from is not None else _RESULT_ELEMENTS.get(finding.outcome)


def _counts(*views: View) -> dict[str, str]:
    findings = [each for view in views for each in _findings(view)]
    causes = sum(len(_causes(view)) for view in views)
    results = Counter(map(_element, findings))
    counts = {
        "tests": len(findings) + causes,
        "failures": results["failure"],
        "errors": results["error"] + causes,
    }
    return {name: str(count) for name, count in {**counts, "skipped": results["skipped"]}.items()}


def _suite(view: View, language: Language) -> ElementTree.Element:
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": one_line(view.inspection.system.id),
            "timestamp": f"{view.inspection.begun.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
            **_counts(view),
        },
    )
    for cause in _causes(view):
        suite.append(_cause_case(view, cause, language))
    for finding in _findings(view):
        suite.append(_case(view, finding, language))
    return suite


def _cause_case(view: View, group: CauseGroup, language: Language) -> ElementTree.Element:
    """The test case of a common cause, which lists what follows from it."""
    case = ElementTree.Element(
        "testcase",
        classname=NOT_INSPECTED,
        name=one_line(view.cause_text(group.cause, language)),
        file=one_line(location_of(view, group.followers[0]).path),
    )
    message = one_line(cause_sentence(view, group, language))
    result = ElementTree.SubElement(case, "error", message=message, type=group.cause.cause.value)
    lines = (f"{each.requirement}: finding {each.id}" for each in group.followers)
    result.text = "\n".join(["", *(one_line(line) for line in lines), ""])
    return case


def _case(view: View, finding: Finding, language: Language) -> ElementTree.Element:
    translator = view.translator(language)
    name = f"{view.title(finding, language)} – {subject_of(finding)}"
    case = ElementTree.Element(
        "testcase",
        classname=one_line(finding.requirement),
        name=one_line(name),
        file=one_line(location_of(view, finding).path),
    )
    element = _element(finding)
    if element is not None:
        cause = f" ({translator.term(finding.cause)})" if finding.cause else ""
        reason = followed_cause(view, finding, language) or translator.message(finding)
        message = f"{translator.verdict(finding)}{cause}: {reason}{consequence(view, finding, language)}"
        result = ElementTree.SubElement(case, element, message=one_line(message))
        if element != "skipped":
            result.set("type", finding.cause.value if finding.cause else finding.force.value)
        result.text = _details(view, finding)
    return case


def _details(view: View, finding: Finding) -> str:
    """Messages and remediation in both languages, then clauses, finding id and evidence digests."""
    lines = []
    for language in Language:
        translator = view.translator(language)
        lines.append(translator.message(finding))
        if finding.outcome is Outcome.FAIL:
            lines += translator.check(finding.check, "remediation").splitlines()
    lines += [f"{each.document} {each.number}" for each in finding.clauses]
    lines.append(f"finding {finding.id}")
    lines += [f"evidence {each.evidence}" for each in finding.evidence]
    return "\n".join(["", *(one_line(line) for line in lines if line), ""])


JUNIT = Renderer("junit", ".junit.xml", "application/xml", render, joins=True)
