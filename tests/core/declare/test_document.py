"""Files written by people: every diagnostic is located, and no input breaks the parser."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from inspector.declare import declaration, statement
from inspector.declare import document as documents
from inspector.declare.document import SourceLocation, SourceMap, diagnostic_at
from inspector.declare.document import files as file_text
from inspector.declare.document.yaml import DEEPEST, MOST_REPEATED, read_yaml
from inspector.model.base import Model
from inspector.model.errors import Diagnostic, InputFileError


class Leaf(Model):
    """A value for these tests."""

    size: int = Field(default=1, ge=1, le=9)
    word: str = "a"
    flag: bool = False


class Tree(Model):
    """A model with nested models."""

    title: str
    leaf: Leaf = Leaf()
    leaves: tuple[Leaf, ...] = Field(default=(Leaf(),), min_length=1)
    named: dict[str, Leaf] = {}


def diagnostics(text: str) -> list[str]:
    """The diagnostics about this text as a Tree, in a file called ``f``."""
    with pytest.raises(InputFileError) as caught:  # noqa: PT012  (either may raise)
        document = read_yaml(text, "f")
        document.take(Tree)
        document.close()
    return [str(diagnostic) for diagnostic in caught.value.diagnostics]


def diagnostics_of_file(path: Path) -> list[str]:
    """The diagnostics about this file, with its name for its path."""
    with pytest.raises(InputFileError) as caught:
        documents.read(path)
    return [str(diagnostic).replace(str(path), path.name) for diagnostic in caught.value.diagnostics]


# --- Files ----------------------------------------------------------------------------------------------------------


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that does not exist is an error that names it."""
    assert diagnostics_of_file(tmp_path / "d.yaml") == [
        "d.yaml: there is no such file; check the path, or write one with inspector init"
    ]


def test_a_folder_is_no_document(tmp_path: Path) -> None:
    """A folder is refused as such."""
    assert diagnostics_of_file(tmp_path) == [f"{tmp_path.name}: this is a folder; name the file in it"]


def test_an_unreadable_file_says_why(tmp_path: Path) -> None:
    """Errors of the operating system are reported with its message."""
    path = tmp_path / "loop.yaml"
    path.symlink_to(path)
    assert diagnostics_of_file(path) == [
        "loop.yaml: cannot be read: Too many levels of symbolic links; check its permissions and its path"
    ]


def test_a_byte_that_is_not_utf8_is_located(tmp_path: Path) -> None:
    """The first byte that is not UTF-8 is named with line and column, counted in characters."""
    path = tmp_path / "d.yaml"
    path.write_bytes("a: 1\nổ: ".encode() + b"\xff\n")
    assert diagnostics_of_file(path) == ["d.yaml:2:4: byte 0xff is not UTF-8; save the file as UTF-8"]


def test_a_byte_order_mark_is_no_diagnostic(tmp_path: Path) -> None:
    """A file that begins with a byte order mark reads like one without, columns included."""
    path = tmp_path / "d.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    document = documents.read(path)
    assert document.data == {"a": 1}
    assert document.position("a") == SourceLocation(source=str(path), line=1, column=4)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    """A file above the bound is refused without reading the rest."""
    path = tmp_path / "d.yaml"
    with path.open("wb") as file:
        os.truncate(file.fileno(), file_text.LARGEST_FILE * 1000)
    assert diagnostics_of_file(path) == ["d.yaml: larger than 20,000,000 bytes; split it into several files"]


