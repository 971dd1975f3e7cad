"""The index of a run: every attempt, and the only place that names several systems."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from inspector.model.base import Instant, Model
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.seal import atomic_files as disk
from inspector.seal.layout import FILE_BYTES, INDEX, is_step
from inspector.seal.untrusted_files import UntrustedFolder, parse


class State(StrEnum):
    """What became of an attempt."""

    BEGUN = "begun"
    INTERRUPTED = "interrupted"
    SEALED = "sealed"
    FAILED = "failed"


class Attempt(Model):
    """One attempt to inspect one system, as of ``at``.

    ``folder`` counts from the run's folder (None: nothing was written); ``digest`` is the sealed capture's head digest;
    ``detail`` says in words why an attempt failed or was interrupted.
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
    """The index of the run in ``<root>/<run>``, kept in ``index.jsonl``: lines are only ever added."""

    root: Path
    run: str

    @property
    def path(self) -> Path:
        """The file."""
        return self.root / self.run / INDEX

    def add(self, attempt: Attempt) -> None:
        """Note how an attempt stands; on the disk when this returns. Several processes may add. Raises BundleError."""
        if not is_step(self.run):
            raise BundleError(
                FormattedMessage("{run} cannot be the name of a folder", run=repr(self.run)),
                remedy="use letters, digits, dot, - and _",
            )
        disk.make_folder(self.path.parent)
        disk.append_line(self.path, attempt.canonical())

    def attempts(self) -> tuple[Attempt, ...]:
        """How every attempt stood last, in the order of their beginnings; a torn last line is left out.

        Raises BundleError.
        """
        if not self.path.exists():
            return ()
        whole = UntrustedFolder(self.path.parent).read(INDEX, FILE_BYTES).split(b"\n")[:-1]
        latest: dict[str, Attempt] = {}
        for number, line in enumerate(whole, start=1):
            attempt = parse(Attempt, line, f"{INDEX}:{number}")
            latest[attempt.inspection] = attempt
        return tuple(latest.values())
