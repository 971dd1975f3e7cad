"""``inspector init``: commented templates of the documents, from options or from answers on the terminal."""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import typer

from inspector.cli import terminal
from inspector.cli.inputs import FOLDER_FILE, read_settings
from inspector.cli.language import _, translated
from inspector.declare import declaration as declarations
from inspector.declare import templates
from inspector.declare.declaration import SYSTEM_ID, Declaration
from inspector.declare.document import split
from inspector.declare.settings import Settings, Vantage, VantageKind
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.subject import HOST, Uri, UriForm, is_address, parse_uri
from inspector.network import Ledger, resolve_and_pin
from inspector.network.access.special_addresses import is_never_named, special_purpose
from inspector.registry.registry import installed

T = TypeVar("T")

DECLARATION, AUTHORISATION, STATEMENTS = "declaration.yaml", "authorisation.yaml", "statements.yaml"


@dataclass(frozen=True, slots=True)
class Answers:
    """What the options gave; what is missing is asked for on a terminal, and an error elsewhere.

    ``dedicated``: the addresses of the hosts belong to the organisation alone, so that it may permit scans of ports.
    """

    organisation: str | None = None
    system: str | None = None
    name: str | None = None
    level: int | None = None
    endpoints: tuple[str, ...] = ()
    granted_by: str | None = None
    contact: str | None = None
    vantage: str | None = None
    vantage_name: str | None = None
    dedicated: bool | None = None


@dataclass(frozen=True, slots=True)
class _Scope:
    """The endpoints of the new system, and the addresses of their hosts by name."""

    endpoints: Sequence[Uri]
    addresses: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def public(self) -> dict[str, tuple[str, ...]]:
        """The names with addresses that anybody may reach, which others may share."""
        return {name: found for name, found in self.addresses.items() if not all(map(special_purpose, found))}

    def covered(self, *, dedicated: bool) -> tuple[str, ...]:
        """The addresses that an authorisation must list: all, or those that only this network has."""
        found = {address for addresses in self.addresses.values() for address in addresses}
        listed = (each for each in found if dedicated or special_purpose(each))
        return tuple(sorted(each for each in listed if not is_never_named(each)))

    def sweeps(self, *, dedicated: bool) -> tuple[str, ...]:
        """The hosts of services whose addresses the authorisation lists, so that their ports may be scanned."""
        hosts = {uri.host for uri in self.endpoints if uri.port is not None}
        covered = self.covered(dedicated=dedicated)
        swept = (each for each in hosts if is_address(each) or set(self.addresses.get(each, ("",))) <= set(covered))
        return tuple(sorted(swept))


# --- Questions ------------------------------------------------------------------------------------------------------


def _asked(known: str | None, question: str, flag: str, read: Callable[[str], T], *, default: str | None = None) -> T:
    """The value of an option; where it is missing it is asked for until ``read`` accepts the answer.

    ``read`` raises UsageError. Off a terminal a missing option has its default, or is an error.
    """
    if known is not None:
        return read(known)
    if not sys.stdin.isatty():
        if default is not None:
            return read(default)
        raise UsageError(
            FormattedMessage("{flag} is missing", flag=flag),
            remedy=FormattedMessage("give {flag}, or run 'inspector init' on a terminal to be asked", flag=flag),
        )
    while True:
        try:
            return read(str(typer.prompt(_(question), default=default, show_default=bool(default), err=True)))
        except UsageError as error:
            terminal.print_error(error)


