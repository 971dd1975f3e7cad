"""What is printed of assessments fits a small terminal, has the worst first, and says why the exit code is so."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from inspector.cli.arguments import RunArguments
from inspector.cli.exit_code import ExitRule, Threshold
from inspector.cli.summary import STYLES, InspectionSummary, print_summary, reason, summary_lines, verdict
from inspector.cli.terminal import Styled, cut
from inspector.compare.baseline import Baseline
from inspector.model.base import Cause
from inspector.model.finding import Finding, Force, Obligation, Severity
from inspector.model.language import Language
from inspector.model.table import Table
from inspector.model.verdict import Message, Outcome
from inspector.pipeline.reporting import WrittenAssessment
from inspector.report.view import View
from inspector_reports import overview
from tests.reports import examples


def finding(number: int, outcome: Outcome = Outcome.FAIL, severity: str = "high", **update: object) -> Finding:
    """One finding; each number has a requirement and a check of its own."""
    made = Finding(
        id=f"{number:032x}",
        system="portal",
        subject=f"https://host-{number}.example.vn:8443",
        address="192.0.2.1",
        requirement=f"r-{number}",
        check=f"c-{number}",
        outcome=outcome,
        obligation=Obligation.SHOULD,
        force=Force.BASELINE,
        severity=Severity(severity),
        message=Message(id="accepts {measured}", values={"measured": ("TLS_WITH_A_LONG_NAME",) * 30}),
    )
    return made.model_copy(update=update)


def must(number: int, outcome: Outcome = Outcome.FAIL, severity: str = "medium", **update: object) -> Finding:
    return finding(number, outcome, severity, obligation=Obligation.MUST, force=Force.BINDING, **update)


def summary(*findings: Finding, fail_on: str | None = "must", system: str = "portal") -> InspectionSummary:
    view: View = examples.view()
    assessment = view.assessment.model_copy(update={"findings": findings})
    inspected = view.inspection.model_copy(update={"system": view.inspection.system.model_copy(update={"id": system})})
    made = replace(view, inspection=inspected, assessment=assessment, translators={})
    folder = Path("out/run") / system / "inspection/assessments/first"
    rule = ExitRule(Threshold(fail_on) if fail_on else None, frozenset())
    return InspectionSummary.of(WrittenAssessment(made, folder), rule, verbose=True)


def printed(*done: InspectionSummary, **given: bool) -> list[str]:
    lines = summary_lines(done, RunArguments(**given), None, ())
    return ["".join(each.text if isinstance(each, Styled) else each for each in line) for line in lines]


@pytest.fixture(autouse=True)
def small_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")


MANY = [finding(number) for number in range(30)] + [must(number) for number in range(30, 40)]
UNSEEN = [must(number, Outcome.INCONCLUSIVE, cause=Cause.TIMEOUT) for number in range(50, 70)]


@pytest.mark.parametrize("systems", [1, 2, 3, 50])
@pytest.mark.parametrize("findings", [MANY, MANY + UNSEEN, UNSEEN, MANY[:1], MANY[:4], []])
def test_it_fits_a_terminal_of_80_columns_and_24_lines(systems: int, findings: list[Finding]) -> None:
    """However much fails in however many systems, two lines are left for the command and the next prompt."""
    done = [summary(*findings, system=f"system-{number}") for number in range(systems)]
    lines = printed(*done)
    assert sum(max(1, -(-len(line) // 80)) for line in lines) <= 22
    assert [
        line for line in lines if len(line) > 80 and not line.startswith(("Report: ", "Begin with", "Write the"))
    ] == []


def _heads(lines: list[str]) -> list[str]:
    heads = (line.partition(":")[0] for line in lines)
    return [head for head in heads if head.partition(" ")[0].isupper()]


def test_what_must_hold_is_first_and_leaves_places_for_what_is_severe() -> None:
    """Each half by severity, as on page one of a report; the requirements that have no place are a number."""
    found = [finding(1, severity="low"), must(2, severity="medium"), finding(3, severity="medium")]
    found += [finding(4, severity="critical"), *(finding(number) for number in range(5, 10))]
    lines = printed(summary(*found))
    assert _heads(lines) == ["MEDIUM must", "CRITICAL", "HIGH", "HIGH", "HIGH"]
    assert "more failing requirements: 4 (--verbose prints all)" in lines
    assert _heads(printed(summary(*found[:3]))) == ["MEDIUM must", "MEDIUM", "LOW"]
    both = [*(must(number) for number in range(10)), *(finding(number) for number in range(10, 20))]
    assert _heads(printed(summary(*both))) == ["MEDIUM must"] * 3 + ["HIGH"] * 2
    assert _heads(printed(summary(*both[10:]))) == ["HIGH"] * 5


def test_the_numbers_are_those_of_page_one() -> None:
    """Requirements are counted, not findings; information, and what is excused or not yet due, is none of them."""
    again = must(1, severity="high", id="f" * 32, subject="https://other.example.vn")
    found = [must(1, severity="high"), again, finding(2), finding(3, severity="low", force=Force.INFO)]
    found += [must(4, excused=True), must(5, not_yet_due=True), must(6, Outcome.INCONCLUSIVE, cause=Cause.TIMEOUT)]
    made = summary(*found)
    view = replace(examples.view(), assessment=examples.view().assessment.model_copy(update={"findings": tuple(found)}))
    problems = overview.problems(view, Language.EN)
    assert overview.conclusion(view, problems, Language.EN).sentence == "2 requirements fail, 1 of them mandatory."
    assert "failing requirements: 2, 1 of them must (2 high); undecided: 1; exit code 1" in verdict(made)
    assert "requirements that fail by --fail-on must: 1;" in verdict(made)


def test_information_that_counts_is_told() -> None:
    """With ``--fail-on info`` it decides the exit code, and is printed."""
    made = summary(finding(1, severity="info", force=Force.INFO), fail_on="info")
    assert "no requirement fails, apart from information" in verdict(made)
    assert _heads(printed(made)) == ["INFO"]


def test_failures_that_do_not_count_come_last_and_say_so() -> None:
    """What is excused or not yet due stands after what counts, however severe, and apart from it."""
    excused = finding(1, severity="critical", excused=True)
    again = finding(2, requirement="r-1", check="c-1", severity="low")
    lines = printed(summary(excused, again, must(3, not_yet_due=True), finding(4, severity="low")))
    assert _heads(lines) == ["LOW", "LOW", "MEDIUM must (not yet due)", "CRITICAL (excused)"]
    whole = summary(excused).lines
    assert [line.partition(":")[0] for _, line in whole] == ["improvement recommended, excused"]


def test_what_two_rows_say_alike_is_printed_once() -> None:
    """The worse one is printed; the verdict counts both."""
    same = {"check": "c-1", "requirement": "r-1", "subject": "https://www.example.vn"}
    lines = printed(summary(finding(1, severity="medium", **same), finding(2, severity="low", **same)))
    assert sum("Accepts" in line for line in lines) == 1
    assert any(line.startswith("MEDIUM: Accepts") for line in lines)
    assert "failing requirements: 1 (1 medium)" in lines[0]


def test_ways_in_for_ransomware_come_first_among_equals() -> None:
    """Of failures that are as severe, those of requirements with the tag are printed first."""
    row = examples.ROWS[0]
    tagged = row.model_copy(update={"id": "r-9", "tags": ("ransomware",)})
    view: View = examples.view()
    found = tuple(finding(number) for number in range(1, 10))
    assessment = view.assessment.model_copy(update={"findings": found, "requirements": (tagged,)})
    written = WrittenAssessment(replace(view, assessment=assessment, translators={}), Path("out/r/s/i/a/first"))
    made = InspectionSummary.of(written, ExitRule(Threshold("must"), frozenset()))
    assert made.failures[0].check == "c-9"


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ((Outcome.FAIL,), "Ransomware: exposed: RDP without NLA; undecided: file sharing (SMB), rem"),
        ((Outcome.PASS,), "Ransomware: undecided: file sharing (SMB), remote administration and 5 more"),
        ((Outcome.INCONCLUSIVE,), ""),
        ((), ""),
    ],
)
def test_the_exposure_to_ransomware_is_told_in_two_lines(outcomes: tuple[Outcome, ...], said: str) -> None:
    """What is open comes first, then what is undecided; where nothing was seen of any way in, there is none.

    Of several systems it says in how many not every way in is decided. Nothing is cut.
    """
    tagged = examples.ROWS[0].model_copy(update={"id": "r-1", "tags": ("ransomware", "ransomware-rdp")})
    view: View = examples.view()
    found = tuple(finding(1, each) for each in outcomes)
    coverage = view.assessment.coverage.model_copy(update={"limits": ()})
    assessment = view.assessment.model_copy(update={"findings": found, "requirements": (tagged,), "coverage": coverage})
    written = WrittenAssessment(replace(view, assessment=assessment, translators={}), Path("out/r/s/i/a/first"))
    made = InspectionSummary.of(written, ExitRule(Threshold("must"), frozenset()))
    lines = [each for each in printed(made) if each.startswith("Ransomware")]
    assert [each[: len(said)] for each in lines] == ([said] if said else [])
    two = [each for each in printed(made, made) if each.startswith("Ransomware")]
    assert ["; undecided: 2" in each for each in two] == ([True] if said else [])
    assert not any("…" in each for each in (*lines, *two))


@pytest.mark.parametrize(("cause", "told"), [(Cause.STALE_TABLE, True), (Cause.NOT_STATED, False)])
def test_a_table_by_which_nothing_passed_is_named(cause: Cause, told: bool) -> None:
    """Where its age decided a finding, the terminal says of which day it is; elsewhere its age does not matter."""
    view: View = examples.view()
    table = Table(kind="recalled/1", dated=date(2020, 2, 1), source="a test", stale_after_days=30, entries=())
    found = (finding(1, Outcome.INCONCLUSIVE, cause=cause),)
    coverage = view.assessment.coverage.model_copy(update={"limits": ()})
    update = {"findings": found, "tables": (table,), "coverage": coverage}
    written = WrittenAssessment(
        replace(view, assessment=view.assessment.model_copy(update=update), translators={}), Path("out/r/s/i/a/first")
    )
    made = InspectionSummary.of(written, ExitRule(Threshold("must"), frozenset()))
    assert any("the table recalled is of" in each and "2020" in each for each in made.limits) is told


def test_a_failure_is_told_as_one_with_its_place_and_remedy() -> None:
    """The message of the check comes first, then the place and the claim that is not met."""
    same = must(1, message=Message(id="the certificate expired on {measured}", values={"measured": "Monday"}))
    lines = printed(summary(same, same.model_copy(update={"subject": "https://b.example.vn", "id": "b" * 32})))
    at = lines.index("MEDIUM must: The certificate expired on Monday (in 2 places)")
    assert lines[at + 1] == "  https://b.example.vn and 1 more; not met: r-1"


def test_what_one_place_shows_is_not_said_of_the_others() -> None:
    """The message is of the first place; where the others have another one, only that they fail alike is said."""
    first = must(1, message=Message(id="open: {measured}", values={"measured": "8000/tcp"}))
    other = first.model_copy(update={"subject": "https://z.example.vn", "id": "b" * 32})
    other = other.model_copy(update={"message": Message(id="open: {measured}", values={"measured": "5432/tcp"})})
    assert "MEDIUM must: Open: 8000/tcp (similar: 1 more)" in printed(summary(first, other))
    both = printed(summary(first, system="a"), summary(other, system="b"), summary(first, system="c"))
    assert "MEDIUM must: Open: 8000/tcp (similar: 2 more)" in both


@pytest.mark.parametrize(
    ("findings", "fail_on", "said"),
    [
        (
            [must(1)],
            "must",
            "1, 1 of them must (1 medium); none undecided; exit code 1: requirements that fail by --fail-on must: 1",
        ),
        (
            [finding(1)],
            "must",
            "exit code 0: no requirement fails by --fail-on must; failing, but not counted: 1 high",
        ),
        ([finding(1)], "high", "exit code 1: requirements that fail by --fail-on high: 1"),
        (
            [must(1, Outcome.INCONCLUSIVE, cause=Cause.TIMEOUT)],
            "must",
            "no requirement fails; undecided: 1; exit code 3: requirements undecided by --fail-on must: 1",
        ),
        ([must(1, excused=True)], "must", "failing, but not counted: 1 excused by an accepted statement"),
        ([must(1, not_yet_due=True)], "must", "failing, but not counted: 1 not yet due"),
    ],
)
def test_the_verdict_says_why_the_exit_code_is_what_it_is(findings: list[Finding], fail_on: str, said: str) -> None:
    """In one sentence, with what fails and does not count."""
    assert said in verdict(summary(*findings, fail_on=fail_on))


def test_what_is_spared_is_counted_like_what_fails() -> None:
    """Information that is known from a baseline is no failing requirement, and none that does not count."""
    found = [must(1), finding(2, severity="low"), finding(3, severity="low", force=Force.INFO)]
    view = examples.view()
    made = replace(view, assessment=view.assessment.model_copy(update={"findings": tuple(found)}), translators={})
    known = Baseline.of(found)
    said = reason(ExitRule(Threshold("must"), known).reckon(made))
    assert said == "no requirement fails by --fail-on must; failing, but not counted: 2 known from the baseline"


def _timeout(number: int, **update: object) -> Finding:
    message = Message(id="no observation: {cause}", values={"cause": "timeout"})
    return must(number, Outcome.INCONCLUSIVE, cause=Cause.TIMEOUT, message=message, **update)


def test_what_counts_and_was_not_seen_is_listed_with_its_cause() -> None:
    """Requirements that share subject and cause are one line, the cause first, with their claims."""
    lines = printed(summary(*(_timeout(number, subject="https://a.example.vn") for number in range(5))))
    at = lines.index("Undecided:")
    told = " ".join(line.strip() for line in lines[at + 1 : at + 3])
    assert told == "no observation: no answer in time: https://a.example.vn [192.0.2.1] (r-0, r-1, r-2 and 2 more)"


def test_an_address_that_is_the_subject_is_written_once() -> None:
    """A host that is declared by its address needs no second mention."""
    lines = printed(summary(_timeout(1, subject="host:192.0.2.1", address="192.0.2.1")))
    assert "  no observation: no answer in time: host:192.0.2.1 (r-1)" in lines


def test_what_the_declaration_leaves_out_is_one_cause() -> None:
    """Mandatory requirements without a declared fact are listed together, after what counts."""
    stated = [
        must(
            number,
            Outcome.INCONCLUSIVE,
            subject="system:",
            address=None,
            cause=Cause.NOT_STATED,
            message=Message(id=f"m{number}"),
        )
        for number in range(4)
    ]
    lines = printed(summary(*stated, _timeout(9)))
    at = lines.index("Undecided:")
    assert lines[at + 1].startswith("  no observation")
    assert "  not stated in the declaration (4 requirements)" in lines[at + 2 :]


def test_many_causes_hide_no_limit_of_the_vantage() -> None:
    """That nmap is missing is said beside the first cause, in one line, and once where all systems say it."""
    limit = "nmap was not found on this host, so that no ports are scanned of these addresses; install it: 192.0.2.1"
    causes = [_timeout(number, subject=f"https://host-{number}.example.vn") for number in range(30)]
    made = replace(summary(*causes, *MANY), limits=(limit,), unresolved=("a.vn, b.vn and 34 more: no address",))
    lines = printed(made)
    at = lines.index("Undecided:")
    assert lines[at + 1] == "  a.vn, b.vn and 34 more: no address"
    assert "host-" in " ".join(lines[at + 2 : at + 4])
    assert sum(line.startswith("  nmap was not found") for line in lines) == 1
    others = [replace(made, system=f"system-{number}", unresolved=()) for number in range(3)]
    assert sum(line.startswith("  nmap was not found") for line in printed(*others)) == 1
    (one_has_it,) = [line for line in printed(others[0], replace(others[1], limits=())) if "nmap" in line]
    assert one_has_it.startswith("  system-0: nmap was not found")


@pytest.mark.parametrize(("columns", "system", "lines"), [(80, "cua-hang", 1), (80, "s" * 60, 2), (40, "cua-hang", 3)])
def test_the_numbers_of_several_systems_are_not_cut(
    columns: int, system: str, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count of what is undecided stands with its system, however long the id is, and on a narrow terminal."""
    monkeypatch.setenv("COLUMNS", str(columns))
    told = printed(summary(*MANY, *UNSEEN, system=system), summary(must(1), system="other"))
    assert "undecided: 20" in " ".join(each.strip() for each in told[:lines])


