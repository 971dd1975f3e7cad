"""What is asked of a simulated server: how often, in how many rounds, and with which result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from inspector import Cause, Check, Every, Outcome, Subject, SubjectKind, SubjectResult
from inspector.testing import unseen_variants
from inspector_tls.enumeration import hello_profiles as offers
from inspector_tls.enumeration.analysis.tls import read_transcript
from inspector_tls.enumeration.question_flow import Question
from inspector_tls.enumeration.transcript import Mode, Purpose, Transcript
from inspector_tls.observations import Part, Preference, Tls, TlsVersion
from inspector_tls.wire.client_hello import Hello, decode
from inspector_tls.wire.code_points import GREASE, groups, suite_named, suites
from tests.plugins.builtin import REGISTRY
from tests.plugins.inspector_tls.enumeration.simulated import Primes, Run, Server

V = TlsVersion


def codes(*names: str) -> tuple[int, ...]:
    """The code points of suites."""
    return tuple(suite_named(name).code for name in names)


TLS_1_3 = codes("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256")
MODERN = Server(
    suites={
        V.TLS_1_2: codes(
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        ),
        V.TLS_1_3: TLS_1_3,
    },
    groups=(29, 23, 30, 25, 24, 256, 257, 258, 259, 260),
    curves=(29, 23, 30, 25, 24),
)
_OLD = tuple(code for code in offers.suites_of(V.TLS_1_0) if suites()[code].authentication in {"RSA", "anon"})
_NEW = tuple(code for code in offers.suites_of(V.TLS_1_2) if suites()[code].authentication in {"RSA", "anon"})
WEAK = Server(
    suites={V.TLS_1_0: _OLD[-20:], V.TLS_1_1: _OLD[-20:], V.TLS_1_2: _NEW[-62:]},
    curves=(23, 24, 25, 29, 30),
    own_order=False,
)


@pytest.mark.parametrize("server", [MODERN, WEAK], ids=["modern", "weak"])
@pytest.mark.parametrize(("mode", "most"), [(Mode.ECONOMICAL, 1.10), (Mode.FAST, 1.35)])
def test_connections_stay_near_the_minimum(server: Server, mode: Mode, most: float) -> None:
    """Versions, suites and groups cost at most so many times the fewest hellos that can show them."""
    run = Run(server, mode)
    assert run.transcript.connections <= most * server.floor


@pytest.mark.parametrize("mode", Mode)
def test_a_modern_server_takes_fourteen_rounds_at_most(mode: Mode) -> None:
    """All questions about a modern server, the extra ones too, fit in fourteen rounds of parallel hellos."""
    assert Run(MODERN, mode, extra=True).rounds <= 14


@pytest.mark.parametrize("server", [MODERN, WEAK], ids=["modern", "weak"])
def test_extra_questions_have_a_bound(server: Server) -> None:
    """Extra questions cost at most nine hellos and one per signature scheme that the server has."""
    whole, plain = (Run(server, extra=extra).transcript for extra in (True, False))
    assert whole.connections - plain.connections <= 9 + len(server.signatures)


_VERSIONS = (V.SSL_3, V.TLS_1_0, V.TLS_1_1, V.TLS_1_2, V.TLS_1_3)


@st.composite
def servers(draw: st.DrawFn) -> Server:
    """Any server with at least one version."""
    support = draw(st.sets(st.sampled_from(_VERSIONS), min_size=1))
    chosen = {
        version: tuple(draw(st.lists(st.sampled_from(offers.suites_of(version)), min_size=1, max_size=9, unique=True)))
        for version in sorted(support, key=list(V).index)
    }
    some_groups = st.lists(st.sampled_from(offers.groups_of(V.TLS_1_3)), min_size=1, max_size=6, unique=True)
    some_curves = st.lists(st.sampled_from(offers.groups_of(V.TLS_1_0)), min_size=1, max_size=6, unique=True)
    return Server(
        suites=chosen,
        groups=tuple(draw(some_groups)),
        curves=tuple(draw(some_curves)),
        signatures=offers.signatures_of(V.TLS_1_2),
        own_order=draw(st.booleans()),
        reads=draw(st.sampled_from((128, 10_000))),
        alert=draw(st.sampled_from((40, 47, 71, 80))),
        primes=draw(st.sampled_from(Primes)),
        version_alert=draw(st.sampled_from((40, 70, 80))),
    )


_ONE_OLD_SUITE = codes("TLS_DHE_DSS_WITH_RC4_128_SHA")
_TWO_SUITES = codes("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(Server(suites={V.TLS_1_0: _ONE_OLD_SUITE}, primes=Primes.NAMED), Mode.ECONOMICAL)
@example(Server(suites={V.TLS_1_0: _ONE_OLD_SUITE}, primes=Primes.NAMED, reads=128), Mode.FAST)
@example(Server(suites={V.TLS_1_2: _TWO_SUITES}, primes=Primes.NAMED, own_order=False), Mode.ECONOMICAL)
@given(servers(), st.sampled_from(Mode))
def test_what_is_read_is_what_the_server_has(server: Server, mode: Mode) -> None:
    """Versions, suites and groups come out as the server has them, also when it reads but 128 suites of a list."""
    facts = read_transcript(Run(server, mode, extra=True).transcript)
    for version in _VERSIONS:
        support = facts[version]
        assert support.accepted.seen is (version in server.suites)
        assert support.suites.complete.seen, support
        assert {suite.code for suite in support.accepted_suites} == set(server.suites.get(version, ()))
        if support.ordered:
            assert tuple(suite.code for suite in support.accepted_suites) == server.suites[version]
    if V.TLS_1_3 in server.suites:
        assert set(facts.groups.accepted) == {groups()[code].name for code in server.groups}
    newest = [version for version in server.suites if version not in (V.TLS_1_3, V.SSL_3)]
    if newest and any(suites()[code].on_curve for code in server.suites[newest[-1]]):
        assert set(facts.curves.accepted) == {groups()[code].name for code in server.curves}


@pytest.mark.parametrize("own_order", [True, False])
@pytest.mark.parametrize("version", [V.TLS_1_2, V.TLS_1_3])
def test_whose_order_decides_is_seen(version: TlsVersion, *, own_order: bool) -> None:
    """The server's order is distinguished from the client's."""
    facts = read_transcript(Run(replace(MODERN, own_order=own_order), extra=True).transcript)
    assert facts[version].preference.seen is (Preference.SERVER if own_order else Preference.CLIENT)


def test_a_server_that_prioritizes_chacha20_still_decides() -> None:
    """A server with an order of its own that makes an exception for clients with ChaCha20 first has its own order."""

    class GivingWay(Server):
        def pick(self, own: Collection[int], offered: Collection[int]) -> int | None:
            first = next(iter(offered), 0)
            gives_way = first in suites() and suites()[first].cipher == "CHACHA20" and first in own
            return first if gives_way else super().pick(own, offered)

    server = GivingWay(suites=MODERN.suites)
    facts = read_transcript(Run(server, extra=True).transcript)
    assert facts[V.TLS_1_2].preference.seen is Preference.SERVER


def test_the_servers_own_order_is_seen() -> None:
    """Where the server's order decides, its suites come out in that order."""
    facts = read_transcript(Run(MODERN, extra=True).transcript)
    assert facts[V.TLS_1_2].ordered
    assert tuple(suite.code for suite in facts[V.TLS_1_2].accepted_suites) == MODERN.suites[V.TLS_1_2]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(servers(), st.sets(st.integers(0, 60), max_size=25), st.sampled_from([Cause.TIMEOUT, Cause.RESET]))
