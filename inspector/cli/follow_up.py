"""``inspector followup``: what organisations were told to mend, what they claim, and reminders as mail files."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.headerregistry import Address
from functools import partial
from pathlib import Path
from typing import NoReturn

import sqlalchemy as sa
from pydantic import ValidationError

from inspector.cli import terminal
from inspector.cli.exit_code import CLEAN, FAILING
from inspector.cli.inputs import check_choice, read_settings
from inspector.cli.language import _, current
from inspector.cli.output import print_or_write
from inspector.declare.document import split
from inspector.declare.follow_up import FollowUpAction, FollowUpEntry, Problem, Responsible, decides, load
from inspector.declare.settings import Settings
from inspector.follow_up import records
from inspector.follow_up.items import FollowUpItem
from inspector.follow_up.reminders import message, reminders
from inspector.follow_up.reminders import write as write_mail
from inspector.model.base import now
from inspector.model.domain_name import with_u_labels
from inspector.model.errors import UsageError
from inspector.model.escaping import escape_control
from inspector.model.finding import Obligation, Severity
from inspector.model.formatted import FormattedMessage
from inspector.model.language import Language
from inspector.model.subject import SYSTEM
from inspector.regime.regime import day_of
from inspector.registry.registry import installed
from inspector.report import messages
from inspector.report.messages import Translator, dated
from inspector.seal.signing import SigningKey
from inspector.store import queries
from inspector.store.database import FILE, location_of, opened
from inspector.store.history import FindingState
from inspector.store.ingest import refresh_follow_up
from inspector.store.schema import FindingRow
from inspector.tables.store import trusted_signers

#: How many digits of a finding's id are enough where they name one.
_DIGITS = re.compile(r"[0-9a-f]{6,32}")


@contextmanager
def _store(own: Settings, store: str | None) -> Iterator[sa.Engine]:
    with opened(location_of(store) if store else own.output / FILE) as engine:
        yield engine


def _refreshed(engine: sa.Engine, own: Settings) -> Path:
    """The archive, whose records the store has now."""
    return refresh_follow_up(engine, installed(), trusted_signers(own))


# --- Recording --------------------------------------------------------------------------------------------------------


def record_entry(
    action: FollowUpAction,
    system: str,
    findings: Sequence[str],
    *,
    by: str,
    due: str | None = None,
    responsible: str | None = None,
    email: str | None = None,
    document: str | None = None,
    note: str | None = None,
    store: str | None,
    settings: Path | None,
) -> int:
    """Record one demand, claim or consent. Raises InspectorError."""
    own = read_settings(settings)
    with _store(own, store) as engine:
        archive = _refreshed(engine, own)
        given = {
            "action": action,
            "system": system,
            "findings": [_whole(engine, system, each) for each in findings],
            "by": by,
            "due": due,
            "responsible": None if responsible is None else {"name": responsible, "email": email},
            "document": document,
            "note": note,
        }
        try:
            entry = FollowUpEntry.model_validate(given)
        except ValidationError as error:
            _refuse(error)
        for _field, what, remedy in _problems(engine, own, entry):
            raise UsageError(what, remedy=remedy)
        return _seal(engine, own, archive, [entry])


def record_file(file: Path, *, store: str | None, settings: Path | None) -> int:
    """Record everything in a follow-up document, or nothing. Raises InspectorError."""
    own = read_settings(settings)
    with _store(own, store) as engine:
        archive = _refreshed(engine, own)
        entries = load(file, partial(_problems, engine, own))
        return _seal(engine, own, archive, entries)


#: The options by the fields of an entry.
_OPTIONS = {"due": "--due", "by": "--by", "document": "--document", "note": "--note", "system": "SYSTEM"}


def _refuse(error: ValidationError) -> NoReturn:
    """Raise UsageError for the first option with a wrong value."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = [str(each) for each in first["loc"]]
    name = {"email": "--email", "name": "--responsible"}.get(place[-1] if place else "", "")
    option = name or _OPTIONS.get(place[0] if place else "", "")
    if first["type"] == "value_error":
        what, remedy = split(first["msg"].removeprefix("Value error, "))
    elif option == "--email":
        what, remedy = "this is no mail address in ASCII", "write one as an.nguyen@example.vn"
    elif option == "--due":
        what, remedy = "this is no date", "write YYYY-MM-DD"
    else:
        what, remedy = "this is empty or too long", "write 1 to 500 characters"
    raise UsageError(
        FormattedMessage("{option}: {what}", option=option, what=FormattedMessage(what)) if option else what,
        remedy=remedy,
    ) from None


