"""``inspector campaign`` and ``inspector tick``: rounds of inspections over many systems."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import NoReturn, Self

import zstandard
from pydantic import ValidationError

from inspector.campaign import candidates, record, schedule
from inspector.campaign.candidates import Candidate, Undeclared
from inspector.campaign.closing import attempt_of
from inspector.campaign.closing import close as close_campaign
from inspector.campaign.inventory_source import read_inventory
from inspector.campaign.planning import CampaignPlanner, PlannedUnit, terms_of
from inspector.campaign.record import CampaignRecord, Unit, units_of
from inspector.campaign.result import MARK, SUMMARISE, UnitResult
from inspector.cli import terminal
from inspector.cli.arguments import RunArguments
from inspector.cli.exit_code import CLEAN, MISUSE, UNSEEN
from inspector.cli.inputs import check_choice, read_settings
from inspector.cli.language import _, translated
from inspector.cli.plan import print_windows, shown_instant
from inspector.cli.run_progress import RunProgress
from inspector.declare import campaign as campaigns
from inspector.declare.campaign import Campaign, CampaignKind
from inspector.declare.settings import Settings
from inspector.engine.embedded import EmbeddedEngine, EngineBusy, EngineListener, JournalEngine, RunSetup
from inspector.engine.engine import Enqueued, Job, JobState, NotInspected
from inspector.engine.journal import CampaignRow, CampaignState
from inspector.fleet.fleet import FleetStatus
from inspector.fleet.gc_tuning import reduced_gc
from inspector.fleet.jobs import Common
from inspector.model.base import canonical, now
from inspector.model.errors import BundleError, EngineError, InspectorError, UsageError
from inspector.model.formatted import FormattedMessage
from inspector.network.postgresql import DatabaseSource
from inspector.pipeline.context import RunContext
from inspector.pipeline.event_loop import run_async
from inspector.pipeline.pipeline import resume_inspection
from inspector.pipeline.reinspection import failures_in
from inspector.pipeline.trust import load_trust
from inspector.regime.loader import load_all
from inspector.regime.regime import day_of
from inspector.registry.lock import is_decided as is_under_decision
from inspector.registry.lock import pinned, records_of
from inspector.registry.registry import installed
from inspector.seal import Bundle
from inspector.seal.signing import SigningKey
from inspector.seal.signing import default_path as default_key_path
from inspector.tables.store import tables_at_hand, trusted_signers

#: The most ready systems that a plan lists one by one.
MOST_LISTED = 50
#: How often a worker looks for repeated campaigns that are due (seconds).
_TICK_SECONDS = 30.0


# --- What the commands work with --------------------------------------------------------------------------------------


def _run_setup(own: Settings, is_decided: bool) -> RunSetup:
    """What inspections are run with."""
    load_trust(own)
    registry = pinned(own.plugins_lock) if is_decided else installed()
    pinned_names = [each.name for each in registry.profiles] if is_decided else []
    context = RunContext(
        registry, own, load_all(registry.profiles, pinned=pinned_names), tables=tables_at_hand(registry, own)
    )
    key = own.signing_key or default_key_path()
    common = Common(
        settings=own.model_copy(update={"signing_key": key.absolute(), "output": own.output.absolute()}),
        is_decided=is_decided,
        plugins=records_of(registry),
        summarise=SUMMARISE,
        mark=MARK,
        options=b"",
    )
    return RunSetup(context, common)


class _Listener(EngineListener):
    """Prints the progress, and what did not end well."""

    def __init__(self, *, quiet: bool) -> None:
        self._progress = RunProgress(quiet=quiet)
        self._is_quiet = quiet

    def status(self, status: FleetStatus) -> None:
        self._progress.show(status)

    def ended(self, campaign: str, job: str, state: JobState, detail: str) -> None:
        if state is not JobState.SEALED and not self._is_quiet:
            self._progress.clear()
            terminal.print_note(f"{campaign}/{job}: {_state(state)}: {translated(detail)}")

    def note(self, message: str) -> None:
        self._progress.clear()
        terminal.print_note(f"inspector: {translated(message)}")


@dataclass(frozen=True, slots=True)
class _Session:
    """The settings and the engine of a command; a context manager, at whose end the journal is closed."""

    settings: Settings
    engine: JournalEngine

    @classmethod
    def of(cls, arguments: RunArguments, *, quiet: bool = False, dead_after: float | None = None) -> _Session:
        own = read_settings(arguments.settings, arguments.output, arguments.database)
        own = own.model_copy(update={"output": own.output.absolute()})
        folder, setup, listener = own.output / record.FOLDER, partial(_run_setup, own), _Listener(quiet=quiet)
        if own.database is None:
            return cls(own, EmbeddedEngine(folder, setup, listener))
        source = DatabaseSource.of(own.database.get_secret_value())  # says so where the extra is missing
        from inspector.engine.postgres import DEAD_AFTER_SECONDS, PostgresEngine

        return cls(own, PostgresEngine(folder, source, setup, listener, dead_after or DEAD_AFTER_SECONDS))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.close()

    @property
    def folder(self) -> Path:
        """The folder of the records."""
        return self.settings.output / record.FOLDER

    def record(self, campaign: str) -> CampaignRecord:
        """The sealed record of a campaign, by a signer who is trusted. Raises BundleError."""
        found = record.read(self.folder, campaign)
        if not set(trusted_signers(self.settings)) & set(found.signers):
            raise BundleError(
                FormattedMessage(
                    "{name}: is signed by {signers}, which is not a trusted signer",
                    name=self.folder / campaign,
                    signers=", ".join(found.signers),
                ),
                remedy="if you know whose key it is, add it to trusted_signers in your settings",
            )
        return found

    def units(self, campaign: str) -> tuple[Unit, ...]:
        """Every system of a campaign, of a closed one as its record says."""
        if record.exists(self.folder, campaign):
            return self.record(campaign).units
        self.engine.journal.campaign(campaign)
        return tuple(units_of(self.engine.journal.jobs(campaign), partial(attempt_of, self.settings.output)))


@dataclass(frozen=True, slots=True)
class _SelectedCampaign:
    """A campaign with the systems that it selects, in the order in which they are inspected."""

    campaign: Campaign
    context: RunContext
    candidates: list[Candidate]
    undeclared: list[Undeclared]
    is_decided: bool
    inventory: str | None


def _selected(campaign: Campaign, session: _Session) -> _SelectedCampaign:
    """Read what a campaign names. Raises UsageError or InputFileError."""
    granted, granted_at = candidates.read_authorisations(campaign)
    is_decided = is_under_decision(granted)
    setup = _run_setup(session.settings, is_decided)
    schemes = setup.context.registry.schemes
    found = candidates.candidates_of(candidates.read_declarations(campaign, granted, granted_at, schemes))
    below, undeclared = candidates.below_among(each.organisation for each in found), list[Undeclared]()
    snapshot = None
    if campaign.selection.inventory is not None:
        folder, trusted = Path(campaign.selection.inventory), trusted_signers(session.settings)
        source = read_inventory(
            folder,
            trusted,
            granted,
            granted_at,
            schemes,
            day_of(now()),
            regimes=setup.context.regimes,
            inspected=_last_inspections(session),
        )
        known = {each.key for each in found}  # what a declaration says holds over the lists
        found += [each for each in source.candidates if each.key not in known]
        snapshot = source.digest
        undeclared, below = [each for each in source.undeclared if each.key not in known], source.below
    failed = _failed(campaign, session)
    chosen, others = candidates.select(campaign, found, below=below, undeclared=undeclared, failed=failed)
    if campaign.kind is CampaignKind.RE_INSPECTION and failed is not None:
        asked = _with_failures(chosen, failed, session)
        chosen, others = asked.candidates, [*others, *asked.unreadable]
    return _SelectedCampaign(
        campaign, setup.context, candidates.in_order(campaign, chosen), others, is_decided, snapshot
    )


def _last_inspections(session: _Session) -> dict[str, date]:
    """The day of the last inspection of each system in a campaign of this archive, by key."""
    found: dict[str, date] = {}
    for known, row in session.engine.journal.campaigns().items():
        if not _is_whole(row):
            continue
        for unit in session.units(known):
            if unit.result is not None:
                day = day_of(unit.result.begun)
                found[unit.system] = max(day, found.get(unit.system, day))
    return found


def _is_whole(row: CampaignRow) -> bool:
    """Whether a campaign asks about everything: a re-inspection is no inspection that the law asks for."""
    try:
        return bool(json.loads(row.document or b"{}").get("kind") != CampaignKind.RE_INSPECTION)
    except (ValueError, AttributeError):
        return True


def _failed(campaign: Campaign, session: _Session) -> dict[str, UnitResult] | None:
    """The inspections in which a mandatory requirement failed in the campaign that the selection names, by system."""
    before = campaign.selection.failed_in
    if before is None:
        return None
    found = {each.system: each.result for each in session.units(before) if each.result is not None}
    return {system: result for system, result in found.items() if result.failed_must > 0}


def _with_failures(chosen: Iterable[Candidate], failed: Mapping[str, UnitResult], session: _Session) -> _Asked:
    """The systems of a re-inspection with what failed in each; those whose earlier inspection cannot be read apart."""
    made = _Asked()
    for each in chosen:
        result = failed[each.key]
        folder = session.settings.output / result.run / result.system / result.inspection
        try:
            bundle = Bundle.open(folder)
            if bundle.digest != result.capture:
                raise BundleError(FormattedMessage("{folder}: is not what was sealed", folder=folder))
            findings = failures_in(bundle, bundle.assessment(result.assessment).assessment)
        except BundleError as error:
            code, level = each.organisation.code, each.system.level
            made.unreadable.append(Undeclared(each.key, code, level, each.kind, NotInspected.INVALID, error.message))
        else:
            made.candidates.append(replace(each, findings=findings))
    return made


@dataclass(slots=True)
class _Asked:
    """The systems of a re-inspection: those with failures, and those of which these cannot be read."""

    candidates: list[Candidate] = field(default_factory=list)
    unreadable: list[Undeclared] = field(default_factory=list)


# --- The plan ---------------------------------------------------------------------------------------------------------


def print_plan(file: Path, arguments: RunArguments, form: str) -> int:
    """Print for every selected system whether it is ready, or why not, and what falls into which window."""
    check_choice("--format", form, ("text", "json"))
    with _Session.of(arguments) as session:
        campaign = campaigns.load(file)
        made = _selected(campaign, session)
        planner = CampaignPlanner(campaign, made.context, now())
        units = _planned(planner, made)
        ready = sum(each.is_ready for each in units)
        if form == "json":
            terminal.print_result(json.dumps([_unit_json(each) for each in units], indent=2, ensure_ascii=False))
        else:
            text = _(
                "Campaign {id}: {ready} of {count} systems are ready", id=campaign.id, ready=ready, count=len(units)
            )
            terminal.print_result(text)
            print_windows(planner.schedule)
            for each in units:
                if not each.is_ready or ready <= MOST_LISTED:
                    terminal.print_result(_unit_line(each))
        if ready == len(units):
            return CLEAN
        return UNSEEN if ready else MISUSE


@dataclass(frozen=True, slots=True)
class _PlannedSystem:
    """What is kept of a planned system."""

    key: str
    cause: NotInspected | None
    detail: str
    seconds: int
    opens: datetime | None
    job: bytes
    connections: int = 0
    findings: int = 0

    @property
    def is_ready(self) -> bool:
        return self.cause is None


def _planned(planner: CampaignPlanner, made: _SelectedCampaign) -> list[_PlannedSystem]:
    """Every system with its job, compressed: there may be many."""
    found: list[_PlannedSystem] = []

    async def plan_all() -> None:
        found.extend([_planned_system(unit) async for unit in planner.plan(made.candidates)])

    with reduced_gc():
        run_async(plan_all())
    others = (Job(system=each.key, cause=each.cause, detail=each.detail) for each in made.undeclared)
    return [*found, *map(_not_planned, others)]


def _planned_system(unit: PlannedUnit) -> _PlannedSystem:
    made = _not_planned(unit.job)
    opens = None if unit.window is None else unit.window[0]
    return replace(made, opens=opens, connections=unit.connections, findings=len(unit.candidate.findings))


def _not_planned(job: Job) -> _PlannedSystem:
    return _PlannedSystem(job.system, job.cause, job.detail, job.seconds, None, zstandard.compress(job.canonical()))


def _unit_json(unit: _PlannedSystem) -> dict[str, object]:
    return {
        "system": unit.key,
        "ready": unit.is_ready,
        "cause": unit.cause,
        "detail": unit.detail,
        "seconds": unit.seconds,
        "connections": unit.connections,
        "findings": unit.findings or None,
        "window_opens": None if unit.opens is None else unit.opens.isoformat(),
    }


def _unit_line(unit: _PlannedSystem) -> str:
    if unit.cause is not None:
        detail = f" ({translated(unit.detail)})" if unit.detail else ""
        return f"{unit.key}: {_cause(unit.cause)}{detail}"
    if unit.findings:
        return _(
            "{system}: ready; {count} earlier failures, at most {connections} connections",
            system=unit.key,
            count=unit.findings,
            connections=unit.connections,
        )
    if unit.opens is None:
        return _("{system}: ready", system=unit.key)
    return _(
        "{system}: ready; at least {seconds} s in the window from {opens}",
        system=unit.key,
        seconds=unit.seconds,
        opens=shown_instant(unit.opens),
    )


# --- Beginning, and what goes on --------------------------------------------------------------------------------------


def start(file: Path, arguments: RunArguments, *, runs: bool, quiet: bool) -> int:
    """Start a campaign, once, and inspect what may be inspected now."""
    with _Session.of(arguments, quiet=quiet) as session:
        campaign = campaigns.load(file)
        if campaign.every is not None:
            if not session.engine.journal.schedule(campaign.id, campaign.canonical(), str(file.absolute())):
                raise _known(campaign.id)
            due = schedule.occurrence_of(campaign, now())
            if due is None:
                assert campaign.starts is not None  # noqa: S101  (declare.campaign refuses others)
                text = _("Campaign {id} begins at {at}", id=campaign.id, at=shown_instant(campaign.starts))
                terminal.print_result(text)
                return CLEAN
            campaign = due
        _enqueue(campaign, session)
        if runs:
            _run(session)
        return _print_state(session, campaign.id)


def _enqueue(campaign: Campaign, session: _Session) -> Enqueued:
    """Plan a campaign and enqueue its systems. Raises UsageError where it was started before."""
    journal = session.engine.journal
    if campaign.id in journal.campaigns():
        journal.enqueue(terms_of(campaign, is_decided=False), (), b"")  # counts the refusal
        raise _known(campaign.id)
    if record.exists(session.folder, campaign.id):
        raise _known(campaign.id)
    made = _selected(campaign, session)
    units = _planned(CampaignPlanner(campaign, made.context, now()), made)
    terms = terms_of(campaign, is_decided=made.is_decided, inventory=made.inventory)
    jobs = (Job.parse(zstandard.decompress(each.job)) for each in units)
    enqueued = session.engine.enqueue(terms, jobs, canonical(campaign.model_dump(mode="json")))
    if enqueued.refused:
        raise _known(campaign.id)
    return enqueued


def start_once(
    campaign: Campaign, arguments: RunArguments, *, runs: bool, quiet: bool
) -> tuple[Path, tuple[Unit, ...]]:
    """Start a campaign that a command made, unless it was started, and inspect what may be inspected now.

    The result is the output folder, and every system of the campaign.
    """
    with _Session.of(arguments, quiet=quiet) as session:
        if campaign.id not in session.engine.journal.campaigns() and not record.exists(session.folder, campaign.id):
            _enqueue(campaign, session)
        if runs:
            _run(session)
        return session.settings.output, session.units(campaign.id)


def _known(campaign: str) -> UsageError:
    return UsageError(
        FormattedMessage("campaign {id} was started before", id=repr(campaign)),
        remedy="'inspector tick' goes on with it; a new round needs an id of its own",
    )


def _run(session: _Session) -> None:
    """Run what may run now; another process that does so already is left to it."""
    try:
        session.engine.run()
    except EngineBusy as busy:
        terminal.print_note(f"inspector: {busy.text(translated)}")


def tick(arguments: RunArguments, *, quiet: bool) -> int:
    """Start every repeated campaign that is due, once, and go on with all that may be inspected now."""
    with _Session.of(arguments, quiet=quiet) as session:
        code = _start_due(session)
        _run(session)
        return code


def _start_due(session: _Session) -> int:
    """Start every repeated campaign that is due; the exit code."""
    code = CLEAN
    for document in session.engine.journal.scheduled().values():
        try:
            repeated = Campaign.parse(document)
        except ValidationError:
            raise EngineError(
                "a repeated campaign in the journal is malformed",
                remedy="move the file away and start the campaign under a new id; "
                "sealed inspections are in the archive",
            ) from None
        due = schedule.occurrence_of(repeated, now())
        if due is None or due.id in session.engine.journal.campaigns() or record.exists(session.folder, due.id):
            continue
        try:
            _enqueue(due, session)
        except InspectorError as error:
            if due.id not in session.engine.journal.campaigns():  # else another process was faster
                terminal.print_error(error)
                code = MISUSE
    return code


def work(arguments: RunArguments, *, quiet: bool, dead_after: float) -> NoReturn:
    """Inspect systems of campaigns as they come, beside other workers, until an interrupt."""
    with _Session.of(arguments, quiet=quiet, dead_after=dead_after) as session:
        if session.settings.database is None:
            raise UsageError(
                "a worker needs the database that it shares with others",
                remedy="name it with --database or INSPECTOR_DATABASE; without one, 'inspector tick' inspects",
            )
        from inspector.engine.postgres import PostgresEngine

        assert isinstance(session.engine, PostgresEngine)  # noqa: S101  (a session has it where a database is named)
        next_tick = float("-inf")

        def tick() -> None:
            nonlocal next_tick
            if time.monotonic() >= next_tick:
                next_tick = time.monotonic() + _TICK_SECONDS
                _start_due(session)

        session.engine.work(tick)


def resume(campaign: str, arguments: RunArguments, *, runs: bool, quiet: bool) -> int:
    """End a pause, and inspect what may be inspected now."""
    with _Session.of(arguments, quiet=quiet) as session:
        session.engine.resume(campaign)
        if runs:
            _run(session)
        return _print_state(session, campaign)


def pause(campaign: str, arguments: RunArguments, *, at_once: bool) -> int:
    """Begin no further system of a campaign."""
    with _Session.of(arguments) as session:
        session.engine.pause(campaign, now=at_once)
        text = _("Campaign {id} is paused; 'inspector campaign resume {id}' goes on with it", id=campaign)
        terminal.print_result(text)
        return CLEAN


def stop(campaign: str, arguments: RunArguments, authorisation: str | None) -> int:
    """Inspect nothing more of a campaign, or nothing more under an authorisation that was withdrawn."""
    with _Session.of(arguments) as session:
        journal = session.engine.journal
        if authorisation is None and journal.unschedule(campaign) and campaign not in journal.campaigns():
            terminal.print_result(_("Campaign {id} is not repeated any more", id=campaign))
            return CLEAN
        count = session.engine.abort(campaign, authorisation)
        terminal.print_result(_("{count} systems that waited will not be inspected", count=count))
        return CLEAN


def close(campaign: str, arguments: RunArguments) -> int:
    """Seal what was interrupted, and the record of every system."""
    with _Session.of(arguments) as session:
        key = SigningKey.load_or_create(session.settings.signing_key)
        if record.exists(session.folder, campaign):
            session.record(campaign)  # is not taken for this campaign's unless its signer is trusted

        def seal(folder: Path) -> None:
            row = session.engine.journal.campaign(campaign)
            context = _run_setup(session.settings, row.terms.is_decided).context
            resume_inspection(folder, context, as_of=now(), collecting=False)

        sealed = close_campaign(session.engine, campaign, session.settings.output, key, seal)
        _print_counts({JobState(name): count for name, count in sealed.sealed.states.items()})
        terminal.print_result(
            _(
                "Campaign {id} is closed; its record is {folder} ({digest})",
                id=campaign,
                folder=session.folder / campaign,
                digest=sealed.digest,
            )
        )
        return CLEAN


# --- The state --------------------------------------------------------------------------------------------------------


def print_status(campaign: str | None, arguments: RunArguments, form: str, *, every_unit: bool) -> int:
    """Print the state of a campaign, or of all."""
    check_choice("--format", form, ("text", "json"))
    with _Session.of(arguments) as session:
        rows = session.engine.journal.campaigns()
        if campaign is not None:
            rows = {campaign: session.engine.journal.campaign(campaign)}
        if form == "json":
            found = [_status_json(session, known, row, every_unit=every_unit) for known, row in rows.items()]
            terminal.print_result(json.dumps(found, indent=2, ensure_ascii=False))
            return CLEAN
        if not rows:
            terminal.print_result(_("No campaign was started"))
        for known, row in rows.items():
            terminal.print_result(_("Campaign {id}: {state}", id=known, state=_campaign_state(row)))
            _print_counts(session.engine.journal.counts(known))
            if row.refused:
                terminal.print_result(_("Refused, because it was known already: {count}", count=row.refused))
            if every_unit:
                for unit in session.units(known):
                    terminal.print_result(status_line(unit))
        for known in session.engine.journal.scheduled() if campaign is None else ():
            terminal.print_result(_("Campaign {id} is repeated", id=known))
        return CLEAN


def _status_json(session: _Session, known: str, row: CampaignRow, *, every_unit: bool) -> dict[str, object]:
    counts = {state.value: count for state, count in session.engine.journal.counts(known).items()}
    found: dict[str, object] = {
        "campaign": known,
        "state": row.state,
        "started": row.at.isoformat(),
        "systems": counts,
        "refused": row.refused,
    }
    if every_unit:
        found["units"] = [each.model_dump(mode="json") for each in session.units(known)]
    return found


def _print_state(session: _Session, campaign: str) -> int:
    """Print the counts of a campaign; 3 where a system was not inspected, or not yet."""
    counts = session.engine.journal.counts(campaign)
    _print_counts(counts)
    return CLEAN if sum(counts.values()) == counts[JobState.SEALED] else UNSEEN


def _print_counts(counts: dict[JobState, int]) -> None:
    parts = [f"{_state(state)}: {counts[state]}" for state in JobState if counts.get(state)]
    terminal.print_result("; ".join(parts))


def status_line(unit: Unit) -> str:
    """A system of a campaign, and what became of it."""
    parts = [_state(unit.state)]
    if unit.cause is not None:
        parts.append(_cause(unit.cause))
    if unit.detail:
        parts.append(translated(unit.detail))
    if unit.result is not None:
        parts.append(_("mandatory requirements that failed: {count}", count=unit.result.failed_must))
    return f"{unit.system}: {'; '.join(parts)}"


def _campaign_state(row: CampaignRow) -> str:
    return {
        CampaignState.RUNNING: _("running"),
        CampaignState.PAUSED: _("paused"),
        CampaignState.STOPPED: _("stopped"),
        CampaignState.CLOSED: _("closed"),
    }[row.state]


def _state(state: JobState) -> str:
    return {
        JobState.WAITING: _("waiting"),
        JobState.RUNNING: _("being inspected"),
        JobState.INTERRUPTED: _("interrupted"),
        JobState.SEALED: _("sealed"),
        JobState.FAILED: _("failed"),
        JobState.TORN: _("damaged"),
        JobState.NOT_INSPECTED: _("not inspected"),
    }[state]


def _cause(cause: NotInspected) -> str:
    return {
        NotInspected.NO_AUTHORISATION: _("no authorisation"),
        NotInspected.EXPIRED: _("its authorisation has expired"),
        NotInspected.WITHDRAWN: _("its authorisation was withdrawn"),
        NotInspected.NO_ENDPOINT: _("no endpoint to inspect"),
        NotInspected.NO_REGIME: _("no regime holds for it"),
        NotInspected.TOO_LONG: _("too long for its window"),
        NotInspected.NO_WINDOW: _("no window in which packets are permitted"),
        NotInspected.DEADLINE: _("the deadline has passed"),
        NotInspected.STOPPED: _("the campaign was stopped"),
        NotInspected.CLOSED: _("the campaign was closed before its turn"),
        NotInspected.INVALID: _("its declaration is wrong"),
    }[cause]
