"""Parsing of YAML into a document: bounded and strict."""

from __future__ import annotations

import io
import re
import warnings
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent, MappingStartEvent, NodeEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.reader import ReaderError

from inspector.declare.document.document import Location, Mark, YamlDocument
from inspector.model.errors import Diagnostic, InputFileError
from inspector.model.formatted import FormattedMessage

#: The maximum nesting of lists and mappings.
DEEPEST = 40
#: The most keys of a mapping. Where there are more, none of them is told: each would be an error.
MOST_KEYS = 1_000
#: The most values that aliases may repeat in all.
MOST_REPEATED = 10_000


def read_yaml(text: str, source: str, *, quickly: bool = False) -> YamlDocument:
    """The document of a YAML text; raises InputFileError when it is empty or has a syntax error.

    ``quickly`` parses with the C parser, for the many files of packages; on an error the Python parser runs too, so
    that the diagnostics are the same.
    """
    node = compose(text, source, quickly=quickly)
    document = YamlDocument(source)
    if node is None:
        document.diagnostic((), "the file is empty", "write one with inspector init")
        document.close()
    else:
        document.data = build(document, node)
    return document


def build(document: YamlDocument, node: Node, location: Location = (), first: int = 1) -> Any:
    """The plain data of a node, which is at this location; positions and diagnostics are added to the document.

    ``first`` is the line of the file on which the text of the node begins. Raises InputFileError.
    """
    return _Builder(document, first).build(node, location)


_REMEDIES = (
    (r"\\t|tab", "indent with spaces"),
    ("mapping values are not allowed", "put the text in quotes, or start a new line"),
    ("undefined alias", "define the anchor before, or write the value out"),
    ("another document", "keep one document in a file"),
)


#: The nesting that the C parser, which recurses without a bound, composes without overflowing its stack.
_DEEPEST_FOR_C = 10_000


def _most_nesting(text: str) -> int:
    """A bound of the nesting: each level needs a bracket, or two characters of a line."""
    return text.count("[") + text.count("{") + max(map(len, text.splitlines()), default=0)


def _composed_quickly(text: str) -> Node | None:
    """The node tree of the C parser, or None on an error."""
    if _most_nesting(text) > _DEEPEST_FOR_C:
        return None
    try:
        return YAML(typ="safe", pure=False).compose(io.StringIO(text))  # type: ignore[no-any-return]
    except (YAMLError, ValueError, OverflowError, RecursionError, AssertionError):
        return None


#: What the C parser, of YAML 1.1, may read in another way than the Python parser.
_OF_1_1 = re.compile(r"[\t?|>!]")


def reads_alike(text: str) -> bool:
    """Whether the C parser reads a text as the Python parser does, or refuses it."""
    return _OF_1_1.search(text) is None


def compose(text: str, source: str, *, quickly: bool = False) -> Node | None:
    """The node tree of a text, None when it is empty; ``quickly`` as in read_yaml. Raises InputFileError."""
    if text.count(":") > MOST_KEYS:
        _refuse_wide(text, source)
    return (_composed_quickly(text) if quickly else None) or _compose(text, source)


def _refuse_wide(text: str, source: str) -> None:
    """Raise InputFileError for a mapping with too many keys, without reading further than to it; by the C parser."""
    nodes: list[list[int]] = [[0]]  # of each open list and mapping, how many nodes it has so far; a list counts none
    try:
        for event in YAML(typ="safe", pure=False).parse(io.StringIO(text)):
            if not isinstance(event, NodeEvent):
                if isinstance(event, CollectionEndEvent):
                    nodes.pop()
                continue
            nodes[-1][0] += 1
            if nodes[-1][0] > 2 * MOST_KEYS and len(nodes[-1]) > 1:
                break
            if isinstance(event, MappingStartEvent):
                nodes.append([0, 1])
            elif isinstance(event, CollectionStartEvent):
                nodes.append([0])
            if len(nodes) > _DEEPEST_FOR_C:
                return  # the exact parser refuses it; this one would need time with the square of the depth
        else:
            return
    except (YAMLError, ValueError, OverflowError):  # told by the exact parser
        return
    raise _too_wide(source, event.start_mark)


def _too_wide(source: str, mark: Any) -> InputFileError:
    what = FormattedMessage("a mapping has more than {limit} keys", limit=f"{MOST_KEYS:,}")
    remedy = "check the indentation, and remove what does not belong to it"
    return InputFileError([Diagnostic(source, mark.line + 1, mark.column + 1, what, remedy)])


class _TooWide(Exception):
    """Raised by the composer; its argument is where the key begins that is one too many."""


