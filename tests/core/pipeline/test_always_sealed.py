"""Whatever a probe returns or discovers, the capture is sealed, intact and assessed."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import inspector_reports
from inspector import Discovered, ParseContext, Raw, ScanOutput, Verdict, check, hookimpl, passed
from inspector.model.base import Cause
from inspector.model.observation import Evidence, FailureNote, Gap
from inspector.pipeline.capture import open_capture, seal_capture
from inspector.pipeline.pipeline import collect_and_confirm
from inspector.pipeline.reassess import AssessmentOptions, assess_bundle
from inspector.pipeline.reporting import write_assessment
from inspector.pipeline.request import ReportOptions
from inspector.plugin.probe import Probe
from inspector.record.assessment import Assessment
from inspector.registry.registry import Plugin, Registry, build
from inspector.seal import Bundle, SigningKey, verify
from tests.core import systems

#: Any text, with what makes trouble more often: lone surrogates, brackets, control characters, escapes, long ones.
TEXT = st.one_of(
    st.text(),
    st.text(alphabet="a[]\\%:/@.\x00\n\x1b\u202e\ud800\udfff{}", max_size=40),
    st.integers(1, 70_000).map(lambda size: "x" * size),
)
NAMES = st.one_of(
    TEXT, st.builds("{}:{}".format, st.sampled_from(["neighbour", "zone", "neighbour:/", "sensor"]), TEXT)
)


def constructed(kind: Any, **values: Any) -> Any:
    """A model with any values, as a plugin can make it without validation."""
    return kind.model_construct(**values)


DISCOVERED = st.builds(
    lambda uri, why, infrastructure, address: constructed(
        Discovered, uri=uri, why=why, infrastructure=infrastructure, address=address
    ),
    NAMES,
    TEXT,
    st.booleans(),
    st.none() | TEXT,
)
VALID = st.builds(
    lambda uri: Discovered(uri=uri, why="a scan"),
    NAMES.filter(lambda text: not any("\ud800" <= each <= "\udfff" for each in text)),
)
OUTPUT = st.builds(
    lambda **values: constructed(ScanOutput, **values),
    raw=st.lists(
        st.builds(lambda name, data: constructed(Raw, name=name, data=data), TEXT, st.binary(max_size=200)), max_size=3
    ).map(tuple),
    gaps=st.lists(st.builds(lambda text: constructed(Gap, question=text, cause=Cause.TIMEOUT), TEXT), max_size=2).map(
        tuple
    ),
    discovered=st.lists(VALID | DISCOVERED, max_size=4).map(tuple),
    tools=st.dictionaries(TEXT, TEXT, max_size=2),
    failure=st.none() | st.builds(lambda text: constructed(FailureNote, cause=Cause.RESET, detail=text), TEXT),
)


def registry(probes: Iterable[Probe], *checks: Any) -> Registry:
    """The example plugin with these probes, and every report format."""
    hooks = SimpleNamespace(
        inspector_probes=hookimpl(_giving("inspector_probes", list(probes))),
        inspector_checks=hookimpl(
            _giving("inspector_checks", [*checks, systems.average_computed, systems.neighbours_known])
        ),
    )
    return build(
        [
            (Plugin("example", "example", "1", "inspector"), hooks),
            (Plugin("inspector_reports", "level-inspector", "1", "inspector_reports"), inspector_reports),
        ]
    )


def _giving(name: str, parts: list[Any]) -> Any:
    def hook() -> list[Any]:
        return parts

    hook.__name__ = name
    return hook


def whole(folder: Path, known: Registry) -> tuple[Bundle, Assessment]:
    """Collect, seal, assess, report and verify."""
    given_ = systems.job(folder, registry=known)
    made = systems.planned(given_)
    key = SigningKey.load_or_create(folder / "key.pem")
    with open_capture(made, given_.context) as writer:
        asyncio.run(collect_and_confirm(writer, made, given_.context))
        bundle = seal_capture(writer, made.planner, key)
    options = AssessmentOptions(as_of=given_.request.as_of)
    assessment = asyncio.run(assess_bundle(bundle, known, options))
    write_assessment(bundle, assessment, known, ReportOptions(formats=tuple(known.renderers)), key)
    answer = verify(bundle.folder, trusted=[key.keyid])
    assert answer.intact.trusted, answer.intact.faults
    assert [each.assessment for each in bundle.assessments()] == [assessment]
    return bundle, assessment


def first(bundle: Bundle) -> Evidence:
    """The evidence of the sensor."""
    return next(each for _, each in bundle.evidence() if each.probe == "sensor" and each.scan == 1)


@settings(max_examples=60, deadline=None)
@given(output=OUTPUT)
def test_any_output_is_sealed_and_assessed(output: ScanOutput) -> None:
    """Any text, also one that is no Unicode, in any field that a probe fills."""
    with tempfile.TemporaryDirectory() as folder:
        whole(
            Path(folder), registry([systems.sensor(output), systems.average, systems.neighbour], systems.sensor_online)
        )


@pytest.mark.parametrize(
    "name",
    [
        r"a\[b.zone.",
        "a]b",
        "[::1",
        "neighbour://[x/",
        r"neighbour://a\[b.zone.:8",
        "neighbour://a:99999999999999",
        "neighbour://" + "a" * 100_000,
        "neighbour://127.0.0.1:8/" + "é" * 8000,
        "neighbour://\x00\x1b[31m",
    ],
)
def test_an_unusable_name_is_refused_with_a_cause(tmp_path: Path, name: str) -> None:
    """A name that is no endpoint is on record as a scan that was refused; nothing of it stops the seal."""
    output = ScanOutput(raw=systems.RAW, discovered=(Discovered(uri=name, why="a scan"),))
    known = registry([systems.sensor(output), systems.average, systems.neighbour], systems.sensor_online)
    bundle, _ = whole(tmp_path, known)
    assert first(bundle).facts is not None
    refused = [each for _, each in bundle.evidence() if each.probe == "neighbour"]
    assert [each.failure.cause for each in refused if each.failure] == [Cause.PROTOCOL_ERROR] * name.startswith("neigh")


@settings(max_examples=20, deadline=None)
@given(text=TEXT)
def test_any_error_text_is_sealed_and_assessed(text: str) -> None:
    """An exception of a probe, a parser or a check may have any text."""

    def parse(output: ScanOutput, context: ParseContext) -> systems.Sensor:
        raise RuntimeError(text)

    @check("sensor-online", title="Online")
    def failing(seen: systems.Neighbour) -> Verdict:
        """The sensor is online.

        Remediation: switch it on.
        """
        raise RuntimeError(text)

    output = ScanOutput(raw=systems.RAW, discovered=systems.neighbours(1))
    with tempfile.TemporaryDirectory() as folder:
        known = registry([systems.sensor(output, parse), systems.average, systems.neighbour], failing)
        bundle, assessment = whole(Path(folder), known)
        assert systems.outcomes(assessment)["sensor-online"] == ("error", "bug")
        failure = first(bundle).failure
        assert failure is not None
        assert failure.cause is Cause.BUG


def test_raw_bytes_beyond_the_limit_are_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More raw bytes than a bundle holds end one scan with a cause that names the limit, not the inspection."""
    monkeypatch.setattr("inspector.seal.capture_writer.RAW_BYTES", 100)
    output = ScanOutput(raw=(Raw(name="state", data=b"x" * 101),))
    known = registry([systems.sensor(output), systems.average, systems.neighbour], systems.sensor_online)
    bundle, assessment = whole(tmp_path, known)
    failure = first(bundle).failure
    assert failure is not None
    assert "101 bytes are more than 100" in failure.detail
    assert systems.outcomes(assessment)["sensor-online"] == ("error", "bug")


