"""A hostile bundle is refused with the name of the wrong file, and does no harm."""

import json
import os
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from inspector.model.base import canonical
from inspector.model.errors import BundleError, LimitExceeded
from inspector.record.limits import JSON_BYTES, LINE_BYTES, RAW_BYTES
from inspector.seal import Bundle, SigningKey, verify
from inspector.seal.layout import MANIFEST
from inspector.seal.pack import compressed
from tests.core.seal.examples import raw, sealed
from tests.core.seal.forgery import contents, exchange, payload, repack, resign, sign, spoil


def refused(bundle: Bundle, *words: str) -> str:
    """Opening is refused with this text; the result is the message."""
    with pytest.raises(BundleError) as error:
        Bundle.open(bundle.folder)
    for word in words:
        assert word in error.value.message
    return error.value.message


# --- Things in the file system --------------------------------------------------------------------------------------

PACK = "capture/pack.zst"


def _link(path: Path, aside: Path) -> None:
    aside.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(aside)


def _hard_link(path: Path, aside: Path) -> None:
    aside.write_bytes(path.read_bytes())
    path.unlink()
    path.hardlink_to(aside)


def _pipe(path: Path, _aside: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _device(path: Path, aside: Path) -> None:
    path.unlink()
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:  # only root may make one
        _pipe(aside, aside)
        aside.rename(path)


def _folder(path: Path, _aside: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (_link, "is a symbolic link"),
        (_hard_link, "is a hard link"),
        (_pipe, "is not a regular file"),
        (_device, "is not a regular file"),
        (_folder, "is not a regular file"),
        (lambda path, _: path.unlink(), "is missing"),
    ],
    ids=["symlink", "hard link", "named pipe", "device", "folder", "missing"],
)
def test_what_is_no_plain_file_as_sealed_is_named(
    bundle: Bundle, tmp_path: Path, change: Callable[[Path, Path], object], what: str
) -> None:
    """A link (even to the right content), a pipe, a device, a folder or nothing in a file's place."""
    change(bundle.folder / PACK, tmp_path / "aside")
    refused(bundle, PACK, what)
    assert [fault.file for fault in verify(bundle.folder, trusted=bundle.signers).intact.faults] == [PACK]


@pytest.mark.parametrize("part", ["capture"])
def test_a_linked_folder_is_not_followed(bundle: Bundle, tmp_path: Path, part: str) -> None:
    """A symbolic link in place of a folder is refused though all files behind it are right."""
    (bundle.folder / part).rename(tmp_path / "elsewhere")
    (bundle.folder / part).symlink_to(tmp_path / "elsewhere")
    refused(bundle, part)
    assert not verify(bundle.folder, trusted=bundle.signers).intact.holds


@pytest.mark.parametrize("name", ["capture/extra.json", "capture/raw/hidden", "capture/.hidden", "capture/a\x1b[2Jb"])
def test_what_is_not_in_the_manifest_is_named(bundle: Bundle, name: str) -> None:
    """A file that was added is named, without a character that a terminal would obey."""
    path = bundle.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")
    message = refused(bundle, name.replace("\x1b", "\\x1b"), "is not in the manifest")
    assert message.isprintable()


def test_deep_folders_are_not_descended(bundle: Bundle) -> None:
    """A folder nested beyond what a bundle has is named, however deep it goes."""
    deep = bundle.folder / "capture" / "/".join(["d"] * 500)
    deep.mkdir(parents=True)
    refused(bundle, "is nested deeper than a bundle may be")


@pytest.mark.parametrize("given", ["nothing", "folder", "file"])
def test_what_is_no_bundle_is_reported(tmp_path: Path, given: str) -> None:
    """A missing folder, an empty one and a file are not bundles, and verifying them raises no exception."""
    path = tmp_path / "given"
    if given == "folder":
        path.mkdir()
    if given == "file":
        path.write_bytes(b"")
    with pytest.raises(BundleError, match="not a sealed bundle"):
        Bundle.open(path)
    assert not verify(path, trusted=()).intact.holds


# --- Manifests ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../../../../etc/passwd", "/etc/passwd", "a/../../b", "a//b", "./a", "", "a\\b\x00", MANIFEST, "a/" * 9 + "a"],
)
def test_a_manifest_that_leads_out_is_refused(bundle: Bundle, untrusted: SigningKey, name: str) -> None:
    """A manifest that names a file outside the capture is refused whatever its signature; the file is not opened."""
    hostile = {"name": name, "digest": {"sha256": "0" * 64}}
    resign(bundle.folder / "capture", untrusted, lambda statement: statement["subject"].append(hostile))
    message = refused(bundle, f"capture/{MANIFEST}: names ")
    assert message.isprintable()


