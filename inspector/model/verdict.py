"""A verdict: the outcome of a check, its message (translatable), and the facts that it relies on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum, StrEnum

from inspector.model.base import Cause, Model, Quantity, Timestamp, Value
from inspector.model.escaping import truncate


class Outcome(StrEnum):
    """The outcome of one requirement on one subject."""

    PASS = "pass"
    FAIL = "fail"
    NOT_APPLICABLE = "not-applicable"
    INCONCLUSIVE = "inconclusive"
    NOT_OBSERVABLE = "not-observable"
    ERROR = "error"


class Message(Model):
    """A template (its English text is its id, as in gettext) and the typed values for its ``{placeholders}``."""

    id: str
    values: dict[str, Value] = {}


class Verdict(Model):
    """The outcome of a check. ``facts`` are the facts relied upon: terms, or JSON pointers into the observation.

    ``explains``: a failure for which other scans of the same service see nothing, with this cause.
    """

    outcome: Outcome
    message: Message
    measured: Value | None = None
    threshold: Value | None = None
    cause: Cause | None = None
    facts: tuple[str, ...] = ()
    explains: Cause | None = None

    def explaining(self, cause: Cause) -> Verdict:
        """The same verdict as the reason why other scans of the service see nothing, with this cause."""
        return self.model_copy(update={"explains": cause})


#: The most characters of one text, and items and characters of one list, in a stored verdict.
_MOST_CHARACTERS, _MOST_ITEMS, _MOST_IN_LIST = 2000, 200, 20_000
#: A verdict of at most so many characters in JSON exceeds none of them: each item has three (``"",``).
ALWAYS_WITHIN_BOUNDS = 3 * _MOST_ITEMS


def bounded(verdict: Verdict) -> Verdict:
    """The verdict with long texts and lists cut, which name how much; the evidence that it relies on has all of it."""
    message = verdict.message
    values = {name: _cut(value) for name, value in message.values.items()}
    return verdict.model_copy(
        update={
            "message": message.model_copy(update={"id": truncate(message.id, _MOST_CHARACTERS), "values": values}),
            "measured": None if verdict.measured is None else _cut(verdict.measured),
            "threshold": None if verdict.threshold is None else _cut(verdict.threshold),
            "facts": tuple(truncate(each, _MOST_CHARACTERS) for each in verdict.facts[:_MOST_ITEMS]),
        }
    )


def _cut(value: Value) -> Value:
    if isinstance(value, str):
        return truncate(value, _MOST_CHARACTERS)
    return _cut_list(value) if isinstance(value, tuple) else value


def _cut_list(items: tuple[str, ...]) -> tuple[str, ...]:
    kept: list[str] = []
    left = _MOST_IN_LIST
    for item in items[:_MOST_ITEMS]:
        kept.append(truncate(item, _MOST_CHARACTERS))
        left -= len(kept[-1])
        if left < 0:
            break
    return (*kept, f"… (+{len(items) - len(kept)})") if len(kept) < len(items) else tuple(kept)


#: The values that a check may pass: enumerations, sequences and plain values.
MessageValue = Enum | str | int | bool | datetime | Quantity | Timestamp | Iterable[object]


def _value(loose: MessageValue) -> Value:
    if isinstance(loose, bool | Quantity | Timestamp):
        return loose
    if isinstance(loose, datetime):
        return Timestamp(at=loose)
    if isinstance(loose, Enum):
        return str(loose.value)
    if isinstance(loose, str | int):
        return loose
    return tuple(str(item.value if isinstance(item, Enum) else item) for item in loose)


def _verdict(
    outcome: Outcome,
    message: str,
    facts: MessageValue | None,
    cause: Cause | None,
    values: Mapping[str, MessageValue],
) -> Verdict:
    typed = {name: _value(loose) for name, loose in values.items()}
    relied = () if facts is None else _value(facts)
    return Verdict(
        outcome=outcome,
        message=Message(id=message, values=typed),
        measured=typed.get("measured"),
        threshold=typed.get("threshold"),
        cause=cause,
        facts=relied if isinstance(relied, tuple) else (str(relied),),
    )


def passed(message: str, *, facts: MessageValue | None = None, **values: MessageValue) -> Verdict:
    """The claim is true, as far as was observed. ``measured`` and ``threshold`` are also fields of the verdict."""
    return _verdict(Outcome.PASS, message, facts, None, values)


def failed(message: str, *, facts: MessageValue | None = None, **values: MessageValue) -> Verdict:
    """The claim is false."""
    return _verdict(Outcome.FAIL, message, facts, None, values)


def inconclusive(message: str, *, cause: Cause, facts: MessageValue | None = None, **values: MessageValue) -> Verdict:
    """The observations do not decide the claim; ``cause`` says why."""
    return _verdict(Outcome.INCONCLUSIVE, message, facts, cause, values)


def not_applicable(message: str, *, facts: MessageValue | None = None, **values: MessageValue) -> Verdict:
    """The claim does not apply to this subject, as an observation shows."""
    return _verdict(Outcome.NOT_APPLICABLE, message, facts, None, values)
