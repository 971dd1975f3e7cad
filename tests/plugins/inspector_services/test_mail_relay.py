"""The question whether an SMTP server relays: what real servers answer, and what nobody is sent."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector import Answer, Cause, Intrusiveness
from inspector.testing import run_probe
from inspector_services.observations import Banner, Banners, MailRelays, PortBanner, ServiceProtocol
from inspector_services.relay import StoredRelay, mail_relay, relays
from tests.agreement import programs
from tests.agreement.environment import ServerPlaces
from tests.plugins.inspector_services.scanning import AUTHORISATION, INTRUSIVE
from tests.plugins.inspector_services.servers import own_address, speaking

#: Postfix's queues, from where a message comes in to where it waits.
_QUEUES = ("maildrop", "incoming", "active", "deferred", "hold", "corrupt")
SMTP = Banner(text="", protocol=ServiceProtocol.SMTP)


def _queued(queue: Path) -> list[Path]:
    return [each for name in _QUEUES for each in (queue / name).rglob("*") if each.is_file()]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the users of servers can enter."""
    with tempfile.TemporaryDirectory(prefix="relay-", dir="/tmp", ignore_cleanup_errors=True) as name:
        yield Path(name)


def identified(port: int) -> Banners:
    return Banners(ports=(PortBanner(port=port, banner=Answer[Banner](seen=SMTP)),))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ((), False),
        (("mynetworks = 0.0.0.0/0",), True),
        (("smtpd_tls_security_level = encrypt",), False),
        (("smtpd_tls_security_level = encrypt", "mynetworks = 0.0.0.0/0"), True),
        (("smtpd_client_restrictions = reject", "smtpd_delay_reject = no"), None),
        (
            ("mynetworks = 0.0.0.0/0", "smtpd_recipient_restrictions = check_recipient_access static:{550 5.1.2 no}"),
            None,
        ),
    ],
    ids=["default", "open", "TLS first", "open in TLS", "client refused", "refused for another reason"],
)
def test_postfix_tells_whether_it_relays(settings: tuple[str, ...], expected: bool | None, folder: Path) -> None:
    """A recipient elsewhere is taken, or refused because it is elsewhere, or for another reason; nothing is queued."""
    place = ServerPlaces(folder).place("postfix")
    with programs.postfix(*settings)(place) as port:
        needs = (identified(port),)
        tried = [
            run_probe(mail_relay, f"host:{place.address}", *needs, address=place.address, authorisation=each)
            for each in (INTRUSIVE, AUTHORISATION)
        ]
        until = time.monotonic() + 60
        while (queued := _queued(place.folder / "queue")) and time.monotonic() < until:
            time.sleep(0.05)  # the file of a recipient that was given up is removed soon
    answers = [each.seen(MailRelays).ports[0].relays for each in tried]
    assert answers[0] == (Answer[bool](unseen=Cause.AMBIGUOUS) if expected is None else Answer[bool](seen=expected))
    assert answers[1].unseen is Cause.NOT_AUTHORISED
    assert [len(each.ledger) for each in tried] == [1, 0]
    assert queued == []
    assert mail_relay.intrusiveness is Intrusiveness.INTRUSIVE


@pytest.mark.parametrize(
    ("command", "code", "reply", "expected"),
    [
        ("RCPT", "250", b"250 2.1.5 Ok", True),
        ("RCPT", "251", b"251 User not local; will forward", True),
        ("RCPT", "454", b"454 4.7.1 <inspector@example.com>: Relay access denied", False),
        ("RCPT", "550", b"550 5.7.1 <inspector@example.com>... Relaying denied", False),
        ("RCPT", "550", b"550 relay not permitted", False),
        ("RCPT", "550", b"550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", False),
        ("RCPT", "553", b"553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", False),
        ("MAIL", "530", b"530 5.7.0 Authentication required", False),
        ("RCPT", "554", b"554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example", None),
        ("RCPT", "554", b"554 5.7.1 blocked: listed as an open relay", None),
        ("RCPT", "450", b"450 4.2.0 <inspector@example.com>: Recipient address rejected: Greylisted", None),
        ("RCPT", "550", b"550 5.1.2 <inspector@example.com>: Recipient address rejected: Domain not found", None),
        ("RCPT", "554", b"554 5.7.1 relay.example.vn: we do not like you", None),
        ("RCPT", "", b"", None),
        ("greeting", "554", b"554 relay access denied", None),
        ("EHLO", "250", b"250 ok", None),
        ("MAIL", "250", b"250 ok", None),
    ],
)
def test_only_a_refusal_of_relaying_says_that_there_is_none(
    command: str, code: str, reply: bytes, expected: bool | None
) -> None:
    """Words of a host's name, of this client, and of the recipient's domain decide nothing."""
    answer = relays(StoredRelay.of(25, command, code, reply))
    assert answer == (Answer[bool](unseen=Cause.AMBIGUOUS) if expected is None else Answer[bool](seen=expected))


@pytest.mark.parametrize("habit", ["smtp", "hangup"])
def test_a_server_without_a_session_shows_nothing(habit: str) -> None:
    """One that knows neither EHLO nor HELO, and one that closes at once."""
    address = own_address()
    with speaking(address, {25: habit}):
        ran = run_probe(mail_relay, f"host:{address}", identified(25), address=address, authorisation=INTRUSIVE)
    assert ran.seen(MailRelays).ports[0].relays.unseen is Cause.AMBIGUOUS


def test_a_late_part_of_the_greeting_is_no_reply() -> None:
    """What a server says to MAIL is not taken for its reply to RCPT, which refuses."""
    address = own_address()
    with speaking(address, {25: "smtp-late"}):
        ran = run_probe(mail_relay, f"host:{address}", identified(25), address=address, authorisation=INTRUSIVE)
    assert ran.seen(MailRelays).ports[0].relays == Answer[bool](seen=False)
