"""What goes between a run and its worker processes is data: results, errors with their remedies, names of calls."""

import asyncio
from pathlib import Path

import pytest

from inspector.declare.settings import Settings
from inspector.fleet import jobs
from inspector.fleet.jobs import Common, ProvisionalJob, _answered, provisional, result_of
from inspector.model.errors import BundleError, InspectorError, UsageError
from inspector.model.formatted import FormattedMessage
from inspector.network.sandbox.protocol import pack_call, unpack_call
from inspector.pipeline.reassess import AssessmentOptions, assess_bundle
from inspector.pipeline.request import ReportOptions
from inspector.plugin import time_limits
from inspector.registry.lock import records_of
from inspector.registry.registry import installed
from inspector.seal import CaptureWriter, SigningKey, add_assessment, recorded_in
from tests.core.seal.examples import TRUST, WHEN, inspection, raw, record
from tests.core.systems import inspect, job


def _raising(error: InspectorError) -> bytes:
    def work() -> bytes:
        raise error

    return _answered(work)


def test_a_result_comes_back() -> None:
    """As it was, whatever bytes it has."""
    assert result_of(_answered(lambda: b"-{\n")) == b"-{\n"


@pytest.mark.parametrize("kind", [BundleError, UsageError, InspectorError])
def test_an_error_comes_back_with_its_template(kind: type[InspectorError]) -> None:
    """Of its kind, with message and remedy that can be told in another language, and nothing that is no Unicode."""
    inner = FormattedMessage("no space on {disk}", disk=Path("/a\udcff"))
    answer = _raising(kind(FormattedMessage("{file}: {why}", file="x", why=inner), remedy="free some"))
    with pytest.raises(kind) as caught:
        result_of(answer)
    message = caught.value.message
    assert isinstance(message, FormattedMessage)
    assert (message.template, caught.value.remedy) == ("{file}: {why}", "free some")
    why = message.values["why"]
    assert isinstance(why, FormattedMessage)
    assert why.template == "no space on {disk}"
    str(message).encode()


def test_the_name_of_a_call_is_bounded() -> None:
    """Whatever a plugin calls itself; a file that nothing was written to names nothing."""
    assert unpack_call(pack_call(7, "check x")) == (7, "check x")
    number, name = unpack_call(pack_call(8, "đ" * 500))
    assert number == 8
    assert name.startswith("đđđ")
    assert unpack_call(b"") == (0, "")


def test_a_provisional_assessment_needs_exactly_the_evidence_that_was_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that reads less from the capture, or more, than the run has recorded does not assess it."""
    monkeypatch.setattr(jobs, "reduce_gc", lambda: None)  # of the process of all tests
    monkeypatch.setattr(time_limits, "tell", time_limits.tell)
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    known = [record(writer, number, raw(b"%d" % number)) for number in range(2)]
    read, evidence = recorded_in(writer.folder)
    assert read.id == writer.inspection.id
    assert [one for one, _ in evidence] == sorted(known)
    assert dict(evidence) == dict(writer.evidence())
    common = Common(
        settings=Settings(),
        is_decided=False,
        plugins=records_of(installed()),
        summarise="",
        options=b"",
        mark="os:getcwd",
    )
    for given in (tuple(sorted(known))[:1], (*sorted(known), "0" * 64)):
        job = ProvisionalJob(folder=str(writer.folder), as_of=WHEN, evidence=given)
        with pytest.raises(BundleError, match="does not hold what was recorded"):
            result_of(provisional(job.canonical(), common.canonical()))


def test_a_run_that_goes_on_keeps_to_its_own_assessment(tmp_path: Path) -> None:
    """Another assessment of the same date, under a lower level, is not taken for that of the run."""
    given = job(tmp_path)
    bundle, own = inspect(tmp_path, given, collected=False)
    key = SigningKey.load_or_create(tmp_path / "key.pem")
    add_assessment(bundle, own, {}, key)
    options = AssessmentOptions(as_of=own.as_of, level=1)
    other = asyncio.run(assess_bundle(bundle, given.context.registry, options))
    add_assessment(bundle, other, {}, key)
    kept = asyncio.run(jobs.assessed(bundle.folder, given.context, own.as_of, ReportOptions()))
    assert (own.level, other.level, kept.view.assessment.level) == (3, 1, 3)
