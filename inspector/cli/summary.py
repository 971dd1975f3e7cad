"""What commands print of assessments: a verdict, the worst failures, what could not be seen.

By default it fits a terminal of 80 columns and 24 lines; ``--verbose`` prints every finding, ``--summary`` one line for
each system.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from inspector.cli import terminal
from inspector.cli.arguments import RunArguments
from inspector.cli.exit_code import CLEAN, FAILING, MISUSE, UNSEEN, ExitRule, Reckoning
from inspector.cli.language import _, current, translated
from inspector.cli.terminal import Styled
from inspector.declare.statement import Statement, unmatched
from inspector.model.base import Cause
from inspector.model.domain_name import with_u_labels
from inspector.model.errors import UsageError
from inspector.model.escaping import escape_control
from inspector.model.finding import Finding, Force, Obligation, Severity
from inspector.model.subject import SYSTEM
from inspector.model.verdict import Outcome
from inspector.pipeline.reporting import WrittenAssessment, view
from inspector.plugin.check import STALE_TABLE
from inspector.record.plan import VantageLimit
from inspector.registry.registry import Registry
from inspector.report.messages import Translator
from inspector.report.ransomware import Reach, entry_requirements, exposure_of
from inspector.report.standing import Standing
from inspector.report.urgency import RequirementCounts
from inspector.report.view import View
from inspector.seal import Bundle

#: The lines of a summary on a terminal of 24, where one line is the command and one the next prompt.
MOST_LINES = 22
#: The most members of a list that are printed; how many more there are is said.
MOST_ITEMS = 5
#: The most reasons for which systems were not inspected.
MOST_REASONS = 3
#: The most systems of which each has a sentence of its own.
MOST_SENTENCES = 3
#: The style of a severity, as its word is printed; the word alone says the same.
STYLES = {
    Severity.CRITICAL: "1;97;41",
    Severity.HIGH: "1;31",
    Severity.MEDIUM: "33",
    Severity.LOW: "36",
    Severity.INFO: "2",
}
_CODE_STYLES = {CLEAN: "32", FAILING: "1;31", UNSEEN: "1;33", MISUSE: "1;31"}
#: Why failures that were seen do not count.
_SPARED = {
    Standing.BASELINE: "{count} known from the baseline",
    Standing.EXCUSED: "{count} excused by an accepted statement",
    Standing.NOT_YET_DUE: "{count} not yet due",
}
#: What is printed beside a failure that was seen and does not count.
_SPARED_WORDS = {Standing.BASELINE: "known", Standing.EXCUSED: "excused", Standing.NOT_YET_DUE: "not yet due"}
#: What the line about ransomware says of ways in.
_REACHES = {
    Reach.EXPOSED: "exposed: {ways}",
    Reach.UNDECIDED: "undecided: {ways}",
    Reach.NOT_FOUND: "not found: {ways}",
}
_WIDE = 60


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures of one check with one severity and obligation: of one system, or of several.

    ``subjects`` are where it fails, of those kept; ``message`` and ``remedy`` those of the first failure, ``title`` the
    claim that is not met; ``counts`` the failures by system, ``requirements`` the ids of what fails; ``spared`` why
    none of them counts, None if they may; ``entry`` whether ransomware gets in by what they are about; ``alike``
    whether the message is that of all failures.
    """

    check: str
    title: str
    severity: Severity
    force: Force
    must: bool
    message: str
    remedy: str
    subjects: tuple[str, ...]
    counts: Mapping[str, int]
    requirements: frozenset[str]
    spared: Standing | None = None
    entry: bool = False
    alike: bool = True

    @property
    def count(self) -> int:
        """The number of failures."""
        return sum(self.counts.values())

    @property
    def key(self) -> tuple[str, str, Severity, bool, Standing | None]:
        """What the failures have in common."""
        return (self.check, self.title, self.severity, self.must, self.spared)

    @property
    def rank(self) -> tuple[bool, bool, int, int, bool, int, str]:
        """The order: what may count, then as on page one of a report; of equals what fails in most systems."""
        return (
            self.spared is not None,
            not self.must,
            -self.severity.rank,
            tuple(Force).index(self.force),
            not self.entry,
            -len(self.counts),
            min(self.requirements),
        )


@dataclass(frozen=True, slots=True)
class Unseen:
    """Why something is undecided: in a line that fits, and with the requirements that it concerns.

    ``count`` is the number of these, ``counts`` whether one of them does by the rule of the exit code.
    """

    short: str
    whole: str
    count: int
    counts: bool


