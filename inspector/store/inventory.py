"""The inventory of an archive, and which inspections and listed systems are one and the same system."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inspector.inventory import snapshot as snapshots
from inspector.inventory.organisation import Organisations
from inspector.inventory.snapshot import Snapshot
from inspector.inventory.system import InventorySystem
from inspector.inventory.text import same_name


@dataclass(slots=True)
class Inventory:
    """The newest snapshot of an archive, read when it is needed; ``digest`` is None where there is none."""

    folder: Path
    trusted: Collection[str]
    digest: str | None
    _snapshot: Snapshot | None = None

    @classmethod
    def of(cls, archive: Path, trusted: Collection[str]) -> Inventory:
        """The inventory of an archive. Raises BundleError where it is altered or a stranger's."""
        folder = archive / snapshots.FOLDER
        return cls(folder, trusted, snapshots.newest_digest(folder, trusted))

    @classmethod
    def none(cls) -> Inventory:
        """No inventory."""
        return cls(Path(), (), None)

    @property
    def as_of(self) -> dt.date:
        """The day that its lists describe."""
        return self.snapshot.as_of if self.snapshot is not None else dt.date.min

    @property
    def snapshot(self) -> Snapshot | None:
        """The snapshot. Raises BundleError where a part of it is altered."""
        if self._snapshot is None and self.digest is not None:
            self._snapshot = snapshots.read_newest(self.folder, self.trusted)
        return self._snapshot


@dataclass(frozen=True, slots=True)
class DeclaredSystem:
    """A system as inspections declare it: ``key`` is ``ORGANISATION/ID``, or the id alone; ``name`` the newest one.

    ``first`` and ``last`` are the days of its first and its last inspection.
    """

    key: str
    name: str
    first: dt.date
    last: dt.date


def parts(key: str) -> tuple[str, str]:
    """The organisation ("" where none is known) and the id of a key."""
    organisation, _, system = key.rpartition("/")
    return organisation, system


@dataclass(slots=True)
class SystemKeys:
    """By which key the store knows what inspections declare and what lists name; ``day`` is the day that it is asked.

    ``named`` are further keys that are asked for, such as those of records.

    1. What the inventory lists under this key, or under this key formerly, is that system.
    2. Where its organisation ended before ``day``, the system is that of its successor with the same id, unless the
       successor has one of its own: listed, or inspected before the end. Of two that could follow, none does.
    3. What the lists do not have by its key is the only listed system of this name and organisation, unless others of
       that name are inspected, or this one was at the same time.
    """

    declared: Iterable[DeclaredSystem]
    snapshot: Snapshot | None
    day: dt.date
    named: Iterable[str] = ()
    by_key: dict[str, str] = field(default_factory=dict)
    _organisations: Organisations = field(default_factory=lambda: Organisations({}))
    _listed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {each.key: each for each in self.declared}
        systems = self.snapshot.systems if self.snapshot is not None else ()
        if self.snapshot is not None:
            self._organisations = self.snapshot.organisations
        self._listed = listed_keys(systems)
        keys = {each: self._listed.get(each, each) for each in (*known, *self.named, *(each.key for each in systems))}
        follows = self._followers(set(keys.values()), known)
        self.by_key = {each: _end(follows, key) for each, key in keys.items()}
        self._join_names([each for each in known.values() if each.key not in self._listed], systems, known)

    def of_organisation(self, key: str) -> str:
        """The code of the organisation that answers on the day for the system with a key of ``by_key``."""
        return self._organisations.current(parts(key)[0], self.day)

    def group(self, key: str) -> str:
        """The group of that organisation; "" where the inventory does not have it."""
        code = self.of_organisation(key)
        return self._organisations.group(code).value if code in self._organisations.by_code else ""

    def _followers(self, keys: set[str], known: Mapping[str, DeclaredSystem]) -> dict[str, str]:
        """The key that followed each key whose organisation ended."""
        found: dict[str, list[str]] = defaultdict(list)
        left = sorted(keys)
        for key in left:
            code, system = parts(key)
            organisation = self._organisations.by_code.get(code)
            if organisation is None or organisation.successor is None or not organisation.has_ended(self.day):
                continue
            follower = f"{organisation.successor}/{system}"
            own = known.get(follower)
            is_own = own is not None and organisation.valid_until is not None and own.first <= organisation.valid_until
            if follower not in found and follower not in keys:
                left.append(follower)
            if not is_own and follower not in self._listed:
                found[follower].append(key)
        return {before[0]: follower for follower, before in found.items() if len(before) == 1}

    def _join_names(
        self,
        unlisted: Iterable[DeclaredSystem],
        systems: Iterable[InventorySystem],
        known: Mapping[str, DeclaredSystem],
    ) -> None:
        listed: dict[tuple[str, str], set[str]] = defaultdict(set)
        of_listed = set()
        for each in systems:
            key = self.by_key[each.key]
            of_listed.add(key)
            for name in (each.name, *each.formerly):
                listed[self.of_organisation(key), same_name(name)].add(key)
        inspected: dict[str, list[DeclaredSystem]] = defaultdict(list)
        for one in known.values():
            inspected[self.by_key[one.key]].append(one)
        named: dict[str, set[str]] = defaultdict(set)
        for one in unlisted:
            key = self.by_key[one.key]
            if key not in of_listed and parts(key)[0]:
                for found in listed.get((self.of_organisation(key), same_name(one.name)), ()):
                    named[key].add(found)
        claims: dict[str, list[str]] = defaultdict(list)
        for key, candidates in named.items():
            for found in candidates:
                claims[found].append(key)
        for key, candidates in named.items():
            (found, *others) = candidates
            if others or len(claims[found]) > 1 or _overlap(inspected[key], inspected[found]):
                continue
            for one in inspected[key]:
                self.by_key[one.key] = found


def listed_keys(systems: Iterable[InventorySystem]) -> dict[str, str]:
    """The keys of listed systems by their present and former keys; a present one holds over a former one."""
    found = {each.key: each.key for each in systems}
    for each in systems:
        for name in each.formerly:
            if "/" in name:
                found.setdefault(name, each.key)
    return found


def _end(follows: Mapping[str, str], key: str) -> str:
    """The last key behind a key; organisations have no cycle of successors."""
    while key in follows:
        key = follows[key]
    return key


def _overlap(some: Iterable[DeclaredSystem], others: Iterable[DeclaredSystem]) -> bool:
    """Whether two systems were inspected in overlapping times."""
    return any(one.first <= other.last and other.first <= one.last for one in some for other in others)
