"""``inspector run`` and ``inspector seal``: systems are inspected, then one summary of all is printed."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from inspector.cli import terminal
from inspector.cli.arguments import RunArguments
from inspector.cli.baseline import refuse_baseline
from inspector.cli.exit_code import MISUSE, UNSEEN, ExitRule, worst
from inspector.cli.inputs import (
    chosen_systems,
    instant,
    load_context,
    new_run,
    read_report_options,
    read_settings,
    request_of,
)
from inspector.cli.kept import MARK, SUMMARISE, KeptOptions, summary_of
from inspector.cli.language import _, current, translated
from inspector.cli.run_progress import RunProgress, print_continuation
from inspector.cli.summary import InspectionSummary, from_here, print_summary
from inspector.collect.collector import Progress
from inspector.declare import authorisation
from inspector.declare.declaration import System
from inspector.fleet.fleet import Fleet, FleetListener, FleetStatus
from inspector.fleet.gc_tuning import reduced_gc
from inspector.fleet.jobs import Common
from inspector.fleet.requests import RunRequests
from inspector.model.errors import BundleError, InspectorError, UsageError
from inspector.model.escaping import escape_commands, escape_control
from inspector.model.formatted import FormattedMessage
from inspector.pipeline.context import RunContext
from inspector.pipeline.pipeline import resume_inspection
from inspector.pipeline.reporting import render, write_private
from inspector.pipeline.request import InspectionRequest
from inspector.pipeline.run_overview import overview_of, render_run
from inspector.pipeline.trust import load_trust
from inspector.regime.loader import load_all
from inspector.registry.lock import is_decided, pinned, records_of, registry_under
from inspector.registry.registry import Registry, installed
from inspector.report.run_overview import AssessedSystem
from inspector.seal import RunIndex, State, inspection_of
from inspector.seal.signing import default_path as default_key_path
from inspector.tables.store import tables_at_hand

#: A system that was not inspected, or not finished, and why.
Missed = tuple[str, str]

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
    rule = ExitRule.of(arguments)  # whose errors come before anything else
    context = replace(load_context(arguments), mark=rule.marked)
    refuse_baseline(arguments.baseline, context.documents.authorisations if context.documents else ())
    return _code(*_inspect_chosen(arguments, context))


def _code(done: Sequence[InspectionSummary], missed: Sequence[Missed]) -> int:
    """The exit code of all systems together; one that was not inspected was not seen."""
    if not done and missed:
        return MISUSE
    return worst([*(each.code for each in done), *(UNSEEN for _system in missed)])


def inspect_each(arguments: RunArguments, context: RunContext) -> list[InspectionSummary]:
    """Inspect the chosen systems and print what was found; one that cannot be inspected does not stop the others."""
    return _inspect_chosen(arguments, context)[0]


def _inspect_chosen(arguments: RunArguments, context: RunContext) -> tuple[list[InspectionSummary], list[Missed]]:
    run, as_of = new_run(), instant(arguments.as_of)
    index = RunIndex(context.settings.output, run)
    systems = _systems(arguments, context)
    formats = formats_of(arguments.formats, context.registry, systems=len(systems))
    reports = read_report_options(arguments, formats, _declared(context))
    requests: list[InspectionRequest] = []
    refused: dict[str, str] = {}
    for system in systems:
        try:
            requests.append(request_of(system, arguments, context, run=run, as_of=as_of, reports=reports))
        except InspectorError as error:
            terminal.print_error(error)
            refused[system.id] = error.message
    recorded = RunRequests.record(
        index, requests, refused=refused, systems=[each.id for each in systems], is_decided=_is_decided(context)
    )
    return _inspect(recorded, arguments, replace(context, documents=None))


def _is_decided(context: RunContext) -> bool:
    assert context.documents is not None  # noqa: S101  (load_context has read them)
    return is_decided(context.documents.authorisations)


def _inspect(
    recorded: RunRequests, arguments: RunArguments, context: RunContext
) -> tuple[list[InspectionSummary], list[Missed]]:
    """Inspect what a run was asked for, as far as it is not finished, and print the summary."""
    systems = recorded.head.systems
    one, many = ProgressLine(quiet=arguments.quiet), RunProgress(quiet=arguments.quiet)
    done: list[InspectionSummary] = []
    missed: list[Missed] = list(recorded.head.refused.items())

    class Listener(FleetListener):
        def step(self, step: Progress) -> None:
            if len(systems) == 1:
                one.show(step)

        def status(self, status: FleetStatus) -> None:
            if len(systems) > 1:
                many.show(status)

        def kept(self, summary: bytes) -> None:
            done.append(summary_of(summary))

        def failed(self, system: str, error: InspectorError) -> None:
            one.clear()
            many.clear()
            terminal.print_error(error)
            missed.append((system, translated(error.message)))

    own = context.settings
    key = own.signing_key or default_key_path()
    common = Common(
        settings=own.model_copy(update={"signing_key": key.absolute(), "output": own.output.absolute()}),
        is_decided=recorded.head.is_decided,
        plugins=records_of(context.registry),
        summarise=SUMMARISE,
        mark=MARK,
        options=KeptOptions.of(ExitRule.of(arguments), verbose=arguments.verbose).canonical(),
    )
    fleet = Fleet(recorded.folder.parent, context, common, len(systems), Listener())
    try:
        with reduced_gc():
            fleet.run(recorded.folder.name, recorded)
    except KeyboardInterrupt:
        one.clear()
        many.clear()
        index = RunIndex(recorded.folder.parent, recorded.folder.name)
        if len(systems) > 1 or not _print_continuation(index):
            print_continuation(recorded, index, arguments)
        raise
    finally:
        one.clear()
        many.clear()
    places = {system: place for place, system in enumerate(systems)}
    done.sort(key=lambda each: places[each.system])
    print_summary(done, arguments, _code(done, missed), missed)
    write_copies(done, arguments, context.registry)
    if len(systems) > 1:
        print_overview(recorded.folder, context.registry, done)
    return done, missed


def print_overview(run: Path, registry: Registry, done: Iterable[InspectionSummary]) -> None:
    """Write the overview of a run over several systems into its folder, and print where it is.

    The systems in ``done`` are those that were assessed just now.
    """
    rows = {each.folder.parents[1].name: each.row for each in done if _is_only(each.folder)}

    def known(inspection: str) -> AssessedSystem | None:
        return AssessedSystem.parse(rows[inspection]) if inspection in rows else None

    files = write(run, render_run(overview_of(run, registry, known), registry.run_renderers, registry))
    page = f"overview.{current().value}.html"
    terminal.print_result(
        _("Overview: {path}", path=from_here(next((each for each in files if each.name == page), run)))
    )


def _is_only(assessment: Path) -> bool:
    """Whether there is no other assessment beside it, which may be newer."""
    return len(os.listdir(assessment.parent)) == 1  # noqa: PTH208  (a number is wanted)


def _declared(context: RunContext) -> list[str]:
    """The ids of all declared systems."""
    assert context.documents is not None  # noqa: S101  (load_context has read them)
    return [each.id for each in context.documents.declaration.systems]


def _systems(arguments: RunArguments, context: RunContext) -> Sequence[System]:
    """The chosen systems, in the order in which they are inspected."""
    assert context.documents is not None  # noqa: S101  (load_context has read them)
    chosen = list(chosen_systems(context.documents.declaration, arguments))
    if arguments.shuffle:
        random.SystemRandom().shuffle(chosen)
    return chosen[: arguments.limit]


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


def _print_continuation(index: RunIndex, inspection: str | None = None) -> bool:
    """How to continue the run's last attempt, or this inspection; nothing, and False, where none has a folder."""
    try:
        attempts = [each for each in index.attempts() if inspection in (None, each.inspection)]
    except BundleError:
        return False
    if not attempts or attempts[-1].folder is None:
        return False
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
    return True


