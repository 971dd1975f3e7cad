"""A declaration that is read one system at a time says what the whole of it says, and reads each system once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from benchmarks import estate
from inspector.declare import declaration
from inspector.declare import document as documents
from inspector.declare.declaration import Declaration, System
from inspector.declare.document import DocumentPart, SourceLocation, YamlDocument, yaml, yaml_parts
from inspector.model.errors import InputFileError
from tests.core.declare.test_declaration import LEAST, SCHEMES, WHOLE

ROOT = Path(__file__).parents[3]
README = re.search(
    r"```yaml\n(# documents/declaration.yaml\n.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL
)
assert README is not None
GRANT = """\
authorisation:
  id: a
  kind: own-estate
  granted_by: B
  covers: {names: [example.vn]}
  valid_from: 2026-01-01T00:00:00Z
  valid_until: 2027-01-01T00:00:00Z
"""
#: Declarations as people write them, and such that items are hard to tell from other lines.
EXAMPLES = [
    WHOLE,
    LEAST,
    README[1],
    estate.yaml_text(12),
    f"---\n{WHOLE}",
    WHOLE.replace("\n", "\r\n"),
    LEAST + GRANT,
    LEAST.replace("  - id", "- id").replace("\n    ", "\n  "),
    LEAST.replace("name: Cổng", 'name: "Cổng\n  - id: b"'),
    LEAST.replace("name: Cổng", "name: |\n      Cổng\n      - id: b"),
    LEAST.replace("name: Cổng", "name: &a Cổng").replace("owner: Sở", "owner: *a"),
    LEAST.replace("id: portal", "\n    id: portal # portal\n    # - id: b\n"),
    LEAST.replace("level: 3", "level: 3\n    level: 4"),
    LEAST.replace("level: 3", "level: !!int 3\n    hosts: [{name: [a]}, 3]"),
    LEAST.replace("{code: H00, name: Sở}", '{code: H00, name: "Sở\nsystems:\n- 0"}'),
    f"{LEAST}  -\n  - 3\n  - []\n  - {{}}\n",
    f"{LEAST}  - id: portal\n",
    f"{LEAST}  - id: b\n   name: c\n",
    f"{LEAST}systems:\n  - id: b\n",
    f"{LEAST}wrong: 1\n",
    f"{LEAST}  - {'[' * 39}{']' * 39}\n",
    f"{LEAST}  - {'[' * 38}{']' * 38}\n",
    "systems:\n  - 1\n",
    "systems: []\n",
    "systems: {}\n",
    "organisation: {code: a, name: b}\nsystems:\n",
    "- 1\n",
    "",
]

Said = tuple[Declaration | None, dict[tuple[str, ...], SourceLocation], list[str]]


def read_in_parts(path: Path) -> Said:
    """What a file declares, where, and the diagnostics about it."""
    try:
        declared, source_map = declaration.load(path, SCHEMES)
    except InputFileError as error:
        return None, {}, [str(each) for each in error.diagnostics]
    known = dict(source_map.known)
    for locations in source_map.systems.values():
        known |= locations()
    return declared, known, []


def read_whole(path: Path) -> Said:
    """The same from the tree of the whole file."""
    document = documents.read(path)
    document.refuse_repeats(((*at, "id"), document.at(*at, "id")) for at, _ in document.items("systems"))
    for at, _ in document.items("systems"):
        declaration._normalise_endpoints(document, at, SCHEMES)
        declaration._check_hosts(document, at)
        declaration._check_approval(document, at)
    declaration._check_authorisation(document)
    declared = document.take(Declaration)
    document.close()
    assert declared is not None
    known: dict[tuple[str, ...], SourceLocation] = {}
    if declared.authorisation:
        known["authorisations", declared.authorisation.id] = document.position("authorisation")
    for number, system in enumerate(declared.systems):
        known |= declaration._locations(document, ("systems", number), system)
    return declared, known, []


def said(read: Callable[[Path], Said], path: Path) -> Said:
    """What a reader gives, or its diagnostics."""
    try:
        return read(path)
    except InputFileError as error:
        return None, {}, [str(each) for each in error.diagnostics]


@pytest.mark.parametrize("text", EXAMPLES)
def test_parts_and_the_whole_say_the_same(tmp_path: Path, text: str) -> None:
    """Systems, positions and diagnostics are those of the tree of the whole file."""
    path = tmp_path / "d.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    assert said(read_in_parts, path) == said(read_whole, path)


#: What may stand anywhere in a file, by mistake or on purpose.
INSERTS = (
    *("\n", "\t", " ", "  ", "- ", "\n  - ", "\n- ", "\n-", "  - id: x\n", "#", " # c", '"', "'", "{", "}", "[", "]"),
    *(": ", ":", ",", "?", "? ", "|", ">", "|\n", "!", "!!str ", "&a ", "*a", "<<: *a", "%YAML 1.1\n", "---\n"),
    *("\r", "\r\n", "\x85", "\u2028", "\ufeff", "\x00", "\\", '"\\ud800"', "~", "null", "0x1f", "1e3", "yes", "="),
    *("systems:\n", "\nsystems:\n  - ", "authorisation:\n", "[https://a.vn/?q=1, b]", "{a?: b}", "[a?, b]", "@", "`"),
    *("...\n", "é", "😀"),
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A declaration with a few mistakes."""
    text = draw(st.sampled_from([each for each in EXAMPLES if len(each) < 3000]))
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(text)))
        end = draw(st.sampled_from([begin, begin, begin + 1, text.find("\n", begin) + 1 or begin]))
        text = text[:begin] + draw(st.sampled_from(INSERTS)) + text[end:]
    return text


