"""What the commands print is in one language, all of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from inspector.cli.app import call
from inspector.cli.language import language_of
from inspector.model.errors import UsageError
from inspector.model.language import Language
from inspector.report.messages import translated
from tests.core.cli.messages import messages


def test_every_text_of_the_command_line_is_translated() -> None:
    """Help, errors, diagnostics, summaries and progress are in the Vietnamese catalogue."""
    texts = messages()
    assert len(texts) > 400
    untranslated = {each for each in texts if translated(each, Language.VI) == each}
    assert untranslated == set()


@pytest.mark.parametrize(
    ("arguments", "environment", "language"),
    [
        ((), {}, Language.EN),
        ((), {"LANG": "vi_VN.UTF-8"}, Language.VI),
        ((), {"LANG": "fr_FR.UTF-8"}, Language.EN),
        ((), {"LC_MESSAGES": "C", "LANG": "vi_VN"}, Language.EN),
        ((), {"LC_ALL": "vi", "LC_MESSAGES": "C", "LANG": "C"}, Language.VI),
        ((), {"LC_ALL": "", "LANG": "vi_VN"}, Language.VI),
        ((), {"INSPECTOR_LANG": "en", "LANG": "vi_VN"}, Language.EN),
        (("run", "--lang", "vi"), {"INSPECTOR_LANG": "en"}, Language.VI),
        (("run", "--lang=en", "x"), {"LANG": "vi_VN"}, Language.EN),
        (("run", "--", "--lang", "vi"), {}, Language.EN),
        (("run", "--lang"), {"LANG": "vi_VN"}, Language.VI),
    ],
)
def test_the_flag_decides_then_the_variable_then_the_locale(
    arguments: Sequence[str], environment: Mapping[str, str], language: Language
) -> None:
    """Of the locale's variables the first that is set counts."""
    assert language_of(arguments, environment) is language


def test_an_unknown_language_in_the_environment_is_misuse() -> None:
    """A mistyped variable is reported, in the language of the locale."""
    with pytest.raises(UsageError, match="INSPECTOR_LANG is 'fr'; write vi or en"):
        language_of((), {"INSPECTOR_LANG": "fr"})


@pytest.mark.parametrize(
    ("arguments", "english", "vietnamese"),
    [
        (("run",), "nothing to inspect; give a declaration.yaml", "không có gì để kiểm tra; hãy nêu declaration.yaml"),
        (("run", "--levl"), "No such option: --levl", "Không có tùy chọn --levl"),
        (("plan", "x", "--level", "9"), "'--level': the largest value is 5", "'--level': giá trị lớn nhất là 5"),
        (("plan", "no.yaml"), "no.yaml: there is no such file; check", "no.yaml: không có tệp này; kiểm tra"),
        (("plan", "gopher://h/", "--level", "1"), "scheme 'gopher' is not known", "không có lược đồ 'gopher'"),
        (("explain", "x"), "'x' is no check", "'x' không phải phép kiểm tra"),
        (("verify", "no"), "no: there is no such folder", "no: không có thư mục này"),
        (("report", "no"), "no: is not a sealed bundle; seal", "no: không phải gói kết quả đã niêm phong; hãy niêm"),
    ],
)
def test_errors_and_remedies_are_in_the_language_of_the_command(
    arguments: Sequence[str],
    english: str,
    vietnamese: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The exit code is the same in each."""
    monkeypatch.chdir(tmp_path)
    for language, text in (("en", english), ("vi", vietnamese)):
        assert call([*arguments, "--lang", language]) == 2
        assert text in capsys.readouterr().err


def test_a_diagnostic_has_its_place_and_remedy_in_the_language(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``file:line:column: what; what to do``, whether the fault is of form or of a rule's own."""
    path = tmp_path / "declaration.yaml"
    path.write_text("organisation: {code: C, name: N}\nsystems:\n  - {id: s, name: S, owner: O, level: 7, lvel: 1}\n")
    assert call(["plan", str(path), "--lang", "vi"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert f"inspector: {path}:3:39: level là 7; hãy viết số nguyên từ 1 đến 5" in lines
    assert f"inspector: {path}:3:42: khóa 'lvel' không hợp lệ; có phải ý bạn là 'level'?" in lines
    assert any("thông tin phê duyệt" in line for line in lines)


def test_help_is_in_the_language_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Commands, options, headings and the parser's own words."""
    assert call(["run", "--help", "--lang", "vi"]) == 0
    output = capsys.readouterr().out
    for text in ("Cách dùng:", "Tùy chọn:", "Kiểm tra: thu thập", "Cấp độ an toàn 1-5.", "(mặc định: must;"):
        assert text in output
    for text in ("Usage:", "Options:", "Security level", "default:", "Show this message"):
        assert text not in output


def test_what_programs_read_is_the_same_in_every_language(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON on stdout does not depend on it."""
    for arguments in (("schema", "declaration"), ("list", "plugins", "--lock")):
        printed = set()
        for language in Language:
            assert call([*arguments, "--lang", language.value]) == 0
            printed.add(capsys.readouterr().out)
        [data] = printed
        json.loads(data)


def test_the_values_that_are_allowed_are_listed_in_the_language(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What pydantic lists in English is not left so."""
    file = tmp_path / "declaration.yaml"
    lines = ("organisation: {code: A, name: B}", "systems:", "  - {id: a, name: a, owner: a, level: 1, plan: half}", "")
    file.write_text("\n".join(lines))
    assert call(["check", str(file), "--lang", "vi"]) == 2
    assert "'not-started', 'partial' hoặc 'full'" in capsys.readouterr().err