def _statement(field: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda statement: statement.update({field: value})


@pytest.mark.parametrize(
    "change",
    [
        _statement("_type", "https://in-toto.io/Statement/v9"),
        _statement("predicateType", "urn:level-inspector:assessment:1"),
        _statement("predicate", []),
        _statement("predicate", {"inspection": 1}),
        _statement("subject", {}),
        _statement("subject", [{"name": 1, "digest": {"sha256": "0"}}]),
        _statement("subject", [{"name": "a", "digest": {"sha256": "nonsense"}}]),
        _statement("more", True),
        lambda statement: statement["subject"].append(statement["subject"][0]),
        lambda statement: statement["predicate"].update({"inspection": "another"}),
    ],
)
def test_a_malformed_statement_is_refused(
    bundle: Bundle, untrusted: SigningKey, change: Callable[[dict[str, Any]], object]
) -> None:
    """A signed statement of another type, with wrong, unknown, doubled or foreign fields is refused by file."""
    resign(bundle.folder / "capture", untrusted, change)
    refused(bundle, "capture/")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"[" * 10**6,
        b'{"payload":' * 10**5,
        b'{"payload":"","payloadType":"application/vnd.in-toto+json","signatures":[]}',
        b'{"payload":1,"payloadType":2,"signatures":3}',
        b'{"payload":"","payloadType":"","signatures":[1]}',
        b'{"payload":"","payloadType":"","signatures":[{"keyid":1,"sig":""}]}',
        b'{"payload":"","payloadType":"","signatures":[{"keyid":[],"sig":""}]}',
        b"\xff" * 100,
        b"9" * 10**6,
    ],
    ids=lambda data: repr(data[:30]),
)
def test_a_malformed_envelope_is_refused(bundle: Bundle, data: bytes) -> None:
    """Bytes that are no envelope, nested or long without end, are refused by file."""
    (bundle.folder / "capture" / MANIFEST).write_bytes(data)
    refused(bundle, f"capture/{MANIFEST}")


def test_an_endless_manifest_is_not_read_to_its_end(bundle: Bundle) -> None:
    """A manifest of many gigabytes (sparse on the disk) is refused after its bound, in bounded memory."""
    os.truncate(bundle.folder / "capture" / MANIFEST, 2**40)
    tracemalloc.start()
    refused(bundle, f"capture/{MANIFEST}", "is longer than")
    assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    tracemalloc.stop()


def test_one_way_to_write_an_envelope(bundle: Bundle) -> None:
    """The same envelope spelled otherwise (white space, another order) is refused, so that no byte of it can change."""
    path = bundle.folder / "capture" / MANIFEST
    path.write_bytes(json.dumps(json.loads(path.read_bytes()), indent=1).encode())
    refused(bundle, "is not canonical")


def test_a_signature_in_anothers_name_is_refused(bundle: Bundle, key: SigningKey, untrusted: SigningKey) -> None:
    """A signature under a trusted key's id that this key did not make is refused, even next to a right one."""
    part = bundle.folder / "capture"
    sign(part, payload(part), untrusted, key)
    envelope = json.loads((part / MANIFEST).read_bytes())
    envelope["signatures"][1]["sig"] = envelope["signatures"][0]["sig"]
    (part / MANIFEST).write_bytes(canonical(envelope))
    refused(bundle, f"a signature is wrong: {key.keyid}")


# --- Signed hostile content -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("settings.json", b"[" * 10**5),
        ("settings.json", b"[]"),
        ("settings.json", b'{"number":1e999}'),
        ("plan.json", b'{"asks":[{"probe":7}]}'),
        ("documents/declaration.json", b'{"system":{}}'),
        ("documents/declaration.json", b"[]"),
        ("documents/authorisations.json", b"{}"),
        ("documents/statements.json", b"\xff"),
        ("regime.json", b"null"),
        ("inspection.json", b'{"regime":{}}'),
    ],
)
def test_wrong_types_are_named_by_file(bundle: Bundle, untrusted: SigningKey, name: str, data: bytes) -> None:
    """A part of the inspection with another form than it must have is refused by the name of its file."""
    exchange(bundle.folder / "capture", name, data, untrusted)
    refused(bundle, f"capture/{name}: ")


SCAN = "evidence/1-tls"


def forged_raw(bundle: Bundle, untrusted: SigningKey, forge: Callable[[bytes], bytes]) -> Bundle:
    """Put another zstd frame in the place of the first scan's, made of its record, and sign the result."""
    part = bundle.folder / "capture"
    repack(part, {SCAN: forge(contents(part)[SCAN].partition(b"\n")[0] + b"\n")})
    resign(part, untrusted)
    return Bundle.open(bundle.folder)


def frame(content: bytes, *, has_size: bool = True) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=has_size).compress(content)


