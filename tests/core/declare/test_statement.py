"""Statements are shown with verdicts; only decisions of the inspecting side have an effect, never on outcomes."""

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inspector.declare.statement import EXCUSING, Decision, Statement, StatementKind, apply, load
from inspector.model.errors import InputFileError
from inspector.model.finding import Finding, Force, Obligation, Severity
from inspector.model.verdict import Message, Outcome

AT = datetime(2026, 11, 1, tzinfo=UTC)
SUBJECT = "https://a.vn/"


def finding(outcome: Outcome = Outcome.FAIL) -> Finding:
    """A finding of requirement ``r`` on ``https://a.vn/``."""
    return Finding(
        id="f" * 16,
        system="portal",
        subject=SUBJECT,
        requirement="r",
        check="c",
        outcome=outcome,
        obligation=Obligation.MUST,
        force=Force.BINDING,
        severity=Severity.HIGH,
        message=Message(id="m"),
    )


def statement(kind: StatementKind, decision: Decision = Decision.CLAIMED, **more: object) -> Statement:
    """A statement about that finding, decided by the inspector B when it is decided."""
    about = {
        "kind": kind,
        "system": "portal",
        "requirement": "r",
        "subject": SUBJECT,
        "reason": "x",
        "author": "A",
        "decision": decision,
    }
    signed = {} if decision is Decision.CLAIMED else {"decided_by": "B"}
    return Statement.model_validate({**about, **signed, **more})


# --- Their effect ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize(("kind", "decision"), list(itertools.product(StatementKind, Decision)))
def test_no_statement_changes_what_was_found(kind: StatementKind, decision: Decision, outcome: Outcome) -> None:
    """A statement changes only ``statements`` and ``excused`` of a finding."""
    before = finding(outcome)
    after = apply(before, (statement(kind, decision),), AT)
    assert after.model_copy(update={"statements": (), "excused": False}) == before
    assert [(note.kind, note.decision, note.author) for note in after.statements] == [(kind, decision, "A")]


@pytest.mark.parametrize("kind", list(StatementKind))
@pytest.mark.parametrize("decision", [Decision.CLAIMED, Decision.REFUSED])
def test_what_is_not_accepted_excuses_nothing(kind: StatementKind, decision: Decision) -> None:
    """A claim and a refusal do not change the exit code."""
    assert not apply(finding(), (statement(kind, decision),), AT).excused


@pytest.mark.parametrize("kind", list(StatementKind))
def test_what_is_accepted_excuses_by_its_kind(kind: StatementKind) -> None:
    """An equivalent measure, an accepted risk and an inherited measure excuse; a plan and a dispute do not."""
    assert apply(finding(), (statement(kind, Decision.ACCEPTED),), AT).excused == (kind in EXCUSING)
    assert {kind for kind in StatementKind if kind not in EXCUSING} == {
        StatementKind.REMEDIATION_PLANNED,
        StatementKind.DISPUTED,
    }


@pytest.mark.parametrize(("days", "is_excused"), [(1, True), (0, True), (-1, False)])
def test_an_excuse_ends_on_its_date(days: int, is_excused: bool) -> None:
    """An accepted statement excuses until its instant, included; afterwards it is only shown."""
    accepted = statement(StatementKind.ACCEPTED_RISK, Decision.ACCEPTED, until=AT + timedelta(days))
    after = apply(finding(), (accepted,), AT)
    assert after.excused is is_excused
    assert len(after.statements) == 1


def test_a_refusal_does_not_undo_an_acceptance_of_something_else() -> None:
    """Each statement has its own decision; all are shown, in their order."""
    both = (
        statement(StatementKind.DISPUTED, Decision.REFUSED),
        statement(StatementKind.INHERITED, Decision.ACCEPTED),
    )
    after = apply(finding(), both, AT)
    assert after.excused
    assert [note.decision for note in after.statements] == ["refused", "accepted"]


@pytest.mark.parametrize(
    "about",
    [
        {"requirement": "r", "subject": "https://b.vn/"},
        {"requirement": "other", "subject": SUBJECT},
        {"requirement": None, "subject": None, "finding": "e" * 16},
    ],
)
def test_a_statement_about_something_else_does_nothing(about: dict[str, str | None]) -> None:
    """Another subject, requirement or finding id is not this one."""
    other = statement(StatementKind.ACCEPTED_RISK, Decision.ACCEPTED, **about)
    assert apply(finding(), (other,), AT) == finding()


@pytest.mark.parametrize("about", [{"requirement": None, "subject": None, "finding": "f" * 16}, {"subject": "system:"}])
def test_a_statement_about_one_system_excuses_no_other(about: dict[str, str | None]) -> None:
    """A finding about a whole system has the same id in every system."""
    accepted = statement(StatementKind.ACCEPTED_RISK, Decision.ACCEPTED, **about)
    ours = finding().model_copy(update={"subject": "system:"})
    theirs = ours.model_copy(update={"system": "intranet"})
    assert apply(ours, (accepted,), AT).excused
    assert apply(theirs, (accepted,), AT) == theirs


def test_a_statement_may_name_a_finding_by_its_id() -> None:
    """A finding id identifies the finding."""
    named = statement(StatementKind.ACCEPTED_RISK, Decision.ACCEPTED, requirement=None, subject=None, finding="f" * 16)
    assert apply(finding(), (named,), AT).excused


# --- The file -------------------------------------------------------------------------------------------------------

