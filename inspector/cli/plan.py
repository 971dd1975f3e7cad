"""``inspector plan``: which scans would run, with how many connections and how long; and which would not, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from inspector.cli import terminal
from inspector.cli.arguments import RunArguments
from inspector.cli.exit_code import CLEAN, MISUSE, UNSEEN
from inspector.cli.inputs import chosen_systems, instant, load_context, new_run, request_of
from inspector.cli.language import _, current, translated
from inspector.cli.summary import limit_line
from inspector.declare.declaration import System
from inspector.fleet.gc_tuning import reduced_gc
from inspector.model.base import Cause, now
from inspector.model.domain_name import with_u_labels
from inspector.model.errors import InspectorError, UsageError
from inspector.model.language import Language
from inspector.pipeline.context import RunContext
from inspector.pipeline.event_loop import run_async
from inspector.pipeline.prepare import PlannedInspection, check_permitted, prepare_each
from inspector.plan.pace import HORIZON, pace_of
from inspector.plan.totals import PlanTotals
from inspector.plan.windows import Window, WindowSchedule
from inspector.record.plan import Plan, ScanTask
from inspector.registry.registry import Registry
from inspector.report.messages import Translator

#: The most plans that are printed in full; of more, each has one line.
MOST_IN_FULL = 10
#: The most windows that are printed one by one.
MOST_WINDOWS = 14


def print_plans(arguments: RunArguments) -> int:
    """Print the totals, and the plan of every chosen system; names are resolved, nothing else is sent.

    A system that cannot be planned does not stop the others.
    """
    context = load_context(arguments)
    assert context.documents is not None  # noqa: S101  (load_context has read them)
    run, as_of = new_run(), instant(arguments.as_of)
    systems = chosen_systems(context.documents.declaration, arguments)
    show = _Full(context) if len(systems) <= MOST_IN_FULL else _Lines()
    totals, schedule = PlanTotals(), WindowSchedule(now(), context.settings.ceilings.systems)
    requests = [partial(request_of, system, arguments, context, run=run, as_of=as_of) for system in systems]
    if not arguments.quiet:
        for system in systems:
            show.note(system)

    async def plan_all() -> int:
        codes: list[int] = []
        async for planned in prepare_each(requests, context):
            if isinstance(planned, InspectorError):
                terminal.print_error(planned)
                codes.append(MISUSE)
                continue
            totals.add(planned.plan, planned.request.authorisations)
            window = schedule.add(planned.request.system.id, planned.plan, planned.request.authorisations)
            show.add(planned, window)
            codes.append(_code(planned))
        return code_of_all(codes)

    with reduced_gc():
        code = run_async(plan_all())
    if totals.systems > 1:
        _print_totals(totals)
        print_windows(schedule)
    _print_spreads(schedule)
    show.print()
    return code


def print_windows(schedule: WindowSchedule) -> None:
    """When each authorised window is filled, and what fits none."""
    for window in schedule.windows[:MOST_WINDOWS]:
        terminal.print_result(
            _(
                "From {opens} to {closes}: {systems} systems, which take {hours} at the authorised rates, side by side "
                "until {ends}",
                opens=shown_instant(window.opens),
                closes=shown_instant(window.closes),
                systems=len(window.systems),
                hours=_duration(window.seconds),
                ends=shown_instant(window.ends or window.closes),
            )
        )
    if more := schedule.windows[MOST_WINDOWS:]:
        count = sum(len(each.systems) for each in more)
        terminal.print_result(_("In {windows} later windows: {systems} systems", windows=len(more), systems=count))
    for misfit in schedule.misfits:
        terminal.print_result(
            _(
                "{system} fits no authorised window of the next {days} days: it takes {hours} in one",
                system=misfit.system,
                days=HORIZON.days,
                hours=_duration(misfit.seconds),
            )
        )


def _print_spreads(schedule: WindowSchedule) -> None:
    """Over which windows a sweep of all ports goes on."""
    for spread in schedule.spreads[:MOST_WINDOWS]:
        terminal.print_result(
            _(
                "{system}: the sweep of all ports takes {count} windows; 'inspector run --resume RUN' goes on in the "
                "next",
                system=spread.system,
                count=len(spread.windows),
            )
        )
        for window, seconds in list(zip(spread.windows, spread.seconds, strict=True))[:MOST_WINDOWS]:
            terminal.print_result(
                _(
                    "from {opens} to {closes}: {hours} of it",
                    opens=shown_instant(window.opens),
                    closes=shown_instant(window.closes),
                    hours=_duration(seconds),
                )
            )
        if more := spread.seconds[MOST_WINDOWS:]:
            hours = _duration(sum(more))
            terminal.print_result(_("in {count} later windows: {hours} of it", count=len(more), hours=hours))
    if more_systems := schedule.spreads[MOST_WINDOWS:]:
        terminal.print_result(_("{count} more systems take several windows", count=len(more_systems)))


def shown_instant(at: datetime) -> str:
    """An instant in the time zone of this machine, to the minute, as the language writes it."""
    return f"{at.astimezone():{'%d/%m/%Y %H:%M' if current() is Language.VI else '%Y-%m-%d %H:%M'}}"


def code_of_all(codes: Sequence[int]) -> int:
    """The exit code of several systems: one that is refused is not seen, unless all are."""
    if MISUSE in codes and set(codes) != {MISUSE}:
        return UNSEEN
    return max(codes, key=(CLEAN, UNSEEN, MISUSE).index, default=CLEAN)


def _code(planned: PlannedInspection) -> int:
    """The exit code that ``inspector run`` is known to have: for what it refuses, and where nothing can be asked."""
    if _refusal(planned):
        return MISUSE
    return UNSEEN if planned.plan.reaches_nothing else CLEAN


def _print_outcome(planned: PlannedInspection) -> None:
    """What ``inspector run`` would refuse, or could not see."""
    if refusal := _refusal(planned):
        terminal.print_note(_("'inspector run' would refuse this plan:"))
        terminal.print_error(refusal)
    elif planned.plan.reaches_nothing:
        terminal.print_note(
            _("nothing of {system} can be asked; 'inspector run' would see nothing", system=planned.request.system.id)
        )


def _print_totals(totals: PlanTotals) -> None:
    terminal.print_result(
        _(
            "{systems} systems at {addresses} addresses: at most {connections} connections and {questions} port "
            "questions",
            systems=totals.systems,
            addresses=totals.addresses,
            connections=totals.connections,
            questions=totals.port_questions,
        )
    )
    address, seconds = totals.busiest
    terminal.print_result(
        _(
            "At the authorised rates the busiest address, {address}, takes {busiest}; all systems one after the other "
            "take at most {longest}",
            address=address or "–",
            busiest=_duration(seconds),
            longest=_duration(totals.seconds),
        )
    )


def _duration(seconds: int) -> str:
    minutes = math.ceil(seconds / 60)
    return _("{hours} h {minutes} min", hours=minutes // 60, minutes=minutes % 60)


def _refusal(planned: PlannedInspection) -> UsageError | None:
    """Why ``inspector run`` would refuse a plan."""
    try:
        check_permitted(planned)
    except UsageError as refusal:
        return refusal
    return None


class _Full:
    """Prints each plan in full."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._plans: list[PlannedInspection] = []

    def note(self, system: System) -> None:
        """Say what is done for a system."""
        terminal.print_note(_("resolving the names of {system}", system=system.id))

    def add(self, planned: PlannedInspection, _window: Window | None) -> None:
        """Keep a plan."""
        self._plans.append(planned)

    def print(self) -> None:
        """Print every plan."""
        for planned in self._plans:
            _print(planned, self._context.registry, self._context.settings.ceilings.pause_seconds)
            _print_outcome(planned)


