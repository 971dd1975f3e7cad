"""The texts of reports: complete in both languages, and claiming no more than was observed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from enum import Enum
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from inspector import Cause, Intrusiveness, Language, Outcome, Quantity, Timestamp
from inspector.declare.authorisation import AuthorisationKind
from inspector.declare.declaration import System
from inspector.declare.settings import VantageKind
from inspector.declare.statement import Decision, StatementKind
from inspector.model.declared import (
    ApprovalStatus,
    Body,
    Facts,
    InspectionKind,
    MeasureStatus,
    Opinion,
    PlanStatus,
    Stage,
    Tenancy,
)
from inspector.model.errors import UsageError
from inspector.model.escaping import escape_control, truncate
from inspector.model.finding import Force, Obligation, Severity
from inspector.pipeline.reporting import render
from inspector.regime.loader import load_all
from inspector.regime.regime import Bound, RowKind, Status
from inspector.regime.selection import regime_for
from inspector.registry.registry import installed
from inspector.report.messages import Translator, catalogue, translated
from inspector_profiles import inspector_profiles
from inspector_reports import inspector_renderers
from tests.reports import examples as specimens
from tests.reports.tables import text_of

ROOT = Path(__file__).parents[2]
VOCABULARIES: tuple[type[Enum], ...] = (
    ApprovalStatus, AuthorisationKind, Cause, Decision, Force, MeasureStatus, Obligation, Outcome, PlanStatus, Severity,
    Stage, StatementKind, Tenancy, Intrusiveness, VantageKind, Body, Opinion, InspectionKind, Bound, RowKind, Status,
)  # fmt: skip


def translator(language: Language) -> Translator:
    return Translator(specimens.registry(), language)


# --- Complete -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", VOCABULARIES, ids=lambda each: each.__name__)
def test_every_word_of_a_vocabulary_is_in_both_languages(words: type[Enum]) -> None:
    """Every slug of a closed vocabulary has a text in both languages."""
    for language in Language:
        known = catalogue("inspector", language)
        assert {member.value for member in words if f"{words.__name__}\x04{member.value}" not in known} == set()


def _said(source: str) -> Iterator[str]:
    """The texts that a module of the core gives a report or a verdict."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = [*node.args[:1], *(each.value for each in node.keywords if name == "Message" and each.arg == "id")]
        if name in {"say", "_inconclusive", "Message"}:
            yield from (each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str))


def test_everything_that_the_core_says_is_translated() -> None:
    """Messages of the engine and words of the commands are in the core's catalogue."""
    said = {text for path in (ROOT / "inspector").rglob("*.py") for text in _said(path.read_text(encoding="utf-8"))}
    assert "no observation: {cause}" in said
    assert said - set(catalogue("inspector", Language.VI)) == set()


def test_everything_that_reports_say_is_translated_and_nothing_else() -> None:
    """The catalogue of the reports holds the texts of their templates and modules, each one used."""
    package = ROOT / "reports" / "inspector_reports"
    said = {
        ast.literal_eval(found)
        for path in (package / "templates").glob("*.j2")
        for found in re.findall(r"""(?:_|page\.text)\(("(?:[^"\\]|\\.)*")""", path.read_text(encoding="utf-8"))
    }
    said |= {
        ast.literal_eval(found)
        for path in package.glob("*.py")
        for found in re.findall(r"""\.(?:text|composed)\(\s*("(?:[^"\\]|\\.)*")""", path.read_text(encoding="utf-8"))
    }
    ports = {"open", "closed", "filtered"}
    assert said | ports == set(catalogue("inspector_reports", Language.VI))


def test_a_whole_report_leaves_nothing_in_english() -> None:
    """Rendering every format of the specimen misses no translation."""
    view = specimens.view()
    everything = replace(specimens.registry(), renderers={each.name: each for each in inspector_renderers()})
    render([view], everything.renderers, everything)
    assert view.translator(Language.VI).missing == set()


def test_every_check_of_the_installed_plugins_is_translated() -> None:
    """Title, reasons and remedy of every built-in check are there in Vietnamese."""
    registry = installed()
    text = Translator(registry, Language.VI)
    for check in registry.checks:
        for part in ("title", "description", "remediation"):
            text.check(check, part)
    assert text.missing == set()