def resume(folder: Path, arguments: RunArguments, *, collecting: bool = True) -> int:
    """Finish an interrupted inspection, if that is still permitted; without ``collecting`` nothing more is scanned."""
    rule = ExitRule.of(arguments)
    _refuse_other_options(arguments)
    if collecting and RunRequests.is_in(folder):
        return _resume_run(folder.resolve(), arguments)
    given = tuple(each for path in arguments.authorisations for each in authorisation.load(path))
    own = read_settings(arguments.settings, arguments.output)
    inspection = inspection_of(folder)
    authorised = (*inspection.authorisations, *given)
    refuse_baseline(arguments.baseline, authorised)
    registry = registry_under(authorised, own.plugins_lock)
    reports = read_report_options(arguments, formats_of(arguments.formats, registry), [inspection.system.id])
    progress = ProgressLine(quiet=arguments.quiet)
    context = RunContext(registry, own, tables=None, mark=rule.marked)
    whole = folder.resolve()
    index = RunIndex(whole.parents[2], whole.parents[1].name)
    as_of = instant(arguments.as_of)
    with _interruption_explained(index, progress, whole.name):
        written = resume_inspection(
            folder,
            context,
            progress.show,
            as_of=as_of,
            reports=reports,
            collecting=collecting,
            authorisations=given,
        )
        summary = InspectionSummary.of(written, rule, verbose=arguments.verbose)
    print_summary([summary], arguments)
    write_copies([summary], arguments, registry)
    return summary.code


