"""``inspector plan``: who would be asked what, how often and for how long; and what would not be asked, and why."""

from __future__ import annotations

import asyncio

from inspector.cli import terminal
from inspector.cli.inputs import Order, round_of
from inspector.model.errors import UsageError
from inspector.model.language import Language
from inspector.pipeline.prepare import Job, Prepared, permitted, prepare
from inspector.plan.pace import pace_of
from inspector.report.messages import Translator


def print_plans(order: Order, lang: str) -> int:
    """Print the plan of every chosen system; names are resolved, nothing else is sent."""
    run = round_of(order)
    translator = Translator(run.registry, Language(lang))
    for system in run.systems:
        terminal.note(translator.say("resolving the names of {system}", system=system.id))
        prepared = asyncio.run(prepare(run.job(system)))
        _print(prepared, translator)
        try:
            permitted(prepared)
        except UsageError as refusal:
            terminal.note(translator.say("'inspector run' would refuse this plan:"))
            terminal.complain(refusal)
    return 0


def _print(prepared: Prepared, translator: Translator) -> None:
    plan, job = prepared.plan, prepared.job
    terminal.say(f"{job.system.id} – {job.system.name}")
    terminal.say(
        translator.say("Regime: {regime}, rules of {day}", regime=job.regime.id, day=translator.day(job.as_of))
    )
    asked = terminal.table(
        translator.say("What will be asked"),
        *(
            translator.say(head)
            for head in ("Probe", "Subject", "Address", "Connections", "Port questions", "Authorisation")
        ),
    )
    refused = terminal.table(
        translator.say("What will not be asked"),
        *(translator.say(head) for head in ("Probe", "Subject", "Cause", "Detail")),
    )
    for task in plan.tasks:
        if task.cause is None:
            bounds = task.bounds
            counts = (str(bounds.connections), str(bounds.port_questions))
            infrastructure = translator.say("(infrastructure)")
            who = task.authorisation or infrastructure
            terminal.row(asked, task.probe, task.subject.uri, task.subject.address or "–", *counts, who)
        else:
            terminal.row(refused, task.probe, task.subject.uri, translator.word(task.cause), task.detail)
    terminal.show(asked)
    if refused.row_count:
        terminal.show(refused)
    if beyond := job.beyond():
        terminal.say(
            translator.say("Not permitted by any authorisation, and not asked: {requirements}", requirements=beyond)
        )
    _print_not_installed(job, translator)
    for name in sorted({task.probe for task in plan.tasks if task.cause is None}):
        schemes = tuple(sorted(scheme.name for scheme in job.registry.probes[name].discovers))
        if schemes:
            text = "What {probe} brings to light ({schemes}) is asked too, as far as it is covered"
            terminal.say(translator.say(text, probe=name, schemes=schemes))
        if job.registry.probes[name].contacts_third_parties:
            text = "{probe} also asks other hosts that it learns of, where an authorisation names them"
            terminal.say(translator.say(text, probe=name))
    for pace in pace_of(plan.tasks, job.authorisations).values():
        terminal.say(pace.told(translator.say))
    for limit in plan.limits:
        terminal.say(f"{translator.say(limit.detail)}: {', '.join(limit.addresses)}")
    terminal.say(
        translator.say(
            "In all at most {connections} connections, {questions} port questions and {seconds} s",
            connections=plan.bounds.connections,
            questions=plan.bounds.port_questions,
            seconds=plan.bounds.seconds,
        )
    )


def _print_not_installed(job: Job, translator: Translator) -> None:
    rows = job.not_installed()
    for plugin in sorted({row.plugin for row in rows if row.plugin}):
        text = "Not selected, because the plugin {plugin} is not installed: {requirements}"
        terminal.say(
            translator.say(text, plugin=plugin, requirements=tuple(row.id for row in rows if row.plugin == plugin))
        )
