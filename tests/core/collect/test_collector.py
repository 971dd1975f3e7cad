"""From plan to evidence: whatever a scan comes to is on record with its cause."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest
from pydantic import model_serializer

from inspector import (
    Answer,
    Cause,
    Discovered,
    FailureNote,
    Intrusiveness,
    Network,
    ParseContext,
    Raw,
    ScanFailure,
    ScanOutput,
    Target,
    probe,
)
from inspector.collect.collector import Progress, interleave
from inspector.collect.parsing import facts_of
from inspector.declare.settings import Ceilings, Settings
from inspector.model.base import now
from inspector.model.observation import Evidence, Gap
from inspector.model.subject import Subject, SubjectKind
from inspector.plan.planner import DISCOVERED_PER_SCAN, TASKS_PER_SCAN
from inspector.record.assessment import Assessment
from inspector.record.plan import ScanTask
from inspector.seal.capture_writer import CaptureWriter, PreparedEvidence
from tests.core.systems import (
    RAW,
    SENSOR,
    Sensor,
    average,
    inspect,
    job,
    neighbour,
    neighbours,
    outcomes,
    parse_sensor,
    registry,
    sensor,
)

READING = ParseContext(Subject(kind=SubjectKind.ADDRESS, uri="sensor://a", scheme="sensor", host="a"), now())


def seen(folder: Path, output: ScanOutput) -> tuple[list[Evidence], Assessment]:
    """Evidence and assessment of an inspection whose first scan comes to this."""
    bundle, assessment = inspect(folder, job(folder, registry=registry([sensor(output), average, neighbour])))
    return [evidence for _, evidence in bundle.evidence()], assessment


def of(evidence: list[Evidence], probe: str) -> list[Evidence]:
    return [each for each in evidence if each.probe == probe]


def test_all_goes_well(tmp_path: Path) -> None:
    """Every scan has its facts, every check its verdict, and each step is shown."""
    steps: list[Progress] = []
    bundle, assessment = inspect(tmp_path, job(tmp_path), progress=steps.append)
    assert {each.probe: each.facts is not None for _, each in bundle.evidence()} == {"sensor": True, "average": True}
    assert outcomes(assessment)["sensor-online"] == ("pass", None)
    assert [(step.done, step.planned, step.probe, step.cause) for step in steps] == [
        (1, 2, "sensor", None),
        (2, 2, "average", None),
    ]


def test_what_rests_on_the_unseen_is_unseen_for_the_same_cause(tmp_path: Path) -> None:
    """A scan whose needed observation was blocked is not made; its failure names the probe."""
    evidence, assessment = seen(tmp_path, ScanOutput(failure=FailureNote(cause=Cause.BLOCKED, detail="a wall")))
    [scan] = of(evidence, "average")
    assert scan.failure == FailureNote(cause=Cause.BLOCKED, detail="the observation it needs was not seen: sensor")
    assert outcomes(assessment)["average-computed"] == ("inconclusive", "blocked")


def test_what_was_seen_before_trouble_is_kept(tmp_path: Path) -> None:
    """A failed scan may have facts: failure and facts are both recorded."""
    evidence, assessment = seen(tmp_path, ScanOutput(raw=RAW, failure=FailureNote(cause=Cause.RESET, detail="cut")))
    [scan] = of(evidence, "sensor")
    assert scan.facts == {"online": {"seen": True, "unseen": None}}
    assert scan.failure is not None
    assert scan.failure.cause is Cause.RESET
    assert outcomes(assessment)["sensor-online"] == ("pass", None)


def test_discovered_subjects_are_asked_in_a_later_wave(tmp_path: Path) -> None:
    """Each is a scan of its own, under the one that found it."""
    evidence, assessment = seen(tmp_path, ScanOutput(raw=RAW, discovered=neighbours(2)))
    assert {each.subject.parent for each in of(evidence, "neighbour")} == {"sensor://127.0.0.1"}
    assert [each.facts for each in of(evidence, "neighbour")] == [{"size": 1}, {"size": 1}]
    assert outcomes(assessment)["neighbours-known"] == ("pass", None)


def test_too_many_discovered_subjects_leave_a_gap(tmp_path: Path) -> None:
    """The first are scanned, the next recorded as not scanned, the rest counted; no check passes over them."""
    evidence, assessment = seen(tmp_path, ScanOutput(raw=RAW, discovered=_many(DISCOVERED_PER_SCAN + 3)))
    found = of(evidence, "neighbour")
    assert len(found) == DISCOVERED_PER_SCAN
    assert sum(each.facts is not None for each in found) == TASKS_PER_SCAN
    assert {each.failure.detail for each in found if each.failure} == {"too many discovered subjects"}
    [scan] = of(evidence, "sensor")
    assert [gap.question for gap in scan.gaps] == ["3 more discovered subjects"]
    assert outcomes(assessment)["neighbours-known"][0] == "inconclusive"


def test_forms_of_secrets_are_kept_of_no_probe(tmp_path: Path) -> None:
    """A probe that masks nothing: its texts and reasons are redacted before they are kept, its binary data is not."""
    secret, shape = "AKIAIOSFODNN7EXAMPLE", "xxxxxxxxxxxx0xxxxxxx"
    told = Raw(name="told", data=f"key {secret}".encode(), media_type="text/plain")
    packet = Raw(name="packet", data=b"\0" + secret.encode())
    note = FailureNote(cause=Cause.RESET, detail=f"said {secret}")
    gap = Gap(question="more", cause=Cause.RESET, detail=f"said {secret}")
    found = Discovered(uri="neighbour://127.0.0.1:8", why=f"said {secret}")
    output = ScanOutput(raw=(*RAW, told, packet), failure=note, gaps=(gap,), discovered=(found,))
    bundle, _ = inspect(tmp_path, job(tmp_path, registry=registry([sensor(output), average, neighbour])))
    [scan] = of([evidence for _, evidence in bundle.evidence()], "sensor")
    kept = bundle.output_of(scan)
    assert kept.named("told") == f"key {shape}".encode()
    assert kept.named("packet") == packet.data
    assert {each.detail for each in (scan.failure, *scan.gaps) if each} == {f"said {shape}"}
    assert [each.why for each in scan.discovered] == [f"said {shape}"]


def test_facts_are_parsed_from_what_is_kept(tmp_path: Path) -> None:
    """The parser sees the redacted text, so that the facts can be read again from the bundle."""
    seen_by_parser = []

    def parse(output: ScanOutput, context: ParseContext) -> Sensor:
        seen_by_parser.append(output.named("told"))
        return Sensor(online=Answer(seen=True))

    told = Raw(name="told", data=b"key AKIAIOSFODNN7EXAMPLE", media_type="text/plain")
    bundle, _ = inspect(tmp_path, job(tmp_path, registry=registry([sensor(ScanOutput(raw=(told,)), parse=parse)])))
    [(_, scan), *_] = bundle.evidence()
    assert {*seen_by_parser} == {bundle.output_of(scan).named("told")} == {b"key xxxxxxxxxxxx0xxxxxxx"}


def _many(count: int) -> tuple[Discovered, ...]:
    return tuple(Discovered(uri=f"neighbour://127.0.{n // 250}.{n % 250 + 1}:8", why="seen") for n in range(count))


def test_facts_that_cannot_be_stored_are_a_bug_of_the_probe(tmp_path: Path) -> None:
    """Half a surrogate is no text: the scan is on record with its cause, and the inspection goes on."""
    evidence, assessment = seen(tmp_path, ScanOutput(raw=RAW, gaps=(Gap(question="\ud800", cause=Cause.RESET),)))
    [scan] = of(evidence, "sensor")
    assert scan.failure is not None
    assert scan.failure.cause is Cause.BUG
    assert "facts that cannot be stored" in scan.failure.detail
    assert outcomes(assessment)["sensor-online"] == ("error", "bug")


@pytest.mark.parametrize(
    ("error", "cause", "words"),
    [
        (ScanFailure(Cause.REFUSED, "closed"), Cause.REFUSED, "closed"),
        (ValueError("not a word"), Cause.PROTOCOL_ERROR, "what was received cannot be read: not a word"),
        (RuntimeError("ours"), Cause.BUG, "raised RuntimeError: ours"),
        (RecursionError("deep"), Cause.BUG, "raised RecursionError: deep"),
    ],
)
def test_reading_that_fails_says_why(error: Exception, cause: Cause, words: str) -> None:
    """Malformed bytes are attributed to the server, every other exception to the plugin."""

    def parse(output: ScanOutput, context: ParseContext) -> Sensor:
        raise error

    facts, note = asyncio.run(facts_of(sensor(parse=parse), ScanOutput(raw=RAW), READING))
    assert facts is None
    assert note is not None
    assert note.cause is cause
    assert words in note.detail


def test_reading_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser that never returns is a bug of its plugin."""
    monkeypatch.setattr("inspector.collect.parsing.READ_SECONDS", 0.2)

    def parse(output: ScanOutput, context: ParseContext) -> Sensor:
        while True:
            pass

    facts, note = asyncio.run(facts_of(sensor(parse=parse), ScanOutput(raw=(Raw(name="x", data=b""),)), READING))
    assert (facts, note and note.cause) == (None, Cause.BUG)


