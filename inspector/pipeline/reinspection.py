"""What a re-inspection asks about: the failures of an earlier inspection, and the endpoints that they were seen at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from inspector.model.finding import Finding
from inspector.model.verdict import Outcome
from inspector.record.assessment import Assessment
from inspector.record.plan import AskedFinding
from inspector.seal import Bundle


def failures_in(bundle: Bundle, assessment: Assessment) -> tuple[AskedFinding, ...]:
    """The failures of an assessment of a sealed inspection. Raises BundleError."""
    return failures_of(assessment.findings, {digest: each.endpoint for digest, each in bundle.evidence()})


def failures_of(
    findings: Iterable[Finding], endpoints: Mapping[str, str | None] | None = None
) -> tuple[AskedFinding, ...]:
    """The failures among findings, each requirement and subject once.

    ``endpoints`` are those of the evidence, by digest (None: the evidence is not at hand).
    """
    found: dict[tuple[str, str], set[str]] = {}
    for each in findings:
        if each.outcome is not Outcome.FAIL:
            continue
        seen = {(endpoints or {}).get(ref.evidence) for ref in each.evidence} | {each.endpoint}
        found.setdefault((each.requirement, each.subject), set()).update(filter(None, seen))
    return tuple(
        AskedFinding(requirement=requirement, subject=subject, endpoints=tuple(sorted(places)))
        for (requirement, subject), places in sorted(found.items())
    )
