"""What a full disk, a power failure or a kill spoils is named in the capture; the rest is sealed."""

import os
import random
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inspector.model.errors import BundleError
from inspector.network.pacing.ledger import Ledger, LedgerLine
from inspector.seal import (
    Attempt,
    Bundle,
    CaptureWriter,
    RunIndex,
    SigningKey,
    State,
    add_assessment,
    capture_writer,
    inspection_of,
    verify,
)
from inspector.seal.pack import PackWriter, compressed
from tests.core.seal.examples import TRUST, WHEN, assessment, evidence, inspection, raw, record
from tests.core.seal.forgery import contents, frames, names, repack, spoil
from tests.core.seal.test_capture_writer import in_namespace, python


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Within the body no file of this process can grow beyond this size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def ledger_line(port: int) -> LedgerLine:
    return LedgerLine(WHEN, "127.0.0.1", port, "tcp", "tls", "https://a.example")


# --- The ledger -------------------------------------------------------------------------------------------------------


def test_a_ledger_line_that_does_not_fit_is_taken_back(tmp_path: Path) -> None:
    """A line that is only partly written is cut off at once, and the next one follows the last complete one."""
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    ledger.opened(ledger_line(1))
    whole = path.read_bytes()
    with largest_file(len(whole) + 20), pytest.raises(BundleError, match="free disk space there"):
        ledger.opened(ledger_line(2))
    assert path.read_bytes() == whole
    ledger.opened(ledger_line(3))
    assert [each.port for each in ledger.entries()] == [1, 3]


_FULL = """
import sys
from pathlib import Path
from inspector.model.errors import BundleError
from inspector.network.pacing.ledger import Ledger
from tests.core.seal.test_incidents import ledger_line
ledger = Ledger(Path(sys.argv[1], "ledger.jsonl"))
written = 0
for port in range(1, 65536):
    try:
        ledger.opened(ledger_line(port))
        written += 1
    except BundleError:
        break
else:
    raise SystemExit("the disk never filled")
filler.unlink() if (filler := Path(sys.argv[1], "filler")).exists() else None
ledger.opened(ledger_line(65535))
assert [each.port for each in ledger.entries()] == [*range(1, written + 1), 65535]
print("continued")
"""


def test_a_ledger_goes_on_after_a_full_disk(tmp_path: Path) -> None:
    """The lines around the one that did not fit are all there."""
    mount = 'mount -t tmpfs -o size=64k none "$1" && head -c 20000 /dev/zero > "$1/filler" && exec "$2" -c "$3" "$1"'
    done = in_namespace("sh", "-c", mount, "sh", str(tmp_path), sys.executable, _FULL)
    assert done.returncode == 0, done.stderr
    assert "continued" in done.stdout


def test_lines_beyond_the_limits_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a line nor a ledger is longer than what is read back."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    with pytest.raises(BundleError, match="is longer than 65536 bytes"):
        ledger.opened(LedgerLine(WHEN, "127.0.0.1", 1, "tcp", "tls", "x" * 70_000))
    monkeypatch.setattr("inspector.network.pacing.ledger.FILE_BYTES", 100)
    with pytest.raises(BundleError, match=r"the ledger is full: 100 bytes; close it"):
        ledger.opened(ledger_line(1))
    assert ledger.path.read_bytes() == b""


# --- Damage -----------------------------------------------------------------------------------------------------------


def begun(root: Path) -> tuple[CaptureWriter, list[str]]:
    """A capture of two scans with raw bytes, and three ledger lines."""
    writer = CaptureWriter.create(root, inspection(), trust=TRUST)
    ledger = Ledger(writer.ledger_path)
    for port in (1, 2, 3):
        ledger.opened(ledger_line(port))
    ledger.close()
    return writer, [record(writer, number, raw(b"%d" % number)) for number in range(2)]


def sealed(writer: CaptureWriter, key: SigningKey) -> Bundle:
    bundle = writer.seal(key, ended=WHEN)
    assert verify(bundle.folder, trusted=[key.keyid]).intact.trusted
    return bundle


