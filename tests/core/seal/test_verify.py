"""Verifying gives three answers: intact and signed by whom, reproduced, and what the current version would say."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector.cli.verification import describe, describe_intact, describe_reproduced, describe_today
from inspector.model.errors import BundleError, PluginError
from inspector.model.language import Language
from inspector.model.verdict import Outcome
from inspector.record.assessment import Assessment
from inspector.record.inspection import PluginRecord
from inspector.report.messages import translated
from inspector.seal import Bundle, Comparison, SigningKey, add_assessment, verify
from inspector.seal.layout import MANIFEST, PACK
from inspector.seal.manifest import envelope_of
from tests.core.seal.examples import assessment, sealed
from tests.core.seal.forgery import exchange, frames, payload, repack, sign, spoil, stored


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, key: SigningKey) -> Bundle:
    """A small bundle with an assessment and a report; tests restore what they alter."""
    bundle = sealed(tmp_path_factory.mktemp("out"), key, scans=1)
    add_assessment(bundle, assessment(bundle), {"report.html": b"<html>"}, key)
    return bundle


def vietnamese(text: str) -> str:
    """The text in Vietnamese."""
    return translated(text, Language.VI)


def names(bundle: Bundle) -> list[str]:
    return sorted(str(path.relative_to(bundle.folder)) for path in bundle.folder.rglob("*") if path.is_file())


# --- Intact ---------------------------------------------------------------------------------------------------------


def test_untouched_is_intact_and_by_whom(judged: Bundle, key: SigningKey, untrusted: SigningKey) -> None:
    """An untouched bundle is intact; it is by a trusted signer only for those who trust its key."""
    trusted = verify(judged.folder, trusted=[key.keyid.upper(), untrusted.keyid]).intact
    assert (trusted.holds, trusted.trusted) == (True, True)
    assert describe_intact(trusted) == "intact, signed by a trusted signer"
    for keys in ([], [untrusted.keyid]):
        unknown = verify(judged.folder, trusted=keys).intact
        assert (unknown.holds, unknown.trusted) == (True, False)
        assert "unknown signer" in describe_intact(unknown)
        assert key.keyid in describe_intact(unknown)


def part_at(folder: Path, name: str, position: int) -> str:
    """The part whose frame, header included, has this byte of a pack; any other file itself."""
    if not name.endswith(PACK):
        return name
    found = (each for each in frames((folder / name).parent) if each.start <= position < each.end)
    return f"{name.removesuffix(PACK)}{next(found).header.name}"


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_bit_is_named_by_part(judged: Bundle, key: SigningKey, data: st.DataObject) -> None:
    """Whichever bit of whichever file is flipped, exactly the part with it is named.

    A header may be flipped into another valid one: then the pack is named, or the part of the other name as well.
    """
    name = data.draw(st.sampled_from(names(judged)))
    path = judged.folder / name
    before = path.read_bytes()
    position = data.draw(st.integers(0, len(before) - 1))
    part = part_at(judged.folder, name, position)
    flipped = before[position] ^ (1 << data.draw(st.integers(0, 7)))
    path.write_bytes(before[:position] + bytes([flipped]) + before[position + 1 :])
    try:
        intact = verify(judged.folder, trusted=[key.keyid]).intact
    finally:
        path.write_bytes(before)
    assert not intact.trusted
    others = {fault.file for fault in intact.faults if fault.what != "is not in the manifest"}
    assert others in ({part}, {name})
    if name.endswith(PACK) and others == {name}:
        assert any(each.start <= position < each.content for each in frames(path.parent))


def test_every_byte_of_every_file_counts(judged: Bundle, key: SigningKey) -> None:
    """A file that is cut, longer or gone is named, for every file of the bundle; of a cut pack its last part is."""
    for name in names(judged):
        path = judged.folder / name
        before = path.read_bytes()
        for after in (before[:-1], before + b"\n", None):
            expected = part_at(judged.folder, name, len(before) - 1) if after == before[:-1] else name
            path.unlink() if after is None else path.write_bytes(after)
            intact = verify(judged.folder, trusted=[key.keyid]).intact
            path.write_bytes(before)
            path.chmod(0o600)
            assert [fault.file for fault in intact.faults] == [expected]


@pytest.mark.parametrize("part", ["evidence/1-tls", "ledger.jsonl", "plan.json"])
def test_each_part_is_named(judged: Bundle, key: SigningKey, part: str, tmp_path: Path) -> None:
    """A part that was altered, left out, exchanged for another or added is named, whatever its headers say."""
    capture = shutil.copytree(judged.folder, tmp_path / "copy") / "capture"
    spare = stored(capture)["settings.json"]
    for change, what in (({part: spare}, "SHA-256 differs"), ({part: None}, "is missing, or cannot be read any more")):
        repack(capture, change)
        (fault,) = verify(capture.parent, trusted=[key.keyid]).intact.faults
        assert fault.file == f"capture/{part}"
        assert what in fault.what
        shutil.copy(judged.folder / "capture" / PACK, capture / PACK)
    repack(capture, {"evidence/9-tls": spare})
    (fault,) = verify(capture.parent, trusted=[key.keyid]).intact.faults
    assert (fault.file, fault.what) == ("capture/evidence/9-tls", "is not in the manifest")


def test_the_pack_of_another_bundle_is_named(judged: Bundle, bundle: Bundle, key: SigningKey) -> None:
    """A rightly made pack of another capture in the place of this one's is noticed."""
    shutil.copy(judged.folder / "capture" / PACK, bundle.folder / "capture" / PACK)
    assert verify(bundle.folder, trusted=[key.keyid]).intact.altered