def test_no_failure_makes_a_refusal(server: Server, failing: set[int], cause: Cause) -> None:
    """Whichever connections time out or are reset: nothing that the server has is called refused."""
    run = Run(server, extra=True, failure=lambda _question, number: cause if number in failing else None)
    facts = read_transcript(run.transcript)
    for version, own in server.suites.items():
        support = facts[version]
        if not support.accepted.seen:
            assert support.accepted.unseen is not None
            continue
        missing = {suites()[code].name for code in own} - set(support.suites.accepted)
        assert missing <= set(support.suites.open)
        assert support.suites.complete.is_seen is (not support.suites.open)
    if V.TLS_1_3 in server.suites and facts[V.TLS_1_3].accepted.seen:
        missing = {groups()[code].name for code in server.groups} - set(facts.groups.accepted)
        assert missing <= set(facts.groups.open)


def test_a_version_that_never_answers_is_unseen_and_the_others_are_not() -> None:
    """A timeout about one version leaves that version open, and nothing else."""
    run = Run(
        MODERN,
        extra=True,
        failure=lambda question, _number: Cause.TIMEOUT if question.hello.version is V.TLS_1_1 else None,
    )
    facts = read_transcript(run.transcript)
    assert facts[V.TLS_1_1].accepted.unseen is Cause.TIMEOUT
    assert facts[V.TLS_1_1].suites.complete.unseen is Cause.TIMEOUT
    assert facts[V.TLS_1_0].accepted.seen is False
    assert facts[V.TLS_1_2].suites.complete.seen
    assert facts.gaps[0] == ("whether TLSv1.1 is accepted", Cause.TIMEOUT)


