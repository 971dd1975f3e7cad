"""For every server and mode, each fact that is stated is true."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from inspector import Cause
from inspector_tls.enumeration.analysis.tls import read_transcript
from inspector_tls.enumeration.question_flow import Question
from inspector_tls.enumeration.transcript import Mode, Purpose
from inspector_tls.observations import Offer, Tls, TlsVersion
from inspector_tls.wire.client_hello import Hello, decode
from inspector_tls.wire.code_points import groups, suites
from tests.plugins.inspector_tls.enumeration.simulated import HOST, NAMED_PRIME, PRIME, RETRY, Primes, Run, Server
from tests.plugins.inspector_tls.enumeration.test_counts import MODERN, WEAK, codes, servers

V = TlsVersion
VERSIONS = tuple(version for version in V if version is not V.SSL_2)
DHE = codes("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA")
MIXED = replace(MODERN, suites={V.TLS_1_2: (*MODERN.suites[V.TLS_1_2], *DHE), V.TLS_1_3: MODERN.suites[V.TLS_1_3]})
#: Its second suite shows in short lists only, which the rest of the questions does without.
CUTTING = Server({V.TLS_1_2: codes("TLS_DH_DSS_WITH_ARIA_256_GCM_SHA384", "TLS_PSK_WITH_3DES_EDE_CBC_SHA")}, reads=128)
some_servers = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def facts_of(server: object, mode: Mode = Mode.ECONOMICAL, **options: object) -> Tls:
    """The facts of a simulated server."""
    return read_transcript(Run(server, mode, extra=True, **options).transcript)  # type: ignore[arg-type]  # by name


def is_true_offer(offer: Offer, planted: set[str]) -> None:
    """Only what the server has is accepted, and what was not found is undetermined."""
    assert set(offer.accepted) <= planted
    assert planted - set(offer.accepted) <= set(offer.open)
    assert offer.complete.is_seen is (not offer.open)


def is_true(facts: Tls, server: Server) -> None:
    """What is stated about versions, suites and groups is true."""
    for version in VERSIONS:
        support = facts[version]
        if support.accepted.is_seen:
            assert support.accepted.seen is (version in server.suites)
        if support.accepted.seen:
            is_true_offer(support.suites, {suites()[code].name for code in server.suites[version]})
    if facts[V.TLS_1_3].accepted.seen:
        is_true_offer(facts.groups, {groups()[code].name for code in server.groups})
    if facts.curves.accepted:
        is_true_offer(facts.curves, {groups()[code].name for code in server.curves})


def summary(facts: Tls) -> dict[str, object]:
    """Versions, suites, groups and the rest, whatever the order in which they were found."""
    return {
        **{
            each.version.value: (each.accepted, set(each.suites.accepted), each.preference)
            for each in facts.versions.each
        },
        "groups": set(facts.groups.accepted),
        "curves": set(facts.curves.accepted),
        "signatures": set(facts.signatures.accepted),
        "primes": [(each.bits, each.sha256) for each in facts.primes],
        **{f"extension {name}": getattr(facts.extensions, name) for name in type(facts.extensions).model_fields},
        "tolerance": facts.tolerance,
    }


# --- Any server, either mode ------------------------------------------------------------------------------------------


@some_servers
@given(servers())
@example(CUTTING)
def test_both_modes_find_the_same(server: Server) -> None:
    """Fast and economical mode find the same in any server, and it is what is planted."""
    economical, fast = (facts_of(server, mode) for mode in (Mode.ECONOMICAL, Mode.FAST))
    is_true(economical, server)
    is_true(fast, server)
    assert summary(economical) == summary(fast)


@some_servers
@given(servers(), st.sampled_from(Mode), st.sampled_from((255, 300, 511)))
def test_facts_of_a_server_that_accepts_short_hellos_only_are_true(server: Server, mode: Mode, longest: int) -> None:
    """A server that drops hellos of more than so many bytes: the facts that are stated are true."""
    is_true(facts_of(replace(server, longest=longest), mode), server)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("longest", [255, 511])
@pytest.mark.parametrize("server", [MODERN, WEAK, MIXED], ids=["modern", "weak", "mixed"])
def test_a_server_that_accepts_short_hellos_only_is_enumerated_completely(
    server: Server, mode: Mode, longest: int
) -> None:
    """Versions, suites, groups, preference and extensions are found in hellos of so many bytes, too."""
    facts, plain = facts_of(replace(server, longest=longest), mode), facts_of(server)
    is_true(facts, server)
    seen, expected = summary(facts), summary(plain)
    assert facts.tolerance.long_hello.seen is False
    for name in ("signatures", "tolerance"):
        del seen[name], expected[name]
    assert seen == expected
    assert all(each.suites.complete.seen for each in facts.versions.each)


@pytest.mark.parametrize("mode", Mode)
def test_a_suite_in_cbc_mode_is_asked_about_wherever_it_is_found(mode: Mode) -> None:
    """A server that reads long lists in part, and picks a suite in CBC mode from a short one, is asked once more."""
    assert facts_of(CUTTING, mode).extensions.encrypt_then_mac.seen is False


# --- Primes by name ---------------------------------------------------------------------------------------------------

_OWN, _NAMED = hashlib.sha256(PRIME).hexdigest(), hashlib.sha256(NAMED_PRIME).hexdigest()


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("primes", "shown"),
    [(Primes.OWN, {_OWN}), (Primes.NAMED, {_NAMED}), (Primes.BOTH, {_OWN, _NAMED}), (Primes.STRICT, {_OWN})],
)
def test_every_prime_is_shown(primes: Primes, shown: set[str], mode: Mode) -> None:
    """Whichever groups of RFC 7919 a server knows: its suites with a prime are found, and every prime it uses is."""
    facts = facts_of(replace(MIXED, primes=primes), mode)
    assert {each.sha256 for each in facts.primes} == shown
    is_true(facts, MIXED)
    assert facts[V.TLS_1_2].suites.complete.seen


def test_a_version_with_named_primes_only_is_accepted() -> None:
    """A version whose only suites need a group that is named is not called refused."""
    server = Server(suites={V.TLS_1_0: DHE[1:], V.TLS_1_2: DHE}, primes=Primes.NAMED, version_alert=40)
    facts = facts_of(server)
    assert [each.version for each in facts.accepted] == [V.TLS_1_0, V.TLS_1_2]
    is_true(facts, server)


def test_suites_with_a_prime_are_open_where_the_question_by_name_fails() -> None:
    """Where hellos that name primes are lost, suites with a prime that were not found are undetermined."""

    def failure(question: Question, _number: int) -> Cause | None:
        return Cause.TIMEOUT if question.purpose is Purpose.NAMED_PRIMES else None

    offer = facts_of(MODERN, failure=failure)[V.TLS_1_2].suites
    assert offer.complete.unseen is Cause.TIMEOUT
    assert all("_DH" in name for name in offer.open)


# --- Broken servers ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stubborn(Server):
    """Instead of refusing, picks a suite that was not offered."""

    def refuse(self, number: int) -> bytes:
        """A hello with a suite that was not offered."""
        return self.record(self.hello(V.TLS_1_2, 0x00FE, bytes(32), b""), (14, b""))


@dataclass(frozen=True)
class Newer(Server):
    """Answers every version that it does not support in its newest."""

    def __call__(self, data: bytes) -> bytes:
        """A hello in a version that was not asked for."""
        hello = decode(data)
        if hello.version in self.suites or hello.version is V.SSL_2:
            return super().__call__(data)
        newest = list(self.suites)[-1]
        return self.record(self.hello(newest, self.suites[newest][0], bytes(32), b""), (14, b""))


@dataclass(frozen=True)
class OtherGroups(Server):
    """In TLS 1.3 asks for a group that was not offered, where it has none of those that were."""

    def answer(self, hello: Hello, version: TlsVersion) -> bytes:
        """A pointless HelloRetryRequest."""
        answer = super().answer(hello, version)
        if version is not V.TLS_1_3 or answer[0] != 21 or not set(hello.suites) & set(self.suites[version]):
            return answer
        return replace(self, groups=(*hello.groups[:1],), suites=self.suites).wrong(hello)

    def wrong(self, hello: Hello) -> bytes:
        """Its usual answer with a group that does not exist."""
        answer = Server.answer(self, hello, V.TLS_1_3)
        return answer[:-2] + b"\xfe\x00"


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("kind", [Stubborn, Newer, OtherGroups])
def test_what_was_not_offered_is_no_answer(kind: type[Server], mode: Mode) -> None:
    """A server that picks a suite, a version or a group that was not offered refuses nothing."""
    server = kind(suites=MODERN.suites, groups=MODERN.groups, curves=MODERN.curves)
    facts = facts_of(server, mode)
    is_true(facts, server)
    assert [each.version for each in facts.accepted] == [V.TLS_1_2, V.TLS_1_3]
    open_cause = {
        Stubborn: facts[V.TLS_1_0].accepted.unseen,
        Newer: facts[V.TLS_1_0].accepted.unseen,
        OtherGroups: facts.groups.complete.unseen,
    }
    assert open_cause[kind] is Cause.PROTOCOL_ERROR


@dataclass(frozen=True)
class Echoing(Server):
    """Picks the value at one end of the list, a suite or not."""

    end: int = 0

    def answer(self, hello: Hello, version: TlsVersion) -> bytes:
        """A hello with that value as its suite, where it is offered."""
        pick = hello.suites[self.end]
        return super().answer(hello, version) if pick in suites() else self.echo(version, pick)

    def echo(self, version: TlsVersion, pick: int) -> bytes:
        """A hello with it."""
        extensions = b"" if version is not V.TLS_1_3 else struct.pack(">HHHHHH", 43, 2, 0x0304, 51, 2, self.groups[0])
        return self.record(self.hello(version, pick, bytes(32), extensions), (11, bytes(3)), (14, b""))


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("reads", [64, 10_000])
@pytest.mark.parametrize("version", [V.TLS_1_2, V.TLS_1_3])
def test_a_reserved_value_is_no_suite(version: TlsVersion, reads: int, mode: Mode) -> None:
    """A server that picks a value that it must ignore (RFC 8701 §3.1) accepts no suite, and not the hello."""
    server = Echoing(suites={version: MODERN.suites[version]}, reads=reads)
    facts = facts_of(server, mode)
    is_true(facts, server)
    assert facts.tolerance.unknown_values.seen is False


@pytest.mark.parametrize("mode", Mode)
def test_a_signal_is_no_suite(mode: Mode) -> None:
    """A server that picks the value by which a client signals secure renegotiation (RFC 5746 §3.3) chose nothing."""
    server = Echoing(suites={V.SSL_3: DHE[1:], V.TLS_1_2: DHE}, end=-1)
    facts = facts_of(server, mode)
    is_true(facts, server)
    assert facts[V.SSL_3].accepted.unseen is Cause.PROTOCOL_ERROR


def test_a_server_that_echoes_a_version_does_not_tolerate_it() -> None:
    """A server that answers in a version that does not exist, because the hello announced it, does not tolerate it."""

    class Mirror(Server):
        def __call__(self, data: bytes) -> bytes:
            announced = data[9:11]
            answer = super().__call__(data)
            return answer[:9] + announced + answer[11:] if announced == b"\x03\x99" else answer

    facts = facts_of(Mirror(suites={V.TLS_1_2: MODERN.suites[V.TLS_1_2]}))
    assert facts.tolerance.future_version.seen is False


def test_a_request_in_an_older_version_is_no_answer() -> None:
    """A HelloRetryRequest without TLS 1.3 in it (RFC 8446 §4.1.4) neither accepts nor refuses it."""

    class Muddled(Server):
        def answer(self, hello: Hello, version: TlsVersion) -> bytes:
            asks = hello.version is V.TLS_1_3
            return self.record(self.hello(V.TLS_1_2, 0x1301, RETRY, b"")) if asks else super().answer(hello, version)

    facts = facts_of(Muddled(suites=MODERN.suites))
    assert facts[V.TLS_1_2].accepted.seen
    assert facts[V.TLS_1_3].accepted.unseen is Cause.PROTOCOL_ERROR


@pytest.mark.parametrize(("number", "refused"), [(86, True), (40, None), (80, None), (None, True)])
def test_a_fallback_is_refused_by_its_own_alert(number: int | None, *, refused: bool | None) -> None:
    """Any other alert may be about something else in the hello (RFC 7507 §3); a server may close without an alert."""

    class Wary(Server):
        def answer(self, hello: Hello, version: TlsVersion) -> bytes:
            if 0x5600 not in hello.suites:
                return super().answer(hello, version)
            return b"" if number is None else self.refuse(number)

    server = Wary(suites={V.TLS_1_1: DHE[1:], **MODERN.suites})
    assert facts_of(server).extensions.fallback_refused.seen is refused


def test_a_signature_scheme_refused_in_a_tiny_hello_is_open() -> None:
    """Where no schemes are named for certificates, a refusal may be about the certificate's own signature."""
    facts = facts_of(Server(suites={V.TLS_1_2: MODERN.suites[V.TLS_1_2]}, longest=255))
    assert facts.signatures.complete.unseen is Cause.AMBIGUOUS
    assert "rsa_pkcs1_sha1" in facts.signatures.open


