"""Case files: ``cases/<check-id>.yaml`` lists what was seen, and the verdict that the check must give.

Each line is a mapping::

    - {seen: good, outcome: pass, measured: [a, b]}

``seen`` is what the check takes:

- one observation: the name of a recording of its kind; ``null`` for a probe run that ended without an observation
  (cause ``timeout``); or ``{handmade: {like: good, headers: {unseen: reset}}}``, an observation that no server gave,
  with these fields in place of those of the recording ``good`` (without ``like``: with these fields only);
- ``Every[...]``: a mapping from host names or addresses to any of these;
- several observations: a mapping from the names of the parameters to any of these.

``declared`` holds the fields of ``Declared``, ``options`` the options of the check. Tables are those that the
installed plugins ship; ``seen_on`` is the day on which the facts were seen (default: the day of the table), ``tables``
holds fields in place of those of a table, by its name, and all fields of one that nobody ships, which else is missing.
All other keys (``outcome``, ``measured``, ``threshold``, ``cause`` ...) are compared with the JSON form of the verdict,
``values`` with those of its message.

A check that can never give *pass*, *fail* or *inconclusive* has a line ``{never: fail, because: ...}`` instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from inspector.model.base import Cause
from inspector.model.declared import Declared
from inspector.model.errors import UsageError
from inspector.model.observation import Observation
from inspector.model.subject import Subject, SubjectKind, is_address
from inspector.model.table import NoTable, Table, TableAt, TableEntries
from inspector.model.verdict import Outcome, Verdict
from inspector.plugin.check import Check, CheckInput, Every, SubjectResult
from inspector.registry.registry import installed
from inspector.tables.store import shipped_tables
from inspector.testing.recording import family, recorded, recordings
from inspector.testing.unseen import unseen_inputs

#: The outcomes that a missing answer must never lead to.
GOOD = (Outcome.PASS, Outcome.NOT_APPLICABLE)

_DEMANDED = (Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE)
_INPUTS = ("seen", "declared", "options", "seen_on", "tables")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_SUBJECT = Subject(
    kind=SubjectKind.ADDRESS,
    uri="https://www.example.vn",
    scheme="https",
    host="www.example.vn",
    port=443,
    address="192.0.2.1",
)


@dataclass(frozen=True, slots=True)
class Case:
    """One line of a case file. ``inputs`` are what ``Check.evaluate`` takes, ``recordings`` the ``kind/name`` it
    uses.
    """

    name: str
    check: Check
    inputs: tuple[object, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    expected: Mapping[str, Any] = field(default_factory=dict)
    recordings: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.name

    def verdict(self) -> Verdict:
        """The verdict of the check."""
        return self.check.evaluate(self.inputs, self.options)

    def unseen(self, cause: Cause) -> Iterator[Outcome]:
        """The outcomes with one answer or observation missing, each in turn."""
        for inputs in unseen_inputs(self.inputs, cause):
            yield self.check.evaluate(inputs, self.options).outcome


def checks_of(package: str) -> dict[str, Check]:
    """The checks that a plugin's package contributes, by id."""
    return {check.id: check for check in import_module(package).inspector_checks()}


def cases(package: str, folder: Path) -> tuple[Case, ...]:
    """All cases below ``folder/cases`` for the checks of a plugin.

    Raises UsageError when a file is named after no check, or a case names no recording.
    """
    known = checks_of(package)
    return tuple(case for path, lines in _files(folder) for case in _cases_in(path, lines, known, folder))


def _files(folder: Path) -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    for path in sorted((folder / "cases").glob("*.yaml")):
        yield path, YAML(typ="safe").load(path)


def _cases_in(path: Path, lines: list[dict[str, Any]], known: Mapping[str, Check], folder: Path) -> Iterator[Case]:
    check = known.get(path.stem)
    if check is None:
        raise UsageError(
            f"{path}: no check has this id", remedy=f"name the file after one of {', '.join(sorted(known))}"
        )
    for number, line in enumerate(lines, 1):
        if "never" not in line:
            inputs = _Inputs(folder)
            yield Case(
                name=f"{check.id}-{number}-{line.get('outcome')}",
                check=check,
                inputs=tuple(inputs.of(check, line)),
                options=line.get("options", {}),
                expected={key: value for key, value in line.items() if key not in _INPUTS},
                recordings=frozenset(inputs.used),
            )


