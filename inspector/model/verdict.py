"""What a check says: an outcome, a message that can be told in any language, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum, StrEnum

from inspector.model.base import Cause, Model, Quantity, Timestamp, Value


class Outcome(StrEnum):
    """What became of one requirement on one subject."""

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
    """The outcome of a check. ``facts`` points at the facts relied upon: words or JSON pointers into the
    observation.
    """

    outcome: Outcome
    message: Message
    measured: Value | None = None
    threshold: Value | None = None
    cause: Cause | None = None
    facts: tuple[str, ...] = ()


#: Whatever a check likes to hand over: enumerations, sequences and plain values.
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
    rests = () if facts is None else _value(facts)
    return Verdict(
        outcome=outcome,
        message=Message(id=message, values=typed),
        measured=typed.get("measured"),
        threshold=typed.get("threshold"),
        cause=cause,
        facts=rests if isinstance(rests, tuple) else (str(rests),),
    )


def passed(message: str, *, facts: MessageValue | None = None, **values: MessageValue) -> Verdict:
    """The claim holds, as far as was observed. ``measured`` and ``threshold`` among ``values`` are kept apart too."""
    return _verdict(Outcome.PASS, message, facts, None, values)


def failed(message: str, *, facts: MessageValue | None = None, **values: MessageValue) -> Verdict:
    """The claim does not hold."""
    return _verdict(Outcome.FAIL, message, facts, None, values)


def inconclusive(message: str, *, cause: Cause, facts: MessageValue | None = None, **values: MessageValue) -> Verdict:
    """What was seen does not decide the claim; ``cause`` says why not."""
    return _verdict(Outcome.INCONCLUSIVE, message, facts, cause, values)


def not_applicable(message: str, *, facts: MessageValue | None = None, **values: MessageValue) -> Verdict:
    """The claim is not about a subject like this one; an observation shows that."""
    return _verdict(Outcome.NOT_APPLICABLE, message, facts, None, values)