@dataclass(frozen=True)
class Hasty(Server):
    """Sends no HelloRetryRequest: in TLS 1.3 it accepts only groups with a key share."""

    retries: bool = False

    def answer(self, hello: Hello, version: TlsVersion) -> bytes:
        """A hello for a share, else a refusal."""
        shared = hello._replace(groups=tuple(group for group in hello.groups if group in hello.shares))
        if version is not V.TLS_1_3 or (self.retries and self.pick(self.groups, shared.groups) is None):
            return super().answer(hello, version)
        return super().answer(shared, version).replace(RETRY, bytes(32))


@pytest.mark.parametrize("mode", Mode)
def test_a_group_for_which_no_share_was_sent_is_open_where_none_is_asked_for(mode: Mode) -> None:
    """A server without HelloRetryRequest (RFC 8446 §4.1.4) refuses no group but those for which it got a share."""
    server = Hasty(suites={V.TLS_1_3: MODERN.suites[V.TLS_1_3]}, groups=(29, 23, 25, 4588, 256))
    facts = facts_of(server, mode)
    is_true(facts, server)
    assert facts.groups.accepted == ("x25519", "secp256r1")
    assert {"secp521r1", "X25519MLKEM768", "ffdhe2048"} <= set(facts.groups.open)
    assert not {"secp384r1", "x448"} & set(facts.groups.open)