def _whole(engine: sa.Engine, system: str, given: str) -> str:
    """The id of a finding that is named by its first digits. Raises UsageError."""
    found = [each.id for each in queries.findings_of(engine, system) if each.id.startswith(given)]
    if _DIGITS.fullmatch(given) is None or len(found) != 1:
        raise UsageError(
            FormattedMessage("{id}: names {count} findings of {system}", id=given, count=len(found), system=system),
            remedy="copy the id from 'inspector store export findings'",
        )
    return found[0]


def _problems(engine: sa.Engine, own: Settings, entry: FollowUpEntry) -> Iterator[Problem]:
    """What is wrong with an entry beyond its form."""
    if not decides(entry, own.inspectors):
        yield (
            "by",
            FormattedMessage("{name} is not one of the inspectors", name=entry.by),
            "only persons of the inspecting side demand and consent: add the name to inspectors in the settings",
        )
    if queries.newest_capture(engine, entry.system) is None:
        yield (
            "system",
            FormattedMessage("{system}: the store has no such system", system=entry.system),
            "write ORGANISATION/ID as 'inspector store export systems' lists it",
        )
        return
    fitting = {each.id for each in _fitting(engine, entry)}
    if others := [each for each in entry.findings if each not in fitting]:
        yield "findings", FormattedMessage(_UNFIT[entry.action], id=others[0]), _UNFIT_REMEDY
    elif not fitting:
        yield "system", FormattedMessage(_NOTHING[entry.action], system=entry.system), _UNFIT_REMEDY


_UNFIT = {
    FollowUpAction.DEMAND: "finding {id} is not open in this system",
    FollowUpAction.CLAIM: "nobody demanded that finding {id} of this system be mended, or it is mended",
    FollowUpAction.AGREE: "finding {id} of this system is not withdrawn, or its withdrawal was agreed to before",
}
_NOTHING = {
    FollowUpAction.DEMAND: "{system}: no mandatory requirement that is due fails; name the findings",
    FollowUpAction.CLAIM: "{system}: nothing is to be mended that was demanded",
    FollowUpAction.AGREE: "{system}: no failure is withdrawn",
}
_UNFIT_REMEDY = "'inspector store history SYSTEM' and 'inspector followup list' show the states"


def _fitting(engine: sa.Engine, entry: FollowUpEntry) -> list[FindingRow]:
    """The findings that an entry may be about; those that it is about where it names none."""
    rows = queries.findings_of(engine, entry.system)
    if entry.action is FollowUpAction.AGREE:
        return [each for each in rows if each.state == FindingState.WITHDRAWN.value and each.is_open]
    if entry.action is FollowUpAction.CLAIM:
        demanded = {each.finding for each in queries.follow_up(engine, entry.system) if each.is_open}
        return [each for each in rows if each.id in demanded]
    is_open = [each for each in rows if each.is_open]
    if entry.findings:
        return is_open
    return [each for each in is_open if each.obligation == Obligation.MUST.value and not each.not_yet_due]


def _seal(engine: sa.Engine, own: Settings, archive: Path, entries: Sequence[FollowUpEntry]) -> int:
    key = SigningKey.load_or_create(own.signing_key)
    whole = [each.model_copy(update={"findings": _named(engine, each)}) for each in entries]
    captures = {each.system: queries.newest_capture(engine, each.system) or "" for each in whole}
    made = records.append(archive, whole, captures, now(), key)
    _refreshed(engine, own)
    for name in made:
        terminal.print_result(_("Recorded: {path}", path=archive / name))
    if len(made) < len(whole):
        terminal.print_result(_("Recorded before: {count}", count=len(whole) - len(made)))
    return CLEAN


def _named(engine: sa.Engine, entry: FollowUpEntry) -> tuple[str, ...]:
    """The findings that an entry is about, in order, each once."""
    return tuple(sorted(set(entry.findings) or {each.id for each in _fitting(engine, entry)}))


# --- The list ---------------------------------------------------------------------------------------------------------

_COLUMNS = (
    *("system", "finding", "requirement", "subject", "severity", "state", "due", "late", "responsible", "email"),
    *("demanded", "demanded_by", "document", "claimed", "claimed_by", "last_seen"),
)
#: How many items are printed.
_MOST = 200


