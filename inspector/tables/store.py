"""The tables at hand: of each kind the one that a plugin ships, or the one that was imported and is newer.

Imported tables stay in their signed files, in the user's data folder (``inspector/tables``), which nobody else can
read: each use checks the signature again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import ValidationError

from inspector.declare.settings import Settings, data_folder
from inspector.model.base import Model, Same
from inspector.model.errors import BundleError, PluginError, UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.regular_file import read_regular
from inspector.model.table import Table, TableEntries
from inspector.record.limits import JSON_BYTES, too_long
from inspector.registry.registry import Registry
from inspector.seal.atomic_files import exclusive, make_folder, write_file, writing
from inspector.seal.layout import PARTIAL
from inspector.seal.signing import SigningKey
from inspector.tables.public_roots import installed_roots, roots_of_settings
from inspector.tables.signed_file import OpenedTable, opened


@dataclass(frozen=True, slots=True)
class KnownTable:
    """A table at hand; ``signers`` are those of the file that it was imported from, none where a plugin ships it."""

    table: Table
    signers: tuple[str, ...] = ()

    @property
    def is_imported(self) -> bool:
        """Whether it was imported."""
        return bool(self.signers)


class _Import(Model):
    """What is stored of an import: the signed file, and the day of the table that it took the place of, if any."""

    signed: bytes
    replaces: date | None = None


def trusted_signers(settings: Settings) -> frozenset[str]:
    """The ids of the keys whose tables are used: those of the settings, and this machine's own."""
    own = SigningKey.existing(settings.signing_key)
    return frozenset((*settings.trusted_signers, *((own.keyid,) if own else ())))


def known_tables(registry: Registry, settings: Settings) -> tuple[KnownTable, ...]:
    """The tables at hand by kind; of public roots, those of a file that the settings name are before all others.

    Raises PluginError for a shipped one, BundleError for an imported one, UsageError for that of the settings.
    """
    found = {each.kind: KnownTable(each) for each in shipped_tables(registry)}
    for stored in _imported(trusted_signers(settings)):
        shipped = found.get(stored.known.table.kind)
        if shipped is None or shipped.table.dated <= max(stored.known.table.dated, stored.replaces or date.min):
            found[stored.known.table.kind] = stored.known
    if (own := roots_of_settings(settings)) is not None:
        found[own.kind] = KnownTable(own)
    return tuple(found[kind] for kind in sorted(found))


def tables_at_hand(registry: Registry, settings: Settings) -> tuple[Table, ...]:
    """The tables at hand by kind, as ``known_tables`` gives them."""
    return tuple(each.table for each in known_tables(registry, settings))


def import_table(
    path: Path, registry: Registry, settings: Settings, *, older: bool = False
) -> tuple[Table, Table | None]:
    """Take over the table in a signed file; the result is that table, and the one that it takes the place of, if any.

    Raises UsageError for a kind that no plugin ships and no check takes, or for one that is older than what is at hand
    unless ``older``; BundleError for a file that is not signed by a trusted key, or cannot be read or written.
    """
    data = read_signed(path)
    table = opened(data, path.name, trusted_signers(settings)).table
    before = next((each.table for each in known_tables(registry, settings) if each.table.kind == table.kind), None)
    if before is None and table.kind not in _kinds_taken(registry):
        raise UsageError(
            FormattedMessage("{file}: no check uses a table {kind}", file=path, kind=table.kind),
            remedy="'inspector tables list' prints the kinds that are in use",
        )
    _check_entries(table, registry, path)
    if before is not None and table.dated < before.dated and not older:
        raise UsageError(
            FormattedMessage(
                "{file}: the table is of {dated}, older than the present one of {present}",
                file=path,
                dated=table.dated.isoformat(),
                present=before.dated.isoformat(),
            ),
            remedy="give --older to take it all the same",
        )
    _store(table, _Import(signed=data, replaces=before.dated if before else None))
    return table, before


