"""The kit that plugin authors test with: variants of an observation with one answer unseen, and one look for real."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from inspector.model import Answer, Cause, Model
from inspector.observation import Observation

O = TypeVar("O", bound=Observation)  # noqa: E741  (an observation)


def unseen_variants(observation: O, cause: Cause = Cause.TIMEOUT) -> Iterator[O]:
    """Every copy of ``observation`` in which exactly one answer that was seen is unseen for ``cause``.

    Answers are found wherever they stand: in nested models, tuples, dictionaries and in other answers. With this a test
    shows that no verdict turns to *pass* or *not-applicable* because something was not seen.
    """
    yield from _variants(observation, cause)


def _variants(value: Any, cause: Cause) -> Iterator[Any]:
    if isinstance(value, Answer) and value.is_seen:
        yield type(value)(unseen=cause)
    for place, part in _parts(value):
        for variant in _variants(part, cause):
            yield _with(value, place, variant)


def _parts(value: Any) -> Iterable[tuple[Any, Any]]:
    """What a value is made of, each part with its place."""
    if isinstance(value, Model):
        return [(name, getattr(value, name)) for name in type(value).model_fields]
    if isinstance(value, tuple):
        return enumerate(value)
    return value.items() if isinstance(value, dict) else ()


def _with(value: Any, place: Any, part: Any) -> Any:
    """A copy of ``value`` that holds ``part`` in this place."""
    if isinstance(value, Model):
        return value.model_copy(update={place: part})
    if isinstance(value, tuple):
        return (*value[:place], part, *value[place + 1 :])
    return {**value, place: part}
