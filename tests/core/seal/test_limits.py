"""What is written can be read: one set of limits for writer and reader, named as limits and never as alterations."""

from pathlib import Path

import pytest

from inspector.cli.verification import describe_intact
from inspector.model.errors import LimitExceeded
from inspector.model.finding import finding_id
from inspector.record import limits
from inspector.record.assessment import Assessment
from inspector.seal import Attempt, Bundle, CaptureWriter, RunIndex, SigningKey, State, add_assessment, verify
from inspector.seal.capture_writer import prepare
from tests.core.seal.examples import TRUST, WHEN, assessment, evidence, inspection, record
from tests.core.seal.forgery import contents, spoil


def with_findings(bundle: Bundle, count: int) -> Assessment:
    """An assessment with this many findings."""
    one = assessment(bundle)
    (finding,) = one.findings
    subjects = (f"https://{number}.example" for number in range(count))
    many = tuple(
        finding.model_copy(update={"subject": each, "id": finding_id(finding.requirement, each)}) for each in subjects
    )
    return one.model_copy(update={"findings": many})


def test_findings_of_many_endpoints_are_read_back(bundle: Bundle, key: SigningKey) -> None:
    """Findings of several hundred endpoints are more than 16 MiB, and the bundle is intact."""
    many = with_findings(bundle, 60_000)
    folder = add_assessment(bundle, many, {}, key)
    assert len(contents(folder)["findings.json"]) > 16 * 2**20
    assert verify(bundle.folder, trusted=[key.keyid]).intact.trusted
    assert bundle.assessment(folder.name).assessment == many


def test_what_is_too_large_is_refused_when_it_is_written(
    bundle: Bundle, key: SigningKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Findings, reports, documents and trust roots beyond the limit are refused, by file and limit."""
    monkeypatch.setattr(limits, "FILE_BYTES", 20_000)
    monkeypatch.setattr(limits, "JSON_BYTES", 10_000)
    before = sorted(path.name for path in bundle.folder.rglob("*"))
    with pytest.raises(LimitExceeded, match=r"findings\.json: \d+ bytes are more than the limit of 20000"):
        add_assessment(bundle, with_findings(bundle, 100), {}, key)
    with pytest.raises(LimitExceeded, match=r"report\.html: 20001 bytes are more than the limit"):
        add_assessment(bundle, assessment(bundle), {"report.html": bytes(20_001)}, key)
    assert sorted(path.name for path in bundle.folder.rglob("*")) == before
    with pytest.raises(LimitExceeded, match=r"capture/trust/roots: 20001 bytes"):
        CaptureWriter.create(tmp_path / "trust", inspection(), trust={"roots": bytes(20_001)})
    long = inspection().model_copy(update={"settings": {"contact": "x" * 10_000}})
    with pytest.raises(LimitExceeded, match=r"capture/settings\.json: \d+ bytes are more than the limit of 10000"):
        CaptureWriter.create(tmp_path / "document", long, trust={})
    assert not (tmp_path / "trust").exists()


def test_a_pack_and_an_index_stop_at_their_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would make its file longer than what is read is refused, and what is there stays."""
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    index = RunIndex(tmp_path, "run-1")
    attempt = Attempt(at=WHEN, system="sys-a", inspection="i", state=State.BEGUN)
    index.add(attempt)
    monkeypatch.setattr(limits, "FILE_BYTES", 100)
    monkeypatch.setattr("inspector.seal.capture_writer.PACK_BYTES", 5000)
    with pytest.raises(LimitExceeded, match=r"pack\.zst: is longer than 5000 bytes"):
        writer.keep(prepare(evidence(number)) for number in range(10))
    with pytest.raises(LimitExceeded, match=r"index\.jsonl: is longer than 100 bytes"):
        index.add(attempt)
    assert writer.evidence() == ()
    assert len(record(writer)) == 64


def test_a_limit_is_not_called_an_alteration(bundle: Bundle, key: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beyond what this version reads leaves the answer open; next to it an alteration is still one."""
    add_assessment(bundle, assessment(bundle), {}, key)
    size = (bundle.folder / "capture" / "pack.zst").stat().st_size
    monkeypatch.setattr(limits, "PACK_BYTES", size - 1)
    intact = verify(bundle.folder, trusted=[key.keyid]).intact
    assert (intact.holds, intact.altered) == (False, False)
    text = describe_intact(intact)
    assert "not intact" not in text
    assert f"capture/pack.zst: is longer than {size - 1} bytes" in text
    with pytest.raises(LimitExceeded):
        Bundle.open(bundle.folder)
    spoil(next((bundle.folder / "assessments").iterdir()), "findings.json", lambda data: data[:-1])
    intact = verify(bundle.folder, trusted=[key.keyid]).intact
    assert intact.altered
    assert "not intact:" in describe_intact(intact)
