"""What the tests of the inventory share: lists written in one line, imported without a snapshot on disk."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from inspector.inventory.imports import Imported, ImportRequest, import_lists
from inspector.inventory.notes import Note, Severity
from inspector.inventory.organisation import Organisations
from inspector.inventory.snapshot import Snapshot
from inspector.registry.registry import installed

AS_OF = dt.date(2026, 12, 14)
ORGANISATIONS = """code,name,kind,parent,valid_until,successor
G05,Bộ Tài chính,ministry,,,
G05.1,Cục Thuế,unit,G05,,
H26,Thành phố Hà Nội,province,,,
H30,Tỉnh Hải Dương,province,,2025-06-30,H31
H31,Thành phố Hải Phòng,province,,,
"""


def put(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    """A file with this text."""
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def imported(
    folder: Path,
    *files: Path,
    previous: Snapshot | None = None,
    as_of: dt.date = AS_OF,
    partial: bool = False,
    organisation: str | None = None,
    organisations: str | None = ORGANISATIONS,
    own: dict[str, str] | None = None,
) -> Imported:
    """The result of an import of these files."""
    listed = put(folder, "organisations.csv", organisations) if organisations else None
    request = ImportRequest(
        files=files,
        as_of=as_of,
        organisations=listed,
        organisation=organisation,
        own=own,
        accept_partial=partial,
    )
    return import_lists(request, previous, lambda: installed().schemes)


def after(found: Imported, as_of: dt.date = AS_OF) -> Snapshot:
    """A snapshot with what was imported."""
    return Snapshot(
        digest="0" * 64,
        signers=(),
        number=1,
        as_of=as_of,
        imported=dt.datetime(2026, 12, 15, tzinfo=dt.UTC),
        previous=None,
        organisations=Organisations.of(found.organisations),
        systems=tuple(sorted(found.systems, key=lambda each: each.key)),
    )


def notes(found: Imported, severity: Severity) -> list[Note]:
    """The notes of one kind."""
    return [each for each in found.notes if each.severity is severity]


def faults(found: Imported) -> list[tuple[str, str]]:
    """Place and code of each fault."""
    return [(each.at, each.code) for each in notes(found, Severity.FAULT)]


def codes(found: Imported) -> set[str]:
    """The codes of all notes."""
    return {each.code for each in found.notes}
