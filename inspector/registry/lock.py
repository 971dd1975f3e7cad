"""The plugins that may run under an inspection decision: those pinned in ``plugins.lock``.

A pin names the entry point, the distribution with its version, and the digest of all its files. It is compared by
metadata and files alone, before anything of any plugin is imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Self

from pydantic import ValidationError, model_validator

from inspector.declare.authorisation import Authorisation, AuthorisationKind
from inspector.model.base import Model, Same
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.regular_file import read_regular
from inspector.record.inspection import Inspection, PluginRecord
from inspector.registry.distributions import announced, contents_of, forget_contents, label
from inspector.registry.registry import Registry, installed, plugin_of

NAME = "plugins.lock"
#: The most bytes of a lock.
_MOST_BYTES = 2**20

_REMEDY = "install the pinned version, or have the inspecting side pin what is installed"
#: So many files that differ are named.
_NAMED = 3


class PluginLock(Model):
    """The pinned plugins."""

    plugins: tuple[PluginRecord, ...]

    @model_validator(mode="after")
    def _has_each_name_once(self) -> Self:
        if len({each.name for each in self.plugins}) < len(self.plugins):
            raise ValueError("a plugin is pinned twice")
        return self


def _record(entry: EntryPoint) -> PluginRecord:
    plugin = plugin_of(entry)
    return PluginRecord(
        name=plugin.name,
        entry_point=entry.value,
        distribution=plugin.distribution,
        version=plugin.version,
        digest=contents_of(entry.dist).digest if entry.dist else "",
    )


def _records(names: Iterable[str]) -> tuple[PluginRecord, ...]:
    known = announced()
    return tuple(_record(known[name]) for name in names if name in known)


def records_of(registry: Registry) -> tuple[PluginRecord, ...]:
    """The records of the loaded plugins; metadata and files are read once for a registry."""
    return _records_of(Same(registry))


@lru_cache(maxsize=4)
def _records_of(registry: Same[Registry]) -> tuple[PluginRecord, ...]:
    return _records(each.name for each in registry.value.plugins)


def _read_again() -> None:
    """Read metadata and files of plugins again when they are asked for."""
    forget_contents()
    _records_of.cache_clear()


def lock_of_installed() -> PluginLock:
    """A lock that pins every installed plugin. Raises UsageError where files are not those that were installed."""
    for name, entry in announced().items():
        if faults := _faults(entry):
            raise UsageError(
                FormattedMessage(
                    "plugin {name} of {distribution} is altered: {faults}",
                    name=repr(name),
                    distribution=label(entry.dist),
                    faults=faults,
                ),
                remedy="install the distribution again",
            )
    return PluginLock(plugins=_records(announced()))


def _faults(entry: EntryPoint) -> FormattedMessage | None:
    """The first files of the plugin's distribution that are missing, altered or added; None where there is none."""
    faults = contents_of(entry.dist).faults if entry.dist else ()
    return FormattedMessage.joined(", ", faults[:_NAMED]) if faults else None


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


def registry_under(authorisations: Iterable[Authorisation], lock: Path) -> Registry:
    """The registry for an inspection under these authorisations: under a decision only of the pinned plugins.

    Each of these is compared before any is loaded. Raises UsageError.
    """
    return pinned(lock) if is_decided(authorisations) else installed()


def is_decided(authorisations: Iterable[Authorisation]) -> bool:
    """Whether one of them is an inspection decision."""
    return any(each.kind is AuthorisationKind.INSPECTION_DECISION for each in authorisations)


def pinned(path: Path) -> Registry:
    """The registry of the pinned plugins only; all are compared before one is loaded. Raises UsageError."""
    _read_again()
    known = announced()
    wanted = {each.name: each for each in load(path).plugins}
    for name, pin in sorted(wanted.items()):
        what = _difference(known.get(name), pin)
        if what is not None:
            raise UsageError(
                FormattedMessage(
                    "{path}: plugin {name} is pinned as {pin}, and {what}",
                    path=path,
                    name=repr(name),
                    pin=_described(pin),
                    what=what,
                ),
                remedy=_REMEDY,
            )
    _ignore_stored_byte_code()
    return installed(tuple(sorted(wanted)))


def _difference(entry: EntryPoint | None, pin: PluginRecord) -> FormattedMessage | None:
    """How what is installed differs from what is pinned."""
    if entry is None:
        return FormattedMessage("is not installed")
    if faults := _faults(entry):
        return FormattedMessage("is altered: {faults}", faults=faults)
    found = _record(entry)
    return None if found == pin else FormattedMessage("is {found}", found=_described(found))


def _described(record: PluginRecord) -> str:
    return f"{record.distribution} {record.version} ({record.entry_point or '?'}, {record.digest[:12]}…)"


def _ignore_stored_byte_code() -> None:
    """Import from the files that were compared, not from byte code beside them; worker processes do the same."""
    sys.dont_write_bytecode = True
    sys.pycache_prefix = f"{os.devnull}/none"


def check_unchanged(inspection: Inspection, registry: Registry) -> None:
    """Raise UsageError where an inspection under a decision began with other plugins than these, read again."""
    if not is_decided(inspection.authorisations):
        return
    _read_again()
    if changed := _changed(inspection.plugins, records_of(registry)):
        raise UsageError(
            FormattedMessage("the inspection began with other plugins: {changed}", changed=", ".join(changed)),
            remedy="install the versions again that it began with",
        )


def _changed(before: Sequence[PluginRecord], after: Sequence[PluginRecord]) -> list[str]:
    """The names of the plugins that were added, removed or changed."""
    return sorted({each.name for each in {*before} ^ {*after}})