@dataclass(frozen=True, slots=True)
class InspectionSummary:
    """What is printed of an assessment; the assessment itself is on the disk, and no longer in memory.

    ``folder`` is the assessment's, ``counts`` its numbers of requirements, those of page one of the report, and
    ``tool_errors`` how many of the undecided are so by a fault of a plugin; ``failures`` its failing findings in
    groups, ``unseen`` one for each cause for which something that counts was not seen, and for each common cause;
    ``unresolved`` one for each name without an address, ``limits`` one per limit of the vantage, ``errors`` message and
    remedy for each statement that matches no finding, ``ways_in`` the ways in for ransomware by what was seen of them,
    ``lines`` one per finding where all are printed, ``code`` the exit code and ``reckoning`` its reasons, ``reports``
    the files that were written, by name, ``row`` what the overview of its run has of it (JSON).
    """

    system: str
    level: int
    regime: str
    counts: RequirementCounts
    tool_errors: int
    failures: tuple[FailureGroup, ...]
    unseen: tuple[Unseen, ...]
    unresolved: tuple[str, ...]
    limits: tuple[str, ...]
    folder: Path
    code: int
    reckoning: Reckoning
    errors: tuple[tuple[str, str], ...] = ()
    ways_in: Mapping[Reach, tuple[str, ...]] = field(default_factory=dict)
    lines: tuple[tuple[Severity, str], ...] = field(default=())
    reports: Mapping[str, Path] = field(default_factory=dict)
    row: str = ""

    @classmethod
    def of(
        cls,
        written: WrittenAssessment,
        rule: ExitRule,
        *,
        verbose: bool = False,
        statements: Sequence[Statement] | None = None,
    ) -> InspectionSummary:
        """The summary of an assessment that was written, with a line for every finding if ``verbose``.

        ``statements`` are those that were given for it (None: those of the capture).
        """
        made, folder, reports = written
        reckoning = rule.reckon(made)
        coverage = made.assessment.coverage
        given = made.inspection.statements if statements is None else statements
        asked = made.inspection.plan.selection.findings
        own = [each for each in given if each.system == made.inspection.system.id and not asked]
        left_out = {*coverage.not_selected, *coverage.not_authorised}
        errors = tuple(
            (translated(each.message), translated(each.remedy or ""))
            for each in unmatched(own, made.assessment.findings, left_out)
        )
        return cls(
            system=made.inspection.system.id,
            level=made.assessment.level,
            regime=made.assessment.regime,
            counts=RequirementCounts.of(made.assessment.findings),
            tool_errors=len({each.requirement for each in made.assessment.findings if each.outcome is Outcome.ERROR}),
            failures=_failures(made, rule),
            unseen=(*_common_causes(made, rule), *_unseen(made, rule)),
            unresolved=_unresolved(made),
            limits=(
                *_selection_lines(made),
                *(limit_line(each) for each in made.assessment.coverage.limits),
                *_stale_lines(made),
            ),
            folder=folder,
            code=MISUSE if errors and reckoning.code != FAILING else reckoning.code,
            reckoning=reckoning,
            errors=errors,
            ways_in=_ways_in(made),
            lines=tuple(_lines(made, rule)) if verbose else (),
            reports=reports,
        )

    def view(self, registry: Registry) -> View:
        """The assessment, read back."""
        bundle = Bundle.open(self.folder.parents[1])
        return view(bundle, bundle.assessment(self.folder.name).assessment, registry)

    @property
    def report(self) -> Path | None:
        """The report in the language of the command, from the current folder if it is below that; None: not written."""
        path = self.reports.get(f"report.{current().value}.html")
        return None if path is None else from_here(path)


def from_here(path: Path) -> Path:
    """The path from the current folder, if it is below that."""
    absolute, here = path.absolute(), Path.cwd()
    return absolute.relative_to(here) if absolute.is_relative_to(here) else path


# --- What is printed of one assessment ------------------------------------------------------------------------------


def _spared(made: View, rule: ExitRule) -> dict[str, Standing]:
    """Why failures that were seen do not count, by the id of the finding."""
    standings = zip(made.assessment.findings, rule.standings(made), strict=True)
    return {each.id: found for each, found in standings if found in _SPARED_WORDS}


