"""One file as plain data, with the source location of each key and value, and the diagnostics so far."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from inspector.declare.document.diagnostics import explain
from inspector.declare.document.source_map import SourceLocation, diagnostic_at
from inspector.model.errors import MOST_DIAGNOSTICS, Diagnostic, InputFileError
from inspector.model.escaping import storable
from inspector.model.formatted import FormattedMessage

M = TypeVar("M", bound=BaseModel)

#: The path to a value: keys and list indices, from the top of the file.
Location = tuple[str | int, ...]
#: Line and column, from 1.
Mark = tuple[int, int]
#: Where a value is: a document, and the location in it.
Known = tuple["YamlDocument", Location]


class YamlDocument:
    """One file as plain data, with the source location of each key and value, and the diagnostics so far.

    ``prefix`` is the location of ``data`` in the file.
    """

    prefix: Location = ()

    def __init__(self, source: str) -> None:
        self.source = storable(source)
        self.data: Any = None
        self.values: dict[Location, Mark] = {(): (1, 1)}
        self.keys: dict[Location, Mark] = {}
        self.diagnostics: list[Diagnostic] = []

    def at(self, *location: str | int) -> Any:
        """The raw value at a location; None when there is none."""
        value = self.data
        for step in location[len(self.prefix) :]:
            if isinstance(value, dict) and isinstance(step, str):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value

    def items(self, *location: str | int) -> Iterator[tuple[Location, Any]]:
        """The locations and raw values of the list at a location; nothing when there is no list."""
        value = self.at(*location)
        if isinstance(value, list):
            yield from (((*location, index), each) for index, each in enumerate(value))

    def put(self, location: Location, value: Any) -> None:
        """Replace the raw value at a location that exists."""
        self.at(*location[:-1])[location[-1]] = value

    def position(self, *location: str | int) -> SourceLocation:
        """The source location of a value, or of the nearest one that contains it."""
        values, _ = self.marks()
        while location not in values:
            location = location[:-1]
        return SourceLocation(source=self.source, line=values[location][0], column=values[location][1])

    def marks(self) -> tuple[dict[Location, Mark], dict[Location, Mark]]:
        """Where each value begins, and each key."""
        return self.values, self.keys

    def diagnostic(self, location: Location, what: str, remedy: str = "") -> None:
        """Add a diagnostic about the value at this location; raises InputFileError where there are too many."""
        self.add(diagnostic_at(self.position(*location), what, remedy))

    def diagnostic_of_key(self, location: Location, what: str, remedy: str = "") -> None:
        """Add a diagnostic about the key at this location; raises InputFileError where there are too many."""
        self.add(Diagnostic(self.source, *self._mark_of_key(location), what, remedy))

    def add(self, diagnostic: Diagnostic) -> None:
        """Add a diagnostic. Raises InputFileError, and so ends reading, where there are more than are told."""
        if diagnostic not in self.diagnostics:
            self.diagnostics.append(diagnostic)
        if len(self.diagnostics) > MOST_DIAGNOSTICS:
            self.close()

    def _mark_of_key(self, location: Location) -> Mark:
        values, keys = self.marks()
        return keys.get(location) or values.get(location) or (0, 0)

    def refuse_repeats(
        self, known: Iterable[tuple[Location, Any]], first: dict[str | int, Known] | None = None
    ) -> None:
        """Add a diagnostic for each value that an earlier location has too; None and lists are ignored.

        ``first`` holds the values of other parts of the file, with their documents, and takes these.
        """
        first = {} if first is None else first
        for location, value in known:
            if not isinstance(value, str | int):
                continue
            if value in first:
                document, earlier = first[value]
                self.diagnostic(
                    location,
                    FormattedMessage(
                        "{value} is a duplicate, first on line {first}",
                        value=repr(value),
                        first=document.position(*earlier).line,
                    ),
                    "remove one of them",
                )
            first.setdefault(value, (self, location))

    def take(self, model: type[M], *location: str | int, of: type[BaseModel] | None = None) -> M | None:
        """The value at a location as a model; None when it is invalid, which adds diagnostics in their order.

        ``of`` is the model of the whole file, where messages need it. Raises InputFileError where there are too many.
        """
        try:
            return model.model_validate_json(json.dumps(self.at(*location)), strict=True)
        except ValidationError as error:
            # A list whose items are all invalid is not empty.
            details = [
                each for each in error.errors(include_url=False) if each["type"] != "too_short" or not each["input"]
            ]
            for detail in sorted(details, key=lambda each: self._mark_of_key((*location, *each["loc"]))):
                self._note(location, detail, model if of is None else of, () if of is None else location)
            return None

    def _note(self, start: Location, detail: ErrorDetails, model: type[BaseModel], above: Location) -> None:
        what, remedy = explain(model, (*above, *detail["loc"]), detail)
        note = self.diagnostic_of_key if detail["type"] == "extra_forbidden" else self.diagnostic
        note((*start, *detail["loc"]), what, remedy)

    def close(self) -> None:
        """Raise InputFileError with every diagnostic, in the order of their locations, if there is any."""
        if self.diagnostics:
            raise InputFileError(sorted(set(self.diagnostics), key=lambda each: (each.line, each.column, each.what)))
