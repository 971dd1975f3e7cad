"""``inspector report``: report files of the newest assessment of a bundle."""

from __future__ import annotations

from pathlib import Path

from inspector.cli import terminal
from inspector.cli.run import Wish, write
from inspector.model.errors import UsageError
from inspector.model.language import Language
from inspector.pipeline.reporting import render, view
from inspector.registry.registry import installed
from inspector.seal import Bundle


def write_reports(folder: Path, formats: str, to: Path | None, lang: str) -> int:
    """Write the files and print where they are."""
    registry = installed()
    wanted = {name.strip() for name in formats.split(",")}
    names = [name for name in Wish(formats=formats).names(registry) if name in wanted]
    if not names:
        raise UsageError("--format names no format", remedy=f"write some of {', '.join(registry.renderers)}")
    bundle = Bundle.open(folder)
    judged = bundle.assessments()
    if not judged:
        raise UsageError(f"{folder}: not judged yet", remedy=f"run 'inspector assess {folder}' first")
    newest = max(judged, key=lambda each: (each.assessment.as_of, each.name))
    made = view(bundle, newest.assessment, registry)
    translator = made.translator(Language(lang))
    for path in write(to or Path(), render([made], names, registry)):
        terminal.say(translator.say("Report: {path}", path=str(path)))
    return 0
