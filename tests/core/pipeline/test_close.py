"""Closing an inspection before its end: every address that was not asked is on record."""

import asyncio
from pathlib import Path

from inspector import (
    Answer,
    Cause,
    Discovered,
    Network,
    Observation,
    ParseContext,
    ScanOutput,
    Scheme,
    SubjectKind,
    Target,
    UriForm,
    probe,
)
from inspector.model.observation import Evidence
from inspector.model.subject import Subject, parse_uri, subject_of
from inspector.network import Scope
from inspector.pipeline.capture import open_capture, seal_capture
from inspector.pipeline.pipeline import collect_and_confirm
from inspector.pipeline.reassess import AssessmentOptions, assess_bundle
from inspector.plan.planner import Planner
from inspector.record.plan import PinnedHost, Plan
from inspector.registry.registry import Registry
from inspector.seal import CaptureWriter, SigningKey, verify
from tests.core import systems
from tests.core.seal.examples import TRUST, WHEN, inspection
from tests.core.seal.forgery import names, spoil

DEVICE = Scheme("device", UriForm.PAGE, 1)
HOST = "a.example"


class Health(Observation):
    kind = "health/1"
    healthy: Answer[bool]


def _read(_capture: ScanOutput, _reading: ParseContext) -> Health:
    raise NotImplementedError


@probe("health", kind=Health, schemes={DEVICE}, subject_kind=SubjectKind.URL, parse=_read)
async def health(target: Target, network: Network) -> ScanOutput:
    """Never called here: closing asks nothing."""
    raise NotImplementedError


def _subject(path: str, address: str) -> Subject:
    return subject_of(parse_uri(f"device://{HOST}/{path}", {"device": DEVICE}), SubjectKind.URL, address=address)


def _scanned(at: Subject, *discovered: Discovered) -> Evidence:
    return Evidence(
        probe="health",
        probe_version="1",
        kind="health/1",
        subject=at,
        began=WHEN,
        ended=WHEN,
        vantage="test",
        facts={"healthy": {"seen": True}},
        discovered=discovered,
    )


def test_each_address_of_a_discovered_subject_is_answered_for(tmp_path: Path) -> None:
    """What was brought to light and asked at one address only is aborted at the other, not forgotten."""
    pins = (PinnedHost(name=HOST, addresses=("127.0.0.1", "127.0.0.2")),)
    begun = inspection().model_copy(update={"plan": Plan(pins=pins)})
    writer = CaptureWriter.create(tmp_path, begun, trust=TRUST)
    writer.record(_scanned(_subject("", "127.0.0.1"), Discovered(uri=f"device://{HOST}/more", why="redirect")))
    writer.record(_scanned(_subject("more", "127.0.0.1")))
    registry = Registry(
        plugins=(),
        probes={"health": health},
        checks={},
        renderers={},
        profiles=(),
        schemes={"device": DEVICE},
        kinds={"health/1": Health},
    )
    scope = Scope(begun.authorisations, begun.system, pins)
    planner = Planner(begun.system, registry, {"health": health}, {"health": {}}, scope, WHEN)
    bundle = seal_capture(writer, planner, SigningKey.load_or_create(tmp_path / "key.pem"), reason="closed early")
    failures = {(each.subject.uri, each.subject.address): each.failure for _, each in bundle.evidence()}
    missed = failures[f"device://{HOST}/more", "127.0.0.2"]
    assert missed is not None
    assert missed.cause is Cause.ABORTED
    assert len(failures) == 3


def test_what_was_lost_before_the_seal_is_never_a_pass(tmp_path: Path) -> None:
    """A scan whose raw bytes were emptied after it was recorded is aborted, and what rests on it inconclusive."""
    given = systems.job(tmp_path)
    made = systems.planned(given)
    key = SigningKey.load_or_create(tmp_path / "key.pem")
    with open_capture(made, given.context) as writer:
        asyncio.run(collect_and_confirm(writer, made, given.context))
        for name in names(writer.folder / "capture", "evidence"):
            spoil(writer.folder / "capture", name, lambda data: bytes(len(data)))
        bundle = seal_capture(writer, made.planner, key)
    assert verify(bundle.folder, trusted=[key.keyid]).intact.trusted
    assert bundle.sealed.predicate.reason == "some records were lost"
    assert {each.failure.cause for _, each in bundle.evidence() if each.failure} == {Cause.ABORTED}
    assert bundle.incidents()
    options = AssessmentOptions(as_of=given.request.as_of)
    found = systems.outcomes(asyncio.run(assess_bundle(bundle, given.context.registry, options)))
    assert set(found.values()) == {("inconclusive", "aborted")}