def test_many_raw_answers_beyond_the_limit_are_a_refusal(tmp_path: Path) -> None:
    """A record that its own references make too long is kept without them."""
    output = ScanOutput(raw=tuple(Raw(name="n" * 100_000, data=b"%d" % number) for number in range(170)))
    known = registry([systems.sensor(output), systems.average, systems.neighbour], systems.sensor_online)
    bundle, assessment = whole(tmp_path, known)
    assert first(bundle).raw == ()
    assert systems.outcomes(assessment)["sensor-online"] == ("error", "bug")


@pytest.mark.parametrize(
    "output",
    [
        ScanOutput(gaps=tuple(Gap(question=str(number), cause=Cause.TIMEOUT) for number in range(6000))),
        ScanOutput(raw=tuple(Raw(name="n", data=b"%d" % number) for number in range(33_000))),
    ],
    ids=["values", "raw answers"],
)
def test_more_values_than_are_read_are_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: ScanOutput
) -> None:
    """What could be written and not be read back ends one scan with its cause, not the inspection."""
    monkeypatch.setattr("inspector.record.limits._CONTAINERS", 40_000 if output.raw else 5000)
    known = registry([systems.sensor(output), systems.average, systems.neighbour], systems.sensor_online)
    bundle, assessment = whole(tmp_path, known)
    failure = first(bundle).failure
    assert failure is not None
    assert failure.cause is Cause.BUG
    assert systems.outcomes(assessment)["sensor-online"] == ("error", "bug")


def test_a_verdict_quotes_a_bounded_part_of_what_was_seen(tmp_path: Path) -> None:
    """A value of a million characters, or of as many items, is cut in the finding; the evidence has it whole."""

    @check("sensor-online", title="Online")
    def quoting(seen: systems.Sensor) -> Verdict:
        """The sensor is online.

        Remediation: switch it on.
        """
        return passed("{measured} {many}", measured="x" * 1_000_000, many=["y" * 1_000] * 100_000)

    known = registry([systems.sensor(), systems.average, systems.neighbour], quoting)
    _, assessment = whole(tmp_path, known)
    (finding,) = [each for each in assessment.findings if each.check == "sensor-online"]
    assert len(finding.canonical()) < 100_000
    assert str(finding.measured).startswith("xxx")


@check("sensor-online", title="Online")
def about_neighbours(seen: systems.Neighbour) -> Verdict:
    """The neighbour is known.

    Remediation: none.
    """
    return passed("known")


@pytest.mark.parametrize("cause", [Cause.TIMEOUT, Cause.ABORTED, Cause.BUG])
def test_what_could_not_be_discovered_is_not_inapplicable(tmp_path: Path, cause: Cause) -> None:
    """Where the scan that discovers subjects failed, or its record was lost, nobody knows that there are none."""
    failed_scan = ScanOutput(failure=FailureNote(cause=cause))
    parts = [systems.sensor(failed_scan), systems.average, systems.neighbour]
    _, assessment = whole(tmp_path / "failed", registry(parts, about_neighbours))
    outcome = "error" if cause is Cause.BUG else "inconclusive"
    assert systems.outcomes(assessment)["sensor-online"] == (outcome, cause.value)
    _, assessment = whole(tmp_path / "seen", registry([systems.sensor(), *parts[1:]], about_neighbours))
    assert systems.outcomes(assessment)["sensor-online"] == ("not-applicable", None)
