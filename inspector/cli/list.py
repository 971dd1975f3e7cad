"""``inspector list``: what the installed plugins contribute."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from inspector.cli import terminal
from inspector.cli.language import _, current
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.language import Language
from inspector.regime.loader import load_all
from inspector.registry.lock import lock_of_installed
from inspector.registry.registry import Registry, installed
from inspector.report.messages import Translator

Rows = Iterable[tuple[str, ...]]


def _plugins(registry: Registry, _texts: Translator) -> Rows:
    yield from ((each.name, each.distribution, each.version) for each in registry.plugins)
    for name, modules in registry.incomplete.items():
        yield (name, _("not loaded; not installed: {modules}", modules=", ".join(modules)), "–")


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


def print_list(what: str, *, lock: bool) -> int:
    """Print one list, or the lock of the plugins. Raises UsageError."""
    if lock:
        terminal.print_result(lock_of_installed().model_dump_json(indent=2))
        return 0
    if what not in LISTS:
        raise UsageError(
            FormattedMessage("there is no list of {what}", what=repr(what)),
            remedy=FormattedMessage("write one of {known}", known=", ".join(LISTS)),
        )
    registry = installed()
    translator = Translator(registry, current())
    rows, heads = LISTS[what]
    shown = terminal.table(None, *map(_, heads))
    for cells in rows(registry, translator):
        terminal.add_row(shown, *cells)
    terminal.print_table(shown)
    return 0
