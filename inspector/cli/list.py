"""``inspector list``: what the installed plugins contribute."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from inspector.cli import terminal
from inspector.model.errors import UsageError
from inspector.model.language import Language
from inspector.regime.loader import load_all
from inspector.registry.lock import lock_of
from inspector.registry.registry import Registry, installed
from inspector.report.messages import Translator

Rows = Iterable[tuple[str, ...]]


def _plugins(registry: Registry, translator: Translator) -> Rows:
    yield from ((each.name, each.distribution, each.version) for each in registry.plugins)
    for name, modules in registry.incomplete.items():
        yield (name, translator.say("not loaded; not installed: {modules}", modules=modules), "–")


def _probes(registry: Registry, _texts: Translator) -> Rows:
    for each in registry.probes.values():
        schemes = ", ".join(sorted(scheme.name for scheme in each.schemes))
        yield (each.name, each.kind.kind, each.subject_kind.value, each.intrusiveness.value, schemes)


def _checks(registry: Registry, translator: Translator) -> Rows:
    return ((each.id, translator.check(each.id, "title")) for each in registry.checks.values())


def _regimes(registry: Registry, translator: Translator) -> Rows:
    for each in load_all(registry.profiles):
        title = each.title.vi if translator.language is Language.VI else each.title.en
        ends = translator.day(each.valid_to) if each.valid_to else "…"
        yield (each.id, each.version, f"{translator.day(each.valid_from)} – {ends}", title)


def _formats(registry: Registry, _texts: Translator) -> Rows:
    return ((each.name, each.suffix, each.media_type) for each in registry.renderers.values())


def _schemes(registry: Registry, _texts: Translator) -> Rows:
    for each in registry.schemes.values():
        yield (each.name, each.form.value, str(each.port or "–"))


LISTS: dict[str, tuple[Callable[[Registry, Translator], Rows], tuple[str, ...]]] = {
    "plugins": (_plugins, ("Name", "Distribution", "Version")),
    "probes": (_probes, ("Name", "Observation", "Subject", "Intrusiveness", "Schemes")),
    "checks": (_checks, ("Name", "Claim")),
    "regimes": (_regimes, ("Name", "Version", "In force", "Title")),
    "formats": (_formats, ("Name", "File", "Media type")),
    "schemes": (_schemes, ("Name", "Form", "Port")),
}


def print_list(what: str, lang: str, *, lock: bool) -> int:
    """Print one list, or the lock of the plugins. Raises UsageError."""
    if lock:
        terminal.say(lock_of(installed()).model_dump_json(indent=2))
        return 0
    if what not in LISTS:
        raise UsageError(f"there is no list of {what!r}", remedy=f"write one of {', '.join(LISTS)}")
    registry = installed()
    translator = Translator(registry, Language(lang))
    rows, heads = LISTS[what]
    shown = terminal.table(None, *(translator.say(head) for head in heads))
    for cells in rows(registry, translator):
        terminal.row(shown, *cells)
    terminal.show(shown)
    return 0
