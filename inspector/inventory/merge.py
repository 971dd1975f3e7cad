"""Lists merged with what is known: the same system, the value that holds, and what a newer list leaves out.

A system is the same by its code, else by owner and name. Of two values the owner's holds over another's, then the one
of the later day; every difference is told.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from inspector.inventory.cells import in_words
from inspector.inventory.lists import Record, SystemList
from inspector.inventory.notes import Note, Severity
from inspector.inventory.organisation import Organisations
from inspector.inventory.organisation_list import Names, Resolved
from inspector.inventory.system import Inspected, InventorySystem, LevelApproval, Origin, Role, SecurityPlan
from inspector.inventory.text import fold, same_name
from inspector.model.declared import DocumentReference
from inspector.model.formatted import FormattedMessage

#: The values of a system by field, as lists give them.
_SIMPLE = (
    *("name", "owner", "operator", "kind", "level", "stage", "internal_only", "provider", "contact", "hosts"),
    "endpoints",
)
_NESTED: dict[str, Any] = {
    "approval": LevelApproval,
    "regulation": DocumentReference,
    "plan": SecurityPlan,
    "inspected": Inspected,
}
_RANK = {Role.OWNER: 2, Role.OTHER: 1, Role.OPERATOR: 0}


@dataclass(slots=True)
class _Known:
    """A system while lists are merged: values by field with their origins."""

    organisation: str
    id: str
    code: str | None = None
    formerly: list[str] = field(default_factory=list)
    values: dict[str, tuple[Any, Origin]] = field(default_factory=dict)
    listed_by: dict[str, dt.date] = field(default_factory=dict)
    unlisted_since: dt.date | None = None
    is_touched: bool = False

    @property
    def key(self) -> str:
        return f"{self.organisation}/{self.id}"

    @property
    def name(self) -> str:
        return str(self.values["name"][0])


@dataclass(slots=True)
class _Row:
    """A record with the codes of its owner on the day, and of the body that it names, which may have ended."""

    record: Record
    owner: str
    named: str
    origin: Origin


class Merge:
    """Merges lists of one day with the systems that are known."""

    def __init__(self, systems: Iterable[InventorySystem], organisations: Organisations, as_of: dt.date) -> None:
        self.as_of, self.organisations = as_of, organisations
        self.names = Names(organisations, as_of)
        self.notes: list[Note] = []
        self._by_key: dict[str, _Known] = {}
        self._by_name: dict[tuple[str, str], list[_Known]] = {}
        self._by_former: dict[str, _Known] = {}
        self._of_ended: set[tuple[str, str]] = (
            set()
        )  # the identities of rows that name a body that their owner followed
        self._resolved: dict[str, Resolved | None] = {}
        self._fresh: set[int] = set()  # the origins of this import, by identity
        for each in systems:
            self._add(_known(each))
        self._follow_successors()

    # --- Organisations that ended ---

    def _follow_successors(self) -> None:
        """Give the systems and lists of organisations that ended to those that followed them."""
        for each in list(self._by_key.values()):
            listed_by: dict[str, dt.date] = {}
            for code, day in each.listed_by.items():
                follower = self.organisations.current(code, self.as_of)
                listed_by[follower] = max(day, listed_by.get(follower, day))
            each.listed_by = listed_by
            current = self.organisations.current(each.organisation, self.as_of)
            if current == each.organisation:
                continue
            old, ended = each.key, each.organisation
            self._remove(each)
            each.organisation = current
            each.id = self._apart(each, ended)
            each.formerly.append(old)
            self._add(each)
            what = FormattedMessage(
                "{old} is {new} now: {organisation} ended", old=old, new=each.key, organisation=ended
            )
            self._tell(Severity.NOTICE, "successor", "", "", what, system=each.key)

    def _apart(self, each: _Known, ended: str) -> str:
        """The id of a system that was an ended organisation's, other than those of its follower."""
        if each.key not in self._by_key:
            return each.id
        short = f"{each.id[: 63 - len(ended)]}-{ended}" if len(ended) < 40 else each.id
        return (
            short
            if f"{each.organisation}/{short}" not in self._by_key and short != each.id
            else (f"{each.id[:50]}-{_digits(f'{ended}/{each.id}')}")
        )

    def _came_from(self, each: _Known, ended: str) -> bool:
        return any(key.startswith(f"{ended}/") for key in each.formerly)

    def _is_own(self, each: _Known) -> bool:
        """Whether a system was of no organisation that its owner followed."""
        before = {key.partition("/")[0] for key in each.formerly if "/" in key}
        return not any(each.organisation in self.organisations.followers(code) for code in before)

    def _id(self, code: str | None) -> str | None:
        """The id in a code that lists give, which may be the whole key; a slash in a code is a dash in the id."""
        owner, slash, rest = code.rpartition("/") if code else ("", "", "")
        return rest if slash and owner in self.organisations.by_code else code.replace("/", "-") if code else None

    def _add(self, each: _Known) -> None:
        self._by_key[each.key] = each
        self._by_name.setdefault((each.organisation, same_name(each.name)), []).append(each)
        for key in each.formerly:
            self._by_former.setdefault(key, each)

    def _remove(self, each: _Known) -> None:
        del self._by_key[each.key]
        self._by_name[each.organisation, same_name(each.name)].remove(each)

    def _tell(
        self,
        severity: Severity,
        code: str,
        file: str,
        at: str,
        what: str,
        remedy: str = "",
        *,
        system: str | None = None,
    ) -> None:
        self.notes.append(Note.of(severity, code, file, at, what, remedy, system=system))

    # --- Lists ---

    def add(self, lists: Sequence[SystemList], refused: Collection[str] = ()) -> None:
        """Merge lists whose ``organisation`` is set; ``refused`` are organisations of which a list was not taken."""
        rows: list[_Row] = []
        for each in lists:
            rows += self._rows(each)
        # Ids that lists give before those made of names; those of an owner itself before those of bodies it followed.
        rows.sort(key=lambda row: ("code" not in row.record.values, row.named != row.owner))
        self._of_ended = {
            (row.owner, each) for row in rows if row.named != row.owner for each in self._identities(row.record)
        }
        before = {each.key for each in self._by_key.values()}
        taken: dict[str, list[_Known]] = {}
        for row in rows:
            if (known := self._take(row)) is not None:
                taken.setdefault(row.record.file, []).append(known)
        for each in lists:
            if not each.is_annex:
                for known in taken.get(each.file, ()):
                    known.listed_by[each.organisation] = max(
                        self.as_of, known.listed_by.get(each.organisation, dt.date.min)
                    )
        self._leave_out([each for each in lists if each.organisation not in refused], before)

    def refuse_unequal(self, found: SystemList) -> None:
        """Merge the equal rows of a list, and refuse those of one system that differ."""
        groups: dict[tuple[str, str], list[Record]] = {}
        names: dict[tuple[str, str], tuple[str, str]] = {}
        for record in sorted(found.records, key=lambda each: "code" not in each.values):
            owner = self._named(record, found)
            name = owner, same_name(record.name)
            code = self._id(record.values.get("code"))
            key = (owner, code) if code else names.get(name, name)
            names.setdefault(name, key)
            groups.setdefault(key, []).append(record)
        kept: list[Record] = []
        for group in groups.values():
            kept += self._united(found, group)
        found.records = sorted(kept, key=lambda each: (each.table.sheet or "", each.row))

    def _united(self, found: SystemList, group: list[Record]) -> list[Record]:
        first = group[0]
        if len(group) == 1:
            return group
        places = ", ".join(each.at for each in group[1:])
        is_one = found.is_annex or all(each.is_continued for each in group[1:])
        if is_one and all(_equal_but_places(first, each) for each in group[1:]):
            for each in group[1:]:
                for name in ("hosts", "endpoints"):
                    both = (*first.values.get(name, ()), *each.values.get(name, ()))
                    first.values[name] = _without_doubles(name, both)
            return [first]
        if all(each.values == first.values for each in group[1:]):
            what = FormattedMessage("the same system stands in equal rows: {places}; it counts once", places=places)
            found.note(Severity.NOTICE, first.at, what, code="equal-rows")
            return [first]
        for each in group:
            others = ", ".join(other.at for other in group if other is not each)
            what = FormattedMessage("the same system stands here and at {places} with other values", places=others)
            found.note(Severity.FAULT, each.at, what, "keep one row, or give each system a code", code="unequal-rows")
            found.refused.append(each.values)
        return []

    def refuse_ambiguous(self, found: SystemList) -> None:
        """Refuse the rows of a list that could each be one of several known systems."""
        kept = []
        for record in found.records:
            same = self._same(self._owner(record, found), self._named(record, found), record)
            if len(same) > 1:
                keys = ", ".join(sorted(each.key for each in same))
                what = FormattedMessage("several systems have this name: {keys}", keys=keys)
                found.note(Severity.FAULT, record.at, what, "give the system's code", code="ambiguous")
                found.refused.append(record.values)
            else:
                kept.append(record)
        found.records = kept

    def _owner(self, record: Record, found: SystemList) -> str:
        """The code of a row's owner: whom the row names, else the list's organisation."""
        text = record.values.get("owner")
        if not text:
            return found.organisation
        resolved = self.find(text)
        return resolved.code if resolved else found.organisation

    def _named(self, record: Record, found: SystemList) -> str:
        """The code of the body whose system a row is by its words, also of one that ended."""
        text = record.values.get("owner")
        resolved = self.find(text) if text else None
        if resolved is None or (resolved.code == found.organisation and resolved.named is None):
            return found.named or found.organisation
        return resolved.named.code if resolved.named is not None else resolved.code

    def find(self, text: str) -> Resolved | None:
        """The organisation that a text names on the day of the import."""
        if text not in self._resolved:
            self._resolved[text] = self.names.find(text)
        return self._resolved[text]

    def _rows(self, found: SystemList) -> Iterator[_Row]:
        told: set[str] = set()
        for record in found.records:
            text = record.values.get("owner", "")
            if text and text not in told:
                told.add(text)
                self._tell_owner(found, record, text)
            owner = self._owner(record, found)
            operator = self.find(record.values["operator"]) if "operator" in record.values else None
            if owner == found.organisation:
                role = Role.OWNER
            elif operator is not None and operator.code == found.organisation:
                role = Role.OPERATOR
            else:
                role = Role.OTHER
            origin = Origin(organisation=found.organisation, role=role, as_of=self.as_of, file=found.file, at=record.at)
            self._fresh.add(id(origin))
            yield _Row(record, owner, self._named(record, found), origin)

    def _tell_owner(self, found: SystemList, record: Record, text: str) -> None:
        resolved, at = self.find(text), record.place("owner")
        if resolved is None:
            what = FormattedMessage(
                "{owner} is not among the organisations: its systems count as those of {organisation}",
                owner=text,
                organisation=found.organisation,
            )
            remedy = FormattedMessage("add it to the list of organisations, or write its name as there")
            self._tell(Severity.WARNING, "unknown-owner", found.file, at, what, remedy)
        elif resolved.is_successor:
            what = FormattedMessage("{owner} ended: its systems are those of {code}", owner=text, code=resolved.code)
            self._tell(Severity.NOTICE, "successor", found.file, at, what)

    # --- One row ---

    def _take(self, row: _Row) -> _Known | None:
        """Merge a row into its system, new or known; None, with a fault, where two systems could be meant."""
        found = self._same(row.owner, row.named, row.record)
        if len(found) > 1:
            keys = ", ".join(sorted(each.key for each in found))
            what = FormattedMessage("several systems have this name: {keys}", keys=keys)
            remedy = FormattedMessage("give the system's code")
            self._tell(Severity.FAULT, "ambiguous", row.record.file, row.record.at, what, remedy)
            for each in found:
                each.is_touched = True
            return None
        if found:
            known = found[0]
            self._again(known, row)
        else:
            known = self._new(row)
        self._take_values(known, row)
        known.is_touched = True
        return known

    def _same(self, owner: str, named: str, record: Record) -> list[_Known]:
        """The known systems that a row may be about; ``named`` is its body, which may be one that ``owner`` followed.

        Systems of bodies that were merged stay apart: of one name, the row is about that of the body it names.
        """
        values = record.values
        code = self._id(values.get("code"))
        for key in (f"{named}/{code}", f"{owner}/{code}") if code else ():
            known = self._by_former.get(key) if key not in self._by_key else self._by_key[key]
            if known is not None and (
                self._came_from(known, named)
                if named != owner
                else self._is_own(known) or (owner, f"{code}/") not in self._of_ended
            ):
                return [known]
        for name in (values.get("name"), values.get("formerly")):
            if not name:
                continue
            if known := self._by_key.get(name):  # an earlier key, of another owner
                return [known]
            same = [each for each in self._named_so(owner, name) if not code or each.code is None]
            if named != owner:
                found = [each for each in same if self._came_from(each, named)]
            else:
                found = [each for each in same if self._is_own(each)]
                if not found and (owner, same_name(name)) not in self._of_ended:
                    found = same
            if found:
                return found
        return []

    def _identities(self, record: Record) -> Iterator[str]:
        """What a row may be known by: its name, and its id with a slash behind it."""
        yield same_name(record.name)
        if code := self._id(record.values.get("code")):
            yield f"{code}/"

    def _named_so(self, owner: str, name: str) -> Iterator[_Known]:
        """The systems with a name: of an owner, and of those that followed it what was its own before."""
        yield from self._by_name.get((owner, same_name(name)), ())
        for follower in self.organisations.followers(owner):
            for each in self._by_name.get((follower, same_name(name)), ()):
                if self._came_from(each, owner):
                    yield each

    def _new(self, row: _Row) -> _Known:
        values = row.record.values
        code = self._id(values.get("code"))
        name = values.get("name") or code or ""
        known = _Known(row.owner, code or self._free_id(row.named, name), values.get("code"))
        if row.named != row.owner:
            known.formerly.append(f"{row.named}/{known.id}")
            known.id = self._apart(known, row.named)
        known.values["name"] = name, row.origin
        if formerly := values.get("formerly"):
            known.formerly.append(formerly)
        self._add(known)
        return known

    def _free_id(self, owner: str, name: str) -> str:
        """An id made of a name, which no other system of this owner has."""
        short = re.sub(r"[^a-z0-9]+", "-", fold(name)).strip("-")[:48].strip("-") or "system"
        if f"{owner}/{short}" not in self._by_key:
            return short
        return f"{short}-{_digits(same_name(name))}"

    def _again(self, known: _Known, row: _Row) -> None:
        """Note a new owner or code of a known system, and that it is listed again."""
        code = self._id(row.record.values.get("code"))
        moves = known.organisation not in (row.owner, *self.organisations.followers(row.owner))
        if moves or (code and known.code is None and known.id != code):
            old = known.key
            self._remove(known)
            known.organisation, known.id = row.owner if moves else known.organisation, code or known.id
            known.formerly.append(old)
            self._add(known)
            what = FormattedMessage("{old} is {new} now", old=old, new=known.key)
            self._tell(Severity.NOTICE, "key", row.record.file, row.record.at, what, system=known.key)
        known.code = known.code or row.record.values.get("code")
        if known.unlisted_since is not None and known.unlisted_since <= self.as_of:
            known.unlisted_since = None
            what = FormattedMessage("it is listed again")
            self._tell(Severity.NOTICE, "listed-again", row.record.file, row.record.at, what, system=known.key)

    def _take_values(self, known: _Known, row: _Row) -> None:
        for name, value in row.record.values.items():
            if name in ("code", "formerly") or value is None:
                continue
            before = known.values.get(name)
            if before is None:
                known.values[name] = value, row.origin
                continue
            held, origin = before
            holds = self._holds(row.origin, origin)
            if _differ(name, held, value):
                self._tell_difference(known, name, (value, row), before, holds=holds)
                if holds and name == "name":
                    self._rename(known, value, row)
            if holds:
                known.values[name] = value, row.origin

    def _rename(self, known: _Known, name: str, row: _Row) -> None:
        self._by_name[known.organisation, same_name(known.name)].remove(known)
        if same_name(known.name) != same_name(name):
            known.formerly.append(known.name)
        known.values["name"] = name, row.origin
        self._by_name.setdefault((known.organisation, same_name(name)), []).append(known)

    def _holds(self, new: Origin, old: Origin) -> bool:
        """Whether a new value holds over the old one; of equal rank and day, the one that was read first here."""
        ranks = (_RANK[new.role], new.as_of), (_RANK[old.role], old.as_of)
        return ranks[0] > ranks[1] or (ranks[0] == ranks[1] and id(old) not in self._fresh)

    def _tell_difference(
        self, known: _Known, name: str, new: tuple[Any, _Row], old: tuple[Any, Origin], *, holds: bool
    ) -> None:
        value, row = new
        held, origin = old
        if _RANK[row.origin.role] != _RANK[origin.role]:
            reason = FormattedMessage("the owner's list holds over the operator's")
        elif row.origin.as_of != origin.as_of:
            reason = FormattedMessage("the later list holds")
        elif holds:
            reason = FormattedMessage("the list that was imported last holds")
        else:
            reason = FormattedMessage("no rule says which holds: the one read first is kept")
        severity = Severity.WARNING if "no rule" in reason.template else Severity.NOTICE
        what = FormattedMessage(
            "{field}: {kept} is kept, not {left}; {reason}",
            field=name,
            kept=in_words(value if holds else held),
            left=in_words(held if holds else value),
            reason=reason,
        )
        other = FormattedMessage("the other value is in {file} at {at}", file=origin.file, at=origin.at)
        self._tell(severity, "difference", row.record.file, row.record.place(name), what, other, system=known.key)

    # --- What is left out ---

    def _leave_out(self, lists: Sequence[SystemList], before: set[str]) -> None:
        whole = {each.organisation: each for each in lists if not each.is_annex}
        refused = {each.organisation: _names(each) for each in lists}
        for known in self._by_key.values():
            if known.is_touched or known.key not in before or known.unlisted_since is not None:
                continue
            for organisation, listed in known.listed_by.items():
                found = whole.get(organisation)
                names = refused.get(organisation, set())
                if found is None or listed >= self.as_of or known.id in names or same_name(known.name) in names:
                    continue
                known.unlisted_since = self.as_of
                what = FormattedMessage("{key} is not listed any more", key=known.key)
                remedy = FormattedMessage("it is kept; if it is out of use, list it as retired")
                self._tell(Severity.NOTICE, "not-listed", found.file, "", what, remedy, system=known.key)
                break

    def systems(self) -> Iterator[InventorySystem]:
        """The merged systems."""
        for known in self._by_key.values():
            yield _system(known)


