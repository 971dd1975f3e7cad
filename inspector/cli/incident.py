"""``inspector incident``: the terms of the law, an inspection first in line, and what changed since the last one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from inspector.campaign.record import Unit
from inspector.cli import diff, exit_code, terminal
from inspector.cli.arguments import RunArguments
from inspector.cli.campaign import start_once, status_line
from inspector.cli.diff import difference_view, print_changes
from inspector.cli.exit_code import UNSEEN, Threshold, worst
from inspector.cli.judged import JudgedSystem
from inspector.cli.language import _, current
from inspector.cli.plan import shown_instant
from inspector.declare.campaign import Campaign, CampaignKind, CampaignSelection
from inspector.model.base import digest, now
from inspector.model.errors import BundleError, UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.language import Language
from inspector.regime.loader import load_all
from inspector.regime.regime import BilingualText, Deadline, Regime, day_of
from inspector.registry.registry import installed
from inspector.seal import Bundle
from inspector.seal.chain import predecessors

#: How the ids of deadlines that run from an incident begin, and the clause that says who inspects after one.
_INCIDENT, _INSPECTOR_CHOSEN = "incident-", "31.2.c"
_HOURS = {"hour": 1, "day": 24}


@dataclass(frozen=True, slots=True)
class Clock:
    """A term of the law that runs from the detection: until when, and where that is written."""

    deadline: Deadline
    regime: str
    until: datetime


def inspect_incident(
    declaration: Path,
    system: str,
    *,
    detected: str,
    authorisations: tuple[Path, ...],
    basis: str | None,
    runs: bool,
    quiet: bool,
    settings: Path | None,
    output: Path | None,
) -> int:
    """Inspect a system after an incident; a second call goes on with it, and tells the same. Raises InspectorError.

    0: inspected, and nothing new that is mandatory fails; 1: something does; 3: not inspected yet, or not seen whole.
    """
    at = _instant(detected)
    for path in (declaration, *authorisations):
        if not path.exists():
            raise UsageError(
                FormattedMessage("{path} does not exist", path=path), remedy="write its path as seen from here"
            )
    campaign = Campaign(
        id=_id(system, at),
        kind=CampaignKind.INCIDENT,
        basis=basis or f"incident detected at {at.isoformat()}",
        selection=CampaignSelection(declarations=(str(declaration.absolute()),), systems=(system,)),
        authorisations=tuple(str(each.absolute()) for each in authorisations),
    )
    for line in _clock_lines(at, load_all(installed().profiles)):
        terminal.print_result(line)
    archive, units = start_once(campaign, RunArguments(settings=settings, output=output), runs=runs, quiet=quiet)
    codes = []
    for unit in units:
        terminal.print_result(status_line(unit))
        codes.append(_compare(archive, unit))
    if any(code == UNSEEN for code in codes):
        text = _("Campaign {id}: the same command again goes on with it, and tells what changed", id=campaign.id)
        terminal.print_note(text)
    return worst(codes)


def _instant(text: str) -> datetime:
    """The instant of ``--detected``, which is past. Raises UsageError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise UsageError(
            FormattedMessage("--detected {text} is no instant with a time zone", text=repr(text)),
            remedy="write it as 2026-12-01T08:30+07:00",
        )
    if at > now():
        raise UsageError(
            FormattedMessage("--detected {text} is in the future", text=repr(text)), remedy="correct the instant"
        )
    return at


def _id(system: str, at: datetime) -> str:
    """The id of the campaign: the same for the same system and detection."""
    name = re.sub(r"[^A-Za-z0-9_-]", "-", system)[:20]
    return f"incident-{name}-{digest(system.encode())[:6]}-{at.astimezone(UTC):%Y%m%dT%H%M%S}"


# --- Clocks -----------------------------------------------------------------------------------------------------------


def clocks(at: datetime, regimes: tuple[Regime, ...]) -> list[Clock]:
    """The terms that run from an incident that was detected at this instant, by the regimes that are in force then."""
    return [
        Clock(each, regime.id, at + timedelta(hours=each.within.value * _HOURS[each.within.unit]))
        for regime in regimes
        if regime.is_in_force(day_of(at))
        for each in regime.deadlines
        if each.id.startswith(_INCIDENT) and each.within is not None and each.within.unit in _HOURS
    ]


def _clock_lines(at: datetime, regimes: tuple[Regime, ...]) -> Iterator[str]:
    """The terms, each with its source, and who has to inspect after an incident."""
    yield _("Detected: {instant}", instant=shown_instant(at))
    known = clocks(at, regimes)
    if not known:
        yield _("No regime in force has terms for incidents")
    for clock in known:
        yield _clock_line(clock)
    for regime in regimes:
        clause = next((each for each in regime.clauses if each.number == _INSPECTOR_CHOSEN), None)
        if clause is not None and regime.is_in_force(day_of(at)):
            yield _(
                "Note on Art {number}: {title}. This inspection from outside does not replace that assessment.",
                number=clause.number,
                title=_text(clause.title),
            )


def _clock_line(clock: Clock) -> str:
    deadline = clock.deadline
    left = clock.until - now()
    hours = int(abs(left).total_seconds() // 3600)
    if deadline.within is not None and deadline.within.value == 0:
        until = _("at once")
    elif left > timedelta():
        until = _("until {instant}, {hours} h left", instant=shown_instant(clock.until), hours=hours)
    else:
        until = _("until {instant}, past for {hours} h", instant=shown_instant(clock.until), hours=hours)
    line = _(
        "{until}: {title} ({source}; confidence {confidence})",
        until=until,
        title=_text(deadline.title),
        source=deadline.source,
        confidence=deadline.confidence,
    )
    if deadline.addressee is not None:
        line = _("{line}; to: {addressee}", line=line, addressee=_text(deadline.addressee))
    return line


def _text(text: BilingualText) -> str:
    return text.vi if current() is Language.VI else text.en


# --- The comparison ---------------------------------------------------------------------------------------------------


def _compare(archive: Path, unit: Unit) -> int:
    """Print what changed since the last inspection before the incident; the exit code. Without one, all is new."""
    if unit.result is None:
        return UNSEEN
    result = unit.result
    after = Bundle.open(archive / result.run / result.system / result.inspection)
    now_judged = JudgedSystem(after.inspection.system.id, after)
    before = _before(archive, after)
    if before is None:
        terminal.print_result(_("There is no earlier inspection of this system to compare with"))
        return exit_code.exit_code(now_judged.findings(), Threshold())
    terminal.print_result(
        _(
            "Compared with the inspection of {instant}: {folder}",
            instant=shown_instant(before.inspection.begun),
            folder=before.folder,
        )
    )
    made = difference_view((JudgedSystem(now_judged.system, before),), (now_judged,), installed())
    print_changes(made)
    return diff.exit_code(made.differences, Threshold())


def _before(archive: Path, bundle: Bundle) -> Bundle | None:
    """The last inspection of the same system before this one that was assessed; None where there is none."""
    found = predecessors(bundle.folder, bundle.inspection, bundle.sealed)
    folders = [*found.folders, *((found.unnamed,) if found.unnamed else ())]
    for folder in folders:
        try:
            other = Bundle.open(archive / folder)
            if other.assessments():
                return other
        except BundleError:
            continue
    return None
