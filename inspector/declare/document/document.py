"""A sheet: one file as plain data, with the place of each key and value, and the faults found so far."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from inspector.declare.document.diagnostics import explain
from inspector.declare.document.source_map import Place, fault_at
from inspector.model.errors import Fault, PaperError

M = TypeVar("M", bound=BaseModel)

#: The path to a value: keys and list indices, from the top of the file.
Location = tuple[str | int, ...]
#: Line and column, from 1.
Mark = tuple[int, int]


class Sheet:
    """One file as plain data, with the place of each key and value, and the faults found so far."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.data: Any = None
        self.values: dict[Location, Mark] = {(): (1, 1)}
        self.keys: dict[Location, Mark] = {}
        self.faults: list[Fault] = []

    def at(self, *location: str | int) -> Any:
        """The raw value at a location; None when there is none."""
        value = self.data
        for step in location:
            if isinstance(value, dict) and isinstance(step, str):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value

    def items(self, *location: str | int) -> Iterator[tuple[Location, Any]]:
        """The locations and raw values of the list at a location; nothing where there is no list."""
        value = self.at(*location)
        if isinstance(value, list):
            yield from (((*location, index), each) for index, each in enumerate(value))

    def put(self, location: Location, value: Any) -> None:
        """Replace the raw value at a location that exists."""
        self.at(*location[:-1])[location[-1]] = value

    def place(self, *location: str | int) -> Place:
        """Where the value stands, or else the nearest thing around it."""
        while location not in self.values:
            location = location[:-1]
        return Place(source=self.source, line=self.values[location][0], column=self.values[location][1])

    def fault(self, location: Location, what: str, remedy: str = "") -> None:
        """Note a fault of the value at this location."""
        self.faults.append(fault_at(self.place(*location), what, remedy))

    def fault_of_key(self, location: Location, what: str, remedy: str = "") -> None:
        """Note a fault of the key at this location."""
        line, column = self.keys.get(location) or self.values.get(location) or (0, 0)
        self.faults.append(Fault(self.source, line, column, what, remedy))

    def refuse_repeats(self, known: Iterable[tuple[Location, Any]]) -> None:
        """Note a fault for each value that stood at an earlier location already; None and lists are no values."""
        first: dict[str | int, int] = {}
        for location, value in known:
            if not isinstance(value, str | int):
                continue
            if value in first:
                self.fault(location, f"{value!r} stands here twice, first on line {first[value]}", "remove one of them")
            first.setdefault(value, self.place(*location).line)

    def take(self, model: type[M], *location: str | int) -> M | None:
        """The value at a location as a model; None when it has faults, which are noted."""
        try:
            return model.model_validate_json(json.dumps(self.at(*location)), strict=True)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                # A list whose items are all faulty is not empty.
                if detail["type"] != "too_short" or not detail["input"]:
                    self._note(model, location, detail)
            return None

    def _note(self, model: type[BaseModel], start: Location, detail: ErrorDetails) -> None:
        below = detail["loc"]
        what, remedy = explain(model, below, detail)
        note = self.fault_of_key if detail["type"] == "extra_forbidden" else self.fault
        note((*start, *below), what, remedy)

    def close(self) -> None:
        """Raise PaperError with every fault noted, in the order of their places; do nothing when there is none."""
        if self.faults:
            raise PaperError(sorted(set(self.faults), key=lambda each: (each.line, each.column, each.what)))
