"""Sealed records of the follow-up: each a signed statement of its own, which names the one before it.

::

    <archive>/follow-up/<number>-<digest>.dsse.json     number from 000001, the first 12 digits of the head digest

A record is written once. The archive is the truth, and the store an index of it.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from inspector import __version__
from inspector.declare.follow_up import FollowUpEntry
from inspector.model.base import Instant, digest
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.seal.atomic_files import exclusive, make_folder, write_file, writing
from inspector.seal.layout import CAPTURE
from inspector.seal.manifest import Predicate, envelope_of, payload_of, read_statement
from inspector.seal.signing import SigningKey
from inspector.seal.untrusted_files import UntrustedFolder

#: The folder of the records below the archive.
FOLDER = "follow-up"
_NAME = re.compile(r"(\d{6,9})-([0-9a-f]{12})\.dsse\.json")


class FollowUpSealed(Predicate):
    """A record; ``prev`` is the head digest of the one before it. The statement's subject is the capture it is about.

    ``entry`` names its findings, all of them.
    """

    uri: ClassVar[str] = "urn:level-inspector:follow-up:1"
    number: int
    at: Instant
    entry: FollowUpEntry
    inspector_version: str = __version__
    prev: str | None = None


@dataclass(frozen=True, slots=True)
class FollowUpRecord:
    """A record that was read: the name of its file, its head digest, and what it says."""

    name: str
    digest: str
    sealed: FollowUpSealed

    @property
    def entry(self) -> FollowUpEntry:
        """What was recorded."""
        return self.sealed.entry

    @property
    def at(self) -> datetime:
        """When it was recorded."""
        return self.sealed.at


@dataclass(frozen=True, slots=True)
class RecordFault:
    """A record that does not count: its file below the archive; ``cause`` as of inspections that do not count."""

    name: str
    cause: str
    detail: str


def append(
    archive: Path, entries: Iterable[FollowUpEntry], captures: Mapping[str, str], at: datetime, key: SigningKey
) -> list[str]:
    """Seal entries one after the other, and give the names of their files; one that is recorded already is left out.

    ``captures`` are head digests of the newest inspections, by system. Raises BundleError.
    """
    folder = archive / FOLDER
    make_folder(folder)
    made: list[str] = []
    with exclusive(folder):
        known, _ = read(archive, {key.keyid})
        recorded = {each.entry for each in known}
        number, prev = _last(folder)
        for entry in entries:
            if entry in recorded:
                continue
            number += 1
            sealed = FollowUpSealed(number=number, at=at, entry=entry, prev=prev)
            payload = payload_of({CAPTURE: captures[entry.system]}, sealed)
            prev = digest(payload)
            name = f"{number:06d}-{prev[:12]}.dsse.json"
            _write(folder, name, envelope_of(payload, key))
            made.append(f"{FOLDER}/{name}")
    return made


def _write(folder: Path, name: str, data: bytes) -> None:
    partial = folder / f"partial-{secrets.token_hex(6)}"
    with writing(partial):
        partial.mkdir(0o700)
    try:
        write_file(folder / name, data, partial=partial)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _last(folder: Path) -> tuple[int, str | None]:
    """The number and the head digest of the last record; 0 and None where there is none."""
    names = sorted(_names(folder))
    if not names:
        return 0, None
    number, name = names[-1]
    return number, read_statement(UntrustedFolder(folder), name, FollowUpSealed).digest


def _names(folder: Path) -> Iterator[tuple[int, str]]:
    for each in folder.iterdir() if folder.is_dir() else ():
        if found := _NAME.fullmatch(each.name):
            yield int(found[1]), each.name


def read(archive: Path, trusted: Collection[str]) -> tuple[list[FollowUpRecord], list[RecordFault]]:
    """The records of an archive in their order, and those that do not count. Never raises for their content."""
    folder = archive / FOLDER
    found: list[FollowUpRecord] = []
    faults: list[RecordFault] = []
    before: str | None = None
    expected = 1
    for number, name in sorted(_names(folder)):
        place = f"{FOLDER}/{name}"
        faults += [RecordFault(f"{FOLDER}/{gone:06d}", "missing", "") for gone in range(expected, number)]
        try:
            sealed = read_statement(UntrustedFolder(folder), name, FollowUpSealed)
        except BundleError as error:
            faults.append(RecordFault(place, "altered", error.message))
            before, expected = None, number + 1
            continue
        record = FollowUpRecord(place, sealed.digest, sealed.predicate)
        gap, previous, before, expected = number != expected, before, sealed.digest, number + 1
        if record.sealed.number != number or not name.startswith(f"{number:06d}-{sealed.digest[:12]}"):
            faults.append(RecordFault(place, "altered", FormattedMessage("is not the record of this number")))
            before = None
        elif not gap and previous is not None and record.sealed.prev != previous:
            faults.append(RecordFault(place, "altered", FormattedMessage("does not follow the record before it")))
        elif not set(trusted) & set(sealed.signers):
            faults.append(RecordFault(place, "unknown-signer", ", ".join(sealed.signers)))
        else:
            found.append(record)
    return found, faults
