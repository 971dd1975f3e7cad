"""A capture loses nothing that is recorded, and never reads a partly written file as complete."""

import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from inspector.model.base import digest
from inspector.model.errors import BundleError
from inspector.model.observation import Raw
from inspector.seal import Bundle, CaptureWriter, SigningKey
from inspector.seal.atomic_files import append_line
from inspector.seal.capture_writer import prepare, reference_to
from tests.core.seal.examples import TRUST, WHEN, evidence, inspection, raw, record, sealed
from tests.core.seal.forgery import contents, frames, names

ROOT = Path(__file__).resolve().parents[3]


def python(script: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Another Python that runs ``script``."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )


def content(folder: Path) -> dict[str, bytes]:
    """All files below ``folder``."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# --- Writing and reading back ---------------------------------------------------------------------------------------


def test_what_was_written_is_read_back(tmp_path: Path, key: SigningKey) -> None:
    """Inspection, evidence, raw bytes, ledger and trust roots come back from a sealed bundle as they went in."""
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    raws = (raw(), raw(b"", "empty"))
    seen = evidence(1, *raws)
    one = writer.record(seen, raws)
    bundle = writer.seal(key, ended=WHEN)
    again = Bundle.open(bundle.folder)
    assert again.inspection == writer.inspection
    assert again.evidence() == ((one, seen),)
    assert again.output_of(seen).raw == raws
    assert again.ledger() == ()
    assert {name: again.trust(name) for name in TRUST} == TRUST
    assert (again.digest, again.signers) == (bundle.digest, (key.keyid,))


def test_everything_is_open_to_its_owner_only(bundle: Bundle, tmp_path: Path) -> None:
    """Folders have mode 0700 and files 0600, and nothing is left next to the capture once it is sealed."""
    for path in tmp_path.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    assert [path.name for path in bundle.folder.iterdir()] == ["capture"]


def test_the_order_of_scans_leaves_no_trace_in_digests(tmp_path: Path) -> None:
    """The same scans recorded in another order have the same digests and are given in the same order."""
    first, second = (
        CaptureWriter.create(tmp_path, inspection(id=f"inspection-{number}"), trust=TRUST) for number in range(2)
    )
    numbers = list(range(6))
    forward = [record(first, number, raw()) for number in numbers]
    backward = [record(second, number, raw()) for number in reversed(numbers)]
    assert forward == backward[::-1]
    assert first.evidence() == second.evidence()


def test_raw_bytes_stand_behind_what_points_to_them(tmp_path: Path) -> None:
    """A scan is one part, its record and what no earlier scan gave: a crash leaves no dangling reference."""
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    records = [record(writer, number, raw()) for number in range(2)]
    parts = contents(writer.folder / "capture")
    assert names(writer.folder / "capture", "evidence") == ["evidence/1-tls", "evidence/2-tls"]
    assert parts["evidence/1-tls"].split(b"\n", 2)[1:] == [b"[680]", raw().data]
    assert [digest(parts[f"evidence/{number}-tls"].partition(b"\n")[0]) for number in (1, 2)] == records
    assert b"\n" not in parts["evidence/2-tls"]


@pytest.mark.parametrize("left", [1, 200, 400])
def test_a_record_without_its_end_is_cut_off(tmp_path: Path, left: int) -> None:
    """What a killed process left of a record at the end of the pack is forgotten, and the next one takes its place."""
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    one = record(writer, 0, raw())
    pack = writer.folder / "capture" / "pack.zst"
    whole = pack.read_bytes()
    record(writer, 1, raw(b"more"))
    writer.close()
    pack.write_bytes(pack.read_bytes()[: len(whole) + left])
    again = CaptureWriter.resume(writer.folder)
    assert [digest for digest, _ in again.evidence()] == [one]
    assert (pack.read_bytes(), again.lost) == (whole, False)
    record(again, 1, raw(b"more"))
    assert names(writer.folder / "capture", "evidence") == ["evidence/1-tls", "evidence/2-tls"]


def test_recording_twice_changes_nothing(tmp_path: Path) -> None:
    """Evidence and raw bytes that come a second time are kept once."""
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    record(writer, 0, raw())
    before = content(writer.folder)
    record(writer, 0, raw())
    assert content(writer.folder) == before


def test_threads_record_at_once(tmp_path: Path, key: SigningKey) -> None:
    """Several threads that record at the same time lose nothing."""
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)

    def scan(start: int) -> None:
        for number in range(start, start + 5):
            record(writer, number, raw(), raw(b"%d" % number))

    threads = [threading.Thread(target=scan, args=(start,)) for start in range(0, 20, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.scan for _, each in writer.seal(key, ended=WHEN).evidence()) == list(range(1, 21))


def test_evidence_needs_its_raw_bytes_first(tmp_path: Path) -> None:
    """Evidence that points at raw bytes which were never put is refused."""
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    with pytest.raises(ValueError, match="are missing"):
        writer.record(evidence(0, raw()))


def test_several_scans_are_kept_at_once(tmp_path: Path, key: SigningKey) -> None:
    """Scans recorded together, with their raw bytes, are in a resumed and in a sealed capture as if recorded singly."""
    raws = [raw(b"%d" % number) for number in range(3)]
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    seen = [
        evidence(number).model_copy(update={"raw": (reference_to(each),)})
        for number, each in enumerate((*raws, raws[0]))
    ]
    writer.keep([prepare(each, raws) for each in seen])
    kept = writer.evidence()
    writer.close()
    again = CaptureWriter.resume(writer.folder)
    assert again.evidence() == kept
    bundle = again.seal(key, ended=WHEN)
    assert bundle.evidence() == tuple(sorted((digest(each.canonical()), each) for each in seen))
    assert {bundle.output_of(each).raw for each in seen} == {(each,) for each in raws}


def test_scans_are_kept_together_or_not_at_all(tmp_path: Path) -> None:
    """One scan with missing raw bytes prevents the whole batch from being recorded."""
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    sound, unsound = evidence(0), evidence(1).model_copy(update={"raw": (reference_to(raw()),)})
    with pytest.raises(ValueError, match="are missing"):
        writer.keep([prepare(sound), prepare(unsound)])
    assert writer.evidence() == ()


def test_evidence_that_cannot_be_read_back_is_refused(tmp_path: Path) -> None:
    """Facts without a JSON form (a lone surrogate, a number or a nesting without bounds) are refused before they are
    written, as a bug of the probe and not of the disk."""
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    nested: dict[str, object] = {}
    for _ in range(300):
        nested = {"deeper": nested}
    for facts in ({"text": "\ud800"}, nested, {"number": 10**5000}):
        with pytest.raises(ValueError):  # noqa: PT011  (the kind is what matters)
            writer.record(evidence(0).model_copy(update={"facts": facts}))
    assert writer.evidence() == ()


@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "a/b", ".hidden", "", "line\nfeed", "x" * 300])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    """A run, an inspection or a trust root whose name is no plain file name is refused before anything is written."""
    for inspected, trust in (
        (inspection(id=name), TRUST),
        (inspection().model_copy(update={"run": name}), TRUST),
        (inspection(), {name: b""}),
    ):
        with pytest.raises(BundleError, match="cannot be the name of a file"):
            CaptureWriter.create(tmp_path, inspected, trust=trust)
    assert list(tmp_path.iterdir()) == []


def test_text_that_is_no_unicode_is_refused(tmp_path: Path) -> None:
    """What a variable in another encoding brings in is an error in words before anything is written."""
    with pytest.raises(BundleError, match="contains what is no Unicode; correct the option or variable"):
        CaptureWriter.create(tmp_path, inspection().model_copy(update={"contact": "a\udcff"}), trust=TRUST)
    assert list(tmp_path.iterdir()) == []


def test_an_id_is_used_once(tmp_path: Path) -> None:
    """A second inspection with the same id is refused and the first one stays as it is."""
    first = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    before = content(first.folder)
    with pytest.raises(BundleError, match="exists already"):
        CaptureWriter.create(tmp_path, inspection(), trust={})
    assert content(first.folder) == before


def test_nothing_of_another_system_stands_in_a_bundle(tmp_path: Path, key: SigningKey) -> None:
    """No file of system A's bundle contains a name or an id of system B, inspected in the same run."""
    a = sealed(tmp_path, key)
    b = sealed(tmp_path, key, inspected=inspection("sys-b", id="inspection-2", host="b.example"))
    for mine, words in ((a, ("sys-b", "b.example", "inspection-2")), (b, ("sys-a", "a.example", "inspection-1"))):
        for name in content(mine.folder):
            assert not any(word in name for word in words)
        held = [data for name, data in content(mine.folder).items() if not name.endswith(".zst")]
        held += contents(mine.folder / "capture").values()
        assert not [word for word in words for data in held if word.encode() in data]


def test_canonical_bytes_do_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    """The whole capture, signature included, is the same byte for byte under two hash seeds."""
    script = """
import secrets, sys
from pathlib import Path
from inspector.seal import SigningKey
from tests.core.seal.examples import sealed
drawn = secrets.token_bytes
secrets.token_bytes = lambda count: bytes(count) if count == 32 else drawn(count)
sealed(Path(sys.argv[1]), SigningKey.load_or_create(Path(sys.argv[2])), scans=3)
"""
    SigningKey.load_or_create(tmp_path / "key" / "signing.pem")
    for seed in ("1", "2"):
        process = python(script, tmp_path / seed, tmp_path / "key" / "signing.pem", PYTHONHASHSEED=seed)
        assert process.wait() == 0
        assert process.stdout
        process.stdout.close()
    assert content(tmp_path / "1") == content(tmp_path / "2")


# --- Sealing --------------------------------------------------------------------------------------------------------


def test_sealed_once(tmp_path: Path, key: SigningKey) -> None:
    """After sealing nothing can be recorded, sealed again or resumed."""
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    seen = evidence()
    bundle = writer.seal(key, ended=WHEN)
    before = content(bundle.folder)
    for attempt in (
        lambda: writer.record(seen),
        lambda: writer.seal(key, ended=WHEN),
        lambda: CaptureWriter.resume(bundle.folder),
    ):
        with pytest.raises(BundleError):
            attempt()
    assert content(bundle.folder) == before


def test_the_salt_lives_until_the_seal(tmp_path: Path, key: SigningKey) -> None:
    """The salt differs per inspection, survives a resume, is never sealed, and is gone afterwards."""
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    other = CaptureWriter.create(tmp_path, inspection(id="inspection-2"), trust=TRUST)
    salt = writer.salt
    assert len(salt) == 32
    assert salt != other.salt
    assert writer.inspection.salt_id == digest(salt)[:16]
    writer.close()
    again = CaptureWriter.resume(writer.folder)
    assert again.salt == salt
    assert (again.folder / "salt").stat().st_mode & 0o777 == 0o600
    again.seal(key, ended=WHEN)
    assert not (again.folder / "salt").exists()
    assert not [name for name, data in content(tmp_path / "run-1/sys-a/inspection-1").items() if salt in data]


def test_a_kill_between_seal_and_tidying_is_fixed(bundle: Bundle) -> None:
    """A salt left behind by a kill right after the seal goes away with the next attempt to resume."""
    (bundle.folder / "salt").write_bytes(bytes(32))
    with pytest.raises(BundleError, match="is sealed"):
        CaptureWriter.resume(bundle.folder)
    assert [path.name for path in bundle.folder.iterdir()] == ["capture"]


def test_an_unsealed_bundle_is_not_opened(tmp_path: Path) -> None:
    """What is still being written is not taken for a bundle."""
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    with pytest.raises(BundleError, match="not a sealed bundle"):
        Bundle.open(writer.folder)


# --- Crashes --------------------------------------------------------------------------------------------------------

_ENDLESS = """
import sys
from pathlib import Path
from inspector.seal import CaptureWriter
from tests.core.seal.examples import TRUST, evidence, inspection, raw, record
writer = CaptureWriter.create(Path(sys.argv[1]), inspection(), trust=TRUST)
for number in range(10**6):
    print(record(writer, number, raw(), raw(b"%d" % number)), flush=True)
"""


@pytest.mark.parametrize("after", [1, 7, 20])
def test_kill_9_loses_nothing(tmp_path: Path, key: SigningKey, after: int) -> None:
    """Everything that a killed process said it had recorded is there after resuming, and can be sealed and opened."""
    process = python(_ENDLESS, tmp_path)
    assert process.stdout
    result = {process.stdout.readline().strip() for _ in range(after)}
    process.send_signal(signal.SIGKILL)
    result |= {line.strip() for line in process.stdout if line.endswith("\n")}
    process.wait()
    process.stdout.close()
    writer = CaptureWriter.resume(tmp_path / "run-1" / "sys-a" / "inspection-1")
    kept = dict(writer.evidence())
    assert result <= kept.keys()
    assert sorted(each.scan for each in kept.values()) == list(range(1, len(kept) + 1))
    more = record(writer, 10**6, raw())
    bundle = writer.seal(key, ended=WHEN, reason="interrupted")
    assert {one for one, _ in bundle.evidence()} == {*kept, more}
    assert all(bundle.output_of(each).raw for each in kept.values())


def test_torn_ends_and_orphans_are_left_out(tmp_path: Path, key: SigningKey) -> None:
    """A torn end of the pack or the ledger is cut off, and unfinished files are forgotten."""
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    one = record(writer, 0, raw())
    pack = writer.folder / "capture" / "pack.zst"
    whole = pack.read_bytes()
    pack.write_bytes(whole + whole[:150])
    writer.ledger_path.write_bytes(b'{"at":"2026-')
    (writer.folder / "partial" / "0123").write_bytes(b'{"half":')
    writer.close()
    again = CaptureWriter.resume(writer.folder)
    assert [digest for digest, _ in again.evidence()] == [one]
    assert pack.read_bytes() == whole
    assert again.seal(key, ended=WHEN).ledger() == ()


def test_a_seal_that_was_interrupted_is_made_again(tmp_path: Path, key: SigningKey) -> None:
    """A process that is killed before the manifest is there leaves a capture that can go on."""
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    record(writer, 0, raw())
    before = content(writer.folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inspector.seal.capture_writer.payload_of", lambda *_: exec("raise KeyboardInterrupt"))
        with pytest.raises(KeyboardInterrupt):
            writer.seal(key, ended=WHEN)
    assert names(writer.folder / "capture", "ledger.jsonl") == ["ledger.jsonl"]
    assert content(writer.folder) != before
    writer.close()
    again = CaptureWriter.resume(writer.folder)
    assert content(writer.folder) == before
    record(again, 1)
    assert [each.scan for _, each in sorted(again.seal(key, ended=WHEN).evidence(), key=lambda each: each[1].scan)] == [
        1,
        2,
    ]


def test_a_seal_that_failed_is_tried_again(tmp_path: Path, key: SigningKey) -> None:
    """Where the manifest could not be written, the same writer goes on, and the ledger is in the pack once."""
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    record(writer, 0, raw())

    def full(*_: object) -> None:
        raise BundleError("full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inspector.seal.capture_writer.check_size", full)
        with pytest.raises(BundleError, match="full"):
            writer.seal(key, ended=WHEN)
    record(writer, 1)
    bundle = writer.seal(key, ended=WHEN)
    assert len(bundle.evidence()) == 2
    written = [each.header.name for each in frames(bundle.folder / "capture")]
    assert written[-3:] == ["evidence/1-tls", "evidence/2-tls", "ledger.jsonl"]
    assert len(written) == len(set(written))


def test_a_capture_is_handed_over(tmp_path: Path, key: SigningKey) -> None:
    """What one process collected and closed, another one resumes and seals; the first one cannot go on with it."""
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    recorded = [record(writer, number, raw(b"%d" % number)) for number in range(3)]
    script = """
import sys
from pathlib import Path
from inspector.seal import CaptureWriter, SigningKey
from tests.core.seal.examples import WHEN
writer = CaptureWriter.resume(Path(sys.argv[1]))
writer.seal(SigningKey.load_or_create(Path(sys.argv[2])), ended=WHEN)
"""
    writer.close()
    SigningKey.load_or_create(tmp_path / "key" / "signing.pem")
    process = python(script, writer.folder, tmp_path / "key" / "signing.pem")
    assert process.wait() == 0
    assert process.stdout
    process.stdout.close()
    assert [one for one, _ in Bundle.open(writer.folder).evidence()] == sorted(recorded)
    with pytest.raises(BundleError, match="is closed"):
        record(writer, 4)


def test_two_processes_cannot_write_one_capture(tmp_path: Path) -> None:
    """A second process is refused while the first one writes, and may resume once that one was killed."""
    script = """
import sys
from pathlib import Path
from inspector.seal import CaptureWriter
from tests.core.seal.examples import TRUST, inspection
writer = CaptureWriter.create(Path(sys.argv[1]), inspection(), trust=TRUST)
print("ready", flush=True)
sys.stdin.read()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        folder = tmp_path / "run-1" / "sys-a" / "inspection-1"
        with pytest.raises(BundleError, match="another process"):
            CaptureWriter.resume(folder)
        process.kill()
    with CaptureWriter.resume(folder), pytest.raises(BundleError, match="another process"):
        CaptureWriter.resume(folder)
    CaptureWriter.resume(folder).close()


@pytest.mark.parametrize("given", ["nothing", "empty"])
def test_only_an_inspection_is_resumed(tmp_path: Path, given: str) -> None:
    """A folder without an inspection is refused and nothing is written there."""
    folder = tmp_path / given
    if given == "empty":
        folder.mkdir()
    with pytest.raises(BundleError, match="is not an inspection"):
        CaptureWriter.resume(folder)
    assert not folder.exists() or not list(folder.iterdir())


# --- Disks that refuse ----------------------------------------------------------------------------------------------

_FULL = """
import sys
from pathlib import Path
from inspector.seal import SigningKey, CaptureWriter
from inspector.model.errors import BundleError
from tests.core.seal.examples import TRUST, WHEN, evidence, inspection, raw, record
root, filler, ballast = (Path(sys.argv[1], name) for name in ("", "filler", "ballast"))
ballast.write_bytes(bytes(300_000))
key = SigningKey.load_or_create(root / "signing.pem")
writer = CaptureWriter.create(root / "out", inspection(), trust=TRUST)
recorded = []

def refused(attempt):
    try:
        attempt()
    except BundleError as error:
        assert "No space left" in error.message and "free some space" in error.remedy, error
        return True
    return False

for number in range(10**4):
    if refused(lambda: recorded.append(record(writer, number, raw(), raw(b"%d" % number)))):
        break
else:
    raise SystemExit("the disk never filled")
try:  # fill what is left, down to the last block
    filler.write_bytes(bytes(10**7))
except OSError:
    pass
assert refused(lambda: record(writer, 10**5, raw(bytes(range(256)) * 100)))
assert refused(lambda: writer.seal(key, ended=WHEN))
assert refused(lambda: CaptureWriter.create(root / "out", inspection(id="inspection-2"), trust=TRUST))
assert [path.name for path in (root / "out/run-1/sys-a").iterdir()] == ["inspection-1"]
writer.close()
filler.unlink()
ballast.unlink()
writer = CaptureWriter.resume(writer.folder)
assert [one for one, _ in writer.evidence()] == sorted(recorded), (len(writer.evidence()), len(recorded))
bundle = writer.seal(key, ended=WHEN)
for _, seen in bundle.evidence():
    bundle.output_of(seen)
print(len(recorded), "survived")
"""


def in_namespace(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command with mounts of its own; skips where that is not permitted."""
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        subprocess.run([*unshare, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no mount namespace here: {error}")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([*unshare, *command], cwd=ROOT, capture_output=True, text=True, env=environment, check=False)


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """On a full disk, recorded scans stay, errors have a remedy, and after freeing space the
    inspection continues."""
    mount = 'mount -t tmpfs -o size=640k none "$1" && exec "$2" -c "$3" "$1"'
    done = in_namespace("sh", "-c", mount, "sh", str(tmp_path), sys.executable, _FULL)
    assert done.returncode == 0, done.stderr
    assert "survived" in done.stdout


def test_a_line_that_does_not_fit_is_taken_back(tmp_path: Path) -> None:
    """A journal line that is only partly written is cut off; the lines before it are unchanged."""
    path = tmp_path / "journal.jsonl"
    append_line(path, b"x" * 50, 1000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (80, hard))
    try:
        with pytest.raises(BundleError, match="free some space"):
            append_line(path, b"y" * 50, 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"x" * 50 + b"\n"


def test_a_read_only_disk_is_reported(tmp_path: Path) -> None:
    """An output folder on a read-only disk is refused with a remedy."""
    script = """
import sys
from pathlib import Path
from inspector.seal import CaptureWriter
from inspector.model.errors import BundleError
from tests.core.seal.examples import TRUST, inspection
try:
    CaptureWriter.create(Path(sys.argv[1]) / "out", inspection(), trust=TRUST)
except BundleError as error:
    print(error)
"""
    mount = 'mount -t tmpfs -o ro none "$1" && exec "$2" -c "$3" "$1"'
    done = in_namespace("sh", "-c", mount, "sh", str(tmp_path), sys.executable, script)
    assert done.returncode == 0, done.stderr
    assert "Read-only file system; make it writable, or choose another output folder" in done.stdout


def test_a_file_in_place_of_the_output_folder_is_reported(tmp_path: Path) -> None:
    """A file in place of the output folder is named, with a remedy."""
    (tmp_path / "out").write_text("")
    with pytest.raises(BundleError, match=r"out.*: cannot be written: .*; a file is where a folder is needed"):
        CaptureWriter.create(tmp_path / "out", inspection(), trust=TRUST)


def test_an_answer_beyond_all_bounds_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raw bytes beyond the size limit are refused."""
    monkeypatch.setattr("inspector.seal.capture_writer.RAW_BYTES", 1000)
    with pytest.raises(BundleError, match="more than 1000"):
        reference_to(Raw(name="answer", data=bytes(1001)))
