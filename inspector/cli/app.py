"""The commands' names, options and help; what they do lives in a module each."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from inspector.cli import terminal
from inspector.cli.arguments import RESULTS, SELECTION, RunArguments, takes
from inspector.cli.language import _, language_of, use
from inspector.cli.parser_messages import localise, message_of
from inspector.model.errors import InspectorError, UsageError
from inspector.plugin.containment import described
from inspector.plugin.interrupts import by_a_person, watched


def _exit(code: int | None, **_options: object) -> None:
    """End the process with what the command returned."""
    raise typer.Exit(code or 0)


app = typer.Typer(
    result_callback=_exit,
    name="inspector",
    help="Inspect from outside whether information systems keep the security measures of their level.",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

MISUSE = 2
#: The exit code that a shell reports for a process ended by SIGPIPE: the reader of stdout left before the end.
PIPE = 141

Sealed = Annotated[Path, typer.Argument(help="Folder of a sealed inspection.")]


def command(*names: str, name: str | None = None) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Register a command that takes the named shared options."""

    def register(function: Callable[..., int]) -> Callable[..., int]:
        return app.command(name)(takes(*names)(function))

    return register


@command("level", "settings")
def init(
    arguments: RunArguments,
    folder: Annotated[Path, typer.Argument(help="Folder for the templates.")] = Path(),
    organisation: Annotated[str | None, typer.Option(help="Name of the organisation.")] = None,
    system: Annotated[str | None, typer.Option(help="Id of the system, e.g. portal.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the system.")] = None,
    endpoint: Annotated[list[str] | None, typer.Option(help="Endpoint URI (repeatable).")] = None,
    granted_by: Annotated[str | None, typer.Option(help="Who permits the inspection.")] = None,
    contact: Annotated[str | None, typer.Option(help="Contact of the inspecting side.")] = None,
    vantage: Annotated[
        str | None, typer.Option(help="Where this machine is: unknown, internet, partner, inside or ci.")
    ] = None,
    vantage_name: Annotated[str | None, typer.Option("--vantage-name", help="Name of this machine's place.")] = None,
    dedicated: Annotated[
        bool | None,
        typer.Option("--dedicated", help="The hosts' addresses serve this organisation alone: scan their ports."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> int:
    """Write the documents of an inspection, or add a system to them; asks for what is missing."""
    from inspector.cli.init import Answers, write

    answers = Answers(
        organisation=organisation,
        system=system,
        name=name,
        level=arguments.level,
        endpoints=tuple(endpoint or ()),
        granted_by=granted_by,
        contact=contact,
        vantage=vantage,
        vantage_name=vantage_name,
        dedicated=dedicated,
    )
    return write(folder, answers, arguments.settings, force=force)


@command()
def check(files: Annotated[list[Path], typer.Argument(help="Documents, or settings (.toml).")]) -> int:
    """Read documents, and print every error with its place; nothing is resolved or sent."""
    from inspector.cli.check import check_files

    return check_files(files)


@command(*SELECTION)
def plan(arguments: RunArguments) -> int:
    """Resolve names, and print which scans would run, with how many connections, how long, and what is out of scope."""
    from inspector.cli.plan import print_plans

    return print_plans(arguments)


@command(*SELECTION, *RESULTS, "limit", "shuffle", "statements", "decisions", "inspection", "output")
def run(
    arguments: RunArguments,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Continue this interrupted inspection, or everything of this run.")
    ] = None,
) -> int:
    """Inspect: collect, seal, assess and report."""
    from inspector.cli.run import inspect_all
    from inspector.cli.run import resume as continue_inspection

    return continue_inspection(resume, arguments) if resume else inspect_all(arguments)


@command("formats", "keep_reports", "to", "fail_on", "verbose", "summary", "settings")
def seal(
    arguments: RunArguments,
    bundle: Annotated[Path, typer.Argument(help="Folder of an interrupted inspection.")],
) -> int:
    """Close an interrupted inspection: what was not scanned becomes inconclusive, the rest is sealed and assessed."""
    from inspector.cli.run import resume

    return resume(bundle, arguments, collecting=False)


@command("regime", "level", "as_of", "statements", "decisions", "inspection", *RESULTS, "settings")
def assess(
    arguments: RunArguments,
    bundle: Sealed,
    reparse: Annotated[bool, typer.Option("--reparse", help="Parse the raw bytes again with today's probes.")] = False,
    tables: Annotated[
        list[str] | None,
        typer.Option("--tables", help="A signed table, or present for those at hand (default: those captured)."),
    ] = None,
) -> int:
    """Assess a sealed bundle again, without a packet: under other rules, at another date, for another level."""
    from inspector.cli.assess import assess_again

    return assess_again(bundle, arguments, tuple(tables or ()), reparse=reparse)


@command(*RESULTS, "inspection")
def report(
    arguments: RunArguments,
    bundle: Annotated[Path, typer.Argument(help="Folder of a sealed inspection, or of a run.")],
) -> int:
    """Write report files of the newest assessment of a bundle, or the overview of a run over several systems."""
    from inspector.cli.report import write_reports

    return write_reports(bundle, arguments)


@command("fail_on")
def diff(
    arguments: RunArguments,
    old: Annotated[Path, typer.Argument(help="The earlier bundle, run folder or findings.json.")],
    new: Annotated[Path, typer.Argument(help="The later bundle, run folder or findings.json.")],
    formats: Annotated[
        str, typer.Option("--format", "-f", help="Write these files, comma-separated: html, json.")
    ] = "",
    to: Annotated[Path, typer.Option("--to", help="Folder for the files.")] = Path(),
) -> int:
    """Tell what changed between two inspections: new, fixed, still, not seen again; exit code 1 for something new."""
    from inspector.cli.diff import print_difference

    return print_difference(old, new, arguments.fail_on or "must", formats, to)


campaigns = typer.Typer(help="Inspect many systems in one round, over nights.", rich_markup_mode=None)
app.add_typer(campaigns, name="campaign")
CampaignId = Annotated[str, typer.Argument(metavar="ID", help="Id of a campaign.")]
CampaignFile = Annotated[Path, typer.Argument(help="campaign.yaml.")]
NoRun = Annotated[bool, typer.Option("--no-run", help="Inspect nothing now: 'inspector tick' does.")]


@campaigns.command("plan")
@takes("settings", "output", "database")
def plan_campaign(
    arguments: RunArguments,
    file: CampaignFile,
    form: Annotated[str, typer.Option("--format", "-f", help="text or json.")] = "text",
) -> int:
    """Say of every selected system whether it is ready or why not, and which window it falls into; nothing is sent."""
    from inspector.cli.campaign import print_plan

    return print_plan(file, arguments, form)


@campaigns.command("start")
@takes("settings", "output", "database", "quiet")
def start_campaign(arguments: RunArguments, file: CampaignFile, no_run: NoRun = False) -> int:
    """Start a campaign, once, and inspect what its windows and authorisations permit now."""
    from inspector.cli.campaign import start

    return start(file, arguments, runs=not no_run, quiet=arguments.quiet)


@campaigns.command("status")
@takes("settings", "output", "database")
def campaign_status(
    arguments: RunArguments,
    campaign: Annotated[str | None, typer.Argument(metavar="ID", help="Id of a campaign (default: all).")] = None,
    units: Annotated[bool, typer.Option("--units", help="Print every system.")] = False,
    form: Annotated[str, typer.Option("--format", "-f", help="text or json.")] = "text",
) -> int:
    """Print how many systems of a campaign wait, run, were interrupted, sealed, failed or not inspected."""
    from inspector.cli.campaign import print_status

    return print_status(campaign, arguments, form, every_unit=units)


@campaigns.command("pause")
@takes("settings", "output", "database")
def pause_campaign(
    arguments: RunArguments,
    campaign: CampaignId,
    now: Annotated[
        bool, typer.Option("--now", help="Also stop what is being inspected, at its next connection.")
    ] = False,
) -> int:
    """Begin no further system, until 'inspector campaign resume'."""
    from inspector.cli.campaign import pause

    return pause(campaign, arguments, at_once=now)


@campaigns.command("resume")
@takes("settings", "output", "database", "quiet")
def resume_campaign(arguments: RunArguments, campaign: CampaignId, no_run: NoRun = False) -> int:
    """End a pause, and inspect what may be inspected now."""
    from inspector.cli.campaign import resume as end_pause

    return end_pause(campaign, arguments, runs=not no_run, quiet=arguments.quiet)


@campaigns.command("stop")
@takes("settings", "output", "database")
def stop_campaign(
    arguments: RunArguments,
    campaign: CampaignId,
    authorisation: Annotated[
        str | None, typer.Option("--authorisation", help="Only what is inspected under this one, which was withdrawn.")
    ] = None,
) -> int:
    """Inspect no further system; what is being inspected stops at its next connection."""
    from inspector.cli.campaign import stop

    return stop(campaign, arguments, authorisation)


@campaigns.command("close")
@takes("settings", "output", "database")
def close_campaign(arguments: RunArguments, campaign: CampaignId) -> int:
    """Seal what was interrupted, and a record of every system."""
    from inspector.cli.campaign import close

    return close(campaign, arguments)


@app.command("tick")
@takes("settings", "output", "database", "quiet")
def tick_(arguments: RunArguments) -> int:
    """Start repeated campaigns that are due, and go on with what may be inspected now; for cron and systemd."""
    from inspector.cli.campaign import tick

    return tick(arguments, quiet=arguments.quiet)


@app.command("worker")
@takes("settings", "output", "database", "quiet")
def worker_(
    arguments: RunArguments,
    dead_after: Annotated[
        float,
        typer.Option(
            "--dead-after", help="Seconds after which a worker that is not heard any more counts as dead.", min=1
        ),
    ] = 30.0,
) -> int:
    """Inspect systems of campaigns as they come, beside workers on other machines, until it is interrupted."""
    from inspector.cli.campaign import work

    return work(arguments, quiet=arguments.quiet, dead_after=dead_after)


@command("authorisations", "settings", "output", "quiet")
def incident(
    arguments: RunArguments,
    declaration: Annotated[Path, typer.Argument(help="declaration.yaml, or a folder of declarations.")],
    system: Annotated[str, typer.Option("--system", help="The system: ID, or ORGANISATION/ID.")],
    detected: Annotated[
        str, typer.Option("--detected", help="When the incident was detected, as 2026-12-01T08:30+07:00.")
    ],
    basis: Annotated[str | None, typer.Option("--basis", help="The decision or report behind the inspection.")] = None,
    no_run: NoRun = False,
) -> int:
    """After an incident: tell the terms of the law, inspect the system first in line, and tell what changed."""
    from inspector.cli.incident import inspect_incident

    return inspect_incident(
        declaration,
        system,
        detected=detected,
        authorisations=arguments.authorisations,
        basis=basis,
        runs=not no_run,
        quiet=arguments.quiet,
        settings=arguments.settings,
        output=arguments.output,
    )


baselines = typer.Typer(help="Known failures that a pipeline leaves out of its exit code.", rich_markup_mode=None)
app.add_typer(baselines, name="baseline")


@baselines.command("create")
@takes()
def create_baseline(
    sources: Annotated[list[Path], typer.Argument(help="Bundles, run folders or findings.json files.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file (default: stdout).")] = None,
) -> int:
    """Write the failures of inspections as a baseline for --baseline."""
    from inspector.cli.baseline import create_baseline as create

    return create(sources, output)


@command("settings")
def verify(
    arguments: RunArguments,
    bundle: Annotated[Path, typer.Argument(help="Folder of a sealed inspection, or a file of 'bundle export'.")],
    trusted: Annotated[list[str] | None, typer.Option("--trusted", help="Key id of a trusted signer.")] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print each version that is another now than at the assessment.")
    ] = False,
) -> int:
    """Answer three questions: is it intact, can it be reproduced, and what would the present version say."""
    from inspector.cli.verify import verify_bundle

    return verify_bundle(bundle, arguments.settings, tuple(trusted or ()), verbose=verbose)


bundles = typer.Typer(help="Handle sealed bundles.", add_completion=False, rich_markup_mode=None)
app.add_typer(bundles, name="bundle")


@bundles.command("export")
@takes()
def export(
    bundle: Sealed,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: FILE.tar.zst.")],
) -> int:
    """Write a sealed bundle, with everything that it shares with others, into one file that verifies anywhere."""
    from inspector.cli.export import write_export

    return write_export(bundle, output)


tables = typer.Typer(help="Tables of dated facts that checks compare with.", rich_markup_mode=None)
app.add_typer(tables, name="tables")


@tables.command("list")
@takes("settings")
def list_tables(arguments: RunArguments) -> int:
    """List the tables at hand: their day and age, how many entries, from where, and their digest."""
    from inspector.cli.tables import print_tables

    return print_tables(arguments.settings)


@tables.command("import")
@takes("settings")
def import_table(
    arguments: RunArguments,
    file: Annotated[Path, typer.Argument(help="A file of 'inspector tables sign', by a trusted signer.")],
    older: Annotated[bool, typer.Option("--older", help="Also a table that is older than the present one.")] = False,
) -> int:
    """Take over a newer table from a signed file, without the network."""
    from inspector.cli.tables import take_over

    return take_over(file, arguments.settings, older=older)


@tables.command("sign")
@takes("settings")
def sign_table(
    arguments: RunArguments,
    file: Annotated[Path, typer.Argument(help="A table in JSON.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
) -> int:
    """Write a table into a file that is signed with this machine's key, for 'inspector tables import' elsewhere."""
    from inspector.cli.tables import write_signed

    return write_signed(file, output, arguments.settings)


inventory = typer.Typer(help="Inventory of organisations and systems, from the yearly lists.", rich_markup_mode=None)
app.add_typer(inventory, name="inventory")

InventoryFolder = Annotated[
    Path | None, typer.Option("--inventory", help="Folder of the snapshots (default: inventory in the output folder).")
]
SnapshotName = Annotated[
    str | None, typer.Option("--snapshot", help="Beginning of a snapshot's digest (default: the newest).")
]


@inventory.command("import")
@takes("settings")
def import_inventory(
    arguments: RunArguments,
    as_of: Annotated[str, typer.Option("--as-of", help="The day that the lists describe, YYYY-MM-DD.")],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Lists of systems (.csv, .tsv, .xlsx), or folders of them.")
    ] = None,
    organisations: Annotated[
        Path | None, typer.Option("--organisations", help="List of organisations, read before the others.")
    ] = None,
    organisation: Annotated[
        str | None,
        typer.Option(
            "--organisation", help="Code of the organisation whose lists these are (default: the files' names)."
        ),
    ] = None,
    columns: Annotated[
        Path | None, typer.Option("--columns", help="YAML file that maps fields to the headings of own tables.")
    ] = None,
    accept_partial: Annotated[
        bool, typer.Option("--accept-partial", help="Take the good rows of lists that have refused ones.")
    ] = False,
    form: Annotated[
        str, typer.Option("--format", "-f", help="How faults and notes are printed: text or json.")
    ] = "text",
    folder: InventoryFolder = None,
) -> int:
    """Read lists of systems, merge them with what is known, and seal a snapshot."""
    from inspector.cli.inventory import import_files

    return import_files(
        files or (),
        organisations=organisations,
        organisation=organisation,
        as_of=as_of,
        columns=columns,
        accept_partial=accept_partial,
        form=form,
        inventory=folder,
        settings=arguments.settings,
    )


@inventory.command("export")
@takes("settings")
def export_inventory(
    arguments: RunArguments,
    to: Annotated[Path, typer.Argument(help="Folder for the declarations.")],
    organisation: Annotated[
        str | None, typer.Option("--organisation", help="Only this organisation and those below it, by code.")
    ] = None,
    snapshot: SnapshotName = None,
    folder: InventoryFolder = None,
) -> int:
    """Write a declaration for each owner, for 'inspector plan' and 'inspector run'."""
    from inspector.cli.inventory import export_declarations

    return export_declarations(
        to, organisation=organisation, snapshot=snapshot, inventory=folder, settings=arguments.settings
    )


@inventory.command("stats")
@takes("settings")
def inventory_statistics(
    arguments: RunArguments,
    by: Annotated[
        str, typer.Option("--by", help="Some of organisation, level, kind and group, comma-separated.")
    ] = "organisation,level",
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Day on which promised days are past (default: the snapshot's).")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", "-f", help="csv, json or xlsx (default: a table with shares).")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file (default: stdout).")] = None,
    snapshot: SnapshotName = None,
    folder: InventoryFolder = None,
) -> int:
    """Count systems by organisation, level, kind and group: approved, plan carried out, inspected, late, unknown."""
    from inspector.cli.inventory import print_statistics

    return print_statistics(
        by=by,
        as_of=as_of,
        form=form,
        output=output,
        snapshot=snapshot,
        inventory=folder,
        settings=arguments.settings,
    )


@inventory.command("due")
@takes("settings")
def inventory_due(
    arguments: RunArguments,
    as_of: Annotated[str | None, typer.Option("--as-of", help="The day, YYYY-MM-DD (default: the snapshot's).")] = None,
    organisation: Annotated[
        str | None, typer.Option("--organisation", help="Only this organisation and those below it, by code.")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", "-f", help="csv or json, one item each (default: a table by date).")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file (default: stdout).")] = None,
    snapshot: SnapshotName = None,
    folder: InventoryFolder = None,
) -> int:
    """Tell what is late, due or unknown by the dates of the law and by what was promised, with sources."""
    from inspector.cli.inventory import print_due

    return print_due(
        as_of=as_of,
        organisation=organisation,
        form=form,
        output=output,
        snapshot=snapshot,
        inventory=folder,
        settings=arguments.settings,
    )


store = typer.Typer(help="Index of an archive of inspections: what is open, fixed, returned.", rich_markup_mode=None)
app.add_typer(store, name="store")

Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="FILE|URL",
        help="SQLite file of the store (default: store.sqlite3 in the output folder), or a PostgreSQL database: "
        "postgresql://USER@HOST/DATABASE, or a file with this line.",
    ),
]
ListFile = Annotated[Path | None, typer.Option("--output", "-o", help="The file (default: stdout).")]


