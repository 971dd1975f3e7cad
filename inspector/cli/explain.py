"""``inspector explain``: a check or a requirement with the regimes that ask for it, or a clause with its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

from inspector.cli import terminal
from inspector.cli.language import _, current
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.language import Language
from inspector.plugin.check import Check
from inspector.regime.loader import load_all
from inspector.regime.regime import BilingualText, Clause, Document, Regime, Requirement, Status
from inspector.registry.registry import installed
from inspector.report.messages import Translator
from inspector.report.remedies import product_name, remedies_of

#: The package that translates the sources of documents.
_PROFILES = "inspector_profiles"


def print_explanation(name: str) -> int:
    """Print the page of a check, of a requirement, of a clause or of a document. Raises UsageError."""
    registry = installed()
    translator = Translator(registry, current())
    regimes = load_all(registry.profiles)
    if clauses := _clauses(name, regimes):
        _print_clauses(clauses, regimes, translator)
        return 0
    rows = [(regime, row) for regime in regimes for row in regime.requirements]
    check = registry.checks.get(name)
    asked = [(regime, row) for regime, row in rows if name in (row.id, row.check)]
    if check is None and not asked:
        known = {
            *registry.checks,
            *(row.id for _regime, row in rows),
            *(each.id for one in regimes for each in one.clauses),
        }
        near = get_close_matches(name, sorted(known), 1)
        remedy = "see 'inspector list checks', or name a document, as nd331, or a clause, as nd331-35.4"
        raise UsageError(
            FormattedMessage("{name} is no check, requirement, clause or document", name=repr(name)),
            remedy=FormattedMessage("did you mean {word}?", word=repr(near[0])) if near else remedy,
        )
    check = check or registry.checks.get(asked[0][1].check)
    if check is not None:
        _print_check(check, translator)
    for regime, row in asked:
        _print_row(regime, row, translator)
    return 0


def _print_check(check: Check, translator: Translator) -> None:
    terminal.print_result(f"{check.id}: {translator.check(check.id, 'title')}")
    terminal.print_result()
    terminal.print_result(translator.check(check.id, "description"))
    terminal.print_result()
    terminal.print_result(f"{_('Remediation')}: {translator.check(check.id, 'remediation')}")
    if check.references:
        terminal.print_result(f"{_('References')}: {'; '.join(check.references)}")
    for option, described in check.options.model_fields.items():
        terminal.print_result(f"{_('Option')}: {option} = {described.default}")
    terminal.print_result()
    for product, remedy in remedies_of(check.module.partition(".")[0], check.id).items():
        tried = _("tried with {version}", version=remedy.tried) if remedy.tried else _("not tried by us")
        terminal.print_result(f"{product_name(product)}, {remedy.place} ({tried})")
        for line in "\n".join(remedy.lines).splitlines():
            terminal.print_result(f"    {line}")
        terminal.print_result()


def _print_row(regime: Regime, row: Requirement, translator: Translator) -> None:
    terminal.print_result(_strength(regime, row, translator))
    for name in row.clauses:
        clause = regime.clause(name)
        terminal.print_result(f"    {clause.document} {clause.number}: {_in(clause.title, translator)}  [{name}]")


def _strength(regime: Regime, row: Requirement, translator: Translator) -> str:
    """The row in one line: regime, id, levels and how strongly it binds whom."""
    levels = ", ".join(str(level) for level in row.levels)
    strength = ", ".join(translator.term(each) for each in (row.kind, row.force, row.obligation, row.severity))
    limits = [each.title for each in regime.overlays if each.id in (row.overlay, row.bound)]
    whom = "".join(f" · {_in(each, translator)}" for each in limits)
    return f"{regime.id} · {row.id} · {_('Level')} {levels} · {strength}{whom}"


# --- Clauses --------------------------------------------------------------------------------------------------------


def _clauses(name: str, regimes: Iterable[Regime]) -> list[tuple[Clause, Document]]:
    """The clause with this id, or all of the document with this id or number, in the order of its index."""
    known = {clause.id: (clause, regime.documents[clause.document]) for regime in regimes for clause in regime.clauses}
    if name in known:
        return [known[name]]
    found = [each for each in known.values() if name in (each[1].id, each[0].document)]
    return sorted(found, key=lambda each: [(len(part), part) for part in each[0].number.split(".")])


def _print_clauses(
    clauses: Sequence[tuple[Clause, Document]], regimes: Sequence[Regime], translator: Translator
) -> None:
    first, document = clauses[0]
    terminal.print_result(f"{first.document}: {_in(document, translator)}")
    for line in _reading(document, translator):
        terminal.print_result(f"  {line}")
    for clause, _of in clauses:
        terminal.print_result()
        terminal.print_result(f"{clause.id} · {clause.number}: {_in(clause.title, translator)}")
        for line in _facts(clause, document, translator):
            terminal.print_result(f"    {line}")
        for line in _resting(clause, regimes, translator):
            terminal.print_result(f"    {line}")


def _reading(document: Document, translator: Translator) -> Iterator[str]:
    """Where and when a document was read, how sure that is, and whether it is law."""
    read = f", {translator.day(document.read)}" if document.read else ""
    yield f"{_('Read')}: {translator.term(document.source, _PROFILES)}{read} · {_('Confidence')}: {document.confidence}"
    begins = f"{_('In force from')}: {translator.day(document.in_force)} · " if document.in_force else ""
    yield f"{begins}{_('Status')}: {translator.term(document.status)}"
    if document.note:
        yield _in(document.note, translator)


def _facts(clause: Clause, document: Document, translator: Translator) -> Iterator[str]:
    """The levels of a clause and whom it binds, and what differs from its document."""
    levels = ", ".join(map(str, clause.levels))
    yield f"{_('Level')} {levels} · {_('Binds')}: {translator.term(clause.binds)} · {translator.term(clause.force)}"
    if clause.optional:
        yield f"{_('Left to the owner at level')} {', '.join(map(str, clause.optional))}"
    if clause.in_force != document.in_force and clause.in_force:
        yield f"{_('In force from')}: {translator.day(clause.in_force)}"
    if clause.confidence != document.confidence:
        yield f"{_('Confidence')}: {clause.confidence}"


def _resting(clause: Clause, regimes: Iterable[Regime], translator: Translator) -> Iterator[str]:
    """The deadlines and rows that rest on a clause, with their checks; or why there is none."""
    if clause.not_judged:
        yield f"{_('Not judged, because')}: {_in(clause.not_judged, translator)}"
    for regime in regimes:
        for deadline in regime.deadlines:
            if clause.id in deadline.clauses:
                state = "" if deadline.status is Status.IN_FORCE else f" ({translator.term(deadline.status)})"
                title = f"{_in(deadline.title, translator)}: {translator.deadline(deadline)}"
                yield f"{regime.id} · {_('Deadline')}: {title}{state}"
                if deadline.note:
                    yield f"    {_in(deadline.note, translator)}"
        for row in regime.requirements:
            if clause.id in row.clauses:
                yield f"{_strength(regime, row, translator)} · {_('check')} {row.check}"


def _in(text: BilingualText, translator: Translator) -> str:
    return text.vi if translator.language is Language.VI else text.en