def _resume_run(folder: Path, arguments: RunArguments) -> int:
    """Go on with everything of a run: finished systems are kept, all others are finished, or inspected."""
    for name in ("authorisations", "formats", "keep_reports", "inspection"):
        _refuse_option(arguments, name)
    recorded = RunRequests(folder)
    refuse_baseline(arguments.baseline, decided=recorded.head.is_decided)
    own = read_settings(arguments.settings, folder.parent)
    load_trust(own)
    decided = recorded.head.is_decided
    registry = pinned(own.plugins_lock) if decided else installed()
    regimes = load_all(registry.profiles, pinned=[each.name for each in registry.profiles] if decided else [])
    for system, reason in recorded.head.refused.items():
        terminal.print_error(InspectorError(FormattedMessage("{system}: {reason}", system=system, reason=reason)))
    rule = ExitRule.of(arguments)
    context = RunContext(registry, own, regimes, tables=tables_at_hand(registry, own), mark=rule.marked)
    return _code(*_inspect(recorded, arguments, context))


#: What an interrupted inspection goes on with as it began.
_DECIDED = (
    *("targets", "systems", "limit", "shuffle", "level", "authorised_by", "regime", "only", "select", "within"),
    *("all_ports", "failed_in"),
    *("statements", "decisions"),
)


def _refuse_other_options(arguments: RunArguments) -> None:
    """Raise UsageError for an option that --resume would have to leave out."""
    for name in _DECIDED:
        _refuse_option(arguments, name)


def _refuse_option(arguments: RunArguments, name: str) -> None:
    if getattr(arguments, name):
        raise UsageError(
            FormattedMessage("{option} cannot be given with --resume", option=_option(name)),
            remedy="leave it out: an interrupted inspection goes on as it began",
        )


def _option(name: str) -> str:
    names = {
        "targets": "DECLARATION",
        "systems": "--system",
        "authorisations": "--authorisation",
        "formats": "--format",
    }
    return names.get(name, f"--{name.replace('_', '-')}")


def write_copies(done: Sequence[InspectionSummary], arguments: RunArguments, registry: Registry) -> None:
    """Write the report files that ``--to`` asks for, and print where they are."""
    if arguments.to is not None and done:
        rule = ExitRule.of(arguments)
        views = [rule.marked(each.view(registry)) for each in done]
        for path in write(arguments.to, render(views, formats_of(arguments.formats, registry), registry)):
            terminal.print_result(_("Report: {path}", path=path))


def write(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write report files into a folder of the user's, for nobody else to read. Raises BundleError."""
    write_private({folder / name: data for name, data in files.items()}, remedy="choose another folder with --to")
    return [folder / name for name in sorted(files)]