@store.command("rebuild")
@takes("settings")
def rebuild_store(
    arguments: RunArguments,
    archive: Annotated[Path, typer.Argument(help="The folder that holds the runs, as out.")],
    place: Store = None,
) -> int:
    """Make the store again from the archive; it loses nothing that the archive has."""
    from inspector.cli.store import rebuild_store as make_again

    return make_again(archive, place, arguments.settings)


@store.command("ingest")
@takes("settings")
def ingest_bundles(
    arguments: RunArguments,
    archive: Annotated[
        Path | None, typer.Argument(metavar="ARCHIVE", help="The folder that holds the runs (default: output).")
    ] = None,
    place: Store = None,
) -> int:
    """Take the inspections of the archive that are new, and those that were assessed again."""
    from inspector.cli.store import ingest_new

    return ingest_new(archive, place, arguments.settings)


@store.command("export")
@takes("settings")
def export_store(
    arguments: RunArguments,
    what: Annotated[
        str,
        typer.Argument(
            help="systems, not-inspected, not-listed, inspections, findings, events, follow-up or not-counted."
        ),
    ] = "systems",
    form: Annotated[str, typer.Option("--format", "-f", help="csv or json.")] = "csv",
    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state",
            help="Only findings in this state (repeatable): new, still, returned, not-seen-again, withdrawn, "
            "by-the-rules or fixed.",
        ),
    ] = None,
    output: ListFile = None,
    place: Store = None,
) -> int:
    """Print a list of the store for other programs."""
    from inspector.cli.store import export

    return export(what, form=form, states=tuple(state or ()), output=output, store=place, settings=arguments.settings)


