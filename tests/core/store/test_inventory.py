"""Which inspections and listed systems are one system."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import pytest

from inspector.inventory.organisation import Organisation, OrganisationKind, Organisations
from inspector.inventory.snapshot import Snapshot
from inspector.inventory.system import InventorySystem, Origin, Role
from inspector.store.inventory import DeclaredSystem, SystemKeys

AS_OF, END = dt.date(2026, 12, 14), dt.date(2026, 6, 30)
BEFORE, AFTER = dt.date(2026, 3, 1), dt.date(2026, 9, 1)


def organisation(code: str, successor: str | None = None, until: dt.date | None = END) -> Organisation:
    ended = {"successor": successor, "valid_until": until} if successor else {}
    return Organisation(code=code, name=f"Tỉnh {code}", kind=OrganisationKind.PROVINCE, **ended)


#: A and D became B; B became C at the end of the year, after the lists; E is on its own.
ORGANISATIONS = (
    organisation("A", "B"),
    organisation("B", "C", dt.date(2026, 12, 31)),
    organisation("C"),
    organisation("D", "B"),
    organisation("E"),
)


def listed(key: str, name: str = "", *formerly: str) -> InventorySystem:
    code, _, system = key.partition("/")
    origin = Origin(organisation=code, role=Role.OWNER, as_of=AS_OF, file=f"{code}.csv", at="2:1")
    return InventorySystem(
        organisation=code, id=system, name=name or f"Hệ thống {key}", formerly=formerly, origin=origin
    )


def inspected(key: str, *days: dt.date, name: str = "") -> DeclaredSystem:
    return DeclaredSystem(key, name or f"Hệ thống {key}", min(days), max(days))


def keys(
    declared: Iterable[DeclaredSystem], systems: Iterable[InventorySystem] = (), day: dt.date = AS_OF
) -> dict[str, str]:
    organisations = Organisations.of(ORGANISATIONS)
    at = dt.datetime.combine(AS_OF, dt.time(), dt.UTC)
    snapshot = Snapshot("0" * 64, (), 1, AS_OF, at, None, organisations, tuple(systems))
    return SystemKeys(list(declared), snapshot, day).by_key


def test_a_former_key_is_its_system() -> None:
    """So is the present one, although the successor has a system of its own with that id."""
    systems = [listed("B/portal"), listed("B/portal-A", "Cổng", "A/portal")]
    found = keys([inspected("A/portal", BEFORE), inspected("B/portal", BEFORE, AFTER)], systems)
    assert found == {"A/portal": "B/portal-A", "B/portal": "B/portal", "B/portal-A": "B/portal-A"}


@pytest.mark.parametrize(
    ("declared", "systems", "wanted"),
    [
        ([inspected("A/x", BEFORE)], [], "B/x"),
        ([inspected("A/x", BEFORE), inspected("B/x", AFTER)], [], "B/x"),
        ([inspected("A/x", BEFORE), inspected("B/x", BEFORE, AFTER)], [], "A/x"),
        ([inspected("A/x", BEFORE), inspected("B/x", END)], [], "A/x"),
        ([inspected("A/x", BEFORE), inspected("D/x", BEFORE), inspected("B/x", AFTER)], [], "A/x"),
        ([inspected("A/x", BEFORE)], [listed("B/x")], "A/x"),
        ([inspected("A/x", BEFORE)], [listed("A/x")], "B/x"),
    ],
)
def test_an_ended_organisation_is_followed_unless_another_system_is_meant(
    declared: list[DeclaredSystem], systems: list[InventorySystem], wanted: str
) -> None:
    """Its successor's own system, listed or inspected before the end, is another one; of two, none follows."""
    assert keys(declared, systems)["A/x"] == wanted


def test_organisations_are_followed_by_date() -> None:
    """To the last one that had ended on the day; another day gives another key."""
    declared = [inspected("A/x", BEFORE)]
    assert [keys(declared, day=day)["A/x"] for day in (END, AS_OF, dt.date(2027, 1, 1))] == ["A/x", "B/x", "C/x"]
    assert keys(declared, [listed("A/x")], dt.date(2027, 1, 1))["A/x"] == "C/x"


def test_a_name_joins_what_was_declared_by_another_id() -> None:
    """In another case and with the tone mark elsewhere; in the organisation that answers for it, and by an old name."""
    systems = [listed("B/01", "Cổng hóa đơn", "Cổng thuế"), listed("E/01", "Cổng hóa đơn")]
    assert keys([inspected("A/portal", BEFORE, name="CỔNG HOÁ ĐƠN")], systems)["A/portal"] == "B/01"
    assert keys([inspected("B/portal", BEFORE, name="Cổng thuế")], systems)["B/portal"] == "B/01"
    assert keys([inspected("portal", BEFORE, name="Cổng hóa đơn")], systems)["portal"] == "portal"


@pytest.mark.parametrize(
    ("declared", "systems"),
    [
        ([inspected("E/p", BEFORE, name="N"), inspected("E/q", AFTER, name="N")], [listed("E/01", "N")]),
        ([inspected("E/p", BEFORE, name="N")], [listed("E/01", "N"), listed("E/02", "N")]),
        ([inspected("E/p", BEFORE, AFTER, name="N"), inspected("E/01", END)], [listed("E/01", "N")]),
        ([inspected("E/p", BEFORE, name="N")], [listed("E/p", "M"), listed("E/01", "N")]),
        ([inspected("C/p", BEFORE, name="N")], [listed("E/01", "N")]),
    ],
)
def test_a_name_that_could_mean_two_systems_joins_none(
    declared: list[DeclaredSystem], systems: list[InventorySystem]
) -> None:
    """Two inspected or two listed ones of that name, both inspected at one time, or listed by its key."""
    found = keys(declared, systems)
    assert [found[each.key] for each in declared] == [each.key for each in declared]


def test_an_inspection_under_the_listed_key_goes_on_with_the_history() -> None:
    """What was declared by an id of its own, and then as the inventory exports it, is one system."""
    declared = [inspected("E/p", BEFORE, name="N"), inspected("E/01", AFTER, name="N")]
    assert keys(declared, [listed("E/01", "N")]) == {"E/p": "E/01", "E/01": "E/01"}
