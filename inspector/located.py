"""YAML whose every value knows its place, so that a fault names file, line and column.

YAML 1.2 as far as papers and profiles need it: mappings with plain keys, sequences, scalars. Duplicate keys, anchors,
aliases and tags are refused; dates stay text for the model to read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from inspector.errors import Fault, PaperError

T = TypeVar("T")

#: The way to a value: keys and indices from the top.
Path = tuple[str | int, ...]

#: Nothing that a person writes is longer or deeper.
MOST_BYTES = 10_000_000
MOST_DEPTH = 30

_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Located:
    """Plain data with the place (line and column, from 1) of every key and item."""

    source: str
    data: Any
    places: dict[Path, tuple[int, int]]

    def place(self, path: Path) -> tuple[int, int]:
        """Line and column of the value at ``path``, or of the nearest thing that holds it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))

    def fault(self, path: Path, what: str, remedy: str = "") -> Fault:
        """A fault at ``path``."""
        line, column = self.place(path)
        return Fault(self.source, line, column, what, remedy)

    def parse(self, model: type[T]) -> T:
        """The data as ``model``; raises PaperError with one located fault per error."""
        try:
            return TypeAdapter(model).validate_python(self.data)
        except ValidationError as error:
            raise PaperError(list(self._faults(error, model))) from None

    def _faults(self, error: ValidationError, model: Any) -> Iterator[Fault]:
        known = _field_names(model)
        for each in error.errors(include_url=False, include_context=False):
            path = self._known(each["loc"])
            name = ".".join(str(part) for part in path)
            last = str(each["loc"][-1]) if each["loc"] else ""
            match each["type"]:
                case "missing":
                    yield self.fault(path, f"{name or 'the file'} lacks {last!r}", f"add {last!r}")
                case "extra_forbidden":
                    near = get_close_matches(last, known, n=1)
                    remedy = f"did you mean {near[0]!r}?" if near else "remove it or correct its spelling"
                    yield self.fault(path, f"unknown key {name!r}", remedy)
                case "value_error":
                    what, _, remedy = each["msg"].removeprefix("Value error, ").partition("; ")
                    yield self.fault(path, f"{name}: {what}" if name else what, remedy)
                case _:
                    yield self.fault(path, f"{name}: {each['msg']}" if name else each["msg"])

    def _known(self, loc: tuple[str | int, ...]) -> Path:
        """The part of pydantic's location that exists in the file (it also names union members and the like)."""
        path: Path = ()
        for part in loc:
            if (*path, part) in self.places:
                path = (*path, part)
        return path


def read(text: bytes | str, source: str) -> Located:
    """Read one YAML document; raises PaperError."""
    if len(text) > MOST_BYTES:
        raise PaperError([Fault(source, 0, 0, f"longer than {MOST_BYTES} bytes", "split it into several files")])
    try:
        words = text.decode() if isinstance(text, bytes) else text
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1 if isinstance(text, bytes) else 0
        raise PaperError([Fault(source, line, 1, "not UTF-8", "save the file as UTF-8")]) from None
    try:
        _refuse_aliases(words, source)
        node = YAML(typ="safe", pure=True).compose(words)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise PaperError([Fault(source, line, column, error.problem or "not YAML", "correct the YAML")]) from None
    except RecursionError:
        raise PaperError([Fault(source, 0, 0, f"nested deeper than {MOST_DEPTH}", "flatten it")]) from None
    except YAMLError as error:
        what = " ".join(str(error).split())
        raise PaperError([Fault(source, 0, 0, what, "correct the YAML")]) from None
    if node is None:
        raise PaperError([Fault(source, 1, 1, "empty", "write at least one key")])
    reader = _Reader(source)
    data = reader.plain(node, ())
    if reader.faults:
        raise PaperError(reader.faults)
    return Located(source, data, reader.places)


def _refuse_aliases(words: str, source: str) -> None:
    """Aliases let a short file stand for an endless one."""
    if "*" not in words and "&" not in words:
        return
    for event in YAML(typ="safe", pure=True).parse(words):
        if isinstance(event, AliasEvent):
            mark = event.start_mark
            fault = Fault(source, mark.line + 1, mark.column + 1, "an alias", "write the value out")
            raise PaperError([fault])


class _Reader:
    """Turns nodes into plain data and notes places and faults on the way."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.places: dict[Path, tuple[int, int]] = {}
        self.faults: list[Fault] = []

    def plain(self, node: Node, path: Path) -> Any:
        """The plain value of a node at ``path``."""
        self.places.setdefault(path, _place(node))
        if len(path) > MOST_DEPTH:
            self.blame(node, f"nested deeper than {MOST_DEPTH}", "flatten it")
            return None
        if isinstance(node, MappingNode):
            return self.mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.plain(item, (*path, index)) for index, item in enumerate(node.value)]
        return self.scalar(node)

    def mapping(self, node: MappingNode, path: Path) -> dict[Any, Any]:
        plain: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self.blame(key_node, "a key that is no plain word", "write a plain word")
                continue
            key = self.scalar(key_node)
            if not isinstance(key, str | int):
                key = str(key_node.value)
            if key in plain:
                self.blame(key_node, f"key {key!r} stands twice", "keep one of them")
                continue
            self.places[*path, key] = _place(key_node)
            plain[key] = self.plain(value_node, (*path, key))
        return plain

    def scalar(self, node: ScalarNode) -> str | int | float | bool | None:
        tag = str(node.tag).removeprefix(_TAG)
        text: str = node.value
        match tag:
            case "null":
                return None
            case "bool":
                return text.lower() in ("true", "yes", "on")
            case "int":
                return int(text.replace("_", ""), 0 if text.lstrip("+-").lower().startswith(("0x", "0o", "0b")) else 10)
            case "float":
                return float(text.lower().replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
            case "str" | "timestamp":
                return text
        self.blame(node, f"tag {node.tag}", "write the value without a tag")
        return None

    def blame(self, node: Node, what: str, remedy: str) -> None:
        line, column = _place(node)
        self.faults.append(Fault(self.source, line, column, what, remedy))


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _field_names(model: Any, seen: set[Any] | None = None) -> list[str]:
    """All field names that may stand anywhere in this type: candidates for a misspelt key."""
    seen = set() if seen is None else seen
    if model in seen:
        return []
    seen.add(model)
    names: list[str] = []
    if isinstance(model, type) and issubclass(model, BaseModel):
        for name, field in model.model_fields.items():
            names.append(field.alias or name)
            names.extend(_field_names(field.annotation, seen))
    for argument in getattr(model, "__args__", ()):
        names.extend(_field_names(argument, seen))
    return names
