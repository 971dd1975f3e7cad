"""level-fits-facts: no declared fact calls for a higher level than the declared one."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, field_validator

from inspector import Cause, Declared, Model, SubjectKind, Verdict, check, failed, inconclusive, passed
from inspector.model.declared import Facts


class Sign(Model):
    """Facts that together call for a level: true or false as declared, a number for *at least*, a word for *holds*."""

    level: int = Field(ge=1, le=5)
    when: dict[str, bool | int | str] = Field(min_length=1)

    @field_validator("when")
    @classmethod
    def _names_facts(cls, when: dict[str, bool | int | str]) -> dict[str, bool | int | str]:
        unknown = [name for name in when if name not in Facts.model_fields]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no fact of a declaration")
        return when

    def missing(self, facts: Facts) -> tuple[str, ...]:
        """The facts that decide this sign and are not declared; none when a declared one already rules it out."""
        said = {name: _says(facts, name, wanted) for name, wanted in self.when.items()}
        return () if False in said.values() else tuple(name for name, answer in said.items() if answer is None)

    def holds(self, facts: Facts) -> bool:
        """Whether the declared facts show this sign."""
        return all(_says(facts, name, wanted) for name, wanted in self.when.items())


def _says(facts: Facts, name: str, wanted: bool | int | str) -> bool | None:
    """Whether a fact is as wanted; None when it is not declared."""
    fact = getattr(facts, name)
    if fact is None or fact == ():
        return None
    if isinstance(wanted, bool):
        return bool(fact) is wanted
    if isinstance(wanted, str):
        return wanted in fact
    return bool(fact >= wanted)


def _shown(facts: Facts, sign: Sign) -> Iterator[str]:
    """The facts behind a sign, each with its declared value."""
    for name, wanted in sign.when.items():
        yield f"{name}={wanted if isinstance(wanted, str) else str(getattr(facts, name)).lower()}"


def _asked(sign: Sign) -> Iterator[str]:
    """What the sign asks for, fact by fact."""
    for name, wanted in sign.when.items():
        relation = "≥" if isinstance(wanted, int) and not isinstance(wanted, bool) else "="
        yield f"{name}{relation}{str(wanted).lower()}"


@check("level-fits-facts", title="No declared fact calls for a higher level", about=SubjectKind.SYSTEM)
def level_fits_facts(declared: Declared, *, level: int, signs: tuple[Sign, ...]) -> Verdict:
    """The level follows from what the system serves and holds; a level set too low hides duties.

    Judged on the declared facts alone; a fact that is not declared decides nothing.

    Remediation: determine the level anew with these facts and submit a new dossier, or correct the facts.
    """
    higher = sorted((sign for sign in signs if sign.level > level), key=lambda sign: -sign.level)
    for sign in higher:
        if sign.holds(declared.facts):
            return failed(
                "declared facts {measured}: {threshold} calls for level {implied}, above the declared {declared}",
                measured=tuple(_shown(declared.facts, sign)),
                threshold=tuple(_asked(sign)),
                implied=sign.level,
                declared=level,
                facts=tuple(f"facts/{name}" for name in sign.when),
            )
    missing = sorted({name for sign in higher for name in sign.missing(declared.facts)})
    if missing:
        return inconclusive(
            "these facts are not declared, so a higher level cannot be ruled out: {missing}",
            missing=missing,
            cause=Cause.AMBIGUOUS,
            facts=tuple(f"facts/{name}" for name in missing),
        )
    return passed("no declared fact calls for more than level {declared}", declared=level, facts="facts")