# --- Syntax ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "diagnostic"),
    [
        ("", "f:1:1: the file is empty; write one with inspector init"),
        ("# nothing\n", "f:1:1: the file is empty; write one with inspector init"),
        ("a:\n\tb: 1\n", "f:2:1: not YAML: found character '\\t' that cannot start any token; indent with spaces"),
        (
            "a: b: c\n",
            "f:1:5: not YAML: mapping values are not allowed here; put the text in quotes, or start a new line",
        ),
        ("a: *x\n", "f:1:4: not YAML: found undefined alias 'x'; define the anchor before, or write the value out"),
        ("a: 1\n---\nb: 2\n", "f:2:1: not YAML: but found another document; keep one document in a file"),
        (
            "a: [1, 2\nb: 3\n",
            "f:2:2: not YAML: expected ',' or ']', but got ':'; check indentation, brackets and quotes nearby",
        ),
        ('a: "\\U00110000"\n', "f:1:1: not YAML: chr() arg not in range(0x110000); repair the syntax"),
        ("a: 1\nb: \x07\n", "f:2:4: character U+0007 is not allowed in YAML; remove it"),
    ],
)
def test_broken_syntax_is_located(text: str, diagnostic: str) -> None:
    """A YAML syntax error is reported with line, column and remedy."""
    assert diagnostics(text) == [diagnostic]


def test_duplicate_keys_are_all_located() -> None:
    """Every duplicate key is reported at its second location, at any depth."""
    assert diagnostics("title: a\ntitle: b\nleaf:\n  size: 1\n  size: 2\n") == [
        "f:2:1: duplicate key 'title', first on line 1; remove one of them",
        "f:5:3: duplicate key 'size', first on line 4; remove one of them",
    ]


def test_tags_and_strange_keys_are_refused() -> None:
    """A tag builds nothing, and a key that is a list is an error."""
    assert diagnostics("title: !!python/object:os.system ls\n? [a]\n: 1\n") == [
        "f:1:8: the tag 'python/object:os.system' has no meaning here; remove it",
        "f:2:3: a key is not plain text; write key: value",
    ]


def test_scalars_are_what_yaml_1_2_says() -> None:
    """``no`` and ``22:00`` stay text, dates stay as they are written, 017 is seventeen."""
    document = read_yaml("[no, 22:00, 2026-01-31, 017, 0x1f, 1.5, ~, true, .inf, !!str 12, 99999999999]", "f")
    assert document.data == ["no", "22:00", "2026-01-31", 17, 31, 1.5, None, True, ".inf", "12", 99999999999]


def test_half_a_surrogate_pair_is_refused() -> None:
    """An escape that is no character is an error, not a crash further on."""
    assert diagnostics('title: "\\ud800"\n') == ["f:1:8: a lone surrogate is not a character; remove the escape"]


def test_alias_bombs_are_bounded() -> None:
    """Aliases that repeat too much are refused before they grow."""
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
    )
    [diagnostic] = diagnostics(bomb)
    assert diagnostic.endswith(f": aliases repeat more than {MOST_REPEATED:,} values; write the values out")
    assert diagnostic.startswith("f:")


def test_an_alias_within_itself_is_refused() -> None:
    """A value cannot contain itself."""
    assert diagnostics("title: &a [1, *a]\n") == ["f:1:8: an alias is inside its own anchor; write the value out"]


def test_aliases_in_moderation_are_read() -> None:
    """An alias is its anchor's value, each at its own place."""
    document = read_yaml("a: &x {b: 1}\nc: *x\n", "f")
    assert document.data == {"a": {"b": 1}, "c": {"b": 1}}


@pytest.mark.parametrize("depth", [DEEPEST + 1, 5000])
def test_depth_is_bounded(depth: int) -> None:
    """Lists that are nested too deep are refused, whatever their depth."""
    assert diagnostics("[" * depth + "]" * depth) == [
        f"f:1:{DEEPEST + 1}: lists and mappings are nested too deep; flatten them"
    ]


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("ab:-[]{}&*!|>'\"#%@,? \n\t\\01~<=\x00\x85é\ud800"), max_size=40))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    """Any text gives a document or an InputFileError whose diagnostics have line and column."""
    found: tuple[Diagnostic, ...] = ()
    try:
        document = read_yaml(text, "f")
        document.take(Tree)
        document.close()
    except InputFileError as error:
        found = error.diagnostics
    assert all(diagnostic.line >= 1 and diagnostic.column >= 1 for diagnostic in found)


