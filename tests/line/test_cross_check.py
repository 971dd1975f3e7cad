"""A cross-check is asked on request, told in every format, and changes nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.line.harness import Line, Told, system
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import issue, root, rsa_key
from tests.plugins.inspector_tls.crosscheck.faces import POOR, RICH, two_faced

CHECK = "tls-cross-check-agrees"
#: What is asked beside it: nothing else of the plugin.
BESIDE = ("--only", CHECK, "--only", "forward-secrecy-only", "--only", "tls-modern-protocols")
DIFFERENT = "TLSv1.2 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"


@pytest.fixture(scope="module")
def declaration(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A declared server that shows sslyze's hellos one suite less."""
    folder = tmp_path_factory.mktemp("faces")
    files = issue("127.0.0.1", root(), ip=["127.0.0.1"], key=rsa_key()).write(folder, "server")
    with servers.answering(two_faced(files, {True: POOR, False: RICH})) as port:
        yield line.declare(system(f"https://127.0.0.1:{port}/"))


@pytest.fixture(scope="module")
def plain(line: Line, declaration: Path) -> Told:
    return line.call("run", declaration, *BESIDE)


@pytest.fixture(scope="module")
def checked(line: Line, declaration: Path) -> Told:
    return line.call("run", declaration, *BESIDE, "--cross-check", "--format", "sarif,junit,codequality")


def test_without_the_option_nobody_is_asked_twice(plain: Told) -> None:
    """The row is listed as not selected, and sslyze's questions are not put."""
    assert not any(entry.probe == "tls-cross-check" for entry in plain.ledger)
    assert not any(finding["check"] == CHECK for finding in plain.findings)
    (report,) = (data for name, data in plain.reports().items() if name == "report.en.html")
    assert b"Requirements not selected this time" in report


def test_a_disagreement_is_told_in_every_format(checked: Told) -> None:
    """The suite that one of both alone was shown stands in the findings and in each report."""
    assert checked.finding(CHECK)["outcome"] == "fail"
    reports = checked.reports()
    assert {Path(name).suffix for name in reports} >= {".html", ".sarif", ".xml", ".json"}
    missing = [name for name, data in reports.items() if DIFFERENT.encode() not in data]
    assert missing == []


def test_a_disagreement_changes_nothing_else(plain: Told, checked: Told) -> None:
    """All other verdicts and the exit code are those of a run without the option."""
    others = {each["check"]: each["outcome"] for each in checked.findings if each["check"] != CHECK}
    assert others == {each["check"]: each["outcome"] for each in plain.findings}
    assert len(others) == 2
    assert checked.code == plain.code


def test_judging_again_keeps_the_selection(line: Line, checked: Told) -> None:
    """A bundle remembers that it was cross-checked."""
    again = line.call("assess", checked.bundle.folder, output=checked.output)
    assert again.code == checked.code
    assert {each["outcome"] for each in again.findings if each["check"] == CHECK} == {"fail"}


def test_the_plan_tells_what_it_costs(line: Line, declaration: Path) -> None:
    """The plan counts sslyze's connections, and only with the option."""
    with_it = line.call("plan", declaration, *BESIDE, "--cross-check", "--lang", "en").out
    without = line.call("plan", declaration, *BESIDE, "--lang", "en").out
    assert "568" in with_it
    assert "568" not in without


def test_the_option_alone_leaves_nothing_out(line: Line, declaration: Path) -> None:
    """``--only`` of a row that is asked on request needs the option, and says so."""
    told = line.call("run", declaration, "--only", CHECK)
    assert told.code == 2
    assert "--cross-check" in told.err