def _text(flag: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not text.strip():
            raise UsageError(FormattedMessage("{flag} is empty", flag=flag), remedy="give a text")
        return text.strip()

    return read


def _person(text: str) -> str:
    if "://" in text:
        raise UsageError(
            FormattedMessage("{text} is an endpoint, not a person", text=repr(text)),
            remedy="give name and position; endpoints are given with --endpoint",
        )
    return _text("--granted-by")(text)


def _contact(text: str) -> str:
    if "://" in text or not ("@" in text or len(re.sub(r"\D", "", text)) >= 3):
        raise UsageError(
            FormattedMessage("{text} is not an e-mail address or telephone number", text=repr(text)),
            remedy="give one at which the inspected side reaches you",
        )
    return _text("--contact")(text)


def _level(text: str) -> int:
    if text not in ("1", "2", "3", "4", "5"):
        raise UsageError(
            FormattedMessage("level {level} does not exist", level=repr(text)), remedy="give a level from 1 to 5"
        )
    return int(text)


def _system_id(taken: Collection[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(SYSTEM_ID, text):
            raise UsageError(
                FormattedMessage("{system} cannot be the id of a system", system=repr(text)),
                remedy=FormattedMessage(
                    "use letters, digits, dot, - and _, at most 64, for example {example}", example=_slug(text)
                ),
            )
        if text in taken:
            raise UsageError(
                FormattedMessage("system {id} is declared already", id=repr(text)), remedy="choose another id"
            )
        return text

    return read


def _slug(text: str) -> str:
    """The letters and digits of a text without diacritics, with hyphens."""
    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    kept = re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode().lower()).strip("-")
    return kept[:64].strip("-") or "portal"


def _uris(text: str) -> list[Uri]:
    try:
        return [parse_uri(each, installed().schemes) for each in text.split()]
    except ValueError as error:
        what, remedy = split(error.args[0])
        raise UsageError(what, remedy=remedy) from None


def _endpoints(known: tuple[str, ...]) -> list[Uri]:
    """The endpoints: those given, or one after the other until an empty answer."""
    if known:
        return _uris(" ".join(known))
    found: list[Uri] = []
    while added := _asked(
        None,
        "next endpoint (empty: no more)" if found else "endpoint, as https://…, smtp://…, ssh://…, dns:… or mail:…",
        "--endpoint",
        _uris,
        default="" if found else None,
    ):
        found += added
    return found


def _vantage(answers: Answers, own: Settings) -> Vantage:
    """Where this machine is: as given or asked, else as the settings say."""

    def read(text: str) -> VantageKind:
        try:
            return VantageKind(text or VantageKind.UNKNOWN)
        except ValueError:
            known = ", ".join(VantageKind)
            raise UsageError(
                FormattedMessage("vantage {text} is not known", text=repr(text)),
                remedy=FormattedMessage("write one of {known}", known=known),
            ) from None

    stated = own.vantage.kind
    if answers.vantage is None and stated is not VantageKind.UNKNOWN:
        return own.vantage
    question = "where this machine is, seen from the system: internet, partner, inside or ci (empty: unknown)"
    kind = _asked(answers.vantage, question, "--vantage", read, default="")
    name = own.vantage.name
    if answers.vantage_name or kind is not VantageKind.UNKNOWN:
        name = _asked(
            answers.vantage_name, "name of this place", "--vantage-name", _text("--vantage-name"), default=name
        )
    return Vantage(name=name, kind=kind)


def _dedicated(known: bool | None, scope: _Scope) -> bool:
    """Whether the public addresses are the organisation's alone: as given or asked, else no."""
    if known is not None or not scope.public or not sys.stdin.isatty():
        return bool(known)
    found = "; ".join(f"{name}: {', '.join(addresses)}" for name, addresses in sorted(scope.public.items()))
    question = _(
        "do these addresses serve this organisation alone, so that their ports may be scanned? {found}", found=found
    )
    return bool(typer.confirm(question, default=False, err=True))


# --- Names ----------------------------------------------------------------------------------------------------------


def _resolved(endpoints: Sequence[Uri], settings: Settings) -> _Scope:
    """The endpoints with the addresses that their names resolve to."""
    hosts = {uri.host for uri in endpoints if uri.scheme.form is not UriForm.NAME or uri.scheme == HOST}
    names = sorted(host for host in hosts if not is_address(host))

    async def pins() -> dict[str, tuple[str, ...]]:
        with tempfile.TemporaryDirectory(prefix="inspector-") as ledger:
            found = await resolve_and_pin(names, settings, Ledger(Path(ledger) / "ledger.jsonl"))
            return {pin.name: tuple(pin.addresses) for pin in found if pin.addresses}

    return _Scope(endpoints, asyncio.run(pins()) if names else {})


# --- Files ----------------------------------------------------------------------------------------------------------


def write(folder: Path, answers: Answers, settings_file: Path | None, *, force: bool) -> int:
    """Write the documents, and print the commands that use them. Raises UsageError or InputFileError.

    An existing declaration gets the system added, with an authorisation of its own; other existing files are kept,
    unless ``force`` overwrites all. ``inspector.toml`` is written to the current folder, where commands find it. Names
    of the endpoints are resolved, by the resolvers of the settings or of this machine.
    """
    own = read_settings(settings_file)
    path = folder / DECLARATION
    known = None if force or not path.exists() else declarations.load(path, installed().schemes)[0]
    organisation = known.organisation.name if known else None
    if organisation is None:
        organisation = _asked(answers.organisation, "organisation", "--organisation", _text("--organisation"))
    elif answers.organisation not in (None, organisation):
        raise UsageError(
            FormattedMessage("{file} is of another organisation, {name}", file=path, name=repr(organisation)),
            remedy="choose another folder, or overwrite it with --force",
        )
    name = _asked(answers.name, "name of the system", "--name", _text("--name"))
    taken = {each.id for each in known.systems} if known else set()
    suggested = _slug(name) if sys.stdin.isatty() and _slug(name) not in taken else None
    system = _asked(answers.system, "id of the system", "--system", _system_id(taken), default=suggested)
    level = _asked(None if answers.level is None else str(answers.level), "level (1-5)", "--level", _level)
    scope = _resolved(_endpoints(answers.endpoints), own)
    granted_by = _asked(answers.granted_by, "who permits the inspection", "--granted-by", _person)
    contact = _asked(
        answers.contact, "contact of the inspecting side", "--contact", _contact, default=own.contact or None
    )
    dedicated = _dedicated(answers.dedicated, scope)
    vantage = _vantage(answers, own)
    block = templates.system(
        system=system,
        name=name,
        owner=organisation,
        level=level,
        endpoints=scope.endpoints,
        sweeps=scope.sweeps(dedicated=dedicated),
        dedicated=dedicated,
    )
    permit = AUTHORISATION if known is None else f"authorisation-{system}.yaml"
    files = {path: _declared(path, known, organisation, block)}
    files[folder / permit] = templates.authorisation(
        system,
        granted_by=granted_by,
        endpoints=scope.endpoints,
        addresses=scope.covered(dedicated=dedicated),
        contact=contact,
    )
    files[folder / STATEMENTS] = templates.statements()
    added = set() if known is None else {path}
    if settings_file is None and FOLDER_FILE.exists() and not force:
        stated = vantage.kind is not own.vantage.kind
        old = FOLDER_FILE.read_text(encoding="utf-8")
        files[FOLDER_FILE] = templates.with_vantage(old, vantage.name, vantage.kind.value) if stated else old
        added |= {FOLDER_FILE} if files[FOLDER_FILE] != old else set()
    elif settings_file is None:
        files[FOLDER_FILE] = templates.settings(contact=contact, vantage=vantage.name, kind=vantage.kind.value)
    _write(files, kept={folder / STATEMENTS, FOLDER_FILE}, changed=set(files) if force else added)
    _print_differences(read_settings(settings_file), contact, vantage, settings_file or FOLDER_FILE)
    permits = [folder / AUTHORISATION, folder / permit] if known is not None else [folder / permit]
    _print_commands(path, list(dict.fromkeys(each for each in permits if each.exists())), settings_file, vantage)
    return 0


def _declared(path: Path, known: Declaration | None, organisation: str, block: str) -> str:
    """The declaration: a new one, or the text of the existing one with the system added."""
    if known is None:
        return templates.declaration(organisation=organisation, systems=block)
    added = templates.with_system(path.read_text(encoding="utf-8"), block)
    if added is None:
        raise UsageError(
            FormattedMessage("{file}: a system cannot be added to a list in this form", file=path),
            remedy="write systems: as a block with one dash for each system, or choose another folder",
        )
    return added


def _write(files: dict[Path, str], *, kept: Collection[Path], changed: Collection[Path]) -> None:
    """Write the files but those that exist and are kept; those that are ``changed`` are replaced."""
    for path in files:
        if path.exists() and path not in kept and path not in changed:
            raise UsageError(
                FormattedMessage("{file} exists", file=path),
                remedy="choose another folder, or overwrite it with --force",
            )
    try:
        for path, text in files.items():
            existed = path.exists()
            if existed and path not in changed:
                terminal.print_result(_("{file} (kept as it is)", file=path))
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            terminal.print_result(_("{file} (changed)", file=path) if existed else str(path))
    except OSError as error:
        raise UsageError(
            FormattedMessage("{file}: cannot be written: {reason}", file=error.filename, reason=error.strerror),
            remedy="choose another folder",
        ) from None


def _print_differences(settings: Settings, contact: str, vantage: Vantage, file: Path) -> None:
    """Say where settings that were kept say something else than what was given."""
    if settings.contact and settings.contact != contact:
        text = "{file} keeps the contact {kept}, which targets are told; {given} stands in the authorisation only"
        terminal.print_note(_(text, file=file, kept=settings.contact, given=contact))
    if settings.vantage != vantage:
        text = "{file} keeps the vantage {kept}, not {given}; change it there if that is wrong"
        kept, given = (f"{each.kind.value} ({each.name})" for each in (settings.vantage, vantage))
        terminal.print_note(_(text, file=file, kept=kept, given=given))


def _print_commands(path: Path, permits: Sequence[Path], settings_file: Path | None, vantage: Vantage) -> None:
    words = [str(path), *(word for each in permits for word in ("-a", str(each)))]
    if settings_file is not None:
        words += ["--settings", str(settings_file)]
    if vantage.kind is VantageKind.UNKNOWN:
        terminal.print_note(
            translated(
                FormattedMessage(
                    "the vantage is unknown: requirements that count from the Internet only are not judged; say where "
                    "this machine is with kind under [vantage] in {file}",
                    file=settings_file or FOLDER_FILE,
                )
            )
        )
    for command in ("plan", "run"):
        text = shlex.join(["inspector", command, *words])
        terminal.print_note(f"inspector: {_('next: {command}', command=text)}")