def test_a_server_in_short_hellos_that_asks_for_a_share_shows_all_its_groups() -> None:
    """Where only small hellos are accepted, one without a share shows whether the server sends HelloRetryRequests."""
    server = Hasty(suites={V.TLS_1_3: MODERN.suites[V.TLS_1_3]}, groups=(29, 23), longest=500, retries=True)
    facts = facts_of(server)
    assert facts.groups.accepted == ("x25519", "secp256r1")
    assert facts.groups.complete.seen


def test_a_server_with_a_downgrade_marker_does_not_refuse_the_newer_version() -> None:
    """An answer in TLS 1.2 with the downgrade marker (RFC 8446 §4.1.3) does not refuse TLS 1.3."""

    class Marked(Server):
        def hello(self, version: TlsVersion, suite: int, random: bytes, extensions: bytes) -> tuple[int, bytes]:
            return super().hello(version, suite, random[:24] + b"DOWNGRD\x01", extensions)

    facts = facts_of(Marked(suites={V.TLS_1_2: MODERN.suites[V.TLS_1_2]}))
    assert facts[V.TLS_1_2].accepted.seen
    assert facts[V.TLS_1_3].accepted.unseen is Cause.PROTOCOL_ERROR


def test_a_suite_that_the_server_aborts_after_choosing_is_not_accepted() -> None:
    """A server that picks a suite and then aborts does not have that suite."""

    class GivingUp(Server):
        def key(self, hello: Hello, version: TlsVersion, suite: int) -> list[tuple[int, bytes]]:
            return [] if suite in DHE else super().key(hello, version, suite)

        def record(self, *messages: tuple[int, bytes]) -> bytes:
            suite = int.from_bytes(messages[0][1][35:37], "big")
            return super().record(*messages[:1]) + self.refuse(40) if suite in DHE else super().record(*messages)

    facts = facts_of(GivingUp(suites=MIXED.suites))
    assert {suite.code for suite in facts[V.TLS_1_2].accepted_suites} == set(MODERN.suites[V.TLS_1_2])
    assert facts[V.TLS_1_2].suites.complete.seen


