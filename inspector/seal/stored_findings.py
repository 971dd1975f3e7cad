"""Findings as an assessment stores them: what many repeat stands once, and what follows from the rest is left out.

Clauses and references to evidence are listed once, and findings name them by their places. A field with its default
value is left out, and so is a check that has the name of its requirement, and the id, which follows from requirement
and subject (``finding_id``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

from pydantic import NonNegativeInt, ValidationError, create_model
from pydantic_core import SchemaValidator

from inspector.model.base import Model, canonical
from inspector.model.errors import BundleError
from inspector.model.finding import ClauseRef, EvidenceRef, Finding, finding_id
from inspector.model.formatted import FormattedMessage
from inspector.record.limits import check_size, check_values
from inspector.seal.untrusted_files import failing_fast, json_value, may_be_infinite, not_valid

T = TypeVar("T", ClauseRef, EvidenceRef)

_ID, _CHECK, _CLAUSES, _EVIDENCE = "id", "check", "clauses", "evidence"
_BY_PLACE = (_CLAUSES, _EVIDENCE)


def write_findings(findings: Sequence[Finding]) -> bytes:
    """The stored form of findings, in canonical JSON."""
    clauses: dict[ClauseRef, int] = {}
    evidence: dict[EvidenceRef, int] = {}
    stored: list[dict[str, Any]] = []
    for each in findings:
        own = each.model_dump(mode="json", exclude={_ID, *_BY_PLACE}, exclude_defaults=True)
        if each.check == each.requirement:
            del own[_CHECK]
        if each.clauses:
            own[_CLAUSES] = _places(each.clauses, clauses)
        if each.evidence:
            own[_EVIDENCE] = _places(each.evidence, evidence)
        stored.append(own)
    return canonical({_CLAUSES: _dumped(clauses), _EVIDENCE: _dumped(evidence), "findings": stored})


def _dumped(values: Iterable[Model]) -> list[dict[str, Any]]:
    return [each.model_dump(mode="json", exclude_defaults=True) for each in values]


def _places(values: Iterable[T], known: dict[T, int]) -> list[int]:
    """The place of each value among those that are known; new ones are added."""
    return [known.setdefault(each, len(known)) for each in values]


def read_findings(data: bytes, name: str) -> tuple[Finding, ...]:
    """The findings in the part ``name`` of a bundle. Raises BundleError.

    Written one by one they may not be longer than a part may be: a few bytes name a long list.
    """
    check_values(name, data)
    if may_be_infinite(data):
        json_value(data, name)  # which refuses what has no canonical form
    try:
        stored: Any = _validator().validate_json(data)
    except ValidationError as error:
        json_value(data, name)  # what is no JSON is called that
        raise not_valid(error, name, {}) from None
    common = stored.clauses, stored.evidence
    lengths = [[len(each.model_dump_json()) for each in known] for known in common]
    found: list[Finding] = []
    size = 0
    for each in stored.findings:
        fields = {field: getattr(each, field) for field in type(each).model_fields}
        try:
            for place, field in enumerate(_BY_PLACE):
                size += sum(lengths[place][index] for index in fields[field])
                fields[field] = tuple(common[place][index] for index in fields[field])
        except IndexError:
            raise BundleError(
                FormattedMessage("{name}: names a clause or evidence that it does not list", name=name)
            ) from None
        check_size(name, size)
        fields[_CHECK] = each.check or each.requirement
        fields[_ID] = finding_id(each.requirement, each.subject)
        found.append(Finding.model_construct(**fields))  # all of them are valid
    return tuple(found)


@cache
def _validator() -> SchemaValidator:
    """Validates the stored form."""
    own: dict[str, Any] = {
        name: (each.rebuild_annotation(), each)
        for name, each in Finding.model_fields.items()
        if name not in (_ID, *_BY_PLACE)
    }
    own |= {_CHECK: (str, ""), **dict.fromkeys(_BY_PLACE, (tuple[NonNegativeInt, ...], ()))}
    finding = create_model("StoredFinding", __base__=Model, **own)
    common: dict[str, Any] = {_CLAUSES: (tuple[ClauseRef, ...], ...), _EVIDENCE: (tuple[EvidenceRef, ...], ...)}
    whole = create_model("StoredFindings", __base__=Model, **common, findings=(tuple[finding, ...], ...))
    return failing_fast(whole.__pydantic_core_schema__)
