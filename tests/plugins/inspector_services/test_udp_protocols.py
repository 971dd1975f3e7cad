"""Questions and replies over UDP: what is a protocol's answer, and what is not."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inspector_services.udp_protocols import ber
from inspector_services.udp_protocols.question import TOKEN_BYTES
from inspector_services.udp_questions import AMPLIFIERS, BY_PORT, CHECKED_PORTS, EMPTY, control_port, questions_for
from tests.plugins.inspector_services.udp_replies import QUESTIONS, TOKEN, exchanges

EXCHANGES = exchanges()
#: Protocols whose replies repeat nothing of the question.
WITHOUT_IDENTIFIER = {"ssdp-0", "tftp-0", "ntp-monitor"}
#: What the recorded replies show.
SHOWN = {
    "cldap-0": "root DSE",
    "coap-0": "",
    "dns-0": "NOERROR",
    "ike-0": "version 2, notifies",
    "ike-1": "version 1, notifies",
    "mdns-0": "",
    "memcached-0": "version 1.6.18",
    "netbios-ns-0": "5 names",
    "ntp-0": "version 4, stratum 0",
    "ntp-control": "answered",
    "ntp-monitor": "answered",
    "quic-0": "versions 0x00000001, 0x6b3343cf",
    "recursion": "resolves",
    "rpcbind-0": "version 2",
    "sip-0": "200 xxxxxxxx (5.6.3 (x86_64/linux))",
    "snmp-0": "version 3, enterprise 8072",
    "snmp-v1": "accepted",
    "snmp-v2c": "accepted",
    "ssdp-0": "Debian/12 UPnP/1.1 MiniUPnPd/2.3.1",
    "tftp-0": "error 1",
}
NAMES = sorted(QUESTIONS)
garbage = st.binary(max_size=600)


def test_every_question_has_a_reply_of_a_server() -> None:
    """The recorded replies are those of all questions, and of the questions as they are asked today."""
    assert EXCHANGES.keys() == QUESTIONS.keys() == SHOWN.keys()
    assert {name: each.sent for name, each in EXCHANGES.items()} == {
        name: each.ask(TOKEN) for name, each in QUESTIONS.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_reply_is_read(name: str) -> None:
    """What a server replied is its protocol's answer, and shows this."""
    assert QUESTIONS[name].shown_by(*EXCHANGES[name]) == SHOWN[name]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_shows_the_same(name: str) -> None:
    """Without names and free texts a reply says the same, so that facts can be read again from what is stored."""
    sent, reply = EXCHANGES[name]
    kept = QUESTIONS[name].kept(reply)
    assert QUESTIONS[name].shown_by(sent, kept) == SHOWN[name]
    for secret in (b"LAB ", b"TEST ", b"hostmaster", b"4d696e69", b"192.0.2.1", b"workstation"):
        assert secret not in kept


@pytest.mark.parametrize("name", sorted(set(NAMES) - WITHOUT_IDENTIFIER))
@given(token=st.binary(min_size=TOKEN_BYTES, max_size=TOKEN_BYTES))
@settings(max_examples=30)
def test_a_reply_to_another_question_is_none(name: str, token: bytes) -> None:
    """A reply answers the datagram whose identifiers it repeats, and no other."""
    question = QUESTIONS[name]
    if question.ask(token) != EXCHANGES[name].sent:
        identified = question.shown_by(question.ask(token), EXCHANGES[name].reply)
        same_identifier = token[:2] == TOKEN[:2]  # DNS and its like have no more than these
        assert identified is None or same_identifier


@pytest.mark.parametrize("name", NAMES)
@given(reply=garbage)
@example(reply=b"")
@settings(max_examples=150, deadline=None)
def test_garbage_is_never_an_answer(name: str, reply: bytes) -> None:
    """No bytes that come by chance identify a protocol, and none makes reading fail."""
    question = QUESTIONS[name]
    assert question.shown_by(EXCHANGES[name].sent, reply) is None
    question.kept(reply)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_reply_never_fails(name: str, data: st.DataObject) -> None:
    """A reply with a part replaced, cut off or added is read as an answer or as none, and kept, without an error."""
    sent, reply = EXCHANGES[name]
    begin = data.draw(st.integers(0, len(reply)))
    end = data.draw(st.integers(begin, len(reply)))
    damaged = reply[:begin] + data.draw(st.binary(max_size=8)) + data.draw(st.sampled_from([reply[end:], b""]))
    shown = QUESTIONS[name].shown_by(sent, damaged)
    kept = QUESTIONS[name].kept(damaged)
    if shown is not None:
        assert shown.isascii()
        assert shown.isprintable()
        assert QUESTIONS[name].shown_by(sent, kept) == shown


@pytest.mark.parametrize("name", NAMES)
def test_an_echo_is_no_answer(name: str) -> None:
    """A server that sends back what it got speaks none of the protocols."""
    sent = EXCHANGES[name].sent
    assert QUESTIONS[name].shown_by(sent, sent) is None


@pytest.mark.parametrize("first", NAMES)
@pytest.mark.parametrize("second", NAMES)
def test_no_reply_is_one_of_another_protocol(first: str, second: str) -> None:
    """The reply of one server identifies no other protocol, whatever port it listens at."""
    if QUESTIONS[first].protocol is not QUESTIONS[second].protocol and {first, second} != {"dns-0", "mdns-0"}:
        assert QUESTIONS[first].shown_by(EXCHANGES[first].sent, EXCHANGES[second].reply) is None


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"quic-0"}))
def test_questions_are_short(name: str) -> None:
    """No question is of more than 300 bytes, but that of QUIC, to which servers answer less only if it is longer."""
    assert len(EXCHANGES[name].sent) <= 300


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"ntp-monitor", "netbios-ns-0", "dns-0"}))
def test_polite_answers_are_about_as_short(name: str) -> None:
    """The questions are those with short answers: of all but a few less than three times as many bytes come back."""
    sent, reply = EXCHANGES[name]
    assert len(reply) < 3 * len(sent) + 1


