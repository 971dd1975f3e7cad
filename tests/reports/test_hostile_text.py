"""No output turns a word of a server or a document into markup, a link, a command or a control character.

Every text of the models is found by reflection, so that a new field is covered by being there.
"""

from __future__ import annotations

import json
import logging
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from inspector import Cause, Every, Language, Outcome, SubjectResult
from inspector.assess.assessor import _run_check
from inspector.cli import terminal
from inspector.cli.arguments import RunArguments
from inspector.cli.diff import _lines as difference_lines
from inspector.cli.exit_code import ExitRule, Threshold
from inspector.cli.plan import _print_tasks
from inspector.cli.run import ProgressLine
from inspector.cli.summary import InspectionSummary, print_summary
from inspector.cli.verification import describe
from inspector.collect.collector import Progress
from inspector.compare.baseline import Baseline
from inspector.compare.difference import FindingChange, Judged, Side, compare
from inspector.model.base import Model
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.log_format import JsonFormatter, TextFormatter
from inspector.model.subject import Subject, SubjectKind
from inspector.model.verdict import Message
from inspector.pipeline.reporting import WrittenAssessment
from inspector.plugin.time_limits import Clock
from inspector.record.plan import CostBounds, Plan, ScanTask
from inspector.report.difference_view import DifferenceView
from inspector.report.display_json import escape_hidden
from inspector.report.view import View
from inspector.seal.untrusted_files import FileFault
from inspector.seal.verify import (
    Comparison,
    Difference,
    Intact,
    OtherVersion,
    Reproduced,
    Reproduction,
    Seal,
    Today,
    Verification,
)
from inspector.testing.cases import cases
from inspector_reports import inspector_renderers
from inspector_reports.html import MAX_CHARACTERS
from tests.reports import examples as specimens
from tests.reports.pages import Page
from tests.reports.tables import csv_cells, text_of, workbook_cells

ROOT = Path(__file__).parents[2]

#: What a server may send, each to fool one reader or another.
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title></svg><script>",
    "<!-- ]]> <![CDATA[ <?xml version='1.0'?>",
    "&lt;b&gt; &amp;#60; &#x3c;",
    "[update](http://evil.test)",
    "![x](javascript:alert(1))",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "=cmd|'/c calc'!A0",
    "+1",
    "-1",
    "@SUM(A1)",
    "\x1b]8;;http://evil.test\x1b\\here\x1b]8;;\x1b\\",
    "\x1b[2J\x1b[31m\x9b1m",
    "first\r\nsecond\nthird\x0bfourth\x85fifth",
    "\u202egnp.exe\u2066\u200b\ufeff\u00ad",
    "line\u2028separator\u2029paragraph",
    "nul\x00 bell\x07 delete\x7f",
    "lone \ud800 surrogate \udcff",
    "noncharacter \ufffe \uffff tag \U000e0041",
    "{{7*7}} ${7*7} {% raw %} {#",
    "%(x)s %s %d {0} {measured} {cause} {subject} {reason}",
    "::error file=a,line=1::forged",
    "\n::set-output name=a::forged\n",
    "##[error]forged ##vso[task.setvariable variable=PATH]forged ##teamcity[buildStop]",
    "\x1b[0Ksection_start:1:x\r\x1b[0K \x1b[8mha:forged\x1b[0m",
    "x" * 100_000,
)
BENIGN = "benign"

#: Texts of our own that renderers read as a value of a closed vocabulary, and names that tie the parts together.
OURS = {
    ("RegimeChange", "was"),
    ("RegimeChange", "becomes"),
    ("Message", "id"),
    ("Quantity", "unit"),
}
FORMATS = {each.name: each for each in inspector_renderers()}

Change = Callable[[str], str]


def changed(value: Any, change: Change) -> Any:
    """A copy of a value in which every text is changed, in models at any depth."""
    if isinstance(value, Model):
        kind = type(value).__name__
        fields = (name for name in type(value).model_fields if (kind, name) not in OURS)
        update = {name: _kept_keys(kind, name, getattr(value, name), change) for name in fields}
        return value.model_copy(update=update)
    if isinstance(value, tuple | list):
        return type(value)(changed(each, change) for each in value)
    if isinstance(value, dict):
        return {changed(key, change): changed(each, change) for key, each in value.items()}
    return change(value) if isinstance(value, str) and not isinstance(value, Enum) else value


def _kept_keys(kind: str, name: str, value: Any, change: Change) -> Any:
    """A changed field; the names of placeholders and of facts are ours."""
    if (kind, name) in {("Message", "values"), ("Evidence", "facts"), ("Evidence", "options")}:
        return {key: changed(each, change) for key, each in value.items()} if value is not None else None
    return changed(value, change)


