"""The contributions of the installed plugins, type-checked and without duplicates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from importlib.metadata import EntryPoint
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from typing import Any, TypeVar

import pluggy
from pydantic import ValidationError

from inspector.model.errors import PluginError
from inspector.model.formatted import FormattedMessage
from inspector.model.observation import Observation
from inspector.model.subject import HOST, TCP, UDP, Scheme
from inspector.plugin import containment, time_limits
from inspector.plugin.check import Check
from inspector.plugin.containment import contained, described
from inspector.plugin.probe import PARTS, Probe
from inspector.plugin.time_limits import TookTooLong, call_within
from inspector.registry import hookspecs
from inspector.registry.distributions import GROUP, announced
from inspector.report.renderer import Renderer, RunRenderer

T = TypeVar("T")

#: Seconds that a plugin may take to be imported, and to contribute: only a hang takes so long.
LOAD_SECONDS = 120
#: After how many times as long the process itself is ended: an interruption comes first.
_FROM_OUTSIDE = 1.25


@dataclass(frozen=True, slots=True)
class Plugin:
    """A loaded plugin: its name, its distribution with version, and the package whose locale translates its texts."""

    name: str
    distribution: str
    version: str
    package: str


@dataclass(frozen=True, slots=True)
class Registry:
    """All contributions, by name; ``incomplete`` plugins contribute nothing for lack of the modules given.

    ``unpinned`` plugins are installed, and were not loaded because the lock does not name them.
    """

    plugins: tuple[Plugin, ...]
    probes: dict[str, Probe]
    checks: dict[str, Check]
    renderers: dict[str, Renderer]
    profiles: tuple[Traversable, ...]
    schemes: dict[str, Scheme]
    kinds: dict[str, type[Observation]]
    run_renderers: dict[str, RunRenderer] = field(default_factory=dict)
    incomplete: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unpinned: tuple[str, ...] = ()
    tables: tuple[Traversable, ...] = ()

    def producers(self, kind: type[Observation]) -> tuple[Probe, ...]:
        """The probes that record this kind of observation."""
        return tuple(probe for probe in self.probes.values() if probe.kind is kind)

    def package_of(self, check: str) -> str:
        """The package whose message catalogue holds the texts of a check."""
        known = self.checks.get(check)
        return known.module.partition(".")[0] if known else "inspector"


def _label(plugin: Plugin) -> str:
    return f"plugin {plugin.name!r} ({plugin.distribution} {plugin.version})"


def plugin_of(entry: EntryPoint) -> Plugin:
    """The plugin of an entry point, without loading it."""
    name, version = (entry.dist.name, entry.dist.version) if entry.dist else ("unknown", "?")
    return Plugin(entry.name, name, version, entry.module.partition(".")[0])


def _discover(only: Iterable[str] | None) -> Iterator[tuple[Plugin, object | None]]:
    """The announced plugins with their modules; None where the package was left out of the installation."""
    wanted = None if only is None else set(only)
    containment.before_import()
    for entry in announced().values():
        if wanted is not None and entry.name not in wanted:
            continue
        plugin = plugin_of(entry)
        if find_spec(plugin.package) is None:
            yield plugin, None
            continue
        try:
            with contained():
                module = _in_time(plugin, entry.load)
        except PluginError:
            raise
        except Exception as error:
            raise PluginError(
                FormattedMessage("{plugin} cannot be loaded: {error}", plugin=_label(plugin), error=described(error)),
                remedy=FormattedMessage("repair it or uninstall {distribution}", distribution=plugin.distribution),
            ) from error
        yield plugin, module


def _in_time(plugin: Plugin, function: Callable[[], T]) -> T:
    """What a function of the plugin returns; raises PluginError where it does not end.

    Where no interruption reaches it, in C, the command line's process is ended with the same error.
    """
    label = _label(plugin)
    error = PluginError(
        FormattedMessage("{plugin} was not loaded within {seconds} s", plugin=label, seconds=LOAD_SECONDS),
        remedy=FormattedMessage("repair it or uninstall {distribution}", distribution=plugin.distribution),
    )
    try:
        with time_limits.watched(LOAD_SECONDS * _FROM_OUTSIDE, error):
            return call_within(LOAD_SECONDS, label, function)
    except TookTooLong:
        raise error from None


class _Builder:
    def __init__(self) -> None:
        self.owners: dict[tuple[str, str], Plugin] = {}
        self.probes: dict[str, Probe] = {}
        self.checks: dict[str, Check] = {}
        self.renderers: dict[str, Renderer] = {}
        self.run_renderers: dict[str, RunRenderer] = {}
        self.profiles: list[Traversable] = []
        self.tables: list[Traversable] = []
        self.schemes: dict[str, Scheme] = {scheme.name: scheme for scheme in (TCP, UDP, HOST)}
        self.kinds: dict[str, type[Observation]] = {}

    def claim(self, plugin: Plugin, what: str, name: str) -> None:
        """Record that ``plugin`` contributes ``name``; raises PluginError when another one already does."""
        other = self.owners.get((what, name))
        if other is not None:
            raise PluginError(
                FormattedMessage(
                    "{plugin} contributes {what} {name}, which {other} already does",
                    plugin=_label(plugin),
                    what=what,
                    name=repr(name),
                    other=_label(other),
                ),
                remedy="rename one of them or uninstall one plugin",
            )
        self.owners[what, name] = plugin

    def take_probe(self, plugin: Plugin, probe: Probe) -> None:
        self.claim(plugin, "probe", probe.name)
        self.probes[probe.name] = probe
        for scheme in probe.schemes:
            known = self.schemes.setdefault(scheme.name, scheme)
            if known != scheme:
                raise PluginError(
                    FormattedMessage(
                        "{plugin} defines scheme {scheme} as {scheme2}, but it is known as {known}",
                        plugin=_label(plugin),
                        scheme=repr(scheme.name),
                        scheme2=scheme,
                        known=known,
                    ),
                    remedy="use the same definition",
                )
        kind = self.kinds.setdefault(probe.kind.kind, probe.kind)
        if kind is not probe.kind:
            raise PluginError(
                FormattedMessage(
                    "{plugin} defines observation {kind} anew", plugin=_label(plugin), kind=repr(probe.kind.kind)
                ),
                remedy="rename it",
            )

    def take_check(self, plugin: Plugin, check: Check) -> None:
        self.claim(plugin, "check", check.id)
        self.checks[check.id] = check

    def take_renderer(self, plugin: Plugin, renderer: Renderer) -> None:
        self.claim(plugin, "renderer", renderer.name)
        self.renderers[renderer.name] = renderer

    def take_run_renderer(self, plugin: Plugin, renderer: RunRenderer) -> None:
        self.claim(plugin, "run renderer", renderer.name)
        self.run_renderers[renderer.name] = renderer

    def take_profile(self, plugin: Plugin, folder: Traversable) -> None:
        self.claim(plugin, "profile", folder.name)
        self.profiles.append(folder)

    def take_table(self, plugin: Plugin, file: Traversable) -> None:
        self.claim(plugin, "table", file.name)
        self.tables.append(file)


def _collect(plugin: Plugin, hook: pluggy.HookCaller, kind: type[Any], take: Callable[[Plugin, Any], None]) -> None:
    for contributed in hook():
        try:
            items = list(contributed)
        except TypeError:
            raise PluginError(
                FormattedMessage(
                    "{plugin}: {hook} returns {name}",
                    plugin=_label(plugin),
                    hook=hook.name,
                    name=type(contributed).__name__,
                ),
                remedy="return a list",
            ) from None
        for item in items:
            if not isinstance(item, kind):
                raise PluginError(
                    FormattedMessage(
                        "{plugin}: {hook} contributes {item}, which is no {kind}",
                        plugin=_label(plugin),
                        hook=hook.name,
                        item=repr(item),
                        kind=kind.__name__,
                    ),
                    remedy=FormattedMessage("contribute {kind} objects", kind=kind.__name__),
                )
            take(plugin, item)


def _missing_modules(plugin: Plugin, hook: pluggy.HookCaller) -> tuple[str, ...]:
    """The modules that the plugin requires and that are not installed."""
    required: list[str] = []
    _collect(plugin, hook, str, lambda _plugin, module: required.append(module))
    return tuple(sorted(module for module in required if find_spec(module) is None))


def _contribute(plugin: Plugin, module: object, builder: _Builder) -> tuple[str, ...]:
    """Take what the plugin contributes; the modules that it misses where it contributes nothing for lack of them."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(module, plugin.name)
    manager.check_pending()
    missing = _missing_modules(plugin, manager.hook.inspector_requires)
    if not missing:
        _collect(plugin, manager.hook.inspector_probes, Probe, builder.take_probe)
        _collect(plugin, manager.hook.inspector_checks, Check, builder.take_check)
        _collect(plugin, manager.hook.inspector_profiles, Traversable, builder.take_profile)
        _collect(plugin, manager.hook.inspector_tables, Traversable, builder.take_table)
        _collect(plugin, manager.hook.inspector_renderers, Renderer, builder.take_renderer)
        _collect(plugin, manager.hook.inspector_run_renderers, RunRenderer, builder.take_run_renderer)
    return missing