def test_what_stands_beside_is_named(judged: Bundle, key: SigningKey, tmp_path: Path) -> None:
    """A file next to capture and assessments is named: nothing signed vouches for it."""
    copy = tmp_path / "copy"
    shutil.copytree(judged.folder, copy)
    (copy / "notes.txt").write_bytes(b"")
    intact = verify(copy, trusted=[key.keyid]).intact
    assert [fault.file for fault in intact.faults] == ["notes.txt"]


def test_an_assessment_that_was_renamed_is_named(judged: Bundle, key: SigningKey, tmp_path: Path) -> None:
    """The folder's name has date and regime but no signature covers it: it must match the sealed content."""
    copy = tmp_path / "copy"
    shutil.copytree(judged.folder, copy)
    (folder,) = (copy / "assessments").iterdir()
    for name in ("2030-01-01T00-00-00Z-vn-nd331-2026", folder.name.replace("vn-nd331-2026", "vn-tt12-2022")):
        folder = folder.rename(folder.with_name(name))
        intact = verify(copy, trusted=[key.keyid]).intact
        assert [fault.file for fault in intact.faults] == [f"assessments/{name}"]
        assert "has a name with another date or regime than its content" in describe_intact(intact)
        assert (
            f"assessments/{name}: có tên ứng với ngày hoặc bộ quy định khác với khi niêm phong: 20"
            in describe_intact(intact, vietnamese)
        )


def test_altered_and_signed_again_is_not_trusted(bundle: Bundle, key: SigningKey, untrusted: SigningKey) -> None:
    """Evidence that was altered and signed with another key is not by a trusted signer."""
    part = bundle.folder / "capture"
    exchange(part, "documents/statements.json", b"[]", untrusted)
    intact = verify(bundle.folder, trusted=[key.keyid]).intact
    assert (intact.holds, intact.trusted) == (True, False)
    assert f"unknown signer (capture by {untrusted.keyid})" in describe_intact(intact)


def test_the_old_signature_does_not_cover_new_bytes(bundle: Bundle, key: SigningKey, untrusted: SigningKey) -> None:
    """Keeping the trusted signature next to one's own over altered bytes makes the bundle not intact."""
    part = bundle.folder / "capture"
    old = json.loads((part / MANIFEST).read_bytes())["signatures"][0]
    exchange(part, "settings.json", b'{"resolvers":[]}', untrusted)
    envelope = json.loads((part / MANIFEST).read_bytes())
    envelope["signatures"].append(old)
    (part / MANIFEST).write_bytes(json.dumps(envelope, sort_keys=True, separators=(",", ":")).encode())
    intact = verify(bundle.folder, trusted=[key.keyid]).intact
    assert not intact.holds
    assert f"a signature is wrong: {key.keyid}" in describe_intact(intact)
    assert f"chữ ký sai: {key.keyid}" in describe_intact(intact, vietnamese)


