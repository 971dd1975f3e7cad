"""level-fits-facts: no declared fact requires a higher level than the declared one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from pydantic import Field, field_validator

from inspector import (
    ApprovalStatus,
    Cause,
    Declared,
    Facts,
    Model,
    SubjectKind,
    Verdict,
    check,
    failed,
    inconclusive,
    passed,
)


class LevelCriterion(Model):
    """A criterion for a level: facts that together require it.

    ``when`` gives for each fact the required value: a boolean, a minimum (number), or a member of a list (string).
    """

    level: int = Field(ge=1, le=5)
    when: dict[str, bool | int | str] = Field(min_length=1)

    @field_validator("when")
    @classmethod
    def _names_facts(cls, when: dict[str, bool | int | str]) -> dict[str, bool | int | str]:
        unknown = [name for name in when if name not in Facts.model_fields]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not a fact of a declaration")
        return when

    def missing(self, facts: Facts) -> tuple[str, ...]:
        """The undeclared facts that this criterion needs; none when a declared fact already rules it out."""
        met = {name: _is_met(facts, name, required) for name, required in self.when.items()}
        return () if False in met.values() else tuple(name for name, answer in met.items() if answer is None)

    def is_met_by(self, facts: Facts) -> bool:
        """Whether the declared facts meet this criterion."""
        return all(_is_met(facts, name, required) for name, required in self.when.items())


def _is_met(facts: Facts, name: str, required: bool | int | str) -> bool | None:
    """Whether a fact has the required value; None when it is not declared."""
    fact = getattr(facts, name)
    if fact is None or fact == ():
        return None
    if isinstance(required, bool):
        return bool(fact) is required
    if isinstance(required, str):
        return required in fact
    return bool(fact >= required)


def _values(facts: Facts, criterion: LevelCriterion) -> Iterator[str]:
    """The facts of a criterion with their declared values."""
    for name, required in criterion.when.items():
        yield f"{name}={required if isinstance(required, str) else str(getattr(facts, name)).lower()}"


def _conditions(criterion: LevelCriterion) -> Iterator[str]:
    """The conditions of a criterion, one per fact."""
    for name, required in criterion.when.items():
        relation = "≥" if isinstance(required, int) and not isinstance(required, bool) else "="
        yield f"{name}{relation}{str(required).lower()}"


def _is_kept(declared: Declared, kept_before: date | None) -> bool:
    """Whether the level was approved under earlier criteria and is kept."""
    approval = declared.approval
    if kept_before is None or approval is None or approval.status is not ApprovalStatus.APPROVED:
        return False
    return approval.date is not None and approval.date < kept_before


def _has_changed(declared: Declared) -> bool:
    """Whether a change is declared that alters what the level rests on."""
    return any(each.alters_level for each in declared.changes or ())


def _kept(declared: Declared, criterion: LevelCriterion, level: int) -> Verdict:
    """The verdict on a kept level that today's criteria would make higher."""
    values: dict[str, tuple[str, ...] | int] = {
        "threshold": tuple(_conditions(criterion)),
        "implied": criterion.level,
        "declared": level,
    }
    if declared.changes is None or any(each.alters_level is None for each in declared.changes):
        return inconclusive(
            "level {declared} is kept from an earlier approval; {threshold} now requires level {implied}, "
            "and whether the system has changed since is not stated",
            **values,
            cause=Cause.AMBIGUOUS,
            facts="changes",
        )
    return passed(
        "level {declared} is kept from an earlier approval, and no change alters it; new systems with {threshold} "
        "are of level {implied}",
        **values,
        facts=("approval", "changes"),
    )


@check("level-fits-facts", title="Declared level is not too low", about=SubjectKind.SYSTEM)
def level_fits_facts(
    declared: Declared, *, level: int, signs: tuple[LevelCriterion, ...], kept_before: date | None = None
) -> Verdict:
    """The level follows from the users and the data of the system; a level that is too low omits required measures.

    Only the declared facts are assessed; a fact that is not declared proves nothing. Where several criteria are met,
    the highest level applies. A level approved before ``kept_before`` is kept until the system changes.

    Remediation: determine the level again with these facts and submit a new level proposal dossier; or correct
    ``facts`` in the declaration.
    """
    higher = sorted((each for each in signs if each.level > level), key=lambda each: -each.level)
    for criterion in higher:
        if criterion.is_met_by(declared.facts):
            if _is_kept(declared, kept_before) and not _has_changed(declared):
                return _kept(declared, criterion, level)
            # A condition that is no number says the same as the fact.
            limits = tuple(each for each in _conditions(criterion) if "≥" in each)
            stated = {"limits": limits} if limits else {}
            return failed(
                "level {implied} is required, level {declared} is declared: {measured}; limit: {limits}"
                if limits
                else "level {implied} is required, level {declared} is declared: {measured}",
                measured=tuple(_values(declared.facts, criterion)),
                threshold=tuple(_conditions(criterion)),
                **stated,
                implied=criterion.level,
                declared=level,
                facts=tuple(f"facts/{name}" for name in criterion.when),
            )
    missing = sorted({name for criterion in higher for name in criterion.missing(declared.facts)})
    if missing:
        return inconclusive(
            "facts not declared, so a higher level cannot be ruled out: {missing}",
            missing=missing,
            cause=Cause.AMBIGUOUS,
            facts=tuple(f"facts/{name}" for name in missing),
        )
    return passed("no declared fact requires more than level {declared}", declared=level, facts="facts")
