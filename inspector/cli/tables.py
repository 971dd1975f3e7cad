"""``inspector tables``: the tables of dated facts that checks compare with, and taking over newer ones offline."""

from __future__ import annotations

from pathlib import Path

from inspector.cli import terminal
from inspector.cli.inputs import read_settings
from inspector.cli.language import _, current
from inspector.model.base import now
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.table import Table
from inspector.pipeline.reporting import write_private
from inspector.registry.registry import installed
from inspector.report.messages import Translator
from inspector.seal.signing import SigningKey
from inspector.tables.signed_file import opened, sign
from inspector.tables.store import (
    KnownTable,
    import_table,
    known_tables,
    read_signed,
    table_in,
    tables_at_hand,
    trusted_signers,
)

#: What ``--tables`` names the tables at hand.
PRESENT = "present"
#: How many digits of a digest or a key are shown; the whole is in the capture.
_DIGITS = 12


def print_tables(settings: Path | None) -> int:
    """Print the tables at hand with day, age, source and digest. Raises InspectorError."""
    registry = installed()
    translator = Translator(registry, current())
    shown = terminal.table(None, *map(_, ("Name", "Date", "Age in days", "Entries", "From", "Digest", "Source")))
    today = now().date()
    for each in known_tables(registry, read_settings(settings)):
        age = str(each.table.age_days(today))
        if each.table.is_stale(today):
            age = _("{age}, too old for a pass", age=age)
        cells = (each.table.name, translator.day(each.table.dated), age, str(len(each.table.entries)), _origin(each))
        terminal.add_row(shown, *cells, each.table.digest[:_DIGITS], each.table.source)
    terminal.print_table(shown)
    return 0


def _origin(known: KnownTable) -> str:
    if not known.is_imported:
        return _("installed")
    return _("imported, signed by {signers}", signers=", ".join(each[:_DIGITS] for each in known.signers))


def take_over(file: Path, settings: Path | None, *, older: bool) -> int:
    """Import a signed table. Raises InspectorError."""
    table, before = import_table(file, installed(), read_settings(settings), older=older)
    name, dated = table.name, table.dated.isoformat()
    if before is None:
        text = _("{name}: the table of {dated} is used from now on", name=name, dated=dated)
    else:
        text = _(
            "{name}: the table of {dated} is used from now on, in place of that of {before}",
            name=name,
            dated=dated,
            before=before.dated.isoformat(),
        )
    terminal.print_result(text)
    if table.is_stale(now().date()):
        terminal.print_result(_("it is more than {days} days old: nothing passes by it", days=table.stale_after_days))
    return 0


def write_signed(file: Path, output: Path, settings: Path | None) -> int:
    """Write a table into a file signed with this machine's key. Raises InspectorError."""
    table = table_in(read_signed(file), str(file))
    key = SigningKey.load_or_create(read_settings(settings).signing_key)
    write_private({output: sign(table, key)}, remedy="choose another file with --output")
    terminal.print_result(_("Signed by {keyid}: {path}", keyid=key.keyid, path=output))
    return 0


def chosen_tables(names: tuple[str, ...], captured: tuple[Table, ...], settings: Path | None) -> tuple[Table, ...]:
    """The captured tables, with those at hand (``present``) or in signed files in the place of their kinds.

    Raises InspectorError.
    """
    own = read_settings(settings)
    found = {each.kind: each for each in captured}
    for name in names:
        if name == PRESENT:
            found |= {each.kind: each for each in tables_at_hand(installed(), own)}
            continue
        if not Path(name).exists():
            raise UsageError(
                FormattedMessage("--tables {name}: there is no such file", name=name),
                remedy="give a file of 'inspector tables sign', or present",
            )
        table = opened(read_signed(Path(name)), name, trusted_signers(own)).table
        found[table.kind] = table
    return tuple(found[kind] for kind in sorted(found))
