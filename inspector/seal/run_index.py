"""The index of a run: every attempt, and the only file that names several systems."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from inspector.model.base import Instant, Model, digest
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.record.limits import limit_of
from inspector.seal import atomic_files as disk
from inspector.seal.layout import INDEX, INDEX_MANIFEST, PARTIAL, is_step
from inspector.seal.manifest import RunSealed, Sealed, envelope_of, payload_of, read_statement
from inspector.seal.signing import SigningKey
from inspector.seal.untrusted_files import UntrustedFolder, parse


class State(StrEnum):
    """The state of an attempt; REQUESTED is that of a system for which there has been none yet."""

    REQUESTED = "requested"
    BEGUN = "begun"
    INTERRUPTED = "interrupted"
    SEALED = "sealed"
    FAILED = "failed"


class Attempt(Model):
    """The state of one attempt to inspect one system, at the instant ``at``.

    ``folder`` is relative to the run's folder (None: nothing was written); ``digest`` is the sealed capture's head
    digest; ``detail`` says why an attempt failed or was interrupted; ``assessment`` names one of a sealed
    capture, with its head digest.
    """

    at: Instant
    system: str
    inspection: str
    state: State
    folder: str | None = None
    digest: str | None = None
    detail: str = ""
    assessment: str | None = None
    assessment_digest: str | None = None


@dataclass(frozen=True, slots=True)
class RunIndex:
    """The index of the run in ``<root>/<run>``, stored in ``index.jsonl``; lines are only appended."""

    root: Path
    run: str

    @property
    def path(self) -> Path:
        """The index file."""
        return self.root / self.run / INDEX

    def add(self, attempt: Attempt, key: SigningKey | None = None, *, is_synced: bool = True) -> None:
        """Append a state; on the disk when this returns, or with the next one without ``is_synced``.

        Several processes may append. Raises BundleError.
        With ``key``, all lines so far are signed, unless they are; the signature of another key is left as it is.
        """
        self.add_all([attempt], key, is_synced=is_synced)

    def add_all(self, attempts: Sequence[Attempt], key: SigningKey | None = None, *, is_synced: bool = True) -> None:
        """Append several states, with one wait for the disk; without any, ``key`` signs what there is."""
        if not is_step(self.run):
            raise BundleError(
                FormattedMessage("{run} cannot be the name of a folder", run=repr(self.run)),
                remedy="use letters, digits, dot, - and _",
            )
        disk.make_folder(self.path.parent, below=None if attempts else self.path.parent)
        with disk.exclusive(self.path.parent):
            if attempts:
                lines = b"\n".join(each.canonical() for each in attempts)
                disk.append_line(self.path, lines, limit_of(INDEX), is_synced=is_synced)
            if key is not None:
                self._sign(key)

    def _sign(self, key: SigningKey) -> None:
        every = self._lines()
        payload = payload_of({INDEX: digest(b"".join(every))}, RunSealed(run=self.run, lines=len(every)))
        if (self.path.parent / INDEX_MANIFEST).exists():
            before = read_statement(UntrustedFolder(self.path.parent), INDEX_MANIFEST, RunSealed)
            if before.signers != (key.keyid,) or before.digest == digest(payload):
                return
        self._replace_manifest(envelope_of(payload, key))

    def _replace_manifest(self, data: bytes) -> None:
        """Put the signature in place: where a power failure brings the earlier one back, that signs fewer lines."""
        partial = self.path.parent / PARTIAL
        try:
            with disk.writing(partial):
                partial.mkdir(disk.FOLDER_MODE, exist_ok=True)
            disk.replace_file(self.path.parent / INDEX_MANIFEST, data, partial=partial)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _lines(self) -> list[bytes]:
        """The complete lines, each with its line feed."""
        data = UntrustedFolder(self.path.parent).read(INDEX)
        return [line + b"\n" for line in data.split(b"\n")[:-1]]

    def signed(self) -> tuple[Sealed[RunSealed], tuple[Attempt, ...]]:
        """The statement over the signed lines, and all their states; raises BundleError when they were altered."""
        sealed = read_statement(UntrustedFolder(self.path.parent), INDEX_MANIFEST, RunSealed)
        lines = self._lines()[: sealed.predicate.lines]
        if sealed.files != {INDEX: digest(b"".join(lines))} or sealed.predicate.run != self.run:
            raise BundleError(FormattedMessage("{file}: is not what was signed", file=INDEX))
        return sealed, tuple(parse(Attempt, line, f"{INDEX}:{number}") for number, line in enumerate(lines, start=1))

    def attempts(self) -> tuple[Attempt, ...]:
        """The last state of every attempt, in the order of their beginning; an incomplete last line is ignored.

        A system that was requested and never attempted counts as one. Raises BundleError.
        """
        if not self.path.exists():
            return ()
        latest: dict[str, Attempt] = {}
        for number, line in enumerate(self._lines(), start=1):
            attempt = parse(Attempt, line, f"{INDEX}:{number}")
            latest[attempt.inspection] = attempt
        attempted = {each.system for each in latest.values() if each.state is not State.REQUESTED}
        return tuple(
            each for each in latest.values() if each.state is not State.REQUESTED or each.system not in attempted
        )


def is_listed_as_begun(folder: Path) -> bool:
    """Whether the index of its run says that the inspection in a folder had begun. Raises BundleError."""
    whole = folder.resolve()
    run = whole.parents[1]
    attempts = RunIndex(run.parent, run.name).attempts()
    return any(each.inspection == whole.name and each.folder is not None for each in attempts)


def without_inspection(system: str) -> str:
    """What stands for the inspection in the state of a system for which there is none."""
    return f"none-{system}"
