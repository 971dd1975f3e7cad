"""A table in a signed file: an in-toto Statement about it, which holds it, in a DSSE envelope, as manifests are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.model.table import Table
from inspector.seal.manifest import Predicate, envelope_of, opened_statement, payload_of
from inspector.seal.signing import SigningKey


class SignedTable(Predicate):
    """A table."""

    uri = "urn:level-inspector:table:1"

    table: Table


@dataclass(frozen=True, slots=True)
class OpenedTable:
    """A table with the ids of the keys that signed it."""

    table: Table
    signers: tuple[str, ...]


def sign(table: Table, key: SigningKey) -> bytes:
    """The signed file of a table."""
    return envelope_of(payload_of({_subject(table): table.digest}, SignedTable(table=table)), key)


def opened(data: bytes, name: str, trusted: Collection[str]) -> OpenedTable:
    """The table in a signed file; raises BundleError where it is malformed, altered, or not signed by a trusted key.

    ``name`` is that of the file, for messages; ``trusted`` are key ids.
    """
    statement = opened_statement(data, name, SignedTable)
    table = statement.predicate.table
    if statement.files != {_subject(table): table.digest}:
        raise BundleError(FormattedMessage("{name}: is signed for another table than it holds", name=name))
    if not set(trusted) & set(statement.signers):
        raise BundleError(
            FormattedMessage(
                "{name}: is signed by {signers}, which is not a trusted signer",
                name=name,
                signers=", ".join(statement.signers),
            ),
            remedy="if you know whose key it is, add it to trusted_signers in your settings",
        )
    return OpenedTable(table, statement.signers)


def _subject(table: Table) -> str:
    return f"{table.name}.json"