def _failures(made: View, rule: ExitRule) -> tuple[FailureGroup, ...]:
    translator = made.translator(current())
    spared = _spared(made, rule)
    standings = zip(made.assessment.findings, rule.standings(made), strict=True)
    counting = {id(each) for each, standing in standings if standing is Standing.FAILS}
    entries = entry_requirements(made.assessment.requirements)
    found: dict[tuple[str, Severity, bool, Standing | None], list[Finding]] = defaultdict(list)
    for each in (*made.binding, *made.recommended):
        if each.outcome is Outcome.FAIL and (each.force is not Force.INFO or id(each) in counting):
            must = each.obligation is Obligation.MUST
            found[made.title(each, current()), each.severity, must, spared.get(each.id)].append(each)
    groups = [
        FailureGroup(
            check=findings[0].check,
            title=_inline(title),
            severity=severity,
            force=min((each.force for each in findings), key=tuple(Force).index),
            must=must,
            message=_inline(translator.message(findings[0])),
            remedy=_inline(translator.check(findings[0].check, "remediation")),
            subjects=tuple(dict.fromkeys(map(_place, findings)))[: MOST_ITEMS + 1],
            counts={made.inspection.system.id: len(findings)},
            requirements=frozenset(each.requirement for each in findings),
            spared=standing,
            entry=findings[0].requirement in entries,
            alike=len({translator.message(each) for each in findings}) == 1,
        )
        for (title, severity, must, standing), findings in found.items()
    ]
    return tuple(sorted(groups, key=lambda each: each.rank))


def _ways_in(made: View) -> dict[Reach, tuple[str, ...]]:
    """The ways in for ransomware by what was seen of them; nothing where nothing was seen of any."""
    translator = made.translator(current())
    found: dict[Reach, tuple[str, ...]] = {}
    for each in exposure_of(made.assessment):
        found[each.reach] = (*found.get(each.reach, ()), translator.term(each.path))
    return {} if found.keys() == {Reach.UNDECIDED} else found


def _unseen(made: View, rule: ExitRule) -> tuple[Unseen, ...]:
    """What counts, or must hold, and could not be seen, by cause; without what follows from a common cause."""
    translator = made.translator(current())
    grouped: dict[tuple[str, str], list[tuple[str, bool]]] = defaultdict(list)
    standings = zip(made.assessment.findings, rule.standings(made), strict=True)
    for each, found in sorted(standings, key=lambda pair: -pair[0].severity.rank):
        counts = found is Standing.UNSEEN
        spared = found is Standing.BELOW or each.cause is Cause.NOT_STATED
        matters = counts or (spared and each.obligation is Obligation.MUST)
        if matters and each.outcome is not Outcome.FAIL and each.follows_from is None:
            # What the declaration leaves out is one cause, whichever of its facts are missing.
            why = translator.term(each.cause) if each.cause is Cause.NOT_STATED else translator.message(each)
            where = "" if each.subject == SYSTEM.uri else _subject(each)
            grouped[where, why].append((made.title(each, current()), counts))
    return tuple(
        _undecided(where, message, [title for title, _counts in found], any(counts for _title, counts in found))
        for (where, message), found in grouped.items()
    )


def _undecided(where: str, why: str, claims: Sequence[str], counts: bool) -> Unseen:
    """``where`` is empty for the whole system."""
    begin = f"{why}: {where}" if where else why
    number = _("{count} requirements", count=len(claims)) if len(claims) > 1 else claims[0]
    short, whole = f"{begin} ({number})", f"{begin} ({_listed(claims, most=3)})"
    return Unseen(_inline(short), _inline(whole), len(claims), counts)


def _lines(made: View, rule: ExitRule) -> Iterator[tuple[Severity, str]]:
    """One line for every finding, failures first."""
    translator = made.translator(current())
    spared = _spared(made, rule)
    for each in (*made.binding, *made.recommended):
        outcome = translator.verdict(each)
        words = [_("must")] if each.obligation is Obligation.MUST else []
        standing = [_(_SPARED_WORDS[spared[each.id]])] if each.id in spared else []
        about = ", ".join([*words, outcome, *standing])
        claim = made.title(each, current())
        yield each.severity, _inline(f"{about}: {_subject(each)} – {claim}: {translator.message(each)}")


def limit_line(limit: VantageLimit) -> str:
    """A limit of the vantage, with the addresses or names that it concerns."""
    return _inline(f"{translated(limit.detail)}: {with_u_labels(', '.join(limit.addresses))}")


def _selection_lines(made: View) -> Iterator[str]:
    """That a re-inspection asked about earlier failures only."""
    if asked := made.inspection.plan.selection.findings:
        yield _("Only {count} earlier failures were asked about; everything else was not selected", count=len(asked))


def _stale_lines(made: View) -> Iterator[str]:
    """The tables by which nothing passed; nothing where that decided no finding."""
    if any(each.cause is Cause.STALE_TABLE for each in made.assessment.findings):
        for table in made.stale_tables:
            day = made.translator(current()).day(table.dated)
            yield _inline(_(STALE_TABLE.id, table=table.name, date=day))


