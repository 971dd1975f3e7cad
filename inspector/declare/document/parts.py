"""A file with one long list, whose items are read one at a time, so that many cost little time and little memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from inspector.declare.document.document import Location, Mark, YamlDocument
from inspector.declare.document.yaml import build, compose, reads_alike
from inspector.model.errors import Diagnostic, InputFileError


class Irregular(Exception):
    """Raised by a fast parser for what is left to the exact one."""


class DocumentPart(YamlDocument):
    """An item of a list in a file, at the location ``prefix``.

    ``text`` has it alone, from line ``first`` of the file on: the item itself, or a list of it. Positions are read from
    this text when they are asked for. ``diagnostics`` are those of all items.
    """

    def __init__(
        self, source: str, prefix: Location, text: str, first: int, diagnostics: list[Diagnostic], *, in_list: bool
    ) -> None:
        super().__init__(source)
        self.diagnostics = diagnostics
        self.prefix = prefix
        self.values = {}
        self._text = text.encode()
        self._first = first
        self._in_list = in_list

    def marks(self) -> tuple[dict[Location, Mark], dict[Location, Mark]]:
        """Where each value begins, and each key."""
        if not self.values:
            document = YamlDocument(self.source)
            try:
                self._build(document)
            except InputFileError:  # JSON that is no YAML
                document.values = {}
            self.values = {self.prefix: (self._first, 1)} | document.values
            self.keys = document.keys
        return self.values, self.keys

    def read_exactly(self) -> None:
        """Read the data, too, from the text. Raises InputFileError."""
        self.values = {self.prefix: (self._first, 1)}
        self.data = self._build(self)

    def _build(self, document: YamlDocument) -> Any:
        try:
            text = self._text.decode()
            node: Any = compose(text, self.source, quickly=reads_alike(text))
        except InputFileError as error:
            raise InputFileError(moved(error.diagnostics, self._first - 1)) from None
        if self._in_list:
            [node] = node.value
        return build(document, node, self.prefix, self._first)

    def release(self) -> None:
        """Forget the data, and the positions until they are asked for."""
        self.data = None
        self.values, self.keys = {}, {}


def moved(diagnostics: Iterable[Diagnostic], lines: int) -> list[Diagnostic]:
    """The diagnostics of a part of a file, with lines of the file."""
    return [replace(each, line=each.line + lines) for each in diagnostics]


class Parts:
    """A document whose list ``key`` is read one item at a time; ``head`` is the rest of it, once all were taken."""

    def __init__(self, source: str, key: str) -> None:
        self.source = source
        self.key = key
        self.head = YamlDocument(source)
        self._diagnostics = self.head.diagnostics

    def __iter__(self) -> Iterator[tuple[Location, YamlDocument]]:
        """The location of each item, and a document that has its data until the next item is taken.

        Raises InputFileError where the file cannot be parsed, and where more errors were found than are told.
        """
        for location, part in self._items():
            yield location, part
            if isinstance(part, DocumentPart):
                part.release()

    def _items(self) -> Iterator[tuple[Location, YamlDocument]]:
        """The location and document of each item."""
        raise NotImplementedError

    def close(self) -> None:
        """Raise InputFileError with every diagnostic, those of the items too, if there is any."""
        self.head.diagnostics = [*self.head.diagnostics, *self._diagnostics]
        self.head.close()
