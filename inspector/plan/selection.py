"""Which requirements an inspection asks about: by name, tag and time."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping

from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.intrusiveness import Intrusiveness
from inspector.model.subject import SYSTEM, SubjectKind, Uri
from inspector.record.plan import AskedFinding, Selection
from inspector.regime.regime import NOT_OBSERVABLE, Requirement
from inspector.registry.registry import Registry


def _near(name: str, names: Iterable[str]) -> str:
    """What to write instead of a name that does not exist."""
    near = difflib.get_close_matches(name, sorted(names), 1, 0.6)
    return FormattedMessage("did you mean {word}?", word=repr(near[0])) if near else "see 'inspector list'"


def check_selection(selection: Selection, registry: Registry, rows: Iterable[Requirement]) -> None:
    """Raise UsageError for a name in ``only`` or a tag that does not exist, and when no row is selected.

    A mistyped name must not become an inspection of nothing, which would resemble a clean result.
    """
    plugins = {name for plugin in registry.plugins for name in _plugin_names(plugin.name)}
    names = plugins | registry.probes.keys() | registry.checks.keys()
    rows = tuple(rows)
    for name in selection.only:
        for row in rows:
            if lacks_plugin(row, registry) and name in (row.check, *_plugin_names(str(row.plugin))):
                raise UsageError(
                    FormattedMessage(
                        "--only {name}: the plugin {plugin} is not installed", name=name, plugin=row.plugin
                    ),
                    remedy="install it; see the README",
                )
        if name not in names:
            raise UsageError(
                FormattedMessage("--only {name}: no plugin, probe or check has this name", name=name),
                remedy=_near(name, names),
            )
    rows = [row for row in rows if row.check != NOT_OBSERVABLE]
    tags = {tag for row in rows for tag in row.tags}
    for tag in selection.tags:
        if tag not in tags:
            remedy = FormattedMessage("write one of {tags}", tags=", ".join(sorted(tags))) if tags else "leave it out"
            raise UsageError(FormattedMessage("--select {tag}: no requirement has this tag", tag=tag), remedy=remedy)
    if not any(selects(selection, row, registry) for row in rows):
        raise UsageError(
            "no requirement of the regime is selected",
            remedy="change --only or --select",
        )


def selects(selection: Selection, requirement: Requirement, registry: Registry) -> bool:
    """Whether the requirement is asked about."""
    if lacks_plugin(requirement, registry):
        return False
    if selection.tags and not set(requirement.tags) & set(selection.tags):
        return False
    if selection.findings and all(each.requirement != requirement.id for each in selection.findings):
        return False
    if not selection.only:
        return True
    check = registry.checks.get(requirement.check)
    if check is None:
        return False
    probes = [probe for wire in check.inputs if wire.kind for probe in registry.producers(wire.kind)]
    package = check.module.partition(".")[0]
    return bool(set(selection.only) & {check.id, *_plugin_names(package), *(probe.name for probe in probes)})


def endpoints_of(asked: AskedFinding, declared: Mapping[str, Uri]) -> set[str]:
    """The declared endpoints whose scans a finding depends on: those behind its evidence, of a host all of that host.

    All, where that is not known, and of a finding about the whole system.
    """
    known = {each for each in asked.endpoints if each in declared}
    scheme, _, host = asked.subject.partition(":")
    if scheme == SubjectKind.HOST.value:
        return known | {text for text, uri in declared.items() if uri.host == host.removeprefix("//")}
    return known if asked.endpoints and asked.subject != SYSTEM.uri else set(declared)


def lacks_plugin(requirement: Requirement, registry: Registry) -> bool:
    """Whether the check of a row is part of an optional plugin that is not installed, or of one that is not pinned."""
    if has_check(requirement, registry):
        return False
    if requirement.plugin is None:
        return bool(registry.unpinned)
    return requirement.plugin not in {plugin.name for plugin in registry.plugins}


def has_check(requirement: Requirement, registry: Registry) -> bool:
    """Whether a loaded plugin contributes the check of a row, or nothing has to."""
    return requirement.check == NOT_OBSERVABLE or requirement.check in registry.checks


def rows_not_permitted(
    selected: Collection[Requirement], registry: Registry, granted: Collection[Intrusiveness], selection: Selection
) -> frozenset[str]:
    """The ids of the selected rows that need scans that nothing ``granted`` permits, e.g. intrusive ones.

    Such rows are counted in the coverage and not judged, unless ``--only`` names their check or the probe that is not
    permitted; the name of a plugin, or of another probe of the check, asks for what is permitted. None where ``--only``
    would leave no row: an inspection of nothing would resemble a clean result.
    """
    beyond = {each.id for each in selected if _exceeds_intrusiveness(each, registry, granted, selection)}
    return frozenset() if selection.only and len(beyond) == len(selected) else frozenset(beyond)


def _exceeds_intrusiveness(
    requirement: Requirement, registry: Registry, granted: Collection[Intrusiveness], selection: Selection
) -> bool:
    check = registry.checks.get(requirement.check)
    if check is None or check.id in selection.only:
        return False
    for wire in check.inputs:
        probes = [] if wire.kind is None else list(registry.producers(wire.kind))
        permitted = any(probe.intrusiveness.within(each) for probe in probes for each in granted)
        if probes and not permitted and not any(probe.name in selection.only for probe in probes):
            return True
    return False


def _plugin_names(package: str) -> tuple[str, str]:
    return (package, package.removeprefix("inspector_"))
