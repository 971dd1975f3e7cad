"""``inspector report``: report files of the newest assessment of a bundle, or the overview of a run."""

from __future__ import annotations

from pathlib import Path

from inspector.cli import terminal
from inspector.cli.arguments import RunArguments
from inspector.cli.baseline import refuse_baseline
from inspector.cli.exit_code import ExitRule
from inspector.cli.language import _
from inspector.cli.run import formats_of, write
from inspector.declare import inspection_record
from inspector.declare.inspection_record import InspectionRecord
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.pipeline.reporting import render, view
from inspector.pipeline.run_overview import is_run, overview_of, render_run
from inspector.record.assessment import Assessment
from inspector.registry.registry import Registry, installed
from inspector.seal import Bundle

#: The formats of the overview of a run that are written when none is named.
RUN_DEFAULT = "csv,html,json"
#: The formats that are written when none is named.
DEFAULT = "html"


def write_reports(folder: Path, arguments: RunArguments) -> int:
    """Write the files and print where they are. Raises InspectorError."""
    registry = installed()
    if is_run(folder):
        return _write_overview(folder, arguments, registry)
    text = arguments.formats or DEFAULT
    wanted = {name.strip() for name in text.split(",")}
    names = [name for name in formats_of(text, registry) if name in wanted]
    if not names:
        raise UsageError(
            "--format names no format",
            remedy=FormattedMessage("write some of {known}", known=", ".join(registry.renderers)),
        )
    rule = ExitRule.of(arguments)
    bundle = Bundle.open(folder)
    refuse_baseline(arguments.baseline, bundle.inspection.authorisations)
    judged = bundle.assessments()
    if not judged:
        raise UsageError(
            FormattedMessage("{folder}: not assessed yet", folder=folder),
            remedy=FormattedMessage("run 'inspector assess {folder}' first", folder=folder),
        )
    newest = max(judged, key=lambda each: (each.assessment.as_of, each.name))
    record = read_record(arguments.inspection, newest.assessment)
    made = rule.marked(view(bundle, newest.assessment, registry, record))
    for path in write(arguments.to or Path(), render([made], names, registry)):
        terminal.print_result(_("Report: {path}", path=path))
    return 0


def read_record(path: Path | None, assessment: Assessment) -> InspectionRecord | None:
    """The record of the inspection in a file, which may name the assessed system and requirements only."""
    if path is None:
        return None
    known = {each.id for each in assessment.requirements}
    return inspection_record.load(path, systems=(assessment.system,), requirements=known)


def _write_overview(run: Path, arguments: RunArguments, registry: Registry) -> int:
    names = [each.strip() for each in (arguments.formats or RUN_DEFAULT).split(",") if each.strip()]
    for name in names:
        if name not in registry.run_renderers:
            raise UsageError(
                FormattedMessage("--format {name}: no overview of a run has this format", name=name),
                remedy=FormattedMessage("write some of {known}", known=", ".join(registry.run_renderers)),
            )
    for path in write(arguments.to or run, render_run(overview_of(run, registry), names, registry)):
        terminal.print_result(_("Overview: {path}", path=path))
    return 0