def test_a_hello_that_fails_once_is_sent_again() -> None:
    """One reset in each place changes nothing in what is seen."""
    whole = read_transcript(Run(MODERN, extra=True).transcript)
    asked: Counter[Hello] = Counter()

    def failure(question: Question, _number: int) -> Cause | None:
        asked[question.hello] += 1
        return Cause.RESET if asked[question.hello] % 2 else None

    assert read_transcript(Run(MODERN, extra=True, failure=failure).transcript) == whole


def test_an_older_version_in_the_answer_is_a_refusal() -> None:
    """A server without TLS 1.3 that answers a hello of it with TLS 1.2 does not accept TLS 1.3."""
    facts = read_transcript(Run(WEAK).transcript)
    assert facts[V.TLS_1_3].accepted.seen is False
    assert facts.groups.complete.seen
    assert not facts.groups.accepted


def test_a_server_with_ecdsa_on_one_curve_is_always_offered_that_curve() -> None:
    """A server that refuses when the curve of its only certificate is not offered still shows its other curves."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from tests.plugins.inspector_tls.authority import issue

    der = issue("x").certificate.public_bytes(Encoding.DER)
    certificate = (11, (len(der) + 3).to_bytes(3, "big") + len(der).to_bytes(3, "big") + der)

    class Picky(Server):
        def can(self, code: int, hello: object) -> bool:
            return 23 in hello.groups and super().can(code, hello)  # type: ignore[attr-defined,arg-type]

        def record(self, *messages: tuple[int, bytes]) -> bytes:
            return super().record(*(certificate if kind == 11 else (kind, body) for kind, body in messages))

    server = Picky(
        suites={V.TLS_1_2: codes("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")}, curves=(29, 24, 23), own_order=False
    )
    facts = read_transcript(Run(server, extra=True).transcript)
    assert set(facts.curves.accepted) == {"x25519", "secp384r1", "secp256r1"}
    assert facts.curves.complete.seen


def test_a_transcript_survives_its_raw_form() -> None:
    """What is read from the bytes on disk is what was asked and answered."""
    transcript = Run(MODERN, extra=True).transcript
    assert Transcript.from_stored(*transcript.stored()) == transcript


#: A transcript of one exchange of two bytes, with a wrong length each, with more bytes, and with an unknown field.
WRONG = [
    b'{"exchanges":[{"purpose":"version",%b}],"mode":"fast","server_name":null}' % each
    for each in (
        b'"sent":1,"received":2',
        b'"sent":-1,"received":3',
        b'"sent":1,"received":0',
        b'"sent":"1","received":1',
        b'"sent":1,"received":1,"more":1',
    )
]


@pytest.mark.parametrize("about", [b"", b"{}", b"[]", b'{"mode":"fast","server_name":null}', b"x", *WRONG])
def test_other_bytes_are_no_transcript(about: bytes) -> None:
    """Raw bytes that are none are a ValueError, not a crash."""
    with pytest.raises(ValueError, match=r"."):
        Transcript.from_stored(about, b"12")


def test_every_answer_can_be_unseen() -> None:
    """Facts with any one answer unseen are facts still, so that checks can be tried with them."""
    facts = read_transcript(Run(MODERN, extra=True).transcript)
    assert len(list(unseen_variants(facts))) >= 30


def test_what_was_not_asked_is_not_selected() -> None:
    """Without the extra questions their answers are unseen as not selected."""
    facts = read_transcript(Run(MODERN).transcript)
    assert facts.tolerance.unknown_values.unseen is Cause.NOT_SELECTED
    assert facts[V.TLS_1_2].preference.unseen is Cause.NOT_SELECTED
    assert facts.signatures.complete.unseen is Cause.NOT_SELECTED


@pytest.mark.parametrize("server", [MODERN, WEAK], ids=["modern", "weak"])
def test_without_extra_questions_only_versions_suites_and_groups_are_asked_for(server: Server) -> None:
    """An enumeration without extra questions sends no hello for anything else, and one for SSL 2.0."""
    asked = Counter(each.purpose for each in Run(server).exchanges)
    assert set(asked) <= {
        Purpose.SSL_2,
        Purpose.VERSION,
        Purpose.SUITES,
        Purpose.NAMED_PRIMES,
        Purpose.GROUPS,
        Purpose.CONFIRM,
    }
    assert asked[Purpose.SSL_2] == 1


@pytest.mark.parametrize(("server", "asked"), [(MODERN, 0), (WEAK, 1)], ids=["modern", "weak"])
def test_a_fallback_is_asked_for_where_a_version_older_than_tls_1_2_is_accepted(server: Server, asked: int) -> None:
    """From TLS 1.3 to TLS 1.2 the server's random value protects (RFC 8446 §4.1.3): there no hello is spent on it."""
    run = Run(server, extra=True)
    assert [each.purpose for each in run.exchanges].count(Purpose.FALLBACK) == asked
    assert (read_transcript(run.transcript).extensions.fallback_refused.value is None) is (asked == 0)