def test_curves_are_refused_where_the_server_aborts_after_its_choice() -> None:
    """A server that picks a suite and then aborts without a common curve has none of those offered."""

    class Late(Server):
        def can(self, code: int, hello: Hello) -> bool:
            return True

        def answer(self, hello: Hello, version: TlsVersion) -> bytes:
            answer = super().answer(hello, version)
            if version is V.TLS_1_3 or answer[0] == 21 or self.pick(self.curves, hello.groups) is not None:
                return answer
            suite = self.pick(self.suites[version], hello.suites) or 0
            return self.record(self.hello(version, suite, bytes(32), b"")) + self.refuse(40)

    facts = facts_of(Late(suites={V.TLS_1_2: MODERN.suites[V.TLS_1_2]}, curves=(29, 23)))
    assert facts.curves.accepted == ("x25519", "secp256r1")
    assert facts.curves.complete.seen


def test_an_older_version_refuses_the_suites_in_this_one() -> None:
    """A server that answers with an older version has those suites in that version only."""

    class Falling(Server):
        def answer(self, hello: Hello, version: TlsVersion) -> bytes:
            answer = super().answer(hello, version)
            older = V.TLS_1_1
            return super().answer(hello, older) if answer[0] == 21 and version is V.TLS_1_2 else answer

    server = Falling(suites={V.TLS_1_1: DHE[1:], V.TLS_1_2: MODERN.suites[V.TLS_1_2]})
    facts = facts_of(server)
    is_true(facts, server)
    assert facts[V.TLS_1_2].suites.complete.seen