def _check_parts(check: Check, probes: Iterable[Probe]) -> None:
    """Raise PluginError where a check needs parts of an observation that a probe of it does not know."""
    for probe in probes:
        if check.needs is None or not probe.has_parts:
            continue
        try:
            probe.options.model_validate({PARTS: check.needs})
        except ValidationError:
            raise PluginError(
                FormattedMessage(
                    "check {check} needs parts that the probe {probe} does not have: {parts}",
                    check=repr(check.id),
                    probe=repr(probe.name),
                    parts=", ".join(check.needs),
                ),
                remedy="name parts that the probe's option 'parts' accepts",
            ) from None


def build(plugins: Iterable[tuple[Plugin, object | None]]) -> Registry:
    """The registry of these plugins (None: the package is missing); raises PluginError that names the plugin."""
    builder = _Builder()
    loaded: list[Plugin] = []
    incomplete: dict[str, tuple[str, ...]] = {}
    for plugin, module in plugins:
        if module is None:
            incomplete[plugin.name] = (plugin.package,)
            continue
        try:
            with contained():
                missing = _in_time(plugin, partial(_contribute, plugin, module, builder))
        except PluginError:
            raise
        except Exception as error:
            raise PluginError(
                FormattedMessage(
                    "{plugin} fails while contributing: {error}", plugin=_label(plugin), error=described(error)
                ),
                remedy=FormattedMessage("repair it or uninstall {distribution}", distribution=plugin.distribution),
            ) from error
        if missing:
            incomplete[plugin.name] = missing
        else:
            loaded.append(plugin)
    for check in builder.checks.values():
        for wire in check.inputs:
            if wire.kind is not None:
                builder.kinds.setdefault(wire.kind.kind, wire.kind)
                _check_parts(check, [probe for probe in builder.probes.values() if probe.kind is wire.kind])
    return Registry(
        plugins=tuple(loaded),
        probes=dict(sorted(builder.probes.items())),
        checks=dict(sorted(builder.checks.items())),
        renderers=dict(sorted(builder.renderers.items())),
        run_renderers=dict(sorted(builder.run_renderers.items())),
        profiles=tuple(builder.profiles),
        tables=tuple(sorted(builder.tables, key=lambda each: each.name)),
        schemes=dict(sorted(builder.schemes.items())),
        kinds=dict(sorted(builder.kinds.items())),
        incomplete=incomplete,
    )


@cache
def installed(only: tuple[str, ...] | None = None) -> Registry:
    """The registry of the installed plugins, or of those named in ``only``."""
    try:
        registry = build(_discover(only))
    finally:
        containment.after_import()
    return registry if only is None else replace(registry, unpinned=tuple(sorted(announced().keys() - {*only})))
