"""``inspector run`` and ``inspector seal``: one system after the other, then one summary."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from inspector.cli import terminal
from inspector.cli.arguments import RunArguments
from inspector.cli.exit_code import MISUSE, ExitRule, worst
from inspector.cli.gc_tuning import reduced_gc
from inspector.cli.inputs import instant, load_context, new_run, read_settings, request_of, systems_of
from inspector.cli.language import _, current, translated
from inspector.collect.collector import Progress
from inspector.declare import authorisation
from inspector.declare.declaration import System
from inspector.model.domain_name import with_u_labels
from inspector.model.errors import BundleError, InspectorError, UsageError
from inspector.model.escaping import escape_commands, escape_control
from inspector.model.finding import Finding
from inspector.model.formatted import FormattedMessage
from inspector.model.subject import SYSTEM
from inspector.model.verdict import Outcome
from inspector.pipeline.attempts import AttemptLog
from inspector.pipeline.context import RunContext
from inspector.pipeline.pipeline import inspect_system, resume_inspection
from inspector.pipeline.reporting import WrittenAssessment, render, view, write_private
from inspector.record.plan import VantageLimit
from inspector.registry.lock import registry_under
from inspector.registry.registry import Registry
from inspector.report.messages import Translator
from inspector.report.view import CauseGroup, View
from inspector.seal import Bundle, RunIndex, State, inspection_of

#: Formats in which every assessment is written, in a run of so many systems at most.
ALWAYS = ("html", "json")
SYSTEMS_WITH_REPORTS = 10


def formats_of(text: str, registry: Registry, *, systems: int = 1) -> tuple[str, ...]:
    """The report formats of a run, without repetition. Raises UsageError for one that no plugin has."""
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    for name in wanted:
        if name not in registry.renderers:
            raise UsageError(
                FormattedMessage("--format {name}: no plugin has this format", name=name),
                remedy=FormattedMessage("write some of {known}", known=", ".join(registry.renderers)),
            )
    always = ALWAYS if systems <= SYSTEMS_WITH_REPORTS else ()
    return tuple(dict.fromkeys([*(name for name in always if name in registry.renderers), *wanted]))


@dataclass(frozen=True, slots=True)
class InspectionSummary:
    """What is printed of an assessment; the assessment itself is on the disk, and no longer in memory.

    ``folder`` is the assessment's, ``failures`` one line per failing finding, ``causes`` one per common cause,
    ``followers`` the number of findings that follow from them, ``limits`` one per limit of the vantage, ``code`` the
    exit code, ``reports`` the files that were written by name.
    """

    system: str
    level: int
    regime: str
    counts: Mapping[Outcome, int]
    failures: tuple[str, ...]
    causes: tuple[str, ...]
    limits: tuple[str, ...]
    followers: int
    folder: Path
    code: int
    reports: Mapping[str, Path]

    @classmethod
    def of(cls, written: WrittenAssessment, rule: ExitRule) -> InspectionSummary:
        """The summary of an assessment that was written."""
        made, folder, reports = written
        translator = made.translator(current())
        return cls(
            system=made.inspection.system.id,
            level=made.assessment.level,
            regime=made.assessment.regime,
            counts=made.counts(),
            failures=tuple(
                escape_control(
                    f"{translator.term(each.severity)}: {_subject(each)} – {made.title(each, current())}: "
                    f"{translator.message(each)}",
                    keep="",
                )
                for each in (*made.binding, *made.recommended)
                if each.outcome is Outcome.FAIL
            ),
            causes=tuple(_cause_line(made, each) for each in made.causes()),
            limits=tuple(limit_line(each) for each in made.inspection.plan.limits),
            followers=len(made.followers),
            folder=folder,
            code=rule.code(made),
            reports=reports,
        )

    def view(self, registry: Registry) -> View:
        """The assessment, read back."""
        bundle = Bundle.open(self.folder.parents[1])
        return view(bundle, bundle.assessment(self.folder.name).assessment, registry)


def limit_line(limit: VantageLimit) -> str:
    """A limit of the vantage, with the addresses or names that it concerns."""
    return escape_control(f"{translated(limit.detail)}: {with_u_labels(', '.join(limit.addresses))}", keep="")


def _cause_line(made: View, group: CauseGroup) -> str:
    """A common cause, and how many requirements could not be inspected for it."""
    text = _(
        "{reason}; requirements that could not be inspected because of it: {count}",
        reason=made.cause_text(group.cause, current()),
        count=len(group.followers),
    )
    return escape_control(text, keep="")


def _subject(finding: Finding) -> str:
    """What a finding is about, among those of several systems: the subject with its address, or the system's id."""
    subject = finding.system if finding.subject == SYSTEM.uri else finding.subject
    return with_u_labels(f"{subject} {finding.address}" if finding.address else subject)


