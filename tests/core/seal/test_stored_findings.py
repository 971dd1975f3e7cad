"""Findings are stored with what many repeat once, and read back as they were."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inspector.model.base import canonical
from inspector.model.errors import BundleError, LimitExceeded
from inspector.model.finding import ClauseRef, EvidenceRef, Finding, Force, Obligation, Severity, finding_id
from inspector.model.verdict import Message, Outcome
from inspector.record import limits
from inspector.seal.stored_findings import read_findings, write_findings

CLAUSE = ClauseRef(
    id="c-1", document="D", number="1", title_vi="Một", title_en="One", confidence="H", source="the original"
)
SEEN = EvidenceRef(evidence="a" * 64, raw=("b" * 64,))
AGAIN = EvidenceRef(evidence="c" * 64, scan=2)


def finding(requirement: str = "tls-versions", subject: str = "https://a.example", **fields: Any) -> Finding:
    return Finding(
        id=finding_id(requirement, subject),
        system="sys-a",
        subject=subject,
        requirement=requirement,
        obligation=Obligation.SHOULD,
        force=Force.BASELINE,
        severity=Severity.HIGH,
        **{"check": requirement, "outcome": Outcome.PASS, "message": Message(id="is fine"), **fields},
    )


MANY = (
    finding(clauses=(CLAUSE,), evidence=(SEEN, AGAIN), measured=("TLS 1.0", "TLS 1.1"), confirmed=True),
    finding(subject="https://b.example", clauses=(CLAUSE,), evidence=(SEEN,), threshold=True, not_yet_due=True),
    finding("tls-versions-strict", check="tls-modern-protocols", outcome=Outcome.FAIL, evidence=(AGAIN,)),
    finding("backups-kept"),
)


def test_findings_are_read_back_as_they_were() -> None:
    """Whatever is stored once or left out is in each finding again."""
    assert read_findings(write_findings(MANY), "findings.json") == MANY
    assert read_findings(write_findings(()), "findings.json") == ()


def test_what_many_findings_repeat_is_stored_once() -> None:
    """A clause and a reference to evidence stand once, whatever names them; ids and defaults do not stand at all."""
    stored = json.loads(write_findings(MANY))
    assert stored["clauses"] == [CLAUSE.model_dump()]
    assert [each["evidence"] for each in stored["evidence"]] == ["a" * 64, "c" * 64]
    assert [each.get("evidence") for each in stored["findings"]] == [[0, 1], [0], [1], None]
    assert [each.get("check") for each in stored["findings"]] == [None, None, "tls-modern-protocols", None]
    assert not any({"id", "cause", "excused"} & each.keys() for each in stored["findings"])


def test_equal_values_give_equal_bytes() -> None:
    """Clauses that are other objects with the same content are the same."""
    copied = tuple(Finding.parse(each.canonical()) for each in MANY)
    assert write_findings(copied) == write_findings(MANY)


def changed(**fields: Any) -> bytes:
    """The stored form of one finding with these fields in it."""
    stored = json.loads(write_findings(MANY[:1]))
    stored["findings"][0] |= fields
    return canonical(stored)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (changed(clauses=[1]), "names a clause or evidence that it does not list"),
        (changed(evidence=[2]), "names a clause or evidence that it does not list"),
        (changed(evidence=[10**30]), "findings.json: "),
        (changed(evidence=[-1]), "findings.0.evidence.0"),
        (changed(id="0" * 32), "findings.0.id"),
        (changed(outcome="fine"), "findings.0.outcome"),
        (b"[]", "findings.json: "),
        (b"{", "is not JSON"),
        (b'{"clauses":[],"evidence":[],"findings":[],"more":1e999}', "findings.json: "),
    ],
)
def test_what_is_no_stored_form_is_refused(data: bytes, words: str) -> None:
    """The error names the part, and the place in it."""
    with pytest.raises(BundleError) as refused:
        read_findings(data, "findings.json")
    assert words in refused.value.message


def test_what_findings_expand_to_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes may name a long text often: written one by one, findings have the limit that a part has."""
    long = CLAUSE.model_copy(update={"source": "s" * 10_000})
    data = write_findings([finding(subject=f"https://{number}.example", clauses=(long,)) for number in range(50)])
    assert len(data) < 30_000
    assert len(read_findings(data, "findings.json")) == 50
    monkeypatch.setattr(limits, "FILE_BYTES", 400_000)
    with pytest.raises(LimitExceeded):
        read_findings(data, "findings.json")