ACCEPTED = """\
statements:
  - kind: accepted-risk
    system: portal
    finding: ffff
    reason: lý do
    author: Nguyễn Văn A
    until: 2027-01-01T00:00:00+07:00
    decision: accepted
    decided_by: Trần Thị B
"""


def write(folder: Path, text: str) -> Path:
    """The path of a file with this text."""
    path = folder / "s.yaml"
    path.write_text(text)
    return path


def test_who_is_inspected_cannot_pardon_itself(tmp_path: Path) -> None:
    """In a document that the inspecting side did not open as its own, no decision counts, and a warning says so."""
    path = write(tmp_path, ACCEPTED)
    [found], [warning] = load(path)
    assert (found.decision, found.decided_by) == (Decision.CLAIMED, None)
    assert str(warning) == (
        f"{path}:9:17: accepted by 'Trần Thị B' does not count and is treated as claimed; "
        "decisions count only in a document of the inspecting side, by persons named in its settings"
    )


def test_a_decision_by_somebody_unknown_does_not_count(tmp_path: Path) -> None:
    """In the inspecting side's own document, only those decide whom its settings name."""
    path = write(tmp_path, ACCEPTED.replace("accepted\n", "refused\n"))
    [found], [warning] = load(path, inspecting=["Lê C"])
    assert found.decision is Decision.CLAIMED
    assert str(warning) == (
        f"{path}:9:17: refused by 'Trần Thị B' does not count and is treated as claimed; "
        "if this person belongs to the inspecting side, add the name to inspectors in the settings"
    )


@pytest.mark.parametrize("name", ["Trần Thị B", "Tra\u0302\u0300n Thi\u0323  B"])
def test_a_decision_by_an_inspector_counts(tmp_path: Path, name: str) -> None:
    """A named inspector's decision is kept, however its letters are composed."""
    [found], warnings = load(write(tmp_path, ACCEPTED), inspecting=["Lê C", name])
    assert (found.decision, found.decided_by, warnings) == (Decision.ACCEPTED, "Trần Thị B", ())


def test_authors_do_not_decide_about_their_own_statements(tmp_path: Path) -> None:
    """An inspector's own statement must be accepted by another person."""
    path = write(tmp_path, ACCEPTED.replace("Trần Thị B", "Nguyễn Văn A"))
    [found], [warning] = load(path, inspecting=["Nguyễn Văn A"])
    assert found.decision is Decision.CLAIMED
    assert warning.remedy == "let another person of the inspecting side decide, not the author"


def test_a_statement_about_a_system_that_is_not_declared_is_an_error(tmp_path: Path) -> None:
    """A mistyped system must not leave a decision without effect."""
    path = write(tmp_path, ACCEPTED)
    assert load(path, systems=["portal", "intranet"])
    with pytest.raises(InputFileError, match=r"s.yaml:3:13: system 'portal' is not declared; did you mean 'portals'\?"):
        load(path, systems=["portals"])


def test_claims_are_kept_as_claimed(tmp_path: Path) -> None:
    """A claim needs no inspector, and gives no warning."""
    about = "system: portal, requirement: r, subject: 'https://a.vn/'"
    text = f"statements: [{{kind: disputed, {about}, reason: x, author: A}}]\n"
    [found], warnings = load(write(tmp_path, text))
    assert (found.kind, found.decision, warnings) == (StatementKind.DISPUTED, Decision.CLAIMED, ())


@pytest.mark.parametrize(
    ("old", "new", "diagnostic"),
    [
        (
            "finding: ffff",
            "",
            "s.yaml:2:5: the statement must name exactly one finding; name either finding, or requirement ",
        ),
        (
            "finding: ffff",
            "finding: f\n    requirement: r",
            "s.yaml:2:5: the statement must name exactly one finding; name ",
        ),
        ("finding: ffff", "requirement: r", "s.yaml:2:5: a requirement is named without its subject; add subject: URI"),
        ("decided_by: Trần Thị B", "", "s.yaml:2:5: the decision has no author; add decided_by: NAME, someone of the "),
        ("system: portal", "", "s.yaml:2:5: system is missing; add system: …"),
        ("author: Nguyễn Văn A", "", "s.yaml:2:5: author is missing; add author: …"),
        ("author: Nguyễn Văn A", "author: ''", "s.yaml:6:13: author is empty; write it out"),
        ("reason: lý do", "reason: 12", "s.yaml:5:13: reason is 12, not text; put it in quotes"),
        ("kind: accepted-risk", "kind: pardon", "s.yaml:2:11: kind is 'pardon'; write 'equivalent-measure', "),
        (
            "decision: accepted",
            "decision: approved",
            "s.yaml:8:15: decision is 'approved'; write 'claimed', 'accepted' ",
        ),
        ("+07:00", "", "s.yaml:7:12: until is '2027-01-01T00:00:00', without a time zone; write an instant with its "),
        ("decision:", "decison:", "s.yaml:8:5: unknown key 'decison'; did you mean 'decision'?"),
    ],
)
def test_a_diagnostic_is_located(tmp_path: Path, old: str, new: str, diagnostic: str) -> None:
    """Each diagnostic has line and column, and says what to write."""
    path = write(tmp_path, ACCEPTED.replace(old, new))
    with pytest.raises(InputFileError) as caught:
        load(path)
    [found] = [str(each).replace(str(path), path.name) for each in caught.value.diagnostics]
    assert found.startswith(diagnostic)
