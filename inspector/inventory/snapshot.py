"""Sealed snapshots: the state of the inventory after an import, each naming the one before it.

::

    <folder>/<number>-<digest>/          number from 0001, the first 12 digits of the digest
      organisations.jsonl.zst            one Organisation a line
      systems.jsonl.zst                  one InventorySystem a line, by key
      sources.jsonl.zst                  one Source a line
      notes.jsonl.zst                    one Note a line: what was refused, merged, decided
      sources/<sha256>.zst               the lists as they were read
      manifest.dsse.json                 in-toto Statement over these files, signed; names the previous digest

A snapshot is written once and never changed. Its digest is the head digest of the manifest; statistics, campaigns and
declarations name it.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import RootModel, ValidationError

from inspector.inventory.notes import Note
from inspector.inventory.organisation import Organisation, Organisations
from inspector.inventory.system import InventorySystem
from inspector.model.base import Instant, Model, canonical, digest
from inspector.model.errors import BundleError, UsageError
from inspector.model.formatted import FormattedMessage
from inspector.record.limits import FILE_BYTES
from inspector.seal.atomic_files import exclusive, make_folder, sync_folder, write_files, writing
from inspector.seal.layout import MANIFEST
from inspector.seal.manifest import Predicate, Sealed, envelope_of, payload_of, read_statement
from inspector.seal.pack import compressed, decompressed
from inspector.seal.signing import SigningKey
from inspector.seal.untrusted_files import UntrustedFolder, not_valid

M = TypeVar("M", bound=Model)

#: The folder of the snapshots below the output folder.
FOLDER = "inventory"
_ORGANISATIONS, _SYSTEMS, _SOURCES, _NOTES = (
    f"{each}.jsonl.zst" for each in ("organisations", "systems", "sources", "notes")
)
_NAME = re.compile(r"(\d{4,8})-([0-9a-f]{12})")


class Source(Model):
    """A file that an import read: its name as given, its digest, the organisation whose list it is, and its rows.

    ``organisation`` is None for the list of organisations. ``systems`` counts the rows that were taken, ``refused``
    those that were not.
    """

    file: str
    sha256: str
    organisation: str | None = None
    systems: int = 0
    refused: int = 0


class SnapshotSealed(Predicate):
    """A sealed snapshot; ``prev`` is the digest of the one before it, ``as_of`` the day that its lists describe."""

    uri: ClassVar[str] = "urn:level-inspector:inventory:1"
    number: int
    as_of: dt.date
    imported: Instant
    inspector_version: str
    prev: str | None = None


class UntrustedSnapshot(BundleError):
    """A snapshot is signed by nobody who is trusted."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The inventory after an import. ``systems`` are sorted by key; ``digest`` is what names the snapshot."""

    digest: str
    signers: tuple[str, ...]
    number: int
    as_of: dt.date
    imported: dt.datetime
    previous: str | None
    organisations: Organisations
    systems: tuple[InventorySystem, ...]
    sources: tuple[Source, ...] = ()
    notes: tuple[Note, ...] = ()


def write(
    folder: Path,
    *,
    as_of: dt.date,
    imported: dt.datetime,
    version: str,
    organisations: Iterable[Organisation],
    systems: Iterable[InventorySystem],
    sources: Iterable[tuple[Source, bytes]],
    notes: Iterable[Note],
    key: SigningKey,
    previous: Snapshot | None,
) -> str:
    """Seal a snapshot behind ``previous`` and return its digest.

    Raises BundleError when it cannot be written, or when another snapshot was put behind ``previous`` meanwhile.
    """
    read = list(sources)
    files = {
        _ORGANISATIONS: _lines(sorted(organisations, key=attrgetter("code"))),
        _SYSTEMS: _lines(sorted(systems, key=attrgetter("key"))),
        _SOURCES: _lines(source for source, _ in read),
        _NOTES: _lines(notes),
        **{f"sources/{source.sha256}.zst": compressed(data) for source, data in read},
    }
    number = previous.number + 1 if previous else 1
    predicate = SnapshotSealed(
        number=number,
        as_of=as_of,
        imported=imported,
        inspector_version=version,
        prev=previous.digest if previous else None,
    )
    payload = payload_of({name: digest(data) for name, data in files.items()}, predicate)
    sealed = digest(payload)
    make_folder(folder)
    with exclusive(folder):
        _refuse_another(folder, previous)
        _put(folder / f"{number:04}-{sealed[:12]}", {**files, MANIFEST: envelope_of(payload, key)})
    return sealed


def _refuse_another(folder: Path, previous: Snapshot | None) -> None:
    newest = max(_numbers(folder), default=None)
    if (newest and newest[0]) != (previous and previous.number):
        raise BundleError(
            FormattedMessage("{folder}: another import was sealed meanwhile", folder=folder),
            remedy="import the lists again",
        )


