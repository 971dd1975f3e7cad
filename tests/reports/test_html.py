"""The HTML report: complete, well formed, safe and accessible."""

from __future__ import annotations

import itertools
import re
import unicodedata
from datetime import date
from importlib.resources import files

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector import Cause, Finding, Language, Outcome, Severity
from inspector.compare.baseline import Baseline
from inspector.declare.inspection_record import (
    InspectedSide,
    InspectionRecord,
    Participant,
    Recommendation,
    TeamDecision,
)
from inspector.model.finding import Force, StatementNote
from inspector.model.verdict import Message
from inspector.record.assessment import Coverage
from inspector.report.view import View
from inspector_reports.html import HTML
from tests.reports import examples as specimens
from tests.reports.pages import Element, Page

LANGUAGES = list(Language)


def page(language: Language, view: View | None = None) -> Page:
    return Page(HTML.render([view or specimens.view()], language))


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Language:
    found: Language = request.param
    return found


@pytest.fixture(scope="module")
def report(language: Language) -> Page:
    return page(language)


def body(report: Page) -> str:
    return report.all("body")[0].text


# --- Safe -----------------------------------------------------------------------------------------------------------


def test_nothing_runs_and_nothing_is_fetched(report: Page) -> None:
    """The page has no script, no handler, no frame, no image, no form, and no address that a browser would ask."""
    assert not report.all(
        "script", "iframe", "object", "embed", "img", "link", "form", "input", "base", "audio", "video"
    )
    for element in report.elements:
        for name, value in element.attributes.items():
            assert not name.startswith("on"), element
            assert name not in {"src", "srcset", "action", "data", "poster", "formaction"}, element
            if name == "href":
                assert value.startswith("#"), value
    style = report.all("style")[0].text
    assert "@import" not in style
    assert "url(" not in style
    assert "expression" not in style


def test_the_page_forbids_itself_to_fetch(report: Page) -> None:
    """The page carries a policy under which a browser would refuse whatever slipped in."""
    (policy,) = [each for each in report.all("meta") if each.attributes.get("http-equiv") == "Content-Security-Policy"]
    assert policy.attributes["content"].startswith("default-src 'none'")


def test_markup_from_a_server_is_shown_as_text(report: Page) -> None:
    """Markup that a server sent is escaped; control and bidirectional characters are written out."""
    assert '<script>alert("ẩn")</script>' in body(report)
    assert "\\x1b[31;1mđỏ\\x1b[0m" in body(report)
    assert "\\u202egnp.exe" in body(report)
    assert "\\x00" in body(report)
    assert "{{7*7}}" in body(report)


def test_no_hidden_character_is_left(language: Language) -> None:
    """Not one control, format or unassigned character is in the file, line ends apart."""
    source = HTML.render([specimens.view()], language).decode()
    assert {each for each in source if unicodedata.category(each)[0] == "C"} <= {"\n"}


def test_a_very_long_value_is_cut_with_a_mark(report: Page) -> None:
    """A server cannot make the report endless."""
    assert "a" * 601 not in body(report)
    assert "aaa… (+4400)" in body(report)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=1, max_size=60))
def test_no_text_changes_the_structure(text: str) -> None:
    """Whatever a server sends, the page has the same elements."""
    finding = specimens.findings()[7].model_copy(update={"measured": text})
    message = finding.message.model_copy(update={"values": {"measured": text}})
    findings = (finding.model_copy(update={"message": message}),)
    made = specimens.view(assessment=specimens.assessment().model_copy(update={"findings": findings}))
    plain = specimens.view(
        assessment=specimens.assessment().model_copy(
            update={"findings": (finding.model_copy(update={"measured": "x", "message": message.model_copy(
                update={"values": {"measured": "x"}})}),)}
        )
    )  # fmt: skip
    shape = [(each.tag, sorted(each.attributes)) for each in page(Language.EN, made).elements]
    assert shape == [(each.tag, sorted(each.attributes)) for each in page(Language.EN, plain).elements]