# --- Names ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Named(Server):
    """Refuses hellos with a name, or without, or accepts less from them."""

    takes_name: bool = True
    takes_none: bool = True
    name_alert: int = 112

    def __call__(self, data: bytes) -> bytes:
        """An answer that depends on the name."""
        has_name = decode(data).server_name is not None
        if not (self.takes_name if has_name else self.takes_none):
            return self.refuse(self.name_alert)
        return super().__call__(data)


@pytest.mark.parametrize("alert", [40, 80, 112])
def test_a_server_that_requires_a_name_is_scanned_with_it(alert: int) -> None:
    """That hellos without a name are refused changes nothing in what is seen with it."""
    facts, plain = (
        facts_of(Named(suites=MODERN.suites, takes_none=False, name_alert=alert)),
        facts_of(Server(MODERN.suites)),
    )
    # SSL 2.0 and 3.0 have no place for a name; whether there is anything to fall back to is not known without them.
    nameless = {V.SSL_2.value, V.SSL_3.value, "extension fallback_refused"}
    assert [item for item in summary(facts).items() if item[0] not in nameless] == [
        item for item in summary(plain).items() if item[0] not in nameless
    ]


@pytest.mark.parametrize("alert", [40, 70, 80, 112])
def test_a_server_that_refuses_the_name_refuses_no_version(alert: int) -> None:
    """Where every hello with the host's name is refused, no version is called refused: the name may be the reason."""
    facts = facts_of(Named(suites=MODERN.suites, takes_name=False, name_alert=alert))
    assert not any(each.accepted.is_seen for each in facts.versions.each if each.version is not V.SSL_2)
    assert not facts[V.SSL_2].accepted.is_seen


def test_every_hello_that_can_carries_the_name() -> None:
    """The host that was asked for answers, not the default host: only SSL 2.0 and SSL 3.0 cannot carry a name."""
    hellos = [decode(each.sent) for each in Run(MIXED, extra=True).exchanges]
    assert {hello.version for hello in hellos if hello.server_name is None} == {V.SSL_2, V.SSL_3}
    assert {hello.server_name for hello in hellos} == {HOST, None}


# --- Servers that refuse every client after a while -------------------------------------------------------------------


def closing(_data: bytes) -> bytes:
    """Close without an answer."""
    return b""


def failing(number: int) -> bytes:
    """A fatal alert."""
    return struct.pack(">BHHBB", 21, 0x0303, 2, 2, number)


@some_servers
@given(servers(), st.sampled_from(Mode), st.integers(1, 60), st.sampled_from((b"", *map(failing, (40, 49, 70, 80)))))
def test_refusals_after_some_connections_are_no_refusals(server: Server, mode: Mode, most: int, refusal: bytes) -> None:
    """A server that closes, or sends some alert, from one connection on: what it has is found or undetermined."""
    count = 0

    def limited(data: bytes) -> bytes:
        nonlocal count
        count += 1
        return server(data) if count <= most else refusal

    is_true(facts_of(limited, mode), server)


@pytest.mark.parametrize("cause", [Cause.RESET, Cause.REFUSED, Cause.TIMEOUT, Cause.RATE_LIMITED])
def test_facts_after_connections_fail_are_unseen(cause: Cause) -> None:
    """Where connections fail from one on, facts without an answer are unseen with that cause."""
    facts = facts_of(MODERN, failure=lambda _question, number: cause if number >= 20 else None)
    is_true(facts, MODERN)
    assert facts[V.TLS_1_2].suites.complete.unseen is cause


def test_every_hello_of_a_short_form_is_short() -> None:
    """Hellos to a server that accepts 255 bytes have at most 255, apart from the unusual ones."""
    run = Run(replace(MIXED, longest=255), extra=True)
    unusual = {Purpose.LONG_HELLO, Purpose.VERSION}
    small = [each for each in run.exchanges if each.received]
    assert max(len(each.sent) for each in small) <= 255
    assert all(each.received or each.purpose in unusual | {Purpose.SMALL} for each in run.exchanges)
