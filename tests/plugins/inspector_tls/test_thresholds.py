"""The thresholds of checks: recordings just below and just above them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from inspector import Answer, Cause, Check, Outcome, Subject, SubjectKind, SubjectResult
from inspector.testing import recorded
from inspector_tls.certificates.observations import Certificate, Certificates, KeyFlaw, Trust
from inspector_tls.checks.chain_complete import chain_complete
from inspector_tls.checks.dh_strong import dh_strong
from inspector_tls.checks.encrypt_then_mac_or_no_cbc import encrypt_then_mac_or_no_cbc
from inspector_tls.checks.groups_strong import groups_strong
from inspector_tls.checks.in_date import in_date
from inspector_tls.checks.key_strong import key_strong
from inspector_tls.checks.no_logjam import no_logjam
from inspector_tls.checks.transparency_logged import transparency_logged
from inspector_tls.observations import Tls

HERE = Path(__file__).parent
SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)


def certificates(name: str) -> Certificates:
    """A recording of certificates."""
    return recorded(HERE, Certificates, name)


def with_leaf(seen: Certificates, leaf: Certificate) -> Certificates:
    """The same with another leaf in its only chain."""
    (chain,) = seen.chains
    return seen.model_copy(update={"chains": (chain.model_copy(update={"certificates": (leaf, *chain.signed[1:])}),)})


@pytest.mark.parametrize(
    ("bits", "known", "outcome"),
    [
        (1023, None, Outcome.FAIL),
        (1024, None, Outcome.PASS),
        (1024, "RFC 2409 group 2", Outcome.FAIL),
        (1025, "a name", Outcome.PASS),
    ],
)
def test_a_prime_of_1024_bits_counts_where_many_share_it(bits: int, known: str | None, outcome: Outcome) -> None:
    """Shorter primes can be broken by anyone, common ones of 1024 bits by a state."""
    seen = recorded(HERE, Tls, "openssl-dhe-own-prime")
    (prime,) = seen.primes
    other = prime.model_copy(update={"bits": bits, "known": known})
    assert no_logjam(seen.model_copy(update={"primes": (other,)})).outcome is outcome


@pytest.mark.parametrize(("seconds", "outcome"), [(0, Outcome.PASS), (1, Outcome.FAIL)])
def test_two_logs_are_enough_for_180_days(seconds: int, outcome: Outcome) -> None:
    """A certificate valid for a second longer needs a third SCT; both ends count."""
    seen = certificates("logged-twice")
    leaf = seen.chains[0].leaf
    end = leaf.not_before + timedelta(days=180) - SECOND + seconds * SECOND
    assert transparency_logged(with_leaf(seen, leaf.model_copy(update={"not_after": end}))).outcome is outcome


@pytest.mark.parametrize(
    ("begin", "end", "outcome"),
    [
        (timedelta(), SECOND, Outcome.PASS),
        (-SECOND, timedelta(), Outcome.PASS),
        (-SECOND, -SECOND + MILLISECOND, Outcome.PASS),
        (SECOND, 2 * SECOND, Outcome.FAIL),
        (-2 * SECOND, -SECOND, Outcome.FAIL),
    ],
)
def test_both_ends_of_the_validity_count(begin: timedelta, end: timedelta, outcome: Outcome) -> None:
    """A certificate is valid from its first second through its last (RFC 5280 §4.1.2.5)."""
    seen = certificates("modern")
    dates = {"not_before": seen.seen_at + begin, "not_after": seen.seen_at + end}
    assert in_date(with_leaf(seen, seen.chains[0].leaf.model_copy(update=dates))).outcome is outcome


@pytest.mark.parametrize("flaw", KeyFlaw)
def test_unfit_keys_are_weak_whatever_their_size(flaw: KeyFlaw) -> None:
    """A malformed key, a described curve, a factor and an exponent count in a leaf, an intermediate and a root."""
    seen = certificates("rsa-2048")
    (chain,) = seen.chains
    trust = chain.declared_trust.value
    assert trust.root is not None

    def unfit(certificate: Certificate) -> Certificate:
        return certificate.model_copy(update={"key": certificate.key.model_copy(update={"flaw": flaw})})

    updates = (
        {"certificates": (unfit(chain.leaf), *chain.certificates[1:])},
        {"certificates": (chain.leaf, *map(unfit, chain.certificates[1:]))},
        {"declared_trust": Answer(seen=trust.model_copy(update={"root": unfit(trust.root)}))},
    )
    for update in updates:
        changed = seen.model_copy(update={"chains": (chain.model_copy(update=update),)})
        assert key_strong(changed).outcome is Outcome.FAIL


def test_a_chain_to_one_root_is_complete() -> None:
    """What one store calls a missing intermediate may be a root of the other's."""
    seen = certificates("missing-intermediate")
    assert chain_complete(seen).outcome is Outcome.FAIL
    (chain,) = seen.chains
    found = Answer(seen=Trust(path=(chain.leaf.sha256, "0" * 64)))
    whole = chain.model_copy(update={"declared_trust": found})
    assert chain_complete(seen.model_copy(update={"chains": (whole,)})).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("answer", "outcome"), [(True, Outcome.PASS), (False, Outcome.FAIL), (None, Outcome.INCONCLUSIVE)]
)
def test_cbc_suites_without_an_answer_are_undetermined(*, answer: bool | None, outcome: Outcome) -> None:
    """Where no answer with such a suite could show encrypt-then-MAC, it is unseen."""
    seen = recorded(HERE, Tls, "nginx-old")
    extensions = seen.extensions.model_copy(update={"encrypt_then_mac": Answer(seen=answer)})
    assert encrypt_then_mac_or_no_cbc(seen.model_copy(update={"extensions": extensions})).outcome is outcome


@pytest.mark.parametrize("offer", ["groups", "curves"])
@pytest.mark.parametrize("check", [dh_strong, groups_strong])
def test_groups_that_were_not_all_seen_are_not_called_strong(check: Check, offer: str) -> None:
    """A short prime or a small curve may be among those that got no answer; older versions name no prime."""
    seen = recorded(HERE, Tls, "openssl-dhe-2048")
    partly = getattr(seen, offer).model_copy(update={"complete": Answer(unseen=Cause.TIMEOUT)})
    subject = Subject(kind=SubjectKind.ADDRESS, uri="tls://a:1", scheme="tls", host="a", port=1)
    verdict = check.evaluate([SubjectResult(subject, seen.model_copy(update={offer: partly}))], {})
    assert verdict.outcome is (Outcome.PASS if (check, offer) == (dh_strong, "curves") else Outcome.INCONCLUSIVE)