DENSE: dict[str, Callable[[SigningKey], bytes]] = {
    "an envelope of lists": lambda _: b'{"payload":[' + b"[]," * 2**20 + b"0]}",
    "an envelope of objects": lambda _: b'{"payload":[' + b"{}," * 2**20 + b"0]}",
    "a predicate of lists": lambda key: _enveloped(b'{"a":[' + b"[]," * 2**20 + b"0]}", b"[]", key),
    "a predicate of numbers": lambda key: _enveloped(b'{"a":[' + b"1," * 2**21 + b"0]}", b"[]", key),
    "wrong subjects": lambda key: _enveloped(b"{}", b"[" + b"0," * 2**21 + b"0]", key),
}


def _enveloped(predicate: bytes, subject: bytes, key: SigningKey) -> bytes:
    kind = b'"_type":"https://in-toto.io/Statement/v1"'
    uri = b'"predicateType":"urn:level-inspector:capture:1"'
    return envelope_of(b'{%b,"predicate":%b,%b,"subject":%b}' % (kind, predicate, uri, subject), key)


@pytest.mark.parametrize("name", DENSE)
def test_a_manifest_of_very_many_values_is_not_parsed(bundle: Bundle, untrusted: SigningKey, name: str) -> None:
    """Anybody may have made and signed it: it is refused before its values take hundreds of times its size."""
    data = DENSE[name](untrusted)
    (bundle.folder / "capture/manifest.dsse.json").write_bytes(data)
    answer = verify(bundle.folder, trusted=[])
    assert [str(fault) for fault in answer.intact.faults] == [
        "capture/manifest.dsse.json: is not a manifest: it has too many values"
    ]


def test_signatures_can_be_added(bundle: Bundle, key: SigningKey, untrusted: SigningKey) -> None:
    """A second signature does not change the head digest; one trusted signature among several is enough."""
    part = bundle.folder / "capture"
    sign(part, payload(part), key, untrusted)
    again = Bundle.open(bundle.folder)
    assert again.digest == bundle.digest
    assert again.signers == tuple(sorted([key.keyid, untrusted.keyid]))
    for each in (key, untrusted):
        assert verify(bundle.folder, trusted=[each.keyid]).intact.trusted


def test_a_third_partys_assessment_is_distinguished(bundle: Bundle, key: SigningKey, untrusted: SigningKey) -> None:
    """An assessment by an unknown signer about a trusted capture is named, and the whole is not called trusted."""
    add_assessment(bundle, assessment(bundle, Outcome.PASS), {}, untrusted)
    intact = verify(bundle.folder, trusted=[key.keyid]).intact
    assert [(seal.part, seal.trusted) for seal in intact.seals] == [
        ("capture", True),
        ("assessments/2026-11-21T10-30-15Z-vn-nd331-2026", False),
    ]
    assert not intact.trusted


def test_an_assessment_of_another_capture_is_named(judged: Bundle, bundle: Bundle, key: SigningKey) -> None:
    """A rightly signed assessment that is moved into another bundle is named there."""
    shutil.copytree(judged.folder / "assessments", bundle.folder / "assessments")
    intact = verify(bundle.folder, trusted=[key.keyid]).intact
    assert [fault.what for fault in intact.faults] == ["assesses another capture than this one"]


# --- Reproduced, and today ------------------------------------------------------------------------------------------


def test_the_same_again_is_reproduced(judged: Bundle, key: SigningKey) -> None:
    """Assessing again under the same versions gives the same result, and so does the current version."""
    answer = verify(judged.folder, trusted=[key.keyid], reassess=lambda _bundle, was: was)
    assert [each.comparison for each in answer.reproduced.assessments] == [Comparison.SAME]
    assert answer.today[0].differences == ()
    assert "reproduced: assessing again gives the same bytes" in describe(answer)


