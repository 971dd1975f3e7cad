"""Reminders as mail files (RFC 5322, MIME): one for each recipient and day, written once. Nothing is sent.

A reminder is due 14 and 3 days before the last day of a demand, on the day after it, and every 7 days from then on. The
name of the file is made of that day and the recipient, so that however often and on however many machines reminders are
written into one folder, there is one file; where no reminder was written on its day, it is written later.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from inspector.declare.follow_up import Responsible
from inspector.follow_up.items import FollowUpItem, ItemState
from inspector.model.base import digest
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.seal.atomic_files import sync_folder

#: Days before the last day on which a reminder is due, and how many days lie between those after it.
BEFORE, EVERY = (14, 3), 7
#: Where the files of mails that were sent may be moved to, below the folder: they are not written again.
SENT = "sent"
#: The most findings that one mail lists.
_MOST = 200

#: A text in one of the two languages, and a finding's title in it.
Text = Callable[[str], str]
Title = Callable[[FollowUpItem], str]


@dataclass(frozen=True, slots=True)
class Reminder:
    """What one recipient is reminded of on one day; ``items`` by their last day."""

    day: date
    recipient: Responsible
    items: tuple[FollowUpItem, ...]

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.day.isoformat()}-{digest(self.recipient.email.lower().encode())[:16]}.eml"


def day_of_reminder(due: date, today: date) -> date | None:
    """The last day until today on which a reminder of this last day is due; None before the first."""
    if today > due:
        return due + timedelta(days=1 + (today - due - timedelta(days=1)).days // EVERY * EVERY)
    found = [due - timedelta(days=each) for each in BEFORE if due - timedelta(days=each) <= today]
    return max(found, default=None)


def reminders(items: Iterable[FollowUpItem], today: date) -> list[Reminder]:
    """The reminders that are due today, or were and may not have been written; the oldest first.

    What was demanded after a day is not reminded of for that day. A recipient of whom everything is claimed to be
    mended waits for the inspection, and gets none.
    """
    found: dict[tuple[date, str], list[FollowUpItem]] = {}
    for item in items:
        day = day_of_reminder(item.due, today) if item.is_open else None
        if day is not None and item.demanded.date() <= day:
            found.setdefault((day, item.responsible.email.lower()), []).append(item)
    return [
        Reminder(day, of_one[-1].responsible, tuple(sorted(of_one, key=lambda each: (each.due, each.system))))
        for (day, _), of_one in sorted(found.items())
        if any(each.state is not ItemState.CLAIMED for each in of_one)
    ]


def message(reminder: Reminder, sender: Address, languages: Iterable[tuple[Text, Title]]) -> EmailMessage:
    """The mail, its text in each language after the other; equal for equal reminders, whoever writes it."""
    spoken = list(languages)
    mail = EmailMessage(policy=SMTP)
    local, _, domain = reminder.recipient.email.rpartition("@")
    mail["From"] = sender
    mail["To"] = Address(reminder.recipient.name, local, domain)
    late = any(each.is_late(reminder.day) for each in reminder.items)
    count = len(reminder.items)
    subject = "Reminder: {count} failures to mend, some of them late" if late else "Reminder: {count} failures to mend"
    mail["Subject"] = " / ".join(text(FormattedMessage(subject, count=count)) for text, _ in spoken)
    mail["Date"] = format_datetime(datetime.combine(reminder.day, time(), UTC))
    mail["Message-ID"] = f"<{reminder.name.removesuffix('.eml')}.{digest(str(sender).encode())[:16]}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    body = "\n\n".join("\n".join(_lines(reminder, text, title)) for text, title in spoken)
    mail.set_content(body + "\n", charset="utf-8", cte="quoted-printable")
    return mail


def _lines(reminder: Reminder, text: Text, title: Title) -> Iterator[str]:
    yield text(FormattedMessage("To {name}:", name=reminder.recipient.name))
    yield ""
    yield text("These failures that an inspection found are to be mended by the day that is given:")
    for item in reminder.items[:_MOST]:
        yield ""
        late = (reminder.day - item.due).days
        day = FormattedMessage("{day}, late by {count} days", day=item.due, count=late) if late > 0 else item.due
        yield text(FormattedMessage("- {system}, by {day}", system=item.system, day=day))
        subject = item.seen.subject if item.seen is not None else ""
        yield f"  {title(item)}" + (f" – {subject}" if subject else "")
        yield "  " + text(FormattedMessage("finding {id}", id=item.finding))
        if item.document is not None:
            yield "  " + text(FormattedMessage("document: {document}", document=item.document))
        if item.state is ItemState.CLAIMED:
            yield "  " + text("you said that it is mended; the next inspection will look")
        elif item.state is ItemState.NOT_MENDED:
            yield "  " + text("you said that it is mended; an inspection since then still saw it fail")
    if len(reminder.items) > _MOST:
        yield ""
        yield text(FormattedMessage("and {count} more", count=len(reminder.items) - _MOST))
    yield ""
    yield text("Tell the inspecting side when something is mended: it counts as mended when an inspection has seen it.")


def write(folder: Path, reminder: Reminder, mail: EmailMessage) -> bool:
    """Write a mail, complete or not at all; whether this call wrote it. Raises UsageError."""
    place = folder / reminder.name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if place.exists() or (folder / SENT / reminder.name).exists():
            return False
        temporary = folder / f".{secrets.token_hex(8)}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(mail.as_bytes())
                file.flush()
                os.fsync(descriptor)
            place.hardlink_to(temporary)  # fails where another process was faster
        except FileExistsError:
            return False
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(folder)
    except OSError as error:
        raise UsageError(
            FormattedMessage("{path}: cannot be written: {reason}", path=place, reason=error.strerror),
            remedy="choose another folder with --to",
        ) from None
    return True
