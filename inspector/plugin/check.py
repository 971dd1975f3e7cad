"""A check: a pure function from observations to a verdict. Its signature names its inputs.

A positional parameter is one observation about the check's subject, ``Every[T]`` of all observations under that
subject, ``Declared``, ``TableAt[T]`` for a table of dated facts, or ``TableAt[T] | None`` for one that the check can do
without: None stands for one that is missing or too old. Keyword-only parameters are the options that a
profile may set.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, create_model

from inspector.model.base import Cause, NotSeen, Value
from inspector.model.declared import Declared
from inspector.model.errors import PluginError
from inspector.model.observation import Observation
from inspector.model.subject import Subject, SubjectKind
from inspector.model.table import NoTable, TableAt, TableEntries
from inspector.model.verdict import Message, Outcome, Verdict

T = TypeVar("T", bound=Observation)

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
#: Messages of a verdict without an observation, and of one that would be good if nothing were missing.
NO_OBSERVATION = Message(id="no observation: {cause}")
NOT_SEEN_EVERYWHERE = Message(id="not seen at every place: {missing}")
#: Messages of a verdict that would need a table, and of one that would be good if the table were not too old.
NO_TABLE = Message(id="the table {table} is missing, or has another form than the check knows")
STALE_TABLE = Message(id="the table {table} is of {date}: too old to conclude that nothing newer speaks against it")

_REMEDIATION = re.compile(r"^Remediation:\s*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SubjectResult(Generic[T]):
    """The observation of one subject, or the cause for which there is none."""

    subject: Subject
    observation: T | None
    cause: Cause | None = None

    @property
    def is_seen(self) -> bool:
        """Whether there is an observation."""
        return self.observation is not None

    @property
    def value(self) -> T:
        """The observation; raises ``NotSeen`` with the cause when there is none."""
        if self.observation is None:
            raise NotSeen(self.cause or Cause.NOT_REACHED)
        return self.observation


class Every(Generic[T]):
    """All observations of one kind under the check's subject, each an observation or the cause of its absence.

    Iterating gives the observations; ``all`` gives every result, ``missing`` those without an observation. A *fail* may
    be based on some of them; a *pass* with something missing becomes *inconclusive*, and so does a *not-applicable* of
    a check that looked at them (``is_used``); one that did not look rests on its other inputs.
    """

    __slots__ = ("_items", "is_used")

    def __init__(self, items: Sequence[SubjectResult[T]]) -> None:
        self._items: tuple[SubjectResult[T], ...] = tuple(items)
        self.is_used = False

    @property
    def all(self) -> tuple[SubjectResult[T], ...]:
        """Every result."""
        self.is_used = True
        return self._items

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to observe."""
        return not self._items

    def unused(self) -> Every[T]:
        """The same results, at which nobody has looked."""
        return Every(self._items)

    def __iter__(self) -> Iterator[T]:
        return (item.observation for item in self.all if item.observation is not None)

    def __len__(self) -> int:
        return sum(item.is_seen for item in self.all)

    @property
    def seen(self) -> tuple[SubjectResult[T], ...]:
        """The results with an observation."""
        return tuple(item for item in self.all if item.is_seen)

    @property
    def missing(self) -> tuple[SubjectResult[T], ...]:
        """The results without an observation."""
        return tuple(item for item in self.all if not item.is_seen)