def _header(name: str, part: Path, data: bytes) -> None:
    """Put ``data`` over the header of a part."""
    pack = part / "pack.zst"
    whole = pack.read_bytes()
    (frame,) = (each for each in frames(part) if each.header.name == name)
    pack.write_bytes(whole[: frame.start] + data + whole[frame.start + len(data) :])


SPOILED = {
    "zeros": lambda part, name: spoil(part, name, lambda data: bytes(len(data))),
    "a bit": lambda part, name: spoil(part, name, lambda data: data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]),
    "cut out": lambda part, name: spoil(part, name, lambda _data: b""),
    "shorter": lambda part, name: spoil(part, name, lambda data: data[:-1]),
    "no header": lambda part, name: _header(name, part, bytes(40)),
}


@pytest.mark.parametrize("how", SPOILED)
@pytest.mark.parametrize("resumed", [True, False])
def test_lost_evidence_is_removed_and_named(tmp_path: Path, key: SigningKey, how: str, resumed: bool) -> None:
    """A scan whose record or raw bytes are not whole counts as not recorded; an incident names its part."""
    writer, (first, second) = begun(tmp_path)
    SPOILED[how](writer.folder / "capture", "evidence/1-tls")
    if resumed:
        writer.close()
        writer = CaptureWriter.resume(writer.folder)
    else:
        assert not writer.check()
    assert [one for one, _ in writer.evidence()] == [second]
    assert writer.lost
    again = record(writer, 0, raw(b"0"))
    assert again == first
    bundle = sealed(writer, key)
    assert [one for one, _ in bundle.evidence()] == sorted([first, second])
    assert all(bundle.output_of(each).raw for _, each in bundle.evidence())
    assert ("evidence/1-tls" if how != "no header" else "pack.zst") in {each.file for each in bundle.incidents()}


def test_bytes_between_parts_are_left_out_and_named(tmp_path: Path, key: SigningKey) -> None:
    """Bytes that belong to no part cost no part."""
    writer, recorded = begun(tmp_path)
    spoil(writer.folder / "capture", "evidence/1-tls", lambda data: data + b"more")
    assert not writer.check()
    bundle = sealed(writer, key)
    assert [one for one, _ in bundle.evidence()] == sorted(recorded)
    assert [each.file for each in bundle.incidents()] == ["pack.zst"]


def test_a_part_that_is_gone_altogether_is_named(tmp_path: Path, key: SigningKey) -> None:
    """Frames are numbered, so that one that was taken out with its header is missed."""
    writer, (_, second) = begun(tmp_path)
    writer.close()
    part = writer.folder / "capture"
    (frame,) = (each for each in frames(part) if each.header.name == "evidence/1-tls")
    whole = (part / "pack.zst").read_bytes()
    (part / "pack.zst").write_bytes(whole[: frame.start] + whole[frame.end :])
    bundle = sealed(CaptureWriter.resume(writer.folder), key)
    assert [one for one, _ in bundle.evidence()] == [second]
    assert [str(each.file) for each in bundle.incidents()] == ["pack.zst"]


def test_shared_raw_bytes_that_are_lost_cost_all_that_rests_on_them(tmp_path: Path, key: SigningKey) -> None:
    """Raw bytes that several scans gave are stored once, with the first of them; what rests on lost ones is lost, and
    so is what rests on the raw bytes of that.
    """
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    given = [(raw(b"0"),), (raw(b"0"), raw(b"1")), (raw(b"1"),), (raw(b"2"),)]
    recorded = [record(writer, number, *each) for number, each in enumerate(given)]
    part = writer.folder / "capture"
    assert [content.count(b"\n[") for content in _scans(part)] == [1, 1, 0, 1]
    SPOILED["a bit"](part, "evidence/1-tls")
    assert not writer.check()
    assert [one for one, _ in writer.evidence()] == [recorded[3]]
    assert [one for one, _ in sealed(writer, key).evidence()] == [recorded[3]]


def _scans(part: Path) -> list[bytes]:
    found = contents(part)
    return [found[name] for name in names(part, "evidence")]


