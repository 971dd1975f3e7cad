"""Reminders fall on their days, and no text of a record becomes a header of a mail."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.headerregistry import Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from inspector.declare.follow_up import Responsible
from inspector.follow_up.items import FollowUpItem, ItemState
from inspector.follow_up.reminders import Reminder, day_of_reminder, message, reminders

DUE = date(2027, 1, 31)
SENDER = Address("", "a", "example.vn")
ITEM = FollowUpItem(
    system="A/s",
    finding="0" * 32,
    due=DUE,
    responsible=Responsible(name="Trần Thị B", email="b@example.vn"),
    demanded=datetime(2026, 12, 1, tzinfo=UTC),
    demanded_by="A",
    document=None,
    claimed=None,
    claimed_by=None,
    state=ItemState.OPEN,
    seen=None,
)


@given(st.integers(-40, 400))
def test_the_day_of_a_reminder_is_one_of_its_days(days: int) -> None:
    """14 and 3 days before, one day after, then every seventh; the last that is not in the future."""
    today = DUE + timedelta(days=days)
    allowed = [-14, -3, *range(1, 500, 7)]
    expected = max((each for each in allowed if each <= days), default=None)
    assert day_of_reminder(DUE, today) == (None if expected is None else DUE + timedelta(days=expected))


def test_one_mail_for_each_recipient_and_day() -> None:
    """Addresses in any case are one recipient; another last day is another mail; who waits for us gets none."""
    other = replace(ITEM, finding="1" * 32, responsible=Responsible(name="B", email="B@Example.vn"))
    later = replace(ITEM, finding="2" * 32, due=DUE + timedelta(days=11))
    claimed = replace(ITEM, responsible=Responsible(name="C", email="c@example.vn"), state=ItemState.CLAIMED)
    mended = replace(claimed, state=ItemState.MENDED)
    found = reminders([ITEM, other, later, claimed, mended], DUE - timedelta(days=3))
    assert [(each.day, len(each.items)) for each in found] == [(DUE - timedelta(days=3), 3)]
    found = reminders([ITEM, other, later, claimed, mended], DUE + timedelta(days=8))
    assert [(each.day - DUE, len(each.items)) for each in found] == [(timedelta(days=8), 3)]
    assert len({each.name for each in reminders([ITEM, replace(later, due=DUE + timedelta(days=9))], DUE)}) == 2


def test_what_was_demanded_later_has_no_earlier_reminder() -> None:
    """A demand of yesterday with a day in the past is reminded of from its own day on."""
    item = replace(ITEM, demanded=datetime(2027, 2, 5, tzinfo=UTC))
    assert reminders([item], date(2027, 2, 5)) == []
    assert [each.day for each in reminders([item], date(2027, 2, 8))] == [date(2027, 2, 8)]


@pytest.mark.parametrize("name", ["A\r\nBcc: x@y.vn", "A\nB", "A\x00", "A\u2028B", "A\u202eB", "", "x" * 501])
def test_a_name_with_a_line_break_is_refused(name: str) -> None:
    """Where it is recorded; and the mail library refuses it again."""
    with pytest.raises(ValidationError):
        Responsible(name=name, email="a@example.vn")


@pytest.mark.parametrize(
    "address", ["a", "a@b", "a@b.vn\r\nBcc: c@d.vn", "a b@c.vn", "a@c.vn,d@e.vn", "ă@c.vn", "<a@c.vn>", "a@c..vn"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """One address in ASCII, and nothing else."""
    with pytest.raises(ValidationError):
        Responsible(name="A", email=address)


@settings(max_examples=200, deadline=None)
@given(
    st.text(min_size=1, max_size=80).map(lambda text: "".join(each for each in text if each.isprintable()) or "A"),
    st.text(max_size=80),
)
def test_no_text_becomes_a_header(name: str, document: str) -> None:
    """Whatever printable name, and whatever text in the body: the headers are those that were written."""
    try:
        responsible = Responsible(name=name, email="b@example.vn")
    except ValidationError:
        return
    item = replace(ITEM, responsible=responsible, document=document)
    mail = message(Reminder(DUE, responsible, (item,)), SENDER, [(str, lambda _item: "title")])
    data = mail.as_bytes()
    read = email.message_from_bytes(data, policy=email.policy.default)
    assert sorted(read.keys()) == sorted(mail.keys())
    assert [each.addr_spec for each in read["To"].addresses] == ["b@example.vn"]
    head = data.partition(b"\r\n\r\n")[0]
    assert head.isascii()