def test_verbose_has_a_line_for_every_finding_and_summary_one_for_each_system() -> None:
    """Neither leaves out the exit code; --summary prints nothing else."""
    made = summary(*MANY, *UNSEEN, finding(90, Outcome.PASS))
    lines = printed(made, verbose=True)
    assert sum(" – " in line for line in lines) == len(MANY) + len(UNSEEN) + 1
    assert any("TLS_WITH_A_LONG_NAME, " * 20 in line for line in lines)
    assert printed(made, made, summary=True) == [verdict(made)] * 2


def test_a_folder_without_reports_is_not_said_to_have_some() -> None:
    """Of many systems no report is written unless asked for: how to write one is said instead."""
    lines = printed(*(summary(must(1), system=f"s-{number}") for number in range(12)))
    assert any(line.startswith("Bundles: ") for line in lines)
    assert any(line.startswith("Write the report of a system: inspector report ") for line in lines)


def test_severity_has_a_colour_on_a_terminal_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """The word is there with and without it."""
    lines = summary_lines([summary(finding(1))], RunArguments(), None, ())
    styles = [part.style for line in lines for part in line if isinstance(part, Styled) and part.text == "HIGH"]
    assert styles == [STYLES[Severity.HIGH]]
    print_summary([summary(finding(1))], RunArguments())
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "HIGH" in out


