"""The seal of an inspection names the one before it of the same system, whatever ends a process in between."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.cli.verification import describe
from inspector.declare.declaration import Organisation
from inspector.model.errors import BundleError
from inspector.model.language import Language
from inspector.report.messages import translated
from inspector.seal import Bundle, CaptureWriter, SigningKey, verify
from inspector.seal import capture_writer as writing
from inspector.seal.export import export_bundle, unpack
from inspector.seal.layout import CAPTURE, MANIFEST
from tests.core.seal.examples import WHEN, inspection, record, sealed


def begun(root: Path, number: int, *, code: str | None = None, system: str = "sys-a") -> CaptureWriter:
    organisation = None if code is None else Organisation(code=code, name=code)
    inspected = inspection(system, id=f"inspection-{number}").model_copy(update={"organisation": organisation})
    writer = CaptureWriter.create(root, inspected.model_copy(update={"run": f"run-{number}"}), trust={})
    record(writer)
    return writer


def closed(writer: CaptureWriter, key: SigningKey) -> Bundle:
    return writer.seal(key, ended=WHEN)


def prev(bundle: Bundle) -> str | None:
    return bundle.sealed.predicate.prev


@pytest.fixture
def three(tmp_path: Path, key: SigningKey) -> list[Bundle]:
    """Three inspections of one system in three runs."""
    return [closed(begun(tmp_path / "out", number), key) for number in range(3)]


def said(bundle: Bundle, language: Language = Language.EN) -> str:
    return describe(verify(bundle.folder, trusted=bundle.signers), lambda text: translated(text, language))


def test_each_seal_names_the_one_before_it(tmp_path: Path, key: SigningKey, three: list[Bundle]) -> None:
    """In the order of the seals; another system, or the same id in another organisation, has a chain of its own."""
    assert [prev(each) for each in three] == [None, three[0].digest, three[1].digest]
    assert prev(closed(begun(tmp_path / "out", 3, code="A"), key)) is None
    assert prev(closed(begun(tmp_path / "out", 4, system="sys-b"), key)) is None
    late, early = begun(tmp_path / "out", 5, code="A"), begun(tmp_path / "out", 6, code="A")
    first = closed(early, key)
    assert prev(closed(late, key)) == first.digest


def test_verify_shows_the_chain(three: list[Bundle]) -> None:
    """Where the one before lies, how many are there, and that it is the first; in both languages."""
    assert f"previous inspection: {three[1].digest} in run-1/sys-a/inspection-1" in said(three[2])
    assert "sealed inspections before it in this archive, one behind the other: 2" in said(three[2])
    assert "previous inspection: its seal names none" in said(three[0])
    vietnamese = said(three[2], Language.VI)
    assert f"lần kiểm tra trước: {three[1].digest} tại run-1/sys-a/inspection-1" in vietnamese
    assert "previous" not in vietnamese


def test_one_that_is_missing_is_stated(three: list[Bundle]) -> None:
    """Wherever in the chain it was taken out: that is no failure of what is there."""
    shutil.rmtree(three[0].folder)
    answer = verify(three[2].folder, trusted=three[2].signers)
    assert (len(answer.before.folders), answer.before.missing, answer.before.faults) == (1, three[0].digest, ())
    assert f"an earlier inspection is not in this archive: {three[0].digest}" in said(three[2])
    shutil.rmtree(three[1].folder)
    assert verify(three[2].folder, trusted=()).before.missing == three[1].digest


@pytest.mark.parametrize("number", [0, 1])
def test_one_that_was_exchanged_is_named(tmp_path: Path, key: SigningKey, three: list[Bundle], number: int) -> None:
    """Another inspection in its folder, though it is intact and signed by the same key, or an altered manifest."""
    place = three[number].folder
    shutil.rmtree(place)
    other = sealed(tmp_path / "other", key, inspected=inspection(id=place.name))
    shutil.copytree(other.folder, place)
    found = verify(three[2].folder, trusted=three[2].signers).before
    (fault,) = found.faults
    assert fault.file == f"../../../run-{number}/sys-a/{place.name}"
    assert "not as the chain of seals says:" in said(three[2])
    manifest = place / CAPTURE / MANIFEST
    manifest.write_bytes(manifest.read_bytes().replace(b'"sig":"', b'"sig":"A'))
    assert verify(three[2].folder, trusted=()).before.faults == found.faults


def test_a_seal_that_names_no_other_though_there_is_one_is_told(tmp_path: Path, key: SigningKey) -> None:
    """As after the list of the chain was removed: the earlier inspection is named."""
    first = closed(begun(tmp_path / "out", 0), key)
    shutil.rmtree(tmp_path / "out/chains")
    second = closed(begun(tmp_path / "out", 1), key)
    assert prev(second) is None
    folder = first.folder.relative_to(tmp_path / "out")
    assert f"an earlier inspection that its seal does not name is in this archive: {folder}" in said(second)


def test_an_export_verifies_alone(tmp_path: Path, three: list[Bundle]) -> None:
    """The digest of the one before it is stated; nothing is wrong."""
    file = tmp_path / "bundle.tar.zst"
    export_bundle(three[2].folder, file)
    answer = verify(unpack(file, tmp_path / "run/system"), trusted=three[2].signers)
    assert answer.intact.trusted
    assert (answer.before.missing, answer.before.faults) == (three[1].digest, ())


@pytest.mark.parametrize("resumes", [True, False])
def test_a_process_that_ends_before_its_manifest_is_written_is_no_link(
    tmp_path: Path, key: SigningKey, monkeypatch: pytest.MonkeyPatch, resumes: bool
) -> None:
    """The next seal names the one before it, and its own follows when it is sealed after all."""
    first = closed(begun(tmp_path / "out", 0), key)
    torn = begun(tmp_path / "out", 1)
    with monkeypatch.context() as patch:
        patch.setattr(writing.disk, "write_file", lambda *_args, **_more: (_ for _ in ()).throw(BundleError("full")))
        with pytest.raises(BundleError, match="full"):
            closed(torn, key)
    torn.close()
    if resumes:
        again = closed(CaptureWriter.resume(torn.folder), key)
        assert prev(again) == first.digest
        assert prev(closed(begun(tmp_path / "out", 2), key)) == again.digest
        return
    second = closed(begun(tmp_path / "out", 2), key)
    assert prev(second) == first.digest
    assert prev(closed(CaptureWriter.resume(torn.folder), key)) == second.digest


def test_a_torn_line_is_left_out(tmp_path: Path, key: SigningKey, three: list[Bundle]) -> None:
    """What a power failure left of a line does not keep the next inspection from being sealed."""
    (file,) = (tmp_path / "out/chains").iterdir()
    file.write_bytes(file.read_bytes() + b"\0\0\0\n" + b'{"folder":"run-')
    assert prev(closed(begun(tmp_path / "out", 3), key)) == three[2].digest


SEALS = """
import sys
from pathlib import Path
from inspector.seal import SigningKey
from tests.core.seal.test_chain import begun, closed
root, name, first = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
writers = [begun(root, first + number) for number in range(4)]
print("ready", flush=True)
sys.stdin.readline()
for each in writers:
    closed(each, SigningKey.load_or_create(name))
"""


def test_two_processes_at_once_make_one_chain(tmp_path: Path, key: SigningKey) -> None:
    """No two seals name the same one before them."""
    command = [sys.executable, "-c", SEALS, str(tmp_path / "out"), str(tmp_path / "key.pem")]
    SigningKey.load_or_create(tmp_path / "key.pem")
    both = [
        subprocess.Popen([*command, str(first)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for first in (0, 10)
    ]
    for each in both:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in both:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    for each in both:
        each.communicate(timeout=60)
        assert each.returncode == 0
    bundles = [Bundle.open(folder) for folder in (tmp_path / "out").glob("run-*/sys-a/*")]
    named = [prev(each) for each in bundles]
    assert len(bundles) == len(set(named)) == 8
    last = closed(begun(tmp_path / "out", 99), key)
    assert len(verify(last.folder, trusted=()).before.folders) == 8
