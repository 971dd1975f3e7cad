"""Common causes as sentences, for the formats of CI."""

from __future__ import annotations

from inspector import CauseGroup, Finding, Language, Outcome, View

_HERE = "inspector_reports"
#: The name under which CI formats list a common cause that no failing check reports.
NOT_INSPECTED = "not-inspected"


def cause_sentence(view: View, group: CauseGroup, language: Language) -> str:
    """What was not seen and why, and how many requirements could not be inspected for it."""
    return f"{view.cause_text(group.cause, language)}; {_counted(view, len(group.followers), language)}"


def consequence(view: View, failure: Finding, language: Language) -> str:
    """How many requirements could not be inspected because of a failure, after a semicolon; empty for none."""
    if failure.outcome is not Outcome.FAIL:
        return ""
    followers = sum(len(each.followers) for each in view.causes() if each.failure is failure)
    return f"; {_counted(view, followers, language)}" if followers else ""


def followed_cause(view: View, finding: Finding, language: Language) -> str:
    """What a finding follows from; empty when it stands on its own."""
    if finding.follows_from is None:
        return ""
    cause = view.cause_text(finding.follows_from, language)
    return view.translator(language).composed("follows from a common cause: {reason}", _HERE, reason=cause)


def _counted(view: View, count: int, language: Language) -> str:
    return view.translator(language).text(
        "requirements that could not be inspected because of it: {count}", _HERE, count=count
    )