def _names(found: SystemList) -> set[str]:
    """The ids and names of refused rows."""
    names = {part for each in found.refused if (code := each.get("code")) for part in (code, code.replace("/", "-"))}
    return names | {same_name(each["name"]) for each in found.refused if each.get("name")}


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _differ(name: str, one: Any, other: Any) -> bool:
    if name in ("name", "owner", "operator", "provider", "contact", "approval.by", "regulation.by"):
        return same_name(one) != same_name(other)
    return bool(one != other)


def _equal_but_places(one: Record, other: Record) -> bool:
    rest = {"hosts", "endpoints"}
    return {k: v for k, v in one.values.items() if k not in rest} == {
        k: v for k, v in other.values.items() if k not in rest
    }


def _without_doubles(name: str, items: Iterable[Any]) -> tuple[Any, ...]:
    """The items without doubles; hosts of one name with the ports of all."""
    if name == "endpoints":
        return tuple(dict.fromkeys(items))
    hosts: dict[str, Any] = {}
    for each in items:
        known = hosts.get(each.name)
        ports = tuple(dict.fromkeys((*(known.ports if known else ()), *each.ports)))
        hosts[each.name] = each.model_copy(update={"ports": ports})
    return tuple(hosts.values())


def _known(system: InventorySystem) -> _Known:
    """A system as ``_system`` made it, to be merged with."""
    known = _Known(
        system.organisation,
        system.id,
        system.code,
        list(system.formerly),
        listed_by=dict(system.listed_by),
        unlisted_since=system.unlisted_since,
    )
    for name in _SIMPLE:
        value = getattr(system, name)
        if value is not None and (value != () or name in system.origins):
            known.values[name] = value, system.origins.get(name, system.origin)
    for group in _NESTED:
        part = getattr(system, group)
        for name in type(part).model_fields if part is not None else ():
            if (value := getattr(part, name)) is not None:
                full = f"{group}.{name}"
                known.values[full] = value, system.origins.get(full, system.origin)
    return known


def _system(known: _Known) -> InventorySystem:
    counts: dict[int, int] = {}
    by_identity: dict[int, Origin] = {}
    for _, each in known.values.values():
        counts[id(each)] = counts.get(id(each), 0) + 1
        by_identity[id(each)] = each
    origin = by_identity[max(counts, key=lambda each: counts[each])]
    nested: dict[str, dict[str, Any]] = {}
    simple: dict[str, Any] = {}
    for name, (value, _) in known.values.items():
        group, dot, part = name.partition(".")
        if dot:
            nested.setdefault(group, {})[part] = value
        else:
            simple[name] = value
    return InventorySystem(
        organisation=known.organisation,
        id=known.id,
        code=known.code,
        formerly=tuple(dict.fromkeys(known.formerly)),
        origin=origin,
        origins={
            name: each for name, (_, each) in sorted(known.values.items()) if each is not origin and each != origin
        },
        listed_by=dict(sorted(known.listed_by.items())),
        unlisted_since=known.unlisted_since,
        **simple,
        **{group: _NESTED[group](**parts) for group, parts in nested.items()},
    )
