"""Statements of either side about findings. They never change an outcome.

``load`` decides whose decisions count; ``apply`` is the only place where their effect is computed.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from inspector.declare import document as documents
from inspector.declare.document import Location, YamlDocument, diagnostic_at, split
from inspector.declare.document.diagnostics import remedy_for_unknown
from inspector.model.base import Instant, Model
from inspector.model.errors import Diagnostic, UsageError
from inspector.model.finding import Finding, StatementNote
from inspector.model.formatted import FormattedMessage
from inspector.model.subject import BadUri, Scheme, parse_uri


class StatementKind(StrEnum):
    """What is stated."""

    EQUIVALENT_MEASURE = "equivalent-measure"
    ACCEPTED_RISK = "accepted-risk"
    REMEDIATION_PLANNED = "remediation-planned"
    INHERITED = "inherited"
    DISPUTED = "disputed"


class Decision(StrEnum):
    """How the inspecting side decided about a statement."""

    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class Statement(Model):
    """One statement about a finding of one system: by the finding's id, or by requirement and subject.

    ``system`` is compared, too: findings of the same requirement about a whole system have one id in all systems.
    """

    kind: StatementKind
    system: str = Field(min_length=1)
    finding: str | None = None
    requirement: str | None = None
    subject: str | None = None
    reason: str = Field(min_length=1)
    author: str = Field(min_length=1)
    until: Instant | None = None
    document: str | None = None
    decision: Decision = Decision.CLAIMED
    decided_by: str | None = None

    @model_validator(mode="after")
    def _names_finding_and_decider(self) -> Self:
        if (self.finding is None) == (self.requirement is None):
            raise ValueError(
                "the statement must name exactly one finding; name either finding, or requirement with subject"
            )
        if self.requirement is not None and self.subject is None:
            raise ValueError("a requirement is named without its subject; add subject: URI")
        if self.decision is not Decision.CLAIMED and not self.decided_by:
            raise ValueError("the decision has no author; add decided_by: NAME, someone of the inspecting side")
        return self

    def about(self, finding: Finding) -> bool:
        """Whether this statement is about that finding."""
        if self.system != finding.system:
            return False
        if self.finding is not None:
            return self.finding == finding.id
        return self.requirement == finding.requirement and self.subject == finding.subject


class Statements(Model):
    """The statements document."""

    statements: tuple[Statement, ...] = ()


# --- The file -------------------------------------------------------------------------------------------------------


def load(
    path: Path,
    *,
    inspecting: Collection[str] = (),
    systems: Collection[str] | None = None,
    schemes: Mapping[str, Scheme] | None = None,
    requirements: Collection[str] | None = None,
) -> tuple[tuple[Statement, ...], tuple[Diagnostic, ...]]:
    """The statements of a file, and warnings about decisions that do not count.

    A decision counts only when the inspecting side opens the document as its own and names the decider in its
    settings: ``inspecting`` are those names, empty for a document of the inspected side. Any other decision, and one by
    the statement's own author, becomes *claimed*, with a located warning. ``systems`` are the declared ids, where a
    declaration was read, ``requirements`` those of the installed regimes. Subjects are normalised like endpoints;
    ``schemes`` are the known ones by name. Raises InputFileError with every error of form, and for a system that is not
    declared or a requirement that no regime has.
    """
    document = documents.read(path)
    for at, _ in document.items("statements"):
        _normalise_subject(document, (*at, "subject"), schemes or {})
    found = document.take(Statements)
    statements = found.statements if found else ()
    for index, each in enumerate(statements):
        if systems is not None and each.system not in systems:
            document.diagnostic(
                ("statements", index, "system"),
                FormattedMessage("system {id} is not declared", id=repr(each.system)),
                remedy_for_unknown(each.system, sorted(systems)),
            )
        if requirements is not None and each.requirement is not None and each.requirement not in requirements:
            near = difflib.get_close_matches(each.requirement, sorted(requirements), 3, 0.5)
            document.diagnostic(
                ("statements", index, "requirement"),
                FormattedMessage("no regime has requirement {id}", id=repr(each.requirement)),
                FormattedMessage("nearest: {known}", known=", ".join(near)) if near else _COPY,
            )
    document.close()
    warnings = tuple(_warn(document, statements, inspecting))
    return tuple(each if _counts(each, inspecting) else _claimed(each) for each in statements), warnings


def _normalise_subject(document: YamlDocument, at: Location, schemes: Mapping[str, Scheme]) -> None:
    """Write the subject as findings do: a page with its path, a service without.

    One of a scheme that no installed plugin knows stays as it is.
    """
    text = document.at(*at)
    if not isinstance(text, str) or text.partition(":")[0].lower() not in schemes:
        return
    try:
        uri = parse_uri(text, schemes)
        document.put(at, str(uri) if "/" in text.partition("//")[2] else uri.service)
    except BadUri as error:
        document.diagnostic(at, *split(error.args[0]))


def _counts(statement: Statement, inspecting: Collection[str]) -> bool:
    if statement.decision is Decision.CLAIMED:
        return True
    decider = _folded(statement.decided_by)
    return decider in map(_folded, inspecting) and decider != _folded(statement.author)


def _folded(name: str | None) -> str:
    """A name for comparison: Unicode NFC, single spaces."""
    return " ".join(unicodedata.normalize("NFC", name or "").split())


def _claimed(statement: Statement) -> Statement:
    return statement.model_copy(update={"decision": Decision.CLAIMED, "decided_by": None})


def _warn(
    document: YamlDocument, statements: tuple[Statement, ...], inspecting: Collection[str]
) -> Iterator[Diagnostic]:
    for index, statement in enumerate(statements):
        if _counts(statement, inspecting):
            continue
        what = FormattedMessage(
            "{decision} by {decided_by} does not count and is treated as claimed",
            decision=statement.decision,
            decided_by=repr(statement.decided_by),
        )
        if _folded(statement.decided_by) == _folded(statement.author):
            remedy = "let another person of the inspecting side decide, not the author"
        elif inspecting:
            remedy = "if this person belongs to the inspecting side, add the name to inspectors in the settings"
        else:
            remedy = "decisions count only in a document of the inspecting side, by persons named in its settings"
        yield diagnostic_at(document.position("statements", index, "decided_by"), what, remedy)


#: Where the ids and subjects of findings are found.
_COPY = "copy requirement and subject, or the finding's id, from the report"


def unmatched(
    statements: Iterable[Statement], findings: Collection[Finding], left_out: Collection[str] = ()
) -> Iterator[UsageError]:
    """An error for each statement about none of the findings, with the nearest ones.

    Statements about requirements that were ``left_out`` of the inspection match nothing and are no error.
    """
    for statement in statements:
        if statement.requirement in left_out or any(map(statement.about, findings)):
            continue
        if statement.finding is not None:
            what = FormattedMessage("the statement about finding {id} matches nothing", id=repr(statement.finding))
            yield UsageError(what, remedy=_COPY)
            continue
        what = FormattedMessage(
            "the statement about requirement {id}, subject {subject} matches nothing",
            id=repr(statement.requirement),
            subject=repr(statement.subject),
        )
        subjects = sorted({each.subject for each in findings if each.requirement == statement.requirement})
        near = difflib.get_close_matches(statement.subject or "", subjects, 5, 0.3) or subjects[:5]
        nearest = FormattedMessage("subjects of this requirement here: {known}", known=", ".join(near))
        yield UsageError(what, remedy=nearest if near else "this system has no finding of the requirement; remove it")


# --- Their effect ---------------------------------------------------------------------------------------------------

#: Kinds that exclude a failure from the exit code, once accepted and not expired.
EXCUSING = frozenset({StatementKind.EQUIVALENT_MEASURE, StatementKind.ACCEPTED_RISK, StatementKind.INHERITED})


def apply(finding: Finding, statements: tuple[Statement, ...], as_of: datetime) -> Finding:
    """The finding with the statements about it; its outcome is unchanged.

    ``excused`` is set only by an accepted statement of an excusing kind that has not expired.
    """
    about = [statement for statement in statements if statement.about(finding)]
    if not about:
        return finding
    live = [each for each in about if each.until is None or each.until >= as_of]
    return finding.model_copy(
        update={
            "statements": tuple(
                StatementNote(
                    kind=each.kind.value,
                    decision=each.decision.value,
                    author=each.author,
                    reason=each.reason,
                    until=each.until,
                    document=each.document,
                )
                for each in about
            ),
            "excused": any(each.decision is Decision.ACCEPTED and each.kind in EXCUSING for each in live),
        }
    )