CATALOGUES = sorted([*ROOT.glob("inspector/locale/vi.po"), *ROOT.glob("[pr]*/*/locale/vi.po")])


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda each: each.parts[-3])
def test_a_translation_keeps_the_placeholders(path: Path) -> None:
    """A translated message names the same values as the English one, no text twice, none left empty."""
    ids = []
    for entry in read_po(BytesIO(path.read_bytes()), locale="vi"):
        if entry.id:
            ids.append((entry.context, entry.id))
            assert entry.string, entry.id
            assert set(re.findall(r"\{\w+\}", str(entry.id))) == set(re.findall(r"\{\w+\}", str(entry.string))), (
                entry.id
            )
    written = path.read_text(encoding="utf-8")
    assert len(ids) == len(re.findall(r"^msgid ", written, re.MULTILINE)) - 1


# --- Honest ---------------------------------------------------------------------------------------------------------


def test_no_format_says_that_a_level_is_met() -> None:
    """An external report never confirms a level, in any language and format."""
    everything = replace(specimens.registry(), renderers={each.name: each for each in inspector_renderers()})
    for view in (specimens.view(), specimens.plain()):
        for data in render([view], everything.renderers, everything).values():
            text = " ".join(text_of(data).lower().split())
            for phrase in ("đạt cấp độ", "đáp ứng cấp độ", "meets level", "conforms to level", "complies", "compliant"):
                assert phrase not in text


@pytest.mark.parametrize(
    ("outcome", "force", "english", "vietnamese"),
    [
        (Outcome.FAIL, Force.BINDING, "does not conform", "không đáp ứng"),
        (Outcome.FAIL, Force.CLAUSE_EVIDENCE, "signs of non-conformity", "có dấu hiệu không đáp ứng"),
        (Outcome.FAIL, Force.BASELINE, "improvement recommended", "khuyến nghị cải thiện"),
        (Outcome.PASS, Force.BINDING, "no contrary evidence observed", "không quan sát thấy bằng chứng trái ngược"),
        (Outcome.INCONCLUSIVE, Force.BINDING, "inconclusive", "không đủ cơ sở kết luận"),
        (Outcome.NOT_OBSERVABLE, Force.BINDING, "not observable from outside", "không quan sát được từ bên ngoài"),
    ],
)
def test_an_outcome_is_called_by_its_force(outcome: Outcome, force: Force, english: str, vietnamese: str) -> None:
    """The words of a result come from outcome and force."""
    assert translator(Language.EN).outcome_label(outcome, force) == english
    assert translator(Language.VI).outcome_label(outcome, force) == vietnamese


# --- Values ---------------------------------------------------------------------------------------------------------


def test_values_are_written_in_the_readers_language() -> None:
    """Numbers, units, instants and causes read as a person of that language writes them."""
    vietnamese, english = translator(Language.VI), translator(Language.EN)
    year = Quantity(value=31_536_000, unit="second")
    assert (vietnamese.value(year), english.value(year)) == ("31.536.000 giây", "31,536,000 seconds")
    assert english.value(Quantity(value=1, unit="day")) == "1 day"
    at = Timestamp(at=datetime(2026, 11, 21, 18, 0, tzinfo=UTC))
    assert vietnamese.value(at) == "22/11/2026 01:00:00 (UTC+07:00)"
    assert english.value(at) == "2026-11-22 01:00:00 (UTC+07:00)"
    assert vietnamese.text("no observation: {cause}", cause="timeout").endswith("không trả lời trong thời hạn")
    assert vietnamese.day(at.at) == "22/11/2026"
    assert vietnamese.value(True) == "có"
    assert english.value(8443) == "8443"
    assert english.value(None) == "–"
    assert english.value(()) == "–"


def test_the_end_of_time_is_reported() -> None:
    """A certificate without end (RFC 5280 §4.1.2.5) names an instant that no other zone can express."""
    assert (
        translator(Language.EN).instant(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)) == "9999-12-31 23:59:59 (UTC)"
    )


def test_a_long_list_is_cut_with_a_mark() -> None:
    """A server with thousands of ports does not make the report unreadable."""
    assert translator(Language.EN).value(tuple(str(port) for port in range(1000))).endswith("38, 39, … (+960)")


def test_a_placeholder_in_a_value_stays_text() -> None:
    """What a server says is never filled in again."""
    text = translator(Language.EN).text("names {measured}, {threshold}", measured="{threshold}", threshold="x")
    assert text == "names {threshold}, x"


def test_harmless_writes_out_what_a_terminal_or_reader_would_obey() -> None:
    """Control, format, separating and unassigned characters are written out; letters of all scripts stay."""
    assert escape_control("Đường hầm ẵ\u0301 中文 עברית") == "Đường hầm ẵ\u0301 中文 עברית"
    assert escape_control("\x1b[2J\x9b\u202e\u2028\u200b\ufeff\U000e0041\x00\t") == (
        "\\x1b[2J\\x9b\\u202e\\u2028\\u200b\\ufeff\\U000e0041\\x00\\t"
    )
    assert escape_control("a\nb") == "a\nb"
    assert escape_control("a\nb", keep="") == "a\\nb"
    assert escape_control("\ud800") == "\\ud800"
    assert truncate("abcdef", 4) == "abcd… (+2)"