def before(text: str) -> Change:
    """Puts a text before every other one, so that equal texts stay equal and different ones different."""
    return lambda original: f"{text}{original}"


def view_with(text: str) -> View:
    """The example, this text at the start of each of its texts."""
    view, change = specimens.view(), before(text)
    return replace(
        view,
        inspection=changed(view.inspection, change),
        assessment=changed(view.assessment, change),
        regime=changed(view.regime, change),
        evidence={change(digest): changed(each, change) for digest, each in view.evidence.items()},
        ledger=changed(view.ledger, change),
        head=change(view.head),
        signers=tuple(map(change, view.signers)),
        translators={},
    )


def hidden(text: str) -> set[str]:
    """The control, format, private, unassigned and separating characters of a text, line feeds apart."""
    return {each for each in set(text) - {"\n"} if unicodedata.category(each)[0] == "C" or each in "\u2028\u2029"}


#: What a stored model can hold: JSON is UTF-8, which has no lone surrogate; the command line has.
STORED = tuple(each for each in HOSTILE if "\ud800" not in each)


@pytest.fixture(params=STORED, ids=lambda each: ascii(each[:24]))
def stored(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=HOSTILE, ids=lambda each: ascii(each[:24]))
def text(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@cache
def rendered(name: str, text: str, language: Language = Language.EN) -> str:
    return text_of(FORMATS[name].render([view_with(text)], language))


# --- Files ------------------------------------------------------------------------------------------------------------


def test_every_format_has_its_test() -> None:
    """A new format needs a test of its own below."""
    assert set(FORMATS) == {"html", "json", "sarif", "junit", "codequality", "csv", "xlsx"}
    compared = {name for name, renderer in FORMATS.items() if renderer.render_difference is not None}
    assert compared == {"html", "json"}


@pytest.mark.parametrize("language", Language)
def test_html_keeps_its_elements(stored: str, language: Language) -> None:
    """The page has the elements and attributes that it has with harmless texts, links of its own, and one style."""
    benign, hostile = (Page(rendered("html", each, language).encode()) for each in (BENIGN, stored))
    shapes = [[(each.tag, sorted(each.attributes)) for each in page.elements] for page in (benign, hostile)]
    assert shapes[0] == shapes[1]
    assert {each.attributes["href"][0] for each in hostile.all("a")} == {"#"}
    assert [each.text.partition("@page")[0] for each in hostile.all("style")] == [
        each.text.partition("@page")[0] for each in benign.all("style")
    ]
    assert not hidden(rendered("html", stored, language))
    assert "49 $" not in rendered("html", stored, language)


def shape(value: Any) -> Any:
    """The structure of JSON: keys, lengths and types."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else type(value).__name__


@pytest.mark.parametrize("name", ["json", "sarif", "codequality"])
def test_json_keeps_its_structure(stored: str, name: str) -> None:
    """The file has the same keys and lengths, and shows no character that a terminal or an editor interprets."""
    benign, hostile = rendered(name, BENIGN), rendered(name, stored)
    assert shape(json.loads(hostile)) == shape(json.loads(benign))
    assert hostile.count("\n") == benign.count("\n")
    assert not hidden(hostile)


def texts_of(value: Any, *keys: str) -> Iterator[str]:
    """Every text under these keys of JSON, at any depth."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key in keys and isinstance(each, str):
                yield each
            yield from texts_of(each, *keys)
    elif isinstance(value, list):
        for each in value:
            yield from texts_of(each, *keys)


@pytest.mark.parametrize("name", ["sarif", "codequality"])
def test_no_message_has_a_link_or_a_second_line(stored: str, name: str) -> None:
    """What a viewer shows as Markdown, or as text with links, has none of a server."""
    keys = ("text", "message", "description", "title", "justification")
    for shown in texts_of(json.loads(rendered(name, stored)), *keys):
        assert not re.search(r"(?<!\\)\[(?:\\.|[^\]\\])*\]\(", shown)
        assert "\n" not in shown


def test_sarif_has_no_location_outside(stored: str) -> None:
    """The place of a result is a file of the declaration, percent-encoded, whatever it is called."""
    for uri in texts_of(json.loads(rendered("sarif", stored))["runs"][0]["results"], "uri"):
        assert re.fullmatch(r"(file:///)?[A-Za-z0-9%/._~-]*", uri)
        assert not uri.startswith("file:///etc")


def test_junit_keeps_its_elements(stored: str) -> None:
    """The file is well-formed XML 1.0 with the elements, attributes and lines that it has with harmless texts."""
    benign, hostile = (ElementTree.fromstring(rendered("junit", each)) for each in (BENIGN, stored))
    shapes = [
        [(each.tag, sorted(each.attrib), (each.text or "").count("\n")) for each in root.iter()]
        for root in (benign, hostile)
    ]
    assert shapes[0] == shapes[1]
    assert not hidden(rendered("junit", stored))


@pytest.mark.parametrize("separator", [",", ";"])
def test_csv_keeps_its_cells(stored: str, separator: str) -> None:
    """The table has the cells that it has with harmless texts, each on one line, and none that begins a formula."""
    benign, hostile = (FORMATS["csv"].render([view_with(each)], Language.VI) for each in (BENIGN, stored))
    assert [len(row) for row in csv_cells(hostile)] == [len(row) for row in csv_cells(benign)]
    assert hostile.count(b"\r\n") == benign.count(b"\r\n") == hostile.count(b"\n")
    for row in csv_cells(hostile, separator):
        assert not [cell for cell in row if re.match(r"[\s\"]*[=+\-@\uff1d\uff0b\uff0d\uff20]", cell)]
    assert not hidden(text_of(hostile))


def test_a_workbook_keeps_its_cells(stored: str) -> None:
    """The workbook has the cells that it has with harmless texts, all of them strings without a link."""
    benign, hostile = (
        workbook_cells(FORMATS["xlsx"].render([view_with(each)], Language.EN)) for each in (BENIGN, stored)
    )
    assert [len(row) for row in hostile] == [len(row) for row in benign]
    cells = [each for row in hostile for each in row if each.value is not None]
    assert {each.data_type for each in cells} == {"s"}
    assert not [each for each in cells if each.hyperlink or hidden(str(each.value)) or "\n" in str(each.value)]


def difference_with(text: str) -> DifferenceView:
    """A comparison with every change, this text at the start of each of its texts."""
    change = before(text)
    still, new, fixed, lost, ruled = specimens.findings()[:5]
    failed, passed = ({"outcome": each} for each in (Outcome.FAIL, Outcome.PASS))
    earlier = [each.model_copy(update=failed) for each in (still, fixed, lost)] + [ruled.model_copy(update=passed)]
    later = [each.model_copy(update=failed) for each in (still, new)]
    later += [each.model_copy(update=passed) for each in (fixed, ruled)]
    then = [each.model_copy(update=failed) for each in (still, fixed, lost, ruled)]
    made = compare(*(Judged(Side(system="portal"), tuple(each)) for each in (earlier, later, then)))
    assert {each.change for each in made.changes} == set(FindingChange)
    rows = {change(each.id): changed(each, change) for each in specimens.ROWS}
    return DifferenceView((changed(made, change),), specimens.registry(), rows)


@pytest.mark.parametrize("language", Language)
def test_a_comparison_keeps_its_elements(stored: str, language: Language) -> None:
    """The page of a comparison has the elements and attributes that it has with harmless texts, and no link out."""
    function = FORMATS["html"].render_difference
    assert function is not None
    benign, hostile = (function(difference_with(each), language) for each in (BENIGN, stored))
    shapes = [
        [(each.tag, sorted(each.attributes)) for each in Page(data).elements if each.tag != "style"]
        for data in (benign, hostile)
    ]
    assert shapes[0] == shapes[1]
    assert {each.attributes["href"][0] for each in Page(hostile).all("a")} == {"#"}
    assert not hidden(hostile.decode())


def test_a_comparison_in_json_keeps_its_structure(stored: str) -> None:
    """The file has the same keys and lengths, and no character that a terminal or an editor interprets."""
    function = FORMATS["json"].render_difference
    assert function is not None
    benign, hostile = (function(difference_with(each), Language.EN).decode() for each in (BENIGN, stored))
    assert shape(json.loads(hostile)) == shape(json.loads(benign))
    assert hostile.count("\n") == benign.count("\n")
    assert not hidden(hostile)


def test_a_comparison_on_the_terminal_keeps_its_lines(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What diff prints has as many lines as with harmless texts, whatever the servers sent."""
    printed = []
    for text in (BENIGN, stored):
        made = difference_with(text)
        for line in difference_lines(made, made.differences[0]):
            terminal.print_result(line)
        printed.append(capsys.readouterr().out)
    assert_inert(printed[1], printed[0].count("\n"))


def test_a_baseline_keeps_its_lines(stored: str) -> None:
    """A baseline of hostile findings has one line a failure, hides no character, and is read back."""
    known = Baseline.of(view_with(stored).assessment.findings)
    data = escape_hidden(known.text())
    assert data.decode().count("\n") == Baseline.of(view_with(BENIGN).assessment.findings).text().count("\n")
    assert not hidden(data.decode())
    assert Baseline.parse(data) == known


def test_a_long_text_is_cut() -> None:
    """What people read has no text of unlimited length; findings.json has all of it."""
    assert max(map(len, re.findall(r"x+", rendered("html", "x" * 100_000)))) <= MAX_CHARACTERS


# --- Terminal ---------------------------------------------------------------------------------------------------------


def assert_inert(shown: str, lines: int | None = None) -> None:
    """The output has no control character, no command to a pipeline, and this many lines."""
    assert not hidden(shown)
    for line in shown.split("\n"):
        assert not line.strip().startswith("::")
        assert not re.search(r"##\w*\[", line)
    if lines is not None:
        assert shown.count("\n") == lines


def test_the_terminal_is_inert(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Results, notes, errors and tables keep a text from the terminal and from the runner of a pipeline."""
    terminal.print_result(text)
    terminal.print_note(text)
    terminal.print_error(UsageError(FormattedMessage("{file}: no", file=text), remedy=text))
    made = terminal.table(None, "a", "b")
    terminal.add_row(made, text, text)
    terminal.print_table(made)
    shown = capsys.readouterr()
    assert_inert(shown.out)
    assert_inert(shown.err)


def summary(text: str) -> InspectionSummary:
    rule = ExitRule(Threshold("info"))
    return InspectionSummary.of(
        WrittenAssessment(view_with(text), Path("out/run/system/inspection/assessments/a")), rule, verbose=True
    )


def test_the_summary_keeps_its_lines(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What a run prints has one line for each finding and each cause, and as many groups, whatever the servers sent."""
    made, benign = summary(stored), summary(BENIGN)
    assert (len(made.lines), len(made.unseen)) == (len(benign.lines), len(benign.unseen)) == (16, 5)
    assert len(made.failures) == len(benign.failures)
    groups = [text for each in made.failures for text in (each.message, each.remedy, *each.subjects)]
    unseen = [text for each in made.unseen for text in (each.short, each.whole)]
    assert not any("\n" in each for each in (*groups, *unseen, *(line for _, line in made.lines)))
    for arguments in (RunArguments(), RunArguments(verbose=True), RunArguments(summary=True)):
        print_summary([made], arguments)
        assert_inert(capsys.readouterr().out)
        print_summary([made] * 5, arguments, 1, [(stored, stored)])
        assert_inert(capsys.readouterr().out)


def test_progress_is_one_line(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A scan of a subject that a server named is one line on stderr."""
    line = ProgressLine(quiet=False)
    line.live, line.plain = False, True
    step = Progress(text, 1, 2, text, text, Cause.TIMEOUT)
    line.show(step)
    assert_inert(capsys.readouterr().err, 1)
    line.live, line.plain = True, False
    line.show(step)
    assert_inert(capsys.readouterr().err.removeprefix("\r\x1b[K"), 0)


def test_the_plan_is_inert(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Planned and refused scans of discovered subjects are cells of a table."""
    subject = Subject(kind=SubjectKind.ADDRESS, uri=text, scheme=text, host=text, address=text)
    bounds = CostBounds(connections=1, port_questions=1, seconds=1)
    task = ScanTask(probe=text, subject=subject, bounds=bounds, authorisation=text)
    refused = task.model_copy(update={"cause": Cause.NOT_AUTHORISED, "detail": text})
    _print_tasks(Plan(tasks=(task, refused)), specimens.view().translator(Language.EN))
    assert_inert(capsys.readouterr().out)


def verification() -> Verification:
    """An answer of ``inspector verify`` with every part that is printed."""
    other = Difference(requirement="r", subject="s", address="a", was=Outcome.PASS, becomes=Outcome.FAIL)
    return Verification(
        intact=Intact(faults=(FileFault(file="f", what="cannot be read: denied"),)),
        reproduced=Reproduced(
            assessments=(
                Reproduction(assessment="a", comparison=Comparison.DIFFERENT, detail="findings.json"),
                Reproduction(
                    assessment="b", comparison=Comparison.NOT_COMPARABLE,
                    versions=(OtherVersion(name="n", then="1", now="2"),),
                ),
            )
        ),
        today=(
            Today(assessment="a", inspector_version="1", regime_version="2", findings=3, differences=(other,)),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("faults", [True, False])
def test_verify_keeps_its_lines(text: str, faults: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """The three answers about a bundle, which is untrusted, have one line for each of their parts."""
    seal = Seal(part="capture", digest="d", signers=("s",), trusted=False)
    answer = verification()
    if not faults:
        answer = answer.model_copy(update={"intact": Intact(seals=(seal,))})
    lines = describe(answer).count("\n") + 1
    terminal.print_result(describe(changed(answer, before(text))))
    assert_inert(capsys.readouterr().out, lines)


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
def test_a_log_line_is_one_line(text: str, formatter: logging.Formatter) -> None:
    """A record with a hostile message and fields is one line without control characters."""
    record = logging.makeLogRecord({"msg": "%s", "args": (text,), "levelname": "INFO", "name": "n", "subject": text})
    assert_inert(formatter.format(record), 0)


# --- Checks -----------------------------------------------------------------------------------------------------------

#: Plugins whose checks repeat no text of an observation.
QUIET = ("inspector_dossier", "inspector_services", "inspector_sslyze")
PLUGINS = sorted(path.parent.name for path in (ROOT / "tests" / "plugins").glob("*/cases"))


HOSTILE_VALUE = "\n::error::{measured}\x1b[2J<b>[a](javascript:b)" + "".join(STORED[:-1])

Field = tuple[str, str]


def text_fields(value: Any, field: Field = ("", "")) -> Iterator[Field]:
    """The fields of models, at any depth, that hold text."""
    if isinstance(value, Model):
        for name in type(value).model_fields:
            yield from text_fields(getattr(value, name), (type(value).__name__, name))
    elif isinstance(value, tuple | list):
        for each in value:
            yield from text_fields(each, field)
    elif isinstance(value, dict):
        yield from text_fields((*value, *value.values()), field)
    elif isinstance(value, str) and not isinstance(value, Enum):
        yield field


def with_field(value: Any, field: Field, change: Change, inside: bool = False) -> Any:
    """A copy of a value in which the texts of one field are changed."""
    if isinstance(value, Model):
        names = type(value).model_fields
        kind = type(value).__name__
        return value.model_copy(
            update={name: with_field(getattr(value, name), field, change, (kind, name) == field) for name in names}
        )
    if isinstance(value, tuple | list):
        return type(value)(with_field(each, field, change, inside) for each in value)
    if isinstance(value, dict):
        return {
            with_field(key, field, change, inside): with_field(each, field, change, inside)
            for key, each in value.items()
        }
    return change(value) if inside and isinstance(value, str) and not isinstance(value, Enum) else value


def _observations(one: object) -> list[Any]:
    results = one.all if isinstance(one, Every) else (one,)
    return [each.observation for each in results if isinstance(each, SubjectResult) and each.observation is not None]


def _hostile_input(one: object, field: Field) -> object:
    if isinstance(one, Every):
        return Every([_hostile_input(each, field) for each in one.all])  # type: ignore[misc]  # all are results
    if isinstance(one, SubjectResult) and one.observation is not None:
        return SubjectResult(one.subject, with_field(one.observation, field, before(HOSTILE_VALUE)))
    return one


@pytest.mark.parametrize("plugin", PLUGINS)
def test_no_check_passes_markup_on(plugin: str) -> None:
    """With any field of an observation hostile, what the check says is inert in every format and on the terminal."""
    said: dict[tuple[str, Field], Message] = {}
    with Clock.of(60) as clock:
        for case in cases(plugin, ROOT / "tests" / "plugins" / plugin):
            for field in sorted({each for one in case.inputs for each in text_fields(_observations(one))}):
                inputs = tuple(_hostile_input(each, field) for each in case.inputs)
                verdict = _run_check(case.check, inputs, case.options, clock)
                said.setdefault((verdict.message.id, field), verdict.message)
    words = [str(each.values) for each in said.values()]
    assert any("::error::" in each for each in words) or plugin in QUIET
    _assert_rendered_inert(plugin, list(said.values()))


def _assert_rendered_inert(plugin: str, messages: Sequence[Message]) -> None:
    """Findings with these messages are rendered in every format without a hidden character."""
    view = specimens.view()
    template = next(each for each in view.assessment.findings if each.outcome is Outcome.FAIL)
    findings = tuple(template.model_copy(update={"message": each}) for each in messages)
    hostile = replace(view, assessment=view.assessment.model_copy(update={"findings": findings}), translators={})
    translator = hostile.translator(Language.VI)
    for each in messages:
        assert_inert(translator.template(each, plugin), 0)
    for renderer in FORMATS.values():
        assert not hidden(text_of(renderer.render([hostile], Language.VI)))
    written = WrittenAssessment(hostile, Path("out"))
    for _, line in InspectionSummary.of(written, ExitRule(Threshold("info")), verbose=True).lines:
        assert_inert(line, 0)
