"""From pydantic's errors to messages of the form ``what; what to do``, in the terms of the file's author."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from inspector.model.formatted import FormattedMessage


def shown(value: Any) -> str:
    """A raw value for a message: short, on one line, without control characters."""
    if value is None:
        return FormattedMessage("empty")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return FormattedMessage("a mapping")
    if isinstance(value, list):
        return FormattedMessage("a list")
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…{text[-1]}"


def remedy_for_unknown(word: str, known: Sequence[str]) -> str:
    """What to write instead of an unknown word: the nearest known one, or the list of them."""
    near = difflib.get_close_matches(word.lower().replace("-", "_"), known, 1, 0.6)
    if near:
        return FormattedMessage("did you mean {word}?", word=repr(near[0]))
    return FormattedMessage("known here: {known}", known=", ".join(known))


def keys_of(model: type[BaseModel]) -> tuple[str, ...]:
    """The keys that a mapping of this model may have, as written in files."""
    return tuple(info.alias or name for name, info in model.model_fields.items())


def _strip(annotation: Any) -> Any:
    """The annotation without ``Annotated`` and ``| None``."""
    while get_origin(annotation) in (Annotated, Union, UnionType):
        annotation = next(each for each in get_args(annotation) if each is not type(None))
    return annotation


def follow(model: type[BaseModel], location: tuple[str | int, ...]) -> tuple[Any, FieldInfo | None]:
    """The annotation at a location below a model, and the constraints of its field, or of its list's item."""
    annotation: Any = model
    info: FieldInfo | None = None
    for step in location:
        annotation = _strip(annotation)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            fields = annotation.model_fields
            info = next((each for name, each in fields.items() if step in (name, each.alias)), None)
            annotation = info.annotation if info else None
        else:
            arguments = get_args(annotation)
            annotation = arguments[-1 if get_origin(annotation) is dict else 0] if arguments else None
            info = next((each for each in get_args(annotation) if isinstance(each, FieldInfo)), None)
    return _strip(annotation), info


def _bounds(info: FieldInfo | None) -> str:
    bounds = {name: value for each in (info.metadata if info else ()) for name, value in _bound(each)}
    match bounds:
        case {"ge": low, "le": high}:
            return FormattedMessage("write a whole number from {low} to {high}", low=low, high=high)
        case {"ge": low}:
            return FormattedMessage("write a whole number, at least {low}", low=low)
    return FormattedMessage("write a whole number without quotes")


def _bound(constraint: Any) -> Iterator[tuple[str, Any]]:
    for name in ("ge", "le"):
        if hasattr(constraint, name):
            yield name, getattr(constraint, name)


def split(text: str) -> tuple[str, str]:
    """What is wrong and what to do, from the text ``what; what to do`` of a rule's ValueError."""
    if isinstance(text, FormattedMessage):
        what, semicolon, remedy = text.template.rpartition("; ")
        return FormattedMessage(what or remedy, **text.values), FormattedMessage(remedy if what else "", **text.values)
    what, semicolon, remedy = text.rpartition("; ")
    return (what, remedy) if semicolon else (text, "")


_INSTANT = "write an instant with its time zone, as 2026-01-31T08:00:00+07:00"
_DATE = "write a date as 2026-01-31"
_TIME = "write a time of day as 22:00"
_LIST = "write each item on a line of its own after '- '"

#: By pydantic's error type: what is wrong with ``{key}``, whose value is ``{value}``, and what to do.
_EXPLANATIONS = {
    "int_type": ("{key} is {value}, not a whole number", "{bounds}"),
    "int_parsing": ("{key} is {value}, not a whole number", "{bounds}"),
    "greater_than_equal": ("{key} is {value}", "{bounds}"),
    "less_than_equal": ("{key} is {value}", "{bounds}"),
    "string_type": ("{key} is {value}, not text", "put it in quotes"),
    "string_too_short": ("{key} is empty", "write it out"),
    "string_too_long": ("{key} is too long", "write at most {most} characters"),
    "string_pattern_mismatch": ("{key} is {value}", "write {form}"),
    "bool_type": ("{key} is {value}", "write true or false"),
    "enum": ("{key} is {value}", "write {expected}"),
    "literal_error": ("{key} is {value}", "write {expected}"),
    "date_type": ("{key} is {value}, not a date", _DATE),
    "date_parsing": ("{key} is {value}, not a date", _DATE),
    "datetime_type": ("{key} is {value}, not an instant", _INSTANT),
    "datetime_parsing": ("{key} is {value}, not an instant", _INSTANT),
    "timezone_aware": ("{key} is {value}, without a time zone", _INSTANT),
    "time_type": ("{key} is {value}, not a time of day", _TIME),
    "time_parsing": ("{key} is {value}, not a time of day", _TIME),
    "tuple_type": ("{key} is {value}, not a list", _LIST),
    "list_type": ("{key} is {value}, not a list", _LIST),
    "too_short": ("{key} is an empty list", "add at least one item"),
    "model_type": ("{key} is {value}, not a mapping", "write key: value lines; known here: {known}"),
    "dict_type": ("{key} is {value}, not a mapping", "write key: value lines"),
    "missing": ("{key} is missing", "add {key}: …"),
}


def explain(model: type[BaseModel], location: tuple[str | int, ...], detail: ErrorDetails) -> tuple[str, str]:
    """What is wrong and what to do, from one of pydantic's errors."""
    kind, value = detail["type"], detail["input"]
    key = _name(location)
    if kind == "extra_forbidden":
        owner, _ = follow(model, location[:-1])
        return FormattedMessage("unknown key {key}", key=repr(str(key))), remedy_for_unknown(key, keys_of(owner))
    if kind == "value_error":
        return split(detail["ctx"]["error"].args[0])
    if kind not in _EXPLANATIONS:
        return f"{key}: {detail['msg']}", ""
    annotation, info = follow(model, location)
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    words = {
        "key": key,
        "value": shown(value),
        "bounds": _bounds(info),
        "expected": _expected(detail),
        "most": detail.get("ctx", {}).get("max_length", ""),
        "form": _form(info, detail),
        "known": ", ".join(keys_of(annotation)) if is_model else "",
    }
    what, remedy = _EXPLANATIONS[kind]
    if value is None and kind != "missing":
        what, remedy = "{key} is empty", "write it out" if kind == "string_type" else remedy
    return FormattedMessage(what, **words), FormattedMessage(remedy, **words)


def _expected(detail: ErrorDetails) -> str:
    """The values that are allowed, as pydantic lists them: ``'a', 'b' or 'c'``."""
    text = detail.get("ctx", {}).get("expected", "")
    first, among, last = text.rpartition(" or ")
    return FormattedMessage("{first} or {last}", first=first, last=last) if among else text


def _form(info: FieldInfo | None, detail: ErrorDetails) -> str:
    """The form that a text must have."""
    if info and info.description:
        return FormattedMessage(info.description)
    return FormattedMessage("what matches {pattern}", pattern=detail.get("ctx", {}).get("pattern", ""))


def _name(location: tuple[str | int, ...]) -> str:
    """The name of a value in a message: its key, or ``an item of`` its list's key."""
    names = [str(step) for step in location if isinstance(step, str)]
    if not names:
        return FormattedMessage("the file" if not location else "the item")
    return names[-1] if isinstance(location[-1], str) else FormattedMessage("an item of {name}", name=names[-1])
