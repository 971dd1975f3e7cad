"""A YAML file with one long list at its top, read one item at a time.

The text is cut where the items of a block list begin. Each is parsed alone, by the C parser where it gives what the
exact one gives. A text that cannot be cut is read as a whole: one with anchors, or with quotes over several lines that
resemble items. So is what remains when an item turns out to be none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from inspector.declare.document.document import Location, YamlDocument
from inspector.declare.document.files import LARGEST_FILE
from inspector.declare.document.parts import DocumentPart, Irregular, Parts, moved
from inspector.declare.document.yaml import compose, read_yaml, reads_alike
from inspector.declare.document.yaml_events import item_of
from inspector.model.errors import MOST_DIAGNOSTICS, Diagnostic, InputFileError
from inspector.model.formatted import FormattedMessage

#: What has an effect beyond its item (anchors, aliases, directives), and what ends a line in YAML only.
_ACROSS_ITEMS: Final = (
    re.compile(r"[&*](?<![^\s\[{,:].)(?=\S)"),
    re.compile(r"^%|\r(?!\n)|[\x85\u2028\u2029\ufeff]", re.MULTILINE),
)


class YamlParts(Parts):
    """The parts of a YAML text."""

    def __init__(self, text: str, source: str, key: str) -> None:
        super().__init__(source, key)
        self._text = text

    def _items(self) -> Iterator[tuple[Location, YamlDocument]]:
        starts = _cut(self._text, self.key)
        if not starts or not self._take_head(starts[0], starts[-1]):
            yield from self._whole()
            return
        line = self._text.count("\n", 0, starts[0]) + 1
        for number, (start, end) in enumerate(pairwise(starts)):
            text = self._text[start:end]
            part = DocumentPart(self.source, (self.key, number), text, line, self._diagnostics, in_list=True)
            try:
                _read(part, text)
            except (InputFileError, ValueError):  # it is broken, or not one item
                if len(self._diagnostics) > MOST_DIAGNOSTICS:
                    raise
                self._refuse_rest(start, line)
                yield from self._whole(number)
                return
            yield part.prefix, part
            line += text.count("\n")

    def _take_head(self, begin: int, end: int) -> bool:
        """Read the text with one item in place of all; False when that has no such list."""
        text, rest = self._text, self._text[end:]
        line = text.count("\n", 0, begin) + 1
        indent = text.index("-", begin) - begin
        lines = "\n" * text.count("\n", begin, end) if rest.strip() else "\n"
        head = f"{text[:begin]}{' ' * indent}- 0{lines}{rest}"
        try:
            self.head = read_yaml(head, self.source, quickly=reads_alike(head))
        except InputFileError:
            return False
        return self.head.at(self.key) == [0] and self.head.values.get((self.key, 0)) == (line, indent + 3)

    def _whole(self, first: int = 0) -> Iterator[tuple[Location, YamlDocument]]:
        """The items from number ``first`` on, each with the document of the whole text."""
        if len(self._text) > LARGEST_FILE:
            what = FormattedMessage("larger than {limit} bytes", limit=f"{LARGEST_FILE:,}")
            remedy = FormattedMessage(
                "split it into several files, or write {key} as a list of '- ' lines without anchors and directives",
                key=self.key,
            )
            raise InputFileError([Diagnostic(self.source, 0, 0, what, remedy)])
        self.head = read_yaml(self._text, self.source)
        for location, _ in list(self.head.items(self.key))[first:]:
            yield location, self.head

    def _refuse_rest(self, start: int, line: int) -> None:
        """Raise InputFileError where the text from an item on is no YAML; the items before it are."""
        try:
            compose(f"{self.key}:\n{self._text[start:]}", self.source)
        except InputFileError as error:
            raise InputFileError(moved(error.diagnostics, line - 2)) from None


def _read(part: DocumentPart, text: str) -> None:
    try:
        part.data = item_of(text)
    except Irregular:
        part.read_exactly()


def _cut(text: str, key: str) -> list[int]:
    """Where the items of the block list ``key`` begin, and where the last one ends; nothing when it cannot be cut."""
    opening = re.search(rf"^{key}: *(?:#.*)?\r?\n(?: *(?:#.*)?\r?\n)*(?P<item>(?P<indent> *)-)", text, re.MULTILINE)
    if opening is None or any(each.search(text) for each in _ACROSS_ITEMS):
        return []
    indent = len(opening["indent"])
    lines = re.compile(rf"^(?:(?P<item> {{{indent}}}-(?=[ \r\n]|\Z))| {{0,{indent}}}[^ #\r\n])", re.MULTILINE)
    starts: list[int] = []
    for found in lines.finditer(text, opening.start("item")):
        starts.append(found.start())
        if found["item"] is None:
            return starts if len(starts) > 1 else []
    return [*starts, len(text)] if starts else []
