"""The signed index of a run tells which bundles and assessments there must be."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from inspector.cli.verification import MOST_LINES, describe
from inspector.model.errors import BundleError
from inspector.model.verdict import Outcome
from inspector.pipeline.attempts import AttemptLog
from inspector.seal import Attempt, Bundle, RunIndex, SigningKey, State, add_assessment, verify
from inspector.seal.verify import Listed
from tests.core.seal.examples import WHEN, assessment, inspection, sealed
from tests.core.seal.forgery import resign
from tests.core.seal.test_capture_writer import in_namespace


def listed(root: Path, key: SigningKey, system: str = "sys-a", id: str = "inspection-1") -> Bundle:  # noqa: A002
    """A bundle with two assessments that its run's index lists."""
    bundle = sealed(root, key, scans=1, inspected=inspection(system, id=id))
    log = AttemptLog(RunIndex(root, "run-1"), system)
    log.record_sealed(bundle, key)
    for outcome in (Outcome.FAIL, Outcome.PASS):
        folder = add_assessment(bundle, assessment(bundle, outcome), {}, key)
        log.record_sealed(bundle, key, folder.name)
    return bundle


def asked(bundle: Bundle, key: SigningKey) -> Listed:
    answer = verify(bundle.folder, trusted=[key.keyid])
    assert answer.intact.trusted, answer.intact.faults
    return answer.listed


def test_what_the_index_lists_is_there(tmp_path: Path, key: SigningKey) -> None:
    """A whole run is as its index says, and the index is signed by a trusted signer; unsigned lines do not count."""
    first, second = listed(tmp_path, key), listed(tmp_path, key, "sys-b", "inspection-2")
    RunIndex(tmp_path, "run-1").add(Attempt(at=WHEN, system="c", inspection="i", state=State.BEGUN))
    for bundle in (first, second):
        assert asked(bundle, key) == Listed(signers=(key.keyid,), trusted=True, unfinished=("c",))
    text = describe(verify(first.folder, trusted=[key.keyid]), sources={key.keyid: "--trusted"})
    for words in (
        "system: sys-a (Hệ thống sys-a)",
        "inspection: inspection-1 of run run-1",
        "time: from 2026-11-21T10:30:15+00:00 to 2026-11-21T10:30:17+00:00 (complete)",
        f"head digest: {first.digest}",
        f"capture: signed by {key.keyid} (trusted: --trusted)",
        "as the index of the run says, signed by a trusted signer",
    ):
        assert words in text


def _assessment_gone(bundle: Bundle, _key: SigningKey) -> None:
    shutil.rmtree(sorted((bundle.folder / "assessments").iterdir())[1])


def _all_assessments_gone(bundle: Bundle, _key: SigningKey) -> None:
    shutil.rmtree(bundle.folder / "assessments")


def _assessment_exchanged(bundle: Bundle, key: SigningKey) -> None:
    folder = min((bundle.folder / "assessments").iterdir())
    resign(folder, key, lambda statement: statement["predicate"].update(inspector_version="9"))


def _capture_exchanged(bundle: Bundle, key: SigningKey) -> None:
    """Another inspection of the same system, as rightly signed, takes its place."""
    shutil.rmtree(bundle.folder)
    other = sealed(bundle.folder.parents[2] / "elsewhere", key, inspected=inspection(id="inspection-0"))
    shutil.copytree(other.folder, bundle.folder)


def _index_altered(bundle: Bundle, _key: SigningKey) -> None:
    path = bundle.folder.parents[1] / "index.jsonl"
    path.write_bytes(path.read_bytes().replace(b"inspection-1", b"inspection-9"))


def _index_shortened(bundle: Bundle, _key: SigningKey) -> None:
    path = bundle.folder.parents[1] / "index.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:1]))


def _index_gone(bundle: Bundle, _key: SigningKey) -> None:
    (bundle.folder.parents[1] / "index.jsonl").unlink()


