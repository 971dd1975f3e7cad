"""``inspector init``: commented templates of the documents, from options or from answers on the terminal."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from inspector.cli import terminal
from inspector.cli.inputs import read_settings
from inspector.cli.language import _
from inspector.declare import templates
from inspector.declare.declaration import SYSTEM_ID
from inspector.declare.document import split
from inspector.declare.settings import Settings
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.subject import HOST, Uri, UriForm, is_address, parse_uri
from inspector.network import Ledger, resolve_and_pin
from inspector.network.access.special_addresses import is_never_named, special_purpose
from inspector.record.plan import PinnedHost
from inspector.registry.registry import installed


@dataclass(frozen=True, slots=True)
class Answers:
    """What the options gave; what is missing is asked for on a terminal, and an error elsewhere."""

    organisation: str | None = None
    system: str | None = None
    name: str | None = None
    level: int | None = None
    endpoints: tuple[str, ...] = ()
    granted_by: str | None = None
    contact: str | None = None


def _ask(known: str | None, question: str, flag: str) -> str:
    if known is not None:
        if not known.strip():
            raise UsageError(FormattedMessage("{flag} is empty", flag=flag), remedy="give a text")
        return known
    if not sys.stdin.isatty():
        raise UsageError(
            FormattedMessage("{flag} is missing", flag=flag),
            remedy=FormattedMessage("give {flag}, or run 'inspector init' on a terminal to be asked", flag=flag),
        )
    return str(typer.prompt(_(question), err=True))


def _level(known: int | None) -> int:
    text = _ask(None if known is None else str(known), "level (1-5)", "--level")
    if text not in ("1", "2", "3", "4", "5"):
        raise UsageError(
            FormattedMessage("level {level} does not exist", level=repr(text)), remedy="give a level from 1 to 5"
        )
    return int(text)


def _endpoints(known: tuple[str, ...]) -> list[Uri]:
    text = _ask(" ".join(known) or None, "endpoints (https://… dns:… mail:…)", "--endpoint")
    try:
        return [parse_uri(each, installed().schemes) for each in text.split()]
    except ValueError as error:
        what, remedy = split(error.args[0])
        raise UsageError(what, remedy=remedy) from None


def _private_addresses(endpoints: Sequence[Uri], settings: Settings) -> tuple[str, ...]:
    """The special-purpose addresses that names of the endpoints resolve to, which an authorisation must list."""
    hosts = {uri.host for uri in endpoints if uri.scheme.form is not UriForm.NAME or uri.scheme == HOST}
    names = sorted(host for host in hosts if not is_address(host))

    async def resolved() -> Sequence[PinnedHost]:
        with tempfile.TemporaryDirectory(prefix="inspector-") as ledger:
            return await resolve_and_pin(names, settings, Ledger(Path(ledger) / "ledger.jsonl"))

    pins = asyncio.run(resolved()) if names else ()
    found = {address for pin in pins for address in pin.addresses}
    return tuple(sorted(each for each in found if special_purpose(each) and not is_never_named(each)))


def write(folder: Path, answers: Answers, settings_file: Path | None, *, force: bool) -> int:
    """Write the four documents; an existing one is kept unless ``force``. Raises UsageError.

    Names of the endpoints are resolved, by the resolvers of ``settings_file``, inspector.toml or this machine.
    """
    names = ("declaration.yaml", "authorisation.yaml", "statements.yaml", "inspector.toml")
    existing = [name for name in names if (folder / name).exists()]
    if existing and not force:
        raise UsageError(
            FormattedMessage("{file} exists", file=folder / existing[0]),
            remedy="choose another folder, or overwrite it with --force",
        )
    organisation = _ask(answers.organisation, "organisation", "--organisation")
    system = _ask(answers.system, "id of the system", "--system")
    if not re.fullmatch(SYSTEM_ID, system):
        raise UsageError(
            FormattedMessage("{system} cannot be the id of a system", system=repr(system)),
            remedy="use letters, digits, dot, - and _, at most 64",
        )
    name = _ask(answers.name, "name of the system", "--name")
    level = _level(answers.level)
    endpoints = _endpoints(answers.endpoints)
    granted_by = _ask(answers.granted_by, "who permits the inspection", "--granted-by")
    contact = _ask(answers.contact, "contact of the inspecting side", "--contact")
    addresses = _private_addresses(endpoints, read_settings(settings_file))
    documents: dict[str, Callable[[], str]] = {
        "declaration.yaml": lambda: templates.declaration(
            organisation=organisation, system=system, name=name, level=level, endpoints=endpoints
        ),
        "authorisation.yaml": lambda: templates.authorisation(
            granted_by=granted_by, endpoints=endpoints, addresses=addresses, contact=contact
        ),
        "statements.yaml": templates.statements,
        "inspector.toml": lambda: templates.settings(contact=contact),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, make in documents.items():
            (folder / file).write_text(make(), encoding="utf-8")
            terminal.print_result(str(folder / file))
    except OSError as error:
        raise UsageError(
            FormattedMessage("{file}: cannot be written: {reason}", file=error.filename, reason=error.strerror),
            remedy="choose another folder",
        ) from None
    command = f"inspector plan {folder / 'declaration.yaml'} -a {folder / 'authorisation.yaml'}"
    terminal.print_note(f"inspector: {_('next: {command}', command=command)}")
    return 0