@store.command("stats")
@takes("settings")
def store_statistics(
    arguments: RunArguments,
    by: Annotated[str, typer.Option("--by", help="organisation, level, group, comma-separated.")] = "level",
    form: Annotated[str | None, typer.Option("--format", "-f", help="csv or json (default: text).")] = None,
    output: ListFile = None,
    place: Store = None,
) -> int:
    """Count systems, inspected and listed by the inventory, and the open failures of their newest inspections."""
    from inspector.cli.store import print_sums

    return print_sums(by=by, form=form, output=output, store=place, settings=arguments.settings)


@store.command("history")
@takes("settings")
def system_history(
    arguments: RunArguments,
    system: Annotated[str, typer.Argument(help="ORGANISATION/ID, or the id where one organisation alone has it.")],
    form: Annotated[str, typer.Option("--format", "-f", help="text or json.")] = "text",
    place: Store = None,
) -> int:
    """Print the inspections of a system, and its failures by state, each with its dates."""
    from inspector.cli.store import print_history

    return print_history(system, form=form, store=place, settings=arguments.settings)


follow_ups = typer.Typer(help="What was told to be mended, by when and by whom, and reminders.", rich_markup_mode=None)
app.add_typer(follow_ups, name="followup")

SystemKey = Annotated[str, typer.Argument(metavar="SYSTEM", help="ORGANISATION/ID, as the store lists it.")]
FindingIds = Annotated[
    list[str] | None, typer.Argument(metavar="FINDING", help="Ids of findings, or their first digits.")
]
Author = Annotated[str, typer.Option("--by", help="The person who says so.")]
Letter = Annotated[str | None, typer.Option("--document", help="Letter or minutes: number and date.")]
NoteText = Annotated[str | None, typer.Option("--note", help="A note, on one line.")]