# --- Accessible -----------------------------------------------------------------------------------------------------


def test_the_page_says_its_language_and_its_title(report: Page, language: Language) -> None:
    """A screen reader knows how to pronounce the page."""
    assert report.all("html")[0].attributes["lang"] == language.value
    assert "Cổng dịch vụ công trực tuyến tỉnh Ví Dụ" in report.all("title")[0].text


def test_the_page_has_landmarks_and_a_way_past_them(report: Page) -> None:
    """One header, one navigation with a name, one main part that the first link leads to, one footer."""
    for tag in ("header", "nav", "main", "footer", "h1"):
        assert len(report.all(tag)) == 1, tag
    assert report.all("nav")[0].attributes["aria-label"]
    assert report.all("a")[0].attributes["href"] == f"#{report.all('main')[0].attributes['id']}"


def test_every_link_leads_somewhere(report: Page) -> None:
    """Every link names an id of the page, and no id stands twice."""
    ids = [each.attributes["id"] for each in report.elements if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    assert {each.attributes["href"][1:] for each in report.all("a")} <= set(ids)
    labels = {each.attributes["aria-labelledby"] for each in report.elements if "aria-labelledby" in each.attributes}
    assert labels <= set(ids)


def test_sections_have_different_names(report: Page) -> None:
    """Every section is a landmark with a name of its own."""
    names = [report.one(each.attributes["aria-labelledby"]).text for each in report.all("section")]
    assert len(names) == len(set(names))


def test_headings_do_not_skip_a_rank(report: Page) -> None:
    """Below a heading comes one of the next rank, never a deeper one."""
    ranks = [int(each.tag[1]) for each in report.all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert ranks[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(ranks))


def test_tables_have_names_and_scoped_headers(report: Page) -> None:
    """Every header cell says what it heads, and every table has a caption or a heading that names it."""
    for cell in report.all("th"):
        assert cell.attributes.get("scope") in {"col", "row", "rowgroup"}, cell.text
    captioned = {id(each.parent) for each in report.all("caption")}
    for table in report.all("table"):
        assert id(table) in captioned or "aria-labelledby" in table.attributes


def test_bar_charts_have_a_text_alternative(report: Page) -> None:
    """Each bar is one image with a title that gives its numbers."""
    bars = report.all("svg")
    assert len(bars) == 2
    for bar in bars:
        assert bar.attributes["role"] == "img"
        assert re.search(r": \d", report.one(bar.attributes["aria-labelledby"]).text)


def test_no_mark_rests_on_colour_alone(report: Page) -> None:
    """Every mark has a symbol and a label beside its colour, and each kind of mark its own symbol."""
    marks = [each for each in report.all("span") if "mark" in each.attributes.get("class", "").split()]
    symbols: dict[str, set[str]] = {}
    for mark in marks:
        symbol, _, words = mark.text.partition(" ")
        assert words
        symbols.setdefault(symbol, set()).add(mark.attributes["class"])
    assert all(len(kinds) == 1 for kinds in symbols.values())
    assert len(symbols) == 10


def _luminance(colour: str) -> float:
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_has_enough_contrast() -> None:
    """Every colour of text has a contrast of at least 4.5 to 1 on every ground it stands on (WCAG 2.2, 1.4.3)."""
    style = files("inspector_reports").joinpath("static", "report.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", style))
    for name in set(colours) - {"line", "wash"}:
        for ground in ("#ffffff", colours["wash"], "#fdf3e7", "#fffbe6"):
            light, dark = sorted((_luminance(colours[name]), _luminance(ground)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, ground)


# --- Complete -------------------------------------------------------------------------------------------------------


def test_a_report_is_confidential(report: Page, language: Language) -> None:
    """The first thing a reader sees is that the report is not for everybody."""
    first = next(each for each in report.elements if each.attributes.get("class") == "confidential")
    assert first.text.startswith("Bảo mật" if language is Language.VI else "Confidential")


def test_legal_basis_and_scope_are_complete(report: Page) -> None:
    """The section names authorisation, basis, document, times, rates, vantage and tools."""
    shown = report.one("grounds").text
    for fact in (
        "QD-15-2026", "Điều 12 khoản 1 Luật 116/2025/QH15", "15/QĐ-ANM", "ab" * 32, "+84 24 0000 0000", "192.0.2.0/28",
        "*.example.vn", "Asia/Ho_Chi_Minh", "Trung tâm Công nghệ thông tin và Truyền thông", "vn-nd331-2026", "2026.11",
        "state-body", "TCVN 14423:2026", "Hà Nội 1", "kiemtra@example.gov.vn", "sslyze 6.3.1",
    ):  # fmt: skip
        assert fact in shown, fact


def test_the_two_parts_stand_apart(report: Page) -> None:
    """What binds is in part A, what is recommended in part B, and nothing is in both."""
    first, second = report.one("part-A").text, report.one("part-B").text
    for finding in specimens.findings():
        shown, other = (first, second) if finding in specimens.view().binding else (second, first)
        if finding.outcome is not Outcome.NOT_OBSERVABLE:
            assert finding.id in shown
        assert finding.id not in other


def test_a_clause_of_lesser_confidence_is_marked(report: Page) -> None:
    """A clause that was not read in the original has the short mark of its confidence, one that was has none."""
    by_text = [each.text for each in report.all("li") if each.within("section") and "·" in each.text]
    assert all(("(M)" in text) == ("TCVN" in text) for text in by_text if "331" in text or "TCVN" in text)
    assert any("(M)" in text for text in by_text)
    assert "(M)" in report.one("terms").text


def test_what_was_read_is_said_once_for_each_document(report: Page, language: Language) -> None:
    """The table of documents says where and when each was read, and how sure that is."""
    words = (
        ("Read where", "Read on", "Confidence")
        if language is Language.EN
        else ("Nguồn đã đọc", "Ngày đọc", "Độ tin cậy")
    )
    text = report.one("grounds").text
    assert all(text.count(each) == 1 for each in words)
    assert ("2026-11-29" if language is Language.EN else "29/11/2026") in text


def test_deadlines_of_the_level_are_listed(report: Page, language: Language) -> None:
    """Terms and frequencies are listed with their addressees; those of other levels are not."""
    text = report.one("grounds").text
    vietnamese = language is Language.VI
    for words in (
        ("hằng năm, chậm nhất ngày 24/12", "gửi: Bộ Công an", "trong 24 giờ", "ngay khi phát hiện")
        if vietnamese
        else ("each year by 24 December", "to: Ministry of Public Security", "within 24 hours", "at once")
    ):
        assert words in text
    assert ("mỗi 6 tháng" if vietnamese else "every 6 months") not in text


def test_silence_is_not_stated(report: Page, language: Language) -> None:
    """What the declaration does not say of the dossier is shown as not stated."""
    facts = {each.text for each in report.all("dl") if "dossier" in each.attributes.get("class", "")}
    [text] = facts
    vietnamese = language is Language.VI
    assert text.count("không nêu" if vietnamese else "not stated") == 9
    assert ("7/QĐ-UBND, 01/03/2026" if vietnamese else "7/QĐ-UBND, 2026-03-01") in text


def test_words_come_from_outcome_and_force(report: Page, language: Language) -> None:
    """A failure is called by the force of its requirement, and a pass never more than it is."""
    vietnamese = language is Language.VI
    called = {
        "R-approval": "không đáp ứng" if vietnamese else "does not conform",
        "R-open-ports": "có dấu hiệu không đáp ứng" if vietnamese else "signs of non-conformity",
        "R-version-hidden": "khuyến nghị cải thiện" if vietnamese else "improvement recommended",
    }
    for id_, words in called.items():
        assert words in report.one(id_).text
    part = report.one("part-B").text
    assert ("Không quan sát thấy bằng chứng trái ngược" if vietnamese else "No contrary evidence observed") in part


def test_what_needs_attention_stands_first(report: Page) -> None:
    """The summary lists every failing requirement, mere hints apart, and each leads to its details."""
    links = [each for each in report.all("a") if each.attributes["href"].startswith("#R-") and each.within("table")]
    failing = {
        each.requirement
        for each in specimens.findings()
        if each.outcome is Outcome.FAIL and each.force is not Force.INFO
    }
    assert {each.attributes["href"] for each in links} == {f"#R-{each}" for each in failing}


def test_a_common_cause_is_told_once(report: Page) -> None:
    """A cause has one block for each part, with every finding that follows from it, which stands nowhere else."""
    blocks = {each.attributes["id"]: each for each in report.all("article") if "-C" in each.attributes["id"]}
    assert set(blocks) == {"A-C1", "B-C1", "B-C2"}
    links = {each.attributes["href"] for each in report.all("a")}
    assert {f"#{name}" for name in blocks} <= links
    for finding in (each for each in specimens.findings() if each.follows_from):
        places = [each for each in report.all("article", "tbody") if finding.id in each.text]
        assert {each.attributes["id"] for each in places if each.tag == "article"} < set(blocks)
        assert len(places) == 2
    assert "#R-hint" in {each.attributes["href"] for each in report.all("a") if not each.within("table")}


def test_what_follows_is_counted_apart(report: Page) -> None:
    """The summary counts causes and what follows from them; *inconclusive* counts what stands on its own."""
    rows = [each.text for each in report.all("tr") if each.within("table")]
    own = sum(each.outcome is Outcome.INCONCLUSIVE and not each.follows_from for each in specimens.findings())
    assert any(re.match(rf"\? \D+{own}–$", each) for each in rows)
    assert any(re.match(r"↳ \D+2 ?2$", each) for each in rows)
    assert re.search(r"2\. \D+4\.", report.one("results").text)


def test_evidence_is_cited_by_number_and_listed_with_its_digests(report: Page) -> None:
    """Each finding links to the scans it relies on, and the list has every digest in full."""
    shown = report.one("evidence").text
    for digest, evidence in specimens.evidence().items():
        assert digest in shown
        assert all(raw.sha256 in shown for raw in evidence.raw)
    cited = [each for each in report.all("a") if each.attributes["href"].startswith("#E")]
    assert len(cited) == sum(len(each.evidence) for each in specimens.findings())


def test_failed_scans_are_listed_with_their_cause(report: Page, language: Language) -> None:
    """Coverage lists the failed scans with cause, what was not selected, and the limits of the vantage."""
    shown = report.one("coverage").text
    assert ("kết nối bị ngắt đột ngột" if language is Language.VI else "connection reset") in shown
    assert ("ngoài khung giờ cho phép" if language is Language.VI else "outside the permitted hours") in shown
    assert "2001:db8::5" in shown
    assert "select:smoke" in shown


def test_statements_stand_beside_the_unchanged_verdict(report: Page, language: Language) -> None:
    """A claimed and an accepted statement are both shown, and the failure stays a failure."""
    shown = report.one("R-version-hidden").text
    assert "Đã xem xét." in shown
    assert ("được chấp nhận" if language is Language.VI else "accepted") in shown
    assert ("khuyến nghị cải thiện" if language is Language.VI else "improvement recommended") in shown


def test_the_seal_can_be_checked(report: Page) -> None:
    """Head digest, signers and the command that checks them are there."""
    shown = report.one("verify").text
    assert "7" * 64 in shown
    assert "5" * 64 in shown
    assert "inspector verify 20261121T023000/portal/20261121T023015-portal" in shown


def test_changes_under_the_next_regime_are_listed(report: Page) -> None:
    """Every change has its title, its strength before and after, and the clause behind it."""
    shown = report.one("next").text
    assert "999/2028" in shown
    assert "23.1.c" in shown


def test_a_report_about_nothing_is_whole() -> None:
    """Without documents, evidence, findings or a known regime the report is still a well-formed page."""
    for language in Language:
        empty = page(language, specimens.plain())
        assert "127.0.0.1" in empty.all("h1")[0].text
        assert not empty.all("svg")


def test_similar_findings_are_rendered_separately(language: Language) -> None:
    """Text that equal findings share is rendered anew for a finding with another observation or statement."""
    note = StatementNote(kind="accepted-risk", decision="accepted", author="Trần Thị B", reason="Đã xem xét.")
    alike = [
        specimens.finding(
            "version-hidden", Outcome.FAIL, "sends {measured}", subject=f"https://{number}.example.vn/", **more
        )
        for number, more in enumerate(
            [
                {"values": {"measured": "nginx/1.2"}},
                {"values": {"measured": "nginx/1.2"}},
                {"values": {"measured": "nginx/1.3"}},
                {"values": {"measured": "nginx/1.2"}, "statements": (note,), "excused": True},
                {"values": {"measured": "nginx/1.2"}, "facts": ("headers/server",)},
            ]
        )
    ]
    shown = body(page(language, judged(*alike)))
    assert [shown.count(words) for words in ("nginx/1.2", "nginx/1.3", note.author, "headers/server")] == [9, 2, 1, 1]


# --- Page one ---------------------------------------------------------------------------------------------------------


def judged(*findings: Finding, **more: object) -> View:
    """The example with these findings alone."""
    assessed = specimens.assessment().model_copy(update={"findings": findings, **more})
    return specimens.view(assessment=assessed)


def failing(requirement: str, subject: str = specimens.PORTAL, **more: object) -> Finding:
    return specimens.finding(requirement, Outcome.FAIL, f"{requirement} is broken", subject=subject, **more)


def test_the_worst_stands_first(language: Language) -> None:
    """Severity comes before force: what is severe and recommended stands above what is mild and mandatory."""
    mild = failing("open-ports").model_copy(update={"severity": Severity.MEDIUM})
    severe = failing("version-hidden").model_copy(update={"severity": Severity.HIGH})
    (table,) = [each for each in page(language, judged(mild, severe)).all("table") if _has_class(each, "first")]
    assert table.text.index("version-hidden is broken".capitalize()) < table.text.index("Open-ports is broken")


def _has_class(element: Element, name: str) -> bool:
    return name in element.attributes.get("class", "").split()


def test_page_one_shows_five_problems_and_counts_the_others(language: Language) -> None:
    """A problem is a failing requirement with its servers; information, excused and not yet due failures are none."""
    rows = ("approval", "open-ports", "protocols", "logs", "version-hidden", "protocols-modern")
    found = [failing(each) for each in rows]
    left_out = [
        failing("hint"),
        failing("certificate-life").model_copy(update={"not_yet_due": True}),
        failing("mail").model_copy(update={"excused": True}),
    ]
    made = page(language, judged(*found, *left_out))
    (table,) = [each for each in made.all("table") if _has_class(each, "first")]
    assert len([each for each in made.all("tr") if each.parent and each.parent.parent is table]) == 1 + 5
    assert re.search(r": 1$", next(each.text for each in made.all("a") if each.attributes["href"] == "#servers"
                                   and each.within("p")))  # fmt: skip
    sentence = next(each.text for each in made.all("p") if _has_class(each, "sentence"))
    assert re.findall(r"\d+", sentence) == ["6", "4"]


@pytest.mark.parametrize(
    ("outcomes", "asked", "seen", "tone"),
    [
        ((Outcome.PASS, Outcome.FAIL), 3, 3, "bad"),
        ((Outcome.PASS, Outcome.INCONCLUSIVE), 3, 2, "unclear"),
        ((Outcome.INCONCLUSIVE,), 3, 0, "unclear"),
        ((Outcome.PASS,), 3, 3, "calm"),
    ],
)
def test_the_verdict_follows_from_what_was_seen(
    outcomes: tuple[Outcome, ...], asked: int, seen: int, tone: str, language: Language
) -> None:
    """What could not be seen is never shown as fine, no level is said to be met; without a cause none is "other"."""
    rows = ("open-ports", "protocols")
    found = [specimens.finding(row, each, "what was seen") for row, each in zip(rows, outcomes, strict=False)]
    made = page(language, judged(*found, coverage=Coverage(asked=asked, seen=seen)))
    (box,) = [each for each in made.all("div") if _has_class(each, "conclusion")]
    assert _has_class(box, tone)
    nothing = "Không quan sát được gì" if language is Language.VI else "Nothing could be seen"
    assert (nothing in box.text) == (not seen)
    assert not re.search("nguyên nhân khác|other causes", box.text)


def test_the_exposure_to_ransomware_is_stated_only_where_it_was_seen(language: Language) -> None:
    """Ways in that are open are named; without a verdict they are undecided, with the cause; without a row nothing is
    said.
    """
    known = "Mã độc tống tiền" if language is Language.VI else "Ransomware"
    rows = tuple(
        each.model_copy(update={"tags": ("ransomware", "ransomware-rdp")}) if each.id == "open-ports" else each
        for each in specimens.ROWS
    )
    texts = []
    for outcome in (Outcome.FAIL, Outcome.PASS, Outcome.INCONCLUSIVE):
        cause = Cause.TIMEOUT if outcome is Outcome.INCONCLUSIVE else None
        one = specimens.finding("open-ports", outcome, "telnet is there", cause=cause)
        texts.append(
            page(language, judged(one, requirements=rows, coverage=Coverage(asked=1, seen=1))).one("summary").text
        )
    assert all(known in each for each in texts)
    assert "portal.example.vn: telnet is there" in texts[0]
    looked_at, undecided = (
        ("Đã xem, không thấy: RDP không yêu cầu NLA.", "Chưa xác định được: RDP không yêu cầu NLA (không trả lời")
        if language is Language.VI
        else ("Looked at, not found: RDP without NLA.", "Not decided: RDP without NLA (no answer in time);")
    )
    assert looked_at in texts[1]
    assert undecided in texts[2]
    assert known not in page(language, judged(failing("open-ports"))).one("summary").text


def test_what_fails_is_told_by_server(language: Language) -> None:
    """Each host has one block with its failing requirements and their services; the system as a whole has its own."""
    made = page(
        language,
        judged(
            failing("protocols", "https://a.example.vn:8443/"),
            failing("protocols", "https://a.example.vn/"),
            failing("open-ports", "host:a.example.vn"),
            failing("version-hidden", "https://b.example.vn/"),
            failing("approval", "system:"),
        ),
    )
    blocks = {each.attributes["id"]: each.text for each in made.all("article") if _has_class(each, "server")}
    heads = [each.text for each in made.all("h3") if each.attributes.get("id", "").startswith("ST")]
    whole = "Toàn hệ thống" if language is Language.VI else "The system as a whole"
    assert heads == [whole, "a.example.vn", "b.example.vn"]
    assert "https:8443" in blocks["S2"]
    assert "Protocols is broken" in blocks["S2"]
    assert blocks["S2"].count("Protocols is broken") == 1
    assert "Version-hidden is broken" not in blocks["S2"]


def test_everything_that_is_no_failure_is_in_the_annex(report: Page) -> None:
    """Passes, what does not apply or cannot be seen, evidence and the ledger are in a part that is closed at first."""
    (annex,) = [each for each in report.all("details") if each.attributes.get("id") == "annex"]
    assert "open" not in annex.attributes
    inside = {each.attributes["id"] for each in report.all("section") if each.within("details")}
    assert inside == {"results", "part-A", "part-B", "grounds", "declared", "next", "evidence", "ledger", "terms"}


def test_a_long_list_is_shown_once_and_folded(language: Language) -> None:
    """Of many values the sentence shows a few with the number of the others; all of them stand once, folded."""
    suites = tuple(f"SUITE_{number:02}" for number in range(30))
    one = failing("protocols", values={"measured": suites}).model_copy(
        update={"message": Message(id="accepts {measured}", values={"measured": suites})}
    )
    made = page(language, judged(one))
    folded = [each.text for each in made.all("details") if "SUITE_29" in each.text and each.within("dl")]
    assert len(folded) == 1
    assert body(made).count("SUITE_29") == 1
    assert "… (+27)" in body(made)


# --- The record of the inspection -------------------------------------------------------------------------------------


def test_the_record_has_a_place_for_everything(language: Language) -> None:
    """An empty record is a form to fill in: every part of it is there, with dots; without a record there is none."""
    vietnamese = language is Language.VI
    shown = page(language, specimens.view(record=InspectionRecord())).one("record").text
    for words in (
        ("Đoàn kiểm tra", "Quyết định kiểm tra", "Địa điểm", "Đại diện đơn vị được kiểm tra", "Kết luận", "Kiến nghị")
        if vietnamese
        else (
            "Inspection team",
            "Decision on the inspection",
            "Place",
            "Representatives",
            "Conclusion",
            "Recommendations",
        )
    ):
        assert words in shown
    assert shown.count("……") >= 6
    assert not [each for each in page(language).all("section") if each.attributes["id"] == "record"]


def test_the_record_shows_what_is_given(language: Language) -> None:
    """Team, decision, representatives, recommendations with deadlines and the names for the signatures are shown."""
    record = InspectionRecord(
        number="12/BB-ĐKT",
        place="Hà Nội",
        decision=TeamDecision(number="15/QĐ-ANM", date=date(2026, 11, 2), by="Phòng An ninh mạng"),
        team=(Participant(name="Nguyễn Văn A", role="Trưởng đoàn"),),
        inspected=InspectedSide(representatives=(Participant(name="Lê Văn C", position="Giám đốc"),)),
        conclusion="Hệ thống còn tồn tại.",
        recommendations=(
            Recommendation(
                text="Tắt telnet", requirement="open-ports", responsible="Tổ vận hành", due=date(2026, 12, 5)
            ),
        ),
        copies=3,
    )
    view = specimens.view(record=record)
    made = page(language, view)
    shown = made.one("record").text
    assert view.head in shown
    title = specimens.view().heading("open-ports", language)
    day = "05/12/2026" if language is Language.VI else "2026-12-05"
    for words in ("12/BB-ĐKT", "Hà Nội", "15/QĐ-ANM", "Phòng An ninh mạng", "Trưởng đoàn", "Giám đốc", "tồn tại",
                  "Tắt telnet", title, "Tổ vận hành", day, "3"):  # fmt: skip
        assert words in shown, words
    (signed,) = [each.text for each in made.all("div") if _has_class(each, "signatures")]
    assert "Nguyễn Văn A" in signed
    assert "Lê Văn C" in signed


def test_a_known_failure_is_marked() -> None:
    """A failure of the baseline says so where it stands, in both languages; nothing else does."""
    known = Baseline.of(each for each in specimens.findings() if each.requirement == "open-ports")
    for language, words in ((Language.EN, "known failure, in the baseline"), (Language.VI, "điểm không đạt đã biết")):
        page = HTML.render([specimens.ruled(specimens.view(), "info", known)], language).decode()
        assert page.count(words) == 1
        assert words not in HTML.render([specimens.view()], language).decode()
