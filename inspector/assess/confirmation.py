"""A confirmation scan against the first one."""

from __future__ import annotations

from inspector.model.base import Cause
from inspector.model.verdict import Message, Outcome, Verdict

#: Outcomes that contradict a failure.
_NO_FAILURE = (Outcome.PASS, Outcome.NOT_APPLICABLE)


def confirm(first: Verdict, second: Verdict | None) -> tuple[Verdict, bool | None]:
    """The verdict of both scans together, and whether both found a failure; a contradiction is inconclusive."""
    if second is None:
        return first, False if first.outcome is Outcome.FAIL else None
    if first.outcome is Outcome.FAIL:
        if second.outcome in _NO_FAILURE:
            return _unstable("the first scan found a failure ({measured}), the confirmation scan did not", first), None
        return first, second.outcome is Outcome.FAIL
    if second.outcome is Outcome.FAIL:
        if first.outcome in _NO_FAILURE:
            return _unstable("the confirmation scan found a failure ({measured}), the first scan did not", second), None
        return second, False
    return first, None


def _unstable(message: str, failure: Verdict) -> Verdict:
    """Inconclusive, since only one of two scans found this failure."""
    measured = failure.measured if failure.measured is not None else failure.message.id
    return Verdict(
        outcome=Outcome.INCONCLUSIVE,
        message=Message(id=message, values={"measured": measured}),
        measured=failure.measured,
        threshold=failure.threshold,
        cause=Cause.UNSTABLE,
        facts=failure.facts,
    )
