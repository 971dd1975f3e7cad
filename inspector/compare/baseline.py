"""A baseline: the failures that its author knows of and accepts in a pipeline. It changes no finding.

The file is JSON, one failure a line, so that a change of it can be reviewed. A ``findings.json`` is read as the
baseline of its failures.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from inspector.model.base import Model, canonical
from inspector.model.finding import Finding, Severity
from inspector.model.subject import SYSTEM
from inspector.model.verdict import Outcome

#: The form of the file.
FORM = "inspector-baseline/1"


class BadBaseline(ValueError):
    """The text is neither a baseline nor a ``findings.json``; the message says why."""


class KnownFailure(Model):
    """One failure: its finding's id, and what it is about, for people."""

    id: str
    system: str
    requirement: str
    subject: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Baseline:
    """Known failures; a finding is in it by its id, and where it is about a whole system, by its system too.

    Addresses do not matter: the id of a finding has none. ``finding in baseline`` asks only for the identity: whether
    it fails is the caller's question.
    """

    failures: tuple[KnownFailure, ...] = ()
    _known: frozenset[tuple[str, str]] = field(init=False, repr=False, compare=False, default=frozenset())

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", frozenset(_identity(each) for each in self.failures))

    def __contains__(self, finding: Finding) -> bool:
        return _identity(finding) in self._known

    def __bool__(self) -> bool:
        return bool(self.failures)

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Baseline:
        """The baseline of these findings: those that fail, each once, in the order of system, requirement, subject."""
        failures = {
            KnownFailure(
                id=each.id,
                system=each.system,
                requirement=each.requirement,
                subject=each.subject,
                severity=each.severity,
            )
            for each in findings
            if each.outcome is Outcome.FAIL
        }
        return cls(tuple(sorted(failures, key=lambda each: (each.system, each.requirement, each.subject))))

    @classmethod
    def parse(cls, data: bytes) -> Baseline:
        """The baseline in a file. Raises BadBaseline."""
        try:
            content: Any = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise BadBaseline(str(error)) from None
        if isinstance(content, list):
            failed = [each for each in content if isinstance(each, dict) and each.get("outcome") == Outcome.FAIL.value]
            fields = KnownFailure.model_fields
            return cls(tuple(_model(KnownFailure, {name: each.get(name) for name in fields}) for each in failed))
        if not isinstance(content, dict) or content.get("form") != FORM:
            raise BadBaseline(f"it has no form: {FORM}")
        failures = content.get("failures")
        if not isinstance(failures, list):
            raise BadBaseline("it has no list of failures")
        return cls(tuple(_model(KnownFailure, each) for each in failures))

    def text(self) -> str:
        """The file: JSON with one failure a line, the same for the same failures."""
        lines = ",\n".join(f"    {canonical(each).decode()}" for each in self.failures)
        return f'{{\n  "form": "{FORM}",\n  "failures": [\n{lines}\n  ]\n}}\n'


def _identity(finding: Finding | KnownFailure) -> tuple[str, str]:
    """The id, with the system where the finding is about a whole one: its id is the same in all systems."""
    return finding.id, finding.system if finding.subject == SYSTEM.uri else ""


def _model(model: type[KnownFailure], value: Any) -> KnownFailure:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise BadBaseline(f"{place}: {first['msg']}") from None