@follow_ups.command("demand")
@takes("settings")
def demand(
    arguments: RunArguments,
    system: SystemKey,
    due: Annotated[str, typer.Option("--due", help="The last day, YYYY-MM-DD.")],
    responsible: Annotated[str, typer.Option("--responsible", help="Who has to have it mended.")],
    email: Annotated[str, typer.Option("--email", help="Where reminders go.")],
    by: Author,
    findings: FindingIds = None,
    document: Letter = None,
    note: NoteText = None,
    place: Store = None,
) -> int:
    """Record that failures are to be mended (default: of mandatory requirements that are due), by when and by whom."""
    from inspector.cli.follow_up import record_entry
    from inspector.declare.follow_up import FollowUpAction

    return record_entry(
        FollowUpAction.DEMAND,
        system,
        findings or (),
        by=by,
        due=due,
        responsible=responsible,
        email=email,
        document=document,
        note=note,
        store=place,
        settings=arguments.settings,
    )


@follow_ups.command("claim")
@takes("settings")
def claim(
    arguments: RunArguments,
    system: SystemKey,
    by: Author,
    findings: FindingIds = None,
    document: Letter = None,
    note: NoteText = None,
    place: Store = None,
) -> int:
    """Record that the owner says failures are mended (default: all that were demanded); an inspection decides."""
    from inspector.cli.follow_up import record_entry
    from inspector.declare.follow_up import FollowUpAction

    return record_entry(
        FollowUpAction.CLAIM,
        system,
        findings or (),
        by=by,
        document=document,
        note=note,
        store=place,
        settings=arguments.settings,
    )


