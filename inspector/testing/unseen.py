"""Copies of observations, and of a check's inputs, in which one answer that was seen is unseen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from inspector.model.base import Answer, Cause, Model
from inspector.model.observation import Observation
from inspector.plugin.check import Every, SubjectResult

T = TypeVar("T", bound=Observation)


def unseen_variants(observation: T, cause: Cause = Cause.TIMEOUT) -> Iterator[T]:
    """Every copy of ``observation`` in which exactly one answer that was seen is unseen for ``cause``.

    Answers are found at any depth: in nested models, tuples, dictionaries and in other answers. With this a test
    shows that no verdict turns to *pass* or *not-applicable* because something was not seen.
    """
    yield from _variants(observation, cause)


def unseen_inputs(inputs: Sequence[object], cause: Cause = Cause.TIMEOUT) -> Iterator[list[object]]:
    """Every copy of a check's inputs with one answer unseen, or one observation missing, for ``cause``.

    ``inputs`` are what ``Check.evaluate`` takes. What is declared stays as it is.
    """
    for place, one in enumerate(inputs):
        for changed in _missing(one, cause):
            yield [*inputs[:place], changed, *inputs[place + 1 :]]


def _missing(one: object, cause: Cause) -> Iterator[object]:
    if isinstance(one, Every):
        for changed in unseen_inputs(one.all, cause):
            yield Every([each for each in changed if isinstance(each, SubjectResult)])
    elif isinstance(one, SubjectResult) and one.observation is not None:
        yield SubjectResult(one.subject, None, cause)
        for variant in unseen_variants(one.observation, cause):
            yield SubjectResult(one.subject, variant)


def _variants(value: Any, cause: Cause) -> Iterator[Any]:
    if isinstance(value, Answer) and value.is_seen:
        yield type(value)(unseen=cause)
    for key, part in _parts(value):
        for variant in _variants(part, cause):
            yield _replaced(value, key, variant)


def _parts(value: Any) -> Iterable[tuple[Any, Any]]:
    """The members of a value, each with its field name, index or key."""
    if isinstance(value, Model):
        return [(name, getattr(value, name)) for name in type(value).model_fields]
    if isinstance(value, tuple):
        return enumerate(value)
    return value.items() if isinstance(value, dict) else ()


def _replaced(value: Any, key: Any, part: Any) -> Any:
    """A copy of ``value`` with ``part`` under this field name, index or key."""
    if isinstance(value, Model):
        return value.model_copy(update={key: part})
    if isinstance(value, tuple):
        return (*value[:key], part, *value[key + 1 :])
    return {**value, key: part}
