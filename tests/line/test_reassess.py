"""A sealed bundle is assessed again under other rules without a packet, with equal bytes under the same ones."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.model.base import canonical
from inspector.seal import RunIndex, SigningKey
from tests.bundles import content, copied, copied_run, parsed
from tests.core.seal.forgery import exchange, names, payload, repack, spoil, stored
from tests.line.harness import Line, RunResult, Servers, network, serving, system

DAY = "2026-12-01"


@pytest.fixture(scope="module")
def servers(certificate: dict[str, str]) -> Iterator[Servers]:
    zone = {"www.line.test": {"A": ["127.0.0.1"]}}
    with serving(
        {"name": "page", "mode": "page", **certificate}, {"name": "names", "mode": "dns", "zone": zone}
    ) as made:
        yield made


@pytest.fixture(scope="module")
def result(line: Line, servers: Servers) -> RunResult:
    """One inspection of TLS, HTTP and names."""
    port = servers.ports["page"]
    document = line.declare(system(f"https://127.0.0.1:{port}/", f"https://www.line.test:{port}/", "host:127.0.0.1"))
    return line.call(
        "run",
        document,
        *("--only", "tls", "--only", "http", "--only", "names", "--only", "dossier", "--lang", "en"),
        resolvers=[f"127.0.0.1:{servers.ports['names']}"],
    )


@pytest.fixture
def copy(result: RunResult, tmp_path: Path) -> Path:
    """The bundle, for a test to do with as it likes."""
    return copied(result.bundle.folder, tmp_path / "bundle")


def files(folder: Path, part: str) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted((folder / part).rglob("*.*"))}


def newest(folder: Path) -> Path:
    return max((folder / "assessments").iterdir(), key=lambda path: path.stat().st_mtime_ns)


# --- verify -----------------------------------------------------------------------------------------------------------


def test_fresh_bundle_is_intact_and_reproduced(line: Line, result: RunResult) -> None:
    """All three answers are good, and the capture has its own signer's trust."""
    answer = line.call("verify", result.bundle.folder, "--lang", "en")
    assert answer.code == 0
    assert "intact, signed by a trusted signer" in answer.out
    assert "reproduced: assessing again gives the same bytes" in answer.out
    assert f"would say the same of all {len(result.findings)} findings" in answer.out


def test_the_answers_are_in_the_language_that_is_asked_for(line: Line, result: RunResult, copy: Path) -> None:
    """Vietnamese unless English is asked for, of a good bundle and of a bad one; file names are the same."""
    answer = line.call("verify", result.bundle.folder, "--lang", "vi")
    assert "nguyên vẹn, do bên ký được tin cậy ký" in answer.out
    assert "tái lập được: đánh giá lại cho kết quả giống đến từng byte" in answer.out
    repack(copy / "capture", {"plan.json": None})
    answer = line.call("verify", copy, "--lang", "vi")
    assert answer.code == 1
    assert answer.out.startswith(
        "không nguyên vẹn:\n  kế hoạch (capture/plan.json): bị thiếu, hoặc không còn đọc được\n"
    )
    assert "không đánh giá lại (gói kết quả không nguyên vẹn)" in answer.out


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("evidence", "evidence {} of {}"),
        ("ledger.jsonl", "ledger"),
        ("plan.json", "plan"),
        ("findings.json", "findings"),
    ],
)
def test_flipped_byte_is_named(line: Line, copy: Path, kind: str, words: str) -> None:
    """One bit of any part: the answer is *not intact*, and names that part alone, in words."""
    folder = newest(copy) if kind == "findings.json" else copy / "capture"
    part = names(folder, kind)[-1]
    half = len(stored(folder)[part]) // 2
    spoil(folder, part, lambda data: data[:half] + bytes([data[half] ^ 1]) + data[half + 1 :])
    answer = line.call("verify", copy, "--lang", "en")
    assert answer.code == 1
    assert "intact, signed" not in answer.out
    [named] = [each for each in answer.out.splitlines() if "SHA-256 differs" in each]
    assert named.startswith(f"  {words.format(*part.partition('/')[2].split('-', 1))} (")
    assert f"{folder.relative_to(copy)}/{part}" in named
    assert line.call("assess", copy).code == (3 if kind == "findings.json" else 2)


@pytest.mark.parametrize(
    ("how", "words"), [("gone", "is missing in the shared"), ("altered", "was altered in the shared")]
)
def test_what_is_shared_is_named(line: Line, copy: Path, how: str, words: str) -> None:
    """Tables that are missing or altered in what bundles share are named as such, and nothing is assessed."""
    listed = {each["name"]: each["digest"]["sha256"] for each in payload(copy / "capture")["subject"]}
    shared = copy / "shared" / f"{listed['shared/tables.json']}.zst"
    if how == "gone":
        shared.unlink()
    else:
        shared.write_bytes(shared.read_bytes()[:-1] + b"x")
    answer = line.call("verify", copy, "--lang", "en")
    assert answer.code == 1
    named = [each.strip().partition(":")[0] for each in answer.out.splitlines() if words in each]
    assert "tables (capture/tables.json)" in named
    assert all(each.startswith("tables (") for each in named)
    assert line.call("assess", copy).code == 2


