"""``inspector report``: report files of the newest assessment of a bundle."""

from __future__ import annotations

from pathlib import Path

from inspector.cli import terminal
from inspector.cli.arguments import RunArguments
from inspector.cli.baseline import refuse_baseline
from inspector.cli.exit_code import ExitRule
from inspector.cli.language import _
from inspector.cli.run import formats_of, write
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.pipeline.reporting import render, view
from inspector.registry.registry import installed
from inspector.seal import Bundle

#: The formats that are written when none is named.
DEFAULT = "html"


def write_reports(folder: Path, arguments: RunArguments) -> int:
    """Write the files and print where they are. Raises InspectorError."""
    registry = installed()
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
    made = rule.marked(view(bundle, newest.assessment, registry))
    for path in write(arguments.to or Path(), render([made], names, registry)):
        terminal.print_result(_("Report: {path}", path=path))
    return 0
