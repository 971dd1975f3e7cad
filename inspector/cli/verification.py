"""The answers of ``inspector verify`` as text."""

from __future__ import annotations

from collections.abc import Callable

from inspector.model.domain_name import with_u_labels
from inspector.model.escaping import escape_control
from inspector.model.formatted import FormattedMessage
from inspector.seal.untrusted_files import FileFault
from inspector.seal.verify import (
    Comparison,
    Difference,
    Intact,
    OtherVersion,
    Reproduced,
    Reproduction,
    Today,
    Verification,
)

#: From a text to its translation.
Translate = Callable[[str], str]

_COMPARED = {
    Comparison.SAME: "reproduced: assessing again gives the same bytes",
    Comparison.DIFFERENT: "not reproduced: the same versions give another result",
    Comparison.NOT_COMPARABLE: "not comparable",
    Comparison.NOT_ASKED: "not assessed again",
}
_SAME_TODAY = "version {version} with regime version {regime} would say the same of all {findings} findings"
_OTHER_TODAY = (
    "version {version} with regime version {regime} would assess {differ} of {findings} findings differently:"
)


def describe(answer: Verification, translate: Translate = str) -> str:
    """The three answers, one after the other."""
    today = "\n".join(describe_today(each, translate) for each in answer.today)
    unknown = translate("what the present version would say was not asked")
    return "\n".join(
        (describe_intact(answer.intact, translate), describe_reproduced(answer.reproduced, translate), today or unknown)
    )


def describe_intact(intact: Intact, translate: Translate = str) -> str:
    """Whether the bundle is intact, and by whom it is signed."""
    if not intact.holds:
        head = "not intact:" if intact.altered else "not known whether it is intact: larger than what is read:"
        return "\n".join([translate(head), *(f"  {_fault(each, translate)}" for each in intact.faults)])
    if intact.trusted:
        return translate("intact, signed by a trusted signer")
    unknown = [
        translate(FormattedMessage("{part} by {signer}", part=_shown(each.part), signer=_shown(each.signers[0])))
        for each in intact.seals
        if not each.trusted
    ]
    text = "intact since it was signed, but signed by an unknown signer ({signers})"
    return translate(FormattedMessage(text, signers=", ".join(unknown)))


def _fault(diagnostic: FileFault, translate: Translate) -> str:
    """What is wrong with a file; what follows a colon is data, or the system's own message."""
    what, colon, detail = diagnostic.what.partition(": ")
    return _shown(f"{diagnostic.file}: {translate(what)}{colon}{detail}")


def describe_reproduced(reproduced: Reproduced, translate: Translate = str) -> str:
    """What became of each assessment."""
    lines = [_reproduction(each, translate) for each in reproduced.assessments]
    return "\n".join(lines) or translate("the bundle holds no assessment")


def _reproduction(each: Reproduction, translate: Translate) -> str:
    versions = "; ".join(_version(version, translate) for version in each.versions)
    detail = versions or (translate(each.detail) if each.detail else "")
    compared = translate(_COMPARED[each.comparison])
    return _shown(f"{each.assessment}: {compared}" + (f" ({detail})" if detail else ""))


def _shown(text: str) -> str:
    """A text of the bundle, which is untrusted, on one line."""
    return escape_control(text, keep="")


def _version(version: OtherVersion, translate: Translate) -> str:
    return translate(FormattedMessage("{name} {then} then, {now} now", **version.model_dump()))


def describe_today(today: Today, translate: Translate = str) -> str:
    """What the present version would say of one assessment's capture."""
    head = FormattedMessage(
        _OTHER_TODAY if today.differences else _SAME_TODAY,
        version=today.inspector_version,
        regime=today.regime_version,
        findings=today.findings,
        differ=len(today.differences),
    )
    lines = [
        _shown(f"{today.assessment}: {translate(head)}"),
        *(f"  {_shown(_difference(each, translate))}" for each in today.differences),
    ]
    return "\n".join(lines)


def _difference(each: Difference, translate: Translate) -> str:
    about = f"{each.requirement}: {each.subject}" + (f" ({each.address})" if each.address else "")
    none = FormattedMessage("none")
    text = FormattedMessage(
        "{about}: {was} would become {becomes}",
        about=with_u_labels(escape_control(about, keep="")),
        was=each.was or none,
        becomes=each.becomes or none,
    )
    return translate(text)
