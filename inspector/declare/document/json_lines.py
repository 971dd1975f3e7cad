"""A file of JSON lines: first a document without its list, then one item of the list on each line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from inspector.declare.document.document import Location, YamlDocument
from inspector.declare.document.parts import DocumentPart, Irregular, Parts
from inspector.declare.document.yaml import DEEPEST
from inspector.model.errors import Diagnostic
from inspector.model.formatted import FormattedMessage


class JsonLines(Parts):
    """The parts of a text of JSON lines; each error is at its line and column."""

    def __init__(self, text: str, source: str, key: str) -> None:
        super().__init__(source, key)
        lines = enumerate(re.finditer(r".*\n|.+", text), 1)
        self._lines = ((line, found[0]) for line, found in lines if found[0].strip())

    def _items(self) -> Iterator[tuple[Location, YamlDocument]]:
        first = next(self._lines, None)
        if first is None:
            self.head.diagnostic((), "the file is empty", "write one with inspector init")
            self.close()
            return
        head = self._part((), *first)
        found = 0
        for found, (line, text) in enumerate(self._lines, 1):
            part = self._part((self.key, found - 1), line, text)
            if part is not None:
                yield part.prefix, part
        if head is None:
            self.close()
        else:
            self._take_head(head, found)

    def _take_head(self, head: DocumentPart, found: int) -> None:
        if isinstance(head.data, dict):
            if self.key in head.data:
                what = FormattedMessage("{key} is in the first line", key=self.key)
                head.diagnostic_of_key((self.key,), what, "write each on a line of its own, after the first")
            head.data[self.key] = [0] * found
        self.head = head

    def _part(self, location: Location, line: int, text: str) -> DocumentPart | None:
        """The document of a line; None, with a diagnostic, for one that is no JSON."""
        part = DocumentPart(self.source, location, text, line, self._diagnostics, in_list=False)
        try:
            part.data = _value(text)
        except json.JSONDecodeError as error:
            what = FormattedMessage("not JSON: {problem}", problem=error.msg)
            self._refuse(line, error.colno, what, "write one JSON object on each line")
            return None
        except RecursionError:
            self._refuse(line, 1, "lists and mappings are nested too deep", "flatten them")
            return None
        except (Irregular, ValueError):
            part.read_exactly()
        return part

    def _refuse(self, line: int, column: int, what: str, remedy: str) -> None:
        self.head.add(Diagnostic(self.head.source, line, column, what, remedy))


def _value(text: str) -> Any:
    """The value of a JSON text. Raises Irregular, or ValueError, for what the parser of YAML has a diagnostic for."""

    def refuse(constant: str) -> NoReturn:
        raise json.JSONDecodeError("Expecting value", text, text.index(constant))

    value = json.loads(text, object_pairs_hook=_mapping, parse_constant=refuse)
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate
    if text.count("[") + text.count("{") > DEEPEST - 2 and _depth(value) > DEEPEST - 2:
        raise Irregular
    return value


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise Irregular
    return data


def _depth(value: Any) -> int:
    """How deep lists and mappings are nested."""
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(_depth, value.values() if isinstance(value, dict) else value), default=0)
