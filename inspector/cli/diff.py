"""``inspector diff``: what changed between two inspections, or two runs, under one set of rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from inspector.cli import terminal
from inspector.cli.exit_code import CLEAN, FAILING, UNSEEN, Threshold, standing
from inspector.cli.judged import JudgedSystem, read_side
from inspector.cli.language import _, current
from inspector.cli.run import write
from inspector.compare.difference import (
    ChangedFinding,
    ChangeReason,
    FindingChange,
    Judged,
    SystemDifference,
    compare,
)
from inspector.model.domain_name import with_u_labels
from inspector.model.errors import UsageError
from inspector.model.escaping import escape_control
from inspector.model.finding import Finding
from inspector.model.formatted import FormattedMessage
from inspector.model.subject import SYSTEM
from inspector.pipeline.event_loop import run_async
from inspector.pipeline.reassess import AssessmentOptions, assess_bundle
from inspector.pipeline.reporting import regime_of_assessment, render_difference
from inspector.regime.regime import Requirement
from inspector.registry.registry import Registry, installed
from inspector.report.difference_view import DifferenceView
from inspector.report.standing import Standing
from inspector.seal import Bundle

#: The most findings that are listed of one change on the terminal.
MOST_LINES = 20


def print_difference(old: Path, new: Path, fail_on: str, formats: str, folder: Path) -> int:
    """Print what changed, write the files, and give the exit code. Raises InspectorError."""
    registry = installed()
    threshold = Threshold(fail_on)
    wanted = _formats(formats, registry)
    made = difference_view(read_side(old), read_side(new), registry)
    print_changes(made)
    code = exit_code(made.differences, threshold)
    terminal.print_result(_why(code, fail_on))
    if wanted:
        for path in write(folder, render_difference(made, wanted, registry)):
            terminal.print_result(_("Report: {path}", path=path))
    return code


def print_changes(made: DifferenceView) -> None:
    """Print what changed in each system, and in all."""
    for each in made.differences:
        for line in _lines(made, each):
            terminal.print_result(line)
    if len(made.differences) > 1:
        terminal.print_result(_counted(made, _("in all"), made.differences))


def _formats(text: str, registry: Registry) -> tuple[str, ...]:
    """The formats that are named and have a comparison. Raises UsageError for any other."""
    known = [name for name, renderer in registry.renderers.items() if renderer.render_difference is not None]
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            raise UsageError(
                FormattedMessage("--format {name}: no plugin compares in this format", name=name),
                remedy=FormattedMessage("write some of {known}", known=", ".join(known)),
            )
    return tuple(dict.fromkeys(wanted))


def difference_view(
    before: Sequence[JudgedSystem], after: Sequence[JudgedSystem], registry: Registry
) -> DifferenceView:
    """What changed in each system of two sides; one system on each is compared whatever its ids are."""
    earlier, later = ({each.system: each for each in side} for side in (before, after))
    if len(before) == len(after) == 1:
        pairs: list[tuple[JudgedSystem | None, JudgedSystem | None]] = [(before[0], after[0])]
    else:
        pairs = [(earlier.get(name), later.get(name)) for name in sorted({*earlier, *later})]
    rows: dict[str, Requirement] = {}
    differences = [_difference(was, now, registry, rows) for was, now in pairs]
    differences.sort(key=lambda each: (not each.of(FindingChange.NEW), each.system))
    return DifferenceView(
        differences=tuple(differences),
        registry=registry,
        rows=rows,
        rejudged=all(was is None or now is None or (was.bundle and now.bundle) for was, now in pairs),
    )


def _difference(
    was: JudgedSystem | None, now: JudgedSystem | None, registry: Registry, rows: dict[str, Requirement]
) -> SystemDifference:
    for side in (was, now):
        if side is not None and side.bundle is not None:
            rows.update({each.id: each for each in side.newest().assessment.requirements})
    if was is not None and now is not None and was.bundle is not None and now.bundle is not None:
        options = _rules(now, now.bundle, registry)
        again = _judge(was.bundle, registry, options)
        return compare(again, _judge(now.bundle, registry, options), was.judged())
    return compare(was.judged() if was else None, now.judged() if now else None)


def _rules(now: JudgedSystem, bundle: Bundle, registry: Registry) -> AssessmentOptions:
    """The rules of the newest assessment of the later inspection: its date, regime and level."""
    newest = now.newest().assessment
    regime = regime_of_assessment(bundle.inspection, newest, registry)
    return AssessmentOptions(
        as_of=newest.as_of,
        regime=regime or bundle.inspection.regime,
        level=newest.level,
        statements=newest.statements,
        tables=newest.tables,
    )


def _judge(bundle: Bundle, registry: Registry, options: AssessmentOptions) -> Judged:
    """The findings of a bundle under these rules, without a packet."""
    assessment = run_async(assess_bundle(bundle, registry, options))
    return Judged.of(bundle.inspection, assessment, bundle.evidence(), bundle.digest)


# --- The exit code --------------------------------------------------------------------------------------------------


def _why(code: int, threshold: str) -> str:
    """What the exit code says."""
    if code == FAILING:
        return _("exit code 1: something new counts under --fail-on {threshold}", threshold=threshold)
    if code == UNSEEN:
        return _(
            "exit code 3: nothing new, but what counts under --fail-on {threshold} was not all seen again",
            threshold=threshold,
        )
    return _("exit code 0: nothing new counts under --fail-on {threshold}", threshold=threshold)


#: What is decided about a failure that was not found again, so that nothing remains unseen.
_DECIDED = (ChangeReason.NOT_APPLICABLE, ChangeReason.NOT_SELECTED)


def exit_code(differences: Sequence[SystemDifference], threshold: Threshold) -> int:
    """1 when something new counts; 3 when nothing does, but something that counts was seen before and not now."""
    changes = [each for difference in differences for each in difference.changes]
    if any(each.change is FindingChange.NEW and _counts(each.finding, threshold) for each in changes):
        return FAILING
    lost = [each.finding for each in changes if each.change is FindingChange.NOT_SEEN_AGAIN and _is_open(each)]
    lost += [each for difference in differences for each in difference.no_longer_seen]
    return UNSEEN if any(map(threshold.reached, lost)) else CLEAN


def _counts(finding: Finding, threshold: Threshold) -> bool:
    return standing(finding, threshold) is Standing.FAILS


def _is_open(changed: ChangedFinding) -> bool:
    return changed.reason not in _DECIDED


# --- The terminal ---------------------------------------------------------------------------------------------------


def _lines(made: DifferenceView, difference: SystemDifference) -> Iterator[str]:
    """What changed in one system: the numbers, then the findings, without those that are as they were."""
    yield _counted(made, difference.system, [difference])
    sides = (difference.before, difference.after)
    if difference.before is not None and difference.after is not None:
        if difference.before.system != difference.after.system:
            yield "  " + _("the system was called {name} before", name=difference.before.system)
    elif sides[0] is None:
        yield "  " + _("the system was not inspected before")
    else:
        yield "  " + _("the system is not inspected now")
    for change in FindingChange:
        found = difference.of(change)
        if not found or change is FindingChange.STILL:
            continue
        yield f"  {made.translator(current()).term(change)}:"
        yield from (f"    {_line(made, each)}" for each in found[:MOST_LINES])
        if len(found) > MOST_LINES:
            yield "    " + _("and {count} more", count=len(found) - MOST_LINES)


def _counted(made: DifferenceView, name: str, differences: Sequence[SystemDifference]) -> str:
    translator = made.translator(current())
    counts = ", ".join(f"{translator.term(change)} {count}" for change, count in made.counts(differences).items())
    unseen = sum(len(each.no_longer_seen) for each in differences)
    line = _("{name}, findings: {counts}", name=name, counts=counts)
    if unseen:
        line = _("{line}; passed before and not seen now {count}", line=line, count=unseen)
    return escape_control(line, keep="")


def _line(made: DifferenceView, changed: ChangedFinding) -> str:
    finding, translator = changed.finding, made.translator(current())
    subject = finding.system if finding.subject == SYSTEM.uri else finding.subject
    where = with_u_labels(f"{subject} {', '.join(changed.addresses)}" if changed.addresses else subject)
    said, claim = made.explanation(changed, current()), made.title(finding, current())
    if changed.fails and not said:
        what = _("{where}; not met: {claim}", where=translator.message(finding), claim=claim)
    else:
        what = f"{claim}: {said}" if said else claim
    return escape_control(f"{translator.term(finding.severity)}: {where} – {what}", keep="")
