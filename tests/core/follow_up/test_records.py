"""Records of the follow-up: numbered, signed, each naming the one before it, whoever writes them at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inspector.declare.follow_up import FollowUpAction, FollowUpEntry
from inspector.follow_up import records
from inspector.model.errors import BundleError
from inspector.seal import SigningKey

AT = datetime(2026, 12, 1, 8, tzinfo=UTC)
CAPTURE = {"A/s": "0" * 64}


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    """The inspecting side's key."""
    return SigningKey.load_or_create(tmp_path_factory.mktemp("key") / "key.pem")


def claim(number: int) -> FollowUpEntry:
    return FollowUpEntry(action=FollowUpAction.CLAIM, system="A/s", findings=(f"{number:032x}",), by="Chủ quản")


def test_each_names_the_one_before(tmp_path: Path, key: SigningKey) -> None:
    """Entries are read in their order; one that is known is not recorded again."""
    first = records.append(tmp_path, [claim(1), claim(2)], CAPTURE, AT, key)
    second = records.append(tmp_path, [claim(2), claim(3)], CAPTURE, AT, key)
    assert (len(first), len(second)) == (2, 1)
    found, faults = records.read(tmp_path, {key.keyid})
    assert faults == []
    assert [each.entry for each in found] == [claim(1), claim(2), claim(3)]
    assert [each.sealed.prev for each in found] == [None, found[0].digest, found[1].digest]


def test_several_at_once_make_one_sequence(tmp_path: Path, key: SigningKey) -> None:
    """No number is given twice."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: records.append(tmp_path, [claim(number)], CAPTURE, AT, key), range(8)))
    found, faults = records.read(tmp_path, {key.keyid})
    assert faults == []
    assert [each.sealed.number for each in found] == list(range(1, 9))


def test_what_an_ended_process_left_is_no_record(
    tmp_path: Path, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next record has its number."""

    def full(*_arguments: object, **_more: object) -> None:
        raise BundleError("full")

    with monkeypatch.context() as patch:
        patch.setattr(records, "write_file", full)
        with pytest.raises(BundleError, match="full"):
            records.append(tmp_path, [claim(1)], CAPTURE, AT, key)
    (tmp_path / records.FOLDER / "partial-1").mkdir()
    records.append(tmp_path, [claim(1)], CAPTURE, AT, key)
    found, faults = records.read(tmp_path, {key.keyid})
    assert ([each.sealed.number for each in found], faults) == ([1], [])


def test_behind_an_altered_record_nothing_is_recorded(tmp_path: Path, key: SigningKey) -> None:
    """The last one has to be what was sealed: its digest is named next."""
    (name,) = records.append(tmp_path, [claim(1)], CAPTURE, AT, key)
    (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(BundleError):
        records.append(tmp_path, [claim(2)], CAPTURE, AT, key)
