"""Progress of a run over many systems, on stderr: one line that is rewritten on a terminal, else a line at times."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path

from inspector.cli import terminal
from inspector.cli.arguments import RunArguments
from inspector.cli.language import _
from inspector.fleet.fleet import FleetStatus
from inspector.fleet.requests import RunRequests
from inspector.model.errors import BundleError
from inspector.model.escaping import escape_commands
from inspector.seal import RunIndex, State

#: Seconds between two lines where the output is no terminal.
_LINE_SECONDS = 10.0
_WIDTH = 150


def duration(seconds: float) -> str:
    """A duration that is an estimate, in the unit that fits it."""
    if seconds < 90:
        return _("{count} s", count=max(1, round(seconds)))
    if seconds < 90 * 60:
        return _("{count} min", count=round(seconds / 60))
    return _("{count} h", count=f"{seconds / 3600:.1f}")


def status_line(status: FleetStatus) -> str:
    """The state of a run on one line."""
    parts = [_("{done} of {asked} systems done", done=status.done, asked=status.asked)]
    if status.failed:
        parts.append(_("not inspected: {count}", count=status.failed))
    if status.in_flight:
        parts.append(_("in progress: {count}", count=status.in_flight))
    if status.waiting:
        parts.append(_("connections that wait for the rate: {count}", count=status.waiting))
    if status.seconds_left is not None and status.done < status.asked:
        parts.append(_("about {duration} left", duration=duration(status.seconds_left)))
    return "; ".join(parts)


class RunProgress:
    """Shows the state of a run."""

    def __init__(self, *, quiet: bool) -> None:
        self._is_live = not quiet and sys.stderr.isatty()
        self._is_plain = not quiet and not self._is_live
        self._shown_at = time.monotonic()
        self._done = 0

    def show(self, status: FleetStatus) -> None:
        """Show the state, if it is time to."""
        if self._is_live:
            terminal.print_progress(f"\r\x1b[K{escape_commands(status_line(status))[:_WIDTH]}")
            return
        is_last = status.done == status.asked and status.done != self._done
        if self._is_plain and (is_last or time.monotonic() - self._shown_at >= _LINE_SECONDS):
            self._shown_at, self._done = time.monotonic(), status.done
            terminal.print_note(status_line(status))

    def clear(self) -> None:
        """Clear the line."""
        if self._is_live:
            terminal.print_progress("\r\x1b[K")


def print_continuation(recorded: RunRequests, index: RunIndex, arguments: RunArguments) -> None:
    """What an interrupted run leaves behind, and the one command that goes on with it."""
    try:
        finished = sum(each.state is State.SEALED and each.assessment is not None for each in index.attempts())
    except BundleError:
        finished = 0
    folder = recorded.folder
    lines = [
        _(
            "interrupted; {done} of {asked} systems are finished, and nothing is lost in {folder}",
            done=finished,
            asked=len(recorded.head.systems),
            folder=folder,
        ),
        _("continue with '{command}'", command=shlex.join(_command(folder, arguments))),
    ]
    for line in lines:
        terminal.print_note(f"inspector: {line}")


def _command(folder: Path, arguments: RunArguments) -> list[str]:
    """The command with the options that are not recorded."""
    given = {
        "--settings": arguments.settings,
        "--fail-on": arguments.fail_on,
        "--baseline": arguments.baseline,
        "--to": arguments.to,
    }
    words = [word for name, value in given.items() if value is not None for word in (name, str(value))]
    return ["inspector", "run", "--resume", str(folder), *words]