class ProgressLine:
    """Progress on stderr: on a terminal one line that is rewritten, elsewhere one line per scan."""

    def __init__(self, *, quiet: bool) -> None:
        self.live = not quiet and sys.stderr.isatty()
        self.plain = not quiet and not self.live

    def show(self, step: Progress) -> None:
        """Show one finished scan."""
        cause = f" ({step.cause.value})" if step.cause else ""
        text = escape_control(f"{step.system}: {step.done}/{step.planned} {step.probe} {step.subject}{cause}", keep="")
        if self.live:
            terminal.print_progress(f"\r\x1b[K{escape_commands(text)[:150]}")
        elif self.plain:
            terminal.print_note(text)

    def clear(self) -> None:
        """Clear the line."""
        if self.live:
            terminal.print_progress("\r\x1b[K")


def inspect_all(arguments: RunArguments) -> int:
    """Inspect every chosen system, print what was found, and give the exit code."""
    ExitRule.of(arguments)  # whose errors come before anything else
    context = load_context(arguments)
    done = inspect_each(arguments, context)
    if len(done) < len(_systems(arguments, context)):
        return MISUSE
    return worst(each.code for each in done)


def inspect_each(arguments: RunArguments, context: RunContext) -> list[InspectionSummary]:
    """Inspect the chosen systems and print what was found; one that cannot be inspected does not stop the others."""
    rule = ExitRule.of(arguments)
    chosen = _systems(arguments, context)
    formats = formats_of(arguments.formats, context.registry, systems=len(chosen))
    run, as_of = new_run(), instant(arguments.as_of)
    index = RunIndex(context.settings.output, run)
    progress = ProgressLine(quiet=arguments.quiet)
    done: list[InspectionSummary] = []
    with reduced_gc():
        for system in chosen:
            try:
                with AttemptLog(index, system.id).failure():
                    request = request_of(system, arguments, context, run=run, as_of=as_of, formats=formats)
                with _interruption_explained(index, progress):
                    done.append(InspectionSummary.of(inspect_system(request, context, progress.show), rule))
            except InspectorError as error:
                terminal.print_error(error)
            gc.collect()
    print_summary(done, arguments, context.registry)
    return done


def _systems(arguments: RunArguments, context: RunContext) -> Sequence[System]:
    assert context.documents is not None  # noqa: S101  (load_context has read them)
    return systems_of(context.documents.declaration, arguments.systems)


@contextmanager
def _interruption_explained(index: RunIndex, progress: ProgressLine, inspection: str | None = None) -> Iterator[None]:
    """Clear the progress line at the end, and print how to continue after an interrupt."""
    try:
        yield
    except KeyboardInterrupt:
        progress.clear()
        _print_continuation(index, inspection)
        raise
    finally:
        progress.clear()


def _print_continuation(index: RunIndex, inspection: str | None) -> None:
    """How to continue the run's last attempt, or this inspection; nothing where none has a folder."""
    try:
        attempts = [each for each in index.attempts() if inspection in (None, each.inspection)]
    except BundleError:
        return
    if not attempts or attempts[-1].folder is None:
        return
    folder = index.path.parent / attempts[-1].folder
    if attempts[-1].state is State.SEALED:
        lines = [
            _("interrupted; what was seen is sealed in {folder}", folder=folder),
            _("assess it with 'inspector assess {folder}'", folder=folder),
        ]
    else:
        lines = [
            _("interrupted; nothing is lost in {folder}", folder=folder),
            _("continue with 'inspector run --resume {folder}'", folder=folder),
            _("or close it with 'inspector seal {folder}'", folder=folder),
        ]
    for line in lines:
        terminal.print_note(f"inspector: {line}")