@follow_ups.command("agree")
@takes("settings")
def agree(
    arguments: RunArguments,
    system: SystemKey,
    by: Author,
    findings: FindingIds = None,
    document: Letter = None,
    note: NoteText = None,
    place: Store = None,
) -> int:
    """Record that an inspector agrees to the withdrawal of endpoints: their failures are closed."""
    from inspector.cli.follow_up import record_entry
    from inspector.declare.follow_up import FollowUpAction

    return record_entry(
        FollowUpAction.AGREE,
        system,
        findings or (),
        by=by,
        document=document,
        note=note,
        store=place,
        settings=arguments.settings,
    )


@follow_ups.command("record")
@takes("settings")
def record_follow_up(
    arguments: RunArguments,
    document: Annotated[Path, typer.Argument(metavar="FILE", help="A file of the follow-up: follow-up.yaml.")],
    place: Store = None,
) -> int:
    """Record everything in a file: demands, claims and consents for many systems."""
    from inspector.cli.follow_up import record_file

    return record_file(document, store=place, settings=arguments.settings)


@follow_ups.command("list")
@takes("settings")
def list_follow_up(
    arguments: RunArguments,
    system: Annotated[str | None, typer.Option("--system", help="Only this system, ORGANISATION/ID.")] = None,
    late: Annotated[bool, typer.Option("--late", help="Only what is late; exit code 1 where anything is.")] = False,
    as_of: Annotated[str | None, typer.Option("--as-of", help="The day, YYYY-MM-DD (default: today).")] = None,
    form: Annotated[str, typer.Option("--format", "-f", help="text, csv or json.")] = "text",
    output: ListFile = None,
    place: Store = None,
) -> int:
    """Print what was demanded: by when and by whom, claimed, mended as seen by an inspection, or late."""
    from inspector.cli.follow_up import print_items

    return print_items(
        system=system, late=late, as_of=as_of, form=form, output=output, store=place, settings=arguments.settings
    )