class _Composer(Composer):
    """Composes no mapping with too many keys."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if isinstance(parent, MappingNode) and index is None and len(parent.value) >= MOST_KEYS:
            raise _TooWide(self.parser.peek_event().start_mark)
        return super().compose_node(parent, index)


def _compose(text: str, source: str) -> Node | None:
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Composer

    def refuse(what: str, remedy: str, line: int, column: int) -> NoReturn:
        raise InputFileError([Diagnostic(source, line, column, what, remedy)]) from None

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an anchor that is defined anew
            return yaml.compose(io.StringIO(text))  # type: ignore[no-any-return]
    except _TooWide as error:
        raise _too_wide(source, error.args[0]) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "broken syntax"
        remedies = (remedy for sign, remedy in _REMEDIES if re.search(sign, problem))
        remedy = next(remedies, "check indentation, brackets and quotes nearby")
        refuse(
            FormattedMessage("not YAML: {problem}", problem=problem),
            remedy,
            mark.line + 1 if mark else 1,
            mark.column + 1 if mark else 1,
        )
    except ReaderError as error:
        before = text[: error.position].rpartition("\n")[2]
        line = text.count("\n", 0, error.position) + 1
        refuse(
            FormattedMessage("character U+{text} is not allowed in YAML", text=f"{ord(text[error.position]):04X}"),
            "remove it",
            line,
            len(before) + 1,
        )
    except RecursionError:
        refuse("lists and mappings are nested too deep", "flatten them", *_too_deep(text))
    except Exception as error:  # noqa: BLE001  (whatever the parser raises for a text, such as its AssertionError)
        refuse(
            FormattedMessage("not YAML: {error}", error=str(error) or type(error).__name__), "repair the syntax", 1, 1
        )


def _too_deep(text: str) -> Mark:
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(io.StringIO(text)):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > DEEPEST:
            return event.start_mark.line + 1, event.start_mark.column + 1
    return 1, 1


_TAG = "tag:yaml.org,2002:"
#: The tags of what is not a list or a mapping.
SCALAR_TAGS = ("str", "null", "bool", "int", "float", "timestamp")


def short_tag(tag: object) -> str:
    """A tag without the prefix of YAML's own."""
    return str(tag).removeprefix(_TAG)


class _Builder:
    """Turns YAML nodes into the plain data of a document; their text begins on line ``first`` of the file."""

    def __init__(self, document: YamlDocument, first: int = 1) -> None:
        self.document = document
        self.first = first
        self.seen: set[int] = set()
        self.open: set[int] = set()
        self.repeated = 0

    def build(self, node: Node, location: Location) -> Any:
        self.document.values[location] = self._mark(node)
        self._bound(node, location)
        if isinstance(node, ScalarNode):
            return self._scalar(node, location)
        self.open.add(id(node))
        if isinstance(node, MappingNode):
            value: Any = self._mapping(node, location)
        else:
            value = self._sequence(node, location)
        self.open.discard(id(node))
        return value

    def _mark(self, node: Node) -> Mark:
        return node.start_mark.line + self.first, node.start_mark.column + 1

    def _bound(self, node: Node, location: Location) -> None:
        if len(location) >= DEEPEST and not isinstance(node, ScalarNode):
            self._refuse(location, "lists and mappings are nested too deep", "flatten them")
        if id(node) in self.open:
            self._refuse(location, "an alias is inside its own anchor", "write the value out")
        self.repeated += id(node) in self.seen
        if self.repeated > MOST_REPEATED:
            self._refuse(
                location,
                FormattedMessage("aliases repeat more than {limit} values", limit=f"{MOST_REPEATED:,}"),
                "write the values out",
            )
        self.seen.add(id(node))

    def _refuse(self, location: Location, what: str, remedy: str) -> NoReturn:
        self.document.diagnostic(location, what, remedy)
        self.document.close()
        raise AssertionError("a document with a diagnostic does not close")

    def _check_tag(self, node: Node, location: Location, *known: str) -> None:
        tag = short_tag(node.tag)
        if tag not in known:
            self.document.diagnostic(
                location, FormattedMessage("the tag {tag} has no meaning here", tag=repr(tag)), "remove it"
            )

    def _mapping(self, node: MappingNode, location: Location) -> dict[str, Any]:
        self._check_tag(node, location, "map")
        data: dict[str, Any] = {}
        for key, value in node.value:
            mark = self._mark(key)
            if not isinstance(key, ScalarNode):
                self.document.add(
                    Diagnostic(self.document.source, *mark, "a key is not plain text", "write key: value")
                )
                continue
            name = str(key.value)
            below = (*location, name)
            if name in data:
                first = self.document.keys[below][0]
                what = FormattedMessage("duplicate key {name}, first on line {first}", name=repr(name), first=first)
                self.document.add(Diagnostic(self.document.source, *mark, what, "remove one of them"))
                continue
            self.document.keys[below] = mark
            data[name] = self.build(value, below)
            if value.start_mark.index == value.end_mark.index:
                self.document.values[below] = mark  # no value is written: ruamel points at the next token
        return data

    def _sequence(self, node: Node, location: Location) -> list[Any]:
        self._check_tag(node, location, "seq")
        return [self.build(each, (*location, index)) for index, each in enumerate(node.value)]

    def _scalar(self, node: ScalarNode, location: Location) -> Any:
        self._check_tag(node, location, *SCALAR_TAGS)
        text = str(node.value)
        if any("\ud800" <= character <= "\udfff" for character in text):
            self.document.diagnostic(location, "a lone surrogate is not a character", "remove the escape")
            return ""
        return plain(text, short_tag(node.tag))


def plain(text: str, tag: str) -> Any:
    """A scalar by the rules of YAML 1.2; dates, and what fits no other type, stay text."""
    if tag == "null":
        return None
    if tag == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if tag == "int" and re.fullmatch(r"[-+]?[0-9]{1,30}", text):
        return int(text)
    if tag == "int" and re.fullmatch(r"0(x[0-9a-fA-F]{1,30}|o[0-7]{1,30})", text):
        return int(text, 0)
    if tag == "float" and re.fullmatch(r"[-+]?[0-9.]{1,30}(e[-+]?[0-9]{1,2})?", text, re.IGNORECASE):
        return float(text)
    return text