def test_systems_that_were_not_inspected_are_named_with_the_reason() -> None:
    """Those with one reason are one line, which is not cut; the exit code of all stands last."""
    missed = [(f"s-{number}", "the name was not resolved") for number in range(7)]
    lines = summary_lines([summary(must(1))], RunArguments(), 2, missed)
    texts = ["".join(each.text if isinstance(each, Styled) else each for each in line) for line in lines]
    at = texts.index("Not inspected: 7 of 8 systems")
    assert texts[at + 1] == "  s-0, s-1, s-2 and 4 more: the name was not resolved"
    assert texts[-1] == "exit code 2: systems that fail by --fail-on must: 1; systems not inspected: 7"


def test_reasons_why_systems_were_not_inspected_are_not_cut() -> None:
    """One or two reasons have two lines each."""
    why = (
        "the authorisation QĐ-45-2026 is not valid before 2027-01-01T00:00:00+07:00, and no other one covers the system"
    )
    lines = summary_lines([summary(must(1))], RunArguments(), 2, [("s-1", why)])
    texts = ["".join(each.text if isinstance(each, Styled) else each for each in line) for line in lines]
    at = texts.index("Not inspected: 1 of 2 systems")
    assert " ".join(line.strip() for line in texts[at + 1 : at + 3]) == f"s-1: {why}"


@pytest.mark.parametrize(
    ("text", "columns", "shown"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("漢字", 3, "漢…"), ("à" * 4, 4, "à" * 4)]
)
def test_a_text_is_cut_to_its_columns(text: str, columns: int, shown: str) -> None:
    """Wide characters count twice, combining ones not at all."""
    assert cut(text, columns) == shown