def _unresolved(made: View) -> tuple[str, ...]:
    """Why names lead to no address, with the names: one line for each reason."""
    tasks = [each for each in made.inspection.plan.tasks if each.cause is not None and each.subject.address is None]
    unreached = {pin.name for pin in made.inspection.plan.pins if not pin.addresses}
    by_reason: dict[str, dict[str, None]] = defaultdict(dict)
    for each in tasks:
        if each.subject.host in unreached:
            by_reason[translated(each.detail)][with_u_labels(each.subject.host)] = None
    return tuple(_inline(f"{_listed(names, most=3)}: {why}") for why, names in by_reason.items())


def _common_causes(made: View, rule: ExitRule) -> Iterator[Unseen]:
    """What could not be inspected for a common cause, by cause."""
    translator = made.translator(current())
    standings = zip(made.assessment.findings, rule.standings(made), strict=True)
    counting = {id(each) for each, found in standings if found is Standing.UNSEEN}
    for group in made.causes():
        why = translator.term(group.cause.cause) if group.failure is None else translator.message(group.failure)
        where = group.cause.subject + (f" [{group.cause.address}]" if group.cause.address else "")
        claims = dict.fromkeys(made.title(each, current()) for each in group.followers)
        counts = any(id(each) in counting for each in group.followers)
        yield _undecided(with_u_labels(where), why, tuple(claims), counts)


def _subject(finding: Finding) -> str:
    """What a finding is about, among those of several systems: the subject with its address, or the system's id."""
    subject = finding.system if finding.subject == SYSTEM.uri else finding.subject
    address = f" [{finding.address}]" if finding.address and finding.address not in subject else ""
    return _inline(with_u_labels(f"{subject}{address}"))


def _place(finding: Finding) -> str:
    """The subject without its address."""
    return _subject(finding.model_copy(update={"address": None}))


def _host(place: str) -> str:
    """A place without the scheme of its subject."""
    return re.sub(r"\A[a-z][a-z0-9+.-]*:(//)?", "", place).removesuffix("/")


def _inline(text: str) -> str:
    return escape_control(" ".join(text.split("\n")), keep="")


def _listed(items: Iterable[str], *, most: int = MOST_ITEMS, count: int | None = None) -> str:
    """The first items, and how many more there are."""
    known = list(items)
    total = len(known) if count is None else count
    shown = ", ".join(known[:most])
    return _("{items} and {count} more", items=shown, count=total - most) if total > most else shown


# --- The verdict ----------------------------------------------------------------------------------------------------


def verdict(summary: InspectionSummary) -> str:
    """One sentence: which requirements fail, which are undecided, and why the exit code is what it is."""
    return _(
        "{system} (level {level}): {failures}; {unseen}; {reason}",
        system=summary.system,
        level=summary.level,
        failures=failures_text(summary.counts, information=summary.code == FAILING),
        unseen=_unseen_text([summary]),
        reason=_("exit code {code}: {reason}", code=summary.code, reason=_reason_of(summary)),
    )


def _reason_of(summary: InspectionSummary) -> str:
    if summary.code == MISUSE:
        return _("statements that match nothing: {count}", count=len(summary.errors))
    return reason(summary.reckoning)


def failures_text(counts: RequirementCounts, *, brief: bool = False, information: bool = False) -> str:
    """How many requirements fail, how many of them must hold, and by severity unless ``brief``.

    ``information``: what is mere information counts for the exit code, and fails.
    """
    if not counts.failing:
        return _("no requirement fails, apart from information") if information else _("no requirement fails")
    text = _("failing requirements: {count}", count=counts.failing)
    if counts.must and brief:
        text = _("{failing} ({must} must)", failing=text, must=counts.must)
    elif counts.must:
        text = _("{failing}, {must} of them must", failing=text, must=counts.must)
    found = [each for each in reversed(Severity) if counts.by_severity[each]]
    severities = [_("{count} {severity}", count=counts.by_severity[each], severity=_term(each)) for each in found]
    return text if brief else f"{text} ({', '.join(severities)})"


def _unseen_text(summaries: Sequence[InspectionSummary]) -> str:
    count = sum(each.counts.undecided for each in summaries)
    errors = sum(each.tool_errors for each in summaries)
    if not count:
        return _("none undecided")
    text = _("undecided: {count}", count=count)
    return _("{undecided}, by tool errors: {count}", undecided=text, count=errors) if errors else text