@pytest.mark.parametrize(
    ("flags", "answers"),
    [(0x8183, 0), (0x8105, 0), (0x8400, 0), (0x8000, 1), (0x8580, 1)],
    ids=["denied by a resolver", "refused", "of its own zone, nothing", "a referral", "a resolver with the zone"],
)
def test_a_server_of_names_at_the_port_of_mdns_is_no_responder(flags: int, answers: int) -> None:
    """A responder answers by its own authority, without recursion, and only if it has answers (RFC 6762 §18)."""
    sent = QUESTIONS["mdns-0"].ask(TOKEN)
    reply = sent[:2] + flags.to_bytes(2, "big") + b"\0\1" + answers.to_bytes(2, "big") + bytes(4) + sent[12:]
    assert QUESTIONS["mdns-0"].shown_by(sent, reply) is None


@pytest.mark.parametrize(("code", "shown"), [(1, "refused"), (3, "error 3"), (5, "answered"), (7, "refused")], ids=str)
def test_an_error_of_ntp_is_a_refusal_only_if_it_says_so(code: int, shown: str) -> None:
    """A server that looks the variable up and has none answers strangers; one that prohibits the question refuses it
    (RFC 9327 §3)."""
    sent = QUESTIONS["ntp-control"].ask(TOKEN)
    reply = sent[:1] + b"\xc2" + sent[2:4] + bytes([code, 0]) + bytes(6)
    assert QUESTIONS["ntp-control"].shown_by(sent, reply) == shown
    assert QUESTIONS["ntp-control"].shown_by(sent, QUESTIONS["ntp-control"].kept(reply)) == shown


@pytest.mark.parametrize(
    ("name", "error", "value", "shown"),
    [
        ("snmp-v1", 2, b"\x05\0", "error 2"),
        ("snmp-v2c", 0, b"\x80\0", "has no such object"),
        ("snmp-v2c", 0, b"\x81\0", "has no such object"),
        ("snmp-v2c", 16, b"\x05\0", "refused"),
        ("snmp-v2c", 5, b"\x05\0", "error 5"),
        ("snmp-v2c", 0, b"\x06\x01\x2b", "accepted"),
    ],
)
def test_a_community_that_reads_nothing_is_not_accepted(name: str, error: int, value: bytes, shown: str) -> None:
    """An agent that knows the community may hide every object from it: that says neither that it can read nor that not
    (RFC 3416 §4.2.1); agents of version 1 say the same of an object that they lack and of one that they hide."""
    sent = QUESTIONS[name].ask(TOKEN)
    begin = sent.index(b"\xa0")
    request = sent[begin + 2 :]
    number, object_ = request[:6], bytes.fromhex("06082b06010201010200")
    binding = ber.encode(ber.SEQUENCE, object_, value)
    response = ber.encode(
        0xA2, number, ber.integer(error), ber.integer(min(error, 1)), ber.encode(ber.SEQUENCE, binding)
    )
    reply = ber.encode(ber.SEQUENCE, sent[2:begin], response)
    assert QUESTIONS[name].shown_by(sent, reply) == shown


def test_the_service_of_the_declaration_decides_the_question() -> None:
    """A declared service is asked in its own protocol at any port; a number of which nothing is known, nothing."""
    assert questions_for(5300, "domain") == questions_for(53)
    assert questions_for(53, "NTP") == questions_for(123)
    assert questions_for(53, "something") == questions_for(53)
    assert questions_for(1194) == questions_for(1194, "openvpn") == (EMPTY,)
    assert EMPTY.ask(TOKEN) == b""


def test_the_lists_agree() -> None:
    """What checks are about is asked at every level, and the control port is none of what is asked."""
    assert AMPLIFIERS.keys() <= CHECKED_PORTS <= BY_PORT.keys()
    assert control_port({61_621, 61_622}) == 61_623


#: A secret, and where texts of a reply begin and end.
_SECRET = b"Zq8WvK3mT0pLx7Hd5Rb9Yc2NfG6sJ4aU"
_TEXT = re.compile(rb"[ -~]{5,}")


@pytest.mark.parametrize("name", [name for name in sorted(QUESTIONS) if not name.startswith("quic")])
def test_of_a_reply_no_text_is_kept_or_shown_that_may_be_secret(name: str) -> None:
    """In place of each text of a recorded reply, within it and behind the reply, a secret is told to nobody.

    A reply that is no answer any more is not stored at all.
    """
    question, (sent, reply) = QUESTIONS[name], exchanges()[name]
    texts = [found.span() for found in _TEXT.finditer(reply)]
    spoken = [
        reply + _SECRET,
        *(reply[:begin] + (_SECRET * 9)[: end - begin] + reply[end:] for begin, end in texts),
        *(
            reply[: (begin + end) // 2] + (_SECRET * 9)[: end - (begin + end) // 2] + reply[end:]
            for begin, end in texts
        ),
        *(reply[:end] + b" " + _SECRET + reply[end:] for _begin, end in texts),
    ]
    for each in spoken:
        shown = question.shown_by(sent, each)
        if shown is not None:
            assert _SECRET[:5].decode() not in shown
            assert _SECRET[:5] not in question.kept(each)
            assert question.shown_by(sent, question.kept(each)) == shown
