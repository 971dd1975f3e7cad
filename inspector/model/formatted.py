"""English texts that remember their template and values, so that they can be rendered in another language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from inspector.model.escaping import storable

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class FormattedMessage(str):
    """An English text made from a template: a string like any other, but for ``template`` and ``values``.

    The template is the msgid of its translations. Placeholders are names in braces; a value is text, a number, a path,
    a date, a text in both languages, or again a text with a template. Without values the template is the text, braces
    included.
    """

    __slots__ = ("template", "values")

    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, /, **values: object) -> FormattedMessage:
        made = super().__new__(cls, fill(template, values))
        made.template, made.values = template, values
        return made

    @classmethod
    def joined(cls, separator: str, parts: Iterable[str]) -> FormattedMessage:
        """Several texts in one, each still translatable."""
        values = {str(index): part for index, part in enumerate(parts)}
        return cls(separator.join(f"{{{name}}}" for name in values), **values)


def fill(template: str, values: Mapping[str, object]) -> str:
    """The template with its placeholders filled; unknown placeholders stay."""
    if not values:
        return template
    return _PLACEHOLDER.sub(lambda found: str(values.get(found[1], found[0])), template)


def _same(value: object) -> object:
    return value


def rendered(text: str, lookup: Callable[[str], str], shown: Callable[[object], object] = _same) -> str:
    """The text in another language: ``lookup`` gives the translation of a template, or the template itself, ``shown``
    a value as that language writes it.
    """
    if not isinstance(text, FormattedMessage):
        return lookup(text)
    values = {
        name: rendered(value, lookup, shown) if isinstance(value, FormattedMessage) else shown(value)
        for name, value in text.values.items()
    }
    return fill(lookup(text.template), values)


def packed(text: object) -> str | dict[str, Any]:
    """A text as JSON, with its template and values where it has them, and nothing that is no Unicode."""
    if not isinstance(text, FormattedMessage):
        return storable(str(text))
    values = {name: packed(value) for name, value in text.values.items()}
    return {"template": storable(text.template), "values": values}


def unpacked(value: Any) -> str:
    """The text that ``packed`` made this of."""
    if not isinstance(value, dict):
        return str(value)
    return FormattedMessage(value["template"], **{name: unpacked(each) for name, each in value["values"].items()})