def reason(reckoning: Reckoning) -> str:
    """Why an exit code is what it is, with what does not count."""
    counted, threshold = reckoning.counted, reckoning.threshold
    if reckoning.code == FAILING:
        text = _(
            "requirements that fail by --fail-on {threshold}: {count}",
            count=counted[Standing.FAILS],
            threshold=threshold,
        )
    elif reckoning.code == UNSEEN and not counted[Standing.UNSEEN]:
        text = _("no endpoint answered")
    elif reckoning.code == UNSEEN:
        count = counted[Standing.UNSEEN]
        text = _("requirements undecided by --fail-on {threshold}: {count}", count=count, threshold=threshold)
    else:
        text = _("no requirement fails by --fail-on {threshold}", threshold=threshold)
    spared = [_(text, count=counted[name]) for name, text in _SPARED.items() if counted[name]]
    if reckoning.code != FAILING and (below := reckoning.below):
        severities = sorted(below, key=lambda each: -each.rank)
        counts = [_("{count} {severity}", count=below[each], severity=_term(each)) for each in severities]
        spared.append(", ".join(counts))
    return _("{reason}; failing, but not counted: {counts}", reason=text, counts="; ".join(spared)) if spared else text


def _term(severity: Severity) -> str:
    from inspector.registry.registry import installed

    return Translator(installed(), current()).term(severity)


# --- Printing -------------------------------------------------------------------------------------------------------

#: One line of the terminal: texts, some of them with a style.
Line = tuple[str | Styled, ...]


def print_summary(
    done: Sequence[InspectionSummary],
    arguments: RunArguments,
    code: int | None = None,
    not_inspected: Sequence[tuple[str, str]] = (),
) -> None:
    """Print what was found, worst first, and where the reports are.

    ``not_inspected`` are the systems that have no assessment, with the reason; ``code`` is the exit code of all.
    """
    for line in summary_lines(done, arguments, code, not_inspected):
        terminal.print_line(*line)
    for message, remedy in (error for each in done for error in each.errors):
        terminal.print_error(UsageError(message, remedy=remedy))


def summary_lines(
    done: Sequence[InspectionSummary],
    arguments: RunArguments,
    code: int | None,
    not_inspected: Sequence[tuple[str, str]],
) -> list[Line]:
    """The lines of ``print_summary``."""
    together = len(done) + len(not_inspected) > 1
    end = [*_not_inspected_lines(not_inspected, len(done)), *_code_lines(done, code, len(not_inspected))]
    end = end if together else []
    if not done:
        return end
    if arguments.summary:
        return [*map(_one_line, done), *end]
    if arguments.verbose:
        findings = [line for each in done for line in _finding_lines(each, several=len(done) > 1)]
        unseen = [(f"  {each.whole}",) for each in _unseen_reasons(done)]
        heading: list[Line] = [(_("Undecided:"),)] if unseen else []
        end = [*_ransomware_lines(done), *_report_lines(done), *map(_one_line, done), *end]
        return [*findings, *heading, *unseen, *end]
    if len(done) > MOST_SENTENCES:
        end = [*_run_lines(done), *_ransomware_lines(done), *end]
        return [*_group_lines(done, MOST_LINES - len(end)), *end]
    verdicts = _verdict_lines if len(done) == 1 else _short_lines
    begin = [line for each in sorted(done, key=_gravity) for line in verdicts(each)]
    end = [*_unseen_lines(done, most=2 if not_inspected else 4), *_ransomware_lines(done), *_report_lines(done), *end]
    printed = sum(map(_height, (*begin, *end)))
    return [*begin, *_group_lines(done, MOST_LINES - printed), *end]


