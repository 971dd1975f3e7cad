"""The notable TCP ports with the service and role of each, from a table with source and date."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from importlib.resources import files
from types import MappingProxyType

from inspector import Model


class Role(StrEnum):
    """The purpose of a service."""

    ADMINISTRATION = "administration"
    CLEARTEXT_ADMINISTRATION = "cleartext-administration"
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
    """Why a port number indicates a service: registered with IANA for it, or only the vendor's default."""

    REGISTERED = "registered"
    USUAL = "usual"


class NotablePort(Model):
    """A TCP port with a known service."""

    port: int
    service: str
    role: Role
    basis: Basis


class PortTable(Model):
    """The notable ports, with the source and date (ISO 8601) of the data."""

    source: str
    date: str
    ports: tuple[NotablePort, ...]


#: The table of the package.
TABLE = PortTable.model_validate(json.loads(files(__package__).joinpath("data/ports.json").read_bytes()))

#: Services that speak HTTP: an HTTP reply does not rule them out.
OVER_HTTP = frozenset(
    {"arangodb", "clickhouse", "consul", "couchdb", "docker", "docker-tls", "elasticsearch", "etcd", "etcd-peer"}
    | {"influxdb", "kubelet", "kubelet-read-only", "kubernetes", "neo4j", "nomad", "winrm", "winrm-tls"}
)

#: The notable ports by number.
NOTABLE: Mapping[int, NotablePort] = MappingProxyType({each.port: each for each in TABLE.ports})


def ports_of(role: Role) -> frozenset[int]:
    """The ports of a role."""
    return frozenset(each.port for each in NOTABLE.values() if each.role is role)


def label(port: int) -> str:
    """A port as messages show it, e.g. ``5432/tcp (postgresql?)``.

    The question mark says that the number alone suggests the service, as in nmap's output.
    """
    known = NOTABLE.get(port)
    return f"{port}/tcp ({known.service}?)" if known else f"{port}/tcp"