class _Lines:
    """Prints one line for each plan, and keeps nothing else of it."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, PlannedInspection | None]] = []

    def note(self, system: System) -> None:
        """Say nothing."""

    def add(self, planned: PlannedInspection, window: Window | None) -> None:
        """Keep the line of a plan, and the window that it fits."""
        plan = planned.plan
        left_out = sum(task.cause is not None for task in plan.tasks)
        line = _(
            "{system}: level {level}, {scans} scans, {left_out} left out, at most {connections} connections, "
            "{questions} port questions and {seconds} s",
            system=planned.request.system.id,
            level=planned.request.system.level,
            scans=len(plan.tasks) - left_out,
            left_out=left_out,
            connections=plan.bounds.connections,
            questions=plan.bounds.port_questions,
            seconds=plan.bounds.seconds,
        )
        if window is not None:
            line += _("; in the window from {opens}", opens=shown_instant(window.opens))
        self._lines.append((line, planned if _code(planned) != CLEAN else None))

    def print(self) -> None:
        """Print every line."""
        for line, planned in self._lines:
            terminal.print_result(line)
            if planned is not None:
                _print_outcome(planned)
        terminal.print_result(_("'inspector plan … --system ID' prints the plan of a system in full"))


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
        text = _("Not permitted by any authorisation, and not scanned: {requirements}", requirements=names)
        _print_wrapped(text, indent=2)
    _print_not_installed(planned, registry)
    _print_tool_missing(planned, registry)
    for name in sorted({task.probe for task in plan.tasks if task.cause is None}):
        _print_probe(name, registry)
    for pace in pace_of(plan.tasks, request.authorisations).values():
        _print_wrapped(translated(pace.text()), indent=2)
    if any(task.cause is None and task.authorisation for task in plan.tasks):
        _print_wrapped(
            _(
                "An address that stops answering gets one pause of {seconds} s; the scans that lost a connection are "
                "then made once more, at half the rate",
                seconds=pause_seconds,
            ),
            indent=2,
        )
    for limit in plan.limits:
        _print_wrapped(limit_line(limit), indent=2)
    _print_wrapped(
        _(
            "In all at most {connections} connections, {questions} port questions, "
            "{infrastructure} questions to resolvers and name servers, and {seconds} s",
            connections=plan.bounds.connections,
            questions=plan.bounds.port_questions,
            infrastructure=plan.bounds.infrastructure_questions,
            seconds=plan.bounds.seconds,
        ),
        indent=2,
    )


def _print_tasks(plan: Plan, translator: Translator) -> None:
    """The scans that would run, by subject, and those that would not, by cause; in lines that fit the terminal."""
    planned = [task for task in plan.tasks if task.cause is None]
    given = sorted({task.authorisation for task in planned if task.authorisation})
    by_subject: dict[str, list[ScanTask]] = {}
    for task in planned:
        by_subject.setdefault(_where(task, given), []).append(task)
    title = _("Planned scans, each with the most connections that it makes")
    if len(given) == 1:
        title = _("Planned scans by authorisation {id}, each with the most connections that it makes", id=given[0])
    _print_wrapped(f"{title}:", indent=2)
    for where, tasks in by_subject.items():
        _print_wrapped(f"  {where}: {', '.join(map(_scan, tasks))}", indent=4)
    left_out: dict[str, dict[str, list[str]]] = {}
    for task in plan.tasks:
        if task.cause is not None:
            reason = f"{translator.term(task.cause)}: {translated(task.detail)}" if task.detail else task.cause
            subjects = left_out.setdefault(reason, {})
            subjects.setdefault(with_u_labels(task.subject.uri), []).append(task.probe)
    if left_out:
        terminal.print_result(_("Scans left out:"))
    for reason, subjects in left_out.items():
        _print_wrapped(f"  {reason}", indent=4)
        for where, probes in subjects.items():
            _print_wrapped(f"    {where}: {', '.join(probes)}", indent=6)


def _where(task: ScanTask, given: Sequence[str]) -> str:
    """The subject with its address, and the authorisation where there are several."""
    subject, address = with_u_labels(task.subject.uri), task.subject.address
    where = f"{subject} [{address}]" if address and address not in subject else subject
    return f"{where} ({task.authorisation})" if task.authorisation and len(given) > 1 else where


def _scan(task: ScanTask) -> str:
    """A probe with its bounds; one that asks resolvers and name servers alone has none."""
    bounds = task.bounds
    parts = [str(bounds.connections)] if bounds.connections else []
    if bounds.port_questions:
        parts.append(_("{count} port questions", count=bounds.port_questions))
    return f"{task.probe} {' + '.join(parts)}" if parts else task.probe


def _print_wrapped(text: str, *, indent: int) -> None:
    """Print a text in lines that fit the terminal, the later ones with so many columns before them."""
    begin = len(text) - len(text.lstrip())
    first, *others = terminal.wrapped(text[begin:], terminal.width() - max(begin, indent))
    terminal.print_result(f"{text[:begin]}{first}")
    for each in others:
        terminal.print_result(f"{' ' * indent}{each}")


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
        _print_wrapped(_(text, plugin=plugin, requirements=", ".join(rows)), indent=2)


def _print_tool_missing(planned: PlannedInspection, registry: Registry) -> None:
    """The rows that stay undecided because a program is missing that a scan needs."""
    probes = {task.probe for task in planned.plan.tasks if task.cause is Cause.TOOL_MISSING}
    kinds = {registry.probes[name].kind for name in probes}
    rows = [
        row.id
        for row in planned.requirements
        if row.check in registry.checks and kinds & {each.kind for each in registry.checks[row.check].inputs}
    ]
    if rows:
        text = _("Inconclusive, because a program is missing: {requirements}", requirements=", ".join(sorted(rows)))
        _print_wrapped(text, indent=2)


def _print_probe(name: str, registry: Registry) -> None:
    """What else a probe may lead to."""
    probe = registry.probes[name]
    if schemes := ", ".join(sorted(scheme.name for scheme in probe.discovers)):
        text = _(
            "What {probe} discovers ({schemes}) is scanned too, where it is authorised", probe=name, schemes=schemes
        )
        _print_wrapped(text, indent=2)
    if probe.contacts_third_parties:
        text = _("{probe} also contacts other hosts that it learns of, where an authorisation names them", probe=name)
        _print_wrapped(text, indent=2)
