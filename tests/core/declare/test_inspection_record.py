"""The record of an inspection: its file is read with located errors, and the report shows it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from inspector.declare.document.yaml import read_yaml
from inspector.declare.inspection_record import load
from inspector.declare.json_schema import schema
from inspector.model.errors import InputFileError

WHOLE = """\
system: portal
number: 12/BB-ĐKT
place: Hà Nội
began: 2026-11-21T09:00:00+07:00
ended: 2026-11-21T11:30:00+07:00
decision: {number: 15/QĐ-ANM, date: 2026-11-02, by: Phòng An ninh mạng}
team:
  - {name: Nguyễn Văn A, position: Phó trưởng phòng, role: Trưởng đoàn}
inspected:
  representatives:
    - {name: Lê Văn C}
recommendations:
  - {text: Tắt telnet, requirement: no-cleartext-administration, responsible: Tổ vận hành, due: 2026-12-05}
copies: 3
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "inspection.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_record_is_read(tmp_path: Path) -> None:
    """Every part is read as it is written; what is left out is None or empty."""
    record = load(written(tmp_path, WHOLE), systems=["portal"], requirements=["no-cleartext-administration"])
    assert record.team[0].role == "Trưởng đoàn"
    assert str(record.recommendations[0].due) == "2026-12-05"
    assert record.conclusion is None
    assert record.witnesses == ()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("number: 1\nplcae: Hà Nội\n", 2, "place"),
        ("team:\n  - {position: x}\n", 2, "name"),
        ("recommendations:\n  - text: x\n    due: ngày mai\n", 3, "due"),
        (
            "recommendations:\n  - text: x\n    requirement: no-cleartext-administratoin\n",
            3,
            "no-cleartext-administration",
        ),
        ("system: portl\n", 1, "portal"),
        ("began: 2026-11-21T09:00:00+07:00\nended: 2026-11-20T09:00:00+07:00\n", 2, "before it began"),
    ],
)
def test_a_mistake_is_located(tmp_path: Path, text: str, line: int, words: str) -> None:
    """A typo, a missing name, a bad date and an unknown requirement or system are named with line and remedy."""
    with pytest.raises(InputFileError) as caught:
        load(written(tmp_path, text), systems=["portal"], requirements=["no-cleartext-administration"])
    message = str(caught.value)
    assert f"inspection.yaml:{line}:" in message
    assert words in message


def test_the_schema_accepts_the_record() -> None:
    """The JSON Schema of the document accepts a whole record, and refuses an unknown key."""
    whole = json.loads(json.dumps(read_yaml(WHOLE, "inspection.yaml").data, default=lambda each: each.isoformat()))
    jsonschema.validate(whole, schema("inspection"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**whole, "plcae": "x"}, schema("inspection"))