@pytest.mark.parametrize(
    ("forge", "what"),
    [
        (lambda _record: frame(bytes(2**30)), "more bytes"),
        (frame, "does not have the sizes"),
        (lambda record: frame(record + b"[1,-1]\nx"), "does not have the sizes"),
        (lambda record: frame(record + b"[" + b"1," * 2000 + b"1]\nx"), "holds other bytes than it says"),
        (lambda record: frame(record + b"[680]\n" + raw().data[::-1]), "has no raw bytes"),
        (lambda record: frame(record + b"[680,1]\n" + raw().data), "holds other bytes than it says"),
        (lambda record: frame(record + b"[679]\n" + raw().data), "holds other bytes than it says"),
        (lambda record: frame(record + b"[680]\n" + raw().data)[:-3], "holds other bytes than it says"),
        (lambda record: frame(record + b"[680]\n" + raw().data, has_size=False), "holds other bytes than it says"),
        (lambda _record: b"not compressed", "cannot be decompressed"),
    ],
    ids=["bomb", "empty", "negative", "many", "altered", "more", "fewer", "cut", "no size", "noise"],
)
def test_raw_bytes_are_bounded_and_checked(
    bundle: Bundle, untrusted: SigningKey, forge: Callable[[bytes], bytes], what: str
) -> None:
    """A decompression bomb costs no memory; altered, cut and uncompressed raw bytes are refused by part."""
    ref = next(each for _, seen in bundle.evidence() if seen.scan == 1 for each in seen.raw)
    hostile = forged_raw(bundle, untrusted, forge)
    tracemalloc.start()
    with pytest.raises(BundleError, match=what) as error:
        hostile.raw(ref)
    assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    tracemalloc.stop()
    assert error.value.message.startswith("capture/evidence")
    assert not verify(bundle.folder, trusted=[untrusted.keyid]).intact.holds


def test_a_record_is_as_short_as_any_other_part_in_json(bundle: Bundle, untrusted: SigningKey) -> None:
    """The room that a scan's part has for raw bytes is none for its record."""
    hostile = forged_raw(bundle, untrusted, lambda record: frame(record[:-1] + b" " * JSON_BYTES))
    with pytest.raises(LimitExceeded, match=SCAN):
        hostile.evidence()


def test_a_window_that_asks_for_memory_is_refused(bundle: Bundle, untrusted: SigningKey) -> None:
    """Compressed bytes that tell the decompressor to set aside far more than they need are refused."""
    ref = next(each for _, seen in bundle.evidence() if seen.scan == 1 for each in seen.raw)
    greedy = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)

    def forge(record: bytes) -> bytes:
        packer = zstandard.ZstdCompressor(compression_params=greedy).compressobj()
        return packer.compress(record + b"[680]\n" + raw().data) + packer.flush()

    with pytest.raises(BundleError, match="holds other bytes than it says"):
        forged_raw(bundle, untrusted, forge).raw(ref)


def test_a_pointer_beyond_all_bounds_is_refused(bundle: Bundle) -> None:
    """Evidence that claims raw bytes of absurd size, or names no digest but a path, reads nothing."""
    ref = bundle.evidence()[0][1].raw[0]
    for change in ({"size": RAW_BYTES + 1}, {"size": -1}, {"sha256": "../../../etc/passwd"}, {"sha256": "f" * 64}):
        with pytest.raises(BundleError):
            bundle.raw(ref.model_copy(update=change))


@pytest.mark.parametrize("name", ["../manifest.dsse.json", "unknown", "", "/etc/passwd"])
def test_trust_outside_the_bundle_is_not_read(bundle: Bundle, name: str) -> None:
    """Only what the manifest vouches for is given as trust roots."""
    with pytest.raises(BundleError, match="is missing"):
        bundle.trust(name)


def test_hostile_evidence_and_ledger_are_named(bundle: Bundle, untrusted: SigningKey) -> None:
    """Evidence that is none, and ledger lines that are none, are refused by part."""
    part = bundle.folder / "capture"
    exchange(part, "evidence/2-tls", b"{}", untrusted)
    exchange(part, "ledger.jsonl", b'{"at":1}\n', untrusted)
    hostile = Bundle.open(bundle.folder)
    with pytest.raises(BundleError, match="evidence/2-tls"):
        hostile.evidence()
    with pytest.raises(BundleError, match=r"ledger\.jsonl:1"):
        hostile.ledger()


def test_frames_that_lead_astray_are_refused(bundle: Bundle, untrusted: SigningKey) -> None:
    """A signed pack whose frames are cut, longer than the pack, or nested like a bomb is refused by part."""
    part = bundle.folder / "capture"
    pack = part / "pack.zst"
    whole = pack.read_bytes()
    for data in (
        whole[:-1],
        whole[:100],
        b"",
        b"\x5d\x2a\x4d\x18" * 10**5,
        whole.replace(b'"size":', b'"size":9999999'),
    ):
        pack.write_bytes(data)
        resign(part, untrusted)
        statement = payload(part)
        statement["subject"] += [{"name": "ledger.jsonl", "digest": {"sha256": "0" * 64}}]
        unique = {each["name"]: each for each in statement["subject"]}
        sign(part, {**statement, "subject": list(unique.values())}, untrusted)
        with pytest.raises(BundleError, match="capture/"):
            Bundle.open(bundle.folder).ledger()
        assert not verify(bundle.folder, trusted=[untrusted.keyid]).intact.holds


