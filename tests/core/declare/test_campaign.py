"""The campaign document: what is wrong in it is told with its place and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inspector.declare import campaign
from inspector.model.errors import InputFileError

WHOLE = """\
id: dinh-ky-2026
kind: periodic
basis: Kế hoạch 1/KH
selection:
  declarations: [systems]
  subtree: G12
  levels: [3, 4]
  systems: ["*portal*"]
authorisations: [permits.yaml]
windows:
  - {days: [1, 2], start: "22:00", end: "05:00"}
requirements: {select: [smoke]}
priorities: [G12/archive]
systems_at_once: 20
starts: 2026-12-01T22:00:00+07:00
deadline: 2026-12-31T17:00:00+07:00
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "systems").mkdir()
    (tmp_path / "permits.yaml").touch()
    return tmp_path


def read(folder: Path, text: str) -> campaign.Campaign:
    path = folder / "campaign.yaml"
    path.write_text(text, encoding="utf-8")
    return campaign.load(path)


def test_a_campaign_is_read_and_its_paths_are_absolute(folder: Path) -> None:
    """They are below the folder of the file, from wherever the command is called."""
    found = read(folder, WHOLE)
    assert found.selection.declarations == (str(folder / "systems"),)
    assert found.authorisations == (str(folder / "permits.yaml"),)
    assert (found.kind, found.systems_at_once, found.windows[0].timezone) == ("periodic", 20, "Asia/Ho_Chi_Minh")
    assert campaign.Campaign.parse(found.canonical()) == found


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("dinh-ky-2026", "định kỳ", ":1:5: "),
        ("dinh-ky-2026", "a/b", ":1:5: "),
        ("kind: periodic", "kind: yearly", ":2:7: "),
        ("2026-12-31T17", "9999-12-31T23", "its year is not from 1900 to 9998"),
        ("2026-12-01T22", "0001-01-01T00", "its year is not from 1900 to 9998"),
        ("  declarations: [systems]\n", "", ":5:3: the selection has no source of systems; list declarations"),
        ("[systems]", "[elsewhere]", "/elsewhere does not exist; write its path as seen from the folder of this file"),
        ("[permits.yaml]", "[none.yaml]", ":9:18: "),
        ("levels: [3, 4]", "levels: [6]", ":7:12: "),
        ("levels: [3, 4]", "kinds: [service]", ":7:10: kinds is known of an inventory only; name an inventory"),
        ('end: "05:00"', 'end: "22:00"', ":11:41: the window ends when it starts"),
        (
            "deadline: 2026-12-31",
            "deadline: 2026-11-30",
            ":16:11: the deadline is not after starts; correct one of them",
        ),
        ("priorities", "prioritys", ":13:1: "),
        ("systems_at_once: 20", "systems_at_once: 0", ":14:18: "),
        ("starts: 2026-12-01T22:00:00+07:00\n", "every: {days: 7}\n", "needs its first day; add starts: "),
        ("systems_at_once: 20", "every: {days: 7}", ":16:11: the deadline of a campaign that is repeated is its next"),
        ("systems_at_once: 20", "every: {days: 7, months: 1}", "write days or months, one of them"),
    ],
)
def test_what_is_wrong_has_its_place(folder: Path, old: str, new: str, words: str) -> None:
    """Line, column, what, and what to do."""
    assert old in WHOLE
    with pytest.raises(InputFileError) as raised:
        read(folder, WHOLE.replace(old, new, 1))
    assert words in str(raised.value), str(raised.value)
    assert f"{folder / 'campaign.yaml'}:" in str(raised.value)


@pytest.mark.parametrize(
    "text", ["", "[]", "id", "selection: 1", "a: [", "selection: {declarations: 1}", "authorisations: 1"]
)
def test_no_document_ends_in_a_traceback(folder: Path, text: str) -> None:
    """Whatever the file is, its errors are diagnostics."""
    with pytest.raises(InputFileError):
        read(folder, text)


def test_the_schema_is_that_of_the_model() -> None:
    """Editors complete the fields."""
    from inspector.declare.json_schema import schema

    made = schema("campaign")
    assert set(made["properties"]) == set(json.loads(json.dumps(list(campaign.Campaign.model_fields))))
