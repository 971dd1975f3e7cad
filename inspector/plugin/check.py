"""A check: a pure function from observations to a verdict. Its signature names its inputs.

A positional parameter is one observation about the check's subject, ``Every[T]`` of all observations under that
subject, or ``Declared``. Keyword-only parameters are the options that a profile may set.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, create_model

from inspector.model.base import Cause, NotSeen
from inspector.model.declared import Declared
from inspector.model.errors import PluginError
from inspector.model.observation import Observation
from inspector.model.subject import Subject, SubjectKind
from inspector.model.verdict import Message, Outcome, Verdict

T = TypeVar("T", bound=Observation)

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
_REMEDIATION = re.compile(r"^Remediation:\s*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SubjectResult(Generic[T]):
    """One observation, or its trouble, with the subject it is about."""

    subject: Subject
    fact: T | None
    cause: Cause | None = None

    @property
    def is_seen(self) -> bool:
        """Whether there is an observation."""
        return self.fact is not None

    @property
    def value(self) -> T:
        """The observation; raises ``NotSeen`` when there is only trouble."""
        if self.fact is None:
            raise NotSeen(self.cause or Cause.NOT_REACHED)
        return self.fact


class Every(Generic[T]):
    """All observations of one kind under the check's subject, each a fact or its trouble.

    Iterating gives the facts alone; ``all`` gives everything; ``missing`` what was not seen. A *fail* may rest on part;
    a *pass* or *not-applicable* while there are holes is turned into *inconclusive* by the engine.
    """

    __slots__ = ("all",)

    def __init__(self, items: Sequence[SubjectResult[T]]) -> None:
        self.all: tuple[SubjectResult[T], ...] = tuple(items)

    def __iter__(self) -> Iterator[T]:
        return (item.fact for item in self.all if item.fact is not None)

    def __len__(self) -> int:
        return sum(item.is_seen for item in self.all)

    @property
    def seen(self) -> tuple[SubjectResult[T], ...]:
        """The items that hold a fact."""
        return tuple(item for item in self.all if item.is_seen)

    @property
    def missing(self) -> tuple[SubjectResult[T], ...]:
        """The items that hold only trouble."""
        return tuple(item for item in self.all if not item.is_seen)


@dataclass(frozen=True, slots=True)
class CheckInput:
    """One positional parameter: ``kind`` None stands for ``Declared``."""

    name: str
    kind: type[Observation] | None
    every: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """A claim with the function that judges it. *pass* means that the claim holds."""

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

    def __call__(self, *inputs: object, **options: object) -> Verdict:
        """Call the function as written: for tests of a check by itself."""
        return self.function(*inputs, **options)

    def validate(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options as typed values, defaults filled in; raises ``pydantic.ValidationError``."""
        model = self.options.model_validate(dict(options))
        return {name: getattr(model, name) for name in type(model).model_fields}

    def evaluate(self, inputs: Sequence[object], options: Mapping[str, Any]) -> Verdict:
        """Judge inputs in the order of ``inputs``: a ``SubjectResult``, an ``Every`` or a ``Declared`` each.

        A single observation that is missing, and an answer that the function needed but nobody saw, give
        *inconclusive*; so does a good verdict over a hole.
        """
        arguments: list[object] = []
        for given in inputs:
            if isinstance(given, SubjectResult):
                if given.fact is None:
                    return _inconclusive("no observation: {cause}", given.cause or Cause.NOT_REACHED)
                arguments.append(given.fact)
            else:
                arguments.append(given)
        everys = [given for given in inputs if isinstance(given, Every)]
        if everys and not any(each.all for each in everys):
            return _inconclusive("nothing was scanned: {cause}", Cause.NOT_SELECTED)
        try:
            verdict = self.function(*arguments, **self.validate(options))
        except NotSeen as unseen:
            return _inconclusive("an answer that decides this was not seen: {cause}", unseen.cause)
        if verdict.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE):
            missing = [hole for each in everys for hole in each.missing]
            if missing:
                where = tuple(sorted({hole.subject.address or hole.subject.uri for hole in missing}))
                return Verdict(
                    outcome=Outcome.INCONCLUSIVE,
                    message=Message(id="not seen everywhere: {missing}", values={"missing": where}),
                    cause=missing[0].cause or Cause.NOT_REACHED,
                )
        return verdict


def _inconclusive(message: str, cause: Cause) -> Verdict:
    return Verdict(
        outcome=Outcome.INCONCLUSIVE,
        message=Message(id=message, values={"cause": cause.value}),
        cause=cause,
    )


def check(
    id: str,  # noqa: A002  (the field's word)
    *,
    title: str,
    references: Sequence[str] = (),
    about: SubjectKind | None = None,
    applies: Callable[..., Verdict | None] | None = None,
) -> Callable[[Callable[..., Verdict]], Check]:
    """Make a check of a function.

    ``id`` is a slug that states a claim. ``about`` is the kind of subject; it may be left out when a positional
    parameter is a single observation, whose own aim then holds, and is needed for ``Every[...]``.

    ``applies`` decides whether the claim is about a subject like this one: a pure function of the same positional
    arguments, which returns None when it is, and otherwise the verdict, *not-applicable* or *inconclusive*. Checks
    share it instead of beginning with the same lines.
    """

    def make(function: Callable[..., Verdict]) -> Check:
        if not _SLUG.match(id):
            raise PluginError(f"check id {id!r} is no slug", remedy="write lower-case words joined by hyphens")
        inputs, options = _signature(id, function)
        doc = inspect.cleandoc(function.__doc__ or "")
        description, *rest = _REMEDIATION.split(doc, maxsplit=1)
        if not description.strip() or not rest:
            raise PluginError(
                f"check {id!r} lacks a description or a remediation",
                remedy="write a docstring that ends with a paragraph 'Remediation: …'",
            )
        if about is None and any(wire.every for wire in inputs):
            raise PluginError(f"check {id!r} takes Every[...] without about=", remedy="name the kind of subject")
        if about is None and all(wire.kind is None for wire in inputs):
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
            inputs.append(_wire(id, parameter.name, hint))
        else:
            raise PluginError(f"check {id!r} takes *{parameter.name}", remedy="name every parameter")
    if not inputs:
        raise PluginError(f"check {id!r} scans nothing", remedy="take an observation or Declared")
    model = create_model(f"{id} options", __config__=ConfigDict(extra="forbid", frozen=True), **options)
    return tuple(inputs), model


def _wire(id: str, name: str, hint: object) -> CheckInput:  # noqa: A002
    if hint is Declared:
        return CheckInput(name, None)
    if typing.get_origin(hint) is Every:
        (kind,) = typing.get_args(hint)
        return CheckInput(name, kind, every=True)
    if isinstance(hint, type) and issubclass(hint, Observation):
        return CheckInput(name, hint)
    raise PluginError(
        f"check {id!r}: parameter {name!r} is of type {hint!r}",
        remedy="take an Observation, Every[Observation] or Declared",
    )


def checks_in(package: ModuleType) -> tuple[Check, ...]:
    """The checks in a package of one file per check, in the order of the file names; a new file is found by itself."""
    names = sorted(module.name for module in iter_modules(package.__path__, f"{package.__name__}."))
    return tuple(value for name in names for value in vars(import_module(name)).values() if isinstance(value, Check))
