"""The answers of ``inspector verify`` as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from inspector.model.domain_name import with_u_labels
from inspector.model.escaping import escape_control, truncate
from inspector.model.formatted import FormattedMessage
from inspector.seal.chain import Predecessors
from inspector.seal.layout import CAPTURE, EVIDENCE, INDEX_MANIFEST, LEDGER
from inspector.seal.untrusted_files import FileFault, printable
from inspector.seal.verify import (
    Comparison,
    Difference,
    Head,
    Intact,
    Listed,
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


#: The most lines that are printed of one list; how many more there are is said.
MOST_LINES = 20
#: The most versions that are printed in full; of more, only what they are of.
MOST_VERSIONS = 2


def describe(
    answer: Verification,
    translate: Translate = str,
    sources: Mapping[str, str] | None = None,
    *,
    verbose: bool = False,
) -> str:
    """The three answers, one after the other, and what the bundle is about.

    ``sources`` says of each trusted key where the trust comes from; ``verbose``: each version that is another now.
    """
    today = "\n".join(describe_today(each, translate) for each in answer.today)
    unknown = translate("what the present version would say was not asked")
    return "\n".join(
        (
            describe_intact(answer.intact, translate),
            *(_head(answer.head, answer, translate, sources or {}) if answer.head else ()),
            describe_reproduced(answer.reproduced, translate, verbose=verbose),
            today or unknown,
        )
    )


def _head(head: Head, answer: Verification, translate: Translate, sources: Mapping[str, str]) -> Iterator[str]:
    """What an intact bundle is about, who signed it, what was lost of it, and what the index of its run says."""

    def say(text: str, **values: object) -> str:
        return translate(FormattedMessage(text, **{name: printable(str(value)) for name, value in values.items()}))

    yield say("system: {system} ({name})", system=head.system, name=head.name)
    yield say("inspection: {inspection} of run {run}", inspection=head.inspection, run=head.run)
    times = {"begun": head.begun.isoformat(), "ended": head.ended.isoformat()}
    yield say("time: from {begun} to {ended} ({reason})", **times, reason=translate(head.reason))
    yield say("head digest: {digest}", digest=head.digest)
    signed = [(seal.part, signer) for seal in answer.intact.seals for signer in seal.signers]
    trust = {signer: say("trusted: {source}", source=source) for signer, source in sources.items()}
    yield from capped(
        [
            say(
                "{part}: signed by {signer} ({trust})",
                part=part,
                signer=signer,
                trust=trust.get(signer) or translate("not trusted"),
            )
            for part, signer in signed
        ],
        translate,
    )
    if head.incidents:
        yield translate("lost before it was sealed, and not part of it:")
        lost = [f"  {printable(each.file)}: {translate(printable(each.what))}" for each in head.incidents]
        yield from capped(lost, translate)
    yield from _before(answer.before, translate)
    yield from _listed(answer.listed, translate)


def _before(before: Predecessors, translate: Translate) -> Iterator[str]:
    """What the archive has of the inspections before it."""

    def say(text: str, **values: object) -> str:
        return translate(FormattedMessage(text, **{name: printable(str(value)) for name, value in values.items()}))

    if before.folders:
        yield say("previous inspection: {digest} in {folder}", digest=before.digest, folder=before.folders[0])
        count = len(before.folders)
        yield say("sealed inspections before it in this archive, one behind the other: {count}", count=count)
    if before.faults:
        yield translate("not as the chain of seals says:")
        yield from capped([f"  {_fault(each, translate)}" for each in before.faults], translate)
    elif before.missing is not None:
        yield say("an earlier inspection is not in this archive: {digest}", digest=before.missing)
    elif before.digest is None:
        yield translate("previous inspection: its seal names none")
    if before.unnamed is not None:
        yield say(
            "an earlier inspection that its seal does not name is in this archive: {folder}", folder=before.unnamed
        )


def _listed(listed: Listed, translate: Translate) -> Iterator[str]:
    """What the index of the run says."""
    if listed.faults:
        yield translate("not as the index of the run says:")
        yield from capped([f"  {_fault(each, translate)}" for each in listed.faults], translate)
    elif listed.unsigned:
        yield translate(
            FormattedMessage(
                "the index of the run lists sealed inspections, but its signature {file} is missing: whether a bundle "
                "or an assessment was removed is not known",
                file=INDEX_MANIFEST,
            )
        )
    elif not listed.signers:
        yield translate("no signed index of the run lies beside it: whether an assessment was removed is not known")
    else:
        by = FormattedMessage("a trusted signer" if listed.trusted else "an unknown signer")
        yield translate(FormattedMessage("as the index of the run says, signed by {signer}", signer=by))
    if listed.unfinished:
        yield translate("systems of the run without a sealed inspection in its index:")
        yield from capped([f"  {_shown(printable(each))}" for each in listed.unfinished], translate)


def capped(lines: Sequence[str], translate: Translate) -> list[str]:
    """The first lines, and how many more there are."""
    more = translate(FormattedMessage("and {count} more", count=len(lines) - MOST_LINES))
    return [*lines[:MOST_LINES], f"  {more}"] if len(lines) > MOST_LINES else list(lines)


def describe_intact(intact: Intact, translate: Translate = str) -> str:
    """Whether the bundle is intact, and by whom it is signed."""
    if not intact.holds:
        head = "not intact:" if intact.altered else "not known whether it is intact: larger than what is read:"
        faults = [f"  {_fault(each, translate)}" for each in intact.faults]
        return "\n".join([translate(head), *capped(faults, translate)])
    if intact.trusted:
        return translate("intact, signed by a trusted signer")
    unknown = [
        translate(FormattedMessage("{part} by {signer}", part=_shown(each.part), signer=_shown(each.signers[0])))
        for each in intact.seals
        if not each.trusted
    ]
    text = "intact since it was signed, but signed by an unknown signer ({signers})"
    return translate(FormattedMessage(text, signers=", ".join(capped(unknown, translate))))


def _fault(diagnostic: FileFault, translate: Translate) -> str:
    """What is wrong with a part; what follows a colon is data, or the system's own message."""
    what, colon, detail = diagnostic.what.partition(": ")
    words = _part(diagnostic.file)
    name = f"{translate(words)} ({diagnostic.file})" if words else diagnostic.file
    return _shown(f"{name}: {translate(what)}{colon}{detail}")