# --- Parts ------------------------------------------------------------------------------------------------------------

CHECKS = [each for each in REGISTRY.checks.values() if any(wire.kind is Tls for wire in each.inputs)]
#: What the checks of a whole profile need.
NEEDED = frozenset(Part(part) for each in CHECKS for part in each.needs or ())
MIXED = replace(
    MODERN,
    suites={
        **MODERN.suites,
        V.TLS_1_2: (*MODERN.suites[V.TLS_1_2], *codes("TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_256_CBC_SHA")),
    },
)


def asked(server: Server, parts: Collection[Part]) -> Counter[Purpose]:
    """How many hellos each purpose costs."""
    return Counter(each.purpose for each in Run(server, parts=parts).exchanges)


def test_every_check_says_what_it_needs() -> None:
    """No check of this observation needs all of it, so that no scan asks every question."""
    assert [each.id for each in CHECKS if each.needs is None] == []
    assert NEEDED.isdisjoint({Part.SIGNATURES, Part.PREFERENCE})


def test_versions_alone_take_seven_hellos() -> None:
    """Where checks need no part: one for each version, and one that confirms the refusals."""
    assert asked(MODERN, ()) == {Purpose.SSL_2: 1, Purpose.VERSION: 5, Purpose.CONFIRM: 1}


def test_a_modern_server_takes_thirty_five_hellos() -> None:
    """All that the checks need of it; every question about it takes more."""
    server = replace(MODERN, signatures=(0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0403, 0x0503, 0x0603))
    assert Run(server, parts=NEEDED).transcript.connections == 35
    assert Run(server, extra=True).transcript.connections > 45


def test_weak_signature_schemes_take_one_hello_for_each_kind_of_key() -> None:
    """Where none is accepted; the schemes that the server signs with are seen besides."""
    parts = {Part.SUITES, Part.WEAK_SIGNATURES}
    assert asked(MODERN, parts)[Purpose.SIGNATURES] == 2
    facts = read_transcript(Run(MODERN, parts=parts).transcript)
    assert facts.signatures.accepted
    assert facts.signatures.complete.unseen is Cause.NOT_SELECTED
    assert "rsa_pkcs1_sha1" not in facts.signatures.open
    weak = read_transcript(Run(replace(MODERN, signatures=(0x0804, 0x0201)), parts=parts).transcript)
    assert "rsa_pkcs1_sha1" in weak.signatures.accepted