def test_another_result_under_the_same_versions_is_not_reproduced(judged: Bundle, key: SigningKey) -> None:
    """Another result under the same versions is not reproduced; the files that differ and the outcomes are named."""
    answer = verify(judged.folder, trusted=[key.keyid], reassess=lambda bundle, _was: assessment(bundle, Outcome.PASS))
    assert not answer.reproduced.holds
    assert answer.reproduced.assessments[0].detail == "findings.json"
    assert [(each.was, each.becomes) for each in answer.today[0].differences] == [(Outcome.FAIL, Outcome.PASS)]
    assert answer.intact.trusted


@pytest.mark.parametrize(
    "change",
    [
        {"inspector_version": "9.0"},
        {"regime_version": "2"},
        {"plugins": (PluginRecord(name="tls", distribution="other", version="1", digest="f" * 64),)},
    ],
    ids=["inspector", "regime", "plugin"],
)
def test_other_versions_are_not_comparable(judged: Bundle, key: SigningKey, change: dict[str, object]) -> None:
    """Under another version of inspector, regime or plugin a different result is not comparable, and never an error of
    the bundle; today's answer stands apart."""

    def later(bundle: Bundle, _was: Assessment) -> Assessment:
        return assessment(bundle, Outcome.INCONCLUSIVE).model_copy(update=change)

    answer = verify(judged.folder, trusted=[key.keyid], reassess=later)
    assert [each.comparison for each in answer.reproduced.assessments] == [Comparison.NOT_COMPARABLE]
    assert len(answer.reproduced.assessments[0].versions) == 1
    assert describe_reproduced(answer.reproduced).count(" then, ") == 1
    assert describe_reproduced(answer.reproduced, vietnamese).count(": khi đó là ") == 1
    assert answer.reproduced.holds
    assert answer.intact.trusted
    assert "tampered" not in describe(answer)
    assert "fail would become inconclusive" in describe_today(answer.today[0])


def test_many_other_versions_are_counted_and_named(judged: Bundle, key: SigningKey) -> None:
    """After an upgrade the line says what has another version; each version is printed on demand."""
    plugins = tuple(PluginRecord(name=f"p{n}", distribution="other", version="1", digest="f" * 64) for n in range(9))

    def later(bundle: Bundle, _was: Assessment) -> Assessment:
        return assessment(bundle, Outcome.INCONCLUSIVE).model_copy(update={"plugins": plugins})

    reproduced = verify(judged.folder, trusted=[key.keyid], reassess=later).reproduced
    assert "9 have other versions now: p0, p1, " in describe_reproduced(reproduced)
    assert "ffff" not in describe_reproduced(reproduced)
    assert describe_reproduced(reproduced, verbose=True).count("f" * 12) == 9
    assert "9 thành phần nay có phiên bản khác" in describe_reproduced(reproduced, vietnamese)


def test_a_check_that_is_gone_is_not_comparable(judged: Bundle, key: SigningKey) -> None:
    """When the capture cannot be assessed again, the reason is reported and the bundle stays intact."""

    def gone(_bundle: Bundle, _was: Assessment) -> Assessment:
        raise PluginError("check 'tls-modern-protocols' is not installed")

    answer = verify(judged.folder, trusted=[key.keyid], reassess=gone)
    assert answer.reproduced.assessments[0].comparison is Comparison.NOT_COMPARABLE
    assert "is not installed" in describe_reproduced(answer.reproduced)
    assert answer.today == ()


def test_an_altered_bundle_is_not_assessed_again(bundle: Bundle, key: SigningKey) -> None:
    """Nothing is assessed from a bundle that is not intact."""

    def never(_bundle: Bundle, _was: Assessment) -> Assessment:
        raise AssertionError("judged an altered bundle")

    add_assessment(bundle, assessment(bundle), {}, key)
    spoil(bundle.folder / "capture", "settings.json", lambda data: data[:-1])
    answer = verify(bundle.folder, trusted=[key.keyid], reassess=never)
    assert [each.comparison for each in answer.reproduced.assessments] == [Comparison.NOT_ASKED]
    assert answer.today == ()
    with pytest.raises(BundleError):
        Bundle.open(bundle.folder)
