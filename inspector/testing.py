"""The kit that plugin authors test with: variants of an observation with one answer unseen, and one look for real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    for part, rebuilt in _parts(value):
        for variant in _variants(part, cause):
            yield rebuilt(variant)


def _parts(value: Any) -> Iterator[tuple[Any, Callable[[Any], Any]]]:
    """What a value is made of, each part with the function that puts another in its place."""
    if isinstance(value, Model):
        for name in type(value).model_fields:
            yield getattr(value, name), lambda part, name=name: value.model_copy(update={name: part})
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield item, lambda part, index=index: (*value[:index], part, *value[index + 1 :])
    elif isinstance(value, dict):
        for key, item in value.items():
            yield item, lambda part, key=key: {**value, key: part}