@pytest.mark.parametrize(("server", "hellos"), [(MODERN, 0), (MIXED, 1)], ids=["strong only", "mixed"])
def test_the_order_is_asked_for_where_strong_and_weak_suites_are_accepted(server: Server, hellos: int) -> None:
    """Of two strong suites it does not matter which is preferred."""
    parts = {Part.SUITES, Part.MIXED_PREFERENCE}
    assert asked(server, parts)[Purpose.PREFERENCE] == hellos
    preference = read_transcript(Run(server, parts=parts).transcript)[V.TLS_1_2].preference
    assert preference.seen is (Preference.SERVER if hellos else None)
    assert preference.unseen is (None if hellos else Cause.NOT_SELECTED)


def test_one_hello_shows_tolerance_and_confirms_the_refusals() -> None:
    """A long hello with reserved values that is accepted needs no other."""
    run = asked(MODERN, {Part.TOLERANCE})
    assert (run[Purpose.UNUSUAL], run[Purpose.GREASE], run[Purpose.LONG_HELLO], run[Purpose.CONFIRM]) == (1, 0, 0, 0)
    facts = read_transcript(Run(MODERN, parts={Part.TOLERANCE}).transcript)
    assert (facts.tolerance.unknown_values.seen, facts.tolerance.long_hello.seen) == (True, True)
    assert facts[V.TLS_1_1].accepted.seen is False


@pytest.mark.parametrize("fault", [Part.TOLERANCE, None])
def test_a_server_that_refuses_reserved_values_is_told_from_one_that_refuses_long_hellos(fault: Part | None) -> None:
    """Where the unusual hello is refused, each of its two properties is asked for by itself."""

    class Intolerant(Server):
        def __call__(self, data: bytes) -> bytes:
            hello = decode(data)
            is_long, is_greased = len(data) > 1500, hello.suites[0] in GREASE
            return self.refuse(40) if (is_greased if fault else is_long) else super().__call__(data)

    server = Intolerant(suites=MODERN.suites, groups=MODERN.groups, curves=MODERN.curves)
    run = Run(server, parts={Part.TOLERANCE})
    facts = read_transcript(run.transcript)
    assert (facts.tolerance.unknown_values.seen, facts.tolerance.long_hello.seen) == (not fault, bool(fault))
    assert run.exchanges[-1].purpose is Purpose.CONFIRM
    assert facts[V.TLS_1_1].accepted.seen is False


def test_what_no_part_asks_for_is_not_selected() -> None:
    """No answer is invented: with versions alone the rest is unseen, and applies or not is not claimed either."""
    facts = read_transcript(Run(MODERN, parts=()).transcript)
    unseen = [
        facts[V.TLS_1_2].suites.complete,
        facts[V.TLS_1_3].suites.complete,
        facts[V.TLS_1_2].preference,
        facts.groups.complete,
        facts.curves.complete,
        facts.signatures.complete,
        facts.extensions.encrypt_then_mac,
        facts.tolerance.unknown_values,
        facts.tolerance.long_hello,
        facts.tolerance.future_version,
    ]
    assert [each.unseen for each in unseen] == [Cause.NOT_SELECTED] * len(unseen)
    weak = read_transcript(Run(WEAK, parts=()).transcript)
    assert weak.extensions.fallback_refused.unseen is Cause.NOT_SELECTED


@pytest.mark.parametrize("check", CHECKS, ids=[each.id for each in CHECKS])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(server=servers())
def test_the_parts_that_a_check_needs_decide_as_all_of_them_do(check: Check, server: Server) -> None:
    """The outcome on what a scan of these parts shows is the outcome on a scan of everything."""

    def outcome(**asked: Any) -> Outcome:
        subject = Subject(kind=SubjectKind.ADDRESS, uri="https://h", scheme="https", host="h", address="192.0.2.1")
        result = SubjectResult(subject, read_transcript(Run(server, **asked).transcript))
        return check.evaluate([Every([result]) if wire.every else result for wire in check.inputs], {}).outcome

    assert outcome(parts=[Part(part) for part in check.needs or ()]) is outcome(extra=True)