@pytest.mark.parametrize("part", ["capture", "assessments"])
def test_a_part_of_a_bundle_is_not_verified_as_one(line: Line, result: RunResult, part: str) -> None:
    """The message names the folder to give."""
    answer = line.call("verify", result.bundle.folder / part, "--lang", "en")
    assert answer.code == 2
    assert f"give the folder of the inspection: {result.bundle.folder}" in answer.err


def test_unknown_signer_is_distinguished(result: RunResult, tmp_path: Path) -> None:
    """Who does not know the key learns that it is intact but by an unknown signer; naming the key makes it trusted."""
    unknown_machine = Line(tmp_path)
    answer = unknown_machine.call("verify", result.bundle.folder, "--lang", "en")
    assert answer.code == 3
    assert "signed by an unknown signer" in answer.out
    assert not (tmp_path / "key.pem").exists()
    assert unknown_machine.call("verify", result.bundle.folder, "--trusted", result.bundle.signers[0]).code == 0
    assert unknown_machine.call("verify", result.bundle.folder, trusted_signers=[result.bundle.signers[0]]).code == 0


def test_where_trust_comes_from_is_said(line: Line, result: RunResult, tmp_path: Path) -> None:
    """A flag, the settings, or this machine's own key; and what the bundle is about."""
    signer = result.bundle.signers[0]
    own = line.call("verify", result.bundle.folder, "--lang", "en")
    assert f"capture: signed by {signer} (trusted: {line.folder / 'key.pem'})" in own.out
    assert f"head digest: {result.bundle.digest}" in own.out
    assert f"inspection: {result.bundle.inspection.id} of run {result.bundle.inspection.run}" in own.out
    assert "as the index of the run says, signed by a trusted signer" in own.out
    other = Line(tmp_path)
    flag = other.call("verify", result.bundle.folder, "--trusted", signer, "--lang", "en")
    assert f"signed by {signer} (trusted: --trusted)" in flag.out
    named = other.call("verify", result.bundle.folder, "--lang", "en", trusted_signers=[signer])
    assert f"signed by {signer} (trusted: {tmp_path}" in named.out
    assert f"signed by {signer} (not trusted)" in other.call("verify", result.bundle.folder, "--lang", "en").out


def test_a_removed_assessment_is_noticed(line: Line, result: RunResult, tmp_path: Path) -> None:
    """Next to the index of its run, a bundle without an assessment that was written is not what it was: exit code 1."""
    run = copied_run(result.bundle.folder.parents[1], tmp_path)
    folder = run / result.bundle.folder.relative_to(result.bundle.folder.parents[1])
    assert line.call("verify", folder).code == 0
    shutil.rmtree(folder / "assessments")
    answer = line.call("verify", folder, "--lang", "en")
    assert answer.code == 1
    assert "not as the index of the run says:" in answer.out
    assert "is missing" in answer.out


def test_an_index_by_a_stranger_is_neither_believed_nor_passed_over(
    line: Line, result: RunResult, tmp_path: Path
) -> None:
    """Whoever puts an index of their own beside a trusted bundle makes it no worse than by an unknown signer: 3."""
    run = copied_run(result.bundle.folder.parents[1], tmp_path)
    folder = run / result.bundle.folder.relative_to(result.bundle.folder.parents[1])
    (run / "index.dsse.json").unlink()
    stranger = SigningKey.load_or_create(tmp_path / "stranger.pem")
    RunIndex(run.parent, run.name).add(RunIndex(run.parent, run.name).attempts()[0], stranger)
    answer = line.call("verify", folder, "--lang", "en")
    assert answer.code == 3
    assert "as the index of the run says, signed by an unknown signer" in answer.out


def test_an_index_without_its_signature_is_3(line: Line, result: RunResult, tmp_path: Path) -> None:
    """Nothing is altered, and what may have been removed is not known."""
    run = copied_run(result.bundle.folder.parents[1], tmp_path)
    folder = run / result.bundle.folder.relative_to(result.bundle.folder.parents[1])
    (run / "index.dsse.json").unlink()
    answer = line.call("verify", folder, "--lang", "en")
    assert answer.code == 3
    assert "its signature index.dsse.json is missing" in answer.out


def test_not_reproduced_by_the_same_versions_is_1(line: Line, copy: Path) -> None:
    """An assessment that was signed by the trusted key but does not follow from its capture is no success."""
    [folder] = (copy / "assessments").iterdir()
    findings = json.loads(content(folder, "findings.json"))
    first = findings["findings"][0]
    first["outcome"] = "pass" if first["outcome"] != "pass" else "fail"
    exchange(folder, "findings.json", canonical(findings), SigningKey.load_or_create(line.folder / "key.pem"))
    answer = line.call("verify", copy, "--lang", "en")
    assert "intact, signed by a trusted signer" in answer.out
    assert "not reproduced: the same versions give another result (findings.json)" in answer.out
    assert answer.code == 1


# --- assess -----------------------------------------------------------------------------------------------------------


