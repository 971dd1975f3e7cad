"""A page for each check: its docstring and messages in both languages, its options, and the rows that require it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

from inspector.model.language import Language
from inspector.model.verdict import Message
from inspector.plugin.check import Check, CheckInput
from inspector.regime.loader import load_all
from inspector.regime.regime import Regime, Requirement
from inspector.registry.registry import Registry
from inspector.report.messages import Translator, catalogue
from inspector.report.remedies import product_name, remedies_of

Row = tuple[Regime, Requirement]


def check_pages(registry: Registry) -> dict[str, str]:
    """``checks/<id>.md`` of every installed check, and ``checks/index.md``."""
    rows = [(regime, row) for regime in load_all(registry.profiles) for row in regime.requirements]
    checks = sorted(registry.checks.values(), key=lambda check: check.id)
    translators = [Translator(registry, language) for language in (Language.EN, Language.VI)]
    made = {f"checks/{check.id}.md": _page(check, registry, rows, translators) for check in checks}
    made["checks/index.md"] = _index(checks, translators)
    return made


def _index(checks: Iterable[Check], translators: Iterable[Translator]) -> str:
    lines = [
        f"| [{check.id}]({check.id}.md) | {' | '.join(each.check(check.id, 'title') for each in translators)} |"
        for check in checks
    ]
    return "\n".join(["# Checks\n", "| Check | Title | Tên |", "|---|---|---|", *lines, ""])


def _page(check: Check, registry: Registry, rows: Iterable[Row], translators: Iterable[Translator]) -> str:
    parts = [f"# {check.id}", *(part for each in translators for part in _texts(check, registry, each))]
    inputs = [_input(each) for each in check.inputs]
    about = f", about each {check.about.value}" if check.about else ""
    parts += ["## Inputs", f"{', '.join(inputs)}{about}."]
    if check.references:
        parts += ["## References", "\n".join(f"- {each}" for each in check.references)]
    if check.options.model_fields:
        options = [f"- `{name}` = `{field.default}`" for name, field in check.options.model_fields.items()]
        parts += ["## Options", "\n".join(options)]
    required = [_row(regime, row) for regime, row in rows if row.check == check.id]
    parts += ["## Required by", "\n".join(required) or "No regime."]
    return "\n\n".join(parts) + "\n"


def _input(wire: CheckInput) -> str:
    if wire.table is not None:
        return f"the table `{wire.table.kind}`{' (where it is at hand)' if wire.optional else ''}"
    return f"`{wire.kind.kind if wire.kind else 'declared'}`{' (every)' if wire.every else ''}"


def _texts(check: Check, registry: Registry, translator: Translator) -> Iterator[str]:
    """Title, description, remediation and messages in one language."""
    package = registry.package_of(check.id)
    yield f"## {translator.check(check.id, 'title')}"
    yield translator.check(check.id, "description")
    yield f"**{translator.text('Remediation')}**: {translator.check(check.id, 'remediation')}"
    for product, remedy in remedies_of(package, check.id).items():
        tried = f", {remedy.tried}" if remedy.tried else ""
        lines = "\n".join(remedy.lines)
        yield f"{product_name(product)}, `{remedy.place}`{tried}\n\n```\n{lines}\n```"
    messages = messages_of(check, package)
    if messages:
        yield "\n".join(f"> {translator.text(each, package)}  " for each in messages)


def messages_of(check: Check, package: str) -> list[str]:
    """The message templates that a check can return: the texts in its code that the package's catalogue translates.

    Those of the core's verdicts about products are in the core's.
    """
    core = {each for each in catalogue("inspector", Language.VI) if " " in each}
    translated = core.union(catalogue(package, Language.VI))
    return sorted({each for each in _constants(check.function) if each in translated} - {check.title})


def _constants(function: Any, seen: set[int] | None = None) -> Iterator[str]:
    """The texts in a function, in the functions it closes over, and in what it names of its own package or of the
    core's verdicts about products."""
    seen = set() if seen is None else seen
    if id(function) in seen:
        return
    seen.add(id(function))
    for cell in function.__closure__ or ():
        if isinstance(cell.cell_contents, FunctionType):
            yield from _constants(cell.cell_contents, seen)
    for code in _codes(function.__code__):
        for constant in code.co_consts:
            yield from _texts_in(constant)
        for name in code.co_names:
            named = function.__globals__.get(name)
            yield from _texts_in(named)
            if isinstance(named, FunctionType) and _is_followed(named.__module__, function.__module__):
                yield from _constants(named, seen)


def _is_followed(module: str, origin: str) -> bool:
    return module == "inspector.products.verdicts" or module.partition(".")[0] == origin.partition(".")[0]


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Message):
        yield value.id
    elif isinstance(value, tuple | list | frozenset | set):
        for each in value:
            yield from _texts_in(each)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts_in(each)


def _row(regime: Regime, row: Requirement) -> str:
    levels = ", ".join(map(str, row.levels))
    head = f"- {regime.id} `{row.id}`, level {levels}: {row.force.value}, {row.obligation.value}, {row.severity.value}"
    clauses = (regime.clause(name) for name in row.clauses)
    return "\n".join(
        [head, *(f"  - {each.document} {each.number}: {each.title.en} ({each.title.vi})" for each in clauses)]
    )
