"""A confirmation scan against the first one."""

from __future__ import annotations

from inspector.model.base import Cause
from inspector.model.verdict import Message, Outcome, Verdict

#: What speaks for the system.
_GOOD = (Outcome.PASS, Outcome.NOT_APPLICABLE)


def confirm(first: Verdict, second: Verdict | None) -> tuple[Verdict, bool | None]:
    """What two scans say together, and whether both saw a failure; looks that contradict each other decide nothing."""
    if second is None:
        return first, False if first.outcome is Outcome.FAIL else None
    if first.outcome is Outcome.FAIL:
        if second.outcome in _GOOD:
            return _unstable("the first scan saw a failure ({measured}), the second did not", first), None
        return first, second.outcome is Outcome.FAIL
    if second.outcome is Outcome.FAIL:
        if first.outcome in _GOOD:
            return _unstable("the confirmation scan saw a failure ({measured}), the first did not", second), None
        return second, False
    return first, None


def _unstable(message: str, failure: Verdict) -> Verdict:
    """Inconclusive, since one of two scans saw this failure."""
    measured = failure.measured if failure.measured is not None else failure.message.id
    return Verdict(
        outcome=Outcome.INCONCLUSIVE,
        message=Message(id=message, values={"measured": measured}),
        measured=failure.measured,
        threshold=failure.threshold,
        cause=Cause.UNSTABLE,
        facts=failure.facts,
    )