@pytest.mark.parametrize("name", ["plan.json", "inspection.json", "documents/authorisations.json", "shared.json"])
def test_a_capture_without_its_head_is_refused(tmp_path: Path, name: str) -> None:
    """What was decided before the first packet is never replaced: where it was altered, nothing goes on."""
    writer, _ = begun(tmp_path)
    writer.close()
    spoil(writer.folder / "capture", name, lambda data: data[:-1] + b"x")
    with pytest.raises(BundleError, match=rf"capture/{name}: is not what was recorded"):
        CaptureWriter.resume(writer.folder)


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_capture_that_lost_everything_is_not_taken_for_one_that_never_began(tmp_path: Path, is_listed: bool) -> None:
    """Pack and ledger emptied together look like a beginning that was cut short; the index of the run tells more."""
    writer, _ = begun(tmp_path)
    writer.close()
    if is_listed:
        place = writer.folder.relative_to(tmp_path / "run-1").as_posix()
        attempt = Attempt(at=WHEN, system="sys-a", inspection="inspection-1", state=State.BEGUN, folder=place)
        RunIndex(tmp_path, "run-1").add(attempt)
    for name in ("capture/pack.zst", "ledger.jsonl"):
        (writer.folder / name).write_bytes(b"")
    for read in (CaptureWriter.resume, inspection_of):
        with pytest.raises(BundleError, match="says that it had begun" if is_listed else "nothing was scanned"):
            read(writer.folder)


def _as_it_is(content: bytes) -> bytes:
    """A zstd frame of one raw block (RFC 8878 §3.1.1), as is made of what cannot be compressed."""
    size = len(content)
    return b"\x28\xb5\x2f\xfd\xa0" + size.to_bytes(4, "little") + (size << 3 | 1).to_bytes(3, "little") + content