# --- Values ---------------------------------------------------------------------------------------------------------


def test_all_diagnostics_come_at_once_in_the_order_of_the_file() -> None:
    """Unknown keys, wrong types, wrong numbers and missing keys are reported together, from top to bottom."""
    text = """\
leav: 1
leaf:
  siz: 1
  flag: yes
leaves:
  - {size: 12}
  - {size: true, word: 3}
  - [1]
  -
named:
  x: {size: "1"}
"""
    assert diagnostics(text) == [
        "f:1:1: title is missing; add title: …",
        "f:1:1: unknown key 'leav'; did you mean 'leaves'?",
        "f:3:3: unknown key 'siz'; did you mean 'size'?",
        "f:4:9: flag is 'yes'; write true or false",
        "f:6:12: size is 12; write a whole number from 1 to 9",
        "f:7:12: size is true, not a whole number; write a whole number from 1 to 9",
        "f:7:24: word is 3, not text; put it in quotes",
        "f:8:5: an item of leaves is a list, not a mapping; write key: value lines; known here: size, word, flag",
        "f:9:4: an item of leaves is empty; write key: value lines; known here: size, word, flag",
        "f:11:13: size is '1', not a whole number; write a whole number from 1 to 9",
    ]


def test_a_document_that_is_no_mapping_says_what_it_needs() -> None:
    """A list or a word where a mapping belongs is an error at its place."""
    assert diagnostics("- a\n") == [
        "f:1:1: the file is a list, not a mapping; write key: value lines; known here: title, leaf, leaves, named"
    ]
    assert diagnostics("\n  word\n")[0].startswith("f:2:3: the file is 'word', not a mapping;")


def test_an_unknown_key_far_from_all_gets_the_list() -> None:
    """A key that resembles nothing is answered with the keys that are known."""
    assert diagnostics("title: a\nzzzzz: 1\n") == ["f:2:1: unknown key 'zzzzz'; known here: title, leaf, leaves, named"]


def test_a_list_of_faulty_items_is_not_called_empty() -> None:
    """Only a list without items is too short."""
    assert diagnostics("title: a\nleaves: [{size: 0}]\n") == ["f:2:17: size is 0; write a whole number from 1 to 9"]
    assert diagnostics("title: a\nleaves: []\n") == ["f:2:9: leaves is an empty list; add at least one item"]


def test_messages_hold_no_control_characters() -> None:
    """Text of a file is escaped and truncated in messages."""
    [diagnostic] = diagnostics(f'title: a\nleaf: {{size: "\\e[31m{"x" * 500}"}}\n')
    assert "\x1b" not in diagnostic
    assert len(diagnostic) < 200


def test_a_diagnostic_finds_its_place() -> None:
    """``diagnostic_at`` takes line and column from a place, or names the thing where no place is known."""
    assert str(diagnostic_at(SourceLocation(source="f", line=2, column=3), "wrong", "fix it")) == "f:2:3: wrong; fix it"
    assert str(diagnostic_at(None, "wrong", source="authorisation x")) == "authorisation x: wrong"


def test_places_are_known_by_name() -> None:
    """Systems, hosts, endpoints and authorisations are found by their names, and nothing else is."""
    position = SourceLocation(source="f", line=2, column=3)
    source_map = SourceMap({("systems", "a.b", "endpoints", "https://x/"): position, ("systems", "a.b"): position})
    assert source_map.endpoint("a.b", "https://x/") == position
    assert source_map.endpoints("a.b") == {"https://x/": position}
    assert source_map.system("a.b") == position
    assert source_map.endpoint("a", "https://x/") is None
    assert source_map.host("a.b", "x") is None
    assert source_map.authorisation("a.b") is None


