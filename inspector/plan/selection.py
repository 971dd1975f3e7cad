"""Which requirements an inspection asks about: by name, tag and time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from inspector.declare.authorisation import Authorisation
from inspector.model.errors import UsageError
from inspector.record.plan import Plan
from inspector.regime.regime import NOT_OBSERVABLE, Requirement
from inspector.registry.registry import Registry


@dataclass(frozen=True, slots=True)
class Selection:
    """What of the regime is asked this time.

    ``only`` names plugins, probes or checks; ``tags`` are requirement tags (``--select``); ``within`` bounds seconds.
    """

    only: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    within: int | None = None

    def words(self) -> tuple[str, ...]:
        """The selection as it is recorded."""
        return (
            *(f"only:{name}" for name in self.only),
            *(f"select:{tag}" for tag in self.tags),
            *((f"within:{self.within}s",) if self.within is not None else ()),
        )

    @classmethod
    def recorded(cls, plan: Plan) -> Selection:
        """The selection that a plan records."""

        def named(word: str) -> tuple[str, ...]:
            return tuple(each.removeprefix(word) for each in plan.selection if each.startswith(word))

        return cls(named("only:"), named("select:"), plan.within_seconds)

    def known(self, registry: Registry, rows: Iterable[Requirement]) -> None:
        """Raise UsageError when ``only`` names no plugin, probe or check, ``tags`` no tag of ``rows``, or nothing is
        left.

        A mistyped word must not become an inspection of nothing, which nobody could tell from a clean one.
        """
        plugins = {name for plugin in registry.plugins for name in _plugin_names(plugin.name)}
        names = plugins | registry.probes.keys() | registry.checks.keys()
        rows = tuple(rows)
        for name in self.only:
            for row in rows:
                if lacks_plugin(row, registry) and name in (row.check, *_plugin_names(str(row.plugin))):
                    raise UsageError(
                        f"--only {name}: the plugin {row.plugin} is not installed", remedy="install it; see the README"
                    )
            if name not in names:
                raise UsageError(
                    f"--only {name}: no plugin, probe or check has this name", remedy="see 'inspector list'"
                )
        rows = [row for row in rows if row.check != NOT_OBSERVABLE]
        tags = {tag for row in rows for tag in row.tags}
        for tag in self.tags:
            if tag not in tags:
                remedy = f"write one of {', '.join(sorted(tags))}" if tags else "leave it out"
                raise UsageError(f"--select {tag}: no requirement has this tag", remedy=remedy)
        if not any(self.keeps(row, registry) for row in rows):
            raise UsageError("nothing that the regime asks is selected", remedy="change --only or --select")

    def keeps(self, requirement: Requirement, registry: Registry) -> bool:
        """Whether the requirement is asked."""
        if lacks_plugin(requirement, registry):
            return False
        if self.tags and not set(requirement.tags) & set(self.tags):
            return False
        if not self.only:
            return True
        check = registry.checks.get(requirement.check)
        if check is None:
            return False
        probes = [probe for wire in check.inputs if wire.kind for probe in registry.producers(wire.kind)]
        package = check.module.partition(".")[0]
        return bool(set(self.only) & {check.id, *_plugin_names(package), *(probe.name for probe in probes)})


def lacks_plugin(requirement: Requirement, registry: Registry) -> bool:
    """Whether the check of a row is part of an optional plugin that is not installed."""
    installed = {plugin.name for plugin in registry.plugins}
    return (
        requirement.plugin is not None
        and requirement.plugin not in installed
        and requirement.check not in registry.checks
    )


def exceeds_intrusiveness(
    requirement: Requirement, registry: Registry, authorisations: Iterable[Authorisation], selection: Selection
) -> bool:
    """Whether a row rests on looks that no authorisation permits anybody to take, e.g. intrusive ones.

    Such rows are counted in the coverage and not judged, unless ``--only`` asks for them by name.
    """
    check = registry.checks.get(requirement.check)
    if check is None or selection.only:
        return False
    granted = [each.intrusiveness for each in authorisations]
    producers = [registry.producers(wire.kind) for wire in check.inputs if wire.kind is not None]
    return any(
        probes and not any(probe.intrusiveness.within(intrusiveness) for probe in probes for intrusiveness in granted)
        for probes in producers
    )


def _plugin_names(package: str) -> tuple[str, str]:
    return (package, package.removeprefix("inspector_"))
