"""The ports that matter, and the role that each plays: a table of facts with its source and date."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from importlib.resources import files
from types import MappingProxyType

from inspector import Model


class Role(StrEnum):
    """What a service is for."""

    ADMINISTRATION = "administration"
    CLEAR_ADMINISTRATION = "clear-administration"
    CONTAINER = "container"
    DATABASE = "database"
    DIRECTORY = "directory"
    FILE_SHARING = "file-sharing"
    LEGACY = "legacy"
    MAIL = "mail"
    NETWORK = "network"
    QUEUE = "queue"
    WEB = "web"


class Basis(StrEnum):
    """Why a number stands for a service: registered with IANA for it, or merely its maker's default."""

    REGISTERED = "registered"
    USUAL = "usual"


class NotablePort(Model):
    """A TCP port that matters."""

    port: int
    service: str
    role: Role
    basis: Basis


class _Table(Model):
    source: str
    date: str
    ports: tuple[NotablePort, ...]


_TABLE = _Table.model_validate(json.loads(files(__package__).joinpath("data/ports.json").read_bytes()))

#: The notable ports by number.
NOTABLE: Mapping[int, NotablePort] = MappingProxyType({each.port: each for each in _TABLE.ports})
#: Source and date of the table.
PROVENANCE = f"{_TABLE.source}, {_TABLE.date}"


def ports_of(role: Role, basis: Basis | None = None) -> frozenset[int]:
    """The ports of one role, or those of them that rest on one basis."""
    return frozenset(each.port for each in NOTABLE.values() if each.role is role and basis in (None, each.basis))


def label(port: int) -> str:
    """A port as a message names it, e.g. ``5432/tcp (postgresql)``; the name is what the number stands for."""
    known = NOTABLE.get(port)
    return f"{port}/tcp ({known.service})" if known else f"{port}/tcp"