#: What the parts of a bundle are, by the last step of their names.
_PARTS = {
    "inspection.json": FormattedMessage("head of the inspection"),
    "declaration.json": FormattedMessage("declaration"),
    "authorisations.json": FormattedMessage("authorisations"),
    "statements.json": FormattedMessage("statements"),
    "plan.json": FormattedMessage("plan"),
    "regime.json": FormattedMessage("regime"),
    "next-regime.json": FormattedMessage("next regime"),
    "plugins.json": FormattedMessage("plugins"),
    "tables.json": FormattedMessage("tables"),
    "public-roots.pem": FormattedMessage("trust roots"),
    "declared-roots.pem": FormattedMessage("trust roots"),
    "dnssec-anchors.txt": FormattedMessage("DNSSEC anchors"),
    LEDGER: FormattedMessage("ledger"),
    "requirements.json": FormattedMessage("requirements"),
    "findings.json": FormattedMessage("findings"),
}


def _part(file: str) -> str:
    """What a part of a bundle is, in words; "" for one that has none."""
    above, _, last = file.rpartition("/")
    number, _, probe = last.partition("-")
    if above == f"{CAPTURE}/{EVIDENCE}" and number.isdigit():
        return FormattedMessage("evidence {number} of {probe}", number=number, probe=probe)
    return _PARTS.get(last, "") if above else ""


def describe_reproduced(reproduced: Reproduced, translate: Translate = str, *, verbose: bool = False) -> str:
    """What became of each assessment; ``verbose``: with each version that is another now, on a line of its own."""
    lines: list[str] = []
    for each in reproduced.assessments:
        lines.append(_reproduction(each, translate, verbose=verbose))
        if verbose and len(each.versions) > MOST_VERSIONS:
            lines.extend(f"  {_shown(_version(version, translate))}" for version in each.versions)
    return "\n".join(lines if verbose else capped(lines, translate)) or translate("the bundle holds no assessment")


def _reproduction(each: Reproduction, translate: Translate, *, verbose: bool) -> str:
    detail = truncate(translate(each.detail), 2000) if each.detail else ""
    if len(each.versions) > MOST_VERSIONS:
        names = ", ".join(capped([version.name for version in each.versions], translate))
        text = "{count} have other versions now: {names}"
        text = text if verbose else f"{text}; --verbose prints them"
        detail = translate(FormattedMessage(text, count=len(each.versions), names=names))
    elif each.versions:
        detail = "; ".join(_version(version, translate) for version in each.versions)
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
        *capped([f"  {_shown(_difference(each, translate))}" for each in today.differences], translate),
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
