"""Why a failure, or what was not seen, does not count in a pipeline, for the formats that show it."""

from __future__ import annotations

from inspector import Finding, Language, Standing, View

_HERE = "inspector_reports"


def reason_of(view: View, finding: Finding, language: Language) -> str:
    """Why a finding does not count; empty for one that does, or that is neither failed nor unseen."""
    translator = view.translator(language)
    match view.standing(finding):
        case Standing.BELOW:
            return translator.text("below what counts in this pipeline", _HERE)
        case Standing.BASELINE:
            return known(view, language)
        case Standing.EXCUSED:
            return translator.text("excused by an accepted statement", _HERE)
        case Standing.NOT_YET_DUE:
            return translator.text("not yet due", _HERE)
        case Standing.LEFT_OUT:
            return translator.text("left out by choice", _HERE)
        case _:
            return ""


def known(view: View, language: Language) -> str:
    """The words that mark a failure of the baseline."""
    return view.translator(language).text("known failure, in the baseline", _HERE)
