"""Snapshots are sealed, chained by digest, and refused when altered."""

import datetime as dt
from pathlib import Path

import pytest

from inspector.inventory import snapshot
from inspector.inventory.notes import Note, Severity
from inspector.inventory.organisation import Group, Organisation, OrganisationKind, Organisations
from inspector.inventory.snapshot import Snapshot, Source
from inspector.inventory.system import InventorySystem, LevelApproval, Origin, Role
from inspector.model.base import digest
from inspector.model.declared import ApprovalStatus
from inspector.model.errors import BundleError, UsageError
from inspector.model.formatted import FormattedMessage
from inspector.seal.signing import SigningKey

DAY = dt.date(2026, 12, 14)
AT = dt.datetime(2026, 12, 15, 8, 0, tzinfo=dt.UTC)
MINISTRY = Organisation(code="G05", name="Bộ Tài chính", kind=OrganisationKind.MINISTRY)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return SigningKey.load_or_create(tmp_path_factory.mktemp("key") / "signing.pem")


def system(number: int) -> InventorySystem:
    origin = Origin(organisation="G05", role=Role.OWNER, as_of=DAY, file="G05.csv", at=f"{number + 1}:1")
    return InventorySystem(
        organisation="G05",
        id=f"s{number}",
        name=f"Hệ thống {number}",
        level=3,
        approval=LevelApproval(status=ApprovalStatus.APPROVED, number="12/QĐ", date=DAY),
        origin=origin,
    )


def seal(folder: Path, key: SigningKey, count: int, previous: Snapshot | None = None) -> str:
    data = f"list of {count}".encode()
    note = Note.of(Severity.NOTICE, "rows-equal", "G05.csv", "3:1", FormattedMessage("row {row} is equal to it", row=4))
    return snapshot.write(
        folder,
        as_of=DAY,
        imported=AT,
        version="0.1.0",
        organisations=[MINISTRY],
        systems=[system(number) for number in range(count)],
        sources=[(Source(file="G05.csv", sha256=digest(data), organisation="G05", systems=count), data)],
        notes=[note],
        key=key,
        previous=previous,
    )


def test_a_snapshot_reads_back_as_it_was_written(tmp_path: Path, key: SigningKey) -> None:
    sealed = seal(tmp_path, key, 3)
    read = snapshot.read(tmp_path, None, {key.keyid}, notes=True)
    assert (read.digest, read.number, read.previous, read.as_of, read.imported) == (sealed, 1, None, DAY, AT)
    assert read.systems == tuple(system(number) for number in range(3))
    assert list(read.organisations) == [MINISTRY]
    assert read.notes[0].text == "row 4 is equal to it"
    assert read.sources[0].systems == 3


def test_each_snapshot_names_the_one_before_it(tmp_path: Path, key: SigningKey) -> None:
    first = seal(tmp_path, key, 1)
    second = seal(tmp_path, key, 2, snapshot.read_newest(tmp_path, {key.keyid}))
    read = snapshot.read(tmp_path, None, {key.keyid})
    assert (read.digest, read.previous, read.number, len(read.systems)) == (second, first, 2, 2)
    assert len(snapshot.read(tmp_path, first[:10], {key.keyid}).systems) == 1


def test_a_missing_snapshot_breaks_the_chain(tmp_path: Path, key: SigningKey) -> None:
    seal(tmp_path, key, 1)
    seal(tmp_path, key, 2, snapshot.read_newest(tmp_path, {key.keyid}))
    next(tmp_path.glob("0001-*")).rename(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="does not follow the snapshot before it"):
        snapshot.read_newest(tmp_path, {key.keyid})


def test_an_altered_file_is_refused(tmp_path: Path, key: SigningKey) -> None:
    seal(tmp_path, key, 1)
    path = next(tmp_path.glob("0001-*/systems.jsonl.zst"))
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(BundleError, match="is not what was sealed"):
        snapshot.read_newest(tmp_path, {key.keyid})


def test_a_strangers_snapshot_is_refused(tmp_path: Path, key: SigningKey) -> None:
    seal(tmp_path, key, 1)
    with pytest.raises(BundleError, match="not a trusted signer"):
        snapshot.read_newest(tmp_path, {"0" * 64})


def test_two_imports_after_one_snapshot_do_not_both_count(tmp_path: Path, key: SigningKey) -> None:
    seal(tmp_path, key, 1)
    with pytest.raises(BundleError, match="another import was sealed meanwhile"):
        seal(tmp_path, key, 2, None)


def test_without_an_import_there_is_no_inventory(tmp_path: Path, key: SigningKey) -> None:
    assert snapshot.read_newest(tmp_path / "none", {key.keyid}) is None
    with pytest.raises(UsageError, match="there is no inventory"):
        snapshot.read(tmp_path / "none", None, {key.keyid})


def test_an_ended_organisation_resolves_to_its_last_living_successor_by_date() -> None:
    organisations = Organisations.of(
        [
            Organisation(code="A", name="A", valid_until=dt.date(2025, 6, 30), successor="B"),
            Organisation(code="B", name="B", valid_until=dt.date(2026, 6, 30), successor="C"),
            Organisation(code="C", name="C", kind=OrganisationKind.PROVINCE),
            Organisation(code="C1", name="C1", parent="C"),
        ]
    )
    assert [organisations.current("A", dt.date(*day)) for day in ((2025, 6, 30), (2025, 7, 1), (2026, 7, 1))] == [
        *("A", "B", "C")
    ]
    assert organisations.group("C1") is Group.PROVINCES
    assert organisations.group("A") is Group.OTHER
    assert organisations.below("C") == {"C", "C1"}
