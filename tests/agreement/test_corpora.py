"""The product agrees with published corpora, or the difference is explained."""

from __future__ import annotations

import pytest

from tests.agreement.corpora.comparison import CORPORA, Compared, Explanation, explanations, faults

#: How much is compared at least.
LEAST = {
    "spf-suite": 200,
    "checkdmarc": 200,
    "checkdmarc-lab": 400,
    "ssh-audit-tables": 350,
    "ssh-audit-servers": 60,
    "csp-evaluator": 120,
    "http-observatory": 60,
    "http-observatory-sites": 1000,
    "http-observatory-pages": 60,
}


@pytest.mark.parametrize("corpus", CORPORA)
def test_agreement(corpus: str) -> None:
    """Every disagreement with a corpus is explained, and every explanation is used."""
    compared = list(CORPORA[corpus]())
    assert len(compared) > LEAST[corpus]
    assert faults(corpus, compared, explanations()) == []


def test_explanations_are_about_corpora() -> None:
    """No explanation names a corpus that does not exist."""
    assert {each.corpus for each in explanations()} <= CORPORA.keys()


def test_what_is_not_explained_and_what_no_longer_differs_is_a_fault() -> None:
    """A new disagreement is an error, and so is an old explanation."""
    compared = [
        Compared("one", "result", "pass", ("fail",)),
        Compared("two", "result", "pass", ("pass", "neutral")),
        Compared("three", "result", "none", ("fail",)),
    ]
    explained = [Explanation("suite", ("one", "two"), ("result",), "reason", "source")]
    first, second = faults("suite", compared, explained)
    assert first.startswith("not explained: suite: three")
    assert second == "explained, but no longer so: suite: two: result"
