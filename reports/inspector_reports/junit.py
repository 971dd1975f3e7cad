"""junit: one test suite per system, one test case per finding; it fails exactly where the exit code is not 0.

Only what counts is a failure (exit code 1) or an error (3): a failure below the threshold, in the baseline, excused or
not yet due is skipped with that reason, and so is what was not seen and does not count. A common cause is an error
where something that counts follows from it; what follows is skipped, as test runners report tests that depend on a
failed one. Not applicable is skipped; not observable too, and where a selection was inspected it is no test case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC
from xml.etree import ElementTree

from inspector import CauseGroup, Finding, Language, Outcome, Renderer, Standing, View
from inspector_reports.causes import NOT_INSPECTED, cause_sentence, consequence, followed_cause
from inspector_reports.locations import location_of, subject_of
from inspector_reports.plain_text import one_line
from inspector_reports.standings import reason_of

#: The child element of a test case that counts; every other one is skipped, and a pass has none.
_RESULT_ELEMENTS = {Standing.FAILS: "failure", Standing.UNSEEN: "error"}


def render(views: Sequence[View], language: Language) -> bytes:
    """The JUnit XML of the views."""
    root = ElementTree.Element("testsuites", {"name": "inspector", **_totals(*views)})
    for view in views:
        root.append(_suite(view, language))
    ElementTree.indent(root)
    xml: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"


def _findings(view: View) -> tuple[Finding, ...]:
    """The findings that are test cases."""
    selected = bool(view.inspection.plan.selection.limits)
    found = (*view.binding, *view.recommended)
    return tuple(each for each in found if not (selected and each.outcome is Outcome.NOT_OBSERVABLE))


def _causes(view: View) -> tuple[CauseGroup, ...]:
    """The common causes that are test cases: those that no failure reports, or only one that does not count."""
    return tuple(
        each
        for each in view.causes()
        if each.failure is None or (_counts(view, each) and view.standing(each.failure) is not Standing.FAILS)
    )


def _counts(view: View, group: CauseGroup) -> bool:
    """Whether something that counts was not seen for a common cause."""
    return any(view.standing(each) is Standing.UNSEEN for each in group.followers)


def _element(view: View, finding: Finding) -> str | None:
    if finding.outcome is Outcome.PASS:
        return None
    if finding.follows_from is not None and finding.outcome is not Outcome.FAIL:
        return "skipped"
    return _RESULT_ELEMENTS.get(view.standing(finding), "skipped")


def _is_blind(view: View) -> bool:
    """Whether the exit code is 3 only because nothing answered."""
    return view.blind and not any(view.standing(each) in _RESULT_ELEMENTS for each in view.assessment.findings)


def _totals(*views: View) -> dict[str, str]:
    elements = Counter(_element(view, each) for view in views for each in _findings(view))
    elements.update(_cause_element(view, each) for view in views for each in _causes(view))
    elements.update("error" for view in views if _is_blind(view))
    counts = {
        "tests": elements.total(),
        "failures": elements["failure"],
        "errors": elements["error"],
        "skipped": elements["skipped"],
    }
    return {name: str(count) for name, count in counts.items()}


def _cause_element(view: View, group: CauseGroup) -> str:
    return "error" if _counts(view, group) else "skipped"


def _suite(view: View, language: Language) -> ElementTree.Element:
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": one_line(view.inspection.system.id),
            "timestamp": f"{view.inspection.begun.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
            **_totals(view),
        },
    )
    suite.extend(_properties(view, language))
    if _is_blind(view):
        suite.append(_blind_case(view, language))
    for cause in _causes(view):
        suite.append(_cause_case(view, cause, language))
    for finding in _findings(view):
        suite.append(_case(view, finding, language))
    return suite


def _properties(view: View, language: Language) -> Iterator[ElementTree.Element]:
    """The dated tables with which checks compared, and which of them let nothing pass; nothing where there are none."""
    if not view.assessment.tables:
        return
    translator = view.translator(language)
    stale = translator.text("too old for a conclusion that nothing speaks against it", "inspector_reports")
    properties = ElementTree.Element("properties")
    for each in view.assessment.tables:
        value = f"{each.dated.isoformat()}; {stale}" if each in view.stale_tables else each.dated.isoformat()
        ElementTree.SubElement(properties, "property", name=f"table {each.name}", value=one_line(value))
    yield properties


def _blind_case(view: View, language: Language) -> ElementTree.Element:
    """The test case of a system of which nothing answered."""
    text = view.translator(language).text("no endpoint answered", "inspector_reports")
    case = ElementTree.Element("testcase", classname=NOT_INSPECTED, name=one_line(text))
    ElementTree.SubElement(case, "error", message=one_line(text), type="not-reached")
    return case


def _cause_case(view: View, group: CauseGroup, language: Language) -> ElementTree.Element:
    """The test case of a common cause, which lists what follows from it."""
    case = ElementTree.Element(
        "testcase",
        classname=NOT_INSPECTED,
        name=one_line(view.cause_text(group.cause, language)),
        file=one_line(location_of(view, group.followers[0]).path),
    )
    message = one_line(cause_sentence(view, group, language))
    element = _cause_element(view, group)
    result = ElementTree.SubElement(case, element, message=message)
    if element != "skipped":
        result.set("type", group.cause.cause.value)
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
    element = _element(view, finding)
    if element is not None:
        cause = f" ({translator.term(finding.cause)})" if finding.cause else ""
        reason = followed_cause(view, finding, language) or translator.message(finding)
        spared = reason_of(view, finding, language) if element == "skipped" else ""
        verdict = f"{translator.verdict(finding)}{cause}{f' ({spared})' if spared else ''}"
        message = f"{verdict}: {reason}{consequence(view, finding, language)}"
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
