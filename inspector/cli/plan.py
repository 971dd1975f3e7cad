"""``inspector plan``: which scans would run, with how many connections and how long; and which would not, and why."""

from __future__ import annotations

from inspector.cli import terminal
from inspector.cli.arguments import RunArguments
from inspector.cli.inputs import instant, load_context, new_run, request_of, systems_of
from inspector.cli.language import _, current, translated
from inspector.model.domain_name import with_u_labels
from inspector.model.errors import UsageError
from inspector.pipeline.event_loop import run_async
from inspector.pipeline.prepare import PlannedInspection, check_permitted, prepare
from inspector.plan.pace import pace_of
from inspector.record.plan import Plan
from inspector.registry.registry import Registry
from inspector.report.messages import Translator


def print_plans(arguments: RunArguments) -> int:
    """Print the plan of every chosen system; names are resolved, nothing else is sent."""
    context = load_context(arguments)
    assert context.documents is not None  # noqa: S101  (load_context has read them)
    run, as_of = new_run(), instant(arguments.as_of)
    for system in systems_of(context.documents.declaration, arguments.systems):
        terminal.print_note(_("resolving the names of {system}", system=system.id))
        request = request_of(system, arguments, context, run=run, as_of=as_of)
        planned = run_async(prepare(request, context))
        _print(planned, context.registry, context.settings.ceilings.pause_seconds)
        try:
            check_permitted(planned)
        except UsageError as refusal:
            terminal.print_note(_("'inspector run' would refuse this plan:"))
            terminal.print_error(refusal)
    return 0


def _print(planned: PlannedInspection, registry: Registry, pause_seconds: int) -> None:
    request, plan = planned.request, planned.plan
    translator = Translator(registry, current())
    terminal.print_result(f"{request.system.id} – {request.system.name}")
    terminal.print_result(
        _("Regime: {regime}, rules of {day}", regime=planned.regime.id, day=translator.day(request.as_of))
    )
    _print_tasks(plan, translator)
    if planned.not_permitted:
        names = ", ".join(planned.not_permitted)
        terminal.print_result(
            _("Not permitted by any authorisation, and not scanned: {requirements}", requirements=names)
        )
    _print_not_installed(planned, registry)
    for name in sorted({task.probe for task in plan.tasks if task.cause is None}):
        _print_probe(name, registry)
    for pace in pace_of(plan.tasks, request.authorisations).values():
        terminal.print_result(translated(pace.text()))
    if any(task.cause is None and task.authorisation for task in plan.tasks):
        terminal.print_result(
            _(
                "An address that stops answering gets one pause of {seconds} s; the scans that lost a connection are "
                "then made once more, at half the rate",
                seconds=pause_seconds,
            )
        )
    for limit in plan.limits:
        terminal.print_result(f"{translated(limit.detail)}: {with_u_labels(', '.join(limit.addresses))}")
    terminal.print_result(
        _(
            "In all at most {connections} connections, {questions} port questions, "
            "{infrastructure} questions to resolvers and name servers, and {seconds} s",
            connections=plan.bounds.connections,
            questions=plan.bounds.port_questions,
            infrastructure=plan.bounds.infrastructure_questions,
            seconds=plan.bounds.seconds,
        )
    )


def _print_tasks(plan: Plan, translator: Translator) -> None:
    """The scans that would run, and those that would not with their cause."""
    planned = terminal.table(
        _("Planned scans"),
        *map(_, ("Probe", "Subject", "Address", "Connections", "Port questions", "Authorisation")),
    )
    refused = terminal.table(_("Scans left out"), *map(_, ("Probe", "Subject", "Cause", "Detail")))
    for task in plan.tasks:
        subject = with_u_labels(task.subject.uri)
        if task.cause is None:
            counts = (str(task.bounds.connections), str(task.bounds.port_questions))
            authorisation = task.authorisation or _("(infrastructure)")
            terminal.add_row(planned, task.probe, subject, task.subject.address or "–", *counts, authorisation)
        else:
            terminal.add_row(refused, task.probe, subject, translator.term(task.cause), translated(task.detail))
    terminal.print_table(planned)
    if refused.row_count:
        terminal.print_table(refused)


def _print_not_installed(planned: PlannedInspection, registry: Registry) -> None:
    """The rows that are not selected because their plugin is not installed or not pinned, by plugin."""
    unpinned = ", ".join(registry.unpinned)
    by_plugin: dict[str, list[str]] = {}
    for row in planned.not_installed:
        plugin = unpinned if row.plugin is None or row.plugin in registry.unpinned else row.plugin
        by_plugin.setdefault(plugin, []).append(row.id)
    for plugin, rows in sorted(by_plugin.items()):
        text = "Not selected, because the plugin {plugin} is not installed: {requirements}"
        if plugin == unpinned:
            text = "Not selected, because their plugin is not pinned (not pinned: {plugin}): {requirements}"
        terminal.print_result(_(text, plugin=plugin, requirements=", ".join(rows)))


def _print_probe(name: str, registry: Registry) -> None:
    """What else a probe may lead to."""
    probe = registry.probes[name]
    if schemes := ", ".join(sorted(scheme.name for scheme in probe.discovers)):
        text = _(
            "What {probe} discovers ({schemes}) is scanned too, where it is authorised", probe=name, schemes=schemes
        )
        terminal.print_result(text)
    if probe.contacts_third_parties:
        terminal.print_result(
            _("{probe} also contacts other hosts that it learns of, where an authorisation names them", probe=name)
        )
