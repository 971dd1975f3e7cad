"""What bundles have in common is stored once per archive, by its digest, and is named where it is not as sealed."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from inspector.model.errors import BundleError
from inspector.seal import Bundle, CaptureWriter, SigningKey, add_assessment, verify
from tests.core.seal.examples import WHEN, assessment, inspection, record
from tests.core.seal.test_capture_writer import ROOT, in_namespace

ROOTS = bytes(range(256)) * 8 + os.urandom(20_000)
PART = "capture/trust/public-roots.pem"


def captured(root: Path, number: int = 1) -> CaptureWriter:
    writer = CaptureWriter.create(root, inspection(id=f"inspection-{number}"), trust={"public-roots.pem": ROOTS})
    record(writer)
    return writer


def shared(root: Path) -> list[Path]:
    return sorted((root / "shared").iterdir())


def test_what_is_shared_is_stored_once(tmp_path: Path, key: SigningKey) -> None:
    """Two captures with the same trust roots have one file of them, and both are read back."""
    bundles = [captured(tmp_path, number).seal(key, ended=WHEN) for number in (1, 2)]
    (file,) = shared(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    for bundle in bundles:
        assert bundle.trust("public-roots.pem") == ROOTS
        assert verify(bundle.folder, trusted=[key.keyid]).intact.trusted
        assert sum(path.stat().st_size for path in bundle.folder.rglob("*")) < 20_000


def test_what_is_there_is_not_written_again(tmp_path: Path, key: SigningKey) -> None:
    """A file that is whole stays the very same; one that was spoiled is replaced by a whole one."""
    captured(tmp_path, 1).seal(key, ended=WHEN)
    (file,) = shared(tmp_path)
    before = file.stat()
    captured(tmp_path, 2)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    captured(tmp_path, 3)
    assert file.read_bytes() == whole


def test_processes_store_the_same_file_at_once(tmp_path: Path, key: SigningKey) -> None:
    """Whoever comes first: all of them go on, there is one file, and no half one."""
    script = """
import sys
from pathlib import Path
from inspector.seal import CaptureWriter
from tests.core.seal.examples import inspection
sys.stdin.readline()
for number in range(5):
    trust = {f"roots-{each}": bytes([each, number]) * 20 + Path(sys.argv[1], "roots").read_bytes() for each in range(4)}
    CaptureWriter.create(Path(sys.argv[1]), inspection(id=f"inspection-{sys.argv[2]}-{number}"), trust=trust).close()
"""
    (tmp_path / "roots").write_bytes(ROOTS)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), str(number)], cwd=ROOT, stdin=subprocess.PIPE, text=True
        )
        for number in range(3)
    ]
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        assert process.stdin
        process.stdin.close()
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert len(shared(tmp_path)) == 20
    folders = list(tmp_path.glob("run-1/sys-a/*"))
    assert len(folders) == 15
    for folder in folders:
        assert verify(CaptureWriter.resume(folder).seal(key, ended=WHEN).folder, trusted=[key.keyid]).intact.trusted


def _gone(file: Path, _aside: Path) -> None:
    file.unlink()


def _altered(file: Path, _aside: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1] + b"x")


def _link(file: Path, aside: Path) -> None:
    file.rename(aside)
    file.symlink_to(aside)


def _linked_folder(file: Path, aside: Path) -> None:
    file.parent.rename(aside)
    file.parent.symlink_to(aside)


def _pipe(file: Path, _aside: Path) -> None:
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_gone, "is missing in the shared files of its archive"),
        (_altered, "was altered in the shared files of its archive"),
        (_link, "cannot be read from the shared files of its archive"),
        (_linked_folder, "cannot be read from the shared files of its archive"),
        (_pipe, "cannot be read from the shared files of its archive"),
    ],
)
def test_what_is_not_as_sealed_is_named(
    tmp_path: Path, key: SigningKey, spoil: Callable[[Path, Path], None], words: str
) -> None:
    """The part and the shared file are named, whether a bundle is verified, opened, read or resumed."""
    root = tmp_path / "out"
    bundle, writer = captured(root, 1).seal(key, ended=WHEN), captured(root, 2)
    writer.close()
    (file,) = shared(root)
    spoil(file, tmp_path / "aside")
    (fault,) = verify(bundle.folder, trusted=[key.keyid]).intact.faults
    assert fault.file == PART
    assert fault.what.startswith(words)
    assert f"shared/{file.name}" in fault.what
    for attempt in (
        lambda: Bundle.open(bundle.folder),
        lambda: bundle.trust("public-roots.pem"),
        lambda: CaptureWriter.resume(writer.folder),
    ):
        with pytest.raises(BundleError, match=words):
            attempt()


def test_requirements_are_shared_where_the_archive_is_known(tmp_path: Path, key: SigningKey) -> None:
    """Long requirements are stored once for several assessments; beside a bundle without an archive nothing is made."""
    bundles = [captured(tmp_path / "out", number).seal(key, ended=WHEN) for number in (1, 2)]
    (row,) = assessment(bundles[0]).requirements
    rows = tuple(row.model_copy(update={"id": f"row-{os.urandom(20).hex()}"}) for _ in range(300))
    for bundle in bundles:
        made = assessment(bundle).model_copy(update={"requirements": rows})
        add_assessment(bundle, made, {}, key)
        assert Bundle.open(bundle.folder).assessments()[0].assessment == made
    assert len(shared(tmp_path / "out")) == 2
    alone = CaptureWriter.create(tmp_path / "alone", inspection(), trust={}).seal(key, ended=WHEN)
    add_assessment(alone, assessment(alone).model_copy(update={"requirements": rows}), {}, key)
    assert sorted(path.name for path in (tmp_path / "alone").iterdir()) == ["chains", "run-1"]


def test_a_read_only_archive_is_verified(tmp_path: Path, key: SigningKey) -> None:
    """Nothing is written to read a bundle."""
    bundle = captured(tmp_path / "out").seal(key, ended=WHEN)
    code = "import sys; from pathlib import Path; from inspector.seal import verify; "
    code += "print(verify(Path(sys.argv[1]), trusted=[sys.argv[2]]).intact.trusted)"
    mount = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" -c "$3" "$4" "$5"'
    words = ("sh", "-c", mount, "sh", str(tmp_path / "out"), sys.executable, code, str(bundle.folder), key.keyid)
    done = in_namespace(*words)
    assert done.stdout == "True\n", done.stderr


def test_no_run_is_called_shared(tmp_path: Path) -> None:
    """The folder of what is shared is never that of a run."""
    with pytest.raises(BundleError, match="cannot be the name of a run"):
        CaptureWriter.create(tmp_path, inspection().model_copy(update={"run": "shared"}), trust={})
    assert list(tmp_path.iterdir()) == []