@follow_ups.command("remind")
@takes("settings")
def remind(
    arguments: RunArguments,
    to: Annotated[Path, typer.Option("--to", help="Folder for the mail files (.eml).")],
    sender: Annotated[
        str | None, typer.Option("--from", help="Address that they come from (default: contact in the settings).")
    ] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="The day, YYYY-MM-DD (default: today).")] = None,
    place: Store = None,
) -> int:
    """Write reminders, 14 and 3 days before the last day and weekly after it, each once; nothing is sent."""
    from inspector.cli.follow_up import write_reminders

    return write_reminders(to, sender=sender, as_of=as_of, store=place, settings=arguments.settings)


@command(name="list")
def list_(
    what: Annotated[str, typer.Argument(help="plugins, probes, checks, regimes, formats or schemes.")] = "checks",
    lock: Annotated[bool, typer.Option("--lock", help="Print a plugins.lock that pins the installed plugins.")] = False,
) -> int:
    """List what the installed plugins contribute."""
    from inspector.cli.list import print_list

    return print_list(what, lock=lock)


@command()
def explain(name: Annotated[str, typer.Argument(help="Id of a check, requirement, clause or document.")]) -> int:
    """Explain a check or requirement (claim, remediation, which regimes ask for it), or a clause (what rests on it)."""
    from inspector.cli.explain import print_explanation

    return print_explanation(name)


