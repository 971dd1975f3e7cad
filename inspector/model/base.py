"""Stored values: immutable, without unknown fields, with one canonical JSON form.

``Model`` is the base class of everything that is written to disk. ``Answer`` is a fact that needed a question of its
own: a value, or the cause for which it was not seen.
"""

from __future__ import annotations

import hashlib
import json
import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

T = TypeVar("T")

#: An instant with its time zone.
Instant = AwareDatetime


class Cause(StrEnum):
    """Why something was not seen. The vocabulary is closed.

    *not-stated*: the declaration, or a site, is silent, as it may be. *stale-table*: a table of dated facts is too old.
    """

    NOT_STATED = "not-stated"
    NOT_SELECTED = "not-selected"
    NOT_AUTHORISED = "not-authorised"
    OUTSIDE_WINDOW = "outside-window"
    OUT_OF_SCOPE = "out-of-scope"
    NOT_REACHED = "not-reached"
    ABORTED = "aborted"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    RESET = "reset"
    BLOCKED = "blocked"
    RATE_LIMITED = "rate-limited"
    PROTOCOL_ERROR = "protocol-error"
    AMBIGUOUS = "ambiguous"
    UNSTABLE = "unstable"
    WRONG_VANTAGE = "wrong-vantage"
    STALE_TABLE = "stale-table"
    TOOL_MISSING = "tool-missing"
    BUG = "bug"


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def canonical(value: Any) -> bytes:
    """The canonical JSON of ``value``: UTF-8, keys sorted, no white space, no floats (after RFC 8785)."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return _encode(value).encode()


def digest(data: bytes) -> str:
    """SHA-256 of ``data`` in lower-case hexadecimal (64 characters)."""
    return hashlib.sha256(data).hexdigest()


def now() -> datetime:
    """The current instant in UTC, cut to milliseconds, so that every stored format keeps it unchanged."""
    return datetime.fromtimestamp(time.time_ns() // 1_000_000 / 1000, UTC)


class Model(BaseModel):
    """A stored value: immutable, without unknown fields, equal when its canonical bytes are."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")

    def canonical(self) -> bytes:
        """The canonical JSON of this value."""
        return canonical(self)

    @classmethod
    def parse(cls, data: bytes | str) -> Self:
        """The value whose JSON form is ``data``; raises ``pydantic.ValidationError``."""
        return cls.model_validate_json(data)


def or_short(core: CoreSchema, handler: GetJsonSchemaHandler, *short: JsonSchemaValue) -> JsonSchemaValue:
    """The JSON schema of a model that may also be written in one of the short forms ``short``."""
    schema = handler(core)
    if handler.mode == "validation":
        whole = handler.resolve_ref_schema(schema)
        long = dict(whole)
        whole.clear()
        whole.update({"title": long.pop("title"), "description": long.pop("description"), "anyOf": [*short, long]})
    return schema


class Same(Generic[T]):
    """A value as the key of a cache: equal to itself alone, so that a large one is not hashed."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


class NotSeen(Exception):
    """Raised by ``Answer.value`` when there is no value; the assessor turns it into *inconclusive*."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.value)
        self.cause = cause


class Answer(Model, Generic[T]):
    """The answer to one question: ``seen`` (which may be None, for *absent*), or ``unseen`` with the cause.

    ``value`` raises ``NotSeen`` when there is none, so a check that does not test ``is_seen`` ends inconclusive.
    """

    seen: T | None = None
    unseen: Cause | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if self.unseen is not None and self.seen is not None:
            raise ValueError("an answer is seen or unseen, not both")
        return self

    @property
    def is_seen(self) -> bool:
        """Whether the question was answered."""
        return self.unseen is None

    @property
    def value(self) -> T:
        """What was seen; raises ``NotSeen``."""
        if self.unseen is not None:
            raise NotSeen(self.unseen)
        return self.seen  # type: ignore[return-value]  # T itself may admit None


class Quantity(Model):
    """A whole number with its unit, e.g. 2048 bit, 31536000 second."""

    value: int
    unit: str


class Timestamp(Model):
    """An instant in a message; reports format it for the reader's language."""

    at: Instant


#: What a message may contain, as measured value or as threshold.
Value = bool | int | str | Quantity | Timestamp | tuple[str, ...]