def _index_of_another_run(bundle: Bundle, key: SigningKey) -> None:
    elsewhere = bundle.folder.parents[2] / "elsewhere"
    index = RunIndex(elsewhere, "run-2")
    index.add(Attempt(at=WHEN, system="c", inspection="i", state=State.BEGUN), key)
    for path in (elsewhere / "run-2").iterdir():
        shutil.copy(path, bundle.folder.parents[1] / path.name)


@pytest.mark.parametrize(
    ("spoil", "file", "what"),
    [
        (_assessment_gone, "assessments/2026-11-21T10-30-15Z-vn-nd331-2026-2", "is missing"),
        (_all_assessments_gone, "assessments/2026-11-21T10-30-15Z-vn-nd331-2026", "is missing"),
        (_assessment_exchanged, "assessments/2026-11-21T10-30-15Z-vn-nd331-2026", "is not the one"),
        (_capture_exchanged, "capture", "is not a capture that the index of its run lists"),
        (_index_altered, "index.jsonl", "is not what was signed"),
        (_index_shortened, "index.jsonl", "is not what was signed"),
        (_index_gone, "index.jsonl", "is missing"),
        (_index_of_another_run, "index.jsonl", "is not what was signed"),
    ],
)
def test_what_is_missing_or_exchanged_is_noticed(
    tmp_path: Path, key: SigningKey, spoil: Callable[[Bundle, SigningKey], None], file: str, what: str
) -> None:
    """Every file of the bundle may be rightly signed: the index says what is not there."""
    bundle = listed(tmp_path, key)
    spoil(bundle, key)
    faults = asked(bundle, key).faults
    assert faults[0].file == file
    assert faults[0].what.startswith(what)


def test_a_bundle_that_is_missing_is_noticed_in_its_neighbour(tmp_path: Path, key: SigningKey) -> None:
    """Another system's bundle that the index lists is there, and is the one that was sealed."""
    first, second = listed(tmp_path, key), listed(tmp_path, key, "sys-b", "inspection-2")
    shutil.rmtree(second.folder / "capture")
    assert [str(each) for each in asked(first, key).faults] == ["../../sys-b/inspection-2: is missing, or not a bundle"]
    _capture = sealed(tmp_path / "elsewhere", key, inspected=inspection("sys-b", id="inspection-2"))
    shutil.copytree(_capture.folder / "capture", second.folder / "capture")
    assert [each.what for each in asked(first, key).faults] == ["is not the one that the index of the run lists"]


def test_an_earlier_index_that_was_put_back_is_noticed(tmp_path: Path, key: SigningKey) -> None:
    """Rightly signed, it says less than what lies there; a system whose bundle is gone was asked for all the same."""
    index = RunIndex(tmp_path, "run-1")
    for system in ("sys-a", "sys-b"):
        index.add(Attempt(at=WHEN, system=system, inspection=f"none-{system}", state=State.REQUESTED))
    first = listed(tmp_path, key)
    earlier = {path.name: path.read_bytes() for path in index.path.parent.glob("index.*")}
    second = listed(tmp_path, key, "sys-b", "inspection-2")
    assert asked(first, key) == Listed(signers=(key.keyid,), trusted=True)
    for name, data in earlier.items():
        (index.path.parent / name).write_bytes(data)
    words = "is not listed by the index of the run, which may be an earlier one"
    assert [str(each) for each in asked(first, key).faults] == [f"../../sys-b/inspection-2: {words}"]
    assert asked(second, key).faults
    shutil.rmtree(second.folder)
    found = asked(first, key)
    assert (found.faults, found.unfinished) == ((), ("sys-b",))
    text = describe(verify(first.folder, trusted=[key.keyid]))
    assert "systems of the run without a sealed inspection in its index:\n  sys-b" in text


def test_a_bundle_by_itself_has_no_index(bundle: Bundle, key: SigningKey) -> None:
    """Handed over alone a bundle is as intact; what is not known is said."""
    assert asked(bundle, key) == Listed()
    assert "no signed index of the run lies beside it" in describe(verify(bundle.folder, trusted=[key.keyid]))


