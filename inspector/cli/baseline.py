"""``--baseline`` and ``inspector baseline create``: the failures that the user knows of."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from inspector.cli import terminal
from inspector.cli.language import _
from inspector.compare.baseline import BadBaseline, Baseline
from inspector.declare.authorisation import Authorisation
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.regular_file import read_regular
from inspector.pipeline.reporting import write_private
from inspector.registry.lock import is_decided
from inspector.report.display_json import escape_hidden

#: The most bytes of a baseline, or of a findings.json.
MOST_BYTES = 256 * 2**20


def load_baseline(path: Path) -> Baseline:
    """The baseline in a file, or that of the failures in a ``findings.json``. Raises UsageError."""
    try:
        return Baseline.parse(read_regular(path, MOST_BYTES))
    except (OSError, BadBaseline) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            FormattedMessage("{path}: no findings can be read: {reason}", path=path, reason=reason),
            remedy="give a file of 'inspector baseline create', or a findings.json of an earlier assessment",
        ) from None


def refuse_baseline(given: Path | None, authorisations: Iterable[Authorisation] = (), *, decided: bool = False) -> None:
    """Raise UsageError for a baseline where an inspection decision orders the inspection."""
    if given is not None and (decided or is_decided(authorisations)):
        raise UsageError(
            "--baseline is for the user's own pipeline; an inspection decision does not leave out known failures",
            remedy="leave it out, or give the inspecting side's decisions with --decisions",
        )


def create_baseline(sources: Iterable[Path], output: Path | None) -> int:
    """Write the baseline of the failures in bundles, runs or files of findings. Raises InspectorError."""
    from inspector.cli.judged import read_side

    findings = [finding for path in sources for each in read_side(path) for finding in each.findings()]
    baseline = Baseline.of(findings)
    data = escape_hidden(baseline.text())
    if output is None:
        sys.stdout.flush()
        terminal.print_result(data.decode().rstrip("\n"))
    else:
        write_private({output: data}, remedy="name another file")
        text = _("{path}: {count} known failures", path=output, count=len(baseline.failures))
        terminal.print_result(text)
    return 0