def test_bytes_of_a_server_are_no_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the header of raw bytes is damaged, a frame that a server put into them is not taken for one."""
    monkeypatch.setattr(capture_writer, "compressed", lambda content, **_options: _as_it_is(content))
    writer = CaptureWriter.create(tmp_path, inspection(), trust=TRUST)
    planted = PackWriter("0" * 16, 9).frame("evidence/9-tls", compressed(evidence(7).canonical()))[1]
    record(writer, 0, raw(os.urandom(50) + planted))
    second = record(writer, 1)
    part = writer.folder / "capture"
    assert planted in (part / "pack.zst").read_bytes()
    _header("evidence/1-tls", part, bytes(40))
    assert not writer.check()
    assert [one for one, _ in writer.evidence()] == [second]


def test_nothing_is_sent_where_authorisations_may_be_lost(tmp_path: Path, key: SigningKey) -> None:
    """What is damaged beyond reading may have narrowed what may be sent: it can be sealed, and not gone on with."""
    writer, recorded = begun(tmp_path)
    writer.keep_to(inspection().authorisations)
    record(writer, 5)
    assert writer.salt
    writer.close()
    name = names(writer.folder / "capture", "documents/further-authorisations")[0]
    _header(name, writer.folder / "capture", bytes(40))
    for _ in range(2):
        with CaptureWriter.resume(writer.folder) as again, pytest.raises(BundleError, match="inspector seal"):
            _ = again.salt
    assert len(sealed(CaptureWriter.resume(writer.folder), key).evidence()) == len(recorded) + 1


@pytest.mark.parametrize(
    ("spoil", "kept"),
    [
        (lambda lines: [lines[0], b"\0" * len(lines[1]), lines[2]], [1, 3]),
        (lambda lines: [lines[0], b"\0" * (len(lines[1]) - 1) + b"\n", lines[2]], [1, 3]),
        (lambda lines: [lines[0][:-9] + lines[1], lines[2]], [3]),
        (lambda lines: [*lines, b"\0" * 4096], [1, 2, 3]),
        (lambda lines: [*lines, b"{}\n"], [1, 2, 3]),
        (lambda lines: [*lines, b"\xff\xfe\n", b"\n"], [1, 2, 3]),
    ],
    ids=["zeros to the next", "zeros", "torn", "zeros at the end", "another object", "bytes"],
)
def test_a_spoiled_ledger_keeps_its_whole_lines(
    tmp_path: Path, key: SigningKey, spoil: Callable[[list[bytes]], list[bytes]], kept: list[int]
) -> None:
    """Lines that cannot be read are left out and named; the others are sealed."""
    writer, _ = begun(tmp_path)
    writer.close()
    writer.ledger_path.write_bytes(b"".join(spoil(writer.ledger_path.read_bytes().splitlines(keepends=True))))
    bundle = sealed(CaptureWriter.resume(writer.folder), key)
    ports = [each.port for each in bundle.ledger()]
    assert set(ports) <= set(kept)
    assert ports
    assert {each.file for each in bundle.incidents()} == {"ledger.jsonl"}


@pytest.mark.parametrize("lines", [0, 1, 2])
def test_a_ledger_that_lost_its_end_is_named(tmp_path: Path, key: SigningKey, lines: int) -> None:
    """Evidence says how long the ledger was; lines that are gone, all of them too, are named once."""
    writer, recorded = begun(tmp_path)
    writer.close()
    whole = writer.ledger_path.read_bytes().splitlines(keepends=True)
    writer.ledger_path.write_bytes(b"".join(whole[:lines]))
    writer = CaptureWriter.resume(writer.folder)
    assert writer.check()
    bundle = sealed(writer, key)
    assert [one for one, _ in bundle.evidence()] == sorted(recorded)
    assert [each.file for each in bundle.incidents()] == ["ledger.jsonl"]


def test_a_lost_salt_stops_collecting_alone(tmp_path: Path, key: SigningKey) -> None:
    """Without the key of the fingerprints nothing more is collected, and what there is can be sealed."""
    writer, recorded = begun(tmp_path)
    writer.close()
    (writer.folder / "salt").write_bytes(b"")
    again = CaptureWriter.resume(writer.folder)
    with pytest.raises(BundleError, match="inspector seal"):
        _ = again.salt
    assert [one for one, _ in sealed(again, key).evidence()] == sorted(recorded)


def test_other_trust_roots_are_refused(tmp_path: Path) -> None:
    """Trust roots that are not the recorded ones are never used."""
    writer, _ = begun(tmp_path)
    writer.close()
    repack(writer.folder / "capture", {"trust/declared-roots.pem": compressed(b"others")})
    with pytest.raises(BundleError, match="differs from what the inspection recorded"):
        CaptureWriter.resume(writer.folder)


# --- Links ------------------------------------------------------------------------------------------------------------


def _names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


NAMES = ["lock", "salt", "partial", "capture", "assessments", "ledger.jsonl", "incidents.jsonl"]
NAMES += ["capture/pack.zst", "capture/manifest.dsse.json"]


@pytest.mark.parametrize("kind", ["link", "hard link", "pipe", "link to nothing"])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_a_capture_leads_elsewhere(tmp_path: Path, name: str, kind: str) -> None:
    """A link or pipe in the place of any file or folder is refused by name, and nothing is written through it."""
    writer, _ = begun(tmp_path / "out")
    writer.close()
    place, outside = writer.folder / name, tmp_path / "outside"
    is_folder = place.is_dir() or name == "assessments"
    if place.exists():
        place.rename(outside)
    elif is_folder:
        outside.mkdir()
    else:
        outside.write_bytes(b"")
    if kind == "link":
        place.symlink_to(outside)
    elif kind == "link to nothing":
        place.symlink_to(tmp_path / "nothing")
    elif kind == "pipe":
        os.mkfifo(place, 0o600)
    elif is_folder:
        return  # there are no hard links to folders
    else:
        place.hardlink_to(outside)
    before = _names(tmp_path)
    with pytest.raises(BundleError, match=name.rpartition("/")[2]):
        CaptureWriter.resume(writer.folder)
    assert _names(tmp_path) == before


def test_an_assessment_is_not_written_through_a_link(bundle: Bundle, key: SigningKey, tmp_path: Path) -> None:
    """A link in the place of the assessments' folder is refused."""
    (tmp_path / "outside").mkdir()
    (bundle.folder / "assessments").symlink_to(tmp_path / "outside")
    with pytest.raises(BundleError, match="assessments: is a symbolic link"):
        add_assessment(bundle, assessment(bundle), {}, key)
    assert list((tmp_path / "outside").iterdir()) == []


