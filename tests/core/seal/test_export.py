"""An exported bundle verifies anywhere, also by the script of the documentation; a hostile one does no harm."""

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import tracemalloc
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector.model.errors import BundleError, LimitExceeded
from inspector.seal import Bundle, CaptureWriter, SigningKey, add_assessment, verify
from inspector.seal.export import export_bundle, unpack
from tests.core.seal.examples import TRUST, WHEN, assessment, inspection, raw, record
from tests.core.seal.forgery import contents, spoil

PAGE = (Path(__file__).parents[3] / "docs" / "bundle.md").read_text(encoding="utf-8")


def compress(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def decompress(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory, key: SigningKey) -> Bundle:
    """A bundle with an assessment and a kept report, whose trust roots are shared."""
    root = tmp_path_factory.mktemp("out")
    writer = CaptureWriter.create(root, inspection(), trust={**TRUST, "public-roots.pem": os.urandom(20_000)})
    record(writer, 0, raw(), raw(b"more"))
    bundle = writer.seal(key, ended=WHEN)
    add_assessment(bundle, assessment(bundle), {"report.en.html": b"<html>"}, key)
    return bundle


@pytest.fixture(scope="module")
def exported(sealed: Bundle, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("export") / "bundle.tar.zst"
    export_bundle(sealed.folder, file)
    assert file.stat().st_mode & 0o777 == 0o600
    return file.read_bytes()


def unpacked(data: bytes, place: Path) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    (place / "file.tar.zst").write_bytes(data)
    return unpack(place / "file.tar.zst", place / "run" / "system")


# --- There and back ---------------------------------------------------------------------------------------------------


def test_an_export_is_the_bundle(sealed: Bundle, exported: bytes, key: SigningKey, tmp_path: Path) -> None:
    """It holds every file of the bundle and what that shares, needs nothing beside it, and can be assessed."""
    folder = unpacked(exported, tmp_path)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["system"]
    assert verify(folder, trusted=[key.keyid]).intact.trusted
    again = Bundle.open(folder)
    assert (again.digest, again.inspection, again.evidence()) == (sealed.digest, sealed.inspection, sealed.evidence())
    assert again.trust("public-roots.pem") == sealed.trust("public-roots.pem")
    assert {path.relative_to(folder) for path in folder.rglob("*")} >= {
        path.relative_to(sealed.folder) for path in sealed.folder.rglob("*")
    }
    add_assessment(again, assessment(again, version="2"), {}, key)
    assert verify(folder, trusted=[key.keyid]).intact.trusted
    for path in (folder, *folder.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)


def test_an_export_says_nothing_of_its_maker(sealed: Bundle, exported: bytes, key: SigningKey, tmp_path: Path) -> None:
    """Exported again, elsewhere and from an export, a bundle has the same bytes, without owner and time."""
    folder = unpacked(exported, tmp_path)
    renamed = folder.with_name("gói kết quả")
    for source in (sealed.folder, folder, renamed):
        if source == renamed:
            folder.rename(renamed)
        export_bundle(source, tmp_path / "again.tar.zst")
        assert (tmp_path / "again.tar.zst").read_bytes() == exported
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.tar.zst", "file.tar.zst", "run"]


def test_what_is_not_intact_is_not_exported(sealed: Bundle, exported: bytes, tmp_path: Path) -> None:
    """Nothing is written of a bundle that is altered, and what is there stays."""
    folder = unpacked(exported, tmp_path)
    spoil(folder / "capture", "plan.json", lambda data: data[:-1])
    (tmp_path / "kept.tar.zst").write_bytes(b"kept")
    with pytest.raises(BundleError, match=r"is not intact: capture/plan\.json"):
        export_bundle(folder, tmp_path / "kept.tar.zst")
    assert (tmp_path / "kept.tar.zst").read_bytes() == b"kept"


def test_a_pack_is_a_zstd_file(sealed: Bundle) -> None:
    """Any zstd program prints what is in a pack, since headers are skippable frames."""
    part = sealed.folder / "capture"
    assert decompress((part / "pack.zst").read_bytes()) == b"".join(contents(part).values())


# --- Hostile files ----------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_bit_is_noticed(
    exported: bytes, key: SigningKey, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whichever bit of the archive is flipped, it is refused, or not intact."""
    whole = decompress(exported)
    position = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytes([whole[position] ^ (1 << data.draw(st.integers(0, 7)))])
    try:
        folder = unpacked(
            compress(whole[:position] + flipped + whole[position + 1 :]), tmp_path_factory.mktemp("flipped")
        )
    except BundleError:
        return
    assert not verify(folder, trusted=[key.keyid]).intact.holds


def member(name: str, data: bytes = b"", **fields: object) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o600
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512)


END = bytes(1024)
HEADER = "has a header that 'inspector bundle export' does not write"
NAME = "has a member that is no file of a bundle"
HOSTILE = {
    "parent": (member("a/../../evil") + END, NAME),
    "absolute": (member("/etc/passwd") + END, NAME),
    "elsewhere": (member("a/capture/../../../evil") + END, NAME),
    "hidden": (member("a/capture/.x") + END, NAME),
    "other folder": (member("a/lock") + END, NAME),
    "other root": (member("a/capture/x") + member("b/capture/y") + END, NAME),
    "twice": (member("a/capture/x") * 2 + END, NAME),
    "control": (member("a/capture/\x1b[2J") + END, NAME),
    "symbolic link": (member("a/capture/x", type=tarfile.SYMTYPE, linkname="/etc/passwd") + END, HEADER),
    "hard link": (member("a/capture/x", type=tarfile.LNKTYPE, linkname="/etc/passwd") + END, HEADER),
    "device": (member("a/capture/x", type=tarfile.CHRTYPE) + END, HEADER),
    "folder": (member("a/capture", type=tarfile.DIRTYPE) + END, HEADER),
    "owner": (member("a/capture/x", uid=7) + END, HEADER),
    "pax": (tarfile.TarInfo("é" * 90).tobuf(tarfile.PAX_FORMAT) + END, HEADER),
    "noise": (b"\x01" * 512 + END, HEADER),
    "negative": (member("a/capture/x").replace(b"00000000000\0", b"-0000000001\0", 1) + END, HEADER),
    "padding": (member("a/capture/x", b"y")[:-1] + b"z" + END, "has bytes between its members"),
    "behind": (member("a/capture/x") + END + bytes(512), "goes on behind its end"),
    "cut": (member("a/capture/x", b"y" * 900)[:800], "ends too early"),
    "no end": (member("a/capture/x"), "ends too early"),
    "empty": (END, "is empty"),
    "nothing": (b"", "ends too early"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused(tmp_path: Path, name: str) -> None:
    """What 'export' does not write is refused by file, and nothing is written outside, nor any link."""
    data, what = HOSTILE[name]
    with pytest.raises(BundleError, match=what) as error:
        unpacked(compress(data), tmp_path)
    assert error.value.message.startswith("file.tar.zst: ")
    assert error.value.message.isprintable()
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_dir() or path.is_symlink()}
    assert found <= {"file.tar.zst", "run/system/a/capture/x"}


@pytest.mark.parametrize(
    "data", [b"", b"text", compress(member("a/capture/x") + END)[:-3], compress(member("a/capture/x") + END) + b"more"]
)
def test_what_is_no_zstd_file_is_refused(tmp_path: Path, data: bytes) -> None:
    """A file that is empty, cut, continued, or of another kind is refused in words."""
    with pytest.raises(BundleError, match=r"file\.tar\.zst: (cannot be decompressed|ends too early|goes on)"):
        unpacked(data, tmp_path)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """An archive that holds far more than its size is refused before it fills memory or disk."""
    info = tarfile.TarInfo("a/capture/pack.zst")
    info.size, info.mode = 2**32, 0o600
    packer = zstandard.ZstdCompressor().compressobj()
    data = packer.compress(info.tobuf(tarfile.USTAR_FORMAT))
    for _ in range(2**7):
        data += packer.compress(bytes(2**22))
    data += packer.flush()
    tracemalloc.start()
    with pytest.raises(LimitExceeded, match="holds more than"):
        unpacked(data, tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    tracemalloc.stop()
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 64 * 2**20


@pytest.mark.parametrize("name", ["a/capture/manifest.dsse.json", "a/shared/x.zst"])
def test_a_member_beyond_its_limit_is_refused(tmp_path: Path, name: str) -> None:
    """A file that would be larger than what is read of a bundle is refused before it is written."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = 2**29, 0o600
    with pytest.raises(LimitExceeded):
        unpacked(compress(info.tobuf(tarfile.USTAR_FORMAT) + END), tmp_path)


def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    """A named pipe in the place of the file is refused, and not waited for."""
    os.mkfifo(tmp_path / "pipe.tar.zst")
    with pytest.raises(BundleError, match="is not a regular file"):
        unpack(tmp_path / "pipe.tar.zst", tmp_path / "place")


# --- The documentation ------------------------------------------------------------------------------------------------


def script(place: Path) -> list[str]:
    """The command of the script in the documentation, written to a file."""
    (text,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(text.splitlines()) <= 40
    imported = re.findall(r"^import (.*)$", text, re.MULTILINE)
    assert {name.strip() for each in imported for name in each.split(",")} <= sys.stdlib_module_names
    (place / "check.py").write_text(text, encoding="utf-8")
    return [sys.executable, "-I", "-S", "check.py", "file.tar"]


def checked(whole: bytes, place: Path) -> subprocess.CompletedProcess[str]:
    place.mkdir(exist_ok=True)
    (place / "file.tar").write_bytes(whole)
    return subprocess.run(script(place), cwd=place, capture_output=True, text=True, check=False)


def test_the_script_of_the_documentation_verifies_an_export(
    sealed: Bundle, exported: bytes, key: SigningKey, tmp_path: Path
) -> None:
    """With the standard library alone it checks every digest; openssl confirms each signature as the page says."""
    done = checked(decompress(exported), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"head digest {sealed.digest}, said to be signed by {key.keyid}" in done.stdout
    names = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert len(names) == 2
    (command,) = re.findall(r"^openssl pkeyutl.*$", PAGE, re.MULTILINE)
    for name in names:
        words = command.replace("NAME", name).split()
        confirmed = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert "Signature Verified Successfully" in confirmed.stdout
        message = tmp_path / f"{name}.message"
        message.write_bytes(message.read_bytes().replace(b"sha256", b"sha257", 1))
        refused = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert refused.returncode != 0


def test_the_script_notices_what_is_altered(exported: bytes, tmp_path: Path) -> None:
    """A bit of a pack, of what is shared or of a report, a member that is gone, added or exchanged: it says which."""
    whole = decompress(exported)
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        members = {each.name: (each.offset, each.offset_data, each.size) for each in archive}
    for name, (offset, start, size) in members.items():
        if name.endswith("manifest.dsse.json"):
            continue
        middle = start + size // 2
        done = checked(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :], tmp_path)
        gone = checked(whole[:offset] + whole[start + size + -size % 512 :], tmp_path)
        for each in (done, gone):
            assert each.returncode == 1
            assert each.stderr.startswith("not intact:")
            word = "public-roots" if "/shared/" in name else name.partition("/")[2]
            assert word in each.stderr
    root = next(iter(members)).partition("/")[0]
    more = checked(whole[: -len(END)] + member(f"{root}/capture/more") + END, tmp_path)
    assert f"{root}/capture/more: is not in a manifest" in more.stderr
    assert checked(END, tmp_path).returncode == 1


def test_the_page_says_what_the_format_is(sealed: Bundle) -> None:
    """Magic number, parts and predicates of the page are those of a bundle."""
    data = (sealed.folder / "capture" / "pack.zst").read_bytes()
    assert data[:4].hex(" ") in PAGE
    for name in contents(sealed.folder / "capture"):
        stem = re.sub(r"\d+-\w+$", "<n>-<probe>", name) if "/" in name else name
        assert stem in PAGE or f"{stem.partition('/')[0]}/" in PAGE
    shared = next((sealed.folder.parents[2] / "shared").iterdir())
    assert hashlib.sha256(shared.read_bytes()).hexdigest() == shared.stem
