"""The index of a run: every attempt, and the only file that names several systems."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from inspector.model.base import Instant, Model
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.record.limits import limit_of
from inspector.seal import atomic_files as disk
from inspector.seal.layout import INDEX, is_step
from inspector.seal.untrusted_files import UntrustedFolder, parse


class State(StrEnum):
    """The state of an attempt."""

    BEGUN = "begun"
    INTERRUPTED = "interrupted"
    SEALED = "sealed"
    FAILED = "failed"


class Attempt(Model):
    """The state of one attempt to inspect one system, at the instant ``at``.

    ``folder`` is relative to the run's folder (None: nothing was written); ``digest`` is the sealed capture's head
    digest; ``detail`` says why an attempt failed or was interrupted.
    """

    at: Instant
    system: str
    inspection: str
    state: State
    folder: str | None = None
    digest: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RunIndex:
    """The index of the run in ``<root>/<run>``, stored in ``index.jsonl``; lines are only appended."""

    root: Path
    run: str

    @property
    def path(self) -> Path:
        """The index file."""
        return self.root / self.run / INDEX

    def add(self, attempt: Attempt) -> None:
        """Append a state; on the disk when this returns. Several processes may append. Raises BundleError."""
        if not is_step(self.run):
            raise BundleError(
                FormattedMessage("{run} cannot be the name of a folder", run=repr(self.run)),
                remedy="use letters, digits, dot, - and _",
            )
        disk.make_folder(self.path.parent)
        disk.append_line(self.path, attempt.canonical(), limit_of(INDEX))

    def attempts(self) -> tuple[Attempt, ...]:
        """The last state of every attempt, in the order of their beginning; an incomplete last line is ignored.

        Raises BundleError.
        """
        if not self.path.exists():
            return ()
        whole = UntrustedFolder(self.path.parent).read(INDEX).split(b"\n")[:-1]
        latest: dict[str, Attempt] = {}
        for number, line in enumerate(whole, start=1):
            attempt = parse(Attempt, line, f"{INDEX}:{number}")
            latest[attempt.inspection] = attempt
        return tuple(latest.values())
