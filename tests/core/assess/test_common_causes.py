"""A cause is told once: what follows from it is told apart, and nothing with another cause is."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from inspector import Cause, Evidence, FailureNote, Gap, Observation, Outcome, Subject, SubjectKind, Verdict
from inspector.assess.common_causes import CommonCauses, blind_cause
from inspector.model.finding import CommonCause, finding_id
from inspector.model.verdict import failed, inconclusive, passed

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Certificates(Observation):
    """An observation that the scan for ``revocation`` needs."""

    kind = "certificates/1"


PROBES: Any = {"revocation": SimpleNamespace(needs=(("certificates", Certificates),))}


@dataclass(frozen=True)
class Result:
    """A requirement's verdict on a subject, from this evidence."""

    subject: Subject
    verdict: Verdict
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    requirement_id: str = "row"


def service(port: int = 443, address: str = "192.0.2.5") -> Subject:
    uri = "https://a.example" if port == 443 else f"https://a.example:{port}"
    kind = SubjectKind.ADDRESS
    return Subject(kind=kind, uri=uri, scheme="https", host="a.example", port=port, address=address)


def page(path: str = "/", port: int = 443) -> Subject:
    at = service(port)
    return at.model_copy(update={"kind": SubjectKind.URL, "uri": f"{at.uri}{path}"})


HOST = Subject(kind=SubjectKind.HOST, uri="host:a.example", scheme="host", host="a.example")


def scan(probe: str, subject: Subject, cause: Cause | None = None, detail: str = "", **more: Any) -> Evidence:
    failure = FailureNote(cause=cause, detail=detail) if cause else None
    return Evidence(
        probe=probe, probe_version="1", kind=f"{probe}/1", subject=subject, began=NOW, ended=NOW, vantage="v",
        facts=None if cause else {"answer": {"seen": 1, "unseen": None}}, failure=failure, **more,
    )  # fmt: skip


def missing(*evidence: Evidence, cause: Cause, subject: Subject | None = None) -> Result:
    """A requirement whose observation is missing."""
    verdict = inconclusive("no observation: {cause}", cause=cause)
    return Result(subject or evidence[0].subject, verdict, {each.probe: each for each in evidence})


def behind(*results: Result, also: tuple[Evidence, ...] = ()) -> list[CommonCause | None]:
    """The common cause of each result, whatever the order of the evidence."""
    evidence = {(each.probe, each.subject.key): each for result in results for each in result.evidence.values()}
    scans = [(each.probe if each in evidence.values() else "also", each) for each in (*evidence.values(), *also)]
    found = []
    for seed in range(4):
        random.Random(seed).shuffle(scans)
        causes = CommonCauses.of(results, scans, PROBES)
        found.append([causes.behind(each) for each in results])
    assert all(each == found[0] for each in found)
    return found[0]


def test_nothing_seen_of_a_service_has_one_cause() -> None:
    """Scans of one service that all time out, each with its own words, share one cause."""
    tls, http = scan("tls", service(), Cause.TIMEOUT, "4 s"), scan("http", page(), Cause.TIMEOUT, "no reply")
    shared = CommonCause(subject="https://a.example", address="192.0.2.5", cause=Cause.TIMEOUT, probes=("http", "tls"))
    assert behind(missing(tls, cause=Cause.TIMEOUT), missing(http, cause=Cause.TIMEOUT)) == [shared, shared]


def test_where_something_was_seen_two_timeouts_are_two_causes() -> None:
    """A service that answered one scan is not out of reach for the others."""
    first, second = scan("tls", service(), Cause.TIMEOUT, "4 s"), scan("http", page(), Cause.TIMEOUT, "no reply")
    results = missing(first, cause=Cause.TIMEOUT), missing(second, cause=Cause.TIMEOUT)
    tls, http = behind(*results, also=(scan("certificates", service()),))
    assert tls is not None
    assert http is not None
    assert tls != http


@pytest.mark.parametrize("cause", [Cause.RATE_LIMITED, Cause.ABORTED, Cause.OUTSIDE_WINDOW])
def test_an_event_is_one_cause_of_all_that_came_after(cause: Cause) -> None:
    """What was seen before does not divide it; answers that a half-finished scan lacks follow from it too."""
    lacking = inconclusive("an answer that decides this was not seen: {cause}", cause=cause)
    half = Result(page(), lacking, {"http": scan("http", page())})
    blind = [missing(scan(probe, service(), cause, probe), cause=cause) for probe in ("tls", "certificates")]
    shared = CommonCause(subject="https://a.example", address="192.0.2.5", cause=cause, probes=("certificates", "tls"))
    assert behind(*blind, half) == [shared] * 3
    assert behind(half) == [CommonCause(subject="https://a.example/", address="192.0.2.5", cause=cause)]


def test_an_event_hides_no_other_cause() -> None:
    """A requirement that also lacks an observation for another cause stands on its own."""
    limited, late = scan("tls", service(), Cause.RATE_LIMITED), scan("http", page(), Cause.TIMEOUT)
    assert behind(missing(limited, late, cause=Cause.RATE_LIMITED)) == [None]


def test_an_unseen_answer_of_another_cause_stands_on_its_own() -> None:
    """One question that timed out says nothing about the next."""
    lacking = inconclusive("an answer that decides this was not seen: {cause}", cause=Cause.TIMEOUT)
    assert behind(Result(page(), lacking, {"http": scan("http", page())})) == [None]