def test_an_index_without_its_signature_is_not_passed_over(tmp_path: Path, key: SigningKey) -> None:
    """The signature follows the first sealed inspection at once; a run that was killed before has no such line."""
    bundle = listed(tmp_path, key)
    (tmp_path / "run-1" / "index.dsse.json").unlink()
    assert asked(bundle, key) == Listed(unsigned=True)
    assert "index.dsse.json is missing" in describe(verify(bundle.folder, trusted=[key.keyid]))
    lines = (tmp_path / "run-1" / "index.jsonl").read_bytes().splitlines(keepends=True)
    killed = [line for line in lines if b'"sealed"' not in line]
    (tmp_path / "run-1" / "index.jsonl").write_bytes(b"".join(killed))
    assert asked(bundle, key) == Listed()
    (tmp_path / "run-1" / "index.jsonl").write_bytes(b"{}\n")
    assert [each.file for each in asked(bundle, key).faults] == ["index.jsonl:1"]


def test_a_bundle_directly_below_the_root_is_verified(bundle: Bundle, key: SigningKey) -> None:
    """A bundle that is mounted at ``/mnt`` has no folder of a run above it."""
    code = "import sys; from pathlib import Path; from inspector.seal import verify; "
    code += "answer = verify(Path('/mnt'), trusted=[sys.argv[1]]); print(answer.intact.trusted, answer.listed)"
    mount = 'mount --bind "$1" /mnt && exec "$2" -c "$3" "$4"'
    done = in_namespace("sh", "-c", mount, "sh", str(bundle.folder), sys.executable, code, key.keyid)
    assert done.stdout == f"True {Listed()}\n", done.stderr


def test_an_index_that_is_a_link_to_nothing_is_not_passed_over(tmp_path: Path, key: SigningKey) -> None:
    """A signature that cannot be read is another thing than none."""
    bundle = listed(tmp_path, key)
    manifest = tmp_path / "run-1" / "index.dsse.json"
    manifest.unlink()
    manifest.symlink_to(tmp_path / "nothing")
    assert [each.file for each in asked(bundle, key).faults] == ["index.dsse.json"]


def test_another_key_does_not_replace_the_signature(tmp_path: Path, key: SigningKey, untrusted: SigningKey) -> None:
    """Who assesses somebody else's bundle adds a line; the signature of the run's own signer stays."""
    bundle = listed(tmp_path, key)
    folder = add_assessment(bundle, assessment(bundle, version="2"), {}, untrusted)
    AttemptLog(RunIndex(tmp_path, "run-1"), "sys-a").record_sealed(bundle, untrusted, folder.name)
    assert verify(bundle.folder, trusted=[key.keyid]).listed == Listed(signers=(key.keyid,), trusted=True)


def test_a_bundle_that_another_key_sealed_is_not_called_exchanged(
    tmp_path: Path, key: SigningKey, untrusted: SigningKey
) -> None:
    """Resumed with another key, a bundle is listed behind the signed lines: nothing is wrong with it."""
    listed(tmp_path, key)
    other = listed(tmp_path, untrusted, "sys-b", "inspection-2")
    assert verify(other.folder, trusted=[key.keyid, untrusted.keyid]).listed == Listed()
    index = tmp_path / "run-1" / "index.jsonl"
    index.write_bytes(b"".join(index.read_bytes().splitlines(keepends=True)[:3]))
    assert verify(other.folder, trusted=[key.keyid, untrusted.keyid]).listed.faults


def test_an_index_that_is_no_envelope_is_refused(tmp_path: Path, key: SigningKey) -> None:
    """A malformed signature file is named, and never replaced in silence."""
    listed(tmp_path, key)
    (tmp_path / "run-1" / "index.dsse.json").write_bytes(b"{}")
    with pytest.raises(BundleError, match=r"index\.dsse\.json"):
        RunIndex(tmp_path, "run-1").signed()


def test_any_number_of_problems_is_printed_in_a_bounded_number_of_lines(bundle: Bundle, key: SigningKey) -> None:
    """The first problems are named, and how many more there are."""
    for number in range(5000):
        (bundle.folder / "capture" / f"extra-{number}").touch()
    text = describe(verify(bundle.folder, trusted=[key.keyid]))
    assert len(text.splitlines()) <= MOST_LINES + 4
    assert "and 4980 more" in text
