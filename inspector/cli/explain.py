"""``inspector explain``: what a check claims and why, how to mend a failure, and which regimes ask for it."""

from __future__ import annotations

from inspector.cli import terminal
from inspector.model.errors import UsageError
from inspector.model.language import Language
from inspector.plugin.check import Check
from inspector.regime.loader import load_all
from inspector.regime.regime import Regime, Requirement
from inspector.registry.registry import installed
from inspector.report.messages import Translator


def print_explanation(name: str, lang: str) -> int:
    """Print the page of a check, or of a requirement. Raises UsageError."""
    registry = installed()
    translator = Translator(registry, Language(lang))
    rows = [(regime, row) for regime in load_all(registry.profiles) for row in regime.requirements]
    check = registry.checks.get(name)
    asked = [(regime, row) for regime, row in rows if name in (row.id, row.check)]
    if check is None and not asked:
        raise UsageError(f"{name!r} is neither a check nor a requirement", remedy="see 'inspector list checks'")
    check = check or registry.checks.get(asked[0][1].check)
    if check is not None:
        _print_check(check, translator)
    for regime, row in asked:
        _print_row(regime, row, translator)
    return 0


def _print_check(check: Check, translator: Translator) -> None:
    terminal.say(f"{check.id}: {translator.check(check.id, 'title')}")
    terminal.say()
    terminal.say(translator.check(check.id, "description"))
    terminal.say()
    terminal.say(f"{translator.say('Remediation')}: {translator.check(check.id, 'remediation')}")
    if check.references:
        terminal.say(f"{translator.say('References')}: {'; '.join(check.references)}")
    for option, described in check.options.model_fields.items():
        terminal.say(f"{translator.say('Option')}: {option} = {described.default}")
    terminal.say()


def _print_row(regime: Regime, row: Requirement, translator: Translator) -> None:
    levels = ", ".join(str(level) for level in row.levels)
    strength = ", ".join(translator.word(each) for each in (row.force, row.obligation, row.severity))
    terminal.say(f"{regime.id} · {row.id} · {translator.say('Level')} {levels} · {strength}")
    for name in row.clauses:
        clause = regime.clause(name)
        title = clause.title.vi if translator.language is Language.VI else clause.title.en
        terminal.say(f"    {clause.document} {clause.number}: {title}")