@pytest.mark.parametrize("cause", [Cause.PROTOCOL_ERROR, Cause.NOT_AUTHORISED, Cause.BUG, Cause.TOOL_MISSING])
def test_other_causes_are_one_only_with_one_detail(cause: Cause) -> None:
    """Two scans that fail with the same cause for other reasons have two causes; with the same words, one."""
    one, other, same = (scan(probe, service(), cause, detail) for probe, detail in (("a", "x"), ("b", "y"), ("c", "x")))
    first, second, third = behind(*(missing(each, cause=cause) for each in (one, other, same)))
    assert first == third
    assert first != second
    assert first is not None
    assert first.probes == ("a", "c")


def test_a_scan_that_needed_another_observation_follows_from_its_cause() -> None:
    """The scan for revocation failed because the certificates were not seen."""
    certificates = scan("certificates", service(), Cause.PROTOCOL_ERROR, "no ServerHello")
    revocation = scan("revocation", service(), Cause.PROTOCOL_ERROR, "the observation it needs was not seen")
    first, second = behind(*(missing(each, cause=Cause.PROTOCOL_ERROR) for each in (certificates, revocation)))
    assert first is not None
    assert first == second
    assert first.probes == ("certificates", "revocation")


def explained(*results: Result) -> list[CommonCause | None]:
    """The same beside a failing check that says that the service speaks no TLS."""
    plain = failed("speaks no TLS").explaining(Cause.PROTOCOL_ERROR)
    root = Result(page(), plain, {"web": scan("web", page())}, "https")
    return behind(root, *results)[1:]


def test_a_failing_check_explains_what_was_not_seen() -> None:
    """Scans with the cause that the failure explains follow from its finding, whatever their detail."""
    first, second = scan("tls", service(), Cause.PROTOCOL_ERROR, "x"), scan("c", service(), Cause.PROTOCOL_ERROR, "y")
    found = explained(missing(first, cause=Cause.PROTOCOL_ERROR), missing(second, cause=Cause.PROTOCOL_ERROR))
    assert found[0] == found[1]
    assert found[0] is not None
    assert found[0].finding == finding_id("https", "https://a.example/")


@pytest.mark.parametrize(
    ("cause", "subject"),
    [
        (Cause.TIMEOUT, service()),
        (Cause.PROTOCOL_ERROR, service(port=8443)),
        (Cause.PROTOCOL_ERROR, service(address="192.0.2.6")),
    ],
)
def test_a_failure_explains_no_other_cause_port_or_address(cause: Cause, subject: Subject) -> None:
    """What failed for another cause, at another port or at another address, does not follow from the failure."""
    [found] = explained(missing(scan("tls", subject, cause, "x"), cause=cause))
    assert found is not None
    assert found.finding is None


def test_a_passing_check_explains_nothing() -> None:
    """Only a failure is a cause."""
    held = Result(page(), passed("fine").explaining(Cause.RESET), {"web": scan("web", page())}, "https")
    _, found = behind(held, missing(scan("tls", service(), Cause.RESET), cause=Cause.RESET))
    assert found is not None
    assert found.finding is None


def test_with_two_causes_a_finding_stands_on_its_own() -> None:
    """A host one of whose services timed out, and whose other one resets, is not told beside either."""
    one, other = scan("tls", service(), Cause.TIMEOUT), scan("tls8443", service(8443), Cause.RESET)
    verdict = inconclusive("not seen at every place: {missing}", cause=Cause.TIMEOUT, missing=("192.0.2.5",))
    whole = Result(HOST, verdict, {"tls": one, "tls8443": other})
    assert behind(whole) == [None]


def test_a_claim_left_open_by_what_was_seen_stands_on_its_own() -> None:
    """A check that judged what was seen and found it wanting has a reason of its own, even with an equal cause."""
    verdict = inconclusive("an answer that decides this was not seen: {cause}", cause=Cause.TIMEOUT)
    evidence = {"tls": scan("tls", service(), Cause.TIMEOUT), "http": scan("http", page())}
    assert behind(Result(HOST, verdict, evidence)) == [None]


def test_a_verdict_with_another_cause_stands_on_its_own() -> None:
    """The cause of the verdict is that of the evidence, or it does not follow from it."""
    tls = scan("tls", service(), Cause.TIMEOUT)
    assert behind(missing(tls, cause=Cause.WRONG_VANTAGE)) == [None]


@pytest.mark.parametrize("verdict", [passed("yes"), failed("no")])
def test_what_was_decided_follows_from_nothing(verdict: Verdict) -> None:
    """A pass and a failure stand on their own."""
    tls = scan("tls", service(), Cause.TIMEOUT)
    assert behind(Result(service(), verdict, {"tls": tls})) == [None]


def test_an_observation_without_an_answer_is_blind() -> None:
    """A scan that recorded that every question timed out saw nothing; one answer, or two causes, and it is not so."""
    timeout, reset = ({"seen": None, "unseen": cause} for cause in ("timeout", "reset"))
    absent = {"seen": None, "unseen": None}
    for facts, cause in (
        ({"a": timeout, "b": [{"c": timeout}]}, Cause.TIMEOUT),
        ({"a": timeout, "b": absent}, None),
        ({"a": timeout, "b": reset}, None),
        ({"a": 1}, None),
    ):
        evidence = scan("http", page(), gaps=(Gap(question="/", cause=Cause.TIMEOUT),))
        assert blind_cause(evidence.model_copy(update={"facts": facts})) is cause


def test_an_error_of_the_tool_is_never_told_beside_a_cause() -> None:
    """A bug is counted for every requirement that it affects."""
    tls = scan("tls", service(), Cause.BUG)
    broken = Verdict(outcome=Outcome.ERROR, message=failed("no observation: {cause}").message, cause=Cause.BUG)
    assert behind(Result(service(), broken, {"tls": tls})) == [None]