def test_other_regime(line: Line, result: RunResult, copy: Path) -> None:
    """Another regime gives its own rows and clauses on the same capture, which stays as it was."""
    before = files(copy, "capture")
    again = line.call("assess", copy, "--regime", "vn-tt12-2022")
    assert again.code == 3
    judged = parsed(newest(copy), "assessment.json")
    assert (judged["regime"], judged["inspection"]) == ("vn-tt12-2022", result.bundle.inspection.id)
    documents = {
        clause["document"] for finding in parsed(newest(copy), "findings.json") for clause in finding["clauses"]
    }
    assert documents
    assert not any("331" in document for document in documents)
    assert files(copy, "capture") == before
    assert len(list((copy / "assessments").iterdir())) == 2
    assert line.call("verify", copy).code == 0


def test_other_level(line: Line, result: RunResult, copy: Path) -> None:
    """A higher level asks for more, and says so in the assessment; the declared level stays in the capture."""
    assert line.call("assess", copy, "--level", 5).code == 0
    judged = parsed(newest(copy), "assessment.json")
    rows = {row["id"] for row in parsed(newest(copy), "requirements.json")}
    assert judged["level"] == 5
    assert "keys-in-hardware" in rows
    assert "keys-in-hardware" not in {finding["requirement"] for finding in result.findings}
    assert parsed(copy / "capture", "documents/declaration.json")["system"]["level"] == 3


def test_other_date(line: Line, copy: Path) -> None:
    """The rules of the day asked for hold: the older regime in 2025; a day between two regimes has none."""
    assert line.call("assess", copy, "--as-of", "2025-03-01").code == 3
    judged = parsed(newest(copy), "assessment.json")
    assert (judged["regime"], judged["as_of"][:10]) == ("vn-tt12-2022", "2025-03-01")
    before = len(list((copy / "assessments").iterdir()))
    refused = line.call("assess", copy, "--as-of", "2026-07-15")
    assert refused.code == 2
    assert "2026-07-15" in refused.err
    assert len(list((copy / "assessments").iterdir())) == before


def test_unknown_regime_and_date_are_misuse(line: Line, copy: Path) -> None:
    """The remedy says what to write."""
    result = line.call("assess", copy, "--regime", "vn-nothing")
    assert result.code == 2
    assert "vn-nd331-2026" in result.err
    result = line.call("assess", copy, "--as-of", "tomorrow")
    assert result.code == 2
    assert "write YYYY-MM-DD" in result.err


def test_reread_without_a_network(line: Line, result: RunResult, copy: Path) -> None:
    """In a network without any link every observation is read again from its raw bytes, and says the same."""
    first = parsed(newest(copy), "findings.json")
    with network() as inside:
        again = line.spawn("assess", copy, "--reparse", "--lang", "en", wrap=inside)
    assert again.code == result.code
    judged = parsed(newest(copy), "assessment.json")
    assert judged["reparse"] is True
    assert parsed(newest(copy), "findings.json") == first
    assert line.call("verify", copy).code == 0


def test_judging_leaves_every_server_alone(line: Line, servers: Servers, copy: Path) -> None:
    """No command on a sealed bundle reaches a server."""
    before = servers.received()
    for command in (("assess", copy), ("assess", copy, "--reparse"), ("verify", copy), ("seal", copy)):
        line.call(*command)
    assert servers.received() == before


# --- the same bytes ---------------------------------------------------------------------------------------------------


def test_same_bytes_in_every_language_and_under_every_hash_seed(line: Line, result: RunResult, tmp_path: Path) -> None:
    """The assessment of one day, its reports and its signature are equal in every language."""
    made = []
    for lang, seed in (("vi", "0"), ("en", "12345")):
        copy = copied(result.bundle.folder, tmp_path / lang)
        again = line.spawn(
            "assess",
            copy,
            *("--as-of", DAY, "--lang", lang, "--format", "sarif,junit,codequality", "--keep-reports"),
            env={"PYTHONHASHSEED": seed},
        )
        made.append((again, files(copy, f"assessments/{DAY}T00-00-00Z-vn-nd331-2026")))
    (vietnamese, first), (english, second) = made
    assert first.keys() == second.keys()
    assert {name for name in first if first[name] != second[name]} == set()
    assert vietnamese.code == english.code
    assert vietnamese.out != english.out


def test_report_is_written_in_both_languages(result: RunResult) -> None:
    """Each HTML file speaks its own language, and names the report of the language asked for."""
    reports = result.reports()
    assert b'<html lang="vi"' in reports["report.vi.html"]
    assert b'<html lang="en"' in reports["report.en.html"]
    assert "Chuỗi chứng thư số dẫn tới".encode() in reports["report.vi.html"]
    assert b"Certificate chains to a publicly trusted root" in reports["report.en.html"]
    assert "report.en.html" in result.out


def test_the_same_assessment_stands_once(line: Line, copy: Path) -> None:
    """Judging twice for one day adds nothing the second time."""
    line.call("assess", copy, "--as-of", DAY)
    before = files(copy, "assessments")
    line.call("assess", copy, "--as-of", DAY)
    assert files(copy, "assessments") == before