@pytest.mark.parametrize("version", ["1.0", "1.3", "1.99", "2.0", "1." + "9" * 5000])
@pytest.mark.parametrize("quickly", [True, False])
def test_a_version_of_yaml_that_is_unknown_is_refused(version: str, quickly: bool) -> None:
    """A %YAML directive that the parser does not know is a diagnostic, or has no effect; 1.1 and 1.2 are read."""
    with contextlib.suppress(InputFileError):
        assert read_yaml(f"%YAML {version}\n---\na: 1\n", "f", quickly=quickly).data == {"a": 1}
    for known in ("1.1", "1.2"):
        assert read_yaml(f"%YAML {known}\n---\na: 1\n", "f", quickly=quickly).data == {"a": 1}


def test_depth_is_bounded_in_the_quick_parser_too() -> None:
    """Nesting that overflows the stack of the C parser is a diagnostic in a process that lives on."""
    for text in ("[" * 100_000, "{a: " * 100_000, "- " * 100_000 + "x"):
        script = f"from inspector.declare.document.yaml import read_yaml; read_yaml({text!r}, 'f', quickly=True)"
        done = subprocess.run([sys.executable, "-"], input=script, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "lists and mappings are nested too deep" in done.stderr


def test_a_path_in_another_encoding_is_escaped(tmp_path: Path) -> None:
    """A file name that is no UTF-8 stands in locations, which are stored, as an escape."""
    path = tmp_path / os.fsdecode(b"d\xff.yaml")
    path.write_text("a: 1\n")
    assert documents.read(path).position("a").source.endswith(r"d\udcff.yaml")


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("a: 1\n" + "".join(f"key{n}: 1\n" for n in range(200_000)), "x:1001:1"),
        ("a: 'b: c'\nb: [https://a.vn/]\nsystems:\n- id: a\n" + "  key: 1\n" * 200_000, "x:1004:3"),
        ("a:\n  b: {" + ", ".join(f"key{n}: 1" for n in range(200_000)) + "}\n", "x:2:"),
    ],
    ids=["top", "below", "flow"],
)
def test_a_mapping_with_too_many_keys_is_not_read_to_its_end(text: str, position: str) -> None:
    """One error at the first key that is too many, however many follow: they are neither built nor explained."""
    with pytest.raises(InputFileError) as caught:
        read_yaml(text, "x")
    assert [str(each).startswith(position) for each in caught.value.diagnostics] == [True]
    assert "a mapping has more than 1,000 keys" in str(caught.value)


def test_the_first_errors_are_told(tmp_path: Path) -> None:
    """Twenty errors are shown in their order, and a line that says that there are more; the rest is not read."""
    path = tmp_path / "statements.yaml"
    path.write_text("statements: []\n" + "".join(f"wrong{n}: 1\n" for n in range(500)))
    with pytest.raises(InputFileError) as caught:
        statement.load(path)
    *lines, last = str(caught.value).splitlines()
    assert [line.partition(": ")[0] for line in lines] == [f"{path}:{n}:1" for n in range(2, 22)]
    assert last == "there are more than 20 errors; repair these first"


@pytest.mark.parametrize("suffix", [".yaml", ".jsonl"])
def test_reading_a_list_ends_after_its_first_errors(tmp_path: Path, suffix: str) -> None:
    """Errors of many items, one in each: the first twenty are told, in their order."""
    path = tmp_path / f"declaration{suffix}"
    items = [f'{{"id": "s{n}", "nome": 1}}' for n in range(300)]
    head = '{"organisation": {"code": "T-1", "name": "x"}}'
    if suffix == ".yaml":
        path.write_text("organisation: {code: T-1, name: x}\nsystems:\n" + "".join(f"- {each}\n" for each in items))
    else:
        path.write_text("\n".join([head, *items]))
    with pytest.raises(InputFileError) as caught:
        declaration.load(path, {})
    *lines, last = str(caught.value).splitlines()
    numbers = [int(line.removeprefix(f"{path}:").partition(":")[0]) for line in lines]
    assert numbers == sorted(numbers)
    assert numbers[0] == (3 if suffix == ".yaml" else 2)
    assert len(lines) == 20
    assert last == "there are more than 20 errors; repair these first"
