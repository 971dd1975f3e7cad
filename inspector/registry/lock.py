"""The plugins that may run under an inspection decision: those pinned by version and digest in ``plugins.lock``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from pydantic import ValidationError

from inspector.model.base import Model
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.regular_file import read_regular
from inspector.record.inspection import PluginRecord
from inspector.registry.registry import GROUP, Plugin, Registry, described, installed

NAME = "plugins.lock"
#: The most bytes of a lock.
_MOST_BYTES = 2**20


class PluginLock(Model):
    """The pinned plugins."""

    plugins: tuple[PluginRecord, ...]


def _files(folder: Path, prefix: str = "") -> Iterator[tuple[str, Path]]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _files(entry, f"{prefix}{entry.name}/")
        elif entry.is_file():
            yield prefix + entry.name, entry


@cache
def digest_of(package: str) -> str:
    """SHA-256 over the names and bytes of a package's files, without bytecode; the package is not imported."""
    spec = find_spec(package)
    total = hashlib.sha256()
    for place in (spec.submodule_search_locations if spec else None) or ():
        for name, path in _files(Path(place)):
            total.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _record(plugin: Plugin) -> PluginRecord:
    return PluginRecord(
        name=plugin.name,
        distribution=plugin.distribution,
        version=plugin.version,
        digest=digest_of(plugin.package),
    )


def records_of(registry: Registry) -> tuple[PluginRecord, ...]:
    """The records of the loaded plugins."""
    return tuple(_record(each) for each in registry.plugins)


def lock_of(registry: Registry) -> PluginLock:
    """A lock that pins every loaded plugin."""
    return PluginLock(plugins=records_of(registry))


def load(path: Path) -> PluginLock:
    """The lock in a file. Raises UsageError."""
    remedy = FormattedMessage("have the inspecting side write it: inspector list plugins --lock > {file}", file=NAME)
    try:
        return PluginLock.parse(read_regular(path, _MOST_BYTES))
    except OSError as error:
        raise UsageError(
            FormattedMessage("{path}: the plugin lock cannot be read: {reason}", path=path, reason=error.strerror),
            remedy=remedy,
        ) from None
    except ValidationError as error:
        raise UsageError(
            FormattedMessage("{path}: is not a plugin lock: {error}", path=path, error=error.errors()[0]["msg"]),
            remedy=remedy,
        ) from None


def pinned(path: Path) -> Registry:
    """The registry of the pinned plugins only; each is compared before it is loaded. Raises UsageError."""
    wanted = {each.name: each for each in load(path).plugins}
    there = {entry.name: entry for entry in entry_points(group=GROUP)}
    for name, pin in sorted(wanted.items()):
        found = _record(described(there[name])) if name in there else None
        if found != pin:
            what = (
                "is not installed"
                if found is None
                else FormattedMessage(
                    "is {version} with digest {digest}…", version=found.version, digest=found.digest[:12]
                )
            )
            raise UsageError(
                FormattedMessage(
                    "{path}: plugin {name} is pinned at {version} with digest {digest}…, and {what}",
                    path=path,
                    name=repr(name),
                    version=pin.version,
                    digest=pin.digest[:12],
                    what=what,
                ),
                remedy="install the pinned version, or have the inspecting side pin what is installed",
            )
    return installed(tuple(sorted(wanted)))