@settings(max_examples=300, deadline=None)
@given(damaged())
def test_parts_and_the_whole_say_the_same_of_mistakes(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever mistakes a declaration has: what is accepted, and what is said about the rest, are the same."""
    path = tmp_path_factory.getbasetemp() / "damaged.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    assert said(read_in_parts, path) == said(read_whole, path)


# --- How much is read -----------------------------------------------------------------------------------------------


class Counted:
    """The parsers, with counts of the texts and characters that each was given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fast = self.exact = 0
        monkeypatch.setattr(yaml_parts, "item_of", self._counted("fast", yaml_parts.item_of))
        monkeypatch.setattr(yaml, "_compose", self._counted("exact", yaml._compose))

    def _counted(self, name: str, parser: Callable[..., Any]) -> Callable[..., Any]:
        def counting(text: str, *rest: Any) -> Any:
            setattr(self, name, getattr(self, name) + 1)
            return parser(text, *rest)

        return counting


def test_each_system_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast parser reads each system once, and the exact one nothing."""
    path = tmp_path / "d.yaml"
    path.write_text(estate.yaml_text(50), encoding="utf-8")
    counted = Counted(monkeypatch)
    declared, _ = declaration.load(path, SCHEMES)
    assert len(declared.systems) == counted.fast == 50
    assert counted.exact == 0


def test_only_what_the_fast_parser_cannot_read_is_read_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An irregular system among many is read by the exact parser alone."""
    path = tmp_path / "d.yaml"
    text = estate.yaml_text(50)
    path.write_text(text.replace("name: Hệ thống thông tin số 30", "name: what?"), encoding="utf-8")
    counted = Counted(monkeypatch)
    declared, _ = declaration.load(path, SCHEMES)
    assert declared.systems[30].name == "what?"
    assert (counted.fast, counted.exact) == (50, 1)


def test_a_mistake_is_found_without_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no YAML is located by the parser of its system and of what follows, not of what comes before."""
    path = tmp_path / "d.yaml"
    text = estate.yaml_text(50).replace("level: 3", "level: 3: 4")
    path.write_text(text, encoding="utf-8")
    read: list[str] = []
    compose = yaml._compose
    monkeypatch.setattr(yaml, "_compose", lambda text, source: (read.append(text), compose(text, source))[1])
    line = text[: text.index("level: 3: 4")].count("\n") + 1
    with pytest.raises(InputFileError) as caught:
        declaration.load(path, SCHEMES)
    assert [(each.line, each.column) for each in caught.value.diagnostics] == [(line, 13)]


def test_positions_are_read_when_they_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading reads no position; asking for those of a system parses its text alone."""
    built: list[documents.Location] = []
    build = DocumentPart._build

    def counting(self: DocumentPart, document: YamlDocument) -> Any:
        built.append(self.prefix)
        return build(self, document)

    monkeypatch.setattr(DocumentPart, "_build", counting)
    for name, text in (("d.yaml", estate.yaml_text(20)), ("d.jsonl", estate.json_lines(20))):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        declared, source_map = declaration.load(path, SCHEMES)
        assert [each for each in built if each] == []
        system = declared.systems[7]
        positions = source_map.endpoints(system.id)
        assert list(positions) == list(system.endpoints)
        lines = text.split("\n")
        for uri, position in positions.items():
            assert lines[position.line - 1][position.column :].startswith(uri.removesuffix("/"))
        assert [each for each in built if each] == [("systems", 7)]
        built.clear()


def test_no_data_of_a_finished_system_is_kept(tmp_path: Path) -> None:
    """A part that was read holds neither data nor positions."""
    path = tmp_path / "d.yaml"
    path.write_text(estate.yaml_text(5), encoding="utf-8")
    parts = documents.read_parts(path, "systems")
    read = [part for _, part in parts]
    assert len(read) == 5
    assert all(isinstance(part, DocumentPart) and part.data is None and not part.values for part in read)


# --- JSON lines -----------------------------------------------------------------------------------------------------


def test_json_lines_declare_what_yaml_declares(tmp_path: Path) -> None:
    """A declaration in YAML, and the same in JSON lines, are one declaration."""
    (tmp_path / "d.yaml").write_text(WHOLE, encoding="utf-8")
    whole = YAML(typ="safe").load(WHOLE)
    systems = whole.pop("systems")
    lines = [json.dumps(each, ensure_ascii=False, default=str) for each in (whole, *systems)]
    (tmp_path / "d.jsonl").write_text("\n".join(lines), encoding="utf-8")
    of_yaml, of_lines = (declaration.load(tmp_path / name, SCHEMES) for name in ("d.yaml", "d.jsonl"))
    assert of_lines[0] == of_yaml[0]
    assert of_lines[1].system("portal") == SourceLocation(source=str(tmp_path / "d.jsonl"), line=2, column=1)


NOT_A_KEY = "not JSON: Expecting property name enclosed in double quotes; write one JSON object on each line"
HEAD = '{"organisation": {"code": "H00", "name": "Sở"}}\n'
SYSTEM = '{"id": "a", "name": "A", "owner": "O", "level": 3, "approval": {"status": "none"}}\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["d.jsonl:1:1: the file is empty; write one with inspector init"]),
        (
            "{1}\n" + SYSTEM,
            [f"d.jsonl:1:2: {NOT_A_KEY}"],
        ),
        (HEAD, ["d.jsonl:1:1: systems is an empty list; add at least one item"]),
        (
            f"{HEAD}\n{SYSTEM}{SYSTEM}",
            ["d.jsonl:4:8: 'a' is a duplicate, first on line 3; remove one of them"],
        ),
        (
            HEAD + SYSTEM.replace('"level": 3', '"level": 9'),
            ["d.jsonl:2:49: level is 9; write a whole number from 1 to 5"],
        ),
        (
            HEAD + SYSTEM.replace('"level": 3', '"level": 3, "level": 4'),
            ["d.jsonl:2:52: duplicate key 'level', first on line 2; remove one of them"],
        ),
        (
            HEAD + SYSTEM.replace('"owner"', '"ownr"'),
            ["d.jsonl:2:1: owner is missing; add owner: …", "d.jsonl:2:26: unknown key 'ownr'; did you mean 'owner'?"],
        ),
        (
            f'{HEAD}{SYSTEM}{{"id": }}\n[1]\n',
            [
                "d.jsonl:3:8: not JSON: Expecting value; write one JSON object on each line",
                "d.jsonl:4:1: an item of systems is a list, not a mapping; write key: value lines; known here: "
                + ", ".join(System.model_fields),
            ],
        ),
        (
            HEAD.replace("}}", '}, "systems": []}') + SYSTEM,
            ["d.jsonl:1:49: systems is in the first line; write each on a line of its own, after the first"],
        ),
        (
            HEAD + SYSTEM.replace('"A"', '"\\ud800"'),
            [
                "d.jsonl:2:21: a lone surrogate is not a character; remove the escape",
                "d.jsonl:2:21: name is empty; write it out",
            ],
        ),
        (
            HEAD + SYSTEM.replace("3", "NaN"),
            ["d.jsonl:2:49: not JSON: Expecting value; write one JSON object on each line"],
        ),
        (
            f"{HEAD}{'[' * 100_000}",
            ["d.jsonl:2:1: lists and mappings are nested too deep; flatten them"],
        ),
        (
            f"{HEAD}{'[' * 50}{']' * 50}",
            ["d.jsonl:2:39: lists and mappings are nested too deep; flatten them"],
        ),
    ],
)
def test_a_mistake_in_json_lines_is_located(tmp_path: Path, text: str, expected: list[str]) -> None:
    """Every error is at its line and column."""
    path = tmp_path / "d.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputFileError) as caught:
        declaration.load(path, SCHEMES)
    assert [str(each).replace(str(path), path.name) for each in caught.value.diagnostics] == expected


def test_characters_outside_the_basic_plane_may_be_escaped(tmp_path: Path) -> None:
    """A pair of surrogates in JSON is one character."""
    path = tmp_path / "d.jsonl"
    path.write_text(HEAD + SYSTEM.replace('"A"', '"\\ud83d\\ude00"'), encoding="utf-8")
    declared, source_map = declaration.load(path, SCHEMES)
    assert declared.systems[0].name == "😀"
    assert source_map.system("a") == SourceLocation(source=str(path), line=2, column=1)