def print_items(
    *,
    system: str | None,
    late: bool,
    as_of: str | None,
    form: str,
    output: Path | None,
    store: str | None,
    settings: Path | None,
) -> int:
    """Print or write what was demanded; with ``late`` what is late, and 1 where anything is. Raises InspectorError."""
    check_choice("--format", form, ("text", *queries.FORMATS))
    own, day = read_settings(settings), _day(as_of)
    with _store(own, store) as engine:
        _refreshed(engine, own)
        items = [each for each in queries.follow_up(engine, system) if not late or each.is_late(day)]
    if form == "text" and output is None:
        _print(items, day)
    else:
        rows = [[_row(each, day)[name] for name in _COLUMNS] for each in items]
        print_or_write(queries.rows_as("csv" if form == "text" else form, _COLUMNS, rows), output)
    return FAILING if late and items else CLEAN


def _row(item: FollowUpItem, day: dt.date) -> dict[str, object]:
    seen = item.seen
    return {
        "system": item.system,
        "finding": item.finding,
        "requirement": seen and seen.requirement,
        "subject": seen and seen.subject,
        "severity": seen and seen.severity,
        "state": item.state.value,
        "due": item.due.isoformat(),
        "late": item.is_late(day),
        "responsible": item.responsible.name,
        "email": item.responsible.email,
        "demanded": item.demanded.isoformat(),
        "demanded_by": item.demanded_by,
        "document": item.document,
        "claimed": item.claimed and item.claimed.isoformat(),
        "claimed_by": item.claimed_by,
        "last_seen": seen and seen.last_seen.isoformat(),
    }


def _print(items: Sequence[FollowUpItem], day: dt.date) -> None:
    translator = Translator(installed(), current())
    if not items:
        terminal.print_result(_("Nothing to list"))
    for item in items[:_MOST]:
        due = dated(item.due.isoformat(), current())
        state = translator.term(item.state)
        if item.is_late(day):
            state = _("{state}, late by {count} days", state=state, count=(day - item.due).days)
        text = _(
            "{system}: {state}; by {due}, {name} – {title}",
            system=item.system,
            state=state,
            due=due,
            name=item.responsible.name,
            title=_title(translator, item),
        )
        terminal.print_result(escape_control(text, keep=""))
    if len(items) > _MOST:
        terminal.print_result(_("and {count} more", count=len(items) - _MOST))


def _title(translator: Translator, item: FollowUpItem) -> str:
    """What an item is about: the severity, the claim that fails, and where."""
    if item.seen is None:
        return item.finding
    seen = item.seen
    subject = _("the whole system") if seen.subject == SYSTEM.uri else with_u_labels(seen.subject)
    title = translator.check(seen.check, "title") or seen.requirement
    return f"{translator.term(Severity(seen.severity))}: {subject} – {title}"


def _day(text: str | None) -> dt.date:
    if text is None:
        return day_of(now())
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            FormattedMessage("--as-of {text} is no date", text=repr(text)), remedy="write YYYY-MM-DD"
        ) from None


# --- Reminders --------------------------------------------------------------------------------------------------------


def write_reminders(
    folder: Path, *, sender: str | None, as_of: str | None, store: str | None, settings: Path | None
) -> int:
    """Write the reminders that are due and not written yet. Raises InspectorError."""
    own, day = read_settings(settings), _day(as_of)
    address = _sender(sender, own)
    registry = installed()
    languages = []
    for language in (Language.VI, Language.EN):
        translator = Translator(registry, language)
        languages.append((partial(messages.translated, language=language), partial(_mail_title, translator)))
    with _store(own, store) as engine:
        _refreshed(engine, own)
        found = reminders(queries.follow_up(engine), day)
    written = 0
    for each in found:
        if write_mail(folder, each, message(each, address, languages)):
            written += 1
            terminal.print_result(str(folder / each.name))
    terminal.print_result(
        _("Reminders: {count} written, {known} there before", count=written, known=len(found) - written)
    )
    return CLEAN


def _mail_title(translator: Translator, item: FollowUpItem) -> str:
    if item.seen is None:
        return ""
    return translator.check(item.seen.check, "title") or item.seen.requirement


def _sender(given: str | None, own: Settings) -> Address:
    """The address that reminders come from. Raises UsageError."""
    text = given or own.contact.removeprefix("mailto:")
    try:
        address = Responsible(name="-", email=text).email
    except ValidationError:
        raise UsageError(
            FormattedMessage("{text}: is no mail address that reminders can come from", text=repr(text)),
            remedy="give one with --from, or as contact in the settings",
        ) from None
    local, _at, domain = address.rpartition("@")
    return Address("", local, domain)