def _tables_taken(registry: Registry) -> Iterator[type[TableEntries]]:
    return (wire.table for check in registry.checks.values() for wire in check.inputs if wire.table)


def _kinds_taken(registry: Registry) -> frozenset[str]:
    """The kinds of tables that checks take, of which plugins need not ship any."""
    return frozenset(each.kind for each in _tables_taken(registry))


def _check_entries(table: Table, registry: Registry, path: Path) -> None:
    """Raise UsageError where checks could not read the entries."""
    for kind in (each for each in _tables_taken(registry) if each.kind == table.kind):
        try:
            kind.of(table)
        except ValidationError as error:
            raise _malformed(path.name, error) from None


def _malformed(name: str, error: ValidationError) -> UsageError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(step) for step in first["loc"]) or "JSON"
    return UsageError(
        FormattedMessage("{file}: is no table: {place}: {what}", file=name, place=place, what=first["msg"]),
        remedy="write kind, dated, source, stale_after_days and entries",
    )


def read_signed(path: Path) -> bytes:
    """The bytes of a file that a user names. Raises BundleError."""
    try:
        data = read_regular(path, JSON_BYTES)
    except OSError as error:
        raise BundleError(
            FormattedMessage("{file}: cannot be read: {reason}", file=path, reason=error.strerror),
            remedy="give a file of 'inspector tables sign'",
        ) from None
    if len(data) > JSON_BYTES:
        raise too_long(path, JSON_BYTES)
    return data


def table_in(data: bytes, name: str) -> Table:
    """The table in a JSON file without a signature. Raises UsageError."""
    try:
        return Table.parse(data)
    except ValidationError as error:
        raise _malformed(name, error) from None


# --- Shipped and stored -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _of_registry(registry: Same[Registry]) -> tuple[Table, ...]:
    return tuple(_read(each) for each in registry.value.tables)


def shipped_tables(registry: Registry) -> tuple[Table, ...]:
    """The tables that plugins ship, and that of public roots. Raises PluginError for one at fault."""
    return (*_of_registry(Same(registry)), installed_roots())


def _read(file: Traversable) -> Table:
    try:
        table = table_in(file.read_bytes(), file.name)
    except (OSError, UsageError) as error:
        raise PluginError(
            FormattedMessage("the table {file} cannot be read: {error}", file=file.name, error=error),
            remedy="repair or uninstall the plugin that brings it",
        ) from None
    if file.name != f"{table.name}.json":
        raise PluginError(
            FormattedMessage("the table {file} is of kind {kind}", file=file.name, kind=table.kind),
            remedy="name the file after the kind",
        )
    return table


@dataclass(frozen=True, slots=True)
class _Stored:
    known: KnownTable
    replaces: date | None


def _folder() -> Path:
    return data_folder() / "tables"


def _imported(trusted: Collection[str]) -> Iterator[_Stored]:
    for path in sorted(_folder().glob("*.json")):
        try:
            stored = _Import.parse(read_signed(path))
            found: OpenedTable = opened(stored.signed, path.name, trusted)
        except (ValidationError, BundleError) as error:
            what = error.message if isinstance(error, BundleError) else FormattedMessage("is damaged")
            raise BundleError(
                FormattedMessage("{file}: an imported table cannot be used: {what}", file=path, what=what),
                remedy="import it again from its signed file, or remove this file",
            ) from None
        yield _Stored(KnownTable(found.table, found.signers), stored.replaces)


def _store(table: Table, stored: _Import) -> None:
    """Write what was imported, complete or not at all, for nobody else to read."""
    folder = _folder()
    make_folder(folder / PARTIAL)
    with exclusive(folder):
        with writing(folder):
            for left in (folder / PARTIAL).iterdir():
                left.unlink()
        write_file(folder / f"{table.name}.json", stored.canonical(), partial=folder / PARTIAL)
