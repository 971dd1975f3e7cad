"""``inspector init``: commented skeletons of the documents, from flags or by asking."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer

from inspector.cli import terminal
from inspector.declare import templates as skeleton
from inspector.declare.declaration import SYSTEM_ID
from inspector.model.errors import UsageError
from inspector.model.subject import Uri, parse_uri
from inspector.registry.registry import installed


@dataclass(frozen=True, slots=True)
class Answers:
    """What is known already; what is missing is asked for on a terminal, and a fault elsewhere."""

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
            raise UsageError(f"{flag} is empty", remedy="give a text")
        return known
    if not sys.stdin.isatty():
        raise UsageError(f"{flag} is missing", remedy=f"give {flag}, or run 'inspector init' on a terminal to be asked")
    return str(typer.prompt(question, err=True))


def _level(known: int | None) -> int:
    text = _ask(None if known is None else str(known), "Cấp độ / level (1-5)", "--level")
    if text not in ("1", "2", "3", "4", "5"):
        raise UsageError(f"level {text!r} does not exist", remedy="give a level from 1 to 5")
    return int(text)


def _endpoints(known: tuple[str, ...]) -> list[Uri]:
    text = _ask(" ".join(known) or None, "Địa chỉ dịch vụ / endpoints (https://… dns:… mail:…)", "--endpoint")
    try:
        return [parse_uri(each, installed().schemes) for each in text.split()]
    except ValueError as error:
        raise UsageError(str(error)) from None


def write(folder: Path, answers: Answers, *, force: bool) -> int:
    """Write the four documents; an existing one is kept unless ``force``. Raises UsageError."""
    names = ("declaration.yaml", "authorisation.yaml", "statements.yaml", "inspector.toml")
    existing = [name for name in names if (folder / name).exists()]
    if existing and not force:
        raise UsageError(f"{folder / existing[0]} exists", remedy="choose another folder, or overwrite it with --force")
    organisation = _ask(answers.organisation, "Tên cơ quan, tổ chức / organisation", "--organisation")
    system = _ask(answers.system, "Mã hệ thống / id of the system", "--system")
    if not re.fullmatch(SYSTEM_ID, system):
        raise UsageError(
            f"{system!r} cannot be the id of a system", remedy="use letters, digits, dot, - and _, at most 64"
        )
    name = _ask(answers.name, "Tên hệ thống / name of the system", "--name")
    level = _level(answers.level)
    endpoints = _endpoints(answers.endpoints)
    granted_by = _ask(answers.granted_by, "Người cho phép kiểm tra / who permits the inspection", "--granted-by")
    contact = _ask(answers.contact, "Liên hệ của bên kiểm tra / contact of the inspecting side", "--contact")
    documents: dict[str, Callable[[], str]] = {
        "declaration.yaml": lambda: skeleton.declaration(
            organisation=organisation, system=system, name=name, level=level, endpoints=endpoints
        ),
        "authorisation.yaml": lambda: skeleton.authorisation(
            granted_by=granted_by, endpoints=endpoints, contact=contact
        ),
        "statements.yaml": skeleton.statements,
        "inspector.toml": lambda: skeleton.settings(contact=contact),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, make in documents.items():
            (folder / file).write_text(make(), encoding="utf-8")
            terminal.say(str(folder / file))
    except OSError as error:
        raise UsageError(
            f"{error.filename}: cannot be written: {error.strerror}", remedy="choose another folder"
        ) from None
    here = folder / "declaration.yaml"
    terminal.note(f"inspector: next: inspector plan {here} -a {folder / 'authorisation.yaml'}")
    return 0
