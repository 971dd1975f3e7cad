"""The only item of a YAML list as plain data, from the events of the C parser: fast, and without positions."""

from __future__ import annotations

import io
from functools import cache, lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined]  # it takes it from where the platform has it
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from ruamel.yaml.nodes import ScalarNode

from inspector.declare.document.parts import Irregular
from inspector.declare.document.yaml import DEEPEST, MOST_KEYS, SCALAR_TAGS, plain, reads_alike, short_tag


def item_of(text: str) -> Any:
    """The only item of a list. Raises Irregular, also for what is to be refused."""
    if not reads_alike(text):
        raise Irregular
    try:
        return _Events(text).item()
    except (YAMLError, ValueError, OverflowError):
        raise Irregular from None


class _Events:
    """Plain data from events."""

    def __init__(self, text: str) -> None:
        self._next = CParser(io.StringIO(text)).get_event

    def item(self) -> Any:
        self._expect(StreamStartEvent, DocumentStartEvent, SequenceStartEvent)
        value = self._value(self._next(), 2)
        self._expect(SequenceEndEvent, DocumentEndEvent, StreamEndEvent)
        return value

    def _expect(self, *kinds: type) -> None:
        for kind in kinds:
            event = self._next()
            if type(event) is not kind or getattr(event, "explicit", False) or getattr(event, "ctag", None):
                raise Irregular

    def _value(self, event: Any, depth: int) -> Any:
        """The value that begins with an event; ``depth`` is the number of lists and mappings around it."""
        kind = type(event)
        if kind is ScalarEvent:
            _refuse_marks(event)
            return _scalar(event.value) if event.implicit[0] else event.value
        if depth >= DEEPEST:
            raise Irregular
        if kind is MappingStartEvent:
            _refuse_marks(event)
            return self._mapping(depth + 1)
        if kind is SequenceStartEvent:
            _refuse_marks(event)
            return self._sequence(depth + 1)
        raise Irregular

    def _sequence(self, depth: int) -> list[Any]:
        items = []
        while type(event := self._next()) is not SequenceEndEvent:
            items.append(self._value(event, depth))
        return items

    def _mapping(self, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while type(key := self._next()) is not MappingEndEvent:
            if type(key) is not ScalarEvent or key.value in data or len(data) >= MOST_KEYS:
                raise Irregular
            _refuse_marks(key)
            data[key.value] = self._value(self._next(), depth)
        return data


def _refuse_marks(event: Any) -> None:
    """Raise Irregular for an anchor or a tag."""
    if event.anchor is not None or event.ctag is not None:
        raise Irregular


@lru_cache(maxsize=1 << 12)
def _scalar(text: str) -> Any:
    """The value of a text without quotes."""
    tag = short_tag(_resolver().resolve(ScalarNode, text, (True, False)))
    if tag not in SCALAR_TAGS:
        raise Irregular
    return plain(text, tag)


@cache
def _resolver() -> Any:
    return YAML(typ="safe", pure=True).resolver