def resume(folder: Path, arguments: RunArguments, *, collecting: bool = True) -> int:
    """Finish an interrupted inspection, if that is still permitted; without ``collecting`` nothing more is scanned."""
    rule = ExitRule.of(arguments)
    _refuse_other_options(arguments)
    given = tuple(each for path in arguments.authorisations for each in authorisation.load(path))
    own = read_settings(arguments.settings, arguments.output)
    registry = registry_under((*inspection_of(folder).authorisations, *given), own.plugins_lock)
    formats = formats_of(arguments.formats, registry)
    progress = ProgressLine(quiet=arguments.quiet)
    context = RunContext(registry, own)
    whole = folder.resolve()
    index = RunIndex(whole.parents[2], whole.parents[1].name)
    as_of = instant(arguments.as_of)
    with _interruption_explained(index, progress, whole.name):
        written = resume_inspection(
            folder,
            context,
            progress.show,
            as_of=as_of,
            formats=formats,
            keep_reports=arguments.keep_reports,
            collecting=collecting,
            authorisations=given,
        )
        summary = InspectionSummary.of(written, rule)
    print_summary([summary], arguments, registry)
    return summary.code


#: What an interrupted inspection goes on with as it began.
_DECIDED = (
    *("targets", "systems", "level", "authorised_by", "regime", "only", "select", "within"),
    *("statements", "decisions"),
)


def _refuse_other_options(arguments: RunArguments) -> None:
    """Raise UsageError for an option that --resume would have to leave out."""
    for name in _DECIDED:
        if getattr(arguments, name):
            raise UsageError(
                FormattedMessage("{option} cannot be given with --resume", option=_option(name)),
                remedy="leave it out: an interrupted inspection goes on as it began",
            )


def _option(name: str) -> str:
    names = {"targets": "DECLARATION", "systems": "--system"}
    return names.get(name, f"--{name.replace('_', '-')}")


def print_summary(done: Sequence[InspectionSummary], arguments: RunArguments, registry: Registry) -> None:
    """Print the counts, the failures, and where the reports are."""
    if not done:
        return
    translator = Translator(registry, current())
    summary = terminal.table(
        None, _("System"), _("Level"), _("Regime"), *map(translator.term, Outcome), _("follow from a common cause")
    )
    for each in done:
        counts = (str(each.counts[outcome]) for outcome in Outcome)
        terminal.add_row(summary, each.system, str(each.level), each.regime, *counts, str(each.followers))
    terminal.print_table(summary)
    for each in done:
        system = f"{each.system}: " if len(done) > 1 else ""
        for line in (*each.failures, *each.causes, *each.limits):
            terminal.print_result(f"{system}{line}")
    _print_reports(done)
    if arguments.to is not None:
        views = [each.view(registry) for each in done]
        for path in write(arguments.to, render(views, formats_of(arguments.formats, registry), registry)):
            terminal.print_result(_("Report: {path}", path=path))


def _print_reports(done: Sequence[InspectionSummary]) -> None:
    """Print where the reports are, or with which command they are written."""
    page = f"report.{current().value}.html"
    for each in done:
        if page in each.reports:
            terminal.print_result(_("Report: {path}", path=each.reports[page]))
    missing = [each.folder.parents[1] for each in done if page not in each.reports]
    if missing:
        bundle = missing[0] if len(missing) == 1 else missing[0].parents[1] / "SYSTEM" / "INSPECTION"
        command = f"inspector report {bundle} --to FOLDER"
        terminal.print_result(_("Write the report of a system: {command}", command=command))


def write(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write report files into a folder of the user's, for nobody else to read. Raises BundleError."""
    write_private({folder / name: data for name, data in files.items()}, remedy="choose another folder with --to")
    return [folder / name for name in sorted(files)]