def _put(place: Path, files: dict[str, bytes]) -> None:
    """Write a whole folder, complete or not at all."""
    partial = place.with_name(f"partial-{secrets.token_hex(6)}")
    make_folder(partial)
    try:
        write_files(partial, files, partial=partial)
        with writing(place):
            partial.rename(place)
            sync_folder(place.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _lines(values: Iterable[Model]) -> bytes:
    """JSON lines without what is default, compressed."""
    texts = (canonical(each.model_dump(mode="json", exclude_defaults=True)) + b"\n" for each in values)
    return compressed(b"".join(texts))


def _numbers(folder: Path) -> Iterator[tuple[int, str]]:
    """The numbers and names of the snapshots in a folder, in no order."""
    with writing(folder):
        names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
    for name in names:
        if found := _NAME.fullmatch(name):
            yield int(found[1]), name


def read_newest(folder: Path, trusted: Collection[str], *, notes: bool = False) -> Snapshot | None:
    """The newest snapshot in a folder, None where there is none; ``notes`` reads its notes and sources, too.

    ``trusted`` are the ids of the keys whose snapshots are used. Raises BundleError where one is altered, missing from
    the chain, or signed by none of these keys.
    """
    chain = _chain(folder, trusted)
    return _read(folder, *chain[-1], notes=notes) if chain else None


def newest_digest(folder: Path, trusted: Collection[str]) -> str | None:
    """The digest of the newest snapshot in a folder, None where there is none; raises as ``read_newest`` does."""
    chain = _chain(folder, trusted)
    return chain[-1][1].digest if chain else None


def read(folder: Path, name: str | None, trusted: Collection[str], *, notes: bool = False) -> Snapshot:
    """The snapshot whose digest begins with ``name``, or the newest (None).

    Raises BundleError as ``read_newest`` does, and UsageError where there is no such snapshot, or more than one.
    """
    chain = _chain(folder, trusted)
    found = [each for each in chain if each[1].digest.startswith(name)] if name else chain[-1:]
    if not chain:
        raise UsageError(
            FormattedMessage("{folder}: there is no inventory", folder=folder),
            remedy="import lists with 'inspector inventory import', or name its folder with --inventory",
        )
    if len(found) != 1:
        raise UsageError(
            FormattedMessage(
                "there are {count} snapshots whose digest begins with {name}", count=len(found), name=name
            ),
            remedy="write more of the digest that 'inspector inventory import' printed",
        )
    return _read(folder, *found[0], notes=notes)


def _chain(folder: Path, trusted: Collection[str]) -> list[tuple[str, Sealed[SnapshotSealed]]]:
    """The manifests of a folder in the order of their numbers, each checked to name the one before it."""
    chain: list[tuple[str, Sealed[SnapshotSealed]]] = []
    before: str | None = None
    for number, name in sorted(_numbers(folder)):
        sealed = read_statement(UntrustedFolder(folder), f"{name}/{MANIFEST}", SnapshotSealed)
        if sealed.predicate.number != len(chain) + 1 or number != len(chain) + 1 or sealed.predicate.prev != before:
            raise BundleError(
                FormattedMessage("{name}: does not follow the snapshot before it", name=f"{folder}/{name}"),
                remedy="a snapshot is missing or was put there: restore the folder from a copy",
            )
        if not set(trusted) & set(sealed.signers):
            raise UntrustedSnapshot(
                FormattedMessage(
                    "{name}: is signed by {signers}, which is not a trusted signer",
                    name=f"{folder}/{name}",
                    signers=", ".join(sealed.signers),
                ),
                remedy="if you know whose key it is, add it to trusted_signers in your settings",
            )
        before = sealed.digest
        chain.append((name, sealed))
    return chain


def _read(folder: Path, name: str, sealed: Sealed[SnapshotSealed], *, notes: bool) -> Snapshot:
    def values(part: str, model: type[M]) -> tuple[M, ...]:
        return tuple(_values(UntrustedFolder(folder / name), part, sealed, model))

    predicate = sealed.predicate
    return Snapshot(
        digest=sealed.digest,
        signers=sealed.signers,
        number=predicate.number,
        as_of=predicate.as_of,
        imported=predicate.imported,
        previous=predicate.prev,
        organisations=Organisations.of(values(_ORGANISATIONS, Organisation)),
        systems=values(_SYSTEMS, InventorySystem),
        sources=values(_SOURCES, Source) if notes else (),
        notes=values(_NOTES, Note) if notes else (),
    )


def _values(folder: UntrustedFolder, part: str, sealed: Sealed[SnapshotSealed], model: type[M]) -> Iterator[M]:
    data = folder.read(part, FILE_BYTES)
    if digest(data) != sealed.files.get(part):
        raise BundleError(
            FormattedMessage("{name}: is not what was sealed", name=f"{folder.path}/{part}"),
            remedy="restore the folder from a copy",
        )
    for line in decompressed(data, FILE_BYTES, part).splitlines():
        try:
            yield model.model_validate_json(line)
        except ValidationError as error:
            raise not_valid(error, f"{folder.path}/{part}", {}) from None


class _Line(RootModel[Organisation | InventorySystem | Source | Note]):
    """A line of a file of a snapshot: an organisation, a system, a source or a note."""


def inventory_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the lines of a snapshot's files."""
    made = _Line.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "Inventory"}
