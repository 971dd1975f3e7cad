"""Assessments are written next to the capture, complete and signed, each different one once."""

import subprocess
from pathlib import Path

import pytest

from inspector.model.errors import BundleError
from inspector.model.verdict import Outcome
from inspector.seal import Bundle, SigningKey, add_assessment, verify
from inspector.seal.layout import MANIFEST
from tests.core.seal.examples import assessment, inspection, public_pem, sealed
from tests.core.seal.forgery import payload, spoil

NAME = "2026-11-21T10-30-15Z-vn-nd331-2026"


def test_what_was_assessed_is_read_back(bundle: Bundle, key: SigningKey) -> None:
    """An assessment comes back as it went in, with its reports, its signer and the capture's digest in its manifest."""
    folder = add_assessment(bundle, assessment(bundle), {"report.vi.html": b"<html>"}, key)
    assert folder.name == NAME
    (judged,) = Bundle.open(bundle.folder).assessments()
    assert judged.assessment == assessment(bundle)
    assert (judged.reports, judged.signers) == (("reports/report.vi.html",), (key.keyid,))
    assert payload(folder)["predicate"]["capture"] == bundle.digest
    assert sorted(path.name for path in bundle.folder.iterdir()) == ["assessments", "capture"]


def test_the_same_assessment_is_written_once(bundle: Bundle, key: SigningKey) -> None:
    """Writing the same assessment again is accepted and changes no byte."""
    folder = add_assessment(bundle, assessment(bundle), {"a": b"1"}, key)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}
    assert add_assessment(bundle, assessment(bundle), {"a": b"1"}, key) == folder
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}
    assert before == after


def test_a_different_one_of_the_same_name_gets_a_number(bundle: Bundle, key: SigningKey) -> None:
    """Other findings, or other reports, at the same date under the same regime get a folder of their own."""
    made = [
        add_assessment(bundle, assessment(bundle), {}, key),
        add_assessment(bundle, assessment(bundle, Outcome.PASS), {}, key),
        add_assessment(bundle, assessment(bundle), {"more": b""}, key),
    ]
    assert [folder.name for folder in made] == [NAME, f"{NAME}-2", f"{NAME}-3"]
    assert add_assessment(bundle, assessment(bundle, Outcome.PASS), {}, key) == made[1]
    assert len(bundle.assessments()) == 3


def test_an_altered_assessment_is_not_taken_for_the_same(bundle: Bundle, key: SigningKey) -> None:
    """Where the earlier files were altered, the same assessment is written again, to another folder."""
    folder = add_assessment(bundle, assessment(bundle), {}, key)
    spoil(folder, "findings.json", lambda data: data[:-1])
    assert add_assessment(bundle, assessment(bundle), {}, key).name == f"{NAME}-2"


def test_a_assessment_needs_its_own_capture(tmp_path: Path, key: SigningKey) -> None:
    """An assessment about another inspection is refused."""
    first = sealed(tmp_path, key)
    second = sealed(tmp_path, key, inspected=inspection(id="inspection-2"))
    with pytest.raises(BundleError, match="another inspection"):
        add_assessment(second, assessment(first), {}, key)


@pytest.mark.parametrize("name", ["../escape", "/absolute", "a/b/../c", "line\nfeed", ""])
def test_reports_stay_in_their_folder(bundle: Bundle, key: SigningKey, name: str) -> None:
    """A report whose name leads elsewhere is refused and nothing is left behind."""
    with pytest.raises(BundleError, match="cannot be the name of a report"):
        add_assessment(bundle, assessment(bundle), {"good": b"", name: b""}, key)
    assert [path.name for path in bundle.folder.iterdir()] == ["capture"]


def test_a_disk_that_refuses_leaves_nothing_half(bundle: Bundle, key: SigningKey) -> None:
    """When the place of the assessments cannot be used, that is reported and no half assessment appears."""
    (bundle.folder / "assessments").write_bytes(b"")
    with pytest.raises(BundleError, match="cannot be written"):
        add_assessment(bundle, assessment(bundle), {}, key)
    assert sorted(path.name for path in bundle.folder.iterdir()) == ["assessments", "capture"]


def test_the_signature_can_be_checked_without_this_program(bundle: Bundle, key: SigningKey, tmp_path: Path) -> None:
    """openssl alone confirms the signature over the payload, as DSSE lays it out."""
    import json
    from base64 import b64decode

    envelope = json.loads((bundle.folder / "capture" / MANIFEST).read_bytes())
    body, kind = b64decode(envelope["payload"]), envelope["payloadType"].encode()
    (tmp_path / "message").write_bytes(b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body))
    (tmp_path / "signature").write_bytes(b64decode(envelope["signatures"][0]["sig"]))
    (tmp_path / "public.pem").write_bytes(public_pem(key))
    command = "openssl pkeyutl -verify -pubin -inkey public.pem -rawin -in message -sigfile signature"
    done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Signature Verified Successfully" in done.stdout


def test_what_a_killed_writer_left_is_reported_and_cleared(bundle: Bundle, key: SigningKey) -> None:
    """Half an assessment that a killed process left is reported, never read, and removed by the next write."""
    half = bundle.folder / "partial" / "0123" / "findings.json"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"[")
    assert bundle.assessments() == ()
    assert [fault.file for fault in verify(bundle.folder, trusted=[key.keyid]).intact.faults] == ["partial"]
    add_assessment(bundle, assessment(bundle), {}, key)
    assert verify(bundle.folder, trusted=[key.keyid]).intact.trusted