def test_an_index_is_not_written_through_a_link(tmp_path: Path) -> None:
    """A link or pipe in the place of a run's index is refused."""
    (tmp_path / "run-1").mkdir()
    for make in (lambda path: path.symlink_to(tmp_path / "outside"), lambda path: os.mkfifo(path, 0o600)):
        path = tmp_path / "run-1" / "index.jsonl"
        make(path)
        with pytest.raises(BundleError, match="cannot be written"):
            RunIndex(tmp_path, "run-1").add(Attempt(at=WHEN, system="a", inspection="i", state=State.BEGUN))
        path.unlink()
    assert not (tmp_path / "outside").exists()


# --- Kills ------------------------------------------------------------------------------------------------------------

_WORK = """
import sys
from pathlib import Path
from inspector.network.pacing.ledger import Ledger
from inspector.seal import Bundle, CaptureWriter
from tests.core.seal.examples import TRUST, inspection, raw, record
from tests.core.seal.test_incidents import ledger_line
print("ready", flush=True)
writer = CaptureWriter.create(Path(sys.argv[1]), inspection(), trust=TRUST)
ledger = Ledger(writer.ledger_path)
for number in range(10**6):
    ledger.opened(ledger_line(number % 65535)).close()
    record(writer, number, raw(b"%d" % number))
"""


@pytest.mark.parametrize("seed", range(8))
def test_killed_at_any_point_and_resumed(tmp_path: Path, key: SigningKey, seed: int) -> None:
    """Wherever kill -9 falls, also while the capture is created, it is resumed and sealed, or the words say why not.

    Nothing hidden is left.
    """
    chance = random.Random(seed)
    process = python(_WORK, tmp_path / "out")
    assert process.stdout
    process.stdout.readline()
    for _ in range(chance.randrange(1 << chance.randrange(1, 20))):  # some instant, sooner more likely than later
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    folder = tmp_path / "out" / "run-1" / "sys-a" / "inspection-1"
    if folder.exists():
        if (folder / "capture").is_dir() and names(folder / "capture", "inspection.json"):
            bundle = sealed(CaptureWriter.resume(folder), key)
            bundle.ledger()
            assert bundle.incidents() == ()
        else:
            with pytest.raises(BundleError, match=r"stopped before it began|is not an inspection"):
                CaptureWriter.resume(folder)
    assert [path for path in tmp_path.rglob("*") if path.name.startswith(".")] == []


def test_what_a_writer_has_just_read_is_not_read_again(
    tmp_path: Path, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resumed capture is whole, or not, as it was found; once more was recorded, all of it is read again."""
    writer, _ = begun(tmp_path)
    SPOILED["a bit"](writer.folder / "capture", "evidence/1-tls")
    writer.close()
    writer = CaptureWriter.resume(writer.folder)
    check, checks = CaptureWriter.check, []

    def counted(self: CaptureWriter) -> bool:
        checks.append(self)
        return check(self)

    monkeypatch.setattr(CaptureWriter, "check", counted)
    assert not writer.is_whole()
    assert not checks
    record(writer, 7, raw(b"more"))
    assert writer.is_whole()
    assert checks
    SPOILED["a bit"](writer.folder / "capture", "evidence/3-tls")
    record(writer, 8, raw(b"still more"))
    assert not writer.is_whole()


def test_a_bundle_is_verified_although_its_evidence_is_known(tmp_path: Path, key: SigningKey) -> None:
    """What a writer has parsed is not parsed again, but every byte is read, and verified."""
    writer, _ = begun(tmp_path)
    bundle = sealed(writer, key)
    assert bundle.evidence() == Bundle.open(bundle.folder).evidence()
    spoil(bundle.folder / "capture", "evidence/1-tls", lambda data: data[:-2] + bytes([data[-2] ^ 1]) + data[-1:])
    with pytest.raises(BundleError, match="evidence/1-tls"):
        bundle.evidence()
    with pytest.raises(BundleError, match="evidence/1-tls"):
        Bundle.open(bundle.folder, dict(bundle._parsed))