@command()
def schema(
    document: Annotated[
        str,
        typer.Argument(
            help="A document: declaration, declaration-line, authorisation, statements, inspection, settings, "
            "campaign, follow-up, findings or inventory."
        ),
    ],
) -> int:
    """Print the JSON Schema of a document, for editors."""
    from inspector.cli.schema import print_schema

    return print_schema(document)


@command("output", "verbose", "summary", "quiet")
def demo(arguments: RunArguments) -> int:
    """Start good and bad demo servers on loopback, inspect them, and print where the report is."""
    from inspector.cli.demo import show

    return show(arguments)


@app.callback(invoke_without_command=True)
def _version(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version and exit.")] = False,
) -> None:
    if version:
        from inspector import __version__

        terminal.print_result(f"inspector {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        terminal.print_note(context.get_help())
        raise typer.Exit(MISUSE)


def call(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code; every error is printed as a message, never as a traceback."""
    with watched():
        code = _call(arguments)
    error = terminal.lost()
    if error is None:
        return code
    if isinstance(error, BrokenPipeError):
        return PIPE
    text = _("results cannot be written to stdout: {reason}; check the disk", reason=error.strerror)
    terminal.print_note(f"inspector: {text}")
    terminal.lost()
    return MISUSE


def _call(arguments: Sequence[str]) -> int:
    try:
        use(language_of(arguments, os.environ))
        _check_interpreter()
        return _run(arguments)
    except InspectorError as error:
        terminal.print_error(error)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and by_a_person():
            raise
        logging.getLogger("inspector").debug("internal error", exc_info=True)
        terminal.print_note(f"inspector: {_('internal error')}: {described(error)}")
        text = _("this is a bug in Inspector; run again with --log-level debug and report what it prints")
        terminal.print_note(f"inspector: {text}")
    return MISUSE


def _check_interpreter() -> None:
    """Raise UsageError where Python was started without docstrings: in them checks keep their texts."""
    if sys.flags.optimize > 1:
        raise UsageError(
            "Python runs without docstrings (-OO or PYTHONOPTIMIZE=2), in which the checks keep their texts",
            remedy="start it without -OO, or with PYTHONOPTIMIZE=1",
        )


def _run(arguments: Sequence[str]) -> int:
    """Parse and run a command line; what the parser refuses is printed with the command's usage."""
    parser: Any = localise(typer.main.get_command(app))
    try:
        code = parser.main(list(arguments), prog_name="inspector", standalone_mode=False)
    except USAGE_ERROR as error:
        for line in message_of(error):
            terminal.print_note(line)
        return MISUSE
    except typer.Abort:
        terminal.print_note(f"inspector: {_('aborted')}")
        return MISUSE
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # click's answer to a closed pipe
            terminal.lose("stdout", end.__context__)
            return PIPE
        if _is_about_completion(arguments):  # which runs no command, and so no plugin
            return end.code if isinstance(end.code, int) else 0
        raise
    return code if isinstance(code, int) else 0


def _is_about_completion(arguments: Sequence[str]) -> bool:
    """Whether a shell asks what could be typed next, or the user for the script by which it does."""
    options = ("--show-completion", "--install-completion")
    return "_INSPECTOR_COMPLETE" in os.environ or any(each in options for each in arguments[:1])


#: What the parser raises for a command line that it cannot parse.
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
