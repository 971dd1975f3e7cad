"""What a bundle costs: few files, few waits for the disk, and few bytes."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inspector.model.verdict import Outcome
from inspector.network.pacing.ledger import Ledger
from inspector.pipeline.attempts import AttemptLog
from inspector.seal import Bundle, CaptureWriter, RunIndex, SigningKey, add_assessment
from tests.core.seal.examples import TRUST, WHEN, assessment, inspection, raw, record
from tests.core.seal.test_incidents import ledger_line

#: The most files of a bundle, and the most fsyncs of an inspection beyond two per shared file that is new.
FILES, SYNCS = 8, 25


@contextmanager
def counted() -> Iterator[list[str]]:
    """Within the body, every wait for the disk is noted, with the name of what was waited for."""
    waits: list[str] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        waits.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", noted)
        yield waits


def inspected(root: Path, key: SigningKey, number: int, between: Callable[[], None] = lambda: None) -> Bundle:
    """A whole inspection of one system: 60 scans in as many writes, two of them with the same raw bytes."""
    trust = {**TRUST, "public-roots.pem": bytes(range(256)) * 100 + b"".join(os.urandom(20) for _ in range(400))}
    log = AttemptLog(RunIndex(root, "run-1"), "sys-a")
    writer = CaptureWriter.create(root, inspection(id=f"inspection-{number}"), trust=trust)
    ledger = Ledger(writer.ledger_path)
    with writer, log.collecting(writer.inspection):
        for scan in range(60):
            ledger.opened(ledger_line(scan + 1)).close()
            record(writer, scan, raw(b"%d" % (scan // 2) * 50))
            between()
    writer = CaptureWriter.resume(writer.folder)
    bundle = writer.seal(key, ended=WHEN)
    log.record_sealed(bundle, key)
    log.record_sealed(bundle, key, add_assessment(bundle, assessment(bundle), {}, key).name)
    return bundle


def test_an_inspection_waits_seldom_for_the_disk(tmp_path: Path, key: SigningKey) -> None:
    """Whether or not it is the first of its run, and handed over to another writer, with sixty scans."""
    for number in range(2):
        with counted() as waits:
            inspected(tmp_path, key, number)
        new = 2  # the trust roots, and the folder with their name
        assert len(waits) <= SYNCS + new, waits
        assert waits.count("pack.zst") <= 5
    assert waits


def test_the_disk_is_waited_for_after_a_while(tmp_path: Path, key: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where records come more slowly, each is put through to the disk with the next one."""
    monkeypatch.setattr("inspector.seal.capture_writer.SYNC_SECONDS", 0.0)
    with counted() as waits:
        inspected(tmp_path, key, 1)
    assert waits.count("pack.zst") >= 60


def test_a_capture_that_is_closed_is_on_the_disk(tmp_path: Path) -> None:
    """What was recorded is put through when the writer is closed, once."""
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    record(writer)
    with counted() as waits:
        writer.close()
        writer.close()
    assert waits == ["pack.zst"]


def test_a_bundle_has_few_files(tmp_path: Path, key: SigningKey) -> None:
    """However many scans it holds: a pack and a manifest each of the capture and of every assessment."""
    bundle = inspected(tmp_path, key, 1)
    files = [path for path in bundle.folder.rglob("*") if path.is_file()]
    assert len(files) == 4 <= FILES
    add_assessment(bundle, assessment(bundle, Outcome.PASS), {}, key)
    assert len([path for path in bundle.folder.rglob("*") if path.is_file()]) == 6