# --- Dates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "vietnamese", "english"),
    [
        ("2026-12-31", "31/12/2026", "2026-12-31"),
        ("2026-12-31T17:00:00Z", "01/01/2027 00:00:00 (UTC+07:00)", "2027-01-01 00:00:00 (UTC+07:00)"),
        ("PHP 5.3.3 (CentOS): 2020-11-30", "PHP 5.3.3 (CentOS): 30/11/2020", "PHP 5.3.3 (CentOS): 2020-11-30"),
        *(
            (each, each, each)
            for each in ("2026-13-01", "x: 2026-13-01", "2026-12-31x", "12-24", "nginx 2026-12-31", "20261231", "")
        ),
    ],
)
def test_days_are_written_as_in_the_language(text: str, vietnamese: str, english: str) -> None:
    """A value that is a day or an instant, alone or in a list; any other text stays."""
    assert translator(Language.VI).value(text) == (vietnamese or "")
    assert translator(Language.EN).value(text) == (english or "")
    assert translator(Language.VI).value((text, "x")) == f"{vietnamese}, x"
    assert translator(Language.VI).text("the contact was filed on {measured}", "inspector_dossier", measured=text) == (
        f"đầu mối đã được khai báo ngày {vietnamese}"
    )


def test_days_of_errors_are_written_as_in_the_language() -> None:
    """In the terminal, too, a day is written as in the law, and no English sentence stands in a Vietnamese one."""
    regimes = load_all(inspector_profiles())
    system = System(id="s", name="s", owner="o", level=3)
    gap, before = [], []
    for found, day in ((gap, date(2026, 7, 15)), (before, date(2020, 1, 1))):
        with pytest.raises(UsageError) as raised:
            regime_for(regimes, system, day)
        found += [translated(raised.value.message, each) for each in (Language.VI, Language.EN)]
    assert "15/07/2026" in gap[0]
    assert "(từ 01/07/2026 đến 18/08/2026: Luật 116/2025/QH15 đã có hiệu lực" in gap[0]
    assert "(2026-07-01 to 2026-08-18: Law 116/2025/QH15 was in force" in gap[1]
    assert before[0].endswith("vn-tt12-2022 từ 01/10/2022 đến 30/06/2026, vn-nd331-2026 từ 19/08/2026")
    assert before[1].endswith("vn-tt12-2022 from 2022-10-01 to 2026-06-30, vn-nd331-2026 from 2026-08-19 on")


# --- Declared facts -------------------------------------------------------------------------------------------------


def test_declared_facts_are_in_the_words_of_the_law() -> None:
    """A fact that decides the level stands in a report in words; the record keeps its name and value."""
    words = translator(Language.VI)
    for name in Facts.model_fields:
        assert words.value(name) not in (name, ""), name
    assert words.value(("basic_data_subjects=150000", "internal_only=false", "information=state-secret")) == (
        "số người có dữ liệu cá nhân cơ bản = 150.000, chỉ phục vụ nội bộ = không, loại thông tin = bí mật nhà nước"
    )
    assert words.value("basic_data_subjects≥100000") == "số người có dữ liệu cá nhân cơ bản ≥ 100.000"
    for other in ("max-age=300", "default-src=none", "p=reject", "users = 3", "private", "true"):
        assert words.value(other) == other
    assert translator(Language.EN).value("basic_data_subjects≥100000") == "people with basic personal data ≥ 100,000"


@pytest.mark.parametrize(
    ("recorded", "vietnamese"),
    [
        ("the name does not exist (NXDOMAIN)", "tên miền không tồn tại (NXDOMAIN)"),
        (
            "A: the resolver answered REFUSED; AAAA: the resolver answered SERVFAIL",
            "A: máy chủ phân giải tên miền trả lời REFUSED; AAAA: máy chủ phân giải tên miền trả lời SERVFAIL",
        ),
        (
            "the name has no A record; the name has no AAAA record",
            "tên miền không có bản ghi A; tên miền không có bản ghi AAAA",
        ),
        ("A: 192.0.2.1 port 53/udp: Connection refused", "A: 192.0.2.1 port 53/udp: Connection refused"),
    ],
)
def test_why_a_name_does_not_resolve_is_translated(recorded: str, vietnamese: str) -> None:
    """It is recorded as text; what the system itself says stays as it is."""
    assert translated(recorded, Language.VI) == vietnamese
