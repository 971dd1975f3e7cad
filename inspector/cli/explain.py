"""``inspector explain``: what a check claims and why, how to fix a failure, and which regimes ask for it."""

from __future__ import annotations

from inspector.cli import terminal
from inspector.cli.language import _, current
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.language import Language
from inspector.plugin.check import Check
from inspector.regime.loader import load_all
from inspector.regime.regime import Regime, Requirement
from inspector.registry.registry import installed
from inspector.report.messages import Translator


def print_explanation(name: str) -> int:
    """Print the page of a check, or of a requirement. Raises UsageError."""
    registry = installed()
    translator = Translator(registry, current())
    rows = [(regime, row) for regime in load_all(registry.profiles) for row in regime.requirements]
    check = registry.checks.get(name)
    asked = [(regime, row) for regime, row in rows if name in (row.id, row.check)]
    if check is None and not asked:
        raise UsageError(
            FormattedMessage("{name} is neither a check nor a requirement", name=repr(name)),
            remedy="see 'inspector list checks'",
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


def _print_row(regime: Regime, row: Requirement, translator: Translator) -> None:
    levels = ", ".join(str(level) for level in row.levels)
    strength = ", ".join(translator.term(each) for each in (row.force, row.obligation, row.severity))
    terminal.print_result(f"{regime.id} · {row.id} · {_('Level')} {levels} · {strength}")
    for name in row.clauses:
        clause = regime.clause(name)
        title = clause.title.vi if translator.language is Language.VI else clause.title.en
        terminal.print_result(f"    {clause.document} {clause.number}: {title}")
