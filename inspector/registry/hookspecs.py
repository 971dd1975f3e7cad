"""The hooks: what a plugin may contribute. A hook returns objects and does no work.

A plugin is a module named by an entry point of the group ``inspector``; it marks its functions with
``inspector.hookimpl``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.resources.abc import Traversable

    from inspector.plugin.check import Check
    from inspector.plugin.probe import Probe
    from inspector.report.renderer import Renderer, RunRenderer

hookspec = pluggy.HookspecMarker("inspector")
hookimpl = pluggy.HookimplMarker("inspector")


@hookspec
def inspector_requires() -> Iterable[str]:
    """Modules without which the plugin contributes nothing; it then counts as not installed."""
    raise NotImplementedError


@hookspec
def inspector_probes() -> Iterable[Probe]:
    """Probes, and with them the URI schemes they serve."""
    raise NotImplementedError


@hookspec
def inspector_checks() -> Iterable[Check]:
    """Checks."""
    raise NotImplementedError


@hookspec
def inspector_profiles() -> Iterable[Traversable]:
    """Folders with a ``regime.yaml`` (a regime or overlay), or with rows that extend one (``extends:``)."""
    raise NotImplementedError


@hookspec
def inspector_tables() -> Iterable[Traversable]:
    """JSON files with a table of dated facts each (``inspector.Table``), named after its kind."""
    raise NotImplementedError


@hookspec
def inspector_renderers() -> Iterable[Renderer]:
    """Report formats."""
    raise NotImplementedError


@hookspec
def inspector_run_renderers() -> Iterable[RunRenderer]:
    """Formats of the overview of a run over several systems."""
    raise NotImplementedError