def test_what_changes_after_opening_is_noticed(bundle: Bundle) -> None:
    """A part that is changed between opening and reading is refused when it is read."""
    part = bundle.folder / "capture"
    other = compressed(contents(part)["evidence/2-tls"].replace(b"a.example", b"b.example"))
    spoil(part, "evidence/2-tls", lambda data: other.ljust(len(data), b"\0")[: len(data)])
    with pytest.raises(BundleError, match="evidence/2-tls: is not what was sealed"):
        bundle.evidence()


def test_assessments_are_read_as_warily(tmp_path: Path, key: SigningKey, untrusted: SigningKey) -> None:
    """Other entries among the assessments are named, and so is a linked one."""
    bundle = sealed(tmp_path, key)
    assessments = bundle.folder / "assessments"
    assessments.mkdir()
    (assessments / "loose").write_bytes(b"")
    (assessments / "linked").symlink_to(tmp_path)
    (assessments / "empty").mkdir()
    faults = [fault.file for fault in verify(bundle.folder, trusted=[key.keyid]).intact.faults]
    assert faults == ["assessments/linked", "assessments/loose", f"assessments/empty/{MANIFEST}"]
    with pytest.raises(BundleError, match="is not an assessment"):
        bundle.assessments()


#: Parts of very many small values; each takes dozens to hundreds of times its size in memory.
DENSE = {
    "lists": b'{"facts":{"a":[' + b"[]," * 2**20 + b"0]}}",
    "objects": b'{"facts":{"a":[' + b'{"a":1},' * 2**20 + b"0]}}",
    "numbers": b'{"facts":{"a":[' + b"1," * 2**21 + b"0]}}",
    "one line": b'{"options":{"a":' + b"[[]," * 10_000 + b"0" + b"]" * 10_000 + b"}}",
}


@pytest.mark.parametrize("name", DENSE)
@pytest.mark.parametrize("part", ["evidence/2-tls", "plan.json", "regime.json", "documents/declaration.json"])
def test_a_part_of_very_many_values_is_not_parsed(bundle: Bundle, untrusted: SigningKey, part: str, name: str) -> None:
    """Anybody may have signed it: it is refused by its name before it takes gigabytes of memory."""
    exchange(bundle.folder / "capture", part, DENSE[name], untrusted)
    intact = verify(bundle.folder, trusted=[]).intact
    assert not intact.holds
    assert [fault.file for fault in intact.faults] == [f"capture/{part}"]
    if name != "one line":
        assert "has more values than are read" in str(intact.faults[0])


_MEASURE = """
import resource, sys
from pathlib import Path
from inspector.seal import verify
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
faults = verify(Path(sys.argv[1]), trusted=[]).intact.faults
print(len(faults), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize(
    ("part", "begin", "member", "end"),
    [
        ("evidence/2-tls", b'{"gaps":[', b"{}", b"]}"),
        ("evidence/2-tls", b'{"facts":{"a":[', b'{"a":1}', b"]}}"),
        ("regime.json", b'{"requirements":[', b"{}", b"]}"),
        ("plan.json", b'{"tasks":[', b"[]", b"]}"),
        ("documents/authorisations.json", b"[", b"0", b"]"),
    ],
)
def test_values_within_the_limit_take_a_bounded_memory(
    bundle: Bundle, untrusted: SigningKey, part: str, begin: bytes, member: bytes, end: bytes
) -> None:
    """As many values as are read, all of them wrong: one error is kept, not one for each of them."""
    count = 200_000
    long = b'"' + b"x" * 12 * count + b'"'  # with fewer bytes there would be too many values
    data = begin + (member + b",") * count + long + end
    exchange(bundle.folder / "capture", part, data, untrusted)
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(bundle.folder)], capture_output=True, text=True, check=True
    )
    faults, mebibytes = map(int, done.stdout.split())
    assert faults == 1
    assert mebibytes < 700


def test_raw_answers_without_number_are_not_listed(bundle: Bundle, untrusted: SigningKey) -> None:
    """A line of sizes is as long as a line may be, however much raw bytes may hold."""
    hostile = forged_raw(bundle, untrusted, lambda record: frame(record + b"[" + b"0," * LINE_BYTES + b"0]\n"))
    with pytest.raises(BundleError, match="does not have the sizes"):
        hostile.raw(hostile.evidence()[0][1].raw[0])