def _height(line: Line) -> int:
    """How many lines of the terminal a line needs, where it is wider."""
    length = sum(len(each.text if isinstance(each, Styled) else each) for each in line)
    return max(1, -(-length // terminal.width()))


def _one_line(summary: InspectionSummary) -> Line:
    return (Styled(summary.system, _CODE_STYLES[summary.code]), verdict(summary).removeprefix(summary.system))


def _short_lines(summary: InspectionSummary) -> Iterator[Line]:
    """The verdict in one line, or two where the id is long: the exit code of all, which stands last, has its reason."""
    text = _(
        "{system} (level {level}), exit {code}: {failures}; {unseen}",
        system=summary.system,
        level=summary.level,
        code=summary.code,
        failures=failures_text(summary.counts, brief=True, information=summary.code == FAILING),
        unseen=_unseen_text([summary]),
    )
    first, *others = _hanging(text)
    yield (Styled(summary.system, _CODE_STYLES[summary.code]), str(first[0]).removeprefix(summary.system))
    yield from others


def _verdict_lines(summary: InspectionSummary) -> Iterator[Line]:
    first, *others = terminal.wrapped(verdict(summary), terminal.width())
    yield (Styled(summary.system, _CODE_STYLES[summary.code]), first.removeprefix(summary.system))
    yield from ((each,) for each in others)


def _finding_lines(summary: InspectionSummary, *, several: bool) -> Iterator[Line]:
    for severity, line in summary.lines:
        yield (f"{summary.system}: " if several else "", Styled(_term(severity), STYLES[severity]), f", {line}")


def _ransomware_lines(done: Sequence[InspectionSummary]) -> Iterator[Line]:
    """The exposure to ransomware in a line or two: of one system by ways in, of several by systems."""
    if not any(each.ways_in for each in done):
        return
    if len(done) == 1:
        ways = done[0].ways_in
        # What is open is listed whole; of the rest the first are named, so that two lines hold all numbers.
        listed = {reach: _listed(ways[reach], most=MOST_ITEMS if reach is Reach.EXPOSED else 2) for reach in ways}
        parts = [_(text, ways=listed[reach]) for reach, text in _REACHES.items() if reach in ways]
    else:
        exposed = [each.system for each in done if Reach.EXPOSED in each.ways_in]
        parts = [_("systems with an open way in: {count} of {all}", count=len(exposed), all=len(done))]
        if exposed:
            parts = [f"{parts[0]} ({_listed(exposed, most=2)})"]
        if unseen := sum(not each.ways_in or Reach.UNDECIDED in each.ways_in for each in done):
            parts.append(_("undecided: {count}", count=unseen))
    yield from _hanging(_("Ransomware: {ways}", ways="; ".join(parts)))


def _hanging(text: str) -> Iterator[Line]:
    """A text in two lines at most, four on a narrow terminal; the later ones begin with two spaces, the last is cut."""
    columns = terminal.width()
    first, *others = terminal.wrapped(text, columns)
    yield (terminal.cut(first, columns),)
    if others:
        yield from _indented(" ".join(others), lines=1 if columns >= _WIDE else 3)


def _report_lines(done: Sequence[InspectionSummary]) -> list[Line]:
    """Where the report is; of several systems, that of the worst, and the folder of all."""
    worst = worst_of(done)
    if len(done) == 1 and worst.report is not None:
        return [(_("Report: {path}", path=worst.report),)]
    if worst.report is None:
        return [*_command_lines(done), *_folder_lines(done)]
    begin = _("Begin with the report of {system}: {path}", system=worst.system, path=worst.report)
    return [(begin,), *_folder_lines(done)]


def _command_lines(done: Sequence[InspectionSummary]) -> Iterator[Line]:
    """With which command reports are written, where there are some without."""
    missing = [each.folder.parents[1] for each in done if each.report is None]
    if missing:
        bundle = missing[0] if len(missing) == 1 else missing[0].parents[1] / "SYSTEM" / "INSPECTION"
        command = f"inspector report {from_here(bundle)} --to FOLDER"
        yield (_("Write the report of a system: {command}", command=command),)


def _folder_lines(done: Sequence[InspectionSummary]) -> Iterator[Line]:
    runs = sorted({os.fspath(from_here(each.folder.parents[3])) for each in done})
    text = "Bundles: {path}" if all(each.report is None for each in done) else "Bundles and reports: {path}"
    yield (_(text, path=", ".join(runs)),)


def worst_of(done: Sequence[InspectionSummary]) -> InspectionSummary:
    """The system with the worst failures: first those that count, then by their severity and number."""
    return min(done, key=_gravity)


def _gravity(summary: InspectionSummary) -> tuple[bool, tuple[int, ...], str]:
    """The rank of a system: failures that count first, then as in the overview of a run."""
    return summary.code != FAILING, summary.counts.rank, summary.system


@dataclass(frozen=True, slots=True)
class _Reason:
    """Why something is undecided: ``short`` fits two lines; ``few`` are the lines that it needs where room is scarce.

    ``first``: it is printed before the others.
    """

    short: str
    whole: str
    few: int = 2
    first: bool = False


def _unseen_reasons(done: Sequence[InspectionSummary]) -> list[_Reason]:
    """Why something is undecided: names without address, the first cause, limits of the vantage, the other causes.

    Of the causes, what counts and concerns most comes first. A limit that all systems have is said once.
    """
    causes = [(summary, each) for summary in done for each in summary.unseen]
    causes.sort(key=lambda pair: (not pair[1].counts, -pair[1].count))
    texts = [(summary, _Reason(line, line, 1, first=True)) for summary in done for line in summary.unresolved]
    texts += [
        (summary, _Reason(each.short, each.whole, first=number == 0)) for number, (summary, each) in enumerate(causes)
    ]
    found = [
        reason if len(done) == 1 else replace(
            reason, short=f"{summary.system}: {reason.short}", whole=f"{summary.system}: {reason.whole}"
        )
        for summary, reason in texts
    ]  # fmt: skip
    by_limit: dict[str, list[str]] = defaultdict(list)
    for summary in done:
        for line in summary.limits:
            by_limit[line].append(summary.system)
    for line, systems in by_limit.items():
        text = line if len(systems) == len(done) else f"{', '.join(systems)}: {line}"
        found.append(_Reason(text, text, 1, first=True))
    # Names come in the order of the systems, then the first cause, then limits: sorting keeps that order.
    return sorted(dict.fromkeys(found), key=lambda each: not each.first)


def _unseen_lines(done: Sequence[InspectionSummary], *, most: int) -> Iterator[Line]:
    """Why something is undecided, in so many lines at most and one more for what is left out.

    Where not all fit, what is printed first leaves a line to each of the others that are.
    """
    reasons = _unseen_reasons(done)
    if reasons:
        yield (_("Undecided:"),)
    left, scarce = most, len(reasons) > most // 2
    for number, each in enumerate(reasons):
        if left == 0:
            yield (_("  and {count} more", count=len(reasons) - number),)
            return
        kept = sum(other.first for other in reasons[number + 1 :])
        lines = list(
            _indented(each.short if scarce else each.whole, lines=max(1, min(each.few if scarce else 2, left - kept)))
        )
        yield from lines
        left -= len(lines)


def _indented(text: str, *, lines: int) -> Iterator[Line]:
    """A text in so many lines at most, two columns to the right; the last is cut."""
    columns = terminal.width() - 2
    whole = terminal.wrapped(text, columns)
    for each in [*whole[: lines - 1], " ".join(whole[lines - 1 :])]:
        if each:
            yield (f"  {terminal.cut(each, columns)}",)


def _merged(done: Sequence[InspectionSummary]) -> list[FailureGroup]:
    """The groups of all systems: what fails in several is one group."""
    found: dict[tuple[str, str, Severity, bool, Standing | None], list[FailureGroup]] = defaultdict(list)
    for each in done:
        for group in each.failures:
            found[group.key].append(group)
    merged = []
    for groups in found.values():
        counts = Counter[str]()
        for group in groups:
            counts.update(group.counts)
        subjects = tuple(dict.fromkeys(subject for group in groups for subject in group.subjects))[:MOST_ITEMS]
        requirements = frozenset(each for group in groups for each in group.requirements)
        alike = all(each.alike and each.message == groups[0].message for each in groups)
        merged.append(replace(groups[0], subjects=subjects, counts=counts, requirements=requirements, alike=alike))
    return sorted(merged, key=lambda each: each.rank)


def _distinct(groups: Iterable[FailureGroup]) -> list[FailureGroup]:
    """The groups without those that say what a worse one says: two rows may be about the same."""
    found: dict[tuple[str, str, str, tuple[str, ...]], FailureGroup] = {}
    for group in groups:
        key = (group.check, group.title, group.message, group.subjects)
        known = found.setdefault(key, group)
        if known is not group:
            found[key] = replace(known, requirements=known.requirements | group.requirements)
    return list(found.values())


def _group_lines(done: Sequence[InspectionSummary], most: int) -> list[Line]:
    """The worst groups of failures that fit into so many lines, and how many requirements are left out.

    Where not all fit, what must hold and what need not have half of the places each, so that neither hides the other.
    """
    groups = _distinct(_merged(done))
    several = len(done) > 1
    # A group takes five lines where there is room, else three, and two where several groups would not fit otherwise.
    height = 5 if len(groups) * 5 < most else 3 if len(groups) * 3 < most else 2
    places = max(1, min(MOST_ITEMS, (most - (len(groups) * height > most)) // height))
    shown = _chosen(groups, places)
    printed = [line for each in shown for line in _lines_of_group(each, several=several, height=height)]
    known = {each for group in shown for each in group.requirements}
    if left := {each for group in groups for each in group.requirements} - known:
        text = _("more failing requirements: {count} (--verbose prints all)", count=len(left))
        printed.append((terminal.cut(text, terminal.width()),))
    return printed


def _chosen(groups: Sequence[FailureGroup], places: int) -> list[FailureGroup]:
    """The groups for so many places, in their order."""
    must = [each for each in groups if each.must and each.spared is None]
    others = [each for each in groups if not each.must or each.spared is not None]
    half = -(-places // 2)
    kept = max(half, places - len(others))
    return [*must[:kept], *others[: places - len(must[:kept])]]


def _lines_of_group(group: FailureGroup, *, several: bool, height: int) -> Iterator[Line]:
    """The severity in a word and what is wrong; where, and which claim is not met; the remedy.

    In two lines the place stands beside the remedy, and the claim is left out.
    """
    width = terminal.width()
    must = f" {_('must')}" if group.must else ""
    spared = f" ({_(_SPARED_WORDS[group.spared])})" if group.spared else ""
    head = f"{_term(group.severity).upper()}{must}{spared}"
    message = group.message[:1].upper() + group.message[1:]
    times = ""
    if group.count > 1:
        alike = _(" (in {count} places)", count=group.count)
        times = alike if group.alike else _(" (similar: {count} more)", count=group.count - 1)
    if several and len(group.counts) > 1:
        where = _listed(sorted(group.counts), most=2)
    else:
        where = _listed(group.subjects, most=1, count=group.count)
    if width >= _WIDE:
        room = width - len(head) - 2 - len(times)
        yield (Styled(head, STYLES[group.severity]), f": {terminal.cut(message, max(room, 1))}{times}")
    else:
        yield (Styled(head, STYLES[group.severity]), times)
        yield from _indented(message, lines=1)
    lines = 2 if height > 3 else 1
    if height > 2:
        yield from _indented(_("{where}; not met: {claim}", claim=group.title, where=where), lines=lines)
    remedy = _("what to do: {remedy}", remedy=group.remedy) if group.remedy else ""
    if height == 2:
        remedy = "; ".join(filter(None, (_host(where), remedy)))
    if remedy:
        yield from _indented(remedy, lines=lines)


def _run_lines(done: Sequence[InspectionSummary]) -> Iterator[Line]:
    """Where the bundles of many systems are, which are worst, and the numbers of all."""
    yield from _command_lines(done)
    yield from _folder_lines(done)
    failing = [each.system for each in sorted(done, key=_gravity) if each.code == FAILING]
    if failing:
        yield from _indented(_("Systems that fail, the worst first: {systems}", systems=_listed(failing)), lines=2)
    totals = _(
        "{count} systems: {failures}; {unseen}",
        count=len(done),
        failures=failures_text(RequirementCounts.total(each.counts for each in done)),
        unseen=_unseen_text(done),
    )
    yield from ((each,) for each in terminal.wrapped(totals, terminal.width()))


def _not_inspected_lines(missed: Sequence[tuple[str, str]], inspected: int) -> Iterator[Line]:
    """The systems without an assessment, and why: the reason first, with the systems that share it."""
    if not missed:
        return
    yield (_("Not inspected: {count} of {all} systems", count=len(missed), all=len(missed) + inspected),)
    by_reason: dict[str, list[str]] = {}
    for system, why in missed:
        by_reason.setdefault(_inline(why), []).append(system)
    reasons = sorted(by_reason.items(), key=lambda item: -len(item[1]))
    for why, systems in reasons[:MOST_REASONS]:
        named = _listed(systems, most=3)
        yield from _indented(_("{systems}: {reason}", systems=named, reason=why), lines=2 if len(reasons) < 3 else 1)
    if len(reasons) > MOST_REASONS:
        count = sum(len(systems) for _why, systems in reasons[MOST_REASONS:])
        yield (_("  and {count} more", count=count),)


def _code_lines(done: Sequence[InspectionSummary], code: int | None, missed: int) -> Iterator[Line]:
    """The exit code of all systems together, and what it follows from."""
    if code is None:
        return
    by_code = Counter(each.code for each in done)
    threshold = " / ".join(dict.fromkeys(each.reckoning.threshold for each in done))
    parts = [
        _("systems that fail by --fail-on {threshold}: {count}", threshold=threshold, count=by_code[FAILING])
        if by_code[FAILING]
        else "",
        _("systems not seen completely: {count}", count=by_code[UNSEEN]) if by_code[UNSEEN] else "",
        _("systems not inspected: {count}", count=missed) if missed else "",
    ]
    why = "; ".join(filter(None, parts)) or _("no system fails by --fail-on {threshold}", threshold=threshold)
    text = _("exit code {code}: {reason}", code=code, reason=why)
    for each in terminal.wrapped(text, terminal.width()):
        yield (Styled(each, _CODE_STYLES.get(code, "1;31")),)