@dataclass(frozen=True, slots=True)
class CheckInput:
    """One positional parameter of a check; ``kind`` is None for ``Declared`` and for a ``table``.

    ``optional``: the check gets None where the table is missing or too old.
    """

    name: str
    kind: type[Observation] | None
    every: bool = False
    table: type[TableEntries] | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """A claim with the function that decides it. *pass* means that the claim holds."""

    id: str
    title: str
    about: SubjectKind | None
    references: tuple[str, ...]
    description: str
    remediation: str
    inputs: tuple[CheckInput, ...]
    options: type[BaseModel]
    function: Callable[..., Verdict] = field(repr=False)
    module: str = ""
    needs: tuple[str, ...] | None = None
    facts_identify: bool = False

    def __call__(self, *inputs: object, **options: object) -> Verdict:
        """Call the function itself, for tests of one check."""
        return self.function(*inputs, **options)

    def validate(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options as typed values, defaults filled in; raises ``pydantic.ValidationError``."""
        if not options and not self.options.model_fields:
            return {}
        model = self.options.model_validate(dict(options))
        return {name: getattr(model, name) for name in type(model).model_fields}

    def evaluate(self, inputs: Sequence[object], options: Mapping[str, Any]) -> Verdict:
        """The verdict on arguments in the order of ``inputs``: ``SubjectResult``, ``Every``, ``Declared``, ``TableAt``.

        *inconclusive* when a single observation or a table is missing, when the function needed an answer that was not
        seen, instead of *pass* when an ``Every`` has something missing, instead of *not-applicable* when one has that
        the check looked at, instead of *pass* when every ``Every`` is empty, and instead of *pass* by a table that is
        too old. Without a single observation, empty ones are always *inconclusive*.
        """
        inputs = [given.unused() if isinstance(given, Every) else given for given in inputs]
        inputs = [
            None if wire.optional and _is_no_use(given) else given
            for wire, given in zip(self.inputs, inputs, strict=True)
        ]
        everys = [given for given in inputs if isinstance(given, Every)]
        nothing = bool(everys) and all(each.is_empty for each in everys)
        arguments: list[object] = []
        for given in inputs:
            if isinstance(given, SubjectResult):
                if given.observation is None:
                    return _inconclusive(NO_OBSERVATION.id, given.cause or Cause.NOT_REACHED)
                arguments.append(given.observation)
            elif isinstance(given, NoTable):
                return _inconclusive(NO_TABLE.id, Cause.TOOL_MISSING, table=given.kind)
            else:
                arguments.append(given)
        if nothing and not any(isinstance(given, SubjectResult) for given in inputs):
            return _inconclusive("nothing was scanned: {cause}", Cause.NOT_SELECTED)
        try:
            verdict = self.function(*arguments, **self.validate(options))
        except NotSeen as unseen:
            return _explained(arguments, unseen.cause) or _inconclusive(
                "an answer that decides this was not seen: {cause}", unseen.cause
            )
        if nothing and verdict.outcome is Outcome.PASS:
            return _inconclusive("nothing was scanned: {cause}", Cause.NOT_SELECTED)
        if verdict.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE):
            everything = verdict.outcome is Outcome.PASS
            missing = [result for each in everys if each.is_used or everything for result in each.missing]
            if missing:
                where = tuple(sorted({each.subject.address or each.subject.uri for each in missing}))
                return Verdict(
                    outcome=Outcome.INCONCLUSIVE,
                    message=NOT_SEEN_EVERYWHERE.model_copy(update={"values": {"missing": where}}),
                    cause=missing[0].cause or Cause.NOT_REACHED,
                )
        stale = [given.table for given in inputs if isinstance(given, TableAt) and given.is_stale]
        if stale and verdict.outcome is Outcome.PASS:
            oldest = stale[0]
            return _inconclusive(STALE_TABLE.id, Cause.STALE_TABLE, table=oldest.name, date=oldest.dated.isoformat())
        return verdict


def _is_no_use(table: object) -> bool:
    return isinstance(table, NoTable) or (isinstance(table, TableAt) and table.is_stale)


def _explained(arguments: Sequence[object], cause: Cause) -> Verdict | None:
    """What the observations themselves say of an answer that was not seen."""
    found = (each.explain(cause) for each in arguments if isinstance(each, Observation))
    return next((each for each in found if each is not None and each.outcome is Outcome.INCONCLUSIVE), None)


def _inconclusive(message: str, cause: Cause, **values: Value) -> Verdict:
    return Verdict(
        outcome=Outcome.INCONCLUSIVE,
        message=Message(id=message, values=values or {"cause": cause.value}),
        cause=cause,
    )


def check(
    id: str,  # noqa: A002  (the field's word)
    *,
    title: str,
    references: Sequence[str] = (),
    about: SubjectKind | None = None,
    applies: Callable[..., Verdict | None] | None = None,
    needs: Sequence[str] | None = None,
    facts_identify: bool = False,
) -> Callable[[Callable[..., Verdict]], Check]:
    """Make a check of a function.

    ``id`` is a slug that states a claim. ``about`` is the kind of subject; it may be left out when a positional
    parameter is a single observation, whose subject kind is then used, and is needed for ``Every[...]``.

    ``applies`` decides whether the claim is about a subject like this one: a pure function of the same positional
    arguments, which returns None when it is, and otherwise the verdict, *not-applicable* or *inconclusive*. Checks
    share it instead of beginning with the same lines.

    ``needs`` names the parts of the observation that the check depends on, for probes that can scan in parts (the
    option ``parts`` of ``probe``): scans ask for no other. An observation without one of them is *not-selected* for
    the check. None: it depends on the whole observation.

    ``facts_identify``: the facts of its verdicts identify a machine or a key, e.g. as fingerprints. The overview of a
    run names those that systems of different owners share.
    """

    def make(function: Callable[..., Verdict]) -> Check:
        if not _SLUG.match(id):
            raise PluginError(f"check id {id!r} is not a slug", remedy="write lower-case words joined by hyphens")
        inputs, options = _signature(id, function)
        doc = inspect.cleandoc(function.__doc__ or "")
        description, *rest = _REMEDIATION.split(doc, maxsplit=1)
        if not description.strip() or not rest:
            raise PluginError(
                f"check {id!r} lacks a description or a remediation",
                remedy="write a docstring that ends with a paragraph 'Remediation: …'",
            )
        if about is None and any(each.every for each in inputs):
            raise PluginError(f"check {id!r} takes Every[...] without about=", remedy="name the kind of subject")
        if about is None and all(each.kind is None for each in inputs):
            raise PluginError(f"check {id!r} takes no observation", remedy="write about=SubjectKind.SYSTEM")
        return Check(
            id=id,
            title=title,
            about=about,
            references=tuple(references),
            description=_unwrap(description),
            remediation=_unwrap(rest[0]),
            inputs=inputs,
            options=options,
            function=function if applies is None else _where_it_applies(applies, function),
            module=function.__module__,
            needs=None if needs is None else tuple(sorted(map(str, needs))),
            facts_identify=facts_identify,
        )

    return make


def _where_it_applies(
    applies: Callable[..., Verdict | None], function: Callable[..., Verdict]
) -> Callable[..., Verdict]:
    """The function, called only where ``applies`` returns None; raises ValueError where it decides the claim."""

    def guarded(*inputs: object, **options: object) -> Verdict:
        verdict = applies(*inputs)
        if verdict is None:
            return function(*inputs, **options)
        if verdict.outcome not in (Outcome.NOT_APPLICABLE, Outcome.INCONCLUSIVE):
            raise ValueError(f"applies= returned {verdict.outcome}: return None, not_applicable or inconclusive")
        return verdict

    return guarded


def _unwrap(text: str) -> str:
    """Paragraphs on one line each, without reStructuredText's double backticks: the msgid of a docstring."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs).replace("``", "`")


def _signature(id: str, function: Callable[..., Verdict]) -> tuple[tuple[CheckInput, ...], type[BaseModel]]:  # noqa: A002
    hints = typing.get_type_hints(function)
    inputs: list[CheckInput] = []
    options: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        hint = hints.get(parameter.name)
        if parameter.kind is parameter.KEYWORD_ONLY:
            default = ... if parameter.default is parameter.empty else parameter.default
            options[parameter.name] = (hint, default)
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            inputs.append(_input_of(id, parameter.name, hint))
        else:
            raise PluginError(f"check {id!r} takes *{parameter.name}", remedy="name every parameter")
    if not inputs:
        raise PluginError(f"check {id!r} takes no input", remedy="take an observation or Declared")
    model = create_model(f"{id} options", __config__=ConfigDict(extra="forbid", frozen=True), **options)
    return tuple(inputs), model


def _input_of(id: str, name: str, hint: object) -> CheckInput:  # noqa: A002
    if hint is Declared:
        return CheckInput(name, None)
    if typing.get_origin(hint) is Every:
        (kind,) = typing.get_args(hint)
        return CheckInput(name, kind, every=True)
    optional = typing.get_origin(hint) in (types.UnionType, typing.Union)
    table = next((each for each in typing.get_args(hint) if each is not types.NoneType), None) if optional else hint
    if typing.get_origin(table) is TableAt:
        (entries,) = typing.get_args(table)
        return CheckInput(name, None, table=entries, optional=optional)
    if isinstance(hint, type) and issubclass(hint, Observation):
        return CheckInput(name, hint)
    raise PluginError(
        f"check {id!r}: parameter {name!r} is of type {hint!r}",
        remedy="take an Observation, Every[Observation], Declared, TableAt[TableEntries], or the last | None",
    )


def checks_in(package: ModuleType) -> tuple[Check, ...]:
    """The checks in a package of one file per check, by file name; a new file needs no registration."""
    names = sorted(module.name for module in iter_modules(package.__path__, f"{package.__name__}."))
    return tuple(value for name in names for value in vars(import_module(name)).values() if isinstance(value, Check))
