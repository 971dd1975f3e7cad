"""Names of other scripts on the command line mean the same domain in each command, and are shown in both forms."""

from pathlib import Path

import pytest

from inspector.cli.app import call


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_plan_shows_both_forms(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The subject is the domain of IDNA 2008."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    assert call(["plan", "mail:Straße.test", "--level", "1", "--authorised-by", "A", "--lang", language]) == 0
    assert "mail:xn--strae-oqa.test (straße.test)" in capsys.readouterr().out


def test_documents_are_begun_with_a_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Declaration and authorisation name the same domain."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INSPECTOR_RESOLVERS", "127.0.0.1:9")
    given = ["--organisation", "O", "--system", "s", "--name", "N", "--level", "1", "--granted-by", "A"]
    assert call(["init", str(tmp_path), *given, "--contact", "c@d.vn", "--endpoint", "https://straße.test/"]) == 0
    assert '"https://xn--strae-oqa.test/"' in (tmp_path / "declaration.yaml").read_text()
    assert 'names: ["xn--strae-oqa.test"]' in (tmp_path / "authorisation.yaml").read_text()


def test_a_name_that_is_none_is_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong is said in the language of the command."""
    arguments = ["--level", "1", "--authorised-by", "A", "--lang", "vi"]
    assert call(["plan", "https://i❤.test/", *arguments]) == 2
    assert "có ký tự mà IDNA 2008 không cho phép ở vị trí đó" in capsys.readouterr().err
    assert call(["plan", "https://xn--zz.test/", *arguments]) == 2
    assert "không phải A-label theo IDNA 2008" in capsys.readouterr().err