def test_facts_that_cannot_be_parsed_in_time_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Putting facts into JSON is the plugin's code, too, and is bounded as its reading is."""
    monkeypatch.setattr("inspector.collect.parsing.READ_SECONDS", 0.2)

    class Endless(Sensor):
        @model_serializer
        def tell(self) -> dict[str, object]:
            while True:
                pass

    def parse(output: ScanOutput, context: ParseContext) -> Sensor:
        return Endless(online=Answer(seen=True))

    facts, note = asyncio.run(facts_of(sensor(parse=parse), ScanOutput(raw=RAW), READING))
    assert facts is None
    assert note is not None
    assert "took longer than 0.2 s" in note.detail


def test_whatever_keeps_a_scan_from_being_recorded_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No scan waits for ever for a record that will not be: a mistake of ours ends the inspection, at the first one."""
    keep = CaptureWriter.keep
    refused: list[object] = []

    def broken(writer: CaptureWriter, ready: Iterable[PreparedEvidence]) -> None:
        if not refused:
            refused.append(ready)
            raise RuntimeError("a mistake of ours")
        keep(writer, ready)

    monkeypatch.setattr(CaptureWriter, "keep", broken)
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        inspect(tmp_path, job(tmp_path))


@pytest.mark.parametrize("counts", [{}, {"a": 1}, {"a": 5, "b": 5, "c": 5}, {"a": 7, "b": 1, "c": 3}])
def test_mixing_loses_no_scan_and_begins_at_different_places(counts: dict[str, int]) -> None:
    """Every task is in the order once, and each probe starts at another place of its list."""
    tasks = [
        ScanTask(
            probe=probe,
            subject=Subject(kind=SubjectKind.ADDRESS, uri="device://a", scheme="device", address=f"127.0.0.{place}"),
        )
        for probe, count in counts.items()
        for place in range(count)
    ]
    order = interleave(tasks)
    assert sorted(order, key=lambda task: task.key) == sorted(tasks, key=lambda task: task.key)
    assert {task.probe for task in order[: len(counts)]} == set(counts)
    if set(counts.values()) == {5}:
        assert len({task.subject.address for task in order[:3]}) == 3


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_scans_are_in_flight_than_allowed(most: int, tmp_path: Path) -> None:
    """``ceilings.scans`` holds, and what it allows is made use of."""
    running, together = 0, []

    @probe(
        "sensor",
        kind=Sensor,
        schemes={SENSOR},
        subject_kind=SubjectKind.ADDRESS,
        parse=parse_sensor,
        intrusiveness=Intrusiveness.PASSIVE,
    )
    async def slow(target: Target, network: Network) -> ScanOutput:
        nonlocal running
        running += 1
        together.append(running)
        await asyncio.sleep(0.01)
        running -= 1
        return ScanOutput(raw=RAW)

    given = job(
        tmp_path,
        *(f"sensor://127.0.0.{number}" for number in range(1, 13)),
        registry=registry([slow, average, neighbour]),
        settings=Settings(output=tmp_path / "out", ceilings=Ceilings(scans=most)),
    )
    bundle, _assessment = inspect(tmp_path, given)
    assert len(of([evidence for _, evidence in bundle.evidence()], "sensor")) == 12
    assert max(together) == most