class _Inputs:
    """Turns the ``seen`` and ``declared`` of one line into the inputs of a check, and notes the recordings used."""

    def __init__(self, folder: Path) -> None:
        self.used: set[str] = set()
        self._folder = folder

    def of(self, check: Check, line: Mapping[str, Any]) -> Iterator[object]:
        several = sum(wire.kind is not None for wire in check.inputs) > 1
        for wire in check.inputs:
            if wire.table is not None:
                yield _table(wire.table, line)
            elif wire.kind is None:
                yield Declared.model_validate(line.get("declared", {}))
            else:
                yield self._input(wire, wire.kind, line["seen"][wire.name] if several else line["seen"])

    def _input(self, wire: CheckInput, kind: type[Observation], seen: Any) -> object:
        if not wire.every:
            return self._result(_SUBJECT, kind, seen)
        return Every([self._result(_subject(where), kind, one) for where, one in seen.items()])

    def _result(self, subject: Subject, kind: type[Observation], seen: Any) -> SubjectResult[Observation]:
        if seen is None:
            return SubjectResult(subject, None, Cause.TIMEOUT)
        return SubjectResult(
            subject, self._handmade(kind, **seen["handmade"]) if isinstance(seen, dict) else self._get(kind, seen)
        )

    def _get(self, kind: type[Observation], name: str) -> Observation:
        self.used.add(f"{family(kind)}/{name}")
        return recorded(self._folder, kind, name)

    def _handmade(self, kind: type[Observation], *, like: str | None = None, **fields: Any) -> Observation:
        base = self._get(kind, like).model_dump(mode="json") if like else {}
        return kind.parse(json.dumps({**base, **fields}))


def _table(kind: type[TableEntries], line: Mapping[str, Any]) -> TableAt[TableEntries] | NoTable:
    """The shipped table of a kind, changed as a case says."""
    shipped = next((each for each in shipped_tables(installed()) if each.kind == kind.kind), None)
    changed, changes = shipped, line.get("tables", {}).get(kind.kind.partition("/")[0])
    if changes:
        fields = {"kind": kind.kind} if shipped is None else shipped.model_dump(mode="json")
        changed = Table.parse(json.dumps({**fields, **changes}, default=str))
    if changed is None:
        return NoTable(kind.kind)
    return TableAt(changed, kind, line.get("seen_on") or changed.dated)


def _subject(where: str) -> Subject:
    update = {"address": where} if is_address(where) else {"host": where, "address": None}
    return _SUBJECT.model_copy(update=update)


def assert_verdict(case: Case) -> None:
    """The verdict is the expected one, and its message names each of its values; the threshold may be left out."""
    verdict = case.verdict()
    actual = verdict.model_dump(mode="json")
    actual["values"] = actual["message"]["values"]
    differs = {key: actual.get(key) for key, value in case.expected.items() if actual.get(key) != value}
    if differs:
        raise AssertionError(f"{case}: expected {dict(case.expected)}, got {differs}: {verdict.message}")
    values, placeholders = set(verdict.message.values), set(_PLACEHOLDER.findall(verdict.message.id))
    if placeholders - values or values - placeholders - {"threshold"}:
        raise AssertionError(f"{case}: the message {verdict.message.id!r} has the values {sorted(values)}")


def assert_unseen_never_good(case: Case, cause: Cause) -> None:
    """No answer that goes missing turns the verdict into *pass* or *not-applicable*."""
    before = case.verdict().outcome
    for after in case.unseen(cause):
        if after in GOOD and after is not before:
            raise AssertionError(f"{case}: {before} becomes {after} when an answer is unseen ({cause})")


def assert_cases_complete(package: str, folder: Path) -> None:
    """Every check has cases that pass, that fail and that are inconclusive, and every recording is used by a case."""
    found = cases(package, folder)
    reached = {(case.check.id, case.verdict().outcome) for case in found}
    excused = {
        (path.stem, Outcome(line["never"])) for path, lines in _files(folder) for line in lines if line.get("because")
    }
    demanded = {(id_, outcome) for id_ in checks_of(package) for outcome in _DEMANDED}
    problems = [
        *(
            f"cases/{id_}.yaml: no case has the outcome {outcome}"
            for id_, outcome in sorted(demanded - reached - excused)
        ),
        *(f"cases/{id_}.yaml: a case has the outcome {outcome}" for id_, outcome in sorted(reached & excused)),
    ]
    used = {name for case in found for name in case.recordings}
    problems += [f"recorded/{name}.json: no case uses it" for name in recordings(folder) if name not in used]
    if problems:
        raise AssertionError(f"{package}: " + "; ".join(problems))
